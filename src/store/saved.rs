//! The small durable state: what a restart must not forget.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::KINDS;
use musterd_probes::judgement::Finding;
use musterd_probes::registry::Registration;
use musterd_probes::rule::About;
use musterd_probes::severity::Severity;
use serde::{Deserialize, Serialize};

use super::{CheckState, Pause, Saved, Store};
use crate::config::Check;
use crate::damping::{Damped, Open};
use crate::durable;
use crate::policy::{self, Idle};
use crate::status::Status;

/// The schema that is written, and the only one that is read.
const SCHEMA: &str = "musterd.state/1";

/// A status is believed for so long after a restart, and for two intervals of its check.
const PROOF: SignedDuration = SignedDuration::from_hours(1);

/// The file as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct File {
    schema: String,
    location: String,
    saved_at: Timestamp,
    checks: Vec<SavedCheck>,
    /// For how long the waivers of each service have covered nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    waivers: BTreeMap<String, BTreeMap<String, Idle>>,
    /// The origins that refuse us.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pauses: BTreeMap<Arc<str>, Pause>,
}

impl durable::Kept for File {
    const SCHEMA: &'static str = SCHEMA;
    const LONGEST: u64 = 256 * 1024 * 1024;

    fn schema(&self) -> &str {
        &self.schema
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedCheck {
    check: String,
    /// The settings that the state belongs to.
    identity: u64,
    status: Status,
    since: Timestamp,
    last_pass: Option<Timestamp>,
    open: Vec<SavedFinding>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedFinding {
    rule: String,
    subject: String,
    severity: Severity,
    saw: String,
    wanted: String,
    opened_at: Timestamp,
}

/// Writes the state of all checks: whole or not at all.
pub(crate) fn write(
    path: &Path,
    store: &dyn Store,
    location: &str,
    at: Timestamp,
) -> io::Result<()> {
    let states = store.states();
    let services = states.chunk_by(|one, next| one.service.name == next.service.name);
    let waivers = services
        .map(|states| (states[0].service.name.clone(), states[0].standing.waivers()))
        .filter(|(_, waivers)| !waivers.is_empty());
    let file = File {
        schema: SCHEMA.to_owned(),
        location: location.to_owned(),
        saved_at: at,
        waivers: waivers.collect(),
        pauses: store.pauses(),
        checks: states.iter().map(|state| save(state)).collect(),
    };
    durable::write(path, &file)
}

fn save(state: &CheckState) -> SavedCheck {
    SavedCheck {
        check: state.check.id.to_string(),
        identity: state.check.identity,
        status: state.damped.status,
        since: state.damped.since,
        last_pass: state.last_pass(),
        open: state
            .damped
            .open
            .iter()
            .map(|open| SavedFinding {
                rule: open.finding.about.id.to_owned(),
                subject: open.finding.subject.clone(),
                severity: open.judged,
                saw: open.finding.saw.clone(),
                wanted: open.finding.wanted.clone(),
                opened_at: open.opened_at,
            })
            .collect(),
    }
}

/// What came of restoring.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Restored {
    /// There was no state yet.
    Nothing,
    /// So many checks are back to where they stood.
    Checks(usize),
    /// The file could not be used and stands aside under this name.
    SetAside(PathBuf, String),
}

/// What stands in the file.
#[derive(Debug)]
pub(crate) enum Found {
    Nothing,
    State(Box<File>),
    /// The file could not be used and stands aside under this name.
    SetAside(PathBuf, String),
}

/// Reads the state. A file that is damaged or cannot be read is set aside. An error means that it
/// is still there, and all that is known from before.
pub(crate) fn read(path: &Path, at: Timestamp) -> io::Result<Found> {
    match durable::read::<File>(path) {
        Ok(file) => Ok(Found::State(Box::new(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => {
            let aside = durable::set_aside(path, at).map_err(|kept| {
                let why = format!("{error}, and it cannot be set aside: {kept}");
                io::Error::new(error.kind(), why)
            })?;
            Ok(Found::SetAside(aside, error.to_string()))
        }
    }
}

impl Found {
    /// Puts the checks back to where they stood, as far as their settings are still the same.
    pub(crate) fn restore(self, store: &dyn Store, location: &str, at: Timestamp) -> Restored {
        match self {
            Self::Nothing => Restored::Nothing,
            Self::State(file) => Restored::Checks(put_back(*file, store, location, at)),
            Self::SetAside(aside, error) => Restored::SetAside(aside, error),
        }
    }
}

/// How many checks are back to where they stood.
fn put_back(file: File, store: &dyn Store, location: &str, at: Timestamp) -> usize {
    if file.location != location {
        return 0;
    }
    for (service, waivers) in file.waivers {
        store.restore_waivers(&service, waivers);
    }
    for (origin, pause) in file.pauses {
        store.block(&origin, Some(pause));
    }
    let abouts: HashMap<&str, &'static About> =
        KINDS.iter().flat_map(Registration::abouts).map(|about| (about.id, about)).collect();
    let mut restored = 0;
    for saved in file.checks {
        let Some(state) = store.state(&saved.check) else { continue };
        if state.check.identity != saved.identity {
            continue;
        }
        let open = saved
            .open
            .into_iter()
            .filter_map(|finding| open(finding, &abouts, &state, file.saved_at))
            .collect();
        let (status, since) = if proves_nothing(saved.status, file.saved_at, &state.check, at) {
            (Status::Pending, at)
        } else {
            (saved.status, saved.since)
        };
        let mut damped = Damped::restored(status, since, open);
        // A waiver may have ended meanwhile.
        let waivers = &state.service.waivers;
        damped.rejudge(|finding| policy::apply(finding, &state.check, waivers, at), at);
        store.restore(&saved.check, Saved { damped, last_pass: saved.last_pass });
        restored += 1;
    }
    restored
}

/// Whether a status that lets others go ahead is too old for that. A warning does so too. What is
/// bad stays: it only ends by a run that looked.
fn proves_nothing(status: Status, saved_at: Timestamp, check: &Check, at: Timestamp) -> bool {
    let interval = SignedDuration::try_from(check.interval).unwrap_or(SignedDuration::MAX);
    let lasts = interval.saturating_mul(2).max(PROOF);
    // A clock that was set says nothing of the age.
    let age = at.duration_since(saved_at).abs();
    matches!(status, Status::Pass | Status::Warn) && age > lasts
}

/// A finding as policy has it at `at`; `None` when its rule is not there any more.
fn open(
    saved: SavedFinding,
    abouts: &HashMap<&str, &'static About>,
    state: &CheckState,
    at: Timestamp,
) -> Option<Open> {
    let about = abouts.get(saved.rule.as_str())?;
    let finding = Finding {
        about,
        subject: saved.subject,
        severity: saved.severity,
        saw: saved.saw,
        wanted: saved.wanted,
    };
    let check: &Check = &state.check;
    let ruled = policy::apply(finding, check, &state.service.waivers, at);
    Some(Open {
        finding: ruled.finding,
        judged: ruled.judged,
        waived: ruled.waived,
        opened_at: saved.opened_at,
    })
}

#[cfg(test)]
mod tests;
