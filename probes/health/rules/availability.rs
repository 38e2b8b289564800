//! Whether the service answers, and says by status and body that it is up.

use jiff::Timestamp;

use super::{Evidence, answered, looks};
use crate::health::look::Look;
use crate::health::vocabulary::Level;
use crate::health::{Health, grpc};
use crate::reach;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::{excerpt, list};

pub(super) const UNREACHABLE: Rule<Health> = Rule {
    about: About {
        id: "health.unreachable",
        severity: Severity::Critical,
        title: "the health endpoint cannot be reached",
        why: "Either the whole service is gone, or nobody can tell whether it is.",
        fix: "See that the process runs, that DNS, firewalls and load balancers lead to it, and that its certificate verifies.",
        references: &["RFC 9110 section 3.3"],
    },
    check: unreachable,
};

fn unreachable(_: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let saw: Vec<Saw> = looks(seen)
        .filter_map(|(subject, look)| Some(reach::unreachable(look.exchange())?.on(subject)))
        .collect();
    saw.into()
}

pub(super) const TIMEOUT: Rule<Health> = Rule {
    about: About {
        id: "health.timeout",
        severity: Severity::Critical,
        title: "the health endpoint does not answer in time",
        why: "An orchestrator takes silence for death, and restarts or drains the service.",
        fix: "Look at the phase that is named. A health handler that waits for its dependencies needs a timeout of its own, shorter than its caller's.",
        references: &[],
    },
    check: timed_out,
};

fn timed_out(_: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let saw: Vec<Saw> = looks(seen)
        .filter_map(|(subject, look)| Some(reach::timed_out(look.exchange())?.on(subject)))
        .collect();
    saw.into()
}

pub(super) const DOWN: Rule<Health> = Rule {
    about: About {
        id: "health.down",
        severity: Severity::Critical,
        title: "the service says that it is down",
        why: "Load balancers take it out of rotation or restart it, and users get errors.",
        fix: "Mend the component that is named; its own logs say more than a health endpoint should.",
        references: &[
            "draft-inadarei-api-health-check-06 section 3",
            "Kubernetes: liveness, readiness and startup probes",
        ],
    },
    check: down,
};

fn down(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let status = look.status()?;
        let accepted = health.accepted.contains(status);
        let says_down = look.reading().level() == Some(Level::Down);
        ((status >= 500 && !accepted) || (says_down && accepted) || reports_down(look)).then(|| {
            match look.grpc {
                Some(_) => Saw::new(claim(look), SERVING),
                None => Saw::new(claim(look), format!("{} and {SAYS_UP}", health.accepted)),
            }
        })
    })
}

const SAYS_UP: &str = "a body that says up";
const SERVING: &str = "SERVING";

/// What a claim should be.
pub(super) fn wanted(look: &Look) -> &'static str {
    if look.grpc.is_some() { SERVING } else { SAYS_UP }
}

/// Whether the body is a health report that says down. The health draft lets it come with any
/// status from 400 on; the body of any other error names no components.
fn reports_down(look: &Look) -> bool {
    let reading = look.reading();
    reading.level() == Some(Level::Down) && reading.claims() && !reading.components.is_empty()
}

/// What an answer claims, in a line: `503, the body says "error", database down`, `NOT_SERVING`.
pub(super) fn claim(look: &Look) -> String {
    let mut parts = Vec::new();
    let reading = look.reading();
    // Whatever gRPC has to say, it says under the status 200.
    if let (Some(_), Some(stated)) = (&look.grpc, &reading.aggregate) {
        return stated.word.clone();
    }
    if let Some(answer) = look.answer() {
        parts.push(answer.status.to_string());
    }
    if let Some(stated) = &reading.aggregate {
        parts.push(format!("the body says {:?}", excerpt(&stated.word, 40)));
    }
    let down: Vec<String> = reading
        .components
        .iter()
        .filter(|(_, component)| component.level == Some(Level::Down))
        .map(|(name, _)| name.clone())
        .take(5)
        .collect();
    if !down.is_empty() {
        parts.push(format!("{} down", list(&down)));
    }
    parts.join(", ")
}

pub(super) const STATUS_UNEXPECTED: Rule<Health> = Rule {
    about: About {
        id: "health.status-unexpected",
        severity: Severity::High,
        title: "the health endpoint answers with a status that says nothing about health",
        why: "A 404, 401 or redirect makes every orchestrator take the service for dead, while it may be well.",
        fix: "See that the path is right and open to the prober, or state the right codes in `status`. Over gRPC, register the health service, and the name that is asked for.",
        references: &[
            "Kubernetes: HTTP probes",
            "RFC 9110 section 15",
            "gRPC Health Checking Protocol",
        ],
    },
    check: status_unexpected,
};

fn status_unexpected(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let answer = look.answer()?;
        let status = look.status()?;
        // Errors of the server are `down`, and refusals for haste are `rate-limited`.
        let known = health.accepted.contains(status)
            || status >= 500
            || status == 429
            || reports_down(look);
        if known {
            return None;
        }
        let Some(service) = look.grpc.as_ref().filter(|_| look.reading().aggregate.is_some())
        else {
            let saw = format!("{status} from {}", look.path);
            return Some(Saw::new(saw, health.accepted.to_string()));
        };
        let saw = match grpc::meaning(answer, service) {
            Some(meaning) => format!("{}: {meaning}", claim(look)),
            None => claim(look),
        };
        Some(Saw::new(saw, SERVING))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{failed, holds, html, json as body, status, text};
    use crate::net::body::BodyEnd;
    use crate::net::failure::FailureKind::{
        Closed, NameUnknown, NotTls, Protocol, Refused, Reset, Timeout, Untrusted,
    };
    use crate::net::phase::Phase::{Connect, Processing, Resolve, Tls};
    use crate::net::redirect::Stop;

    #[test]
    fn what_gives_no_answer_is_unreachable_or_late() {
        for (phase, kind) in [
            (Resolve, NameUnknown),
            (Connect, Refused),
            (Tls, Untrusted),
            (Tls, NotTls),
            (Processing, Reset),
            (Processing, Closed),
            (Processing, Protocol),
        ] {
            holds("health.unreachable", vec![("{}", failed(phase, kind), "critical")]);
            holds("health.timeout", vec![("{}", failed(phase, kind), "")]);
        }
        for phase in [Resolve, Connect, Tls, Processing] {
            holds("health.timeout", vec![("{}", failed(phase, Timeout), "critical")]);
            holds("health.unreachable", vec![("{}", failed(phase, Timeout), "")]);
        }
        let broken = || BodyEnd::Broken("x".to_owned());
        holds(
            "health.timeout",
            vec![
                ("{}", status(200).ending(broken(), Some(Timeout)), "critical"),
                ("{}", status(200).ending(broken(), Some(Reset)), ""),
                ("{}", status(200).live(failed(Connect, Timeout)), "critical /live"),
                ("{}", status(503), ""),
            ],
        );
        holds(
            "health.unreachable",
            vec![
                ("{}", status(200).ending(broken(), Some(Reset)), ""),
                ("{}", status(200).live(failed(Connect, Refused)), "critical /live"),
                ("{}", status(500), ""),
            ],
        );
    }

    #[test]
    fn down_is_an_error_of_the_server_or_a_body_that_says_so() {
        let part = json!({"status": "fail", "checks": {"db": "down"}});
        let said = json!({"status": "error", "message": "not found"});
        holds(
            "health.down",
            vec![
                ("{}", status(500), "critical"),
                ("{}", status(503), "critical"),
                ("{}", html(502, "<html>bad gateway</html>"), "critical"),
                ("{}", body(503, &json!({"status": "ok"})), "critical"),
                ("{}", text(200, "Unhealthy"), "critical"),
                ("{}", text(200, "Unhealthy: no database"), "critical"),
                ("{}", text(200, "CRITICAL - disk is full"), "critical"),
                ("{}", text(200, "Status: DOWN"), "critical"),
                ("{}", text(200, "health = unhealthy\ndb = ok"), "critical"),
                ("{}", text(200, "status: ok"), ""),
                ("{}", text(200, "status page: down"), ""),
                ("{}", text(200, "Error: none that matters"), ""),
                ("{}", text(200, "down 0, up 3"), ""),
                ("{}", body(200, &json!({"status": "DOWN"})), "critical"),
                ("{}", body(200, &json!({"status": 503})), "critical"),
                // The health draft lets a failure have any status from 400 on.
                ("{}", body(424, &part), "critical"),
                ("{}", status(200).live(status(503)), "critical /live"),
                (r#"{"status": 503}"#, body(503, &json!({"status": "down"})), "critical"),
                // An error of something else.
                ("{}", body(404, &said), ""),
                ("{}", body(404, &json!({"status": 404, "database": "down"})), ""),
                ("{}", body(401, &json!({"status": "fail"})), ""),
                ("{}", status(429), ""),
                ("{}", status(302), ""),
                (r#"{"status": 503}"#, status(503), ""),
                ("{}", status(200), ""),
                ("{}", text(200, "Degraded"), ""),
                ("{}", body(200, &json!({"status": "ok", "checks": {"db": "down"}})), ""),
                ("{}", failed(Connect, Refused), "untested"),
                ("{}", failed(Connect, Refused).live(status(500)), "critical /live only [/live]"),
                ("{}", status(200).live(failed(Connect, Refused)), "only []"),
            ],
        );
    }

    #[test]
    fn other_statuses_say_nothing_about_health() {
        let part = json!({"status": "fail", "checks": {"db": "down"}});
        let elsewhere = || status(302).stopped(Stop::OtherHost("b.example".to_owned()));
        holds(
            "health.status-unexpected",
            vec![
                ("{}", status(404), "high"),
                ("{}", status(401), "high"),
                ("{}", status(304), "high"),
                ("{}", elsewhere(), "high"),
                ("{}", body(404, &json!({"status": "ok"})), "high"),
                (r#"{"status": 200}"#, status(204), "high"),
                (r#"{"status": [200, 503]}"#, status(500), ""),
                (r#"{"status": "3xx"}"#, elsewhere(), ""),
                ("{}", status(200).live(status(404)), "high /live"),
                ("{}", status(200), ""),
                ("{}", status(204), ""),
                ("{}", status(500), ""),
                ("{}", status(429), ""),
                ("{}", body(424, &part), ""),
                ("{}", failed(Connect, Refused), "untested"),
            ],
        );
    }
}
