//! Refusals that are none: a service that fails for a moment answers like a limiter that does not
//! know of 429.

use super::evidence::Sample;
use super::infer::{self, Inference, Knowledge, Observation, Outcome};
use super::reading::{Told, as_count};

/// Whether 503 was the service's own failure, where it was taken for a refusal.
pub(super) fn is_one(
    samples: &[Sample],
    answers: &[Told],
    observations: &[Observation],
    knowledge: &Knowledge,
    inference: &Inference,
) -> bool {
    let refused = |status: u16| {
        samples
            .iter()
            .zip(answers)
            .any(|(s, told)| s.status == Some(status) && told.outcome == Some(Outcome::Refused))
    };
    if !refused(503) {
        return false;
    }
    // A limiter keeps to one status.
    if refused(429) {
        return true;
    }
    let best = inference.fits.first();
    if best.is_some_and(|best| best.score <= 1.0) && !inference.forgot && again(observations) {
        return false;
    }
    // One that refuses as soon as its limit is used up, and again later, is one; that moments blur
    // its count is no reason to doubt it.
    if again(observations) && is_used_up(observations, knowledge) {
        return false;
    }
    !infer::named::explains(observations, knowledge)
        && infer::named::explains(&without_refusals(observations), knowledge)
}

/// Whether as much as a named limit admits was let through before the first refusal.
fn is_used_up(observations: &[Observation], knowledge: &Knowledge) -> bool {
    let before = observations.iter().take_while(|seen| seen.outcome != Outcome::Refused).count();
    let before = as_count(before);
    knowledge.limits.iter().any(|limit| before + (0.02 * limit).max(1.0) >= *limit)
}

/// Whether refusals came back after something was let through.
fn again(observations: &[Observation]) -> bool {
    let episodes = observations
        .windows(2)
        .filter(|pair| pair[0].outcome == Outcome::Accepted && pair[1].outcome == Outcome::Refused);
    episodes.count() > 1
}

/// The same requests, of which nobody knows whether those that failed were counted.
fn without_refusals(observations: &[Observation]) -> Vec<Observation> {
    observations
        .iter()
        .map(|seen| match seen.outcome {
            Outcome::Refused => Observation { outcome: Outcome::Lost, ..*seen },
            Outcome::Accepted | Outcome::Lost => *seen,
        })
        .collect()
}
