//! What every fault of an answer comes to.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use musterd_test_support::fault::{Fault, FaultServer, Stage};
use serde_json::json;

use super::{PATIENT, fires, judged, observe, target};

/// What each fault of an answer comes to.
fn faults() -> Vec<(&'static str, &'static [&'static str])> {
    vec![
        ("silent-after-request", &["timeout"]),
        ("reset-after-request", &["unreachable"]),
        ("close-after-request", &["unreachable"]),
        ("garbage-answer", &["unreachable"]),
        ("drip-head", &["timeout"]),
        ("drip-body", &["timeout"]),
        ("silent-after-head", &["timeout"]),
        ("body-cut-short", &["body-unexpected"]),
        ("chunked-cut-short", &["body-unexpected"]),
        ("reset-in-body", &["body-unexpected"]),
        ("endless-headers", &["unreachable"]),
        ("long-header", &["unreachable"]),
        ("many-headers", &["unreachable"]),
        ("endless-body", &["too-large"]),
        ("endless-chunks", &["too-large"]),
        ("gzip-bomb", &["too-large"]),
        ("invalid-gzip", &["body-unexpected"]),
        ("truncated-gzip", &["body-unexpected"]),
        ("endless-early-hints", &["unreachable"]),
        ("endless-continue", &["unreachable"]),
        ("redirect-loop", &["status-unexpected"]),
    ]
}

#[tokio::test]
async fn each_fault_of_an_answer_is_one_finding() {
    let table = faults();
    let striking: Vec<(&str, Fault)> =
        Fault::all().into_iter().filter(|(_, fault)| fault.stage() == Stage::Answer).collect();
    let names: Vec<&str> = striking.iter().map(|(name, _)| *name).collect();
    let known: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, known, "every fault has its row, in the order of the catalogue");
    let mut running: FuturesUnordered<_> = striking
        .into_iter()
        .zip(table)
        .map(|((name, fault), (_, wanted))| async move {
            let server = FaultServer::start(fault).await;
            // What ends by itself has all the time that it needs, what does not end has little.
            let timeout = if wanted == ["timeout"] { Duration::from_millis(300) } else { PATIENT };
            let settings = json!({"expect": {"max_bytes": 65_536}});
            let target = target(&format!("http://{}", server.addr()));
            let (http, seen) = observe(&settings, target, timeout).await.unwrap();
            assert_eq!(judged(&http, &seen), wanted, "{name}");
        })
        .collect();
    while running.next().await.is_some() {}
}

#[tokio::test]
async fn compressed_answers_are_read() {
    let json = br#"{"a":1}"#.to_vec();
    for fault in
        [Fault::Gzip(json.clone()), Fault::DeflateZlib(json.clone()), Fault::DeflateRaw(json)]
    {
        let name = fault.name();
        let server = FaultServer::start(fault).await;
        let settings = json!({"expect": {"json": {"/a": 1}, "body": "^\\{\"a\":1\\}$"}});
        let target = target(&format!("http://{}", server.addr()));
        assert_eq!(fires(&settings, target).await, [""; 0], "{name}");
    }
}
