//! Reports that others post.

mod limits;
mod proof;

use super::*;

/// What `musterd check --format json` writes of one service.
fn report(location: &str, service: &str, checks: &[(&str, &str)]) -> Value {
    let checks: Vec<Value> = checks
        .iter()
        .map(|(name, verdict)| {
            let finding = json!({
                "rule": "tls.expired",
                "severity": if *verdict == "warn" { "medium" } else { "high" }, "subject": "", "title": "t",
                "saw": format!("it said {SECRET}"), "wanted": "w", "why": "y", "fix": "f",
                "references": ["https://example.com/", "javascript:alert(1)"],
                "opened_at": null, "waived": null,
            });
            let findings = if matches!(*verdict, "fail" | "warn") { vec![finding] } else { vec![] };
            json!({
                "id": format!("{service}/{name}"), "probe": "tls", "verdict": verdict,
                "status": verdict, "reason": null, "since": null,
                "last_run": "2026-11-20T11:59:00Z", "next_run": null, "interval_seconds": 3600.0,
                "duration_seconds": 0.1, "findings": findings, "untested": [],
                "evidence": {"much": "of it"},
            })
        })
        .collect();
    json!({
        "schema": "musterd.report/1", "exit_code": 0, "duration_seconds": 1.5,
        "status": "pass", "score": 100, "generated_at": "2026-11-20T12:00:00Z",
        "version": "0.1.0", "location": location,
        "totals": {"services": 1, "checks": checks.len(), "pass": 0, "warn": 0, "fail": 0, "unknown": 0, "pending": 0},
        "services": [{
            "name": service, "url": "https://x.example/", "labels": {"env": "ci"},
            "status": "pass", "score": 100, "since": null, "findings": [], "checks": checks,
        }],
    })
}

/// The report, of runs that ended just now.
fn fresh(rig: &Rig, mut report: Value) -> Value {
    let passed = rig.passed.load(std::sync::atomic::Ordering::Relaxed);
    let now = json!(noon() + SignedDuration::from_secs(passed));
    report["generated_at"] = now.clone();
    for service in report["services"].as_array_mut().unwrap() {
        for check in service["checks"].as_array_mut().unwrap() {
            check["last_run"] = now.clone();
        }
    }
    report
}

async fn post(rig: &Rig, report: &Value) -> Answered {
    rig.post_json("/api/v1/reports", report.to_string()).await
}

#[tokio::test]
async fn what_is_reported_stands_beside_what_runs_here_under_its_location() {
    let rig = Rig::filled().await;
    let sent = report("ci", "shop", &[("home", "fail"), ("tls", "pass")]);
    schema::holds("Report", &without_evidence(&sent));
    let answer = post(&rig, &sent).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    schema::holds("Taken", &answer.json());

    let status = rig.read("/api/v1/status").await;
    schema::holds("Status", &status.json());
    assert_eq!(status.json()["totals"]["checks"], 6);
    let reported = &status.json()["services"][2];
    assert_eq!((&reported["location"], &reported["status"]), (&json!("ci"), &json!("fail")));
    assert_eq!(reported["score"], 80);
    let finding = &reported["checks"][0]["findings"][0];
    assert_eq!(finding["saw"], "it said ***");
    assert_eq!(finding["references"], json!(["https://example.com/"]), "no other schemes");
    assert_eq!(reported["checks"][0]["evidence"], Value::Null);

    let checks = rig.read("/api/v1/checks?label=env=ci").await;
    schema::holds("Checks", &checks.json());
    assert_eq!(checks.each("location"), ["ci", "ci"]);
    let here = rig.read("/api/v1/checks/shop/home").await.json();
    let there = rig.read("/api/v1/checks/shop/home?location=ci").await.json();
    assert_eq!((&here["status"], &there["status"]), (&json!("pass"), &json!("fail")));
    rig.read("/api/v1/checks/shop/tls").await;
    assert_eq!(rig.read("/api/v1/services/shop?location=ci").await.json(), *reported);
    assert!(rig.read("/api/v1/findings?rule=tls.expired").await.each("location") == ["ci"]);
    assert!(!rig.read("/metrics").await.text().contains("tls"), "no series stands twice");
}

fn without_evidence(report: &Value) -> Value {
    let mut report = report.clone();
    for key in ["exit_code", "duration_seconds"] {
        report.as_object_mut().unwrap().remove(key);
    }
    for check in report["services"][0]["checks"].as_array_mut().unwrap() {
        check.as_object_mut().unwrap().remove("evidence");
    }
    report
}

#[tokio::test]
async fn a_new_report_replaces_check_by_check_and_old_ones_are_forgotten() {
    let rig = Rig::filled().await;
    let of_ci = async |rig: &Rig| rig.read("/api/v1/checks?label=env=ci").await.each("status");
    let first = report("ci", "api", &[("a", "pass"), ("b", "fail")]);
    post(&rig, &fresh(&rig, first)).await;
    rig.pass(24 * 3_600);
    let second = report("ci", "api", &[("b", "pass"), ("c", "warn")]);
    post(&rig, &fresh(&rig, second)).await;
    let mut statuses = of_ci(&rig).await;
    statuses.sort_by_key(Value::to_string);
    assert_eq!(statuses, ["pass", "pass", "warn"]);
    rig.pass(24 * 3_600 + 1);
    assert_eq!(
        of_ci(&rig).await,
        ["pass", "warn"],
        "the run that was reported once is 48 hours old"
    );
    rig.pass(24 * 3_600);
    assert!(of_ci(&rig).await.is_empty());
}

#[tokio::test]
async fn what_runs_here_is_not_reported_from_here() {
    let rig = Rig::filled().await;
    let taken = report("here", "shop", &[("other", "pass"), ("home", "pass")]);
    let detail = is_problem(&post(&rig, &taken).await, 409);
    assert!(detail.contains("shop/home"), "{detail}");
    let alone = rig.read("/api/v1/services/shop").await.json();
    assert_eq!(post(&rig, &report("here", "shop", &[("other", "fail")])).await.status, 200);
    // What is asked for by its name is whole.
    let whole = rig.read("/api/v1/services/shop?location=here").await.json();
    schema::holds("Service", &whole);
    let ids = whole["checks"].as_array().unwrap().iter().map(|check| check["id"].clone());
    let ids: Vec<Value> = ids.collect();
    assert_eq!(ids, ["shop/home", "shop/cart", "shop/waived", "shop/other"]);
    assert_eq!(whole["since"], alone["since"]);
    assert_eq!(whole["status"], "fail");
    // Once it is scheduled here, what was reported of it no longer shows.
    let shop = service("shop", &["home", "other"], Vec::new());
    let watched: Vec<Watched> = shop
        .checks
        .iter()
        .map(|check| Watched { service: Arc::clone(&shop), check: Arc::clone(check) })
        .collect();
    rig.store.adopt(&watched, noon());
    assert_eq!(rig.read("/api/v1/checks").await.each("id"), ["shop/home", "shop/other"]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_as_a_whole() {
    let rig = Rig::filled().await;
    let sound = report("ci", "api", &[("a", "pass")]);
    let wrong = |pointer: &str, value: Value| {
        let mut report = sound.clone();
        *report.pointer_mut(pointer).expect("a path within the report") = value;
        report
    };
    for report in [
        json!({}),
        json!([]),
        wrong("/schema", json!("musterd.report/2")),
        wrong("/location", json!("<script>")),
        wrong("/services/0/name", json!("a b")),
        wrong("/services/0/url", json!("javascript:alert(1)")),
        wrong("/services/0/url", json!("https://me:secret@x.example/")),
        wrong("/services/0/checks/0/id", json!("other/a")),
        wrong("/services/0/checks/0/id", json!("api/")),
        wrong("/services/0/checks/0/probe", json!("<b>")),
        wrong("/services/0/checks/0/status", json!("good")),
        wrong("/services/0/checks/0/last_run", json!("yesterday")),
        wrong("/services/0/checks/0/interval_seconds", json!(-1)),
        wrong("/services/0/checks/0/duration_seconds", json!(1e300)),
    ] {
        is_problem(&post(&rig, &report).await, 422);
    }
    is_problem(&rig.post_json("/api/v1/reports", "{").await, 400);
    is_problem(&rig.post_json("/api/v1/reports", Body::empty()).await, 400);
    is_problem(&rig.post("/api/v1/reports").await, 415);
    let long = Body::from_stream(futures_util::stream::iter(
        (0..9).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1024 * 1024]))),
    ));
    is_problem(&rig.post_json("/api/v1/reports", long).await, 413);
    assert_eq!(rig.read("/api/v1/status").await.json()["totals"]["checks"], 4);
}
