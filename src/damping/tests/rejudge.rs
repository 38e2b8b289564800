//! What a new policy makes of a check, without a run.

use super::*;

/// The policy of all runs, but a rule has another severity.
fn with_severity(rule: &'static About, severity: Severity) -> impl Fn(Finding) -> Ruled {
    move |finding| {
        let mut ruled = policy(finding);
        if ruled.finding.about.id == rule.id {
            ruled.finding.severity = severity;
        }
        ruled
    }
}

/// The policy of all runs, but a rule is waived.
fn with_waiver(rule: &'static About) -> impl Fn(Finding) -> Ruled {
    move |finding| {
        let mut ruled = policy(finding);
        if ruled.finding.about.id == rule.id {
            ruled.waived =
                Some(Waived { reason: String::new(), until: jiff::civil::date(2027, 1, 1) });
        }
        ruled
    }
}

/// No policy at all: what was waived is not.
fn without_waivers(finding: Finding) -> Ruled {
    Ruled { judged: finding.severity, finding, waived: None }
}

fn rejudged(runs: &str, policy: impl Fn(Finding) -> Ruled) -> (Status, i64) {
    let mut damped = after(runs, 2);
    damped.rejudge(policy, at(100));
    (damped.status, damped.since.as_second())
}

#[test]
fn a_policy_moves_the_status_only_by_what_is_open() {
    use Status::{Fail, Pass, Pending, Unknown, Warn};
    for (runs, expected) in [
        ("", (Pending, 0)),
        ("f", (Pending, 0)),
        ("ff", (Warn, 100)),
        ("pf", (Pass, 1)),
        // Nothing is open, and the failure is not confirmed yet.
        ("pwf", (Warn, 3)),
        ("w", (Warn, 1)),
        ("ffuu", (Unknown, 4)),
    ] {
        assert_eq!(rejudged(runs, with_severity(&HIGH, Severity::Low)), expected, "{runs}");
    }
    assert_eq!(rejudged("ff", with_waiver(&HIGH)), (Pass, 100));
    assert_eq!(rejudged("ff", with_waiver(&LOW)), (Fail, 2));
    assert_eq!(rejudged("w", with_severity(&LOW, Severity::High)), (Fail, 100));
    assert_eq!(rejudged("i", with_severity(&INFO, Severity::Medium)), (Warn, 100));
    assert_eq!(rejudged("d", without_waivers), (Fail, 100));
    assert_eq!(rejudged("d", with_severity(&WAIVED, Severity::Low)), (Pass, 1));
}

#[test]
fn a_policy_that_is_taken_back_leaves_all_as_it_was() {
    for runs in ["ff", "w", "i", "d", "pwf", "pww"] {
        let before = after(runs, 2);
        for rule in [&HIGH, &LOW, &INFO, &WAIVED] {
            let mut damped = before.clone();
            damped.rejudge(with_severity(rule, Severity::Critical), at(100));
            damped.rejudge(with_waiver(rule), at(101));
            damped.rejudge(policy, at(102));
            let same = Damped { since: damped.since, ..before.clone() };
            assert_eq!(damped, same, "{runs} {}", rule.id);
        }
    }
}

proptest! {
    #[test]
    fn the_same_policy_again_changes_nothing(runs in "[pwfuidn]{0,40}", confirm in 1_u32..6) {
        let before = after(&runs, confirm);
        let mut damped = before.clone();
        damped.rejudge(policy, at(100));
        prop_assert_eq!(damped, before);
    }
}
