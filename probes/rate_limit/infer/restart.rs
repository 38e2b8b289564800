//! Whether a limiter of the size that was named, which forgot its counts once in the midst of the
//! run, explains it: a deploy is more likely than a limiter of an odd size.

use super::limiter::{Candidate, Family, Shape};
use super::{Fit, GOOD, Knowledge, Observation, candidates, score};

/// Whether nothing about a candidate had to be guessed: its size was named, and where its windows
/// begin follows from the first request or from what the service or its clock tells.
fn is_named(candidate: Candidate, knowledge: &Knowledge) -> bool {
    let named = |value: f64, among: &[f64]| among.iter().any(|known| (known - value).abs() < 1e-6);
    let window = named(candidate.window, &knowledge.windows);
    match candidate.shape {
        Shape::Unlimited => true,
        Shape::Bucket | Shape::SteppedBucket => {
            window || named(candidate.window / candidate.limit.max(1.0), &knowledge.steps)
        }
        Shape::FixedAt { phase } | Shape::SlidingCounter { phase } => {
            window && candidates::is_told(phase, candidate.window, knowledge)
        }
        Shape::FixedFromFirstHit | Shape::SlidingLog { .. } | Shape::Penalty => window,
    }
}

/// Whether the best fit is doubtful because a limiter of the named size that lost its memory fits
/// as well. Of the same size, only another family makes a difference.
pub(super) fn explains(
    best: &Fit,
    observations: &[Observation],
    knowledge: &Knowledge,
    limits: &[f64],
) -> bool {
    if is_named(best.candidate, knowledge) {
        return false;
    }
    let same_size = knowledge.windows.iter().any(|w| (w - best.candidate.window).abs() < 1e-6)
        && limits.iter().any(|limit| (limit - best.candidate.limit).abs() < 1e-6);
    let family = best.candidate.shape.family();
    let mut rivals = Vec::new();
    for limit in limits {
        for window in &knowledge.windows {
            candidates::of_size(*limit, *window, knowledge, observations, &mut rivals);
        }
    }
    rivals.retain(|rival| !same_size || is_another(rival.shape.family(), family));
    rivals.iter().any(|rival| {
        (1..observations.len()).any(|at| score::restarted(*rival, observations, at, GOOD) <= GOOD)
    })
}

fn is_another(rival: Family, family: Family) -> bool {
    rival != family
}
