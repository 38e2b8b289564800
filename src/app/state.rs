//! Keeps the durable state: restored at the start, written now and then and at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::claim::Claim;
use crate::api::Settings;
use crate::clock::Clock;
use crate::store::Store;
use crate::store::saved::{self, Restored};

/// The state is written so often.
const EVERY: Duration = Duration::from_secs(30);

/// Keeps the state of all checks in a file.
pub(super) struct Keeper {
    /// Held until the state is written for the last time.
    _claim: Claim,
    path: PathBuf,
    store: Arc<dyn Store>,
    /// Say of which location the state is.
    settings: watch::Receiver<Arc<Settings>>,
    clock: Clock,
}

impl Keeper {
    /// Puts the checks back to where they stood. A file that is damaged is set aside and said,
    /// and one that cannot be read is no reason not to start.
    pub(super) fn restore(
        claim: Claim,
        store: Arc<dyn Store>,
        settings: watch::Receiver<Arc<Settings>>,
        clock: Clock,
    ) -> Self {
        let path = claim.directory.join("state.json");
        let location = settings.borrow().location.clone();
        match saved::restore(&path, &*store, &location, clock.now()) {
            Ok(Restored::Nothing) => {}
            Ok(Restored::Checks(checks)) => tracing::info!(checks, "the state was restored"),
            Ok(Restored::SetAside(aside, error)) => tracing::error!(
                aside = %aside.display(), %error,
                "the state file is damaged: it was set aside, and every check starts anew"
            ),
            Err(error) => tracing::error!(
                path = %path.display(), %error,
                "the state cannot be restored: every check starts anew"
            ),
        }
        Self { _claim: claim, path, store, settings, clock }
    }

    /// Writes the state now and then and after a reload, until `stop`, and once more in the end.
    pub(super) async fn work(self, stop: CancellationToken, drained: impl Future<Output = ()>) {
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
        drained.await;
        Self::write(&keeper).await;
    }

    async fn write(keeper: &Arc<Self>) {
        let writer = Arc::clone(keeper);
        let writing = tokio::task::spawn_blocking(move || {
            let location = writer.settings.borrow().location.clone();
            saved::write(&writer.path, &*writer.store, &location, writer.clock.now())
        });
        match writing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(path = %keeper.path.display(), %error, "the state cannot be written");
            }
            Err(error) => tracing::error!(%error, "the state cannot be written"),
        }
    }
}
