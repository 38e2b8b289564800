//! The state of one check, as readers see it.

use std::sync::Arc;

use jiff::Timestamp;
use musterd_probes::contract::{Earlier, Evidence};
use musterd_probes::severity::Verdict;

use super::measured::{Measured, Shape};
use super::moment::Moment;
use super::shared::Shared;
use super::standing::Standing;
use super::summary::RunSummary;
use crate::config::{Check, Service};
use crate::damping::Damped;
use crate::runner::{Outcome, Record};

/// One check now.
#[derive(Clone)]
pub(crate) struct CheckState {
    pub(crate) service: Arc<Service>,
    pub(crate) check: Arc<Check>,
    /// What is known of its service, the same for all checks of it.
    pub(crate) standing: Arc<Standing>,
    pub(crate) damped: Damped,
    pub(crate) last: Option<Arc<LastRun>>,
    /// What the latest runs saw that could look, the last one included, where the probe looks at
    /// earlier runs.
    pub(crate) earlier: Earlier,
    pub(super) next_run: Moment,
    /// Runs of each verdict since the start, also under other settings, in the order of [`Verdict::ALL`].
    pub(crate) runs: [u32; 4],
    pub(super) last_pass: Moment,
}

/// What the last run was and saw, or why none was made.
#[derive(Clone)]
pub(crate) struct LastRun {
    /// `None` where none was made yet.
    pub(super) summary: Option<RunSummary>,
    /// The rules that could not look.
    pub(crate) untested: Arc<Untested>,
    pub(crate) measured: Measured,
    /// What many checks do not have takes no room where it is absent.
    pub(super) rare: Option<Box<Rare>>,
}

/// What came of a run beside its summary and its numbers.
#[derive(Clone)]
pub(super) enum Rare {
    /// Why it could not look.
    Reason(Box<str>),
    /// Why none was made since.
    Missed(&'static str),
    /// What it saw; dropped when too much is held for all checks together.
    Evidence(Evidence),
}

/// Rules that could not look, each with the reason.
pub(crate) type Untested = Box<[(&'static str, String)]>;

/// What the last runs of many checks have in common, held once.
#[derive(Debug, Default)]
pub(super) struct Common {
    shapes: Shared<Shape>,
    untested: Shared<Untested>,
}

/// What outlives a restart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Saved {
    pub(crate) damped: Damped,
    pub(crate) last_pass: Option<Timestamp>,
}

impl LastRun {
    /// What is kept of a record. Most runs are like the one `before`.
    pub(super) fn of(
        record: &Record,
        summary: RunSummary,
        before: Option<&Self>,
        common: &Common,
    ) -> Self {
        let (rare, untested, measured) = match &record.outcome {
            Outcome::Blind(blind) => {
                let reason = Rare::Reason(blind.reason.as_ref().into());
                (reason, Arc::default(), Measured::default())
            }
            Outcome::Saw { evidence, ruling, measurements } => {
                let same = |before: &&Self| {
                    let known = before.untested.iter().map(|(rule, why)| (*rule, why.as_str()));
                    ruling.untested().eq(known)
                };
                let untested = match before.filter(same) {
                    Some(before) => Arc::clone(&before.untested),
                    None => common
                        .untested
                        .of(ruling.untested().map(|(rule, why)| (rule, why.to_owned())).collect()),
                };
                let before = before.map(|before| &before.measured);
                let measured = Measured::of(measurements, before, &common.shapes);
                (Rare::Evidence(Arc::clone(evidence)), untested, measured)
            }
        };
        Self { summary: Some(summary), untested, measured, rare: Some(Box::new(rare)) }
    }

    /// A run that could not look.
    #[cfg(test)]
    pub(crate) fn blind(summary: RunSummary, reason: &str) -> Self {
        let (summary, rare) = (Some(summary), Some(Box::new(Rare::Reason(reason.into()))));
        Self { summary, untested: Arc::default(), measured: Measured::default(), rare }
    }

    /// What is left of the last run, or of none, when others that were due after it were not made.
    pub(super) fn missed(before: Option<&Self>, reason: &'static str) -> Self {
        let summary = before.and_then(|before| before.summary).map(RunSummary::outdated);
        let rare = Some(Box::new(Rare::Missed(reason)));
        Self { summary, untested: Arc::default(), measured: Measured::default(), rare }
    }

    /// Whether runs that were due after it were not made.
    pub(crate) fn was_missed(&self) -> bool {
        matches!(self.rare.as_deref(), Some(Rare::Missed(_)))
    }

    /// Why it could not look.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self.rare.as_deref() {
            Some(Rare::Reason(reason)) => Some(reason),
            Some(Rare::Missed(reason)) => Some(reason),
            _ => None,
        }
    }

    /// What it saw, where that is kept.
    pub(crate) fn evidence(&self) -> Option<&Evidence> {
        match self.rare.as_deref() {
            Some(Rare::Evidence(evidence)) => Some(evidence),
            _ => None,
        }
    }

    pub(super) fn without_evidence(&self) -> Self {
        let rare = self.rare.clone().filter(|rare| !matches!(**rare, Rare::Evidence(_)));
        Self {
            rare,
            untested: Arc::clone(&self.untested),
            measured: self.measured.clone(),
            ..*self
        }
    }
}

impl CheckState {
    /// A check that has not run yet.
    pub(crate) fn new(service: Arc<Service>, check: Arc<Check>, at: Timestamp) -> Self {
        Self {
            service,
            check,
            standing: Arc::default(),
            damped: Damped::new(at),
            last: None,
            earlier: Earlier::default(),
            next_run: Moment::of(None),
            runs: [0; 4],
            last_pass: Moment::of(None),
        }
    }

    /// The last run that was made, if there was one.
    pub(crate) fn last_run(&self) -> Option<RunSummary> {
        self.last.as_deref()?.summary
    }

    /// What is known by the last run; unknown where others that were due were not made.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let last = self.last.as_deref()?;
        Some(last.summary.map_or(Verdict::Unknown, |run| run.verdict))
    }

    /// When it runs next.
    pub(crate) fn next_run(&self) -> Option<Timestamp> {
        self.next_run.get()
    }

    /// When a run last passed.
    pub(crate) fn last_pass(&self) -> Option<Timestamp> {
        self.last_pass.get()
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
            self.runs[index] = self.runs[index].saturating_add(1);
        }
    }
}
