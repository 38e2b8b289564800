//! From verdicts to a status: what has to be confirmed before it counts. Pure.

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
        for open in &mut self.open {
            let finding = Finding { severity: open.judged, ..open.finding.clone() };
            let Ruled { finding, judged, waived } = policy(finding);
            *open = Open { finding, judged, waived, opened_at: open.opened_at };
        }
        // What is known now is known of what is open: it was confirmed, or never had to be.
        if matches!(self.status, Status::Pass | Status::Warn | Status::Fail) {
            let counted = self.open.iter().filter(|open| open.waived.is_none());
            let verdict = Verdict::of(counted.map(|open| open.finding.severity));
            self.become_(verdict.into(), at);
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn about(id: &'static str, severity: Severity) -> About {
        About { id, severity, title: "", why: "", fix: "", references: &[] }
    }

    static HIGH: About = about("a.high", Severity::High);
    static LOW: About = about("a.low", Severity::Low);

    /// One letter a run: pass, warn, fail, unknown, and `n`: the high rule could not look.
    fn ruling(run: char) -> Ruling {
        let found = |about: &'static About| Ruled {
            finding: Finding {
                about,
                subject: String::new(),
                severity: about.severity,
                saw: String::new(),
                wanted: String::new(),
            },
            judged: about.severity,
            waived: None,
        };
        let findings = match run {
            'w' => vec![found(&LOW)],
            'f' => vec![found(&HIGH)],
            _ => Vec::new(),
        };
        let high = if run == 'n' { Tested::No("no".into()) } else { Tested::All };
        Ruling {
            verdict: Verdict::of(findings.iter().map(|ruled| ruled.finding.severity)),
            findings,
            tested: vec![(&HIGH, high), (&LOW, Tested::All)],
        }
    }

    fn at(second: usize) -> Timestamp {
        Timestamp::from_second(i64::try_from(second).unwrap()).unwrap()
    }

    fn after(runs: &str, confirm: u32) -> Damped {
        let mut damped = Damped::new(at(0));
        for (index, run) in runs.chars().enumerate() {
            match run {
                'u' => damped.blind(confirm, at(index + 1)),
                run => damped.looked(&ruling(run), confirm, at(index + 1)),
            };
        }
        damped
    }

    #[test]
    fn statuses_follow_runs_as_promised() {
        use Status::{Fail, Pass, Pending, Unknown, Warn};
        for (runs, confirm, status, since) in [
            ("", 2, Pending, 0),
            ("p", 2, Pass, 1),
            ("w", 2, Warn, 1),
            ("f", 2, Pending, 0),
            ("ff", 2, Fail, 2),
            ("f", 1, Fail, 1),
            ("pf", 2, Pass, 1),
            ("pff", 2, Fail, 3),
            ("pfpf", 2, Pass, 1),
            ("pfp", 2, Pass, 1),
            ("pfuf", 2, Fail, 4),
            ("pu", 2, Pass, 1),
            ("puu", 2, Unknown, 3),
            ("puup", 2, Pass, 4),
            ("puuf", 2, Unknown, 3),
            ("puuff", 2, Fail, 5),
            ("uu", 2, Unknown, 2),
            ("ffp", 2, Pass, 3),
            ("ffw", 2, Warn, 3),
            ("pw", 2, Pass, 1),
            ("pww", 2, Warn, 3),
            ("pwf", 2, Warn, 3),
            ("pwff", 2, Fail, 4),
            ("wf", 2, Warn, 1),
            ("wff", 2, Fail, 3),
            ("pfff", 4, Pass, 1),
        ] {
            let damped = after(runs, confirm);
            assert_eq!((damped.status, damped.since), (status, at(since)), "{runs} by {confirm}");
        }
    }

    fn opened(damped: &Damped) -> Vec<(&str, i64)> {
        damped.open.iter().map(|open| (open.finding.about.id, open.opened_at.as_second())).collect()
    }

    #[test]
    fn findings_open_when_confirmed_with_the_time_of_the_run_that_saw_them_first() {
        for (runs, open) in [
            ("pf", vec![]),
            ("pff", vec![("a.high", 2)]),
            ("pfff", vec![("a.high", 2)]),
            ("pffp", vec![]),
            ("w", vec![("a.low", 1)]),
            ("wf", vec![("a.low", 1)]),
            ("wff", vec![("a.high", 2)]),
            ("pfuf", vec![("a.high", 2)]),
            ("pwf", vec![]),
        ] {
            assert_eq!(opened(&after(runs, 2)), open, "{runs}");
        }
    }

    #[test]
    fn what_was_not_tested_stays_open_and_keeps_the_status() {
        let damped = after("ffn", 2);
        assert_eq!(damped.status, Status::Fail);
        assert_eq!(opened(&damped), [("a.high", 1)]);
        assert_eq!(after("ffnp", 2).status, Status::Pass);
    }

    #[test]
    fn unknown_runs_change_no_finding() {
        assert_eq!(opened(&after("ffuu", 2)), [("a.high", 1)]);
    }

    proptest! {
        #[test]
        fn a_pass_is_believed_at_once_and_a_failure_only_when_it_is_confirmed(
            runs in "[pwfu]{0,40}",
            confirm in 1_u32..6,
        ) {
            let passed = after(&format!("{runs}p"), confirm);
            prop_assert_eq!(passed.status, Status::Pass);
            prop_assert!(passed.open.is_empty());

            let known: String = runs.chars().filter(|run| *run != 'u').collect();
            let failures = known.chars().rev().take_while(|run| *run == 'f').count();
            let damped = after(&runs, confirm);
            if damped.status == Status::Fail {
                prop_assert!(failures >= usize::try_from(confirm).unwrap());
            }
        }

        #[test]
        fn unknown_runs_neither_count_nor_reset(runs in "[pwf]{0,20}", confirm in 2_u32..5) {
            // One unknown between any two runs is never `confirm` in a row.
            let spaced: String = runs.chars().flat_map(|run| ['u', run]).collect();
            prop_assert_eq!(after(&runs, confirm).status, after(&spaced, confirm).status);
        }
    }
}
