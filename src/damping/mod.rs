//! From verdicts to a status: what has to be confirmed before it counts. Pure.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use musterd_probes::judgement::Finding;
use musterd_probes::rule::{About, Tested};
use musterd_probes::severity::{Severity, Verdict};

use crate::policy::{Ruled, Ruling, Waived};
use crate::status::Status;

/// How one check stands: its damped verdict and its open findings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Damped {
    pub(crate) status: Status,
    /// Since when it has this status.
    pub(crate) since: Timestamp,
    pub(crate) open: Vec<Open>,
    /// Runs in a row, unknown ones left out, that were `warn` or worse.
    warnings: u32,
    /// Runs in a row, unknown ones left out, that were `fail`.
    failures: u32,
    /// Runs in a row that could not look.
    unknowns: u32,
    /// What the runs of an unconfirmed row saw. Most checks have none, and then it takes no room.
    row: Option<Box<Row>>,
}

/// What several runs saw, and when first.
#[derive(Debug, Clone, Default, PartialEq)]
struct Row(Vec<(&'static About, String, Timestamp)>);

impl Row {
    fn first_seen(&self, finding: &Finding) -> Option<Timestamp> {
        let seen = self.0.iter().find(|(about, subject, _)| {
            about.id == finding.about.id && *subject == finding.subject
        });
        seen.map(|(.., at)| *at)
    }

    fn note(&mut self, finding: &Finding, at: Timestamp) {
        if self.first_seen(finding).is_none() {
            self.0.push((finding.about, finding.subject.clone(), at));
        }
    }
}

/// A finding that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) finding: Finding,
    /// Its severity as it was judged, before the service's own.
    pub(crate) judged: Severity,
    pub(crate) waived: Option<Waived>,
    /// The run that first saw it.
    pub(crate) opened_at: Timestamp,
}

/// What a run did to a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The run's verdict, with what stays open from before.
    pub(crate) verdict: Verdict,
    /// The status before, where it changed.
    pub(crate) changed_from: Option<Status>,
    /// Whether the run says something that more runs have to confirm.
    pub(crate) unconfirmed: bool,
}

impl Damped {
    /// A check that has not run yet.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self {
            status: Status::Pending,
            since: at,
            open: Vec::new(),
            warnings: 0,
            failures: 0,
            unknowns: 0,
            row: None,
        }
    }

    /// A check as it stood before a restart.
    pub(crate) fn restored(status: Status, since: Timestamp, open: Vec<Open>) -> Self {
        Self { status, since, open, ..Self::new(since) }
    }

    /// A run that could not look: it neither counts nor resets, but `confirm` of them in a row
    /// make the status unknown.
    pub(crate) fn blind(&mut self, confirm: u32, at: Timestamp) -> Step {
        self.unknowns = self.unknowns.saturating_add(1);
        let before = self.status;
        if self.unknowns >= confirm {
            self.become_(Status::Unknown, at);
        }
        Step {
            verdict: Verdict::Unknown,
            changed_from: changed(before, self.status),
            unconfirmed: self.status != Status::Unknown,
        }
    }

    /// A run that looked. Worsening takes `confirm` runs in a row at least as bad; improving
    /// takes one.
    pub(crate) fn looked(&mut self, ruling: &Ruling, confirm: u32, at: Timestamp) -> Step {
        let verdict = self.verdict(ruling);
        if verdict == Verdict::Unknown {
            return self.blind(confirm, at);
        }
        self.unknowns = 0;
        let bad = matches!(verdict, Verdict::Warn | Verdict::Fail);
        self.warnings = if bad { self.warnings.saturating_add(1) } else { 0 };
        self.failures = if verdict == Verdict::Fail { self.failures.saturating_add(1) } else { 0 };

        let before = self.status;
        let settled = match (before, verdict) {
            (Status::Fail, _)
            | (_, Verdict::Pass)
            | (Status::Warn | Status::Pending | Status::Unknown, Verdict::Warn) => {
                Some(verdict.into())
            }
            (_, Verdict::Fail) if self.failures >= confirm => Some(Status::Fail),
            // Two runs at least as bad as a warning confirm that much.
            (Status::Pass, _) if self.warnings >= confirm => Some(Status::Warn),
            _ => None,
        };
        match settled {
            None => self.remember(ruling, at),
            Some(status) => {
                self.become_(status, at);
                let whole = status == Status::from(verdict);
                self.settle(ruling, whole, at);
                if whole {
                    self.row = None;
                } else {
                    self.remember(ruling, at);
                }
            }
        }
        Step {
            verdict,
            changed_from: changed(before, self.status),
            unconfirmed: self.status != Status::from(verdict),
        }
    }

    /// Applies a new policy to what is open, without a run.
    pub(crate) fn rejudge(&mut self, policy: impl Fn(Finding) -> Ruled, at: Timestamp) {
        let before = self.counted();
        for open in &mut self.open {
            let finding = Finding { severity: open.judged, ..open.finding.clone() };
            let Ruled { finding, judged, waived } = policy(finding);
            *open = Open { finding, judged, waived, opened_at: open.opened_at };
        }
        let after = self.counted();
        // What is known now is known of what is open: it was confirmed, or never had to be. But a
        // status also stands on runs of which nothing is open, and no policy speaks of those.
        let is_known = matches!(self.status, Status::Pass | Status::Warn | Status::Fail);
        if is_known && before != after {
            self.become_(after.into(), at);
        }
    }

    /// What all that is open makes together.
    fn counted(&self) -> Verdict {
        let counted = self.open.iter().filter(|open| open.waived.is_none());
        Verdict::of(counted.map(|open| open.finding.severity))
    }

    /// The worst of what the run saw and of what stays open because it was not tested.
    fn verdict(&self, ruling: &Ruling) -> Verdict {
        if ruling.verdict == Verdict::Unknown {
            return Verdict::Unknown;
        }
        let saw = ruling
            .findings
            .iter()
            .filter(|ruled| ruled.waived.is_none())
            .map(|ruled| ruled.finding.severity);
        let stays = self
            .open
            .iter()
            .filter(|open| open.waived.is_none() && !was_tested(ruling, &open.finding))
            .map(|open| open.finding.severity);
        Verdict::of(saw.chain(stays))
    }

    fn become_(&mut self, status: Status, at: Timestamp) {
        if self.status != status {
            self.status = status;
            self.since = at;
        }
    }

    /// Notes what an unconfirmed run saw, so that it opens with the time at which it was first
    /// seen.
    fn remember(&mut self, ruling: &Ruling, at: Timestamp) {
        for Ruled { finding, .. } in &ruling.findings {
            self.row.get_or_insert_default().note(finding, at);
        }
    }

    /// Opens what a run saw, or only as much of it as is confirmed, and closes what it looked at
    /// and did not see.
    fn settle(&mut self, ruling: &Ruling, whole: bool, at: Timestamp) {
        let mut open: Vec<Open> = Vec::new();
        for Ruled { finding, judged, waived } in &ruling.findings {
            if !whole && Verdict::of([finding.severity]) == Verdict::Fail {
                continue;
            }
            let same = |other: &Finding| {
                other.about.id == finding.about.id && other.subject == finding.subject
            };
            let opened_at = self
                .open
                .iter()
                .find(|open| same(&open.finding))
                .map(|open| open.opened_at)
                .or_else(|| self.row.as_ref()?.first_seen(finding))
                .unwrap_or(at);
            let (finding, waived) = (finding.clone(), waived.clone());
            open.push(Open { finding, judged: *judged, waived, opened_at });
        }
        let stays = self.open.drain(..).filter(|present| {
            let seen = ruling.findings.iter().any(|ruled| {
                ruled.finding.about.id == present.finding.about.id
                    && ruled.finding.subject == present.finding.subject
            });
            !seen && !was_tested(ruling, &present.finding)
        });
        open.extend(stays);
        self.open = open;
    }
}

fn changed(before: Status, after: Status) -> Option<Status> {
    (before != after).then_some(before)
}

/// Whether a run looked at what a finding speaks of. A rule that is no longer there was not
/// tested, and its findings close with the settings that asked for it.
fn was_tested(ruling: &Ruling, finding: &Finding) -> bool {
    ruling.tested.iter().any(|(about, tested)| {
        about.id == finding.about.id
            && match tested {
                Tested::All => true,
                Tested::Only(subjects) => subjects.contains(&finding.subject),
                Tested::No(_) => false,
            }
    })
}
