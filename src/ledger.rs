//! The ledger of what runs at most once a day and route: intrusive work and full depth.
//!
//! A run is entered before it starts, so that no crash makes it happen twice, and under a lock on
//! the file, so that the daemon and `musterd check` with the same state share their day.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::net::origin::Origin;
use serde::{Deserialize, Serialize};

use crate::config::{Check, Service};
use crate::durable;

/// The schema that is written, and the only one that is read.
const SCHEMA: &str = "musterd.ledger/1";

/// The longest ledger that is read, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What runs at most once a day waits so long.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What is worked on: two checks that would exhaust one limit share their day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route(String);

impl Route {
    /// The route of a check: what its probe works on at the service's origin, or else the check
    /// itself.
    pub(crate) fn of(service: &Service, check: &Check) -> Self {
        match (Origin::of(&service.target.url), check.probe.route()) {
            (Some(origin), Some(route)) => Self(format!("{} {origin} {route}", check.kind.name)),
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
pub(crate) struct Ledger {
    /// Where it outlives the process.
    path: Option<PathBuf>,
    /// How long a route waits.
    period: SignedDuration,
    entries: Mutex<Entries>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Entries {
    schema: String,
    /// When a damaged ledger was set aside: what stood in it may have run until then.
    #[serde(default)]
    lost_at: Option<Timestamp>,
    /// When each route was last worked on.
    routes: BTreeMap<String, Timestamp>,
}

impl Ledger {
    /// One that ends with the process.
    pub(crate) fn passing() -> Self {
        Self { path: None, period: DAY, entries: Mutex::default() }
    }

    /// One that ends with the process and whose day is as short as this: for specimens.
    pub(crate) fn hasty(period: SignedDuration) -> Self {
        Self { period, ..Self::passing() }
    }

    /// One that stands in this directory.
    pub(crate) fn durable(directory: &Path) -> Self {
        Self { path: Some(directory.join("ledger.json")), ..Self::passing() }
    }

    /// Whether even a check that never ran may work at once.
    pub(crate) fn is_hasty(&self) -> bool {
        self.period < DAY
    }

    /// When a route comes next, without a look at the file: [`Ledger::claim`] decides.
    pub(crate) fn due(&self, route: &Route, at: Timestamp) -> Due {
        let entries = self.entries.lock().expect("no panic under this lock");
        match entries.routes.get(&route.0) {
            Some(last) if at.duration_since(*last) < self.period => Due::Later,
            Some(_) => Due::Now,
            None if self.path.is_some() || self.is_hasty() => Due::Now,
            None => Due::Unknown,
        }
    }

    /// Enters a run that is about to start, unless the route's day is not over yet. Where the
    /// entry cannot be made durable, the run must not be made either.
    pub(crate) fn claim(&self, route: &Route, at: Timestamp) -> io::Result<bool> {
        self.change(at, |entries, period| {
            let last = entries.routes.get(&route.0).copied().or(entries.lost_at);
            let due = last.is_none_or(|last| at.duration_since(last) >= period);
            if due {
                entries.routes.insert(route.0.clone(), at);
            }
            due
        })
    }

    /// Takes the entry of a run back that sent nothing after all.
    pub(crate) fn give_back(&self, route: &Route, at: Timestamp) -> io::Result<()> {
        self.change(at, |entries, _| {
            if entries.routes.get(&route.0) == Some(&at) {
                entries.routes.remove(&route.0);
            }
        })
    }

    fn change<T>(
        &self,
        at: Timestamp,
        change: impl FnOnce(&mut Entries, SignedDuration) -> T,
    ) -> io::Result<T> {
        let mut entries = self.entries.lock().expect("no panic under this lock");
        let Some(path) = &self.path else { return Ok(change(&mut entries, self.period)) };
        let _locked = lock(path)?;
        *entries = read(path, at)?;
        let result = change(&mut entries, self.period);
        let period = self.period;
        entries.routes.retain(|_, last| at.duration_since(*last) < period);
        entries.lost_at = entries.lost_at.filter(|lost| at.duration_since(*lost) < period);
        durable::write(path, &*entries)?;
        Ok(result)
    }
}

/// Held until it is dropped. The lock has a file of its own, because the ledger's is replaced.
fn lock(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = File::create(path.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}

fn read(path: &Path, at: Timestamp) -> io::Result<Entries> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(LONGEST).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entries::new()),
        Err(error) => return Err(error),
    };
    match serde_json::from_slice::<Entries>(&text) {
        Ok(entries) if entries.schema == SCHEMA => Ok(entries),
        _ => {
            let aside = durable::set_aside(path, at)?;
            tracing::error!(
                aside = %aside.display(),
                "the ledger is damaged: it was set aside, and nothing intrusive runs for a day"
            );
            Ok(Entries { lost_at: Some(at), ..Entries::new() })
        }
    }
}

impl Entries {
    fn new() -> Self {
        Self { schema: SCHEMA.to_owned(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(START + hour * 3600).unwrap()
    }

    fn route(name: &str) -> Route {
        Route(name.to_owned())
    }

    #[test]
    fn a_route_is_worked_on_once_a_day_by_whoever_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let (daemon, one_shot) = (Ledger::durable(folder.path()), Ledger::durable(folder.path()));
        let shared = route("rate_limit https://shop.test POST /login");
        assert_eq!(daemon.due(&shared, hour(0)), Due::Now);
        assert!(daemon.claim(&shared, hour(0)).unwrap());
        assert!(!one_shot.claim(&shared, hour(23)).unwrap(), "it stands in the file");
        assert!(one_shot.claim(&route("another"), hour(23)).unwrap());
        assert!(one_shot.claim(&shared, hour(24)).unwrap());
        assert_eq!(daemon.due(&shared, hour(24)), Due::Now, "it has not looked at the file yet");
        assert!(!daemon.claim(&shared, hour(25)).unwrap());
        assert_eq!(daemon.due(&shared, hour(25)), Due::Later);
    }

    #[test]
    fn what_sent_nothing_is_taken_back_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::durable(folder.path());
        assert!(ledger.claim(&route("a"), hour(0)).unwrap());
        ledger.give_back(&route("a"), hour(1)).unwrap();
        assert!(!ledger.claim(&route("a"), hour(2)).unwrap(), "another run's entry stays");
        ledger.give_back(&route("a"), hour(0)).unwrap();
        assert!(ledger.claim(&route("a"), hour(2)).unwrap());
    }

    #[test]
    fn a_damaged_ledger_stands_aside_and_nothing_runs_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ledger.json"), "{\"schema\": \"musterd.led").unwrap();
        let ledger = Ledger::durable(folder.path());
        assert!(!ledger.claim(&route("a"), hour(0)).unwrap());
        let again = Ledger::durable(folder.path());
        assert!(!again.claim(&route("a"), hour(23)).unwrap(), "the loss itself is remembered");
        assert!(again.claim(&route("a"), hour(24)).unwrap());
        let aside = std::fs::read_dir(folder.path()).unwrap().filter(|entry| {
            entry.as_ref().unwrap().file_name().to_string_lossy().contains("damaged")
        });
        assert_eq!(aside.count(), 1);
    }

    #[test]
    fn without_a_place_to_stand_nothing_may_be_claimed() {
        let folder = tempfile::tempdir().unwrap();
        let occupied = folder.path().join("file");
        std::fs::write(&occupied, "").unwrap();
        assert!(Ledger::durable(&occupied).claim(&route("a"), hour(0)).is_err());
    }

    #[test]
    fn a_passing_ledger_knows_only_its_own_process() {
        let ledger = Ledger::passing();
        assert_eq!(ledger.due(&route("a"), hour(0)), Due::Unknown);
        assert!(ledger.claim(&route("a"), hour(0)).unwrap());
        assert_eq!(ledger.due(&route("a"), hour(23)), Due::Later);
        assert_eq!(ledger.due(&route("a"), hour(24)), Due::Now);
    }
}
