//! The schedule that goes up to the limit and a little over it: half at the start, the rest at half
//! of the window, and then a look at when and how much comes back.

use super::{Step, whole};
use crate::rate_limit::infer::limiter::count;
use crate::rate_limit::infer::{Observation, Outcome};

/// After the time that `Retry-After` names, one request comes so much later,
const AT_ONCE: f64 = 0.05;
/// and one more after a further second, because most limiters round to seconds.
const ROUNDED: f64 = 1.05;

/// So many requests come back at most that a bucket gives back in little more than one step.
const MOST_DRIPS: usize = 4;

/// How far a window may be off: 2 % and at least 1.5 seconds, by which headers round.
pub(in crate::rate_limit) fn window_tolerance(window: f64) -> f64 {
    (0.02 * window).max(1.5)
}

/// Between two exhausting requests, in seconds: at most ten a second.
const PACE: f64 = 0.1;

/// So many requests more than a limiter can have let through are more than a slip in counting.
pub(in crate::rate_limit) const DOUBT: f64 = 1.5;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Half,
    UntilRefused,
    Behind,
    Drip,
    Early,
    Retry,
    RetryRounded,
    Again,
    Late(u8),
    Done,
}

/// Goes over the limit once.
#[derive(Debug)]
pub(in crate::rate_limit) struct Exhaust {
    limit: usize,
    /// In seconds; `None` while nothing tells it.
    window: Option<f64>,
    most: usize,
    stage: Stage,
    /// Whether the first half of the limit is sent apart from the rest.
    halved: bool,
    /// How many requests there were when the stage began.
    began: usize,
    refused_at: f64,
}

impl Exhaust {
    /// For a limit and a window; `most` requests in all. Without a limit, and where half of the
    /// window is longer than a run waits for, it goes on at once until the first refusal.
    pub(in crate::rate_limit) fn new(
        limit: Option<usize>,
        window: Option<f64>,
        most: usize,
        longest_wait: f64,
    ) -> Self {
        let (limit, stage) = match (limit, window) {
            (Some(limit), Some(window)) if 0.5 * window <= longest_wait => (limit, Stage::Half),
            (limit, _) => (limit.unwrap_or(most), Stage::UntilRefused),
        };
        let halved = stage == Stage::Half;
        Self { limit, window, most, stage, halved, began: 0, refused_at: 0.0 }
    }

    /// The requests that the whole schedule needs for a limit: a bucket gives some back meanwhile.
    pub(in crate::rate_limit) fn needs(limit: usize, window: f64) -> usize {
        let back = (count(limit) * count(limit) * PACE / window.max(PACE)).ceil();
        limit.saturating_add(limit.div_ceil(2)).saturating_add(10).saturating_add(whole(back))
    }

    /// The requests that show beyond doubt that nothing limits them, all in one go at ten a second:
    /// what a window that ended or a memory that was lost in their midst lets through twice, and
    /// what a bucket gives back meanwhile. `None` where a bucket gives back as fast as we ask.
    pub(in crate::rate_limit) fn needs_unlimited(limit: usize, window: f64) -> Option<usize> {
        let asked = 1.0 - PACE * count(limit) / window.max(PACE);
        // Requests take longer than the pace where the way is long: a quarter more.
        let beyond = 1.25 * (2.0 * count(limit) + DOUBT) / asked;
        (asked > 0.05).then(|| limit.div_ceil(2).saturating_add(whole(beyond.ceil())))
    }

    /// The next step, given what was answered; `retry_after` is what the last refusal said.
    pub(in crate::rate_limit) fn next(
        &mut self,
        seen: &[Observation],
        retry_after: Option<f64>,
    ) -> Step {
        loop {
            if seen.len() >= self.most {
                self.stage = Stage::Done;
            }
            let in_stage = seen.len() - self.began;
            let last = seen.last().copied();
            let last_refused = last.is_some_and(|o| o.outcome == Outcome::Refused);
            let window = self.window.unwrap_or_default();
            match self.stage {
                Stage::Half | Stage::UntilRefused if last_refused => self.refused(seen),
                Stage::Half if in_stage < self.limit.div_ceil(2) => return Step::Send { at: 0.0 },
                Stage::Half => self.enter(Stage::UntilRefused, seen),

                Stage::UntilRefused if in_stage < self.beyond(&seen[self.began..]) => {
                    return Step::Send { at: if self.halved { 0.5 * window } else { 0.0 } };
                }
                Stage::Behind => {
                    let next = if self.window.is_some() { Stage::Drip } else { Stage::Retry };
                    self.enter(next, seen);
                    return Step::Exhausted;
                }
                Stage::Drip if in_stage == 0 => {
                    let step = window / count(self.limit).max(1.0);
                    return Step::Send { at: self.refused_at + 1.25 * step };
                }
                // Where one or two come back it is a bucket; with a new window all have come back.
                Stage::Drip if in_stage < MOST_DRIPS && !last_refused => {
                    return Step::Send { at: 0.0 };
                }
                Stage::Drip => self.enter(Stage::Early, seen),
                // A window that ends much sooner than it should is told by one request.
                Stage::Early if in_stage == 0 && last_refused => {
                    let at = window - window_tolerance(window);
                    if last.is_none_or(|o| at < o.answered) {
                        self.enter(Stage::Retry, seen);
                    } else {
                        return Step::Send { at };
                    }
                }
                Stage::Early => self.enter(Stage::Retry, seen),
                Stage::Retry if in_stage == 0 && last_refused => match (retry_after, last) {
                    (Some(wait), Some(last)) if self.is_soon(last.answered + wait) => {
                        return Step::Send { at: last.answered + wait + AT_ONCE };
                    }
                    _ => self.enter(Stage::Again, seen),
                },
                Stage::Retry => self.enter(Stage::RetryRounded, seen),
                Stage::RetryRounded if in_stage == 0 && last_refused => {
                    // A second after the time that the refusal before named.
                    let at = last.map_or(0.0, |last| last.sent) + ROUNDED - AT_ONCE;
                    return Step::Send { at };
                }
                Stage::RetryRounded => self.enter(Stage::Again, seen),
                Stage::Again if in_stage > 0 && last_refused => {
                    let next = if in_stage == 1 { Stage::Late(0) } else { Stage::Done };
                    self.enter(next, seen);
                }
                Stage::Again if self.window.is_some() && in_stage < self.limit.div_ceil(2) + 1 => {
                    return Step::Send { at: window + (0.06 * window).max(0.3) };
                }
                // Locked out: until a window after the refusal, or as long as it says.
                Stage::Late(round) if in_stage == 0 => {
                    let after = last.map_or(0.0, |last| last.answered);
                    let eps = (0.06 * window).max(0.3);
                    let at = match (round, retry_after) {
                        (0, Some(wait)) => after + wait + AT_ONCE,
                        (0, None) => self.refused_at + window + eps,
                        _ => after + window + eps,
                    };
                    return Step::Send { at };
                }
                Stage::Late(0) if last_refused => self.enter(Stage::Late(1), seen),
                Stage::UntilRefused | Stage::Again | Stage::Late(_) => self.stage = Stage::Done,
                Stage::Done => return Step::Done,
            }
        }
    }

    /// How many requests go beyond the limit and beyond doubt, what comes back while they are sent
    /// included.
    fn beyond(&self, burst: &[Observation]) -> usize {
        let took = match (burst.first(), burst.last()) {
            (Some(first), Some(last)) => last.answered - first.sent,
            _ => 0.0,
        };
        let limit = count(self.limit);
        let back = self.window.filter(|window| *window > 0.0).map_or(0.0, |w| took * limit / w);
        let doubled = self.limit.saturating_mul(2).saturating_add(whole(DOUBT.ceil()));
        doubled.saturating_add(whole(back.ceil()))
    }

    /// Whether a retry comes before the window is over anyway.
    fn is_soon(&self, at: f64) -> bool {
        self.window.is_none_or(|window| at <= window + 0.3)
    }

    fn refused(&mut self, seen: &[Observation]) {
        self.refused_at = seen.last().map_or(0.0, |last| last.answered);
        self.enter(Stage::Behind, seen);
    }

    fn enter(&mut self, stage: Stage, seen: &[Observation]) {
        self.stage = stage;
        self.began = seen.len();
    }
}
