//! One check in memory: its state, and its latest runs.

use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use musterd_probes::contract::Earlier;
use musterd_probes::severity::Verdict;

use super::{CheckState, RunSummary};
use crate::config::{Check, Service};
use crate::policy;
use crate::status::Status;

/// One check, as the store in memory holds it.
pub(super) struct Slot {
    pub(super) state: Mutex<Arc<CheckState>>,
    pub(super) recent: Mutex<Recent>,
    /// Whether it stands in the line of those whose evidence is kept. Written and read under the
    /// lock of that line.
    pub(super) kept: AtomicBool,
    /// Where it stands among all checks. Written and read under the lock of the changes.
    pub(super) place: AtomicU32,
}

/// Its latest runs.
#[derive(Default)]
pub(super) struct Recent {
    runs: Ring,
    /// Most checks never fail, and then it takes no room.
    failures: Option<Box<Ring>>,
}

/// The latest runs, the latest last.
#[derive(Default)]
struct Ring(Vec<RunSummary>);

impl Ring {
    fn push(&mut self, run: RunSummary, most: usize) {
        let Self(runs) = self;
        if runs.len() >= most {
            // They are few and small: moving them up costs less than room for a place to begin.
            runs.drain(..=runs.len() - most);
        }
        if runs.len() == runs.capacity() {
            // Twice as much each time, but not more than is ever used.
            runs.reserve_exact(runs.len().clamp(1, most - runs.len()));
        }
        runs.push(run);
    }
}

impl Recent {
    /// Each run that is remembered, the latest first.
    pub(super) fn all(&self) -> Vec<RunSummary> {
        let failures = self.failures.iter().flat_map(|ring| &ring.0);
        let mut runs: Vec<RunSummary> = self.runs.0.iter().chain(failures).copied().collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.run));
        runs.dedup_by_key(|run| run.run);
        runs
    }
}

impl Slot {
    /// A check that starts anew, with the past of the one of its id before, if there was one.
    pub(super) fn after(before: Option<&Self>, mut state: CheckState) -> Self {
        let mut recent = Recent::default();
        if let Some(before) = before {
            state.runs = before.get().runs;
            recent = std::mem::take(&mut before.recent.lock().expect("no panic under this lock"));
        }
        Self {
            state: Mutex::new(Arc::new(state)),
            recent: Mutex::new(recent),
            kept: AtomicBool::new(false),
            place: AtomicU32::new(0),
        }
    }

    pub(super) fn get(&self) -> Arc<CheckState> {
        Arc::clone(&self.state.lock().expect("no panic under this lock"))
    }

    /// Whether a check of the same id still asks the same of the same target.
    pub(super) fn is_unchanged(&self, check: &Check) -> bool {
        self.get().check.identity == check.identity
    }

    /// Takes over a check whose settings are the same, and judges what is open by its policy.
    pub(super) fn follow(&self, service: &Arc<Service>, check: &Arc<Check>, at: Timestamp) {
        let mut state = self.state.lock().expect("no panic under this lock");
        let state = Arc::make_mut(&mut state);
        state.service = Arc::clone(service);
        state.check = Arc::clone(check);
        state.damped.rejudge(|finding| policy::apply(finding, check, &service.waivers, at), at);
    }

    /// Judges what is open by the policy of this time. Gives back the status before and how it
    /// stands now, where anything changed.
    pub(super) fn rejudge(&self, at: Timestamp) -> Option<(Status, Arc<CheckState>)> {
        let mut guard = self.state.lock().expect("no panic under this lock");
        let CheckState { service, check, damped: before, .. } = &**guard;
        if before.open.is_empty() {
            return None;
        }
        let mut damped = before.clone();
        damped.rejudge(|finding| policy::apply(finding, check, &service.waivers, at), at);
        if damped == *before {
            return None;
        }
        let before = std::mem::replace(&mut Arc::make_mut(&mut guard).damped, damped);
        Some((before.status, Arc::clone(&guard)))
    }

    pub(super) fn remember(&self, run: RunSummary, most: usize) {
        let mut recent = self.recent.lock().expect("no panic under this lock");
        recent.runs.push(run, most);
        if run.verdict == Verdict::Fail {
            recent.failures.get_or_insert_default().push(run, most);
        }
    }

    pub(super) fn forget_evidence(&self) {
        let mut state = self.state.lock().expect("no panic under this lock");
        if let Some(last) = &state.last {
            let last = Arc::new(last.without_evidence());
            let state = Arc::make_mut(&mut state);
            state.last = Some(last);
            state.earlier = Earlier::default();
        }
    }
}
