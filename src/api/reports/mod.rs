//! Reports that others posted, bounded in size and in age.

mod post;
mod proof;
mod room;
mod sound;
mod texts;
mod turns;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use musterd_probes::severity::Verdict;
use tokio::sync::watch;

pub(crate) use self::post::ANSWERED_WITHIN;
pub(super) use self::post::post;
use self::room::Room;
use self::sound::Sound;
use self::turns::Turns;
use crate::report::{CheckStatus, ServiceStatus, bounds};
use crate::score;
use crate::status::Status;

/// A report has at most so many bytes.
pub(super) const LARGEST: u64 = OF_A_LOCATION.bytes as u64;

/// What is kept of the reports of one location: as much as one report may have.
const OF_A_LOCATION: Room = Room { services: bounds::SERVICES, bytes: 8 * 1024 * 1024 };

/// What is kept of all reports. No location can push out all others.
const OF_ALL: Room = Room { services: 1_000, bytes: 16 * 1024 * 1024 };

/// This long after the run that was reported of it a check is forgotten: a job that runs daily is
/// missed once before it goes.
const KEEP: SignedDuration = SignedDuration::from_hours(48);

/// What others posted.
#[derive(Debug)]
pub(crate) struct Reports {
    kept: Mutex<Kept>,
    /// Counts up with every report.
    version: watch::Sender<u64>,
    turns: Turns,
}

/// By location and service.
type Kept = BTreeMap<Key, Entry>;
type Key = (String, String);

#[derive(Debug)]
struct Entry {
    posted: Arc<Posted>,
    /// When each check ran, in the order of the checks.
    times: Vec<Timestamp>,
    bytes: usize,
}

/// A service as others reported it.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) location: String,
    pub(super) service: ServiceStatus,
}

/// A check of a report of which a later run is known.
pub(super) struct Older(String);

impl Default for Reports {
    fn default() -> Self {
        Self { kept: Mutex::default(), version: watch::Sender::new(0), turns: Turns::default() }
    }
}

impl Reports {
    /// Keeps a report of so many bytes: each of its checks takes the place of what was reported
    /// of it before, but for one that ran later.
    pub(super) fn keep(&self, report: Sound, bytes: usize, at: Timestamp) -> Result<(), Older> {
        let Sound { made_at, location, services } = report;
        // A clock that is ahead of ours makes nothing younger than it can be.
        let ran_at = |check: &CheckStatus| check.last_run.unwrap_or(made_at).min(at);
        let each = bytes / services.len().max(1);
        let mut kept = self.kept.lock().expect("no panic under this lock");
        for service in &services {
            let key = (location.clone(), service.name.clone());
            let Some(before) = kept.get(&key) else { continue };
            let newest = before.newest();
            if let Some(older) = service
                .checks
                .iter()
                .find(|check| newest.get(&*check.id).is_some_and(|newest| ran_at(check) < *newest))
            {
                return Err(Older(older.id.clone()));
            }
        }
        let (mut added, mut spare) = (BTreeSet::new(), OF_A_LOCATION.bytes.saturating_sub(bytes));
        for service in services {
            let key = (location.clone(), service.name.clone());
            let before = kept.remove(&key);
            let times = service.checks.iter().map(ran_at).collect();
            let mut entry = Entry::new(&location, service, times, each);
            if let Some(before) = before {
                entry.keep_others(before, &mut spare);
            }
            kept.insert(key.clone(), entry);
            added.insert(key);
        }
        OF_A_LOCATION.make(&mut kept, &added, |(place, _)| *place == location);
        OF_ALL.make(&mut kept, &added, |_| true);
        drop(kept);
        self.version.send_modify(|version| *version += 1);
        Ok(())
    }

    /// Everything that is not too old, but for the checks (of a location and an id) that are
    /// `hidden`.
    pub(super) fn all(
        &self,
        at: Timestamp,
        hidden: impl Fn(&str, &str) -> bool,
    ) -> Vec<Arc<Posted>> {
        let mut kept = self.kept.lock().expect("no panic under this lock");
        for entry in kept.values_mut() {
            entry.expire(at);
        }
        kept.retain(|_, entry| !entry.times.is_empty());
        let shown = kept.values().filter_map(|Entry { posted, .. }| {
            let is_hidden = |check: &CheckStatus| hidden(&posted.location, &check.id);
            if !posted.service.checks.iter().any(is_hidden) {
                return Some(Arc::clone(posted));
            }
            let mut part = Posted::clone(posted);
            part.service.checks.retain(|check| !is_hidden(check));
            part.count();
            (!part.service.checks.is_empty()).then(|| Arc::new(part))
        });
        shown.collect()
    }

    /// Hears of every report from now on.
    pub(super) fn heard(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

impl Entry {
    fn new(location: &str, service: ServiceStatus, times: Vec<Timestamp>, bytes: usize) -> Self {
        let mut posted = Posted { location: location.to_owned(), service };
        posted.count();
        Self { posted: Arc::new(posted), times, bytes }
    }

    /// Keeps the checks that an earlier report had besides, as long as there are bytes to spare.
    fn keep_others(&mut self, before: Self, spare: &mut usize) {
        let Self { posted, times, bytes } = before;
        let Posted { service: old, .. } = Arc::unwrap_or_clone(posted);
        let each = bytes / old.checks.len().max(1);
        let posted = Arc::make_mut(&mut self.posted);
        let checks = posted.service.checks.iter();
        let new: HashSet<String> = checks.map(|new| new.id.clone()).collect();
        for (check, time) in old.checks.into_iter().zip(times) {
            if !new.contains(&check.id) && each <= *spare {
                *spare -= each;
                self.bytes += each;
                posted.service.checks.push(check);
                self.times.push(time);
            }
        }
        posted.count();
    }

    /// When each check ran, by its id.
    fn newest(&self) -> HashMap<&str, Timestamp> {
        let ids = self.posted.service.checks.iter().map(|check| check.id.as_str());
        ids.zip(self.times.iter().copied()).collect()
    }

    fn expire(&mut self, at: Timestamp) {
        let is_old = |time: &Timestamp| at.duration_since(*time) > KEEP;
        if !self.times.iter().any(is_old) {
            return;
        }
        let mut posted = Posted::clone(&self.posted);
        let mut times = self.times.iter();
        posted.service.checks.retain(|_| times.next().is_some_and(|time| !is_old(time)));
        self.times.retain(|time| !is_old(time));
        posted.count();
        self.posted = Arc::new(posted);
    }
}

impl Posted {
    /// Sums up its checks anew: they may come of several reports.
    fn count(&mut self) {
        let ServiceStatus { findings, checks, .. } = &self.service;
        let policy = Verdict::of(findings.iter().map(|finding| finding.severity));
        let statuses = || checks.iter().map(|check| check.status);
        let status = Status::worst(statuses().chain((!findings.is_empty()).then(|| policy.into())));
        let known = statuses().any(|status| !matches!(status, Status::Unknown | Status::Pending));
        let open = checks
            .iter()
            .flat_map(|check| check.findings.iter().map(|finding| (check.id.as_str(), finding)))
            .chain(findings.iter().map(|finding| ("", finding)))
            .filter(|(_, finding)| finding.waived.is_none())
            .map(|(check, finding)| (check, finding.rule.as_str(), finding.severity));
        let score = known.then(|| score::of_service(open));
        (self.service.status, self.service.score) = (status, score);
    }
}
