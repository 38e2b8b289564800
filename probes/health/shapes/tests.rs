//! Every shape of JSON in which a service was seen to tell of its health.

use serde_json::{Value, json};

use super::{component_name, split};
use crate::health::reading::{Form, Reading, read};
use crate::health::vocabulary::Level::{self, Down, Unknown, Up, Warn};

#[test]
fn names_fit_a_metric() {
    for (raw, wanted) in [
        ("db", "db"),
        ("diskSpace", "diskspace"),
        ("AI Service", "ai_service"),
        ("poststarthook/rbac--roles", "poststarthook_rbac_roles"),
        (" -db- ", "db"),
        ("_", "component_da0c196e"),
        ("", "component_811c9dc5"),
        ("Größe", "component_48b3427a"),
    ] {
        assert_eq!(component_name(raw), wanted, "{raw:?}");
    }
    let (fits, long) = ("a".repeat(64), "a".repeat(65));
    assert_eq!(component_name(&fits), fits);
    assert!(component_name(&long).starts_with("component_"));
    assert_ne!(component_name(&long), component_name(&format!("{long}a")));
}

#[test]
fn measurements_are_split_off() {
    for (key, wanted) in [
        ("cassandra:responseTime", ("cassandra", "responseTime")),
        ("uptime", ("uptime", "")),
        ("redis:6379", ("redis:6379", "")),
        ("https://x", ("https://x", "")),
        (":x", (":x", "")),
        ("a:b:c", ("a", "b:c")),
    ] {
        assert_eq!(split(key), wanted, "{key}");
    }
}

/// One body, and what is to be read from it: the aggregate, and components as
/// `name level latency`.
struct Row {
    name: &'static str,
    body: String,
    aggregate: Option<Level>,
    components: &'static [(&'static str, Option<Level>, Option<f64>)],
}

fn row(
    name: &'static str,
    body: &Value,
    aggregate: Option<Level>,
    components: &'static [(&'static str, Option<Level>, Option<f64>)],
) -> Row {
    Row { name, body: body.to_string(), aggregate, components }
}

fn json_body(body: &Value) -> Reading {
    read(Some("application/json"), body.to_string().as_bytes())
}

#[expect(clippy::too_many_lines, reason = "a table, one row a shape")]
fn shapes() -> Vec<Row> {
    vec![
        row(
            "draft-inadarei",
            &json!({"status": "pass", "version": "1", "releaseId": "1.2.2", "notes": [""],
                "output": "", "serviceId": "f03e522f", "description": "health of authz",
                "checks": {
                    "cassandra:responseTime": [{"componentId": "dfd6cf2b",
                        "componentType": "datastore", "observedValue": 250,
                        "observedUnit": "ms", "status": "pass",
                        "affectedEndpoints": ["/users/{userId}"],
                        "time": "2018-01-17T03:36:48Z", "output": ""}],
                    "cassandra:connections": [{"type": "datastore", "observedValue": 75,
                        "status": "warn", "time": "2018-01-17T03:36:48Z"}],
                    "cpu:utilization": [
                        {"node": 1, "observedValue": 85, "observedUnit": "percent",
                            "status": "warn"},
                        {"node": 2, "observedValue": 85, "observedUnit": "percent",
                            "status": "fail"}],
                    "memory:utilization": [{"observedValue": 8.5, "observedUnit": "GiB",
                        "status": "pass"}]},
                "links": {"about": "http://api.example.com/about/authz"}}),
            Some(Up),
            &[
                ("cassandra", Some(Warn), Some(0.25)),
                ("cpu", Some(Down), None),
                ("memory", Some(Up), None),
            ],
        ),
        row(
            "Actuator",
            &json!({"status": "DOWN", "groups": ["liveness", "readiness"], "components": {
                "db": {"status": "DOWN", "components": {
                    "primary": {"status": "UP", "details": {"database": "PostgreSQL",
                        "validationQuery": "isValid()"}},
                    "replica": {"status": "OUT_OF_SERVICE"}}},
                "diskSpace": {"status": "UP", "details": {"total": 499_963_174_912_i64,
                    "free": 1, "threshold": 10_485_760, "path": "/app/.", "exists": false}},
                "refreshScope": {"status": "UNKNOWN"}}}),
            Some(Down),
            &[
                ("db", Some(Down), None),
                ("db_primary", Some(Up), None),
                ("db_replica", Some(Down), None),
                ("diskspace", Some(Up), None),
                ("refreshscope", Some(Unknown), None),
            ],
        ),
        row(
            "Actuator 2.0 composite",
            &json!({"status": "UP", "details": {"db": {"status": "UP", "details": {
                "one": {"status": "UP", "details": {"database": "H2", "hello": 1}}}}}}),
            Some(Up),
            &[("db", Some(Up), None), ("db_one", Some(Up), None)],
        ),
        row(
            "MicroProfile",
            &json!({"status": "DOWN", "checks": [
                {"name": "Database connection", "status": "UP", "data": {"latencyMs": 12}},
                {"name": "kafka", "status": "DOWN", "data": {"up": true}}]}),
            Some(Down),
            &[("database_connection", Some(Up), Some(0.012)), ("kafka", Some(Down), None)],
        ),
        row(
            "Terminus",
            &json!({"status": "error", "info": {"db": {"status": "up"}},
                "error": {"redis": {"status": "down", "message": "ECONNREFUSED 10.0.0.5:6379"}},
                "details": {"db": {"status": "up"}, "redis": {"status": "down"}}}),
            Some(Down),
            &[("db", Some(Up), None), ("redis", Some(Down), None)],
        ),
        row(
            "Terminus without details",
            &json!({"status": "shutting_down", "info": {"db": {"status": "up"}}, "details": {},
                "error": {"redis": {"status": "down"}}}),
            Some(Down),
            &[("db", Some(Up), None), ("redis", Some(Down), None)],
        ),
        row(
            "ASP.NET Core page writer",
            &json!({"status": "Degraded", "totalDuration": "00:00:00.0456", "entries": {
                "sql-main": {"data": {}, "duration": "00:00:00.0123", "status": "Healthy",
                    "tags": ["db"]},
                "cache": {"data": {"x": "down"}, "description": "too slow",
                    "duration": "00:00:01.5", "status": "Degraded", "tags": []}}}),
            Some(Warn),
            &[("sql_main", Some(Up), Some(0.0123)), ("cache", Some(Warn), Some(1.5))],
        ),
        row(
            "checks of words and a timestamp",
            &json!({"status": "healthy", "timestamp": "2025-10-20T12:00:00Z",
                "checks": {"database": "ok", "redis": "ok", "inngest": "ok"}}),
            Some(Up),
            &[("database", Some(Up), None), ("redis", Some(Up), None), ("inngest", Some(Up), None)],
        ),
        row(
            "ok with a failed check",
            &json!({"status": "ok", "timestamp": "2025-10-20T12:00:00.123Z", "uptime": 12.5,
                "checks": {"database": {"status": "ok"}, "s3": {"status": "ok"},
                    "ai_service": {"status": "error", "message": "401"},
                    "redis": {"status": "ok"}}}),
            Some(Up),
            &[
                ("database", Some(Up), None),
                ("s3", Some(Up), None),
                ("ai_service", Some(Down), None),
                ("redis", Some(Up), None),
            ],
        ),
        row(
            "top-level objects",
            &json!({"status": "ok", "version": "1.4.2", "env": "live", "commit": "abc",
                "database": {"status": "ok", "latency": 4}, "config": {"debug": false},
                "memory": {"rss": 1, "heapUsed": 0}}),
            Some(Up),
            &[("database", Some(Up), Some(0.004))],
        ),
        row(
            "top-level words of systems",
            &json!({"ok": true, "db": "connected", "redis": false, "debug": false,
                "mode": "live", "cached": false}),
            Some(Up),
            &[("db", Some(Up), None), ("redis", Some(Down), None)],
        ),
        row(
            "top-level words that are plainly of health",
            &json!({"status": "ok", "cache": "down", "search": "ok", "mode": "live",
                "lastJob": "failed", "message": "OK", "statusText": "OK"}),
            Some(Up),
            &[("cache", Some(Down), None), ("search", Some(Up), None)],
        ),
        row(
            "top-level systems with what is said of them",
            &json!({"status": "ok", "databaseConnected": false, "redis_status": "connected",
                "db_name": "shop", "kafkaTopics": "ok then"}),
            Some(Up),
            &[("database", Some(Down), None), ("redis", Some(Up), None)],
        ),
        row(
            "truth values and flags in a container",
            &json!({"healthy": true, "checks": {"db": true, "queue": false, "search": 1,
                "failed": 0, "passed": 3, "latency": 450, "version": "1", "total": 1}}),
            Some(Up),
            &[("db", Some(Up), None), ("queue", Some(Down), None), ("search", Some(Up), None)],
        ),
        row(
            "words that are not known, and texts",
            &json!({"status": "meh", "dependencies": {"db": "borked", "react": "18.2.0",
                "api": "https://api.example.com", "redis": "connection refused by 10.0.0.5"}}),
            None,
            &[("db", None, None), ("redis", Some(Down), None)],
        ),
        row(
            "groups without a status",
            &json!({"status": "ok", "checks": {"db": {"primary": {"status": "up"},
                "replica": {"status": "down"}}, "limits": {"max": 3, "enabled": false}}}),
            Some(Up),
            &[("db_primary", Some(Up), None), ("db_replica", Some(Down), None)],
        ),
        row(
            "django-health-check",
            &json!({"DatabaseBackend": "working", "Cache backend: default": "unavailable: x"}),
            None,
            &[("databasebackend", Some(Up), None), ("cache_backend_default", Some(Down), None)],
        ),
        row(
            "a flat map with anything else",
            &json!({"db": "x", "a": "up", "n": "1.2"}),
            None,
            &[("db", None, None)],
        ),
        row("flags alone", &json!({"debug": false, "maintenance": false}), None, &[]),
        row("an error alone", &json!({"error": "timeout"}), None, &[]),
        row("a message", &json!({"message": "OK"}), Some(Up), &[]),
        row(
            "a message beside a status",
            &json!({"status": "down", "message": "OK"}),
            Some(Down),
            &[],
        ),
        row("a message in prose", &json!({"message": "it is ok"}), None, &[]),
        row("healthy", &json!({"healthy": false}), Some(Down), &[]),
        row("isHealthy", &json!({"isHealthy": false}), Some(Down), &[]),
        row("status and isHealthy", &json!({"status": "ok", "isHealthy": false}), Some(Down), &[]),
        row(
            "parts with isHealthy",
            &json!({"isHealthy": true, "results": [{"name": "db", "isHealthy": false}]}),
            Some(Up),
            &[("db", Some(Down), None)],
        ),
        row("ok", &json!({"ok": true}), Some(Up), &[]),
        row("success", &json!({"success": true}), Some(Up), &[]),
        row("status and a flag", &json!({"status": "ok", "healthy": false}), Some(Down), &[]),
        row("capital keys", &json!({"Status": "Healthy"}), Some(Up), &[]),
        row("a string", &json!("ok"), Some(Up), &[]),
        row("true", &json!(true), Some(Up), &[]),
        row("a text in a string", &json!("database connection failed"), Some(Down), &[]),
        row("null", &json!(null), None, &[]),
        row("no object", &json!([]), None, &[]),
        row("no status", &json!({"error": "not found"}), None, &[]),
        row("an HTTP code", &json!({"status": 200}), Some(Up), &[]),
        row("an HTTP code in a string", &json!({"status": "503"}), Some(Down), &[]),
        row("a redirect", &json!({"status": 302}), None, &[]),
        row("a count", &json!({"available": 0, "up": 3}), None, &[]),
        row(
            "an envelope",
            &json!({"code": 200, "status": "success", "data": {"status": "ok",
                "checks": {"db": "up"}}}),
            Some(Up),
            &[("db", Some(Up), None)],
        ),
        row(
            "an envelope that succeeded in telling of a failure",
            &json!({"success": true, "result": {"status": "down"}}),
            Some(Down),
            &[],
        ),
        row(
            "an envelope with an HTTP code",
            &json!({"status": 200, "data": {"status": "unknown"}}),
            Some(Unknown),
            &[],
        ),
        row(
            "a list without a whole",
            &json!([{"name": "db", "status": "UP"}, {"service": "mail", "healthy": false}]),
            None,
            &[("db", Some(Up), None), ("mail", Some(Down), None)],
        ),
        row(
            "a list without names",
            &json!({"services": [{"status": "up"}, {"status": "down"}]}),
            None,
            &[("services", Some(Down), None)],
        ),
        row(
            "Kibana",
            &json!({"status": {"overall": {"state": "green"}, "core": {
                "elasticsearch": {"state": "green"}}}}),
            Some(Up),
            &[("core_elasticsearch", Some(Up), None)],
        ),
        row(
            "an address as a name",
            &json!({"checks": {"redis:6379": "ok", "https://api.example.com": "ok",
                "Größe": "ok"}}),
            None,
            &[
                ("redis_6379", Some(Up), None),
                ("https_api_example_com", Some(Up), None),
                ("component_48b3427a", Some(Up), None),
            ],
        ),
    ]
}

#[test]
fn every_shape_is_read() {
    for row in shapes() {
        let reading = read(Some("application/json"), row.body.as_bytes());
        assert_eq!(reading.form, Form::Json, "{}", row.name);
        assert_eq!(reading.invalid, None, "{}", row.name);
        assert_eq!(reading.level(), row.aggregate, "{}: {reading:?}", row.name);
        let mut seen: Vec<(&str, Option<Level>, Option<f64>)> = reading
            .components
            .iter()
            .map(|(name, component)| (name.as_str(), component.level, component.latency_seconds))
            .collect();
        let mut wanted = row.components.to_vec();
        seen.sort_by_key(|(name, ..)| *name);
        wanted.sort_by_key(|(name, ..)| *name);
        assert_eq!(seen, wanted, "{}", row.name);
    }
}

#[test]
fn times_are_read() {
    let body = json!({"status": "ok", "timestamp": "2025-10-20T12:00:00Z", "uptime": 12.5});
    let reading = json_body(&body);
    assert_eq!(reading.timestamp, Some("2025-10-20T12:00:00Z".parse().unwrap()));
    assert_eq!(reading.uptime_seconds, Some(12.5));
    assert!(reading.is_structured());
    for (body, wanted) in [
        (json!({"uptimeMs": 1500}), Some(1.5)),
        (json!({"uptime_seconds": "90"}), Some(90.0)),
        (json!({"data": {"uptime": "2h"}}), Some(7200.0)),
        (json!({"uptime": "00:01:00"}), Some(60.0)),
        (
            json!({"checks": {"uptime": [{"observedValue": 1_209_600.245,
            "observedUnit": "s", "status": "pass"}]}}),
            Some(1_209_600.245),
        ),
        (json!({"uptime": "a while"}), None),
        (json!({"uptimePercent": 99}), None),
    ] {
        assert_eq!(json_body(&body).uptime_seconds, wanted, "{body}");
    }
    let reading = json_body(&json!({"status": "ok", "time": 12, "checkedAt": 1_760_961_600}));
    assert_eq!(reading.timestamp, Some("2025-10-20T12:00:00Z".parse().unwrap()));
}
