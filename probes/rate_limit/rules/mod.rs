//! What the evidence of a limit is judged by.

mod beyond;
#[cfg(test)]
mod doubts;
mod enforcement;
mod figures;
mod honesty;
mod isolation;
mod keys;
mod likeness;
#[cfg(test)]
mod real;
mod refusal;
#[cfg(test)]
mod shared;
mod sharing;
mod show;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unproven;

use super::RateLimit;
use super::evidence::Evidence;
use super::reading::Reading;
use crate::rule::Rule;

/// Whether several counters answer in turn, and no limiter that is one explains it.
pub(super) fn takes_turns(evidence: &Evidence, reading: &Reading) -> bool {
    isolation::lanes(evidence, reading).is_some_and(|lanes| lanes > 1)
}

/// Every rule, in the order in which findings are shown.
pub(super) const ALL: &[Rule<RateLimit>] = &[
    Rule { about: enforcement::NOT_ENFORCED, check: enforcement::not_enforced },
    Rule { about: enforcement::FAILS_OPEN, check: enforcement::fails_open },
    Rule { about: keys::KEY_SPOOFABLE, check: keys::key_spoofable },
    Rule { about: keys::VARIANT_ESCAPES, check: keys::variant_escapes },
    Rule { about: sharing::BUCKET_SHARED, check: sharing::bucket_shared },
    Rule { about: enforcement::FAILURES_UNCOUNTED, check: enforcement::failures_uncounted },
    Rule { about: figures::LIMIT_DIFFERS, check: figures::limit_differs },
    Rule { about: figures::WINDOW_DIFFERS, check: figures::window_differs },
    Rule { about: keys::INSTANCES_SEPARATE, check: keys::instances_separate },
    Rule { about: keys::ADDRESS_FAMILIES_SEPARATE, check: keys::address_families_separate },
    Rule { about: honesty::RETRY_AFTER_WRONG, check: honesty::retry_after_wrong },
    Rule { about: honesty::HEADERS_CONTRADICT, check: honesty::headers_contradict },
    Rule { about: refusal::STATUS_UNUSUAL, check: refusal::status_unusual },
    Rule { about: refusal::HINT_MISSING, check: refusal::hint_missing },
    Rule { about: refusal::DELAYS, check: refusal::delays },
    Rule { about: unproven::UNPROVEN, check: unproven::unproven },
];

/// The work behind findings, for tests that show what they saw.
#[cfg(test)]
pub(super) fn shown(check: &RateLimit, seen: &Evidence) -> String {
    show::work(seen, seen.reading(check))
}
