//! What a daemon keeps on disk, and for whom.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use musterd_test_support::http::{HttpServer, Reply};
use serde_json::Value;

use crate::daemon::{config, status_of};
use crate::daemon_process::Daemon;
use crate::harness::Folder;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_does_not_start_over_the_same_state() {
    let server = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let folder = Folder::new();
    folder.write("musterd.yaml", config(&server.url(), "http: "));
    let daemon = Daemon::start(&folder);
    let mut second = folder.command(&["run"]).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(second.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<String> = lines.take_while(|line| !line.contains("listening")).collect();
    let refused = said.iter().any(|line| line.contains("state.lock"));
    if !refused {
        second.kill().unwrap();
    }
    assert_eq!((refused, second.wait().unwrap().code()), (true, Some(2)), "{said:?}");

    // One look beside it shares the ledger and nothing else.
    let ran = tokio::task::block_in_place(|| folder.run(&["check"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    daemon.until("the first pass", |now| status_of(now, "shop/http") == "pass").await;
    assert_eq!(daemon.stop(), Some(0));
    Daemon::start(&folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_follows_a_location_that_is_another_one_after_a_reload() {
    let server = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let folder = Folder::new();
    let located =
        |location: &str| format!("location: {location}\n{}", config(&server.url(), "http: "));
    folder.write("musterd.yaml", located("here"));
    let daemon = Daemon::start(&folder);
    let passed = daemon.until("the first pass", |now| status_of(now, "shop/http") == "pass").await;
    folder.write("musterd.yaml", located("there"));
    daemon.post("/-/reload").await;
    assert_eq!(daemon.get("/api/v1/status").await.1["location"], "there");
    assert_eq!(daemon.stop(), Some(0));

    let daemon = Daemon::start(&folder);
    let (_, restored) = daemon.get("/api/v1/status").await;
    let since = |document: &Value| document["services"][0]["checks"][0]["since"].clone();
    assert_eq!(since(&restored), since(&passed), "{restored}");
}

/// A pipe that nobody writes to stands for a file system that hangs.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_on_a_disk_that_hangs_keeps_the_daemon_neither_from_starting_nor_from_ending()
{
    let server = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let folder = Folder::new();
    folder.write("musterd.yaml", config(&server.url(), "http: "));
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let pipes = ["state.json", "notified.json"].map(|name| state.join(name));
    let made = std::process::Command::new("mkfifo").args(&pipes).status().unwrap();
    assert!(made.success());

    let mut at_once = Daemon::start(&folder);
    at_once.signal("TERM");
    assert_eq!(at_once.ended().await, Some(0), "it is told to stop before it has begun");

    let mut daemon = Daemon::start(&folder);
    daemon.until("the first pass", |now| status_of(now, "shop/http") == "pass").await;
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await, Some(0));
    let is_pipe = |path: &std::path::PathBuf| {
        use std::os::unix::fs::FileTypeExt as _;
        std::fs::symlink_metadata(path).unwrap().file_type().is_fifo()
    };
    assert!(is_pipe(&pipes[0]), "what could not be read is left as it is");
}
