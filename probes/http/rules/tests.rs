//! Tables of the rules, on evidence written as JSON.

use serde_json::{Value, json};

use crate::contract::Probe;
use crate::http::Http;
use crate::testing::judged;

fn hop(status: u16, headers: &[(&str, &str)], body: &str) -> Value {
    json!({
        "method": "GET", "url": "http://a.example/x",
        "connection": {"phases": {"connect": 0.1, "processing": 0.2, "transfer": 0.1}},
        "answer": {
            "version": "1.1", "status": status, "headers": headers,
            "body": {"bytes": {"text": body}, "length": body.len(), "wire": body.len(),
                     "end": "complete"},
        },
    })
}

fn failed(phase: &str, kind: &str) -> Value {
    json!({"hops": [{
        "method": "GET", "url": "http://a.example/", "connection": {"phases": {}},
        "failure": {"phase": phase, "kind": kind, "detail": "it failed"},
    }]})
}

fn rules(settings: &Value, evidence: Value) -> Vec<String> {
    judged::<Http>(&settings.to_string(), evidence)
}

#[test]
fn without_an_answer_only_availability_is_judged() {
    let settings = json!({"expect": {"body": "x", "json": {"/a": 1}, "version": "2"}});
    for (phase, kind, rule) in [
        ("resolve", "name_unknown", "http.unreachable"),
        ("connect", "refused", "http.unreachable"),
        ("tls", "untrusted", "http.unreachable"),
        ("tls", "not_tls", "http.unreachable"),
        ("processing", "closed", "http.unreachable"),
        ("processing", "protocol", "http.unreachable"),
        ("connect", "timeout", "http.timeout"),
        ("processing", "timeout", "http.timeout"),
    ] {
        assert_eq!(rules(&settings, failed(phase, kind)), [rule], "{phase} {kind}");
    }
}

#[test]
fn each_expectation_fires_on_its_own_and_is_silent_when_met() {
    let ok = || json!({"hops": [hop(200, &[("x-a", "b")], r#"{"a": 1}"#)]});
    for (expect, rule) in [
        (json!({"status": 204}), "http.status-unexpected"),
        (json!({"headers": {"x-a": "^c"}}), "http.header-unexpected x-a"),
        (json!({"headers": {"x-a": false}}), "http.header-unexpected x-a"),
        (json!({"headers": {"x-b": true}}), "http.header-unexpected x-b"),
        (json!({"body": "nope"}), "http.body-unexpected"),
        (json!({"not_body": "a"}), "http.body-unexpected"),
        (json!({"json": {"/a": 2}}), "http.json-unexpected /a"),
        (json!({"version": "2"}), "http.version-unexpected"),
    ] {
        assert_eq!(rules(&json!({"expect": expect}), ok()), [rule], "{expect}");
    }
    let met = json!({
        "status": ["2xx"], "headers": {"x-a": "^b$", "x-b": false}, "body": ["a", "1"],
        "not_body": "error", "json": {"/a": 1}, "version": "1.1", "max_bytes": 100,
    });
    assert!(rules(&json!({"expect": met, "slow": {"warn": "1s"}}), ok()).is_empty());
    assert!(rules(&json!({}), ok()).is_empty());
}

#[test]
fn a_redirect_is_no_success_unless_it_is_not_to_be_followed() {
    let evidence =
        |stopped: Value| json!({"hops": [hop(302, &[("location", "/x")], "")], "stopped": stopped});
    assert_eq!(rules(&json!({}), evidence(json!("loop"))), ["http.status-unexpected"]);
    let rules = rules(&json!({"redirects": "none"}), evidence(Value::Null));
    assert!(rules.is_empty(), "{rules:?}");
}

#[test]
fn time_is_graded() {
    let ok = || json!({"hops": [hop(200, &[], "")]});
    assert_eq!(rules(&json!({"slow": {"warn": "300ms"}}), ok()), ["http.slow"]);
    assert!(rules(&json!({"slow": {"warn": "500ms", "fail": "1s"}}), ok()).is_empty());
}

#[test]
fn a_body_that_was_not_read_whole_is_never_vouched_for() {
    let ended = |end: Value| {
        let mut hop = hop(200, &[], "abc");
        hop["answer"]["body"]["end"] = end;
        json!({"hops": [hop]})
    };
    let broken = || ended(json!({"broken": "reset"}));
    assert_eq!(rules(&json!({}), broken()), ["http.body-unexpected"]);
    let cut = || ended(json!("cut"));
    assert!(rules(&json!({}), cut()).is_empty());
    assert_eq!(rules(&json!({"expect": {"max_bytes": 3}}), cut()), ["http.too-large"]);
    assert_eq!(rules(&json!({"expect": {"not_body": "x"}}), cut()), ["http.body-unexpected"]);
    assert_eq!(rules(&json!({"expect": {"json": {"/a": 1}}}), cut()), ["http.json-unexpected"]);
    assert_eq!(rules(&json!({"expect": {"json": {"/a": 1}}}), broken()), ["http.body-unexpected"]);
    assert!(rules(&json!({"expect": {"body": "abc"}}), cut()).is_empty());
}

#[test]
fn what_fails_behind_a_redirect_is_said_with_its_url() {
    let mut evidence = failed("connect", "refused");
    let hops = evidence["hops"].as_array_mut().expect("a list");
    hops[0]["url"] = json!("https://login.example/start");
    hops.insert(0, hop(302, &[("location", "https://login.example/start")], ""));
    for kind in ["refused", "timeout"] {
        evidence["hops"][1]["failure"]["kind"] = json!(kind);
        let http = crate::testing::probe::<Http>("{}");
        let parsed = Probe::parse(&http, evidence.clone()).expect("evidence");
        let judgement = Probe::judge(&http, &parsed, &[], jiff::Timestamp::UNIX_EPOCH);
        let saw = &judgement.findings[0].saw;
        let wanted = "it failed, at https://login.example/start where a redirect leads";
        assert_eq!(saw, wanted, "{kind}");
    }
}
