//! What systemd is told, where it started us (`sd_notify(3)`).

use std::convert::Infallible;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

/// How often the watchdog is fed.
const EVERY: Duration = Duration::from_secs(5);

/// The daemon is ready to be asked, or is so again after a reload.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A reload begins; units of `Type=notify-reload` want to hear when that was.
pub(super) fn reloading() {
    let at = NotifyState::monotonic_usec_now();
    let states: Vec<_> = std::iter::once(NotifyState::Reloading).chain(at).collect();
    tell(&states);
}

/// The daemon stops.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Feeds the watchdog.
pub(super) async fn watch() -> Infallible {
    let mut turn = interval(EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
