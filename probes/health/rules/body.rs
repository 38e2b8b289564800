//! Whether the body can be read, and agrees with the status and with itself.

use jiff::Timestamp;

use super::availability::{claim, wanted};
use super::{Evidence, NO_ANSWER, answered, is_named, is_optional, report};
use crate::health::look::Look;
use crate::health::reading::{Form, Reading};
use crate::health::vocabulary::Level;
use crate::health::{Health, is_broken};
use crate::net::body::BodyEnd;
use crate::reach;
use crate::rule::{About, Looked, Rule, Saw, Tested};
use crate::severity::Severity;
use crate::text::{bytes, excerpt, list};

pub(super) const DEGRADED: Rule<Health> = Rule {
    about: About {
        id: "health.degraded",
        severity: Severity::Medium,
        title: "the service says that it is degraded",
        why: "It still works, but something that it needs is slow or gone, and the next fault may take it down.",
        fix: "Look at the component that is named, before its users notice.",
        references: &["draft-inadarei-api-health-check-06 section 3.1"],
    },
    check: degraded,
};

fn degraded(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    // An answer with an error's status is down, whatever its body calls it.
    let mut looked = answered(seen, |look| {
        let accepted = health.accepted.contains(look.status()?);
        let degraded = matches!(look.reading().level(), Some(Level::Warn | Level::Unknown));
        (accepted && degraded).then(|| Saw::new(claim(look), wanted(look)))
    });
    let Ok(reading) = report(health, seen) else { return looked };
    for (name, component) in &reading.components {
        let optional = is_optional(health, name);
        // Only a component that is counted on must say how it is.
        let declared = health.components.iter().any(|(_, named)| is_named(name, named));
        let unclear =
            declared && !optional && matches!(component.level, None | Some(Level::Unknown));
        if component.level == Some(Level::Warn) || unclear {
            let saw = Saw::new(format!("{:?}", excerpt(&component.word, 40)), "up").on(name);
            looked.saw.push(if optional { saw.graded(Severity::Low) } else { saw });
        }
        if let Tested::Only(subjects) = &mut looked.tested {
            subjects.push(name.clone());
        }
    }
    looked
}

pub(super) const STATUS_CONTRADICTS_BODY: Rule<Health> = Rule {
    about: About {
        id: "health.status-contradicts-body",
        severity: Severity::High,
        title: "the status code and the body contradict each other",
        why: "Orchestrators and load balancers read the status, people and dashboards the body: one of them is misled.",
        fix: "Answer 503 when the body says down, and let the body say down when the answer is 503.",
        references: &["draft-inadarei-api-health-check-06 section 3.1"],
    },
    check: status_contradicts_body,
};

fn status_contradicts_body(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let status = look.answer()?.status;
        // gRPC has one status for everything that it says.
        if look.grpc.is_some() {
            return None;
        }
        let wanted = "a status and a body that agree";
        match look.reading().level()? {
            // Traffic goes on to a service that says that it is down.
            Level::Down if health.accepted.contains(status) => Some(Saw::new(claim(look), wanted)),
            Level::Up if status >= 400 && !health.accepted.contains(status) => {
                Some(Saw::new(claim(look), wanted).graded(Severity::Medium))
            }
            _ => None,
        }
    })
}

pub(super) const AGGREGATE_CONTRADICTS_COMPONENTS: Rule<Health> = Rule {
    about: About {
        id: "health.aggregate-contradicts-components",
        severity: Severity::Medium,
        title: "the overall status and the components contradict each other",
        why: "Whoever reads only the overall status does not learn that a part is down.",
        fix: "Derive the overall status from the components; name those in `optional` that do not count.",
        references: &["draft-inadarei-api-health-check-06 section 4"],
    },
    check: aggregate_contradicts_components,
};

fn aggregate_contradicts_components(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let Some(status) = seen.now.main.status() else { return Looked::untested(NO_ANSWER) };
    // Whatever sends an error's status knows better than the overall status of its body, and a
    // service that shuts down is down with every component up.
    if !health.accepted.contains(status) {
        return Looked::untested("the status code is that of an error");
    }
    let reading = match report(health, seen) {
        Ok(reading) => reading,
        Err(untested) => return untested,
    };
    let down: Vec<String> = reading
        .components
        .iter()
        .filter(|(name, component)| {
            component.level == Some(Level::Down) && !is_optional(health, name)
        })
        .map(|(name, _)| name.clone())
        .take(5)
        .collect();
    let all_up = !reading.components.is_empty()
        && reading.components_dropped == 0
        && reading.components.values().all(|component| component.level == Some(Level::Up));
    match reading.level() {
        Some(Level::Up) if !down.is_empty() => Looked::fired(Saw::new(
            format!("up as a whole, with {} down", list(&down)),
            "an overall status no better than its components",
        )),
        Some(Level::Down) if all_up => Looked::fired(Saw::new(
            "down as a whole, with every component up",
            "a component that says what is down",
        )),
        _ => Looked::silent(),
    }
}

pub(super) const BODY_INVALID: Rule<Health> = Rule {
    about: About {
        id: "health.body-invalid",
        severity: Severity::Medium,
        title: "the body cannot be read as a statement about health",
        why: "Whatever parses it fails or guesses, and a proxy's error page can pass for health.",
        fix: "Answer JSON with a `status` of up or down, or one plain word, under the right content type. Over gRPC, see that HTTP/2 and its trailers come through every proxy to the service itself.",
        references: &["RFC 8259", "draft-inadarei-api-health-check-06 section 3"],
    },
    check: body_invalid,
};

fn body_invalid(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let answer = look.answer()?;
        let status = look.status()?;
        let accepted = health.accepted.contains(status);
        // The body of an answer that is no health answer is nobody's promise.
        if !accepted && status < 500 {
            return None;
        }
        let wanted = match look.grpc {
            Some(_) => "an answer of gRPC's health service",
            None => "JSON with a status, or one word",
        };
        match &answer.body.end {
            BodyEnd::Complete => {}
            // That is `timeout`.
            BodyEnd::Broken(_) if reach::timed_out(look.exchange()).is_some() => return None,
            BodyEnd::Cut => {
                let saw = format!("more than {}", bytes(answer.body.length));
                return Some(Saw::new(saw, "at most 256 KiB"));
            }
            BodyEnd::Broken(why) => {
                let saw = format!("it broke off after {}: {why}", bytes(answer.body.length));
                return Some(Saw::new(saw, "a whole body"));
            }
        }
        unreadable(look, accepted).map(|(saw, severity)| Saw::new(saw, wanted).graded(severity))
    })
}

/// A text of more bytes is no answer of a health endpoint.
const SHORT: usize = 1024;

/// Why a whole body says nothing about health, and how much that matters.
fn unreadable(look: &Look, accepted: bool) -> Option<(String, Severity)> {
    let reading = look.reading();
    if let Some(why) = &reading.invalid {
        if reading.form == Form::Grpc {
            // Every client of gRPC's takes it for a failure.
            return Some((format!("no answer of gRPC's: {why}"), Severity::High));
        }
        return Some((format!("no JSON, though it should be: {why}"), Severity::Medium));
    }
    if !accepted {
        // An error's body need not say more than its status.
        return None;
    }
    if reading.words_down && reading.aggregate.is_none() {
        let text = look.answer().map(|answer| answer.body.text().into_owned()).unwrap_or_default();
        let saw = format!("a text that speaks of trouble: {:?}", excerpt(&text, 80));
        return Some((saw, Severity::Medium));
    }
    let low = |saw: String| Some((saw, Severity::Low));
    match (&reading.aggregate, reading.form) {
        // Where a short text or nothing at all is sent, the status code is the whole answer.
        (_, Form::Empty | Form::Word | Form::Text) => {
            let length = look.answer().map_or(0, |answer| answer.body.length);
            let long = length > SHORT && reading.level().is_none();
            if long { low(format!("{} of text", bytes(length))) } else { None }
        }
        (Some(stated), _) if stated.level.is_none() => {
            low(format!("the status {:?}, which means nothing to us", excerpt(&stated.word, 40)))
        }
        (Some(_), _) => None,
        (None, Form::Json | Form::KubernetesVerbose) => parts(reading).and_then(low),
        (None, Form::Html) => low("a page of HTML that says nothing about health".into()),
        (None, Form::Grpc) => low("no status of gRPC's health service".into()),
        (None, Form::Binary) => low("bytes that are no text".into()),
    }
}

/// Why components without an overall status do not add up to one.
fn parts(reading: &Reading) -> Option<String> {
    let levels = || reading.components.values().map(|component| component.level);
    if reading.components.is_empty() {
        Some("JSON without a status".to_owned())
    } else if !levels().any(|level| level.is_some_and(|level| level != Level::Unknown)) {
        Some("no overall status, and no component that says how it is".to_owned())
    } else {
        let (name, unread) =
            reading.components.iter().find(|(_, component)| component.level.is_none())?;
        let word = excerpt(&unread.word, 40);
        Some(format!("no overall status, and {name} is {word:?}, which means nothing to us"))
    }
}

pub(super) const STUB: Rule<Health> = Rule {
    about: About {
        id: "health.stub",
        severity: Severity::High,
        title: "the health endpoint is not there: something else answers every path",
        why: "A catch-all page or proxy answers 200 whether the service lives or not, so an outage stays green.",
        fix: "Route the path to the service itself, before the catch-all of the single-page application or proxy.",
        references: &[],
    },
    check: stub,
};

fn stub(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let main = &seen.now.main;
    let Some(answer) = main.answer() else { return Looked::untested(NO_ANSWER) };
    // What answers every path speaks no gRPC, which is `body-invalid`.
    if main.grpc.is_some() {
        return Looked::silent();
    }
    if !health.accepted.contains(answer.status) || main.reading().is_structured() {
        return Looked::silent();
    }
    if is_broken(answer) {
        return Looked::untested("the body broke off");
    }
    let Some(sibling) = &seen.now.sibling else {
        return Looked::untested("the comparison with an absent path is made once an hour");
    };
    if !health.accepted.contains(sibling.status) {
        return Looked::silent();
    }
    let reading = main.reading();
    let text = |form| matches!(form, Form::Word | Form::Text);
    let (likeness, severity) = if sibling.same_body {
        ("with the same body", Severity::High)
    } else if reading.level().is_some() {
        if sibling.level != reading.level() {
            return Looked::silent();
        }
        ("and claims the same", Severity::High)
    } else if reading.form == Form::Html && sibling.form == Form::Html {
        ("with a page of HTML too", Severity::High)
    } else if text(reading.form) && text(sibling.form) {
        // Perhaps the way in which it says that nothing is there.
        ("with a text too", Severity::Low)
    } else {
        return Looked::silent();
    };
    let saw = format!("a path that does not exist answers {} {likeness}", sibling.status);
    Looked::fired(Saw::new(saw, "an answer that only the health endpoint gives").graded(severity))
}

#[cfg(test)]
mod tests;
