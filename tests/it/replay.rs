//! Evidence that was stored is judged again with the same result.

use musterd_test_support::http::{HttpServer, Reply};

use crate::harness::Folder;

#[tokio::test(flavor = "multi_thread")]
async fn replaying_evidence_gives_the_findings_of_the_run_without_its_network() {
    let server = HttpServer::start(|request| match request.path() {
        "/health" => Reply::json(200, r#"{"status": "ok", "checks": {"db": "down"}}"#),
        _ => Reply::text(404, "no"),
    })
    .await;
    let folder = Folder::new();
    folder.write(
        "musterd.yaml",
        format!(
            "services: [{{name: a, url: '{}', checks: [health: {{slow: {{warn: 10s}}}}, tcp: , http: {{path: /nope}}]}}]\n",
            server.url()
        ),
    );
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| folder.run(arguments));
    let live = run(&["check", "--format", "json", "--evidence=seen"]);
    assert_eq!(live.code, 1, "{}", live.stderr);
    drop(server);
    for (id, verdict, rules) in live.checks() {
        let file = format!("seen/{}.json", id.replace('/', "."));
        let again = run(&["replay", &file, "--format", "json"]);
        assert_eq!(again.checks(), [(id, verdict.clone(), rules)]);
        assert_eq!(again.code, i32::from(verdict == "fail"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_shown_beside_the_findings_where_it_is_asked_for() {
    let server = HttpServer::start(|_| Reply::text(200, "pong")).await;
    let folder = Folder::new();
    let shown = tokio::task::block_in_place(|| {
        folder.run(&["check", &server.url(), "--format", "json", "--evidence"])
    });
    let report = shown.json();
    let evidence = &report["services"][0]["checks"][0]["evidence"];
    assert_eq!(evidence["hops"][0]["answer"]["status"], 200);
}
