//! The shapes in which JSON bodies tell of health, found by walking what they have in common.

use serde_json::Value;

use super::age;
use super::object::{Object, TIMESTAMP, fold, statement};
use super::reading::{Component, Reading, Stated};
use super::vocabulary::{Level, level};

/// How deep components may hold components.
const MAX_DEPTH: usize = 4;

/// Where the conventions put their components, in order of reading: the health draft, Terminus
/// and `MicroProfile` (`checks`), Terminus (`details`), Actuator (`components`), ASP.NET Core's
/// page writer (`entries`), and what hand-written endpoints use.
const CONTAINERS: [&str; 7] =
    ["checks", "details", "components", "entries", "results", "dependencies", "services"];

/// Keys that wrap a whole answer.
const ENVELOPES: [&str; 5] = ["data", "result", "response", "health", "status"];

/// Names that are never components when their value is a bare string, truth value or number:
/// they describe the service or the check.
const DESCRIPTIONS: [&str; 37] = [
    "version",
    "env",
    "environment",
    "commit",
    "sha",
    "revision",
    "build",
    "release",
    "releaseid",
    "serviceid",
    "hostname",
    "host",
    "region",
    "node",
    "name",
    "id",
    "type",
    "mode",
    "message",
    "description",
    "notes",
    "output",
    "error",
    "code",
    "method",
    "path",
    "url",
    "debug",
    "maintenance",
    "cached",
    "readonly",
    "dryrun",
    "enabled",
    "count",
    "total",
    "loglevel",
    "stage",
];

/// Systems that nobody names a flag after: beside the status of the whole, their bare words and
/// truth values are components.
const SYSTEMS: [&str; 25] = [
    "database",
    "db",
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongo",
    "mongodb",
    "redis",
    "memcached",
    "rabbitmq",
    "kafka",
    "nats",
    "elasticsearch",
    "opensearch",
    "cassandra",
    "dynamodb",
    "sqlite",
    "prisma",
    "supabase",
    "s3",
    "minio",
    "smtp",
    "inngest",
    "vapi",
];

/// Puts what a JSON value says into `reading`.
pub(super) fn walk(value: &Value, reading: &mut Reading) {
    match value {
        Value::String(text) => {
            let stated = Stated::of(text);
            reading.words_down = stated.level == Some(Level::Down);
            reading.aggregate = Some(stated).filter(|stated| !stated.word.is_empty());
        }
        Value::Bool(_) | Value::Number(_) => reading.aggregate = statement("status", value),
        Value::Array(_) => {
            Walk { reading }.container("", "checks", value, 1, Bare::Ignored);
        }
        Value::Object(map) => Walk { reading }.answer(&Object::new(map), true),
        Value::Null => {}
    }
}

/// The name of a component as it is kept and as metrics have it: `[a-z0-9_]{1,64}`.
///
/// ASCII letters are lowered and everything else of ASCII becomes `_`. What is longer, empty or
/// not ASCII becomes `component_` and the 32-bit FNV-1a hash of the name, the same in every run.
pub(crate) fn component_name(raw: &str) -> String {
    let raw = raw.trim();
    let mut name = String::new();
    if raw.is_ascii() {
        for c in raw.chars() {
            if c.is_ascii_alphanumeric() {
                name.push(c.to_ascii_lowercase());
            } else if !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
            if name.len() > 65 {
                break;
            }
        }
    }
    let name = name.trim_end_matches('_');
    if (1..=64).contains(&name.len()) {
        return name.to_owned();
    }
    let hash = raw
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("component_{hash:08x}")
}

/// Whether bare words and truth values of a container are components, or only objects that state
/// health: the details of a component are full of flags that are none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    Counted,
    Ignored,
}

struct Walk<'r> {
    reading: &'r mut Reading,
}

impl Walk<'_> {
    /// A whole answer, or the one that its envelope holds.
    fn answer(&mut self, object: &Object<'_>, outermost: bool) {
        let reading = &mut *self.reading;
        if let Some(stated) = object.stated().or_else(|| object.object("overall")?.stated()) {
            // Of an envelope and its content the worse counts, of equals the content, and a
            // number that repeats the HTTP status only when nothing else is said.
            let better = reading.aggregate.as_ref().is_some_and(|held| {
                let echo = held.is_http_status() && held.level == Some(Level::Up);
                !echo && held.level > stated.level
            });
            if !better {
                reading.aggregate = Some(stated);
            }
        }
        reading.timestamp = reading
            .timestamp
            .or_else(|| TIMESTAMP.iter().find_map(|key| age::moment(object.get(key)?)));
        reading.uptime_seconds = reading.uptime_seconds.or_else(|| object.uptime());

        for name in CONTAINERS {
            let before = self.reading.components.len();
            if let Some(container) = object.get(name) {
                self.container("", name, container, 1, Bare::Counted);
            }
            // Terminus repeats `info` and `error` in `details`.
            if name == "details" && self.reading.components.len() == before {
                for part in ["info", "error"] {
                    if let Some(container) = object.get(part) {
                        self.container("", part, container, 1, Bare::Ignored);
                    }
                }
            }
        }
        let envelopes: &[&str] = if outermost { &ENVELOPES } else { &[] };
        for (key, name, value) in &object.0 {
            let key = key.as_str();
            if CONTAINERS.contains(&key) || ["info", "error", "overall"].contains(&key) {
                continue;
            }
            match value {
                Value::Object(inner) if envelopes.contains(&key) => {
                    self.answer(&Object::new(inner), false);
                }
                Value::Object(inner) => {
                    self.component("", name, "", &Object::new(inner), 1, Bare::Ignored);
                }
                Value::String(_) | Value::Bool(_) if SYSTEMS.contains(&key) => {
                    self.bare("", name, value);
                }
                _ => {}
            }
        }
    }

    fn container(&mut self, prefix: &str, key: &str, value: &Value, depth: usize, bare: Bare) {
        if depth > MAX_DEPTH {
            return;
        }
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    let (name, measurement) =
                        if key == "checks" { split(name) } else { (name.as_str(), "") };
                    self.entry(prefix, name, &fold(measurement), value, depth, bare);
                }
            }
            Value::Array(values) => {
                for map in values.iter().filter_map(Value::as_object) {
                    let object = Object::new(map);
                    let name = ["name", "component", "componentname", "service", "id", "key"]
                        .iter()
                        .find_map(|name| object.get(name)?.as_str());
                    // Without a name the order would have to serve, which need not be stable.
                    self.component(prefix, name.unwrap_or(key), "", &object, depth, bare);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn entry(
        &mut self,
        prefix: &str,
        name: &str,
        measurement: &str,
        value: &Value,
        depth: usize,
        bare: Bare,
    ) {
        match value {
            Value::Object(map) => {
                self.component(prefix, name, measurement, &Object::new(map), depth, bare);
            }
            // The health draft's list of one component's instances: the worst of them counts.
            Value::Array(values) => {
                for value in values {
                    match value {
                        Value::Object(map) => {
                            let object = Object::new(map);
                            self.component(prefix, name, measurement, &object, depth, bare);
                        }
                        Value::String(_) | Value::Bool(_) if bare == Bare::Counted => {
                            self.bare(prefix, name, value);
                        }
                        _ => {}
                    }
                }
            }
            Value::String(_) | Value::Bool(_) | Value::Number(_) if bare == Bare::Counted => {
                self.bare(prefix, name, value);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// An object that may be a component, hold some, or both.
    fn component(
        &mut self,
        prefix: &str,
        name: &str,
        measurement: &str,
        object: &Object<'_>,
        depth: usize,
        bare: Bare,
    ) {
        let name = join(prefix, name);
        let measurement =
            if measurement.is_empty() && name == "uptime" { &name } else { measurement };
        if measurement == "uptime" && self.reading.uptime_seconds.is_none() {
            let unit = object.get("observedunit").and_then(Value::as_str).unwrap_or("s");
            self.reading.uptime_seconds =
                age::unit_of(unit).and_then(|unit| age::length(object.get("observedvalue")?, unit));
        }
        let stated =
            object.stated().filter(|stated| bare == Bare::Counted || stated.level.is_some());
        let known = stated.is_some();
        if let Some(Stated { word, level }) = stated {
            let latency_seconds = object.latency(measurement);
            self.reading.add(name.clone(), Component { level, word, latency_seconds });
        }
        let mut holds = false;
        for key in CONTAINERS {
            if let Some(container @ (Value::Object(_) | Value::Array(_))) = object.get(key) {
                holds = true;
                let flags = matches!(key, "details" | "results" | "services");
                let bare = if flags { Bare::Ignored } else { Bare::Counted };
                self.container(&name, key, container, depth + 1, bare);
            }
        }
        if !known && !holds && depth < MAX_DEPTH {
            for (_, key, value) in &object.0 {
                self.entry(&name, key, "", value, depth + 1, Bare::Ignored);
            }
        }
    }

    /// A component that is a bare word, truth value or flag.
    fn bare(&mut self, prefix: &str, name: &str, value: &Value) {
        let key = fold(name);
        if DESCRIPTIONS.contains(&key.as_str()) || TIMESTAMP.contains(&key.as_str()) {
            return;
        }
        let stated = match value {
            Value::String(text) => Stated::of(text),
            // `failed: 0` and `passed: true` are results of the whole, not components.
            _ if level(name).is_some() => return,
            value => match statement("ok", value) {
                Some(stated) => stated,
                None => return,
            },
        };
        let Stated { word, level } = stated;
        // An unknown word may be one of health; a version, an address or prose is none.
        let plausible = !word.is_empty()
            && word.chars().all(|c| c.is_alphabetic() || matches!(c, '_' | '-' | ' '));
        if level.is_some() || plausible {
            self.reading.add(join(prefix, name), Component { level, word, latency_seconds: None });
        }
    }
}

/// The health draft's `component:measurement` (section 4). An address with a port is none.
fn split(key: &str) -> (&str, &str) {
    match key.split_once(':') {
        Some((component, measurement))
            if !component.trim().is_empty()
                && measurement.starts_with(|c: char| c.is_ascii_alphabetic()) =>
        {
            (component, measurement)
        }
        _ => (key, ""),
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        component_name(name)
    } else {
        component_name(&format!("{prefix} {name}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::reading::{Form, Reading, read};
    use super::super::vocabulary::Level::{self, Down, Unknown, Up, Warn};
    use super::{component_name, split};

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
                &[
                    ("database", Some(Up), None),
                    ("redis", Some(Up), None),
                    ("inngest", Some(Up), None),
                ],
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
            row("healthy", &json!({"healthy": false}), Some(Down), &[]),
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
                .map(|(name, component)| {
                    (name.as_str(), component.level, component.latency_seconds)
                })
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
}
