//! What can be asked of the scheduler, and how.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::config::Config;

/// Commands wait in a line of this length; whoever asks then waits too.
const LINE: usize = 64;

/// Something that is asked of the scheduler.
#[derive(Debug)]
pub(crate) enum Command {
    /// Run a check now, out of turn.
    Run { check: String, reply: oneshot::Sender<Result<(), Refusal>> },
    /// Work by this configuration from now on.
    Adopt { config: Arc<Config>, reply: oneshot::Sender<()> },
}

/// Why a check is not run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such check.
    Unknown,
    /// It waits or runs already.
    Busy,
    /// It does active work, which is never repeated early.
    Limited,
    /// The daemon is stopping.
    Stopping,
}

/// Reads the configuration again: the whole new one, or an account of every problem in it.
#[derive(Debug)]
pub(crate) struct Reload {
    pub(crate) reply: oneshot::Sender<Result<(), String>>,
}

/// Asks the scheduler and the daemon.
#[derive(Debug, Clone)]
pub(crate) struct Commands {
    scheduler: mpsc::Sender<Command>,
    daemon: mpsc::Sender<Reload>,
}

/// Where what is asked arrives.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) scheduler: mpsc::Receiver<Command>,
    pub(crate) daemon: mpsc::Receiver<Reload>,
}

impl Commands {
    /// A way to ask, and where what is asked arrives.
    pub(crate) fn new() -> (Self, Asked) {
        let (scheduler, to_scheduler) = mpsc::channel(LINE);
        let (daemon, to_daemon) = mpsc::channel(LINE);
        let asked = Asked { scheduler: to_scheduler, daemon: to_daemon };
        (Self { scheduler, daemon }, asked)
    }

    /// Reads the configuration again; `None` when the daemon is stopping.
    pub(crate) async fn reload(&self) -> Option<Result<(), String>> {
        let (reply, answer) = oneshot::channel();
        self.daemon.send(Reload { reply }).await.ok()?;
        answer.await.ok()
    }

    /// Runs a check now; the answer says that it was put in line, not how it went.
    pub(crate) async fn run(&self, check: &str) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Run { check: check.to_owned(), reply };
        self.scheduler.send(command).await.map_err(|_| Refusal::Stopping)?;
        answer.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Works by this configuration from now on; `false` when the scheduler has stopped.
    pub(crate) async fn adopt(&self, config: Arc<Config>) -> bool {
        let (reply, answer) = oneshot::channel();
        let sent = self.scheduler.send(Command::Adopt { config, reply }).await.is_ok();
        sent && answer.await.is_ok()
    }
}
