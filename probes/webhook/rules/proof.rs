//! Whether a run proved that the endpoint tells genuine deliveries from forged ones.

use jiff::Timestamp;

use super::{Now, delivery, left_out, unsigned};
use crate::context::Withheld;
use crate::rule::{About, Looked, Rule, Saw, Tested};
use crate::severity::Severity;
use crate::text;
use crate::webhook::Webhook;
use crate::webhook::case::Case;
use crate::webhook::evidence::{Evidence, Signing};
use crate::webhook::oracle::{Control, Oracle, Outcome, obstacle};

/// The subject of answers that settle nothing, or do not come. They are looked at in every run, so
/// that what passes is forgotten before the next run that can prove something.
const TARGET: &str = "target";

/// How much a finding says of what is missing.
const REASONS: usize = 3;

pub(super) const UNPROVEN: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.enforcement-unproven",
        severity: Severity::Low,
        title: "that forged deliveries are refused could not be proven",
        why: "An endpoint that refuses everything, or that something else answers for, looks the same from outside as one that verifies.",
        fix: "Give the check what is missing: the secret, `allow: intrusive`, a path that exists, or a way past what answers instead.",
        references: &[],
    },
    check: unproven,
};

/// What a run says of the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::webhook) enum Proof {
    /// A genuine delivery was accepted, and every forged one refused.
    Proven,
    /// Something is wrong that another rule says.
    Refuted,
    /// What was tried could not be settled; why.
    Doubtful(Vec<String>),
    /// It could not be proven; what is missing.
    Missing(String),
    /// This run was not to settle it; why.
    Elsewhere(&'static str),
    /// Nothing answered.
    Unreachable(String),
}

/// What a run says of the endpoint.
pub(in crate::webhook) fn proof(webhook: &Webhook, seen: &Evidence) -> Proof {
    if seen.trials.iter().all(|trial| !trial.reply.is_answer()) {
        let first = seen.trials.first();
        let words = first.map_or_else(|| "nothing was sent".to_owned(), |t| t.reply.words());
        return Proof::Unreachable(words);
    }
    let oracle = webhook.oracle(seen);
    let forged = seen.trials.iter().any(|t| t.case.is_forgery() && oracle.accepted(t.case));
    let refused = matches!(oracle.control(), Control::Refused(_));
    if forged || refused || delivery::absence(webhook, seen).is_some() {
        return Proof::Refuted;
    }
    let doubts = doubts(&oracle, seen);
    if !doubts.is_empty() {
        return Proof::Doubtful(doubts);
    }
    match seen.signing {
        Signing::Withheld(withheld @ (Withheld::Ceiling | Withheld::Cadence)) => {
            return Proof::Elsewhere(left_out(withheld));
        }
        Signing::NoSecret | Signing::Withheld(Withheld::Configuration) | Signing::InTheClear => {
            let why = unsigned(seen.signing).unwrap_or_default();
            return Proof::Missing(format!("no genuine delivery was sent: {why}"));
        }
        Signing::Ready => {}
    }
    if seen.refuting.is_some_and(|case| oracle.outcome(case).is_none()) {
        return Proof::Elsewhere(
            "a forgery is accepted, and until it is refused it alone is tried",
        );
    }
    let untried: Vec<String> = seen
        .planned
        .iter()
        .filter(|case| oracle.outcome(**case).is_none())
        .map(|case| case.words())
        .collect();
    if oracle.control() == Control::NotSent {
        return Proof::Missing("the run ended before a genuine delivery".to_owned());
    }
    if !untried.is_empty() {
        return Proof::Missing(format!("the run ended before {}", text::list(&untried)));
    }
    Proof::Proven
}

/// What was tried and could not be settled.
fn doubts(oracle: &Oracle<'_>, seen: &Evidence) -> Vec<String> {
    let mut doubts: Vec<String> = Vec::new();
    let mut add = |doubt: String| {
        if !doubts.contains(&doubt) && doubts.len() < REASONS {
            doubts.push(doubt);
        }
    };
    if let Control::Unsettled(why) | Control::Changed(why) = oracle.control() {
        add(why);
    }
    // Where nothing is, a wall or a limit shows already.
    if let Some(why) = seen.trials.last().and_then(|last| obstacle(&last.reply)) {
        add(why);
    }
    for case in seen.trials.iter().map(|trial| trial.case) {
        let counts =
            !case.is_control() && !matches!(case, Case::Sibling | Case::Handshake | Case::Replay);
        let outcome = oracle.outcome(case).filter(|_| counts);
        if let Some(doubt) = outcome.as_ref().and_then(Outcome::doubt) {
            add(doubt.to_owned());
        }
    }
    doubts
}

fn unproven(webhook: &Webhook, seen: &Now<'_>, _: Timestamp) -> Looked {
    let both = || Tested::Only(vec![TARGET.to_owned(), String::new()]);
    let target = || Tested::Only(vec![TARGET.to_owned()]);
    let wanted = "a genuine delivery that is accepted, and forged ones that are refused";
    let (saw, tested) = match proof(webhook, seen.now) {
        Proof::Proven | Proof::Refuted => (None, both()),
        Proof::Doubtful(why) => (Some(Saw::new(why.join("; "), wanted).on(TARGET)), target()),
        Proof::Missing(why) => (Some(Saw::new(why, wanted)), both()),
        // Between the days' runs nothing is known anew but that the target answers.
        Proof::Elsewhere(_) if seen.now.signing != Signing::Withheld(Withheld::Ceiling) => {
            (None, target())
        }
        Proof::Elsewhere(why) => return Looked::untested(why),
        Proof::Unreachable(words) => (Some(Saw::new(words, "an answer").on(TARGET)), target()),
    };
    Looked { saw: saw.into_iter().collect(), tested }
}
