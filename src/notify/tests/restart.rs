//! What a restart remembers of what was told.

use std::path::Path;

use super::work::{Fate, Rig, alertmanager, hook};
use crate::status::Status::{Fail, Pass, Unknown};

/// The record of a directory.
fn record(directory: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(directory.join("notified.json")).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_problem_that_did_not_arrive_is_told_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::restarted(directory.path(), [hook("chat")], &[Fate::Fails], &[Pass, Pass]);
    rig.change(0, Fail).await;
    rig.stop().await;
    let rig = Rig::restarted(directory.path(), [hook("chat")], &[Fate::Arrives], &[Fail, Pass]);
    rig.pass(10).await;
    assert_eq!(rig.stop().await, ["a=fail"]);
    let rig = Rig::restarted(directory.path(), [hook("chat")], &[Fate::Arrives], &[Fail, Fail]);
    rig.pass(10).await;
    rig.change(0, Pass).await;
    assert_eq!(rig.stop().await, ["b=fail", "a=pass"], "a was told before this restart");
    let rig = Rig::restarted(directory.path(), [hook("new")], &[Fate::Arrives], &[Pass, Fail]);
    rig.pass(10).await;
    assert_eq!(rig.stop().await, ["b=fail"], "a new receiver was told nothing");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_problem_is_told_after_a_restart_to_whom_it_was_told() {
    let directory = tempfile::tempdir().unwrap();
    let chats = || [hook("chat"), hook("pager")];
    let fates = [Fate::Arrives, Fate::Refused];
    let rig = Rig::restarted(directory.path(), chats(), &fates, &[Pass]);
    rig.change(0, Fail).await;
    rig.stop().await;
    let rig = Rig::restarted(directory.path(), chats(), &[Fate::Arrives], &[Fail]);
    rig.change(0, Pass).await;
    assert_eq!(rig.stop().await, ["a=pass"], "one of the two heard of it");
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_leaves_is_what_arrived_a_second_before() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::restarted(directory.path(), [hook("chat")], &[Fate::Arrives], &[Pass, Unknown]);
    rig.change(0, Fail).await;
    rig.pass(2).await;
    rig.work.abort();
    let chat = &record(directory.path())["receivers"]["chat"]["shop"];
    assert_eq!(chat["url"], "http://127.0.0.1:9/");
    assert_eq!(chat["labels"]["team"], "core");
    let problems = chat["problems"].as_object().unwrap();
    assert_eq!(problems.keys().collect::<Vec<_>>(), ["shop/a", "shop/b"]);
    assert_eq!(problems["shop/a"]["status"], "fail");
    assert_eq!(problems["shop/a"]["severity"], "critical");
    assert_eq!(problems["shop/a"]["since"], "2026-01-02T03:04:20Z");
    assert_eq!(problems["shop/a"]["probe"], "tcp");
}

#[tokio::test(start_paused = true)]
async fn alertmanager_hears_after_a_restart_at_once_what_it_was_told() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::restarted(directory.path(), [alertmanager()], &[Fate::Arrives], &[Pass]);
    rig.change(0, Fail).await;
    rig.stop().await;
    let rig = Rig::restarted(directory.path(), [alertmanager()], &[Fate::Arrives], &[Fail]);
    rig.pass(1).await;
    assert_eq!(rig.stop().await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_used_is_none() {
    let other_location = r#"{"schema": "musterd.notified/1", "location": "paris",
        "saved_at": "2026-01-01T00:00:00Z", "receivers": {"chat": {"shop": {"url": "", "labels": {},
        "problems": {"shop/a": {"status": "fail", "severity": "critical", "probe": "tcp",
        "since": "2026-01-01T00:00:00Z", "labels": {}}}}}}}"#;
    let here = other_location.replace("paris", "");
    for (text, told, set_aside) in [
        ("", &["a=fail"][..], true),
        ("{\"schema\": \"musterd.notified/1\"", &["a=fail"], true),
        (&here.replace("notified/1", "notified/2"), &["a=fail"], true),
        (&here.replace("tcp", "of-a-newer-one"), &["a=fail"], false),
        (&here.replace("\"fail\"", "\"pass\""), &["a=fail"], false),
        (other_location, &["a=fail"], false),
        (&here, &[], false),
    ] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("notified.json"), text).unwrap();
        let rig = Rig::restarted(directory.path(), [hook("chat")], &[Fate::Arrives], &[Fail]);
        rig.pass(10).await;
        assert_eq!(rig.stop().await, told, "{text}");
        let files = std::fs::read_dir(directory.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let aside = names.filter(|name| name.starts_with("notified.json.damaged-")).count();
        assert_eq!(aside, usize::from(set_aside), "{text}");
        assert!(record(directory.path())["receivers"]["chat"]["shop"].is_object(), "{text}");
    }
}
