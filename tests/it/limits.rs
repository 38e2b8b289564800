//! Checks of rate limits side by side, as a server sees them: in turn, and beyond a limit once a day.

use std::sync::Mutex;
use std::time::Duration;

use musterd_test_support::http::{HttpServer, Reply, Request};
use tokio::time::Instant;

use crate::daemon_process::Daemon;
use crate::harness::{Folder, Ran};

fn check(folder: &Folder) -> Ran {
    tokio::task::block_in_place(|| {
        folder.run(&["check", "--allow", "intrusive", "--format", "json"])
    })
}

/// Counts for everybody and every route, slowly enough for requests to meet.
async fn counting(limit: u32) -> HttpServer {
    let used = Mutex::new(0);
    HttpServer::start(move |_| {
        let mut used = used.lock().unwrap();
        *used += 1;
        let left = limit.saturating_sub(*used);
        Reply::text(200, "ok")
            .header("ratelimit-policy", &format!("{limit};w=3600"))
            .header("ratelimit-limit", &limit.to_string())
            .header("ratelimit-remaining", &left.to_string())
            .after(Duration::from_millis(20))
    })
    .await
}

/// The runs that asked for a limit's route, in the order of their requests.
fn runs(requests: &[Request]) -> Vec<String> {
    let run = |request: &Request| request.header("musterd-run").unwrap_or_default().to_owned();
    let mut runs: Vec<String> =
        requests.iter().filter(|r| r.path().starts_with("/api")).map(run).collect();
    runs.dedup();
    runs
}

/// Each run's requests came in one go: nobody came in between.
fn expect_turns(requests: &[Request], least: usize) {
    let runs = runs(requests);
    let mut once = runs.clone();
    once.sort();
    once.dedup();
    assert_eq!(runs.len(), once.len(), "two runs sent at the same time");
    assert!(once.len() >= least, "{} runs", once.len());
}

/// Three checks of one origin, two of them of the same route, and others that send to it too.
fn estate(url: &str) -> String {
    let limit = |name: &str, path: &str, mode: &str| {
        format!(
            "      - rate_limit: {{request: {{path: {path}}}, limit: 1000, window: 1h, mode: {mode}}}\n        name: {name}\n"
        )
    };
    format!(
        "listen: 127.0.0.1:0\ndefaults: {{interval: 1s}}\nservices:\n  - name: one\n    url: {url}\n    budget: {{rate: 500/s, burst: 500}}\n    checks:\n{}{}{}      - cors: {{path: /other}}\n      - http: {{path: /}}\n  - name: two\n    url: {url}\n    checks:\n{}",
        limit("read", "/api", "headers"),
        limit("same", "/api", "differential"),
        limit("other", "/api/items", "differential"),
        limit("read", "/api/items", "headers"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_of_one_limit_take_turns_and_do_not_mistake_each_other_for_strangers() {
    let server = counting(1000).await;
    let folder = Folder::new();
    folder.write("musterd.yaml", estate(&server.url()));
    let ran = check(&folder);
    for (id, _, rules) in ran.checks() {
        assert!(!rules.contains(&"rate_limit.bucket-shared".to_owned()), "{id}: {rules:?}");
    }
    expect_turns(&server.requests(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_of_one_limit_take_turns_in_a_daemon_too() {
    let server = counting(1_000).await;
    let folder = Folder::new();
    folder.write("musterd.yaml", estate(&server.url()));
    let daemon = Daemon::start(&folder);
    server.wait_for_requests(80).await;
    let status = daemon.get("/api/v1/status").await.1;
    assert_eq!(daemon.stop(), Some(0));
    let checks = status["services"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|service| service["checks"].as_array().unwrap());
    let mut findings = checks.flat_map(|check| check["findings"].as_array().unwrap());
    assert!(findings.all(|finding| finding["rule"] != "rate_limit.bucket-shared"), "{status}");
    expect_turns(&server.requests(), 6);
}

/// Admits four in a second, and says nothing of it.
async fn bare() -> HttpServer {
    let window = Mutex::new((Instant::now(), 0));
    HttpServer::start(move |_| {
        let mut window = window.lock().unwrap();
        if window.0.elapsed() >= Duration::from_secs(1) {
            *window = (Instant::now(), 0);
        }
        window.1 += 1;
        if window.1 > 4 { Reply::new(429) } else { Reply::text(200, "ok") }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_gone_beyond_once_a_day_by_whoever_comes_first() {
    let server = bare().await;
    let folder = Folder::new();
    let limit = |name: &str| {
        format!(
            "      - rate_limit: {{request: {{path: /api}}, limit: 4, window: 1s, mode: exhaust}}\n        name: {name}\n"
        )
    };
    folder.write(
        "musterd.yaml",
        format!(
            "state: {{path: state}}\nservices:\n  - name: shop\n    url: {}\n    allow: intrusive\n    checks:\n{}{}",
            server.url(),
            limit("one"),
            limit("two")
        ),
    );
    let first = check(&folder);
    let asked = server.requests().len();
    assert_eq!(runs(&server.requests()).len(), 1, "the other one sent nothing: {}", first.stdout);
    assert!(asked > 5, "{asked} requests");
    let withheld = |ran: &Ran| {
        let report = ran.json();
        let checks = report["services"][0]["checks"].as_array().unwrap().iter();
        let why = checks.map(|check| {
            let untested = check["untested"].as_array().unwrap().iter();
            let of = |rule: &&serde_json::Value| rule["rule"] == "rate_limit.not-enforced";
            untested.filter(of).map(|rule| rule["reason"].as_str().unwrap().to_owned()).collect()
        });
        why.collect::<Vec<String>>()
    };
    let mut why = withheld(&first);
    why.sort();
    assert_eq!(why[0], "", "one of both looked");
    assert!(why[1].contains("at most once a day and route"), "{why:?}");

    let second = check(&folder);
    let why = withheld(&second);
    assert!(why.iter().all(|why| why.contains("at most once a day and route")), "{why:?}");
    let more = server.requests().len() - asked;
    assert!(more <= 4, "{more} requests of two checks that only read headers");
    for (id, _, rules) in second.checks() {
        // What is not its time opens nothing; who comes while the window goes on is refused.
        let refused = ["rate_limit.hint-missing", "rate_limit.unproven"];
        assert!(rules.is_empty() || rules == refused, "{id}: {rules:?}");
    }
}
