//! What systemd is told, where it started us (`sd_notify(3)`).

use std::convert::Infallible;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use crate::heartbeat::Heartbeat;

/// How often the scheduler's heart is looked at where no watchdog waits for it.
const LOOK: Duration = Duration::from_secs(10);

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

/// Feeds the watchdog twice in its time, while the scheduler goes round: a daemon that answers but
/// looks at nothing is to be started anew.
pub(super) async fn watch(heart: &Heartbeat) -> Infallible {
    feed(sd_notify::watchdog_enabled(), heart, || tell(&[NotifyState::Watchdog])).await
}

async fn feed(watchdog: Option<Duration>, heart: &Heartbeat, feed: impl Fn()) -> Infallible {
    let turn = watchdog.map_or(LOOK, |time| time / 2).max(Duration::from_millis(1));
    let mut turn = interval(turn);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut went_on = true;
    loop {
        turn.tick().await;
        let goes_on = heart.goes_on();
        if goes_on && watchdog.is_some() {
            feed();
        }
        if went_on && !goes_on {
            tracing::error!("the scheduler hangs: nothing is looked at any more");
        } else if goes_on && !went_on {
            tracing::warn!("the scheduler goes on");
        }
        went_on = goes_on;
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::timeout;

    use super::*;
    use crate::heartbeat::LONGEST;

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_fed_twice_in_its_time_until_the_scheduler_hangs() {
        let (heart, fed) = (Heartbeat::new(), Cell::new(0));
        let minute = Some(Duration::from_mins(1));
        let feeding = feed(minute, &heart, || fed.set(fed.get() + 1));
        let mut feeding = std::pin::pin!(feeding);
        for _ in 0..10 {
            heart.beat();
            let _elapsed = timeout(Duration::from_mins(1), &mut feeding).await;
        }
        assert!((20..=21).contains(&fed.get()), "{}", fed.get());
        let _elapsed = timeout(LONGEST, &mut feeding).await;
        let before = fed.get();
        let _elapsed = timeout(Duration::from_hours(1), &mut feeding).await;
        assert_eq!(fed.get(), before, "nobody feeds it for a scheduler that hangs");
        heart.beat();
        let _elapsed = timeout(Duration::from_secs(30), &mut feeding).await;
        assert_eq!(fed.get(), before + 1);
    }
}
