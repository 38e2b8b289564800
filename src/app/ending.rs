//! How the daemon ends: what is in flight is awaited, and for nothing is waited for ever.

use std::convert::Infallible;
use std::future::pending;
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
    /// One of its tasks ended by itself, which is a fault.
    Fault,
}

/// The tasks of a daemon; `None` is one that has ended, or was never there.
pub(super) struct Tasks {
    pub(super) scheduler: Option<JoinHandle<()>>,
    pub(super) notifications: Option<JoinHandle<()>>,
    pub(super) server: Option<JoinHandle<()>>,
    pub(super) state: Option<JoinHandle<()>>,
    /// Stops the scheduler, the server and the keeper of the state.
    pub(super) stop: CancellationToken,
    /// Stops the notifications, after the scheduler, whose last runs are news too.
    pub(super) told: CancellationToken,
    /// Tells the keeper of the state that nothing is in flight any more; dropping it does too.
    pub(super) drained: Option<oneshot::Sender<()>>,
}

impl Tasks {
    /// Goes on until the daemon is told to stop, or one of its tasks ends by itself: without any of
    /// them it looks well from outside, and is not.
    pub(super) async fn go_on(
        &mut self,
        stops: &mut Stops,
        beside: impl Future<Output = Infallible>,
    ) -> Ended {
        tokio::select! {
            biased;
            _ = stops.next() => Ended::Asked,
            () = lost("scheduler", &mut self.scheduler) => Ended::Fault,
            () = lost("notifications", &mut self.notifications) => Ended::Fault,
            () = lost("server", &mut self.server) => Ended::Fault,
            () = lost("state", &mut self.state) => Ended::Fault,
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

/// Awaits a task that is not meant to end, for ever where there is none.
async fn lost(name: &'static str, task: &mut Option<JoinHandle<()>>) {
    if task.is_none() {
        return pending().await;
    }
    ended(name, task, Duration::MAX).await;
    tracing::error!(task = name, "a task has ended by itself: the daemon cannot go on without it");
}

/// Awaits a task for so long, unless that was done before.
async fn ended(name: &'static str, task: &mut Option<JoinHandle<()>>, within: Duration) {
    let Some(running) = task else { return };
    match timeout(within, running).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(task = name, %error, "a task ended badly"),
        Err(_) => tracing::error!(task = name, "a task did not end in time and is left behind"),
    }
    *task = None;
}

#[cfg(test)]
mod tests {
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

    type Whose = fn(&mut Tasks) -> &mut Option<JoinHandle<()>>;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_by_itself_ends_the_daemon() {
        let mut stops = Stops::listen().unwrap();
        let faults = || [tokio::spawn(async {}), tokio::spawn(async { panic!("a fault") })];
        let whose: [Whose; 4] = [
            |tasks| &mut tasks.scheduler,
            |tasks| &mut tasks.notifications,
            |tasks| &mut tasks.server,
            |tasks| &mut tasks.state,
        ];
        for (whose, fault) in
            whose.into_iter().flat_map(|whose| faults().map(|fault| (whose, fault)))
        {
            let mut tasks = tasks(pending());
            *whose(&mut tasks) = Some(fault);
            assert_eq!(tasks.go_on(&mut stops, pending()).await, Ended::Fault);
            assert_eq!(tasks.end(&mut stops, Ended::Fault).await, Ended::Fault);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_state_to_keep_the_daemon_goes_on() {
        let mut stops = Stops::listen().unwrap();
        let mut tasks = Tasks { state: None, ..tasks(pending()) };
        let going_on = tasks.go_on(&mut stops, pending());
        assert!(timeout(Duration::from_hours(1), going_on).await.is_err());
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
