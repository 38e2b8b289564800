//! Signals: stop, and reload.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that stop the daemon.
pub(super) struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    pub(super) fn listen() -> io::Result<Self> {
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    /// The next of them: SIGTERM or SIGINT.
    pub(super) async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
        }
    }
}

/// The signal that reloads the configuration. Several that come while nobody hears them are one.
pub(super) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
