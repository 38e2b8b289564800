//! `musterd check`: selectors, exit codes, ceilings, and evidence.

use musterd_test_support::http::{HttpServer, Reply};

use crate::harness::{Folder, Ran};

/// A folder whose configuration has a healthy, a degraded and a failing service.
async fn estate() -> (Folder, HttpServer) {
    let server = HttpServer::start(|request| match request.path() {
        "/ok" => Reply::json(200, r#"{"status": "ok", "uptime": 5}"#),
        "/degraded" => Reply::json(200, r#"{"status": "degraded", "uptime": 5}"#),
        "/down" => Reply::json(503, r#"{"status": "down", "uptime": 5}"#),
        _ => Reply::text(404, "not found"),
    })
    .await;
    let folder = Folder::new();
    let service = |name: &str| {
        format!(
            "  - name: {name}\n    url: {}\n    checks:\n      - health: {{path: /{name}, slow: {{warn: 10s}}}}\n",
            server.url()
        )
    };
    let services: String = ["ok", "degraded", "down"].map(service).concat();
    folder.write("musterd.yaml", format!("services:\n{services}"));
    (folder, server)
}

fn run(folder: &Folder, arguments: &[&str]) -> Ran {
    tokio::task::block_in_place(|| folder.run(arguments))
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_tell_what_was_found() {
    let (folder, _server) = estate().await;
    for (arguments, code) in [
        (&["check", "ok"][..], 0),
        (&["check", "degraded"], 0),
        (&["check", "degraded", "--fail-on", "warn"], 1),
        (&["check", "down"], 1),
        (&["check"], 1),
        (&["check", "ok", "degraded/*"], 0),
        (&["check", "*/health"], 1),
        (&["check", "ok", "nothing"], 2),
    ] {
        let ran = run(&folder, arguments);
        assert_eq!(ran.code, code, "{arguments:?}\n{}\n{}", ran.stdout, ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn selectors_choose_and_the_order_stays_the_configurations() {
    let (folder, _server) = estate().await;
    let ran = run(&folder, &["check", "--format", "json", "down", "o*"]);
    let ids: Vec<String> = ran.checks().into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, ["ok/health", "down/health"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_needs_no_configuration() {
    let (folder, server) = estate().await;
    let url = format!("{}/ok", server.url());
    let ran = run(&folder, &["check", &url, "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("at most 41 with redirects"), "{}", ran.stderr);
    assert_eq!(ran.checks().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_says_who_asks() {
    let (folder, server) = estate().await;
    run(&folder, &["check", "ok"]);
    let request = server.requests().remove(0);
    assert!(request.header("user-agent").unwrap_or_default().starts_with("musterd/"));
    assert_eq!(request.header("musterd-run").unwrap_or_default().len(), 26);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ceiling_keeps_active_work_from_being_done() {
    let (folder, server) = estate().await;
    folder.write(
        "post.yaml",
        format!(
            "services: [{{name: a, url: '{}', checks: [http: {{path: /ok, method: POST}}]}}]\n",
            server.url()
        ),
    );
    let ran =
        run(&folder, &["check", "--config", "post.yaml", "--allow", "passive", "--format", "json"]);
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    assert!(server.requests().is_empty());
    let ran = run(&folder, &["check", "--config", "post.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_waiver_counts_no_more_and_is_a_finding_itself() {
    let (folder, server) = estate().await;
    let config = |until: &str| {
        format!(
            "services:\n  - name: a\n    url: {}\n    checks: [health: {{path: /degraded}}]\n    waivers:\n      - {{rule: health.degraded, reason: known, until: {until}}}\n",
            server.url()
        )
    };
    folder.write("musterd.yaml", config("2999-01-01"));
    let ran = run(&folder, &["check", "--format", "json"]);
    let report = ran.json();
    assert_eq!(report["services"][0]["status"], "pass");
    assert_eq!(report["services"][0]["score"], 100);
    let finding = &report["services"][0]["checks"][0]["findings"][0];
    assert_eq!(finding["waived"]["reason"], "known");
    folder.write("musterd.yaml", config("2020-01-01"));
    let report = run(&folder, &["check", "--format", "json"]).json();
    assert_eq!(report["services"][0]["status"], "warn");
    assert_eq!(report["services"][0]["findings"][0]["rule"], "policy.waiver-expired");
    assert_eq!(report["services"][0]["score"], 84);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_we_are_cut_off_an_outage_is_our_own() {
    let server = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let folder = Folder::new();
    let closed = "127.0.0.1:1";
    for (uplink, code) in [(closed, 3), (server.addr().to_string().as_str(), 1)] {
        folder.write(
            "musterd.yaml",
            format!(
                "uplink: ['tcp://{uplink}']\nservices: [{{name: a, url: 'http://{closed}', checks: [http: ]}}]\n"
            ),
        );
        let ran = run(&folder, &["check", "--format", "json"]);
        assert_eq!(ran.code, code, "{}", ran.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_go_to_files_too() {
    let (folder, _server) = estate().await;
    let files = ["--output", "junit=report.xml", "--output", "json=report.json"];
    let ran = run(&folder, &[&["check"][..], &files].concat());
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("down/health"), "{}", ran.stdout);
    let written = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(written("report.xml").contains("<testcase"), "{}", written("report.xml"));
    let json: serde_json::Value = serde_json::from_str(&written("report.json")).unwrap();
    assert_eq!(json["exit_code"], 1);
    let ran = run(&folder, &["check", "--output", "json=absent/report.json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("absent/report.json"), "{}", ran.stderr);
    for wrong in ["json", "json=", "yaml=report.yaml"] {
        let ran = run(&folder, &["check", "--output", wrong]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains("FORMAT=FILE"), "{}", ran.stderr);
    }
}
