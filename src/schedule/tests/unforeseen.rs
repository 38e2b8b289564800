//! Runs that a sleep, a jump of the clock, a reload or a crowd gets in the way of.

use super::*;

/// Checks of one host that all run at once would need far more permits than there are.
#[tokio::test(start_paused = true)]
async fn in_a_crowd_everybody_has_a_turn() {
    let crowd = (0..60).map(|n| ("a.test", check("a", &format!("c{n}"), 10, 5_000, false)));
    let mut rig = Rig::start(config(crowd.collect()), Bounds::default()).await;
    rig.pass(Duration::from_mins(2)).await;
    let ran = rig.pass(Duration::from_mins(20)).await;
    assert_eq!(ran.len(), 60);
    for (id, times) in &ran {
        // Eight at a time of sixty, each for five seconds.
        assert!(times.len() >= 20, "{id}: {}", times.len());
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 60_000), "{id}: {times:?}");
    }
    assert!(rig.store.states().iter().all(|state| state.damped.status == Status::Pass));
}

#[tokio::test(start_paused = true)]
async fn what_was_due_while_the_machine_slept_runs_soon() {
    let daily = check("a", "daily", 86_400, 5, false);
    let hourly = check("a", "hourly", 3_600, 5, false);
    let mut rig =
        Rig::start(config(vec![("a.test", daily), ("a.test", hourly)]), Bounds::default()).await;
    rig.pass(Duration::from_mins(1)).await;
    let next = rig.store.state("a/daily").unwrap().next_run().unwrap();
    // It sleeps over the time at which the daily one is due.
    let slept = next.duration_since(rig.now()) + SignedDuration::from_mins(10);
    rig.set.fetch_add(i64::try_from(slept.as_millis()).unwrap(), Ordering::Relaxed);
    let ran = rig.pass(Duration::from_secs(20)).await;
    assert_eq!((ran["a/daily"].len(), ran["a/hourly"].len()), (1, 1));
    let next = rig.store.state("a/daily").unwrap().next_run().unwrap();
    let away = next.duration_since(rig.now()).as_hours();
    assert_eq!(away, 23, "and then at its own time again");
}

#[tokio::test(start_paused = true)]
async fn a_first_run_that_is_to_come_comes_whatever_the_clock_does() {
    let bounds = Bounds { ramp: 1, ..Bounds::default() };
    let checks = (0..60).map(|n| ("a.test", check("a", &format!("c{n}"), 86_400, 5, false)));
    for jump in [HOUR, 12 * HOUR] {
        for sign in [1, -1] {
            let mut rig = Rig::start(config(checks.clone().collect()), bounds).await;
            let mut ran = rig.pass(Duration::from_secs(20)).await;
            let jump = i64::try_from(jump.as_millis()).unwrap() * sign;
            rig.set.fetch_add(jump, Ordering::Relaxed);
            ran.extend(rig.pass(Duration::from_mins(1)).await);
            assert_eq!(ran.len(), 60, "{jump}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_stopped_makes_up_for_it() {
    let often = check("a", "often", 20, 5, false);
    let mut rig = Rig::start(config(vec![("a.test", often)]), Bounds::default()).await;
    rig.pass(Duration::from_mins(1)).await;
    let next = rig.store.state("a/often").unwrap().next_run().unwrap();
    let until_due = Duration::try_from(next.duration_since(rig.now())).unwrap();
    tokio::time::advance(until_due + Duration::from_secs(13)).await;
    assert_eq!(rig.pass(Duration::from_secs(1)).await["a/often"].len(), 1);
    assert_eq!(rig.shed("deadline"), 0, "it was not the target's fault");
    let ran = rig.pass(Duration::from_mins(2)).await;
    let gaps: Vec<i64> = ran["a/often"].windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [20_000; 4], "it is back in its place");
}

#[tokio::test(start_paused = true)]
async fn another_look_does_not_take_the_place_of_the_next_one() {
    for (interval, fails) in [(40, true), (60, true), (61, true), (60, false), (600, false)] {
        let checks = (0..20).map(|n| ("a.test", check("a", &format!("c{n}"), interval, 5, fails)));
        let mut rig = Rig::start(config(checks.collect()), Bounds::default()).await;
        let ran = rig.pass(10 * Duration::from_secs(interval)).await;
        let most = i64::try_from(interval * 1_000).unwrap() + 10_000;
        for (id, times) in ran {
            let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(gaps.iter().all(|gap| (5_000..=most).contains(gap)), "{id} {gaps:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_changes_while_it_runs_is_looked_at_right_after() {
    let of = |identity| Check { identity, ..check("a", "rarely", 3_600, 10_000, false) };
    let mut rig = Rig::start(config(vec![("a.test", of(1))]), Bounds::default()).await;
    assert!(rig.pass(Duration::from_secs(5)).await.is_empty(), "it is under way");
    rig.adopt(config(vec![("a.test", of(2))])).await;
    let ran = rig.pass(Duration::from_secs(20)).await;
    assert_eq!(ran["a/rarely"].len(), 1, "what the old settings saw does not count");
    assert_eq!(rig.store.state("a/rarely").unwrap().damped.status, Status::Pass);
    assert_eq!(rig.shed("overlap"), 0);
    assert!(rig.pass(Duration::from_mins(1)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_check_that_comes_back_awaits_the_run_that_goes_on() {
    let slow = || vec![("a.test", check("a", "slow", 30, 12_000, false))];
    let mut rig = Rig::start(config(slow()), Bounds::default()).await;
    for _ in 0..3 {
        rig.pass(Duration::from_secs(1)).await;
        rig.adopt(config(Vec::new())).await;
        rig.adopt(config(slow())).await;
    }
    let ran = rig.pass(Duration::from_mins(5)).await;
    let gaps = ran["a/slow"].windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.clone().all(|gap| gap >= 12_000), "{:?}", gaps.collect::<Vec<_>>());
    assert!(ran["a/slow"].len() >= 10);
}

#[tokio::test(start_paused = true)]
async fn much_that_was_slept_over_is_made_up_for_in_a_ramp() {
    let hosts: Vec<String> = (0..100).map(|n| format!("h{n}.test")).collect();
    let mut checks = Vec::new();
    for host in &hosts {
        checks
            .extend((0..10).map(|n| (host.as_str(), check(host, &format!("c{n}"), 60, 5, false))));
    }
    let mut rig = Rig::start(config(checks), Bounds::default()).await;
    rig.pass(Duration::from_mins(2)).await;
    tokio::time::advance(Duration::from_mins(1)).await;
    let mut ran = rig.pass(Duration::from_secs(1)).await;
    // Two hundred on the ramp, and those that were hardly late.
    assert!((180..330).contains(&ran.len()), "{}", ran.len());
    ran.extend(rig.pass(Duration::from_mins(1)).await);
    assert_eq!(ran.len(), 1_000, "nobody is forgotten");
    assert_eq!(rig.shed("deadline") + rig.shed("overlap"), 0);
}
