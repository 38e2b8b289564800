//! A day for each route, over processes and damage.

use super::*;

const START: i64 = 1_700_000_000;

fn hour(hour: i64) -> Timestamp {
    Timestamp::from_second(START + hour * 3600).unwrap()
}

fn route(name: &str) -> Route {
    Route(name.to_owned())
}

#[tokio::test]
async fn a_route_is_worked_on_once_a_day_by_whoever_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let (daemon, one_shot) = (Ledger::durable(folder.path()), Ledger::durable(folder.path()));
    let shared = route("rate_limit https://shop.test POST /login");
    assert_eq!(daemon.due(&shared, hour(0)), Due::Now);
    assert!(daemon.claim(&shared, hour(0)).await.unwrap());
    assert!(!one_shot.claim(&shared, hour(23)).await.unwrap(), "it stands in the file");
    assert!(one_shot.claim(&route("another"), hour(23)).await.unwrap());
    assert!(one_shot.claim(&shared, hour(24)).await.unwrap());
    assert_eq!(daemon.due(&shared, hour(24)), Due::Now, "it has not looked at the file yet");
    assert!(!daemon.claim(&shared, hour(25)).await.unwrap());
    assert_eq!(daemon.due(&shared, hour(25)), Due::Later);
}

#[tokio::test]
async fn what_sent_nothing_is_taken_back_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::durable(folder.path());
    assert!(ledger.claim(&route("a"), hour(0)).await.unwrap());
    ledger.give_back(&route("a"), hour(1)).await.unwrap();
    assert!(!ledger.claim(&route("a"), hour(2)).await.unwrap(), "another run's entry stays");
    ledger.give_back(&route("a"), hour(0)).await.unwrap();
    assert!(ledger.claim(&route("a"), hour(2)).await.unwrap());
}

#[tokio::test]
async fn a_damaged_ledger_stands_aside_and_nothing_runs_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ledger.json"), "{\"schema\": \"musterd.led").unwrap();
    let ledger = Ledger::durable(folder.path());
    assert!(!ledger.claim(&route("a"), hour(0)).await.unwrap());
    let again = Ledger::durable(folder.path());
    assert!(!again.claim(&route("a"), hour(23)).await.unwrap(), "the loss itself is remembered");
    assert!(again.claim(&route("a"), hour(24)).await.unwrap());
    let aside = std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("damaged"));
    assert_eq!(aside.count(), 1);
}

#[tokio::test]
async fn without_a_place_to_stand_nothing_may_be_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let occupied = folder.path().join("file");
    std::fs::write(&occupied, "").unwrap();
    assert!(Ledger::durable(&occupied).claim(&route("a"), hour(0)).await.is_err());
}

#[tokio::test]
async fn a_passing_ledger_knows_only_its_own_process() {
    let ledger = Ledger::passing();
    assert_eq!(ledger.due(&route("a"), hour(0)), Due::Unknown);
    assert!(ledger.claim(&route("a"), hour(0)).await.unwrap());
    assert_eq!(ledger.due(&route("a"), hour(23)), Due::Later);
    assert_eq!(ledger.due(&route("a"), hour(24)), Due::Now);
}

#[tokio::test(start_paused = true)]
async fn whoever_keeps_the_lock_keeps_nobody_waiting_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::durable(folder.path());
    let lock = File::create(folder.path().join("ledger.lock")).unwrap();
    lock.lock().unwrap();
    let refused = ledger.claim(&route("a"), hour(0)).await.unwrap_err();
    assert!(refused.to_string().contains("ledger.lock"), "{refused}");
    assert_eq!(ledger.due(&route("a"), hour(0)), Due::Now, "it can be asked all the while");
    lock.unlock().unwrap();
    assert!(ledger.claim(&route("a"), hour(0)).await.unwrap());
}

#[tokio::test]
async fn nothing_else_of_a_thread_waits_for_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::durable(folder.path());
    let lock = File::create(folder.path().join("ledger.lock")).unwrap();
    lock.lock().unwrap();
    // Both on this one thread: the claim succeeds only when the other comes to its turn meanwhile.
    let (route, unlocking) = (route("a"), async { lock.unlock().unwrap() });
    let (claimed, ()) = tokio::join!(ledger.claim(&route, hour(0)), unlocking);
    assert!(claimed.unwrap());
}

#[tokio::test]
async fn what_a_clock_that_was_ahead_has_entered_waits_one_day_more_and_not_for_years() {
    let folder = tempfile::tempdir().unwrap();
    let years = 24 * 365 * 10;
    let ahead = Ledger::durable(folder.path());
    assert!(ahead.claim(&route("a"), hour(years)).await.unwrap());
    // The process that made the entry, and one that finds it.
    for ledger in [ahead, Ledger::durable(folder.path())] {
        assert_eq!(ledger.due(&route("a"), hour(0)), Due::Now, "the claim decides");
        assert!(!ledger.claim(&route("a"), hour(0)).await.unwrap(), "it may just have run");
        assert_eq!(ledger.due(&route("a"), hour(1)), Due::Later);
        assert!(!ledger.claim(&route("a"), hour(23)).await.unwrap());
    }
    assert!(Ledger::durable(folder.path()).claim(&route("a"), hour(24)).await.unwrap());
}

#[tokio::test]
async fn a_loss_that_a_clock_ahead_noted_holds_for_one_day_more() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"schema": "musterd.ledger/1", "lost_at": "2099-01-01T00:00:00Z", "routes": {}}"#;
    std::fs::write(folder.path().join("ledger.json"), text).unwrap();
    let ledger = Ledger::durable(folder.path());
    assert!(!ledger.claim(&route("a"), hour(0)).await.unwrap());
    assert!(ledger.claim(&route("a"), hour(24)).await.unwrap());
}

#[tokio::test]
async fn an_entry_that_is_only_a_little_ahead_stands() {
    let ledger = Ledger::passing();
    assert!(ledger.claim(&route("a"), hour(5)).await.unwrap());
    assert!(!ledger.claim(&route("a"), hour(0)).await.unwrap());
    assert!(!ledger.claim(&route("a"), hour(28)).await.unwrap());
    assert!(ledger.claim(&route("a"), hour(29)).await.unwrap());
}
