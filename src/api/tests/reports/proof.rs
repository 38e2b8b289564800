//! What a report has to prove.

use super::*;

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
