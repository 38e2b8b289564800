//! How many connections stand open at once, so that nobody who connects uses up the descriptors
//! that the probes need.

use std::future::{Ready, ready};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::connection::Connection;

/// However many descriptors there are, no more connections stand open than this.
const MOST: usize = 1_024;

/// Where descriptors are scarce, so many connections are taken all the same.
const LEAST: usize = 16;

/// What is refused is said so often at most.
const SAY_AGAIN: Duration = Duration::from_mins(1);

/// Lets connections in as long as there is room, and closes the others.
#[derive(Clone)]
pub(super) struct Door {
    places: Arc<Semaphore>,
    /// How long a client may take nothing of what is sent to it.
    patience: Duration,
    refused: Arc<Mutex<Refused>>,
}

/// Connections that were closed since it was said last.
#[derive(Default)]
struct Refused {
    count: u64,
    said: Option<Instant>,
}

/// How many connections leave room for the probes: a quarter of all descriptors.
pub(super) fn room() -> usize {
    let descriptors = rlimit::Resource::NOFILE.get_soft().unwrap_or_default();
    usize::try_from(descriptors / 4).unwrap_or(MOST).clamp(LEAST, MOST)
}

impl Door {
    /// With room for so many.
    pub(super) fn new(places: usize, patience: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), patience, refused: Arc::default() }
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Connection<TcpStream>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let connection = place.map(|place| Connection::new(stream, self.patience, place));
        ready(connection.map(|connection| (connection, service)).map_err(|_| {
            let mut refused = self.refused.lock().expect("no panic under this lock");
            refused.one_more(Instant::now());
            io::Error::other("too many connections are open")
        }))
    }
}

impl Refused {
    fn one_more(&mut self, now: Instant) {
        self.count += 1;
        if self.said.is_none_or(|said| now.duration_since(said) >= SAY_AGAIN) {
            tracing::warn!(
                refused = self.count,
                "too many connections to the server are open: others are closed at once"
            );
            *self = Self { count: 0, said: Some(now) };
        }
    }
}
