//! A reload that changes what is made of findings, and nothing else.

use super::*;
use crate::config::Waiver;

/// A check that fails, with a severity of its own for its only rule, and waived or not.
fn failing(severity: Option<Severity>, waived: bool) -> Config {
    failing_after(5, severity, waived)
}

/// It, when its run takes so many milliseconds.
fn failing_after(takes: u64, severity: Option<Severity>, waived: bool) -> Config {
    let mut check = check("a", "fails", 3_600, takes, true);
    if let Some(severity) = severity {
        Arc::make_mut(&mut check.terms).severity.set(FAILED.id.to_owned(), severity);
    }
    let mut config = config(vec![("a.test", check)]);
    if waived {
        Arc::get_mut(&mut config.services[0]).unwrap().waivers.push(Waiver {
            rule: FAILED.id.to_owned(),
            check: None,
            subject: None,
            reason: String::new(),
            until: jiff::civil::date(2100, 1, 1),
        });
    }
    config
}

#[tokio::test(start_paused = true)]
async fn a_changed_severity_or_waiver_counts_at_once_without_a_run() {
    let mut rig = Rig::start(failing(None, false), Bounds::default()).await;
    rig.pass(Duration::from_mins(2)).await;
    let state = |rig: &Rig| rig.store.state("a/fails").unwrap();
    let first = state(&rig);
    assert_eq!(first.damped.status, Status::Fail);
    for (severity, waived, status) in [
        (None, false, Status::Fail),
        (Some(Severity::Low), false, Status::Warn),
        (Some(Severity::Low), true, Status::Pass),
        (Some(Severity::Critical), true, Status::Pass),
        (Some(Severity::Critical), false, Status::Fail),
        (None, false, Status::Fail),
    ] {
        rig.adopt(failing(severity, waived)).await;
        let now = state(&rig);
        assert_eq!(now.damped.status, status, "{severity:?} {waived}");
        let [open] = &now.damped.open[..] else { panic!("it stays open: {severity:?} {waived}") };
        assert_eq!(open.finding.severity, severity.unwrap_or(FAILED.severity));
        assert_eq!(open.waived.is_some(), waived);
        assert_eq!(open.opened_at, first.damped.open[0].opened_at);
        assert_eq!(now.runs, first.runs, "nothing ran");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_meanwhile_is_judged_by_the_new_policy() {
    let slow = |severity, waived| failing_after(10_000, severity, waived);
    for (severity, waived, status) in
        [(None, true, Status::Pass), (Some(Severity::Low), false, Status::Warn)]
    {
        let mut rig = Rig::start(slow(None, false), Bounds::default()).await;
        assert!(rig.pass(Duration::from_secs(5)).await.is_empty(), "it is under way");
        rig.adopt(slow(severity, waived)).await;
        assert_eq!(rig.pass(Duration::from_secs(10)).await["a/fails"].len(), 1);
        let now = rig.store.state("a/fails").unwrap();
        assert_eq!(now.damped.status, status, "{severity:?} {waived}");
        assert_eq!(now.damped.open[0].waived.is_some(), waived);
    }
}
