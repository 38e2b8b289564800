//! A second look at limiters with a phase: windows and phases are two numbers, and the grid on
//! which both are tried is too coarse to acquit one that lies between its points.

use super::limiter::{Candidate, Shape};
use super::{Fit, Observation, score};

/// So many of the best of the grid are looked at again.
const STARTS: usize = 12;

/// By how much of the window a step moves, the coarsest first.
const STEPS: [f64; 7] = [0.04, 0.02, 0.01, 0.005, 0.0025, 0.001, 0.0004];

/// A step of one size is repeated at most so often.
const MOST_MOVES: u32 = 6;

/// The best that can be found near the best candidates of a grid, unless nothing gets below
/// `wanted`; the search ends as soon as something does.
pub(super) fn refine(grid: &[Candidate], observations: &[Observation], wanted: f64) -> Option<Fit> {
    let mut starts: Vec<Fit> = Vec::new();
    for candidate in grid {
        let bound = if starts.len() < STARTS { f64::INFINITY } else { starts[STARTS - 1].score };
        let score = score::score(*candidate, observations, bound);
        if starts.len() < STARTS || score < bound {
            let place = starts.partition_point(|fit| fit.score <= score);
            starts.insert(place, Fit { candidate: *candidate, score });
            starts.truncate(STARTS);
        }
    }
    let mut best: Option<Fit> = None;
    for start in starts {
        let fit = climb(start, observations, wanted);
        if best.is_none_or(|best| fit.score < best.score) {
            best = Some(fit);
        }
        if fit.score < wanted {
            break;
        }
    }
    best
}

fn climb(start: Fit, observations: &[Observation], wanted: f64) -> Fit {
    let mut best = start;
    for step in STEPS {
        for _ in 0..MOST_MOVES {
            let mut moved = false;
            for candidate in around(best.candidate, step) {
                let score = score::score(candidate, observations, best.score);
                if score < best.score {
                    best = Fit { candidate, score };
                    moved = true;
                }
            }
            if best.score < wanted {
                return best;
            }
            if !moved {
                break;
            }
        }
    }
    best
}

/// The eight that differ by a step of the window, of the phase, or of both.
fn around(from: Candidate, step: f64) -> impl Iterator<Item = Candidate> {
    let moves = [-1.0, 0.0, 1.0];
    let by = step * from.window;
    moves
        .into_iter()
        .flat_map(move |window| moves.into_iter().map(move |phase| (window, phase)))
        .filter(|(window, phase)| *window != 0.0 || *phase != 0.0)
        .filter_map(move |(window, phase)| {
            let window = from.window + window * by;
            let shape = match from.shape {
                Shape::FixedAt { phase: at } => Shape::FixedAt { phase: at + phase * by },
                Shape::SlidingCounter { phase: at, locks } => {
                    Shape::SlidingCounter { phase: at + phase * by, locks }
                }
                _ => return None,
            };
            Some(Candidate { shape, window, ..from })
        })
}
