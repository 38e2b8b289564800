//! The rules of `health`.

mod availability;
mod body;
mod components;
#[cfg(test)]
mod grpc;
mod hygiene;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod testing;

use super::Health;
use super::look::Look;
use super::reading::{Form, Reading};
use crate::contract::Seen;
use crate::rule::{Looked, Rule, Saw, Tested};

pub(super) const ALL: &[Rule<Health>] = &[
    availability::UNREACHABLE,
    availability::TIMEOUT,
    availability::DOWN,
    body::DEGRADED,
    components::COMPONENT_DOWN,
    components::COMPONENT_MISSING,
    availability::STATUS_UNEXPECTED,
    body::STATUS_CONTRADICTS_BODY,
    body::AGGREGATE_CONTRADICTS_COMPONENTS,
    body::BODY_INVALID,
    body::STUB,
    hygiene::STALE,
    hygiene::LEAK,
    hygiene::SLOW,
    hygiene::REDIRECTED,
    hygiene::RATE_LIMITED,
    hygiene::CONTENT_TYPE_WRONG,
    components::LIVENESS_FOLLOWS_DEPENDENCY,
];

type Evidence<'a> = Seen<'a, Health>;

const NO_ANSWER: &str = "no answer came";

/// The endpoints of a run: the main one, whose subject is the check itself, and the liveness
/// endpoint, whose subject is its path.
fn looks<'a>(seen: &'a Evidence<'_>) -> impl Iterator<Item = (&'a str, &'a Look)> {
    std::iter::once(("", &seen.now.main))
        .chain(seen.now.live.iter().map(|live| (live.path.as_str(), live)))
}

/// What the health endpoint reports of components, or why it reports nothing. What an error of
/// something else happens to hold is no report, and closes nothing.
fn report<'a>(health: &Health, seen: &'a Evidence<'_>) -> Result<&'a Reading, Looked> {
    let main = &seen.now.main;
    let Some(answer) = main.answer() else { return Err(Looked::untested(NO_ANSWER)) };
    let reading = main.reading();
    let status = main.status().unwrap_or(answer.status);
    let whole = answer.body.is_complete() && reading.invalid.is_none();
    let reports = if health.accepted.contains(status) {
        let readable =
            reading.level().is_some() || !matches!(reading.form, Form::Html | Form::Binary);
        (whole && readable) || !reading.components.is_empty()
    } else {
        !reading.components.is_empty() && (status >= 500 || reading.claims())
    };
    if reports {
        Ok(reading)
    } else {
        Err(Looked::untested("the answer is no report of components"))
    }
}

/// Whether a component of a body is the one that the settings name: `db` is also `db_primary` of
/// the group `db`, and `aiService` is `ai_service`.
fn is_named(reported: &str, named: &str) -> bool {
    let in_group = reported.strip_prefix(named).is_some_and(|rest| rest.starts_with('_'));
    reported == named || in_group || reported.replace('_', "") == named.replace('_', "")
}

fn is_optional(health: &Health, reported: &str) -> bool {
    health.optional.iter().any(|named| is_named(reported, named))
}

/// Looks at each endpoint that answered; those that did not are not tested.
fn answered(seen: &Evidence<'_>, check: impl Fn(&Look) -> Option<Saw>) -> Looked {
    let mut saw = Vec::new();
    let mut tested = Vec::new();
    for (subject, look) in looks(seen) {
        if look.answer().is_some() {
            saw.extend(check(look).map(|saw| saw.on(subject)));
            tested.push(subject.to_owned());
        }
    }
    let tested = if tested.is_empty() {
        Tested::No(NO_ANSWER.to_owned())
    } else if tested.len() == looks(seen).count() {
        Tested::All
    } else {
        Tested::Only(tested)
    };
    Looked { saw, tested }
}
