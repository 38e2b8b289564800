//! What answers over gRPC come to: one finding each, and nothing green but `SERVING`.

use serde_json::json;

use super::testing::{Scene, all, failed, grpc, holds, judge, status};
use crate::net::body::BodyEnd;
use crate::net::failure::FailureKind::{Protocol, Refused, Reset, Timeout};
use crate::net::phase::Phase;
use crate::rule::Tested;
use crate::severity::Verdict;

const ORDERS: &str = r#"{"grpc": "shop.Orders"}"#;
const GRPC: &str = "application/grpc";

/// A message behind its head.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u8::try_from(message.len()).unwrap();
    [&[0, 0, 0, 0, length], message].concat()
}

/// All went well, and the message says this.
fn says(status: u8) -> Scene {
    grpc(200, GRPC, &frame(&[8, status])).trailer("grpc-status", "0")
}

/// An error, whose status comes in the head.
fn error(code: &str) -> Scene {
    grpc(200, GRPC, b"").header("grpc-status", code)
}

/// The one finding of a run, and what it saw.
fn saw(scene: Scene) -> (String, String) {
    let judgement = judge(ORDERS, scene);
    let [finding] = judgement.findings.as_slice() else { panic!("{:?}", judgement.findings) };
    let id = finding.about.id.trim_start_matches("health.");
    (format!("{id} {}", finding.severity), finding.saw.clone())
}

#[test]
fn serving_passes_without_any_finding_and_with_every_rule_tested() {
    let default = grpc(200, "application/grpc+proto", &frame(&[8, 1])).trailer("grpc-status", "0");
    let whole = says(1).over_grpc("");
    for (settings, scene) in [(ORDERS, says(1)), (ORDERS, default), (r#"{"grpc": null}"#, whole)] {
        let judgement = judge(settings, scene);
        assert_eq!(judgement.findings, []);
        assert_eq!(judgement.verdict(), Verdict::Pass);
        assert!(judgement.tested.iter().all(|(_, tested)| *tested == Tested::All));
    }
}

#[test]
fn every_other_answer_is_one_finding_in_the_words_of_the_protocol() {
    let unknown = "status-unexpected high";
    let down = "down critical";
    for (scene, rule, words) in [
        (says(2), down, "NOT_SERVING"),
        (says(0), "degraded medium", "UNKNOWN"),
        (grpc(200, GRPC, &frame(b"")).trailer("grpc-status", "0"), "degraded medium", "UNKNOWN"),
        (error("0"), "degraded medium", "OK without a message"),
        (says(3), unknown, r#"SERVICE_UNKNOWN: the server knows no service "shop.Orders""#),
        (
            error("5"),
            unknown,
            r#"grpc-status 5 (NOT_FOUND): the server knows no service "shop.Orders""#,
        ),
        (
            error("5").over_grpc(""),
            unknown,
            "grpc-status 5 (NOT_FOUND): the server does not tell of itself as a whole",
        ),
        (error("12"), unknown, "grpc-status 12 (UNIMPLEMENTED): the server has no health service"),
        (error("16"), unknown, "grpc-status 16 (UNAUTHENTICATED)"),
        (error("7"), unknown, "grpc-status 7 (PERMISSION_DENIED)"),
        (error("1"), unknown, "grpc-status 1 (CANCELLED)"),
        (error("2"), down, "grpc-status 2 (UNKNOWN)"),
        (error("4"), down, "grpc-status 4 (DEADLINE_EXCEEDED)"),
        (error("8"), down, "grpc-status 8 (RESOURCE_EXHAUSTED)"),
        (error("13"), down, "grpc-status 13 (INTERNAL)"),
        (error("14"), down, "grpc-status 14 (UNAVAILABLE)"),
        (error("99"), down, "grpc-status 99"),
        // An error stands, whatever was said before it.
        (
            grpc(200, GRPC, &frame(&[8, 1])).trailer("grpc-status", "14"),
            down,
            "grpc-status 14 (UNAVAILABLE)",
        ),
        // What comes from something before the service.
        (grpc(503, "text/html", b"<html>no upstream</html>"), down, "503"),
        (grpc(404, GRPC, &frame(&[8, 1])), unknown, "404 from /health"),
        (grpc(204, GRPC, b""), unknown, "204 from /health"),
        (status(302).header("location", "/login").over_grpc(""), unknown, "302 from /health"),
        (status(429).over_grpc(""), "rate-limited medium", "429: the limit is reached"),
    ] {
        assert_eq!(saw(scene), (rule.to_owned(), words.to_owned()));
    }
    let (rule, words) = saw(says(9));
    assert_eq!(rule, "body-invalid low");
    assert!(words.starts_with(r#"the status "9""#), "{words}");
}

#[test]
fn what_is_no_answer_of_grpcs_never_passes() {
    let up = frame(&[8, 1]);
    let ok = json!({"status": "ok", "checks": {"db": "ok"}}).to_string();
    for (scene, why) in [
        (grpc(200, "text/html", b"<!doctype html><html></html>"), "content type is text/html"),
        (grpc(200, "application/json", ok.as_bytes()), "content type is application/json"),
        (grpc(200, "application/grpc-web", &up).trailer("grpc-status", "0"), "grpc-web"),
        (status(200).over_grpc(""), "no content type"),
        // A proxy that drops trailers.
        (grpc(200, GRPC, &up), "no grpc-status"),
        (grpc(200, GRPC, &up).header("grpc-status", "0"), "no grpc-status"),
        (grpc(200, GRPC, &up).trailer("grpc-status", "fine"), r#"grpc-status is "fine""#),
        (grpc(200, GRPC, &up[..6]).trailer("grpc-status", "0"), "breaks off"),
        (grpc(200, GRPC, b"\x01\0\0\0\x02\x08\x01").trailer("grpc-status", "0"), "compressed"),
        (grpc(200, GRPC, &up.repeat(2)).trailer("grpc-status", "0"), "more than one"),
        (grpc(200, GRPC, &frame(b"\x08")).trailer("grpc-status", "0"), "no protobuf"),
    ] {
        let (rule, words) = saw(scene);
        assert_eq!(rule, "body-invalid high", "{words}");
        assert!(words.starts_with("no answer of gRPC's: ") && words.contains(why), "{words}");
    }
    let broken = || BodyEnd::Broken("x".to_owned());
    let cut = |end, failure| grpc(200, GRPC, &up).ending(end, failure);
    assert_eq!(all(ORDERS, cut(broken(), Some(Reset))), ["body-invalid medium"]);
    assert_eq!(all(ORDERS, cut(broken(), Some(Timeout))), ["timeout critical"]);
    assert_eq!(all(ORDERS, cut(BodyEnd::Cut, None)), ["body-invalid medium"]);
}

#[test]
fn rules_that_make_no_sense_here_are_silent_and_those_that_do_fire() {
    let html = || grpc(200, "text/html", b"<html></html>");
    let gone = || failed(Phase::Connect, Refused).over_grpc("");
    for rule in ["stub", "status-contradicts-body", "content-type-wrong", "redirected"] {
        let rule = format!("health.{rule}");
        let rows = vec![
            (ORDERS, says(1), ""),
            (ORDERS, says(2), ""),
            (ORDERS, error("14"), ""),
            (ORDERS, html(), ""),
            (ORDERS, gone(), "untested"),
        ];
        holds(&rule, rows);
    }
    let rows = vec![(ORDERS, says(2), ""), (ORDERS, error("14"), "untested")];
    holds("health.component-down", rows);
    let message = "dial%20postgres%3A%2F%2Fapp%3Ahunter2%40db%3A5432";
    let rows = vec![
        (ORDERS, error("14").header("grpc-message", message), "high connection-uri"),
        (ORDERS, error("14").header("grpc-message", "no%20upstream"), ""),
        // Only gRPC has such a field.
        ("{}", status(200).header("grpc-message", message), ""),
    ];
    holds("health.leak", rows);
    holds("health.slow", vec![(ORDERS, says(1).took(0.6, 0.0), "medium")]);
    holds("health.stale", vec![(ORDERS, says(1).header("age", "30"), "medium")]);
    let refused = || failed(Phase::Tls, Protocol).over_grpc("");
    holds("health.unreachable", vec![(ORDERS, refused(), "critical"), (ORDERS, says(2), "")]);
}
