//! What is made of findings changes, and nothing else: by a reload, or with the end of a waiver.

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

/// A check that runs once in a year, and whose findings are waived through the day on which a rig
/// begins, which has less than two hours left.
fn waived_today(takes: u64) -> Config {
    let mut config = failing_after(takes, None, true);
    let service = Arc::get_mut(&mut config.services[0]).unwrap();
    service.waivers[0].until = beginning().to_zoned(jiff::tz::TimeZone::UTC).date();
    Arc::get_mut(&mut service.checks[0]).unwrap().interval = 8_760 * HOUR;
    config
}

/// A rig begins so many milliseconds before midnight.
const REST: u64 = 6_400_000;

#[tokio::test(start_paused = true)]
async fn what_was_waived_counts_with_the_end_of_the_last_day_and_without_a_run() {
    let mut rig = Rig::start(waived_today(5), Bounds::default()).await;
    let state = |rig: &Rig| rig.store.state("a/fails").unwrap();
    let just_before = Duration::from_millis(REST - 1);
    assert_eq!(rig.pass(just_before).await["a/fails"].len(), 1);
    assert_eq!(state(&rig).damped.status, Status::Pass);
    let (mut news, mut view) = (rig.store.subscribe(), crate::store::View::default());
    rig.store.renew(&mut view);
    assert!(rig.pass(Duration::from_millis(3)).await.is_empty(), "nothing ran");
    let now = state(&rig);
    assert_eq!((now.damped.status, now.damped.open[0].waived.is_some()), (Status::Fail, false));
    let told = news.try_recv().unwrap();
    assert_eq!((told.changed_from, told.status), (Some(Status::Pass), Status::Fail));
    assert!(told.run.is_none() && told.at == now.damped.since);
    rig.store.renew(&mut view);
    assert_eq!(view.changed(0..1).collect::<Vec<_>>(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_ends_a_waiver_and_makes_it_count_again() {
    let mut rig = Rig::start(waived_today(5), Bounds::default()).await;
    rig.pass(Duration::from_mins(2)).await;
    let day = 86_400_000;
    for (set, status) in [(day, Status::Fail), (-day, Status::Pass), (30 * day, Status::Fail)] {
        rig.set.fetch_add(set, Ordering::Relaxed);
        assert!(rig.pass(Duration::from_secs(15)).await.is_empty(), "nothing ran");
        assert_eq!(rig.store.state("a/fails").unwrap().damped.status, status, "{set}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_began_under_a_waiver_and_outlasts_it_is_not_covered_by_it() {
    let mut rig = Rig::start(waived_today(60_000), Bounds::default()).await;
    rig.pass(Duration::from_secs(5)).await;
    rig.set.fetch_add(2 * 3_600_000, Ordering::Relaxed);
    assert!(rig.pass(Duration::from_secs(30)).await.is_empty(), "it is under way");
    assert_eq!(rig.pass(Duration::from_mins(1)).await["a/fails"].len(), 1);
    assert_eq!(rig.store.state("a/fails").unwrap().damped.status, Status::Fail);
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
