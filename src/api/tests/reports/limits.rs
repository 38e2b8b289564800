//! How much of reports is read, and kept.

use super::*;

/// A report of many services with one check each.
fn of_services(location: &str, names: impl Iterator<Item = String>) -> Value {
    let mut all = report(location, "api", &[]);
    let service = |name: String| report("", &name, &[("a", "pass")])["services"][0].take();
    all["services"] = names.map(service).collect();
    all
}

fn numbered(
    beginning: &'static str,
    numbers: std::ops::Range<u32>,
) -> impl Iterator<Item = String> {
    numbers.map(move |number| format!("{beginning}{number}"))
}

#[tokio::test]
async fn the_oldest_reports_of_a_location_give_way() {
    let rig = Rig::filled().await;
    let names = async || rig.read("/api/v1/services?limit=10000").await.each("name");
    let first = fresh(&rig, of_services("ci", numbered("a", 0..500)));
    assert_eq!(post(&rig, &first).await.json()["checks"], 500);
    rig.pass(1);
    let other = fresh(&rig, of_services("nightly", numbered("n", 0..300)));
    assert_eq!(post(&rig, &other).await.json()["checks"], 300);
    rig.pass(1);
    let next = fresh(&rig, of_services("ci", numbered("c", 0..400)));
    assert_eq!(post(&rig, &next).await.json()["checks"], 400);
    let stand = names().await;
    let count = |beginning: &str| {
        stand.iter().filter(|name| name.as_str().unwrap().starts_with(beginning)).count()
    };
    assert_eq!((count("a"), count("c"), count("n")), (100, 400, 300));

    // A third location makes room among the oldest, and stands as a whole.
    rig.pass(1);
    let third = fresh(&rig, of_services("weekly", numbered("w", 0..300)));
    assert_eq!(post(&rig, &third).await.json()["checks"], 300);
    let stand = names().await;
    let count = |beginning: &str| {
        stand.iter().filter(|name| name.as_str().unwrap().starts_with(beginning)).count()
    };
    assert_eq!((count("a"), count("c"), count("n"), count("w")), (0, 400, 300, 300));
}

#[tokio::test]
async fn many_reports_of_one_service_are_no_more_than_one_may_be() {
    let rig = Rig::filled().await;
    let long = "x".repeat(16 * 1024);
    for number in 0..5 {
        rig.pass(1);
        let names: Vec<String> = (0..150).map(|check| format!("c{number}-{check}")).collect();
        let checks: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "unknown")).collect();
        let mut report = fresh(&rig, report("ci", "api", &checks));
        for check in report["services"][0]["checks"].as_array_mut().unwrap() {
            check["reason"] = json!(long);
        }
        assert_eq!(post(&rig, &report).await.json()["checks"], 150);
    }
    let stand = rig.read("/api/v1/checks?service=api").await.each("id");
    assert!((450..600).contains(&stand.len()), "{}", stand.len());
    assert!(stand.contains(&json!("api/c4-0")) && !stand.contains(&json!("api/c0-149")));
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
