//! Limiters of the size that was named, by the service or by whoever configured the check: nothing
//! about them has to be guessed.

use super::limiter::{Candidate, Shape};
use super::{Fit, GOOD, Knowledge, Observation, candidates, restart, score};

/// So many times a request is gone through at most to see whether a restart explains a run: less
/// than a second's work.
const EFFORT: usize = 20_000_000;

/// So many requests are gone through once for boundaries that are guessed.
const GUESSES: usize = 200_000;

/// Whether a length of time is one of these, as exactly as a run can tell.
fn is_among(value: f64, named: &[f64]) -> bool {
    named.iter().any(|known| (known - value).abs() <= 0.02 * known)
}

/// Whether nothing about a candidate had to be guessed: its window was named, and where it begins
/// follows from the first request or from what the service or its clock tells.
fn is_named(candidate: Candidate, knowledge: &Knowledge) -> bool {
    let window = is_among(candidate.window, &knowledge.windows);
    match candidate.shape {
        Shape::Unlimited => true,
        Shape::Bucket | Shape::SteppedBucket { .. } => {
            window || is_among(candidate.window / candidate.limit.max(1.0), &knowledge.steps)
        }
        Shape::FixedAt { phase } | Shape::SlidingCounter { phase, .. } => {
            window && candidates::is_told(phase, candidate.window, knowledge)
        }
        Shape::FixedFromFirstHit | Shape::SlidingLog { .. } | Shape::Penalty => window,
    }
}

/// Whether a candidate's limit was named.
pub(super) fn has_limit(candidate: Candidate, knowledge: &Knowledge) -> bool {
    matches!(candidate.shape, Shape::Unlimited)
        || knowledge.limits.iter().any(|known| (known - candidate.limit).abs() < 0.5)
}

fn all(observations: &[Observation], knowledge: &Knowledge) -> Vec<Candidate> {
    let mut all = Vec::new();
    for limit in &knowledge.limits {
        for window in &knowledge.windows {
            candidates::of_size(*limit, *window, knowledge, observations, &mut all);
        }
    }
    all
}

/// Whether any of them explains what was seen.
pub(in crate::rate_limit) fn explains(observations: &[Observation], knowledge: &Knowledge) -> bool {
    all(observations, knowledge)
        .into_iter()
        .any(|candidate| score::score(candidate, observations, GOOD) <= GOOD)
}

/// Whether the best fit is doubtful, because one of them that was replaced once in the midst of
/// the run fits as well: a deploy is more likely than a limiter of an odd size.
pub(super) fn was_replaced(
    best: &Fit,
    observations: &[Observation],
    knowledge: &Knowledge,
) -> bool {
    if is_named(best.candidate, knowledge) {
        return false;
    }
    let named = all(observations, knowledge);
    let in_order = |candidate: &Candidate| {
        is_named(*candidate, knowledge) && score::score(*candidate, observations, GOOD) <= GOOD
    };
    if named.iter().any(in_order) {
        return false;
    }
    let window = best.candidate.window;
    // Of the same size, only another family makes a difference.
    let same_size = has_limit(best.candidate, knowledge) && is_among(window, &knowledge.windows);
    let family = best.candidate.shape.family();
    let mut rivals = named;
    rivals.retain(|rival| !same_size || rival.shape.family() != family);
    let mut effort = EFFORT;
    let mut fits = |rival| restart::explains(rival, observations, &mut effort);
    // Nobody knows is a doubt, too.
    thinned(rivals, observations.len(), knowledge)
        .into_iter()
        .any(|rival| fits(rival) != Some(false))
}

/// Of a long run, not every gap between two requests is tried for the place of a boundary that
/// nobody named: what differs by one request of hundreds is told apart by nothing else either.
fn thinned(rivals: Vec<Candidate>, requests: usize, knowledge: &Knowledge) -> Vec<Candidate> {
    let is_guess = |rival: &Candidate| match rival.shape {
        Shape::FixedAt { phase } => !candidates::is_told(phase, rival.window, knowledge),
        _ => false,
    };
    let (guesses, mut rivals): (Vec<Candidate>, Vec<Candidate>) =
        rivals.into_iter().partition(is_guess);
    let most = (GUESSES / requests.max(1)).max(1);
    rivals.extend(guesses.iter().step_by(guesses.len().div_ceil(most).max(1)));
    rivals
}
