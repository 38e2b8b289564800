//! The schedule that tells limiters apart by their headers, without ever reaching the limit.
//!
//! One burst cannot tell a fixed window from a sliding log: both give everything back a window
//! later. With some requests at the start and more at a third of the window, a fixed window gives
//! all back after a window, a log only the first ones, and a bucket was dripping all along.

use super::Step;
use crate::rate_limit::infer::{Knowledge, Observation, infer};

/// For the family, at most so many requests; the others of a run are for variants.
const MOST: usize = 10;

/// A whole number of requests, from a limit.
pub(in crate::rate_limit) fn whole(amount: f64) -> usize {
    let mut count = 0;
    while count < 1_000_000 && f64::from(count) + 1.0 <= amount + 1e-9 {
        count += 1;
    }
    usize::try_from(count).unwrap_or_default()
}

/// Tells limiters apart within half of what a window admits.
#[derive(Debug)]
pub(in crate::rate_limit) struct Differential {
    window: f64,
    /// Bursts: when, and how many requests.
    bursts: Vec<(f64, usize)>,
    knowledge: Knowledge,
}

impl Differential {
    /// For a declared limit and window; `half` is what may be sent within any one window.
    pub(in crate::rate_limit) fn new(half: usize, window: f64, knowledge: Knowledge) -> Self {
        let first = if half < 4 { 1 } else { 2 };
        let second = half.saturating_sub(first).min(4);
        let third = half.saturating_sub(second).min(2);
        let fourth = half.saturating_sub(third).min(if half < 4 { 1 } else { 2 });
        // Resets are told in whole seconds, and windows may end a little late.
        let after = window + (0.06 * window).max(1.0);
        let bursts = vec![
            (0.0, first),
            (0.35 * window, second),
            (after, third),
            (after.max(1.45 * window) + 0.02 * window, fourth),
        ];
        Self { window, bursts, knowledge }
    }

    /// The next request, given those of before; `boundaries` are ends of windows that headers told.
    pub(in crate::rate_limit) fn next(&mut self, seen: &[Observation], boundaries: &[f64]) -> Step {
        let mut before = 0;
        for (at, count) in &self.bursts {
            if seen.len() < before + count {
                return Step::Send { at: *at };
            }
            before += count;
        }
        self.knowledge.boundaries = boundaries.to_vec();
        if seen.len() + 2 > MOST || infer(seen, &self.knowledge).family.is_some() {
            return Step::Done;
        }
        // Once more at another phase.
        let last = seen.last().map_or(0.0, |observation| observation.answered);
        let at = last + 0.37 * self.window;
        let count = self.bursts.iter().map(|(_, count)| *count).max().unwrap_or(1).min(2);
        self.bursts.push((at, count));
        Step::Send { at }
    }

    /// The longest single wait of the schedule.
    pub(in crate::rate_limit) fn longest_wait(&self) -> f64 {
        self.bursts.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(0.0, f64::max)
    }
}
