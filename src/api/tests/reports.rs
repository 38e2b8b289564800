//! Reports that others post.

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
    for checks in [&[("other", "pass"), ("home", "pass")][..], &[("other", "pass")]] {
        let detail = is_problem(&post(&rig, &report("here", "shop", checks)).await, 409);
        assert!(detail.contains("shop"), "{detail}");
    }
    assert_eq!(post(&rig, &report("here", "api", &[("other", "fail")])).await.status, 200);
    // Once the service runs here, what was reported of it no longer shows.
    let api = service("api", &["home"], Vec::new());
    let check = Arc::clone(&api.checks[0]);
    rig.store.adopt(&[Watched { service: api, check }], noon());
    assert_eq!(rig.read("/api/v1/checks").await.each("id"), ["api/home"]);
    assert_eq!(rig.read("/api/v1/services").await.each("name"), ["api"]);
    let status = rig.read("/api/v1/status").await.json();
    assert_eq!(status["services"].as_array().unwrap().len(), 1);
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

#[tokio::test]
async fn the_oldest_reports_give_way() {
    let rig = Rig::filled().await;
    for number in 0..1_010 {
        rig.pass(1);
        let name = format!("s{number}");
        let report = fresh(&rig, report("ci", &name, &[("a", "pass")]));
        assert_eq!(post(&rig, &report).await.status, 200);
    }
    let totals = rig.read("/api/v1/status").await.json()["totals"].clone();
    assert_eq!(totals["services"], 1_002);
    is_problem(&rig.get("/api/v1/services/s9").await, 404);
    rig.read("/api/v1/services/s10").await;
}

/// The report, with an array in an array in an array in the place of a value.
fn with_depths(report: &Value, pointer: &str, depth: usize) -> String {
    let mut report = report.clone();
    *report.pointer_mut(pointer).expect("a path within the report") = json!("DEPTHS");
    let depths = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    report.to_string().replace("\"DEPTHS\"", &depths)
}

#[tokio::test]
async fn what_nobody_needs_is_skipped_without_being_built() {
    let rig = Rig::filled().await;
    let report = report("ci", "api", &[("a", "pass")]);
    // Whoever built values of it would give up at a far lesser depth.
    for pointer in ["/exit_code", "/services/0/checks/0/evidence"] {
        let answer = rig.post_json("/api/v1/reports", with_depths(&report, pointer, 10_000)).await;
        assert_eq!(answer.status, 200, "{pointer}: {}", answer.text());
    }
}

#[tokio::test]
async fn what_is_too_long_or_too_many_is_named() {
    let rig = Rig::filled().await;
    let sound = report("ci", "api", &[("a", "fail")]);
    let finding = "/services/0/checks/0/findings/0";
    let many = |item: &Value, count: usize| Value::Array(vec![item.clone(); count]);
    let labels: serde_json::Map<String, Value> =
        (0..300).map(|number| (format!("l{number}"), json!("x"))).collect();
    for (pointer, name, value) in [
        (format!("{finding}/subject"), "subject", json!("x".repeat(5_000))),
        (format!("{finding}/saw"), "saw", json!("x".repeat(20_000))),
        (format!("{finding}/references"), "references", many(&json!("https://a.example/"), 17)),
        (
            "/services/0/checks/0/findings".to_owned(),
            "findings",
            many(sound.pointer(finding).unwrap(), 1_001),
        ),
        ("/services/0/checks/0/reason".to_owned(), "reason", json!("x".repeat(20_000))),
        ("/services/0/labels".to_owned(), "labels", labels.into()),
        ("/services/0/labels/env".to_owned(), "labels", json!("x".repeat(5_000))),
        ("/services".to_owned(), "services", many(&sound["services"][0], 501)),
    ] {
        let mut report = sound.clone();
        *report.pointer_mut(&pointer).expect("a path within the report") = value;
        let detail = is_problem(&post(&rig, &report).await, 422);
        assert!(detail.contains(&format!("`{name}`")), "{pointer}: {detail}");
    }
}

#[tokio::test]
async fn an_error_does_not_repeat_a_secret() {
    let rig = Rig::filled().await;
    for (pointer, value) in [
        ("/schema", SECRET.to_owned()),
        ("/services/0/checks/0/status", SECRET.to_owned()),
        ("/services/0/name", format!("a {SECRET}")),
    ] {
        let mut report = report("ci", "api", &[("a", "pass")]);
        *report.pointer_mut(pointer).unwrap() = value.into();
        let detail = is_problem(&post(&rig, &report).await, 422);
        assert!(detail.contains("***") && !detail.contains(SECRET), "{pointer}: {detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn few_are_received_at_once_and_the_others_are_told_to_come_again() {
    let rig = Rig::filled().await;
    let slow = || {
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        rig.post_json("/api/v1/reports", Body::from_stream(never))
    };
    let (one, two, three, four, fifth) = tokio::join!(slow(), slow(), slow(), slow(), slow());
    for received in [one, two, three, four] {
        is_problem(&received, 408);
    }
    is_problem(&fifth, 503);
    assert!(!fifth.header("retry-after").is_empty());
}

#[tokio::test]
async fn an_older_run_does_not_take_the_place_of_a_later_one() {
    let rig = Rig::filled().await;
    let old = fresh(&rig, report("ci", "api", &[("a", "pass"), ("b", "pass")]));
    rig.pass(60);
    let new = fresh(&rig, report("ci", "api", &[("b", "fail")]));
    assert_eq!(post(&rig, &new).await.status, 200);
    assert_eq!(post(&rig, &new).await.status, 200, "a post may be repeated");
    let detail = is_problem(&post(&rig, &old).await, 409);
    assert!(detail.contains("api/b"), "{detail}");
    assert_eq!(rig.read("/api/v1/checks?service=api").await.each("status"), ["fail"]);
    let elsewhere = fresh(&rig, report("nightly", "api", &[("b", "pass")]));
    assert_eq!(post(&rig, &elsewhere).await.status, 200, "another location is another check");
}

#[tokio::test]
async fn a_report_is_of_our_time() {
    let rig = Rig::filled().await;
    let sound = fresh(&rig, report("ci", "api", &[("a", "fail")]));
    let (generated, run) = ("/generated_at", "/services/0/checks/0/last_run");
    let opened = "/services/0/checks/0/findings/0/opened_at";
    let since = "/services/0/checks/0/since";
    for (pointer, time, fine) in [
        (generated, "2026-11-18T12:00:00Z", true),
        (generated, "2026-11-18T11:59:59Z", false),
        (generated, "2026-11-20T12:05:00Z", true),
        (generated, "2026-11-20T12:05:01Z", false),
        (run, "2026-11-18T12:00:00Z", true),
        (run, "2026-10-01T12:00:00Z", false),
        (run, "-009998-01-01T00:00:00Z", false),
        (run, "9999-01-01T00:00:00Z", false),
        (opened, "2020-01-01T00:00:00Z", true),
        (opened, "9999-01-01T00:00:00Z", false),
        (since, "9999-01-01T00:00:00Z", false),
    ] {
        let mut report = sound.clone();
        *report.pointer_mut(pointer).unwrap() = time.into();
        let answer = post(&Rig::filled().await, &report).await;
        if fine {
            assert_eq!(answer.status, 200, "{pointer} {time}: {}", answer.text());
        } else {
            let detail = is_problem(&answer, 422);
            assert!(detail.contains("2026-11-20T12:00:00Z"), "what our clock says: {detail}");
        }
    }
}

#[tokio::test]
async fn a_status_is_what_its_findings_make_it() {
    let waiver = json!({"reason": "known", "until": "2026-12-31"});
    for (verdict, severity, waived, fine) in [
        ("pass", "critical", Value::Null, false),
        ("warn", "critical", Value::Null, false),
        ("fail", "critical", Value::Null, true),
        ("pass", "critical", waiver.clone(), true),
        ("fail", "critical", waiver, false),
        ("pass", "info", Value::Null, true),
        ("warn", "low", Value::Null, true),
        ("fail", "low", Value::Null, false),
        ("unknown", "low", Value::Null, true),
    ] {
        let rig = Rig::filled().await;
        let mut report = report("ci", "api", &[("a", "fail")]);
        let check = &mut report["services"][0]["checks"][0];
        (check["status"], check["verdict"]) = (verdict.into(), verdict.into());
        check["findings"][0]["severity"] = severity.into();
        check["findings"][0]["waived"] = waived;
        let answer = post(&rig, &report).await;
        assert_eq!(answer.status, if fine { 200 } else { 422 }, "{verdict} {severity}");
    }
    let sound = report("ci", "api", &[("a", "pass")]);
    for (name, value) in
        [("last_run", Value::Null), ("verdict", Value::Null), ("verdict", json!("fail"))]
    {
        let mut report = sound.clone();
        report["services"][0]["checks"][0][name] = value;
        is_problem(&post(&Rig::filled().await, &report).await, 422);
    }
}
