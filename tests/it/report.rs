//! `musterd check --report`: what a daemon is sent.

use musterd_test_support::http::{HttpServer, Reply};

use crate::harness::{Folder, ran};

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_shown_and_not_posted() {
    let service = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let daemon = HttpServer::start(|_| Reply::new(200)).await;
    let folder = Folder::new();
    folder.write(
        "musterd.yaml",
        format!("services: [{{name: shop, url: '{}', checks: [http: ]}}]\n", service.url()),
    );
    let mut command = folder.command(&["check", "--format", "json", "--evidence", "--report"]);
    command.arg(daemon.url()).env("MUSTERD_REPORT_TOKEN", "a-token-for-tests");
    let ran = tokio::task::block_in_place(|| ran(command));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut shown = ran.json();
    let evidence = shown["services"][0]["checks"][0]
        .as_object_mut()
        .and_then(|check| check.remove("evidence"));
    assert!(evidence.is_some(), "{shown}");

    let [request] = &daemon.requests()[..] else { panic!("one request") };
    assert_eq!(request.method, "POST");
    assert_eq!(request.path(), "/api/v1/reports");
    let posted: serde_json::Value = serde_json::from_str(&request.text()).unwrap();
    assert_eq!(posted, shown);
    assert_eq!(request.text().len(), posted.to_string().len(), "no white space is sent");
}
