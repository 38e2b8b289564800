//! Bodies, and what is read from them.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};

use super::{Form, Level, MAX_BODY, MAX_COMPONENTS, Reading, read};
use crate::health::vocabulary::Level::{Down, Unknown, Up, Warn};

fn text(body: &str) -> Reading {
    read(Some("text/plain; charset=utf-8"), body.as_bytes())
}

fn json(body: &Value) -> Reading {
    read(Some("application/json"), body.to_string().as_bytes())
}

#[test]
fn texts_are_read() {
    // Body, form, aggregate, whether it has a word of failure.
    let rows: &[(&str, Form, Option<Level>, bool)] = &[
        ("", Form::Empty, None, false),
        (" \r\n\t", Form::Empty, None, false),
        ("\u{feff}", Form::Empty, None, false),
        ("Healthy", Form::Word, Some(Up), false),
        ("Degraded\n", Form::Word, Some(Warn), false),
        ("Unhealthy", Form::Word, Some(Down), true),
        ("ok", Form::Word, Some(Up), false),
        ("\"ok\"", Form::Json, Some(Up), false),
        ("true", Form::Word, Some(Up), false),
        ("not ready", Form::Word, Some(Down), true),
        ("hello", Form::Word, None, false),
        ("database connection failed", Form::Text, None, true),
        ("Service is up and running", Form::Text, None, false),
        ("a\0b", Form::Binary, None, false),
    ];
    for (body, form, aggregate, down) in rows {
        let reading = text(body);
        assert_eq!(reading.form, *form, "{body:?}");
        assert_eq!(reading.level(), *aggregate, "{body:?}");
        assert_eq!(reading.words_down, *down, "{body:?}");
        assert_eq!(reading.invalid, None, "{body:?}");
    }
    assert_eq!(read(None, b"\xff\xfe\x00").form, Form::Binary);
}

#[test]
fn kubernetes_lines_are_read() {
    let failed = text(
        "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[+]kms excluded: ok\n\
         [+]poststarthook/rbac-roles ok\nreadyz check failed\n",
    );
    assert_eq!(failed.form, Form::KubernetesVerbose);
    assert_eq!(failed.level(), Some(Down));
    let levels: Vec<(&str, Option<Level>)> =
        failed.components.iter().map(|(name, held)| (name.as_str(), held.level)).collect();
    assert_eq!(
        levels,
        [
            ("ping", Some(Up)),
            ("log", Some(Up)),
            ("etcd", Some(Down)),
            ("kms", Some(Unknown)),
            ("poststarthook_rbac_roles", Some(Up)),
        ]
    );
    let passed = text("[+]ping ok\nlivez check passed");
    assert_eq!(passed.level(), Some(Up));
    assert!(passed.is_structured());
}

#[test]
fn pages_are_read() {
    let rows: &[(&str, Option<Level>)] = &[
        // Rails
        ("<!DOCTYPE html><html><body style=\"background-color: green\"></body></html>", Some(Up)),
        ("<!DOCTYPE html><html><body style=\"background-color: red\"></body></html>", Some(Down)),
        // Laravel
        ("<!DOCTYPE html>\n<html lang=\"en\"><body><h2>Application up</h2></body>", Some(Up)),
        ("<html><body><h2>Application experiencing problems</h2></body></html>", Some(Down)),
        ("<html><head><title>x</title></head><body><p>OK</p></body></html>", Some(Up)),
        // Single-page applications
        (
            "<!doctype html><html><head><title>Up</title></head><body><div id=\"root\"></div>\
             <script>let ok</script></body></html>",
            None,
        ),
        ("<html><body>The application update is ready</body></html>", None),
        ("<html", None),
        ("<html><script>", None),
    ];
    for (body, wanted) in rows {
        let reading = read(Some("text/html"), body.as_bytes());
        assert_eq!(reading.form, Form::Html, "{body}");
        assert_eq!(reading.level(), *wanted, "{body}");
    }
}

#[test]
fn what_is_not_json_says_why() {
    let cut = read(None, b"{\"status\": \"ok\"");
    assert_eq!(cut.form, Form::Json);
    assert!(cut.invalid.unwrap().contains("EOF"));
    let word = read(Some("application/health+json"), b"OK");
    assert_eq!(
        (word.form, word.invalid.is_some(), word.level().is_some()),
        (Form::Word, true, true)
    );
    let page = read(Some("application/json"), b"<html><body>login</body></html>");
    assert_eq!((page.form, page.invalid.is_some()), (Form::Html, true));
    let wrong = read(Some("text/html"), b"{\"status\": \"ok\"}");
    assert_eq!((wrong.form, wrong.invalid.is_some()), (Form::Json, false));
    let deep = read(None, "[".repeat(100_000).as_bytes());
    assert!(deep.invalid.is_some());
    let long = format!("{{\"status\":\"{}ä\"}}", "x".repeat(MAX_BODY - 13));
    assert!(read(None, long.as_bytes()).invalid.unwrap().contains("longer"));
}

#[test]
fn an_error_page_is_no_health_answer() {
    let spring = json(&json!({"timestamp": "2025-10-20T12:00:00.000+0000", "status": 404,
        "error": "Not Found", "path": "/health"}));
    assert_eq!(spring.level(), Some(Down));
    assert!(!spring.is_structured());
    assert!(!json(&json!({"status": "ok"})).is_structured());
    assert!(!text("ok").is_structured());
}

#[test]
fn words_are_short_and_free_text_is_dropped() {
    for (status, wanted) in [
        ("  o\u{7}k ", "ok"),
        ("PARTIAL_REPLAY", "PARTIAL_REPLAY"),
        ("see postgres://u:p@h/db for more", "(text)"),
        ("failed to reach postgres://u:p@h/db", "failed"),
    ] {
        assert_eq!(json(&json!({"status": status})).aggregate.unwrap().word, wanted);
    }
    assert_eq!(text(&"x".repeat(10_000)).aggregate.unwrap().word, "(text)");
}

#[test]
fn components_are_limited() {
    let many: serde_json::Map<String, Value> =
        (0..100).map(|n| (format!("c{n}"), json!("ok"))).collect();
    let reading = json(&json!({"checks": many}));
    assert_eq!(reading.components.len(), MAX_COMPONENTS);
    assert_eq!(reading.components_dropped, 100 - MAX_COMPONENTS);
    let mut nested = json!({"status": "up"});
    for _ in 0..40 {
        nested = json!({"status": "up", "components": {"x": nested}});
    }
    assert_eq!(json(&nested).components.len(), 4);
}

fn values() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("status"),
        Just("checks"),
        Just("details"),
        Just("data"),
        Just("uptime"),
        Just("ok"),
        Just("down"),
        Just("observedValue"),
        Just("a:responseTime"),
        Just("é"),
    ]
    .prop_map(str::to_owned);
    let key = prop_oneof![word.clone(), ".{0,8}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        ".{0,80}".prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 128, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|pairs| { Value::Object(pairs.into_iter().collect()) }),
        ]
    })
}

fn holds(reading: &Reading) {
    assert!(reading.components.len() <= MAX_COMPONENTS);
    for (name, component) in &reading.components {
        assert!((1..=64).contains(&name.len()), "{name}");
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
            "{name}"
        );
        assert!(component.word.chars().count() <= 64);
        assert!(component.latency_seconds.is_none_or(|seconds| seconds >= 0.0));
    }
    if let Some(stated) = &reading.aggregate {
        assert!(stated.word.chars().count() <= 64 && !stated.word.contains(char::is_control));
    }
}

proptest! {
    #[test]
    fn any_json_is_read(value in values()) {
        holds(&json(&value));
    }

    #[test]
    fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..512), ct in ".{0,20}") {
        holds(&read(Some(&ct), &body));
    }

    #[test]
    fn any_text_is_read(body in "([<>{}\\[\\]+\":,/\\-]|ok|down|check|\n|html|é| ){0,60}") {
        holds(&text(&body));
        holds(&read(Some("application/json"), body.as_bytes()));
    }
}
