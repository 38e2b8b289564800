//! How the daemon ends: what is in flight is awaited, and for nothing is waited for ever.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use tokio::signal::unix::SignalKind;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::signal::Stops;

/// The scheduler awaits runs in flight for ten seconds.
const SCHEDULER: Duration = Duration::from_secs(15);

/// Receivers are told once more, and have five seconds for each try.
const NOTIFICATIONS: Duration = Duration::from_secs(20);

/// The server awaits answers in flight for five seconds.
const SERVER: Duration = Duration::from_secs(10);

/// Writing the state takes a moment, or its file system hangs.
const STATE: Duration = Duration::from_secs(10);

/// Who is told to stop twice waits no longer than this for the state.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Why the daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was told to.
    Asked,
    /// It was told to once more, by this signal, and gave up what was in flight.
    AtOnce(SignalKind),
    /// The scheduler ended by itself, which is a fault.
    Fault,
}

/// The tasks of a daemon; `None` is one that has ended, or was never there.
pub(super) struct Tasks {
    pub(super) scheduler: Option<JoinHandle<()>>,
    pub(super) notifications: Option<JoinHandle<()>>,
    pub(super) server: Option<JoinHandle<io::Result<()>>>,
    pub(super) state: Option<JoinHandle<()>>,
    /// Stops the scheduler, the server and the keeper of the state.
    pub(super) stop: CancellationToken,
    /// Stops the notifications, after the scheduler, whose last runs are news too.
    pub(super) told: CancellationToken,
    /// Tells the keeper of the state that nothing is in flight any more; dropping it does too.
    pub(super) drained: Option<oneshot::Sender<()>>,
}

impl Tasks {
    /// Goes on until the daemon is told to stop, or its scheduler ends by itself.
    pub(super) async fn go_on(
        &mut self,
        stops: &mut Stops,
        beside: impl Future<Output = Infallible>,
    ) -> Ended {
        tokio::select! {
            biased;
            _ = stops.next() => Ended::Asked,
            () = ended("scheduler", &mut self.scheduler, Duration::MAX) => {
                tracing::error!("the scheduler has ended by itself: nothing is looked at any more");
                Ended::Fault
            }
            never = beside => match never {},
        }
    }

    /// Ends them all. A second signal ends the waiting.
    pub(super) async fn end(mut self, stops: &mut Stops, why: Ended) -> Ended {
        self.stop.cancel();
        let again = tokio::select! {
            biased;
            signal = stops.next() => signal,
            () = self.drain() => return why,
        };
        tracing::warn!("told to stop once more: what is in flight is given up");
        drop(self.drained.take());
        ended("state", &mut self.state, AT_ONCE).await;
        Ended::AtOnce(again)
    }

    async fn drain(&mut self) {
        ended("scheduler", &mut self.scheduler, SCHEDULER).await;
        self.told.cancel();
        drop(self.drained.take());
        ended("notifications", &mut self.notifications, NOTIFICATIONS).await;
        ended("server", &mut self.server, SERVER).await;
        ended("state", &mut self.state, STATE).await;
    }
}

/// Awaits a task for so long, unless that was done before.
async fn ended<T>(name: &'static str, task: &mut Option<JoinHandle<T>>, within: Duration) {
    let Some(running) = task else { return };
    match timeout(within, running).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(task = name, %error, "a task ended badly"),
        Err(_) => tracing::error!(task = name, "a task did not end in time and is left behind"),
    }
    *task = None;
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// A daemon whose scheduler does this, and everybody else's task hangs.
    fn tasks(scheduler: impl Future<Output = ()> + Send + 'static) -> Tasks {
        Tasks {
            scheduler: Some(tokio::spawn(scheduler)),
            notifications: Some(tokio::spawn(pending())),
            server: Some(tokio::spawn(pending())),
            state: Some(tokio::spawn(pending())),
            stop: CancellationToken::new(),
            told: CancellationToken::new(),
            drained: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_scheduler_that_ends_by_itself_ends_the_daemon() {
        let mut stops = Stops::listen().unwrap();
        for scheduler in [tokio::spawn(async {}), tokio::spawn(async { panic!("a fault") })] {
            let mut tasks = Tasks { scheduler: Some(scheduler), ..tasks(pending()) };
            assert_eq!(tasks.go_on(&mut stops, pending()).await, Ended::Fault);
            assert_eq!(tasks.end(&mut stops, Ended::Fault).await, Ended::Fault);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_keeps_the_daemon_from_ending_for_a_while_only() {
        let mut stops = Stops::listen().unwrap();
        let tasks = tasks(pending());
        let (stop, told) = (tasks.stop.clone(), tasks.told.clone());
        let began = tokio::time::Instant::now();
        assert_eq!(tasks.end(&mut stops, Ended::Asked).await, Ended::Asked);
        assert!(stop.is_cancelled() && told.is_cancelled());
        assert!(began.elapsed() <= Duration::from_mins(1));
    }
}
