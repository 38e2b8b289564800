//! Numbers of a run.

use super::Webhook;
use super::case::Case;
use super::evidence::Evidence;
use super::oracle::{Control, Oracle, Outcome};
use super::rules::{Proof, proof};
use crate::measurement::{Family, Measurement};

pub(super) const FAMILIES: &[Family] = &[ENFORCED, CASES, SECONDS];

const ENFORCED: Family = Family {
    name: "musterd_webhook_enforced",
    help: "1 when a run proved that genuine deliveries are accepted and forged ones refused, 0 when it refuted that; absent otherwise.",
    labels: &[],
};
const CASES: Family = Family {
    name: "musterd_webhook_cases",
    help: "Forged deliveries of the run, by what became of them: accepted, refused or unsettled.",
    labels: &["outcome"],
};
const SECONDS: Family = Family {
    name: "musterd_webhook_answer_seconds",
    help: "Time until the answer was there, once connected: of a genuine delivery, and of the slowest forged one.",
    labels: &["delivery"],
};

pub(super) fn measure(webhook: &Webhook, seen: &Evidence) -> Vec<Measurement> {
    let oracle = webhook.oracle(seen);
    let mut measured = Vec::new();
    match proof(webhook, seen) {
        Proof::Proven => measured.push(Measurement::new(&ENFORCED, 1.0)),
        Proof::Refuted => measured.push(Measurement::new(&ENFORCED, 0.0)),
        Proof::Doubtful(_) | Proof::Missing(_) | Proof::Elsewhere(_) | Proof::Unreachable(_) => {}
    }
    let mut counts = [("accepted", 0_u32), ("refused", 0), ("unsettled", 0)];
    for case in &seen.planned {
        match oracle.outcome(*case) {
            Some(Outcome::Accepted(_)) => counts[0].1 += 1,
            Some(Outcome::Refused | Outcome::Failed(_)) => counts[1].1 += 1,
            Some(Outcome::Unsettled(_) | Outcome::Changed(_)) => counts[2].1 += 1,
            None => {}
        }
    }
    for (outcome, count) in counts {
        let labels = vec![outcome.to_owned()];
        measured.push(Measurement::labelled(&CASES, labels, f64::from(count)));
    }
    let took = |delivery: &str, seconds: f64| {
        Measurement::labelled(&SECONDS, vec![delivery.to_owned()], seconds)
    };
    if oracle.control() == Control::Accepted
        && let Some(reply) = oracle.reply(Case::Control)
    {
        measured.push(took("genuine", reply.seconds));
    }
    let forged = seen.trials.iter().filter(|trial| trial.case.is_forgery());
    let slowest = forged.filter(|t| t.reply.is_answer()).map(|t| t.reply.seconds);
    if let Some(slowest) = slowest.reduce(f64::max) {
        measured.push(took("forged", slowest));
    }
    measured
}

impl Webhook {
    /// What a run's answers say.
    pub(super) fn oracle<'a>(&self, seen: &'a Evidence) -> Oracle<'a> {
        Oracle::new(&seen.trials, self.scheme.nature().unhandled).knowing(seen.genuine.as_ref())
    }
}
