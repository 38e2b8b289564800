//! Whether the scheduler still goes round: it beats at each turn, and others look how long ago that
//! was.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The scheduler goes round every ten seconds at least; without a beat for so long it hangs.
pub(crate) const LONGEST: Duration = Duration::from_mins(1);

/// The scheduler's heartbeat.
#[derive(Debug, Clone)]
pub(crate) struct Heartbeat(Arc<Beats>);

#[derive(Debug)]
struct Beats {
    since: Instant,
    /// When it beat last, in milliseconds from `since`.
    last: AtomicU64,
}

impl Heartbeat {
    /// One that beats now for the first time.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Beats { since: Instant::now(), last: AtomicU64::new(0) }))
    }

    /// Beats.
    pub(crate) fn beat(&self) {
        self.0.last.store(self.now(), Ordering::Relaxed);
    }

    /// Whether it beat within the time in which it has to.
    pub(crate) fn goes_on(&self) -> bool {
        let silent = self.now().saturating_sub(self.0.last.load(Ordering::Relaxed));
        Duration::from_millis(silent) <= LONGEST
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_while_it_beats() {
        let heart = Heartbeat::new();
        for _ in 0..10 {
            advance(LONGEST).await;
            assert!(heart.goes_on());
            heart.beat();
        }
        advance(LONGEST + Duration::from_secs(1)).await;
        assert!(!heart.goes_on());
        heart.beat();
        assert!(heart.goes_on());
    }
}
