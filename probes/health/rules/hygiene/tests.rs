//! Old, chatty, slow, redirected, limited and mislabelled answers, and those that are none of it.

use serde_json::json;

use super::super::testing::{Row, Scene, failed, holds, html, json as body, status, text, typed};
use crate::net::failure::FailureKind::Refused;
use crate::net::phase::Phase::Connect;
use crate::net::redirect::Stop;

fn gone() -> Scene {
    failed(Connect, Refused)
}

fn ok() -> Scene {
    body(200, &json!({"status": "ok"}))
}

#[test]
fn an_answer_is_stale_from_a_cache_or_by_its_own_clock() {
    let at = |time: &str| body(200, &json!({"status": "ok", "timestamp": time}));
    let date = |time: &str, header: &str| at(time).header("date", header);
    let noon = "Thu, 01 Jan 2026 12:00:00 GMT";
    let later = "Thu, 01 Jan 2026 14:00:00 GMT";
    let mut rows: Vec<Row> = vec![
        ("{}", at("2026-01-01T11:54:00Z"), "medium"),
        ("{}", at("2026-01-01T11:56:00Z"), ""),
        (r#"{"max_age": "1m"}"#, at("2026-01-01T11:56:00Z"), "medium"),
        (r#"{"max_age": "1h"}"#, at("2026-01-01T11:54:00Z"), ""),
        // Its own clock is wrong, and the difference is none of age.
        ("{}", date("2026-01-01T13:59:00Z", later), ""),
        ("{}", date("2026-01-01T13:50:00Z", later), "medium"),
        ("{}", date("2026-01-01T11:59:00Z", noon), ""),
        ("{}", at("2026-01-01T13:00:00Z"), ""),
        ("{}", at("2026-01-01T11:00:00"), ""),
        (
            "{}",
            body(200, &json!({"status": "ok", "version": "1", "date": "2020-01-01T00:00:00Z"})),
            "",
        ),
        ("{}", body(200, &json!({"status": "ok", "date": "2020-01-01T00:00:00Z"})), "medium"),
        ("{}", ok(), ""),
        ("{}", gone(), "untested"),
        ("{}", ok().live(at("2026-01-01T11:00:00Z")), "medium /live"),
        ("{}", ok().live(gone()), "only []"),
    ];
    for (name, value, wanted) in [
        ("age", "1", "medium"),
        ("age", "0", ""),
        ("age", "x", ""),
        ("cf-cache-status", "HIT", "medium"),
        ("cf-cache-status", "STALE", "medium"),
        ("cf-cache-status", "UPDATING", "medium"),
        ("cf-cache-status", "DYNAMIC", ""),
        ("cf-cache-status", "REVALIDATED", ""),
        ("x-cache", "Hit from cloudfront", "medium"),
        ("x-cache", "RefreshHit from cloudfront", ""),
        ("x-cache", "Miss from cloudfront", ""),
        ("x-cache", "MISS, HIT", "medium"),
        ("x-cache", "TCP_HIT", "medium"),
        ("x-cache", "TCP_REFRESH_HIT", ""),
        ("x-cache", "CONFIG_NOCACHE", ""),
        ("cache-status", "edge;hit;ttl=30", "medium"),
        ("cache-status", "edge; fwd=miss", ""),
        ("cache-status", "edge; fwd=stale; fwd-status=200; stored", ""),
        ("cache-status", "hit-store; fwd=uri-miss; detail=stale", ""),
        ("cache-status", "origin; fwd=miss, edge; Hit; ttl=30", "medium"),
        ("x-cache-status", "HIT", "medium"),
        ("cache-control", "max-age=60", "low"),
        ("cache-control", "public, s-maxage=\"30\"", "low"),
        ("cache-control", "max-age=60, must-revalidate", "low"),
        ("cache-control", "s-maxage=0, max-age=60", ""),
        ("cache-control", "max-age=0", ""),
        ("cache-control", "private, max-age=60", ""),
        ("cache-control", "no-cache, no-store, must-revalidate", ""),
        ("cache-control", "No-Store, max-age=60", ""),
    ] {
        rows.push(("{}", ok().header(name, value), wanted));
    }
    holds("health.stale", rows);
}

#[test]
fn a_leak_is_as_grave_as_what_leaks() {
    let message = |text: &str| body(503, &json!({"status": "error", "message": text}));
    let uri = "cannot reach postgres://app:hunter2@db:5432/app";
    holds(
        "health.leak",
        vec![
            ("{}", message(uri), "high connection-uri"),
            ("{}", message("connect ECONNREFUSED 10.0.0.5:6379"), "medium private-address"),
            ("{}", message("getaddrinfo ENOTFOUND redis.internal"), "medium driver-error"),
            ("{}", text(500, "goroutine 17 [running]:"), "medium stack-frame"),
            (
                "{}",
                html(404, "<html>open /etc/app/x.yaml: no such file</html>"),
                "medium file-path",
            ),
            ("{}", ok().live(message(uri)), "high connection-uri"),
            ("{}", message(uri).live(message(uri)), "high connection-uri"),
            ("{}", ok(), ""),
            ("{}", message("timeout"), ""),
            ("{}", message(uri).live(gone()), "high connection-uri only [connection-uri]"),
            ("{}", ok().live(gone()), "only"),
            ("{}", gone(), "untested"),
        ],
    );
}

#[test]
fn only_the_time_that_the_service_takes_counts() {
    let graded = r#"{"slow": {"warn": "100ms", "fail": "1s"}}"#;
    holds(
        "health.slow",
        vec![
            ("{}", ok().took(0.5, 0.0), "medium"),
            ("{}", ok().took(0.3, 0.3), "medium"),
            ("{}", ok().took(0.3, 0.1), ""),
            ("{}", ok().took(0.3, 0.1).redirected(301, 0.2), "medium"),
            (graded, ok().took(0.05, 0.0), ""),
            (graded, ok().took(0.1, 0.0), "medium"),
            (graded, ok().took(1.0, 0.0), "high"),
            (r#"{"slow": {}}"#, ok().took(9.0, 0.0), ""),
            ("{}", ok().live(ok().took(0.6, 0.0)), "medium /live"),
            ("{}", status(503).took(2.0, 0.0), "medium"),
            ("{}", gone(), "untested"),
        ],
    );
}

#[test]
fn a_redirect_is_told_wherever_it_leads() {
    let stopped = |stop| status(302).stopped(stop);
    holds(
        "health.redirected",
        vec![
            ("{}", ok().redirected(301, 0.0), "medium"),
            ("{}", stopped(Stop::Loop), "medium"),
            ("{}", stopped(Stop::TooMany), "medium"),
            ("{}", stopped(Stop::OtherHost("b.example".to_owned())), "medium"),
            ("{}", stopped(Stop::Invalid("x".to_owned())), "medium"),
            ("{}", ok().live(ok().redirected(302, 0.0)), "medium /live"),
            (r#"{"status": 302}"#, status(302), ""),
            ("{}", ok(), ""),
            ("{}", gone(), "untested"),
        ],
    );
}

#[test]
fn a_limit_shows_in_the_status_or_in_a_header() {
    let mut rows: Vec<Row> = vec![
        ("{}", status(429), "medium"),
        ("{}", ok().live(status(429)), "medium /live"),
        ("{}", ok(), ""),
        ("{}", status(503).header("retry-after", "10"), ""),
        ("{}", gone(), "untested"),
    ];
    for (name, wanted) in [
        ("ratelimit", "medium"),
        ("ratelimit-policy", "medium"),
        ("x-ratelimit-remaining", "medium"),
        ("x-rate-limit-limit", "medium"),
        ("x-request-id", ""),
    ] {
        rows.push(("{}", ok().header(name, "100"), wanted));
    }
    holds("health.rate-limited", rows);
}

#[test]
fn json_is_labelled_as_json() {
    let body = r#" {"status": "ok"}"#;
    let mut rows: Vec<Row> = vec![
        ("{}", status(200).body(body.as_bytes()), "low"),
        ("{}", ok().live(typed(200, "text/plain", body)), "low /live"),
        ("{}", text(200, "ok"), ""),
        ("{}", text(200, "\"ok\""), ""),
        ("{}", text(200, "{broken"), ""),
        ("{}", html(200, "<html></html>"), ""),
        ("{}", status(200), ""),
        ("{}", gone(), "untested"),
    ];
    for (label, wanted) in [
        ("text/plain", "low"),
        ("text/html; charset=utf-8", "low"),
        ("application/json", ""),
        ("Application/Health+JSON; charset=utf-8", ""),
        ("application/vnd.spring-boot.actuator.v3+json", ""),
        ("text/json", ""),
    ] {
        rows.push(("{}", typed(200, label, body), wanted));
    }
    holds("health.content-type-wrong", rows);
}
