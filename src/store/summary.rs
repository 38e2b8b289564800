//! A run in short: a few bytes, because many are kept of every check.

use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::run_id::RunId;
use musterd_probes::severity::Verdict;

/// In these steps durations are kept; 32 bits of them last for half a day.
const STEP: Duration = Duration::from_micros(10);

/// A run in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunSummary {
    pub(crate) run: RunId,
    /// In steps.
    took: u32,
    pub(crate) verdict: Verdict,
}

impl RunSummary {
    /// A run that started when its identity says.
    pub(crate) fn new(run: RunId, duration: Duration, verdict: Verdict) -> Self {
        let steps = duration.as_nanos().div_ceil(STEP.as_nanos());
        Self { run, took: u32::try_from(steps).unwrap_or(u32::MAX), verdict }
    }

    /// The same run, of which nothing newer is known any more.
    pub(super) fn outdated(self) -> Self {
        Self { verdict: Verdict::Unknown, ..self }
    }

    /// When it started, to the millisecond.
    pub(crate) fn at(&self) -> Timestamp {
        self.run.at()
    }

    /// How long it took, to ten microseconds, and at most half a day.
    pub(crate) fn duration(&self) -> Duration {
        STEP * self.took
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_and_keeps_what_it_is_told() {
        assert!(size_of::<RunSummary>() <= 24);
        let at = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        let summary = |duration| RunSummary::new(RunId::new(at, 7), duration, Verdict::Warn);
        let kept = summary(Duration::from_micros(12_340));
        assert_eq!((kept.at(), kept.duration()), (at, Duration::from_micros(12_340)));
        assert_eq!(summary(Duration::from_nanos(1)).duration(), STEP, "nothing takes no time");
        assert!(summary(Duration::MAX).duration() > Duration::from_hours(11));
    }
}
