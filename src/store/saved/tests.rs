//! What a restart brings back.

use std::time::Duration;

use musterd_probes::rule::About;

use super::*;
use crate::config::{Service, Waiver};
use crate::store::{Memory, Watched};
use crate::testing;

/// The check `shop/http` that is due so often.
fn every(interval: Duration) -> Watched {
    let http = musterd_probes::registry::find(KINDS, "http").unwrap();
    let check = testing::check(http, &serde_json::json!({}));
    let check = Arc::new(Check { interval, ..check });
    Watched { service: Arc::new(testing::service(vec![Arc::clone(&check)])), check }
}

fn store(watched: &Watched) -> Memory {
    let store = Memory::new();
    store.adopt(std::slice::from_ref(watched), Timestamp::UNIX_EPOCH);
    store
}

fn at(minute: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
}

fn found() -> Open {
    let about: &'static About =
        KINDS.iter().flat_map(Registration::abouts).find(|about| about.id == "http.slow").unwrap();
    let severity = about.severity;
    let finding = Finding {
        about,
        subject: String::new(),
        severity,
        saw: "2 s".to_owned(),
        wanted: "1 s".to_owned(),
    };
    Open { finding, judged: severity, waived: None, opened_at: at(7) }
}

/// How a check stands that was saved at minute 1000 and is restored at this one.
fn restored(status: Status, interval: Duration, minute: i64) -> Arc<CheckState> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let watched = every(interval);
    let before = store(&watched);
    let damped = Damped::restored(status, at(900), vec![found()]);
    before.restore("shop/http", Saved { damped, last_pass: Some(at(800)) });
    write(&path, &before, "", at(1000)).unwrap();
    let after = store(&watched);
    assert_eq!(
        read(&path, at(minute)).unwrap().restore(&after, "", at(minute)),
        Restored::Checks(1)
    );
    after.state("shop/http").unwrap()
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

#[test]
fn what_let_others_go_ahead_is_believed_for_an_hour_or_two_intervals() {
    for (interval, minute, believed) in [
        (MINUTE, 1000, true),
        (MINUTE, 1060, true),
        (MINUTE, 1061, false),
        (HOUR, 1120, true),
        (HOUR, 1121, false),
        (Duration::MAX, 10_000_000, true),
        // The clock was set.
        (MINUTE, 940, true),
        (MINUTE, 939, false),
    ] {
        for status in [Status::Pass, Status::Warn] {
            let state = restored(status, interval, minute);
            let expected = if believed { (status, at(900)) } else { (Status::Pending, at(minute)) };
            assert_eq!(
                (state.damped.status, state.damped.since),
                expected,
                "{minute} {interval:?}"
            );
            assert_eq!(state.damped.open, [found()], "it only closes by a run");
            assert_eq!(state.last_pass(), Some(at(800)));
        }
    }
}

#[test]
fn what_is_bad_or_not_known_stays_so_at_any_age() {
    for status in [Status::Fail, Status::Unknown] {
        let state = restored(status, MINUTE, 1_000_000);
        assert_eq!((state.damped.status, state.damped.since), (status, at(900)));
        assert_eq!(state.damped.open, [found()]);
    }
}

#[test]
fn a_waiver_that_ended_while_nothing_ran_covers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let check = every(8 * 24 * HOUR).check;
    let waiver = Waiver {
        rule: "http.slow".to_owned(),
        check: None,
        subject: None,
        reason: String::new(),
        until: "1970-01-01".parse().unwrap(),
    };
    let waivers = vec![waiver];
    let service = Service { waivers, ..testing::service(vec![Arc::clone(&check)]) };
    let watched = Watched { service: Arc::new(service), check };
    let before = store(&watched);
    let damped = Damped::restored(Status::Pass, at(900), vec![found()]);
    before.restore("shop/http", Saved { damped, last_pass: None });
    write(&path, &before, "", at(1000)).unwrap();
    for (minute, status) in [(1_439, Status::Pass), (1_440, Status::Warn)] {
        let after = store(&watched);
        read(&path, at(minute)).unwrap().restore(&after, "", at(minute));
        let damped = after.state("shop/http").unwrap().damped.clone();
        assert_eq!((damped.status, damped.open[0].waived.is_none()), (status, minute == 1_440));
    }
}

#[test]
fn what_cannot_be_used_is_set_aside_and_what_cannot_be_moved_is_an_error() {
    type Make = fn(&Path) -> io::Result<()>;
    let damaged: Make = |path| std::fs::write(path, "{\"schema\": ");
    let unreadable: Make = |path| std::fs::create_dir(path);
    for make in [damaged, unreadable] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let store = store(&every(MINUTE));
        make(&path).unwrap();
        let aside = folder.path().join("state.json.damaged-60");
        let restored = read(&path, at(1)).unwrap().restore(&store, "", at(1));
        assert!(matches!(restored, Restored::SetAside(name, _) if name == aside && name.exists()));
        assert_eq!(read(&path, at(1)).unwrap().restore(&store, "", at(1)), Restored::Nothing);

        make(&path).unwrap();
        std::fs::create_dir_all(folder.path().join("state.json.damaged-120/full")).unwrap();
        let error = read(&path, at(2)).unwrap_err();
        assert!(error.to_string().contains("cannot be set aside"), "{error}");
        assert!(path.exists());
    }
}
