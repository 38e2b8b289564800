//! The ledger of what runs at most once a day and route: intrusive work and full depth.
//!
//! A run is entered before it starts, so that no crash makes it happen twice, and under a lock on
//! the file, so that the daemon and `musterd check` with the same state share their day. Whoever
//! holds that lock for long, or a file system that hangs, keeps nobody waiting for long: what cannot
//! be entered in time does not run this time.

mod file;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::net::origin::Origin;
use tokio::time::{Instant, sleep};
use url::Position;

use crate::blocking::Blocking;
use crate::config::{Check, Service};
use file::{Entries, Place};

/// What runs at most once a day waits so long.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Looking at the file takes no longer than this, or its file system hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nobody needs the lock for longer than a moment.
const LOCK: Duration = Duration::from_secs(5);

/// How often it is tried whether the lock is free.
const TRY: Duration = Duration::from_millis(20);

/// What is worked on: two checks that would exhaust one limit share their day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route(String);

impl Route {
    /// The route of a check: what its probe works on at the service's origin, however the way there
    /// is divided between the service's URL and the check's path, or else the check itself.
    pub(crate) fn of(service: &Service, check: &Check) -> Self {
        match (Origin::of(&service.target.url), check.probe.route()) {
            (Some(origin), Some(route)) => {
                let (method, path) = route.split_once(' ').unwrap_or(("", &route));
                let url = service.target.at(path);
                let place = &url[Position::BeforePath..Position::AfterQuery];
                Self(format!("{} {origin} {method} {place}", check.kind.name))
            }
            _ => Self(check.id.to_string()),
        }
    }
}

/// When a route comes next, as far as the ledger knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Its day is over, or it was never entered in a ledger that forgets nothing.
    Now,
    /// Its day is not over yet.
    Later,
    /// Nothing is known: this ledger does not outlive the process.
    Unknown,
}

/// The ledger.
#[derive(Clone)]
pub(crate) struct Ledger {
    /// Where it outlives the process.
    place: Option<Place>,
    /// How long a route waits.
    period: SignedDuration,
    /// As they were known last.
    entries: Arc<Mutex<Entries>>,
    /// One thread, so that those who wait for one file do not fill the pool.
    blocking: Blocking,
}

impl Ledger {
    /// One that ends with the process.
    pub(crate) fn passing() -> Self {
        Self {
            place: None,
            period: DAY,
            entries: Arc::default(),
            blocking: Blocking::new(1, PATIENCE),
        }
    }

    /// One that ends with the process and whose day is as short as this: for specimens.
    pub(crate) fn hasty(period: SignedDuration) -> Self {
        Self { period, ..Self::passing() }
    }

    /// One that stands in this directory.
    pub(crate) fn durable(directory: &Path) -> Self {
        Self { place: Some(Place::new(directory)), ..Self::passing() }
    }

    /// Whether even a check that never ran may work at once.
    pub(crate) fn is_hasty(&self) -> bool {
        self.period < DAY
    }

    /// When a route comes next, without a look at the file: [`Ledger::claim`] decides.
    pub(crate) fn due(&self, route: &Route, at: Timestamp) -> Due {
        let entries = self.entries.lock().expect("no panic under this lock");
        match entries.routes.get(&route.0) {
            // One from a clock that was ahead is for the claim to set right.
            Some(last) if at.duration_since(*last).abs() < self.period => Due::Later,
            Some(_) => Due::Now,
            None if self.place.is_some() || self.is_hasty() => Due::Now,
            None => Due::Unknown,
        }
    }

    /// Enters a run that is about to start, unless the route's day is not over yet. Where the
    /// entry cannot be made durable, the run must not be made either.
    pub(crate) async fn claim(&self, route: &Route, at: Timestamp) -> io::Result<bool> {
        let (route, period) = (route.0.clone(), self.period);
        self.change(at, move |entries| {
            let last = entries.routes.get(&route).copied().or(entries.lost_at);
            let due = last.is_none_or(|last| at.duration_since(last) >= period);
            if due {
                entries.routes.insert(route, at);
            }
            due
        })
        .await
    }

    /// Takes the entry of a run back that sent nothing after all.
    pub(crate) async fn give_back(&self, route: &Route, at: Timestamp) -> io::Result<()> {
        let route = route.0.clone();
        self.change(at, move |entries| {
            if entries.routes.get(&route) == Some(&at) {
                entries.routes.remove(&route);
            }
        })
        .await
    }

    /// The lock on what is known in memory is never held while the file is worked on: the scheduler
    /// asks what is due.
    async fn change<T: Send + 'static>(
        &self,
        at: Timestamp,
        change: impl FnOnce(&mut Entries) -> T + Send + 'static,
    ) -> io::Result<T> {
        let Some(place) = self.place.clone() else {
            let mut entries = self.entries.lock().expect("no panic under this lock");
            entries.bring_back(at, self.period);
            return Ok(change(&mut entries));
        };
        let (known, period) = (Arc::clone(&self.entries), self.period);
        let lock = self.lock(&place).await?;
        let changing = self.blocking.call(move || {
            let _until_it_is_written = lock;
            let mut entries = place.read(at)?;
            entries.bring_back(at, period);
            let result = change(&mut entries);
            entries.forget(at, period);
            place.write(&entries)?;
            *known.lock().expect("no panic under this lock") = entries;
            Ok(result)
        });
        changing.await?
    }

    async fn lock(&self, place: &Place) -> io::Result<File> {
        let until = Instant::now() + LOCK;
        loop {
            let tried = place.clone();
            if let Some(lock) = self.blocking.call(move || tried.try_lock()).await?? {
                return Ok(lock);
            }
            if Instant::now() >= until {
                let reason = format!("somebody else holds {}", place.lock_path().display());
                return Err(io::Error::new(io::ErrorKind::WouldBlock, reason));
            }
            sleep(TRY).await;
        }
    }
}
