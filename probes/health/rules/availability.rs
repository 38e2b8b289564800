//! Whether the service answers, and says by status and body that it is up.

use jiff::Timestamp;

use super::{Evidence, answered, looks};
use crate::health::Health;
use crate::health::look::Look;
use crate::health::vocabulary::Level;
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
        let answer = look.answer()?;
        let says_down = look.reading().level() == Some(Level::Down);
        let errs = answer.status >= 500 && !health.accepted.contains(answer.status);
        let accepted = health.accepted.contains(answer.status);
        (errs || (says_down && accepted))
            .then(|| Saw::new(claim(look), format!("{} and a body that says up", health.accepted)))
    })
}

/// What an answer claims, in a line: `503, "error", database down`.
pub(super) fn claim(look: &Look) -> String {
    let mut parts = Vec::new();
    if let Some(answer) = look.answer() {
        parts.push(answer.status.to_string());
    }
    let reading = look.reading();
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
        fix: "See that the path is right and open to the prober, or state the right codes in `status`.",
        references: &["Kubernetes: HTTP probes", "RFC 9110 section 15"],
    },
    check: status_unexpected,
};

fn status_unexpected(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let status = look.answer()?.status;
        // Errors of the server are `down`, and refusals for haste are `rate-limited`.
        let known = health.accepted.contains(status) || status >= 500 || status == 429;
        (!known)
            .then(|| Saw::new(format!("{status} from {}", look.path), health.accepted.to_string()))
    })
}
