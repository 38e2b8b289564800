//! Rules of single headers, of errors, and of what could not be told.

use super::scene::{HELMET, HOST, Scene, answer, helmet, hop, other, page, silent};
use crate::contract::Kind as _;
use crate::headers::Headers;
use crate::headers::preload::Preloaded;
use crate::net::failure::FailureKind;
use crate::net::redirect::Stop;
use crate::severity::{Severity, Verdict};

/// What a rule says of a page with this header.
fn says(rule: &str, line: &str) -> Vec<String> {
    page(&[line]).says(rule)
}

#[test]
fn helmets_defaults_pass_without_a_finding_of_low_or_worse() {
    for scene in [page(&HELMET), helmet(&["set-cookie: sid=0123456789abcdef; Secure; HttpOnly"])] {
        let judgement = scene.judged("{}");
        assert_eq!(judgement.verdict(), Verdict::Pass, "{:?}", judgement.findings);
        assert!(judgement.findings.iter().all(|finding| finding.severity == Severity::Info));
        assert_eq!(judgement.untested().count(), 0);
    }
}

#[test]
fn nosniff_missing() {
    let rule = "nosniff-missing";
    for scene in [
        page(&[]),
        page(&["x-content-type-options: sniff"]),
        page(&["x-content-type-options: , nosniff"]),
        other("application/json", &[]),
        other("text/javascript", &[]),
        page(&[]).status(404),
    ] {
        assert_eq!(scene.says(rule), ["medium"]);
    }
    for scene in [
        page(&["x-content-type-options: nosniff"]),
        page(&["x-content-type-options: NoSniff, nosniff"]),
        page(&["x-content-type-options: nosniff", "x-content-type-options: nosniff"]),
        other("image/png", &[]),
        other("font/woff2", &[]),
        other("", &[]),
        page(&[]).status(204),
    ] {
        assert_eq!(scene.says(rule), [""; 0]);
    }
    assert_eq!(page(&[]).status(502).says(rule), ["untested"]);
}

#[test]
fn framing_open() {
    let rule = "framing-open";
    for line in [
        "a: b",
        "x-frame-options: ALLOW-FROM https://a.example",
        "x-frame-options: ALLOWALL",
        "x-frame-options:",
        "content-security-policy: default-src 'none'",
        "content-security-policy: frame-ancestors *",
        "content-security-policy: frame-ancestors https:",
        "content-security-policy: frame-ancestors http://*",
    ] {
        assert_eq!(says(rule, line), ["high"], "{line}");
    }
    for line in [
        "x-frame-options: DENY",
        "x-frame-options: sameorigin",
        "x-frame-options: SAMEORIGIN, SAMEORIGIN",
        "content-security-policy: frame-ancestors 'none'",
        "content-security-policy: frame-ancestors",
        "content-security-policy: frame-ancestors https://a.example *.b.example",
        "content-security-policy: frame-ancestors *, frame-ancestors 'self'",
    ] {
        assert_eq!(says(rule, line), [""; 0], "{line}");
    }
    assert_eq!(says(rule, "x-frame-options: DENY, SAMEORIGIN"), ["low"]);
    // The policy alone counts where there is one.
    let both = page(&["x-frame-options: DENY", "content-security-policy: frame-ancestors *"]);
    assert_eq!(both.says(rule), ["high"]);
    let meta = "<head><meta http-equiv=Content-Security-Policy content=\"frame-ancestors 'none'\">";
    assert_eq!(page(&[]).html(meta).says(rule), ["high"]);
    assert_eq!(other("application/json", &[]).says(rule), [""; 0]);
    assert_eq!(page(&[]).status(404).says(rule), ["untested"]);
}

#[test]
fn referrer_unsafe() {
    let rule = "referrer-unsafe";
    for (value, severity) in [
        ("unsafe-url", "high"),
        ("no-referrer, unsafe-url", "high"),
        ("no-referrer-when-downgrade", "medium"),
        ("never", "low"),
    ] {
        assert_eq!(says(rule, &format!("referrer-policy: {value}")), [severity], "{value}");
    }
    for value in [
        "no-referrer",
        "same-origin",
        "strict-origin-when-cross-origin",
        "origin",
        "unsafe-url, no-referrer",
        "no-referrer, whatever",
        "",
    ] {
        assert_eq!(says(rule, &format!("referrer-policy: {value}")), [""; 0], "{value}");
    }
    let meta = "<meta name=referrer content=unsafe-url>";
    assert_eq!(page(&["referrer-policy: no-referrer"]).html(meta).says(rule), ["high"]);
    assert_eq!(other("application/json", &["referrer-policy: unsafe-url"]).says(rule), [""; 0]);
}

#[test]
fn permissions_invalid() {
    let rule = "permissions-invalid";
    for (value, wanted) in [
        ("camera 'none'", "medium"),
        ("camera=('self')", "medium"),
        ("camera=*", "medium camera"),
        ("geolocation=none", "medium geolocation"),
        ("payment=(https://a.example)", "medium payment"),
    ] {
        assert_eq!(says(rule, &format!("permissions-policy: {value}")), [wanted], "{value}");
    }
    for value in [
        "camera=(), usb=(self)",
        "fullscreen=*",
        "interest-cohort=()",
        "camera=(self \"https://a.example\")",
    ] {
        assert_eq!(says(rule, &format!("permissions-policy: {value}")), [""; 0], "{value}");
    }
    assert_eq!(page(&[]).says(rule), [""; 0]);
}

#[test]
fn isolation_invalid() {
    let rule = "isolation-invalid";
    for (line, subject) in [
        ("cross-origin-opener-policy: \"same-origin\"", "cross-origin-opener-policy"),
        ("cross-origin-opener-policy: same-origin, same-origin", "cross-origin-opener-policy"),
        ("cross-origin-embedder-policy: require-cors", "cross-origin-embedder-policy"),
        ("cross-origin-resource-policy: Same-Origin", "cross-origin-resource-policy"),
        ("cross-origin-resource-policy: same-origin, same-origin", "cross-origin-resource-policy"),
    ] {
        assert_eq!(says(rule, line), [format!("medium {subject}")], "{line}");
    }
    for line in [
        "cross-origin-opener-policy: same-origin; report-to=\"a\"",
        "cross-origin-opener-policy: unsafe-none",
        "cross-origin-embedder-policy: credentialless",
        "cross-origin-resource-policy: cross-origin",
        "a: b",
    ] {
        assert_eq!(says(rule, line), [""; 0], "{line}");
    }
    let twice =
        ["cross-origin-opener-policy: same-origin", "cross-origin-opener-policy: same-origin"];
    assert_eq!(page(&twice).says(rule), ["medium cross-origin-opener-policy"]);
    let image = other(
        "image/png",
        &["cross-origin-resource-policy: all", "cross-origin-opener-policy: all"],
    );
    assert_eq!(image.says(rule), ["medium cross-origin-resource-policy"]);
}

#[test]
fn version_leaked() {
    let rule = "version-leaked";
    for (line, wanted) in [
        ("server: nginx/1.18.0", "medium server"),
        ("server: Apache/2.4.41 (Ubuntu)", "medium server"),
        ("x-powered-by: PHP/8.1.2", "medium x-powered-by"),
        ("x-powered-by: Express", "info x-powered-by"),
        ("x-aspnet-version: 4.0.30319", "medium x-aspnet-version"),
        ("x-generator: Drupal 10", "info x-generator"),
    ] {
        assert_eq!(says(rule, line), [wanted], "{line}");
    }
    for line in [
        "server: nginx",
        "server: cloudflare",
        "server: ECS (dcb/7F3C)",
        "server:",
        "via: 1.1 varnish",
    ] {
        assert_eq!(says(rule, line), [""; 0], "{line}");
    }
}

#[test]
fn deprecated() {
    let rule = "deprecated";
    for line in [
        "public-key-pins: a",
        "expect-ct: max-age=0",
        "feature-policy: camera 'none'",
        "p3p: a",
        "x-xss-protection: 1; mode=block",
        "x-content-security-policy: default-src 'self'",
    ] {
        let name = line.split(':').next().unwrap();
        assert_eq!(says(rule, line), [format!("info {name}")], "{line}");
    }
    for line in ["x-xss-protection: 0", "pragma: no-cache", "a: b"] {
        assert_eq!(says(rule, line), [""; 0], "{line}");
    }
}

fn absent(scene: Scene, status: u16, media: &str, lines: &[&str]) -> Vec<String> {
    let mut all = vec![media];
    all.extend(lines);
    scene
        .absent(Some(hop(&format!("https://{HOST}/musterd-absent"), status, &all)))
        .says("missing-on-errors")
}

#[test]
fn missing_on_errors() {
    let html = "content-type: text/html";
    assert_eq!(
        absent(page(&HELMET), 404, html, &[]),
        [
            "medium strict-transport-security on errors",
            "low x-content-type-options on errors",
            "info content-security-policy on errors",
        ]
    );
    let json = absent(page(&HELMET), 404, "content-type: application/json", &[]);
    assert_eq!(json.len(), 2);
    assert_eq!(absent(page(&HELMET), 404, html, &HELMET), [""; 0]);
    assert_eq!(absent(page(&[]), 404, html, &[]), [""; 0]);
    for status in [200, 302, 403, 429, 500] {
        assert_eq!(absent(page(&HELMET), status, html, &[]), ["untested"], "{status}");
    }
    assert_eq!(page(&HELMET).absent(None).says("missing-on-errors"), ["untested"]);
    let redirect = |lines: &[&str]| {
        let mut all = vec!["location: /in"];
        all.extend(lines);
        page(&HELMET).by(vec![hop(&format!("https://{HOST}/"), 302, &all)])
    };
    assert_eq!(
        redirect(&[]).says("missing-on-errors"),
        ["medium strict-transport-security on redirects"]
    );
    assert_eq!(redirect(&HELMET).says("missing-on-errors"), [""; 0]);
}

#[test]
fn undetermined() {
    let rule = "undetermined";
    let url = format!("https://{HOST}/");
    for scene in [
        page(&[]).document_is(vec![silent(&url, FailureKind::Refused)], None),
        page(&[]).document_is(vec![silent(&url, FailureKind::Timeout)], None),
        page(&[]).document_is(vec![hop(&url, 302, &[])], Some(Stop::Loop)),
        page(&[]).document_is(vec![hop(&url, 302, &[])], Some(Stop::Invalid("it".into()))),
        page(&[]).by(vec![]).at(HOST, "https://login.other.example/"),
        page(&["cf-mitigated: challenge"]),
        page(&[]).status(401),
        page(&[]).status(403),
        page(&[]).status(404),
        page(&[]).status(429),
        page(&[]).status(503),
        other("", &[]).status(401),
        other("text/plain; charset=utf-8", &[]).status(404),
    ] {
        assert_eq!(scene.says(rule), ["low"], "{:?}", scene.evidence.document);
        assert!(scene.fired("{}").iter().all(|line| !line.starts_with("csp")));
    }
    let mut failed = page(&HELMET);
    failed.evidence.absent = Some(silent(&url, FailureKind::Timeout));
    assert_eq!(failed.says(rule), ["low errors"]);
    let mut unread = page(&HELMET);
    unread.evidence.preload = Preloaded::Unknown("list.json: no such file".into());
    assert_eq!(unread.says(rule), ["low preload"]);
    // Who says that it is an API gets what APIs are asked for.
    let gone = other("text/plain", &[]).status(404).fired(r#"{"kind": "api"}"#);
    assert!(gone.contains(&"hsts-missing high".to_owned()), "{gone:?}");
    assert!(!gone.iter().any(|line| line.starts_with(rule)), "{gone:?}");
    for scene in [
        page(&[]),
        other("text/plain", &[]),
        other("application/json", &[]).status(404),
        other("application/json", &[]).status(403),
        other("image/png", &[]),
    ] {
        assert_eq!(scene.says(rule), [""; 0]);
    }
}

#[test]
fn an_unreachable_page_opens_nothing_else() {
    let url = format!("https://{HOST}/");
    let scene = page(&[])
        .document_is(vec![silent(&url, FailureKind::Refused)], None)
        .twin(vec![silent("http://shop.example.com/", FailureKind::Timeout)])
        .absent(None);
    let judgement = scene.judged("{}");
    assert_eq!(scene.fired("{}"), ["undetermined low"]);
    assert_eq!(judgement.untested().count(), super::super::rules::ALL.len() - 2);
}

#[test]
fn expected_headers() {
    let scene = page(&["x-a: one", "set-cookie: sid=0123456789abcdef; Secure"]);
    for (expect, fires) in [
        (r#"{"x-a": "^one$", "X-B": false, "set-cookie": "; secure$"}"#, vec![]),
        (r#"{"x-a": true}"#, vec![]),
        (r#"{"x-a": "two"}"#, vec!["header-unexpected high x-a"]),
        (r#"{"x-a": false}"#, vec!["header-unexpected high x-a"]),
        (r#"{"x-b": true}"#, vec!["header-unexpected high x-b"]),
        (
            r#"{"x-b": ".", "x-a": false}"#,
            vec!["header-unexpected high x-b", "header-unexpected high x-a"],
        ),
    ] {
        let fired = scene.fired(&format!("{{\"expect\": {expect}}}"));
        let own: Vec<&String> = fired.iter().filter(|f| f.starts_with("header-")).collect();
        assert_eq!(own, fires.iter().collect::<Vec<_>>(), "{expect}");
    }
    assert!(!format!("{:?}", answer(200, &["set-cookie: sid=s3cr3t"])).contains("s3cr3t"));
}

#[test]
fn a_preload_list_counts_in_the_score_and_one_that_cannot_be_read_hides_it() {
    let probe = crate::testing::probe::<Headers>("{}");
    let measured = |preload: Preloaded| {
        let mut scene = page(&["strict-transport-security:"]);
        scene.evidence.preload = preload;
        let found = probe.measure(&scene.evidence);
        found.into_iter().map(|one| (one.family.name, one.value)).collect::<Vec<_>>()
    };
    let score = |found: &[(&str, f64)]| found[0].1.to_string();
    let bare = measured(Preloaded::NotAsked);
    assert_eq!((score(&bare), bare.len()), ("30".to_owned(), 2));
    let hosts = [("example.com".to_owned(), true)].into();
    let known = measured(Preloaded::Known { date: "2026-11-20".parse().unwrap(), hosts });
    // HSTS is no longer missing; without an A of its own the bonus does not count.
    assert_eq!(score(&known), "50");
    assert_eq!(known[2].0, "musterd_headers_preload_list_timestamp_seconds");
    assert!(measured(Preloaded::Unknown("it is gone".into())).is_empty());
}
