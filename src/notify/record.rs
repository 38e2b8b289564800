//! What each receiver was told to be wrong, as a restart must not forget it: a problem that did
//! not arrive is told again, and one that did is not.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::KINDS;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::desk::{Known, Snapshot};
use super::message::Urgency;
use super::problem::{Problem, Problems, Whose, is_problem};
use super::stand::POLICY;
use crate::blocking::Blocking;
use crate::clock::Clock;
use crate::durable;
use crate::status::Status;

/// The schema that is written, and the only one that is read.
const SCHEMA: &str = "musterd.notified/1";

/// Reading and writing take a moment, or the file system hangs.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Debug, Serialize, Deserialize)]
struct File {
    schema: String,
    location: String,
    saved_at: Timestamp,
    receivers: BTreeMap<String, Receiver>,
}

impl durable::Kept for File {
    const SCHEMA: &'static str = SCHEMA;
    const LONGEST: u64 = 64 * 1024 * 1024;

    fn schema(&self) -> &str {
        &self.schema
    }
}

/// The problems of each service that a receiver was told.
type Receiver = BTreeMap<String, Service>;

#[derive(Debug, Serialize, Deserialize)]
struct Service {
    url: String,
    labels: BTreeMap<String, String>,
    problems: BTreeMap<String, Told>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Told {
    status: Status,
    severity: Urgency,
    since: Timestamp,
    probe: String,
    labels: BTreeMap<String, String>,
}

/// Where it is kept.
#[derive(Debug, Clone)]
pub(super) struct Record {
    path: PathBuf,
    location: String,
    clock: Clock,
    /// One call after another: what hangs is neither overtaken nor overwritten.
    blocking: Blocking,
}

impl Record {
    /// The one of a directory.
    pub(super) fn of(directory: &Path, location: &str, clock: Clock) -> Self {
        let (path, blocking) = (directory.join("notified.json"), Blocking::new(1, PATIENCE));
        Self { path, location: location.to_owned(), clock, blocking }
    }

    /// What was told before a restart. A file that cannot be used is set aside and said; without
    /// any, nothing was told.
    pub(super) async fn read(&self) -> Known {
        let reading = {
            let record = self.clone();
            self.blocking.call(move || record.read_now())
        };
        reading.await.unwrap_or_else(|error| {
            tracing::error!(
                path = %self.path.display(), %error,
                "the record of what was notified cannot be read: what is wrong is told again"
            );
            Known::new()
        })
    }

    fn read_now(&self) -> Known {
        let path = self.path.display();
        match durable::read::<File>(&self.path) {
            Ok(file) if file.location == self.location => known(file),
            Ok(_) => Known::new(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Known::new(),
            Err(error) => {
                match durable::set_aside(&self.path, self.clock.now()) {
                    Ok(aside) => tracing::error!(
                        aside = %aside.display(), %error,
                        "the record of what was notified cannot be used: it was set aside, and \
                         what is wrong is told again"
                    ),
                    Err(kept) => tracing::error!(
                        %path, %error, %kept,
                        "the record of what was notified can be neither used nor set aside: what \
                         is wrong is told again"
                    ),
                }
                Known::new()
            }
        }
    }

    /// Writes what is known until nobody says it any more: the latest, whatever came between.
    pub(super) async fn keep(self, mut known: watch::Receiver<Snapshot>) {
        while known.changed().await.is_ok() {
            let file = self.file(&known.borrow_and_update());
            let path = self.path.clone();
            let writing = self.blocking.call(move || durable::write(&path, &file));
            if let Err(error) = writing.await.flatten() {
                tracing::error!(
                    path = %self.path.display(), %error,
                    "the record of what was notified cannot be written"
                );
            }
        }
    }

    fn file(&self, Snapshot { location, known }: &Snapshot) -> File {
        let receivers = known.iter().map(|(name, problems)| (name.clone(), receiver(problems)));
        File {
            schema: SCHEMA.to_owned(),
            location: location.to_string(),
            saved_at: self.clock.now(),
            receivers: receivers.collect(),
        }
    }
}

fn receiver(problems: &Problems) -> Receiver {
    let mut services = Receiver::new();
    for (id, problem) in problems {
        let Whose { service, url, labels } = &*problem.whose;
        let service = services.entry(service.clone()).or_insert_with(|| Service {
            url: url.clone(),
            labels: labels.clone(),
            problems: BTreeMap::new(),
        });
        let told = Told {
            status: problem.status,
            severity: problem.urgency,
            since: problem.since,
            probe: problem.probe.to_owned(),
            labels: (*problem.labels).clone(),
        };
        service.problems.insert(id.to_string(), told);
    }
    services
}

fn known(file: File) -> Known {
    let probes: HashMap<&str, &'static str> =
        KINDS.iter().map(|kind| kind.name).chain([POLICY]).map(|name| (name, name)).collect();
    let problems = |services: Receiver| {
        let mut problems = Problems::new();
        for (service, Service { url, labels, problems: told }) in services {
            let whose = Arc::new(Whose { service, url, labels });
            for (id, told) in told.into_iter().filter(|(_, told)| is_problem(told.status)) {
                // One of a newer musterd.
                let Some(probe) = probes.get(told.probe.as_str()) else { continue };
                let problem = Problem {
                    status: told.status,
                    urgency: told.severity,
                    since: told.since,
                    probe,
                    labels: Arc::new(told.labels),
                    whose: Arc::clone(&whose),
                };
                problems.insert(id.into(), problem);
            }
        }
        problems
    };
    file.receivers.into_iter().map(|(name, services)| (name, problems(services))).collect()
}
