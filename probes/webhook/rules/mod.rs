//! The rules of `webhook`, and what they share.

mod delivery;
mod forgery;
mod proof;
mod time;

use super::Webhook;
use super::case::Case;
use super::evidence::{Evidence, Signing};
use super::oracle::Outcome;
use crate::context::Withheld;
use crate::contract::Seen;
use crate::impact::Impact;
use crate::rule::{Looked, Rule, Saw, Tested};
use crate::severity::Severity;
pub(super) use proof::{Proof, proof};

pub(super) const ALL: &[Rule<Webhook>] = &[
    forgery::UNSIGNED,
    forgery::FORGED,
    forgery::WEAK_KEY,
    forgery::TAMPERED,
    forgery::TRUNCATED,
    forgery::HANDSHAKE,
    forgery::DOWNGRADE,
    time::STALE,
    time::FUTURE,
    time::REPLAY,
    delivery::GENUINE_REFUSED,
    delivery::RESERIALISED,
    delivery::ERROR,
    delivery::PATH_MISSING,
    proof::UNPROVEN,
];

type Now<'a> = Seen<'a, Webhook>;

/// What a receiver should answer to a forgery.
const REFUSAL: &str = "400, 401 or 403";

/// Fires on each of these cases that was accepted.
fn accepted(
    webhook: &Webhook,
    seen: &Evidence,
    cases: &[Case],
    grade: impl Fn(Case) -> Option<Severity>,
    wanted: &str,
    why: Option<&str>,
) -> Looked {
    let oracle = webhook.oracle(seen);
    let (mut saw, mut tested, mut doubts) = (Vec::new(), Vec::new(), Vec::new());
    for case in cases.iter().copied() {
        match oracle.outcome(case) {
            None => continue,
            Some(Outcome::Unsettled(doubt) | Outcome::Changed(doubt)) => {
                doubts.push(doubt);
                continue;
            }
            Some(Outcome::Refused | Outcome::Failed(_)) => {}
            Some(Outcome::Accepted(words)) => {
                let mut words = format!("{} was {words}", case.words());
                if let Some(why) = why {
                    words = format!("{words}; {why}");
                }
                let found = Saw::new(words, wanted).on(case.subject());
                saw.push(Saw { severity: grade(case), ..found });
            }
        }
        tested.push(case.subject().to_owned());
    }
    if tested.is_empty() {
        let why = doubts.into_iter().next();
        return Looked::untested(why.unwrap_or_else(|| untried(webhook, seen, cases)));
    }
    Looked { saw, tested: Tested::Only(tested) }
}

/// Why none of these cases was sent.
fn untried(webhook: &Webhook, seen: &Evidence, cases: &[Case]) -> String {
    let nature = webhook.scheme.nature();
    let of_scheme: Vec<Case> = cases.iter().copied().filter(|case| case.applies(&nature)).collect();
    if of_scheme.is_empty() {
        return "the scheme has nothing of that kind".to_owned();
    }
    if seen.trials.iter().all(|trial| !trial.reply.is_answer()) {
        return "the target does not answer".to_owned();
    }
    if seen.refuting.is_some() {
        return "a forgery is accepted, and until it is refused it alone is tried".to_owned();
    }
    if of_scheme.iter().all(|case| case.is_signed())
        && let Some(why) = unsigned(seen.signing)
    {
        return why.to_owned();
    }
    let intrudes = |case: &Case| case.impact(&nature) == Impact::Intrusive;
    if of_scheme.iter().all(intrudes)
        && let Some(withheld) = seen.withheld
    {
        return left_out(withheld).to_owned();
    }
    if seen.deep && !of_scheme.iter().any(|case| seen.planned.contains(case) || case.is_control()) {
        return "the scheme has nothing of that kind".to_owned();
    }
    if !of_scheme.iter().any(|case| seen.planned.contains(case) || case.is_control()) {
        return if webhook.has_matrix() {
            "it is tried once a day".to_owned()
        } else {
            "it is tried with `depth: full`".to_owned()
        };
    }
    "the run ended before it".to_owned()
}

/// Why nothing could be signed.
const fn unsigned(signing: Signing) -> Option<&'static str> {
    match signing {
        Signing::Ready => None,
        Signing::NoSecret => Some("no `secret` is configured"),
        Signing::Withheld(withheld) => Some(left_out(withheld)),
        Signing::InTheClear => {
            Some("signed deliveries do not go over plain HTTP: use https, or `insecure: true`")
        }
    }
}

/// Why what leaves traces was left out.
const fn left_out(withheld: Withheld) -> &'static str {
    match withheld {
        Withheld::Configuration => "it needs `allow: intrusive`",
        Withheld::Ceiling => "this run was not allowed it: `--allow intrusive`",
        Withheld::Cadence => "it is tried once a day",
    }
}

impl Webhook {
    fn has_matrix(&self) -> bool {
        self.depth == super::settings::Depth::Full
    }
}
