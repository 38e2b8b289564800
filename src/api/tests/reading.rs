//! What is read: documents, lists, one thing, and metrics.

use super::*;

#[tokio::test]
async fn the_status_document_is_the_report_of_the_store_with_places() {
    let rig = Rig::filled().await;
    let states = rig.store.states();
    let expected = crate::report::estate(&states, "here", noon(), &rig.vault);
    let mut expected = serde_json::to_value(&expected).unwrap();
    for service in expected["services"].as_array_mut().unwrap() {
        service["location"] = json!("here");
    }
    let answer = rig.read("/api/v1/status").await;
    schema::holds("Status", &answer.json());
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.json()["status"], "fail");
    assert!(!answer.text().contains(SECRET), "redacted");
}

#[tokio::test]
async fn a_document_that_is_written_in_part_is_the_same_as_one_written_anew() {
    let mut rig = Rig::filled().await;
    let first = rig.read("/api/v1/status").await;
    assert_eq!(first.body, rig.read("/api/v1/status").await.body);
    let all: Vec<Watched> = rig
        .store
        .states()
        .iter()
        .map(|state| Watched {
            service: Arc::clone(&state.service),
            check: Arc::clone(&state.check),
        })
        .collect();
    let found: [&[(&'static About, &str)]; 3] =
        [&[], &[(&HIGH, "x")], &[(&LOW, ""), (&HIGH, "another subject")]];
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..300 {
        for _ in 0..random.usize(0..4) {
            let id = random.choice(rig.store.states()).unwrap().check.id.to_string();
            match random.u8(0..10) {
                0 => rig.blind(&id),
                1 => rig.store.schedule(&id, noon()),
                2 => {
                    let pause = random.bool().then(|| testing::pause(noon()));
                    rig.store.block("https://shop.example", pause);
                }
                3 => {
                    let kept = all.iter().filter(|_| random.u8(0..4) > 0).cloned();
                    let kept: Vec<Watched> = kept.collect();
                    rig.store.adopt(if kept.is_empty() { &all } else { &kept }, noon());
                }
                4 => rig.set(|settings| settings.location = format!("place{round}")),
                5 => rig.pass(random.i64(0..40)),
                _ => rig.run(&id, found[random.usize(0..found.len())]),
            }
        }
        for path in ["/api/v1/status", "/metrics"] {
            let (kept, anew) = (rig.read(path).await, rig.anew(path).await);
            // One that did not change says when it was written.
            let timeless = |answer: &Answered| match answer.text().split_once("\"generated_at\":") {
                Some((before, rest)) => [before, rest.split_once(',').unwrap().1].concat(),
                None => answer.text().to_owned(),
            };
            assert_eq!(timeless(&kept), timeless(&anew), "{path}");
        }
    }
}

#[tokio::test]
async fn lists_are_flat_and_of_the_described_shape() {
    let rig = Rig::filled().await;
    for (path, schema, key, values) in [
        ("/api/v1/services", "Services", "name", json!(["shop", "blog"])),
        (
            "/api/v1/checks",
            "Checks",
            "id",
            json!(["shop/home", "shop/cart", "shop/waived", "blog/front"]),
        ),
        ("/api/v1/checks?service=blog", "Checks", "id", json!(["blog/front"])),
        ("/api/v1/checks?label=env=test&x=y", "Checks", "id", json!(["blog/front"])),
        ("/api/v1/checks?label=env=test&label=tier=2", "Checks", "id", json!([])),
        (
            "/api/v1/checks?status=fail&status=unknown",
            "Checks",
            "id",
            json!(["shop/cart", "blog/front"]),
        ),
        (
            "/api/v1/findings",
            "Findings",
            "rule",
            json!([
                "policy.waiver-expired",
                "pretend.down",
                "pretend.down",
                "pretend.slow",
                "pretend.slow"
            ]),
        ),
        (
            "/api/v1/findings?severity=high&rule=pretend.down",
            "Findings",
            "subject",
            json!(["a", "b"]),
        ),
        ("/api/v1/findings?service=blog", "Findings", "check", json!([null])),
        ("/api/v1/findings?severity=critical", "Findings", "rule", json!([])),
        ("/api/v1/checks/shop/cart/runs", "Runs", "verdict", json!(["fail"])),
    ] {
        let answer = rig.read(path).await;
        schema::holds(schema, &answer.json());
        assert_eq!(Value::from(answer.each(key)), values, "{path}");
        assert_eq!(answer.json()["next"], Value::Null);
        assert!(!answer.text().contains(SECRET), "{path} is not redacted");
    }
    let rules = rig.read("/api/v1/rules").await;
    schema::holds("Rules", &rules.json());
    assert!(rules.each("id").contains(&json!("policy.waiver-expired")));
}

#[tokio::test]
async fn what_policy_finds_of_a_service_is_listed_also_where_nothing_is_waived() {
    let rig = Rig::of(&[service("bare", &["front"], Vec::new())]);
    rig.store.block("https://bare.example", Some(testing::pause(noon())));
    let answer = rig.read("/api/v1/findings").await;
    schema::holds("Findings", &answer.json());
    assert_eq!(answer.each("rule"), ["policy.prober-blocked"]);
    assert_eq!(answer.each("service"), ["bare"]);
    let shown = rig.read("/api/v1/services/bare").await.json()["findings"].clone();
    assert_eq!(shown[0]["saw"], answer.each("saw")[0]);
    assert!(rig.read("/metrics").await.text().contains("policy.prober-blocked"));
}

#[tokio::test]
async fn one_thing_is_of_the_described_shape_and_what_is_not_there_is_a_problem() {
    let rig = Rig::filled().await;
    for (path, schema) in [
        ("/api/v1/services/shop", "Service"),
        ("/api/v1/services/shop?location=here", "Service"),
        ("/api/v1/checks/shop/cart", "Check"),
        ("/api/v1/checks/blog/front", "Check"),
        ("/api/v1/checks/shop/cart/evidence", "Evidence"),
        ("/livez", "Live"),
        ("/readyz", "Ready"),
    ] {
        let answer = rig.read(path).await;
        schema::holds(schema, &answer.json());
        assert!(!answer.text().contains(SECRET), "{path} is not redacted");
    }
    let cart = rig.read("/api/v1/checks/shop/cart").await.json();
    assert_eq!((&cart["label_env"], &cart["label_tier"]), (&json!("prod"), &json!("1")));
    assert_eq!(cart["findings"].as_array().unwrap().len(), 3);
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/status/",
        "/api/v1/services/nothing",
        "/api/v1/services/shop?location=there",
        "/api/v1/checks/shop/nothing",
        "/api/v1/checks/shop/home?location=there",
        "/api/v1/checks/shop/nothing/runs",
        "/api/v1/checks/shop/nothing/evidence",
        "/api/v1/checks/blog/front/evidence",
    ] {
        is_problem(&rig.get(path).await, 404);
    }
}

#[tokio::test]
async fn a_check_that_was_due_and_never_ran_has_no_run_anywhere() {
    let rig = Rig::new();
    rig.store.miss("shop/home", "its turn did not come", noon());
    let home = rig.read("/api/v1/checks/shop/home").await.json();
    schema::holds("Check", &home);
    for key in ["verdict", "last_run", "duration_seconds"] {
        assert_eq!(home[key], Value::Null, "{key}");
    }
    assert_eq!(home["status"], "unknown");
    assert_eq!(home["reason"], "its turn did not come");
    let runs = rig.read("/api/v1/checks/shop/home/runs").await;
    assert_eq!(runs.each("run"), [Value::Null; 0]);
    is_problem(&rig.get("/api/v1/checks/shop/home/evidence").await, 404);
    let metrics = rig.read("/metrics").await;
    let series: Vec<&str> =
        metrics.text().lines().filter(|line| line.contains("check=\"shop/home\"")).collect();
    assert!(!series.is_empty());
    for family in ["musterd_check_last_run_timestamp_seconds", "probe_duration_seconds"] {
        assert!(!series.iter().any(|line| line.starts_with(family)), "{family}");
    }
}

#[tokio::test]
async fn a_service_is_well_since_all_checks_are_and_bad_since_one_is() {
    let mut rig = Rig::of(&[service("bare", &["one", "two"], Vec::new())]);
    let down: &[(&'static About, &str)] = &[(&HIGH, "")];
    for (check, found, status, second) in [
        ("one", &[][..], "pending", 0),
        ("two", &[], "pass", 2),
        ("one", &[], "pass", 2),
        ("two", down, "fail", 4),
        ("one", down, "fail", 4),
        ("two", &[], "fail", 5),
        ("one", &[], "pass", 7),
    ] {
        rig.run(&format!("bare/{check}"), found);
        let bare = rig.read("/api/v1/services/bare").await.json();
        let since = noon() + SignedDuration::from_secs(second);
        assert_eq!((&bare["status"], &bare["since"]), (&json!(status), &json!(since)), "{second}");
    }
    let since = noon() + SignedDuration::from_secs(30);
    rig.store.block("https://bare.example", Some(testing::pause(since)));
    let bare = rig.read("/api/v1/services/bare").await.json();
    assert_eq!((&bare["status"], &bare["since"]), (&json!("warn"), &json!(since)), "by policy");
}

#[tokio::test]
async fn evidence_can_be_replayed() {
    let rig = Rig::filled().await;
    let json = rig.read("/api/v1/checks/shop/home/evidence").await.json();
    let file: crate::evidence::EvidenceFile = serde_json::from_value(json).unwrap();
    assert_eq!((file.check.as_str(), &file.evidence), ("shop/home", &json!("it said ***")));
}

#[tokio::test]
async fn wrong_values_in_a_query_are_problems() {
    let rig = Rig::filled().await;
    for path in [
        "/api/v1/checks?limit=0",
        "/api/v1/checks?limit=ten",
        "/api/v1/checks?next=nowhere!",
        "/api/v1/checks?label=env",
        "/api/v1/checks?status=good",
        "/api/v1/services?limit=99999",
        "/api/v1/findings?severity=bad",
        "/api/v1/readiness?fail_on=unknown",
        "/api/v1/checks/shop/cart/runs?since=yesterday",
        "/api/v1/checks/shop/cart?location=a&location=b",
        "/api/v1/checks/%ff/cart",
    ] {
        is_problem(&rig.get(path).await, 400);
    }
}

#[tokio::test]
async fn pages_join_to_the_whole_list() {
    let rig = Rig::filled().await;
    for path in ["/api/v1/checks", "/api/v1/findings", "/api/v1/services"] {
        let whole = rig.read(path).await.json()["items"].clone();
        let mut joined = Vec::new();
        let mut next = String::new();
        loop {
            let page = rig.read(&format!("{path}?limit=1{next}")).await.json();
            joined.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(token) = page["next"].as_str() else { break };
            next = format!("&next={token}");
        }
        assert_eq!(Value::from(joined), whole, "{path}");
    }
}

#[tokio::test]
async fn runs_are_the_latest_first_and_within_the_times_that_are_asked_for() {
    let mut rig = Rig::new();
    for _ in 0..5 {
        rig.run("shop/home", &[]);
    }
    let seconds = |answer: &Answered| -> Vec<i64> {
        let second = |at: Value| {
            at.as_str().unwrap().parse::<Timestamp>().unwrap().duration_since(noon()).as_secs()
        };
        answer.each("at").into_iter().map(second).collect()
    };
    for (query, wanted) in [
        ("", vec![5, 4, 3, 2, 1]),
        ("?since=2026-11-20T12:00:02Z&until=2026-11-20T12:00:04Z", vec![3, 2]),
        ("?limit=2", vec![5, 4]),
        ("?since=2026-11-21T00:00:00Z", vec![]),
    ] {
        let answer = rig.read(&format!("/api/v1/checks/shop/home/runs{query}")).await;
        assert_eq!(seconds(&answer), wanted, "{query}");
    }
}

#[tokio::test]
async fn readiness_is_503_with_what_blocks_and_404_when_nothing_is_selected() {
    let mut rig = Rig::filled().await;
    let of = |answer: Answered| {
        schema::holds("Readiness", &answer.json());
        let blockers = answer.json()["blockers"].clone();
        let names: Vec<Value> =
            blockers.as_array().unwrap().iter().map(|one| one["check"].clone()).collect();
        (answer.status.as_u16(), answer.json()["status"].clone(), Value::from(names))
    };
    let all = of(rig.get("/api/v1/readiness").await);
    assert_eq!(all, (503, json!("fail"), json!(["shop/cart", "blog/front"])));
    let blog = of(rig.get("/api/v1/readiness?label=env=test").await);
    assert_eq!(blog, (503, json!("unknown"), json!(["blog/front"])));
    let blockers = rig.get("/api/v1/readiness?service=shop").await.json()["blockers"].clone();
    assert_eq!(blockers[0]["rules"], json!(["pretend.down"]));
    rig.run("shop/cart", &[(&LOW, "")]);
    assert_eq!(of(rig.get("/api/v1/readiness?service=shop").await).0, 200);
    let strict = of(rig.get("/api/v1/readiness?service=shop&fail_on=warn").await);
    assert_eq!(strict, (503, json!("warn"), json!(["shop/cart"])));
    is_problem(&rig.get("/api/v1/readiness?label=env=nothing").await, 404);
}

#[tokio::test]
async fn readiness_names_each_service_of_which_nothing_is_selected() {
    let mut rig = Rig::filled().await;
    rig.run("shop/cart", &[]);
    assert_eq!(rig.get("/api/v1/readiness?service=shop").await.status, 200);
    for (query, named) in [
        ("service=nothing", vec!["nothing"]),
        ("service=shop&service=shpo", vec!["shpo"]),
        ("service=x&service=shop&service=y&service=x", vec!["x", "y"]),
        ("service=shop&service=sh*", vec!["sh*"]),
        ("service=shop&service=blog&label=env=prod", vec!["blog"]),
        ("service=", vec![""]),
    ] {
        let named: Vec<String> = named.iter().map(|name| format!("{name:?}")).collect();
        let detail = is_problem(&rig.get(&format!("/api/v1/readiness?{query}")).await, 404);
        assert_eq!(detail, format!("no check is selected of {}", named.join(", ")), "{query}");
    }
}

#[tokio::test]
async fn the_daemons_own_health_never_depends_on_the_estate() {
    let rig = Rig::filled().await;
    rig.set(|settings| settings.token = Some("a token".to_owned().into()));
    rig.read("/livez").await;
    rig.read("/readyz").await;
    rig.ready.send_replace(false);
    rig.read("/livez").await;
    is_problem(&rig.get("/readyz").await, 503);
    rig.ready.send_replace(true);
    rig.stop.cancel();
    is_problem(&rig.get("/readyz").await, 503);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_whose_scheduler_hangs_does_not_live() {
    let rig = Rig::filled().await;
    tokio::time::advance(crate::heartbeat::LONGEST).await;
    rig.read("/livez").await;
    tokio::time::advance(Duration::from_secs(1)).await;
    is_problem(&rig.get("/livez").await, 503);
    rig.heart.beat();
    rig.read("/livez").await;
}
