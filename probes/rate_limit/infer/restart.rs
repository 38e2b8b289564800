//! Limiters that lost their counts in the midst of a run, as one in memory does with a deploy.

use super::limiter::{Candidate, count};
use super::{GOOD, Observation, Outcome, score};

/// So many refusals in a row that come too early no limiter is excused for.
const TOO_MANY: usize = 4;

/// Whether a limiter explains a run in whose midst it was replaced once: by itself without its
/// counts, or by one whose limit is what was let through since. Each request that is gone through
/// is taken from `effort`; `None` when that does not suffice.
pub(super) fn explains(
    limiter: Candidate,
    observations: &[Observation],
    effort: &mut usize,
) -> Option<bool> {
    let before: Vec<f64> = score::plain_scores(limiter, observations)
        .take_while(|score| *score <= GOOD)
        .take(observations.len().saturating_sub(1))
        .collect();
    *effort = effort.checked_sub(before.len() + 1)?;
    let refused = Refusals::of(observations);
    let mut left = None;
    for at in (1..observations.len()).rev() {
        left = observations[at].remaining.map(|left| left + 1.0).or(left);
        // The run up to here is not explained.
        let Some(score) = before.get(at - 1) else { continue };
        let let_through = refused.next(at).map(|next| count(next - at)).filter(|n| *n >= 1.0);
        for limit in [Some(limiter.limit), let_through, left].into_iter().flatten() {
            if refused.are_too_early(at, limit) {
                continue;
            }
            let mut explained = true;
            for since in score::plain_scores(Candidate { limit, ..limiter }, &observations[at..]) {
                *effort = effort.checked_sub(1)?;
                if score + since > GOOD {
                    explained = false;
                    break;
                }
            }
            if explained {
                return Some(true);
            }
        }
    }
    Some(false)
}

/// Where requests were refused.
struct Refusals {
    /// How many before each request, and in all.
    before: Vec<usize>,
    places: Vec<usize>,
}

impl Refusals {
    fn of(observations: &[Observation]) -> Self {
        let (mut before, mut places) = (vec![0], Vec::new());
        for (place, observation) in observations.iter().enumerate() {
            if observation.outcome == Outcome::Refused {
                places.push(place);
            }
            before.push(places.len());
        }
        Self { before, places }
    }

    /// The first from a request on.
    fn next(&self, from: usize) -> Option<usize> {
        self.places.get(self.before[from]).copied()
    }

    /// Whether so many come before a limiter without counts could refuse anything that nothing
    /// else need be looked at.
    fn are_too_early(&self, from: usize, limit: f64) -> bool {
        let fourth = self.places.get(self.before[from] + TOO_MANY - 1);
        fourth.is_some_and(|fourth| count(fourth - from) + 2.0 < limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limit::infer::limiter::{Limiter, Shape};

    const LIMITER: Candidate =
        Candidate { shape: Shape::FixedFromFirstHit, limit: 10.0, window: 60.0 };

    /// So many requests, a tenth of a second apart, at a limiter that starts anew before these.
    fn run(requests: usize, restarts: &[usize]) -> Vec<Observation> {
        let mut limiter = Limiter::new(LIMITER);
        let request = |index| {
            if restarts.contains(&index) {
                limiter = Limiter::new(LIMITER);
            }
            let sent = 0.1 * count(index);
            let accepted = limiter.hit(sent).accepted;
            let outcome = if accepted { Outcome::Accepted } else { Outcome::Refused };
            Observation { sent, answered: sent, outcome, remaining: None }
        };
        (0..requests).map(request).collect()
    }

    fn explained(observations: &[Observation]) -> Option<bool> {
        explains(LIMITER, observations, &mut 1_000_000)
    }

    #[test]
    fn counts_that_were_lost_once_are_found() {
        for restart in 1..19 {
            assert_eq!(explained(&run(40, &[restart])), Some(true), "{restart}");
        }
        assert_eq!(explained(&run(60, &[15, 30, 45])), Some(false), "not thrice");
        let other = run(40, &[]).into_iter().enumerate().map(|(index, request)| {
            let outcome = if index < 30 { Outcome::Accepted } else { Outcome::Refused };
            Observation { outcome, ..request }
        });
        assert_eq!(explained(&other.collect::<Vec<_>>()), Some(true), "20 are let through since");
    }

    #[test]
    fn of_a_long_run_nobody_knows_after_so_much_work() {
        let long = run(400, &[15, 30, 45]);
        assert_eq!(explains(LIMITER, &long, &mut 100), None);
        assert_eq!(explained(&long), Some(false));
    }
}
