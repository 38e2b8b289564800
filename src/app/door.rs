//! How many connections stand open at once, so that nobody who connects uses up the descriptors
//! that the probes need.

mod places;

use std::future::{Ready, ready};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::connection::Connection;
use places::Full;
pub(super) use places::{Place, Places};

/// However many descriptors there are, no more connections stand open than this.
const MOST: usize = 1_024;

/// Where descriptors are scarce, so many connections are taken all the same.
const LEAST: usize = 16;

/// What is refused is said so often at most.
const SAY_AGAIN: Duration = Duration::from_mins(1);

/// Lets connections in as long as there is room, and closes the others.
#[derive(Clone)]
pub(super) struct Door {
    places: Places,
    /// How long a client may take nothing of what is sent to it.
    patience: Duration,
    refused: Arc<Mutex<Refusals>>,
}

/// Each has its own, so that one never hides the other.
#[derive(Default)]
struct Refusals {
    whole: Refused,
    of_peers: Refused,
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
        Self { places: Places::new(places), patience, refused: Arc::default() }
    }

    fn refuse(&self, peer: IpAddr, full: Full) -> io::Error {
        let mut refused = self.refused.lock().expect("no panic under this lock");
        let now = Instant::now();
        match full {
            Full::Whole => {
                if let Some(refused) = refused.whole.one_more(now) {
                    tracing::warn!(
                        refused,
                        "too many connections to the server are open: others are closed at once"
                    );
                }
            }
            Full::OfPeer => {
                if let Some(refused) = refused.of_peers.one_more(now) {
                    tracing::warn!(
                        refused,
                        %peer,
                        "one peer has too many connections to the server open: others of it are \
                         closed at once"
                    );
                }
            }
        }
        io::Error::other("too many connections are open")
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Connection<TcpStream>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(stream.peer_addr().and_then(|peer| {
            let place = self.places.take(peer.ip()).map_err(|full| self.refuse(peer.ip(), full))?;
            Ok((Connection::new(stream, self.patience, place), service))
        }))
    }
}

impl Refused {
    /// Counts one, and gives how many there were where it is time to say it.
    fn one_more(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        if self.said.is_some_and(|said| now.duration_since(said) < SAY_AGAIN) {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}
