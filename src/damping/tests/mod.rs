//! Rows of runs, and what becomes of them.

mod rejudge;

use proptest::prelude::*;

use super::*;

const fn about(id: &'static str, severity: Severity) -> About {
    About { id, severity, title: "", why: "", fix: "", references: &[] }
}

static HIGH: About = about("a.high", Severity::High);
static LOW: About = about("a.low", Severity::Low);

static INFO: About = about("a.info", Severity::Info);
static WAIVED: About = about("a.waived", Severity::High);

/// Waives one rule.
fn policy(finding: Finding) -> Ruled {
    let waived = (finding.about.id == WAIVED.id)
        .then(|| Waived { reason: String::new(), until: jiff::civil::date(2027, 1, 1) });
    Ruled { judged: finding.severity, finding, waived }
}

/// One letter a run: pass, warn, fail, unknown, info, `d` for what is waived (a deal), and `n`: the
/// high rule could not look.
fn ruling(run: char) -> Ruling {
    let found = |about: &'static About| {
        policy(Finding {
            about,
            subject: String::new(),
            severity: about.severity,
            saw: String::new(),
            wanted: String::new(),
        })
    };
    let findings = match run {
        'w' => vec![found(&LOW)],
        'f' => vec![found(&HIGH)],
        'i' => vec![found(&INFO)],
        'd' => vec![found(&WAIVED)],
        _ => Vec::new(),
    };
    let high = if run == 'n' { Tested::No("no".into()) } else { Tested::All };
    let counted = findings.iter().filter(|ruled| ruled.waived.is_none());
    Ruling {
        verdict: Verdict::of(counted.map(|ruled| ruled.finding.severity)),
        findings,
        tested: vec![
            (&HIGH, high),
            (&LOW, Tested::All),
            (&INFO, Tested::All),
            (&WAIVED, Tested::All),
        ],
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
