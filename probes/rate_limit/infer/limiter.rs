//! Limiters as they are built, in seconds of a run: what each would answer at the real send times.

use std::collections::VecDeque;

use serde::Serialize;

/// How a limiter counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::rate_limit) enum Shape {
    /// A counter that starts anew when a request comes after its window.
    FixedFromFirstHit,
    /// A counter that starts anew at boundaries that no request moves: at `phase` and every window
    /// from there.
    FixedAt { phase: f64 },
    /// A log of the requests of the last window; some also log those that they refuse.
    SlidingLog { counts_refused: bool },
    /// Two counters, of which the former counts for the part that the window still covers. Some
    /// that `lock` refuse until the window ends, once they have refused.
    SlidingCounter { phase: f64, locks: bool },
    /// Tokens that come back one by one: evenly (which is the generic cell rate algorithm).
    Bucket,
    /// Tokens that come back at steps that the first request began, so many at once. Where the store
    /// `forgets`, a bucket that had the time to fill begins anew with the next request.
    SteppedBucket { tokens: f64, forgets: bool },
    /// A log that locks out for a whole window whoever went over the limit.
    Penalty,
    /// No limit at all.
    Unlimited,
}

/// The families that shapes belong to, as they are told apart and reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::rate_limit) enum Family {
    /// Counts in windows that do not move.
    FixedWindow,
    /// Counts the requests of the last window exactly.
    SlidingLog,
    /// Counts the last window approximately, from two counters.
    SlidingCounter,
    /// Token bucket, leaky bucket as a meter, GCRA: the same seen from outside.
    TokenBucket,
    /// Locks out whoever went over the limit.
    Penalty,
    /// Limits nothing.
    Unlimited,
}

impl Family {
    /// As findings name it.
    pub(in crate::rate_limit) const fn as_str(self) -> &'static str {
        match self {
            Self::FixedWindow => "fixed window",
            Self::SlidingLog => "sliding log",
            Self::SlidingCounter => "sliding counter",
            Self::TokenBucket => "token bucket (GCRA)",
            Self::Penalty => "sliding log with lock-out",
            Self::Unlimited => "no limit",
        }
    }

    /// As metrics label it.
    pub(in crate::rate_limit) const fn label(self) -> &'static str {
        match self {
            Self::FixedWindow => "fixed_window",
            Self::SlidingLog => "sliding_log",
            Self::SlidingCounter => "sliding_counter",
            Self::TokenBucket => "token_bucket",
            Self::Penalty => "penalty",
            Self::Unlimited => "none",
        }
    }
}

impl Shape {
    pub(in crate::rate_limit) const fn family(self) -> Family {
        match self {
            Self::FixedFromFirstHit | Self::FixedAt { .. } => Family::FixedWindow,
            Self::SlidingLog { .. } => Family::SlidingLog,
            Self::SlidingCounter { .. } => Family::SlidingCounter,
            Self::Bucket | Self::SteppedBucket { .. } => Family::TokenBucket,
            Self::Penalty => Family::Penalty,
            Self::Unlimited => Family::Unlimited,
        }
    }
}

/// A limiter that may be the one that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(in crate::rate_limit) struct Candidate {
    pub(in crate::rate_limit) shape: Shape,
    /// How many requests a window admits; of a bucket, how many tokens it holds.
    pub(in crate::rate_limit) limit: f64,
    /// In seconds; of a bucket, how long it takes to fill.
    pub(in crate::rate_limit) window: f64,
}

/// What a limiter answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::rate_limit) struct Reply {
    pub(in crate::rate_limit) accepted: bool,
    pub(in crate::rate_limit) remaining: f64,
    /// Of a bucket, what is left with its fraction, which headers do not show.
    pub(in crate::rate_limit) exact: Option<f64>,
}

impl Reply {
    const fn new(accepted: bool, remaining: f64) -> Self {
        Self { accepted, remaining, exact: None }
    }
}

/// A candidate at work. Times never go back.
#[derive(Debug, Clone)]
pub(in crate::rate_limit) struct Limiter {
    candidate: Candidate,
    /// The number of the window, or its start; of a stepped bucket, when it last gave a token.
    window: Option<f64>,
    count: f64,
    previous: f64,
    hits: VecDeque<f64>,
    refilled: f64,
    blocked_until: f64,
}

/// Sums of floating seconds are not exact; nobody's limiter is either, by so little.
const SLACK: f64 = 1e-9;

impl Limiter {
    pub(in crate::rate_limit) fn new(candidate: Candidate) -> Self {
        Self {
            candidate,
            window: None,
            count: 0.0,
            previous: 0.0,
            hits: VecDeque::new(),
            refilled: 0.0,
            blocked_until: f64::NEG_INFINITY,
        }
    }

    /// One request at this time.
    pub(in crate::rate_limit) fn hit(&mut self, at: f64) -> Reply {
        match self.candidate.shape {
            Shape::FixedFromFirstHit => {
                if self.window.is_none_or(|start| at >= start + self.candidate.window) {
                    self.window = Some(at);
                    self.count = 0.0;
                }
                self.fixed()
            }
            Shape::FixedAt { phase } => {
                let window = self.number(at, phase);
                if self.window != Some(window) {
                    self.window = Some(window);
                    self.count = 0.0;
                }
                self.fixed()
            }
            Shape::SlidingLog { counts_refused } => self.log(at, counts_refused),
            Shape::SlidingCounter { phase, locks } => self.counter(at, phase, locks),
            Shape::Bucket => self.bucket(at),
            Shape::SteppedBucket { tokens, forgets } => self.stepped(at, tokens, forgets),
            Shape::Penalty => self.penalty(at),
            Shape::Unlimited => Reply::new(true, self.candidate.limit),
        }
    }

    fn number(&self, at: f64, phase: f64) -> f64 {
        ((at - phase) / self.candidate.window).floor()
    }

    fn left(&self, used: f64) -> f64 {
        (self.candidate.limit - used).max(0.0)
    }

    fn fixed(&mut self) -> Reply {
        self.count += 1.0;
        Reply::new(self.count <= self.candidate.limit + SLACK, self.left(self.count))
    }

    fn log(&mut self, at: f64, counts_refused: bool) -> Reply {
        while self.hits.front().is_some_and(|hit| *hit <= at - self.candidate.window + SLACK) {
            self.hits.pop_front();
        }
        let used = count(self.hits.len());
        let accepted = used + 1.0 <= self.candidate.limit + SLACK;
        if accepted || counts_refused {
            self.hits.push_back(at);
        }
        Reply::new(accepted, self.left(if accepted { used + 1.0 } else { used }))
    }

    fn counter(&mut self, at: f64, phase: f64, locks: bool) -> Reply {
        if at < self.blocked_until {
            return Reply::new(false, 0.0);
        }
        let number = self.number(at, phase);
        match self.window {
            Some(window) if (window - number).abs() < 0.5 => {}
            Some(window) if (number - window - 1.0).abs() < 0.5 => {
                self.previous = self.count;
                self.count = 0.0;
            }
            _ => {
                self.previous = 0.0;
                self.count = 0.0;
            }
        }
        self.window = Some(number);
        let passed = (at - phase) / self.candidate.window - number;
        let carried = (self.previous * (1.0 - passed)).floor();
        let accepted = carried + self.count + 1.0 <= self.candidate.limit + SLACK;
        if accepted {
            self.count += 1.0;
        } else if locks {
            self.blocked_until = phase + (number + 1.0) * self.candidate.window;
        }
        Reply::new(accepted, self.left(carried + self.count))
    }

    fn bucket(&mut self, at: f64) -> Reply {
        let step = self.candidate.window / self.candidate.limit;
        if self.window.is_none() {
            self.window = Some(at);
            self.refilled = at;
            self.count = self.candidate.limit;
        }
        self.count = (self.count + (at - self.refilled) / step).min(self.candidate.limit);
        self.refilled = at;
        let accepted = self.take();
        Reply { accepted, remaining: (self.count + SLACK).floor(), exact: Some(self.count) }
    }

    /// Whether it may as well have been answered the other way, because a bucket was so near to its
    /// next token; then it is.
    pub(in crate::rate_limit) fn concedes(&mut self, reply: Reply, within: f64) -> bool {
        if self.candidate.shape != Shape::Bucket {
            return false;
        }
        let (near, left) = if reply.accepted {
            (self.count <= within, self.count + 1.0)
        } else {
            (self.count >= 1.0 - within, 0.0)
        };
        if near {
            self.count = left;
        }
        near
    }

    fn stepped(&mut self, at: f64, tokens: f64, forgets: bool) -> Reply {
        let Candidate { limit, window, .. } = self.candidate;
        let step = window / limit * tokens;
        let full = |last: f64| last + ((limit - self.count) / tokens - SLACK).ceil() * step;
        if self.window.is_none_or(|last| forgets && at >= full(last)) {
            self.refilled = at;
            self.count = limit;
        }
        let back = ((at - self.refilled) / step + SLACK).floor();
        self.count = (self.count + back * tokens).min(limit);
        self.refilled += back * step;
        let accepted = self.take();
        if accepted || self.window.is_none() {
            self.window = Some(at);
        }
        Reply::new(accepted, (self.count + SLACK).floor())
    }

    /// One token of a bucket, if there is one.
    fn take(&mut self) -> bool {
        let accepted = self.count >= 1.0 - SLACK;
        if accepted {
            self.count -= 1.0;
        }
        accepted
    }

    fn penalty(&mut self, at: f64) -> Reply {
        if at < self.blocked_until {
            return Reply::new(false, 0.0);
        }
        if self.blocked_until.is_finite() {
            self.blocked_until = f64::NEG_INFINITY;
            self.hits.clear();
        }
        let reply = self.log(at, false);
        if !reply.accepted {
            self.blocked_until = at + self.candidate.window;
        }
        reply
    }
}

/// A count as the number that limits are compared with.
pub(in crate::rate_limit) fn count(items: usize) -> f64 {
    u32::try_from(items).map_or(f64::MAX, f64::from)
}
