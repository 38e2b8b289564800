//! Keeps the durable state: restored at the start, written now and then and at the end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prometheus::{IntCounter, Registry};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::claim::Claim;
use crate::api::Settings;
use crate::blocking::Blocking;
use crate::clock::Clock;
use crate::store::Store;
use crate::store::saved::{self, Restored};

/// The state is written so often.
const EVERY: Duration = Duration::from_secs(30);

/// Writing it takes a moment, or its file system hangs. Shorter than what an ending daemon waits.
const PATIENCE: Duration = Duration::from_secs(8);

/// Counts the times that the state could not be written.
const FAILURES: &str = "musterd_state_write_failures_total";

/// Keeps the state of all checks in a file.
pub(super) struct Keeper {
    /// Held until the state is written for the last time.
    _claim: Claim,
    path: PathBuf,
    /// Whether the file is ours to overwrite: nothing stands in it that is not known.
    writable: bool,
    store: Arc<dyn Store>,
    /// Say of which location the state is.
    settings: watch::Receiver<Arc<Settings>>,
    clock: Clock,
    failures: IntCounter,
    /// A file system that hangs is a failure, too.
    blocking: Blocking,
}

impl Keeper {
    /// Puts the checks back to where they stood. A file that is damaged or cannot be read is set
    /// aside and said; where that cannot be done either, or its file system hangs, it is not
    /// overwritten. Neither is a reason not to start.
    pub(super) async fn restore(
        claim: Claim,
        store: Arc<dyn Store>,
        settings: watch::Receiver<Arc<Settings>>,
        clock: Clock,
    ) -> Self {
        let path = claim.directory.join("state.json");
        let location = settings.borrow().location.clone();
        let blocking = Blocking::new(1, PATIENCE);
        let reading = {
            let (path, now) = (path.clone(), clock.now());
            blocking.call(move || saved::read(&path, now))
        };
        let found = reading.await.flatten();
        let mut writable = true;
        match found.map(|found| found.restore(&*store, &location, clock.now())) {
            Ok(Restored::Nothing) => {}
            Ok(Restored::Checks(checks)) => tracing::info!(checks, "the state was restored"),
            Ok(Restored::SetAside(aside, error)) => tracing::error!(
                aside = %aside.display(), %error,
                "the state file cannot be used: it was set aside, and every check starts anew"
            ),
            Err(error) => {
                tracing::error!(
                    path = %path.display(), %error,
                    "the state cannot be restored: every check starts anew, and the file is left \
                     as it is until the next start"
                );
                writable = false;
            }
        }
        let failures = IntCounter::new(FAILURES, "How often the state could not be written");
        let failures = failures.expect("the family's name is well-formed");
        Self { _claim: claim, path, writable, store, settings, clock, failures, blocking }
    }

    /// Shows in a registry how often the state could not be written.
    pub(super) fn metered(self, registry: &Registry) -> prometheus::Result<Self> {
        registry.register(Box::new(self.failures.clone()))?;
        Ok(self)
    }

    /// Writes the state now and then and after a reload, until `stop`, and once more when the runs
    /// in flight then have ended.
    pub(super) async fn work(self, stop: CancellationToken, drained: oneshot::Receiver<()>) {
        let mut turn = tokio::time::interval(EVERY);
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        turn.tick().await;
        let mut reloads = self.settings.clone();
        let keeper = Arc::new(self);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = turn.tick() => Self::write(&keeper).await,
                // A state of another location would be of no use after a restart.
                Ok(()) = reloads.changed() => Self::write(&keeper).await,
            }
        }
        // Dropped or sent, both mean that nothing is in flight any more.
        let _either = drained.await;
        Self::write(&keeper).await;
    }

    async fn write(keeper: &Arc<Self>) {
        let writer = Arc::clone(keeper);
        let saving = keeper.blocking.call(move || writer.save());
        if let Err(error) = saving.await.and_then(|written| written) {
            keeper.failures.inc();
            tracing::error!(path = %keeper.path.display(), %error, "the state cannot be written");
        }
    }

    fn save(&self) -> io::Result<()> {
        if !self.writable {
            return Err(io::Error::other("what stands there could not be restored"));
        }
        let location = self.settings.borrow().location.clone();
        saved::write(&self.path, &*self.store, &location, self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::Timestamp;

    use super::*;
    use crate::store::Memory;

    /// A keeper that starts over a directory, at the first second of time, and stops at once. Gives
    /// back how often it failed to write.
    async fn start_and_stop(directory: &Path) -> u64 {
        let settings = Settings {
            location: String::new(),
            token: None,
            report_token: None,
            base_path: String::new(),
            name: None,
            public: false,
        };
        let (_reloader, settings) = watch::channel(Arc::new(settings));
        let clock = Clock::made_up(|| Timestamp::UNIX_EPOCH);
        let claim = Claim::take(directory).unwrap();
        let keeper = Keeper::restore(claim, Arc::new(Memory::new()), settings, clock).await;
        let failures = keeper.failures.clone();
        let stop = CancellationToken::new();
        stop.cancel();
        let (in_flight, drained) = oneshot::channel();
        drop(in_flight);
        keeper.work(stop, drained).await;
        failures.get()
    }

    #[tokio::test]
    async fn a_file_that_could_be_neither_restored_nor_moved_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let read = || std::fs::read_to_string(&path).unwrap();
        assert_eq!(start_and_stop(folder.path()).await, 0);
        assert!(read().contains("musterd.state/1"));

        std::fs::write(&path, "what a newer version wrote").unwrap();
        let occupied = folder.path().join("state.json.damaged-0");
        std::fs::create_dir(&occupied).unwrap();
        assert_eq!(start_and_stop(folder.path()).await, 1);
        assert_eq!(read(), "what a newer version wrote");

        std::fs::remove_dir(&occupied).unwrap();
        assert_eq!(start_and_stop(folder.path()).await, 0);
        assert!(read().contains("musterd.state/1"));
        assert_eq!(std::fs::read_to_string(&occupied).unwrap(), "what a newer version wrote");
    }
}
