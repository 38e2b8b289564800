//! The state of one check, as readers see it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::contract::{Earlier, Evidence};
use musterd_probes::measurement::Measurement;
use musterd_probes::run_id::RunId;
use musterd_probes::severity::Verdict;

use crate::config::{Check, Service};
use crate::damping::Damped;
use crate::runner::{Outcome, Record};

/// One check now.
#[derive(Clone)]
pub(crate) struct CheckState {
    pub(crate) service: Arc<Service>,
    pub(crate) check: Arc<Check>,
    pub(crate) damped: Damped,
    pub(crate) last: Option<Arc<LastRun>>,
    /// What the latest runs saw that could look, the last one included, where the probe looks at
    /// earlier runs.
    pub(crate) earlier: Earlier,
    pub(crate) next_run: Option<Timestamp>,
    /// Runs of each verdict since the start, in the order of [`Verdict::ALL`].
    pub(crate) runs: [u64; 4],
    pub(crate) last_pass: Option<Timestamp>,
    /// Since when the service's origin refuses us after active work.
    pub(crate) blocked_since: Option<Timestamp>,
    /// Requests of each impact since the start.
    pub(crate) requests: [u64; 3],
}

/// What the last run was and saw.
pub(crate) struct LastRun {
    pub(crate) summary: RunSummary,
    /// Why it could not look.
    pub(crate) reason: Option<String>,
    /// The rules that could not look.
    pub(crate) untested: Box<[(&'static str, String)]>,
    pub(crate) measurements: Box<[Measurement]>,
    /// What it saw; dropped when too much is held for all checks together.
    pub(crate) evidence: Option<Evidence>,
}

/// A run in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RunSummary {
    pub(crate) run: RunId,
    pub(crate) at: Timestamp,
    pub(crate) duration: Duration,
    pub(crate) verdict: Verdict,
}

/// What outlives a restart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Saved {
    pub(crate) damped: Damped,
    pub(crate) last_pass: Option<Timestamp>,
}

impl LastRun {
    /// What is kept of a record.
    pub(super) fn of(record: &Record, summary: RunSummary) -> Self {
        match &record.outcome {
            Outcome::Blind(blind) => Self {
                summary,
                reason: Some(blind.reason.to_string()),
                untested: Box::default(),
                measurements: Box::default(),
                evidence: None,
            },
            Outcome::Saw { evidence, ruling, measurements } => Self {
                summary,
                reason: None,
                untested: ruling.untested().map(|(rule, why)| (rule, why.to_owned())).collect(),
                measurements: measurements.clone().into(),
                evidence: Some(Arc::clone(evidence)),
            },
        }
    }

    pub(super) fn without_evidence(&self) -> Self {
        Self {
            summary: self.summary,
            reason: self.reason.clone(),
            untested: self.untested.clone(),
            measurements: self.measurements.clone(),
            evidence: None,
        }
    }
}

impl CheckState {
    /// A check that has not run yet.
    pub(crate) fn new(service: Arc<Service>, check: Arc<Check>, at: Timestamp) -> Self {
        Self {
            service,
            check,
            damped: Damped::new(at),
            last: None,
            earlier: Earlier::default(),
            next_run: None,
            runs: [0; 4],
            last_pass: None,
            blocked_since: None,
            requests: [0; 3],
        }
    }

    /// Remembers what a run saw, where its probe looks at earlier runs.
    pub(super) fn remember(&mut self, record: &Record) {
        let memory = self.check.probe.memory();
        if let Outcome::Saw { evidence, .. } = &record.outcome
            && memory > 0
        {
            self.earlier = self.earlier.with(record.at, Arc::clone(evidence), memory + 1);
        }
    }

    /// Counts a run's verdict.
    pub(super) fn count(&mut self, verdict: Verdict) {
        if let Some(index) = Verdict::ALL.iter().position(|known| *known == verdict) {
            self.runs[index] += 1;
        }
    }
}
