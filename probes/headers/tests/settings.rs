//! Settings: what they change, and what is wrong with them.

use proptest::prelude::*;

use super::scene::{other, page};
use crate::contract::Kind as _;
use crate::headers::{Headers, rules};
use crate::rule::Tested;

#[test]
fn what_cannot_work_is_said_at_once() {
    for (settings, key, says) in [
        (r#"{"expect": {"a b": true}}"#, "expect", "no name of a header"),
        (r#"{"expect": {"x-a": "("}}"#, "expect", "unclosed"),
        (r#"{"ignore": ["headers.csp-mising"]}"#, "ignore", "did you mean `headers.csp-missing`?"),
        (r#"{"ignore": ["csp-missing"]}"#, "ignore", "did you mean `headers.csp-missing`?"),
        (r#"{"ignore": ["x-frame-option"]}"#, "ignore", "did you mean `x-frame-options`?"),
        (r#"{"ignore": ["whatever-it-is"]}"#, "ignore", "no rule and no header"),
        (r#"{"ignore": ["headers.undetermined"]}"#, "ignore", "waive it instead"),
    ] {
        let error = Headers::new(serde_json::from_str(settings).unwrap()).err().expect(settings);
        assert_eq!(error.key, Some(key), "{settings}");
        assert!(error.message.contains(says), "{settings}: {}", error.message);
    }
}

#[test]
fn kind_overrides_the_content_type() {
    let fires = |scene: &super::scene::Scene, kind: &str| {
        let fired = scene.fired(&format!("{{\"kind\": \"{kind}\"}}"));
        fired.iter().any(|line| line.starts_with("csp-missing"))
    };
    assert!(fires(&page(&[]), "auto") && fires(&page(&[]), "document"));
    assert!(!fires(&page(&[]), "api"));
    assert!(fires(&other("application/json", &[]), "document"));
    assert!(!fires(&other("application/json", &[]), "auto"));
    // An error of an API is an answer as good as any.
    assert!(
        page(&[])
            .status(404)
            .fired(r#"{"kind": "api"}"#)
            .iter()
            .all(|f| !f.contains("undetermined"))
    );
}

#[test]
fn what_is_ignored_is_listed_as_untested_and_opens_nothing() {
    let scene = page(&["server: nginx/1.2", "x-powered-by: PHP/8.1", "set-cookie: a=b"]);
    let has = |ignore: &str, rule: &str| {
        scene.fired(&format!("{{\"ignore\": [\"{ignore}\"]}}")).iter().any(|f| f.starts_with(rule))
    };
    assert!(has("server", "version-leaked medium x-powered-by"));
    assert!(!has("Server", "version-leaked medium server"));
    for (ignore, gone) in [
        ("headers.version-leaked", "version-leaked"),
        ("Content-Security-Policy", "csp-"),
        ("strict-transport-security", "hsts-"),
        ("set-cookie", "cookie-"),
        ("x-frame-options", "framing-"),
        ("x-content-type-options", "nosniff-"),
    ] {
        assert!(scene.fired("{}").iter().any(|f| f.starts_with(gone)), "{gone}");
        assert!(!has(ignore, gone), "{ignore}");
    }
    let judgement = scene.judged(r#"{"ignore": ["headers.csp-missing"]}"#);
    let rule = judgement.tested.iter().find(|(about, _)| about.id == "headers.csp-missing");
    assert!(matches!(rule, Some((_, Tested::No(why))) if why.contains("ignore")));
}

#[test]
fn every_rule_tells_a_reader_what_it_is_about() {
    for rule in rules::ALL {
        let about = rule.about;
        assert!(about.why.ends_with('.') && about.fix.ends_with(['.', ';', '`']), "{}", about.id);
        assert!(!about.title.ends_with('.'), "{}", about.id);
    }
}

#[test]
fn judging_is_the_same_after_storing() {
    let scene =
        page(&["set-cookie: a=b", "content-security-policy: default-src *"]).html("<script>");
    let before = scene.judged("{}");
    let stored = serde_json::to_string(&scene.evidence).unwrap();
    let evidence = serde_json::from_str(&stored).unwrap();
    assert_eq!(super::scene::Scene { evidence }.judged("{}"), before);
}

/// Lines from names that rules know and values that resemble none of them, or all.
fn line() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("content-security-policy"),
        Just("content-security-policy-report-only"),
        Just("strict-transport-security"),
        Just("x-frame-options"),
        Just("x-content-type-options"),
        Just("referrer-policy"),
        Just("permissions-policy"),
        Just("cross-origin-opener-policy"),
        Just("cache-control"),
        Just("set-cookie"),
        Just("server"),
        Just("location"),
    ];
    let word = prop_oneof![
        Just("default-src"),
        Just("script-src"),
        Just("'nonce-"),
        Just("'"),
        Just("a"),
        Just("="),
        Just(";"),
        Just(","),
        Just("max-age"),
        Just("preload"),
        Just("*"),
        Just("https:"),
        Just("session"),
        Just("Domain"),
        Just("."),
        Just("%"),
        Just("\u{fffd}"),
        Just(" "),
    ];
    (name, proptest::collection::vec(word, 0..24))
        .prop_map(|(name, words)| format!("{name}: {}", words.concat()))
}

proptest! {
    #[test]
    fn no_set_of_headers_is_too_odd(
        lines in proptest::collection::vec(line(), 0..12),
        status in prop_oneof![Just(200_u16), Just(301), Just(401), Just(404), Just(503)],
    ) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let scene = page(&lines).again(&lines).status(status);
        let judgement = scene.judged("{}");
        let numbers = crate::testing::probe::<Headers>("{}").measure(&scene.evidence);
        prop_assert!(judgement.findings.iter().all(|f| f.subject.len() < 400 && f.saw.len() < 1200));
        prop_assert!(numbers.is_empty() || numbers[0].value >= 0.0);
    }
}
