//! The rules of `health`.

mod availability;
mod body;
mod components;
mod hygiene;

use super::Health;
use super::look::Look;
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
