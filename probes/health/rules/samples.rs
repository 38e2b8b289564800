//! Whole runs: what every convention answers when it is up passes without a finding, what it
//! answers when it is down fails, and nothing that proves nothing passes.

use serde_json::json;

use super::testing::{Scene, all, html, json as body, judge, status, text, typed};
use crate::net::body::BodyEnd;
use crate::net::failure::FailureKind::{Refused, Reset, Timeout};
use crate::net::phase::Phase;
use crate::net::redirect::Stop;
use crate::severity::Verdict::{self, Fail, Pass, Warn};

const RAILS: &str = r#"<!DOCTYPE html><html><body style="background-color: COLOUR"></body></html>"#;
const SPA: &str = "<!doctype html><html><head><title>Shop</title></head><body><div id=\"root\">\
    </div><script type=\"module\" src=\"/assets/index.js\"></script></body></html>";

/// A path that does not exist is not found.
fn alone(scene: Scene) -> Scene {
    scene.absent(text(404, "not found"))
}

#[expect(clippy::too_many_lines, reason = "a table, one row a convention")]
fn up() -> Vec<(&'static str, Scene)> {
    let draft = json!({"status": "pass", "version": "1", "releaseId": "1.2.2", "notes": [""],
        "output": "", "serviceId": "f03e522f", "checks": {"db:responseTime": [{
            "componentId": "dfd6cf2b", "componentType": "datastore", "observedValue": 12,
            "observedUnit": "ms", "status": "pass", "time": "2018-01-17T03:36:48Z"}]}});
    let aspnet = json!({"status": "Healthy", "totalDuration": "00:00:00.04", "entries": {
        "sql": {"data": {}, "duration": "00:00:00.01", "status": "Healthy", "tags": []}}});
    let seed_0 = json!({"status": "healthy", "timestamp": "2026-01-01T11:59:58Z",
        "checks": {"database": "ok", "redis": "ok", "inngest": "ok"}});
    let seed_2 = json!({"status": "ok", "timestamp": "2026-01-01T11:59:58Z", "uptime": 12.5,
        "checks": {"database": {"status": "ok"}, "s3": {"status": "ok"},
            "ai_service": {"status": "ok"}, "redis": {"status": "ok"}}});
    let terminus = json!({"status": "ok", "info": {"db": {"status": "up"}}, "error": {},
        "details": {"db": {"status": "up"}}});
    let spring = json!({"status": "UP", "groups": ["liveness", "readiness"], "components": {
        "db": {"status": "UP", "details": {"database": "PostgreSQL"}},
        "diskSpace": {"status": "UP", "details": {"free": 1, "path": "/app/.", "exists": true}},
        "refreshScope": {"status": "UNKNOWN"}}});
    vec![
        ("draft", typed(200, "application/health+json", &draft.to_string())),
        (
            "Actuator",
            typed(200, "application/vnd.spring-boot.actuator.v3+json", &spring.to_string()),
        ),
        ("Actuator without details", alone(body(200, &json!({"status": "UP"})))),
        (
            "MicroProfile",
            body(
                200,
                &json!({"status": "UP", "checks": [
            {"name": "db", "status": "UP", "data": {"latencyMs": 3}}]}),
            ),
        ),
        ("MicroProfile without checks", alone(body(200, &json!({"status": "UP", "checks": []})))),
        (
            "NestJS Terminus",
            body(200, &terminus).header("cache-control", "no-cache, no-store, must-revalidate"),
        ),
        ("godaddy terminus", alone(body(200, &json!({"status": "ok"})))),
        ("lightship", alone(text(200, "SERVER_IS_READY"))),
        ("ASP.NET Core", alone(text(200, "Healthy"))),
        ("ASP.NET Core page writer", body(200, &aspnet)),
        ("Kubernetes", alone(text(200, "ok"))),
        ("Kubernetes verbose", text(200, "[+]ping ok\n[+]etcd ok\nreadyz check passed\n")),
        ("Kubernetes excluded", text(200, "[+]ping ok\n[+]kms excluded: ok\nreadyz check passed")),
        ("Rails", alone(html(200, &RAILS.replace("COLOUR", "green")))),
        ("Laravel", alone(html(200, "<!DOCTYPE html><html><body><h2>Application up</h2></body>"))),
        ("seed 000", body(200, &seed_0)),
        ("seed 002", body(200, &seed_2)),
        ("seed 004", body(200, &json!({"status": "healthy", "timestamp": "2026-01-01T12:00:00Z"}))),
        ("nothing but a status", alone(status(200))),
        ("no content", alone(status(204))),
        ("a sentence", alone(text(200, "GitLab OK"))),
        ("Prometheus", alone(text(200, "Prometheus Server is Healthy.\n"))),
        ("beside a page for every path", text(200, "ok").absent(html(200, SPA))),
        ("between two comparisons", text(200, "ok")),
        ("a message", alone(body(200, &json!({"message": "OK"})))),
        ("ping", alone(body(200, &json!({"ping": "pong!"})))),
        (
            "django-health-check",
            alone(body(
                200,
                &json!({"DatabaseBackend": "working",
            "Cache backend: default": "working"}),
            )),
        ),
        ("etcd", alone(body(200, &json!({"health": "true", "reason": ""})))),
        (
            "Elasticsearch",
            alone(body(
                200,
                &json!({"cluster_name": "x", "status": "green",
            "timed_out": false, "unassigned_shards": 0}),
            )),
        ),
        (
            "Dropwizard",
            alone(body(
                200,
                &json!({"deadlocks": {"healthy": true, "duration": 0},
            "database": {"healthy": true, "message": null}}),
            )),
        ),
        ("Grafana", alone(body(200, &json!({"commit": "a", "database": "ok", "version": "12"})))),
        (
            "Airflow",
            alone(body(
                200,
                &json!({"metadatabase": {"status": "healthy"},
            "scheduler": {"status": "healthy"}, "triggerer": {"status": null}}),
            )),
        ),
        (
            "an envelope",
            alone(body(
                200,
                &json!({"code": 200, "status": "success",
            "data": {"status": "ok", "checks": {"db": "up"}}}),
            )),
        ),
        (
            "the date of a build",
            alone(body(
                200,
                &json!({"status": "ok", "version": "1.2",
            "commit": "9f8e7d6", "date": "2024-05-01T10:00:00Z"}),
            )),
        ),
        (
            "what is not configured",
            body(
                200,
                &json!({"status": "ok", "checks": {"db": "ok",
            "search": "not_configured", "mail": "disabled"}}),
            ),
        ),
        (
            "a clock that is a bit ahead",
            body(
                200,
                &json!({"status": "ok",
            "timestamp": "2026-01-01T12:00:09Z"}),
            ),
        ),
    ]
}

fn down() -> Vec<(&'static str, Scene)> {
    let terminus = json!({"status": "error", "info": {"db": {"status": "up"}},
        "error": {"redis": {"status": "down", "message": "ECONNREFUSED 10.0.0.5:6379"}},
        "details": {"db": {"status": "up"}, "redis": {"status": "down",
            "message": "ECONNREFUSED 10.0.0.5:6379"}}});
    let draft = json!({"status": "fail", "output": "", "checks": {"db": [{"status": "fail"}]}});
    vec![
        ("draft", typed(503, "application/health+json", &draft.to_string())),
        ("draft with another status", typed(424, "application/health+json", &draft.to_string())),
        ("draft that says so with 200", typed(200, "application/health+json", &draft.to_string())),
        ("Actuator", body(503, &json!({"status": "DOWN"}))),
        ("Actuator out of service", body(503, &json!({"status": "OUT_OF_SERVICE"}))),
        (
            "MicroProfile",
            body(
                503,
                &json!({"status": "DOWN", "checks": [
            {"name": "db", "status": "DOWN"}]}),
            ),
        ),
        ("MicroProfile undetermined", status(500)),
        ("NestJS Terminus", body(503, &terminus)),
        (
            "NestJS Terminus shutting down",
            body(
                503,
                &json!({"status": "shutting_down",
            "info": {"db": {"status": "up"}}, "error": {}, "details": {"db": {"status": "up"}}}),
            ),
        ),
        (
            "under-pressure",
            body(
                503,
                &json!({"code": "FST_UNDER_PRESSURE", "statusCode": 503,
            "error": "Service Unavailable", "message": "Service Unavailable"}),
            ),
        ),
        ("lightship", text(500, "SERVER_IS_NOT_READY")),
        ("ASP.NET Core", text(503, "Unhealthy")),
        ("ASP.NET Core with the wrong status", text(200, "Unhealthy")),
        (
            "Kubernetes",
            text(500, "[+]ping ok\n[-]etcd failed: reason withheld\nhealthz check failed"),
        ),
        ("Rails", html(500, &RAILS.replace("COLOUR", "red"))),
        ("Rails with 200", alone(html(200, &RAILS.replace("COLOUR", "red")))),
        ("Laravel", html(500, "<html><body>Application experiencing problems</body></html>")),
        ("a part that is down", body(200, &json!({"status": "ok", "checks": {"db": "down"}}))),
        ("parts alone", alone(body(200, &json!({"db": {"ok": false}, "redis": {"ok": true}})))),
        ("django-health-check", body(500, &json!({"DatabaseBackend": "unavailable: x"}))),
        ("a proxy's page", html(502, "<html><body><h1>502 Bad Gateway</h1></body></html>")),
        ("an error within 200", alone(body(200, &json!({"status": 503, "error": "Unavailable"})))),
    ]
}

/// What proves nothing, and how it is taken.
fn unproven() -> Vec<(&'static str, Verdict, Scene)> {
    let ok = json!({"status": "ok", "checks": {"db": "ok"}});
    let stale = json!({"status": "ok", "timestamp": "2026-01-01T11:00:00Z"});
    vec![
        ("truncated JSON", Warn, alone(typed(200, "application/json", r#"{"status": "ok", "#))),
        ("a page labelled as JSON", Warn, alone(typed(200, "application/json", SPA))),
        ("an empty object", Warn, alone(body(200, &json!({})))),
        ("an empty list", Warn, alone(body(200, &json!([])))),
        ("null", Warn, alone(body(200, &json!(null)))),
        ("null as a text", Warn, alone(text(200, "null"))),
        ("an uptime alone", Warn, alone(body(200, &json!({"uptime": 1234.5})))),
        ("a version alone", Warn, alone(body(200, &json!({"version": "1.2.3"})))),
        ("an unknown word", Warn, alone(body(200, &json!({"status": "borked"})))),
        ("unknown", Warn, alone(body(200, &json!({"status": "UNKNOWN"})))),
        ("a part that says nothing", Warn, alone(body(200, &json!({"checks": {"db": "skipped"}})))),
        (
            "a part that is not understood",
            Warn,
            alone(body(
                200,
                &json!({"checks": {
            "db": "ok", "redis": "borked"}}),
            )),
        ),
        ("degraded", Warn, alone(text(200, "Degraded"))),
        ("a warning", Warn, body(200, &json!({"status": "pass", "checks": {"cpu": "warn"}}))),
        ("a sentence of trouble", Warn, alone(text(200, "database connection failed"))),
        ("a long text", Warn, alone(text(200, &"lorem ipsum ".repeat(100)))),
        ("bytes", Warn, alone(status(200).body(&[0xff, 0xfe, 0x00]))),
        ("a page", Warn, alone(html(200, SPA))),
        ("a page that nothing was compared with", Warn, html(200, SPA)),
        ("a page for every path", Fail, html(200, SPA).absent(html(200, SPA))),
        ("a page with a nonce for every path", Fail, html(200, SPA).absent(html(200, "<html>1"))),
        ("ok for every path", Fail, text(200, "ok").absent(text(200, "ok"))),
        (
            "an answer with an id for every path",
            Fail,
            body(200, &json!({"status": "ok", "id": 1}))
                .absent(body(200, &json!({"status": "ok", "id": 2}))),
        ),
        ("nothing for every path", Fail, status(200).absent(status(204))),
        (
            "a text for every path",
            Warn,
            text(200, "you asked for /health").absent(text(200, "you asked for /musterd-absent")),
        ),
        ("cut off", Warn, body(200, &ok).ending(BodyEnd::Broken("x".into()), Some(Reset))),
        (
            "cut off by time",
            Fail,
            body(200, &ok).ending(BodyEnd::Broken("x".into()), Some(Timeout)),
        ),
        ("more than is read", Warn, body(200, &ok).ending(BodyEnd::Cut, None)),
        ("not found", Fail, body(404, &json!({"status": 404, "error": "Not Found"}))),
        ("not found, in other words", Fail, body(404, &json!({"status": "ok"}))),
        ("unauthorised", Fail, status(401)),
        ("limited", Warn, status(429)),
        ("another host", Fail, status(302).stopped(Stop::OtherHost("login.example".into()))),
        ("a sign-in", Warn, alone(html(200, SPA)).redirected(302, 0.0)),
        ("an answer after a redirect", Warn, body(200, &ok).redirected(301, 0.0)),
        ("from a cache", Warn, body(200, &ok).header("age", "30")),
        ("from a cache that says so", Warn, body(200, &ok).header("cf-cache-status", "HIT")),
        ("an old timestamp", Warn, body(200, &stale)),
        ("refused", Fail, super::testing::failed(Phase::Connect, Refused)),
        ("silent", Fail, super::testing::failed(Phase::Processing, Timeout)),
    ]
}

#[test]
fn what_is_up_passes_without_any_finding() {
    for (name, scene) in up() {
        let judgement = judge("{}", scene);
        assert_eq!(judgement.findings, [], "{name}");
        assert_eq!(judgement.verdict(), Pass, "{name}");
    }
}

#[test]
fn what_is_down_fails() {
    for (name, scene) in down() {
        let judgement = judge("{}", scene);
        assert_eq!(judgement.verdict(), Fail, "{name}: {:?}", judgement.findings);
    }
}

#[test]
fn what_proves_nothing_never_passes() {
    for (name, verdict, scene) in unproven() {
        let judgement = judge("{}", scene);
        assert_eq!(judgement.verdict(), verdict, "{name}: {:?}", judgement.findings);
    }
}

#[test]
fn an_error_status_over_a_body_that_says_ok_and_tells_too_much_is_four_things() {
    let seed_2 = json!({"status": "ok", "timestamp": "2026-01-01T11:59:58Z", "uptime": 12.5,
        "checks": {"database": {"status": "error",
                "message": "connect ECONNREFUSED 10.0.3.17:5432"},
            "s3": {"status": "ok"}, "ai_service": {"status": "ok"}, "redis": {"status": "ok"}}});
    assert_eq!(
        all("{}", body(503, &seed_2)),
        [
            "down critical",
            "component-down high database",
            "status-contradicts-body medium",
            "leak medium private-address",
        ]
    );
}

#[test]
fn what_is_down_is_said_once() {
    let down = json!({"status": "shutting_down", "details": {"db": {"status": "up"}}});
    assert_eq!(all("{}", body(503, &down)), ["down critical"]);
    assert_eq!(all("{}", text(503, "Unhealthy")), ["down critical"]);
    assert_eq!(
        all("{}", alone(text(200, "Unhealthy"))),
        ["down critical", "status-contradicts-body high"]
    );
    let page = html(502, "<html><body><h1>502 Bad Gateway</h1></body></html>");
    assert_eq!(all("{}", page), ["down critical"]);
    assert_eq!(all("{}", status(404)), ["status-unexpected high"]);
    assert_eq!(all("{}", status(429)), ["rate-limited medium"]);
}
