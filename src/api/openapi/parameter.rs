//! Parameters of paths and queries, described once.

use serde_json::{Value, json};

/// A parameter of a path or a query.
pub(in crate::api) struct Parameter {
    name: &'static str,
    /// `path` or `query`.
    place: &'static str,
    description: &'static str,
    schema: fn() -> Value,
}

impl Parameter {
    /// Its description for programs.
    pub(super) fn describe(&self) -> Value {
        let Self { name, place, description, schema } = self;
        json!({
            "name": name,
            "in": place,
            "required": *place == "path",
            "description": description,
            "schema": schema(),
        })
    }
}

const fn query(name: &'static str, description: &'static str, schema: fn() -> Value) -> Parameter {
    Parameter { name, place: "query", description, schema }
}

fn text() -> Value {
    json!({"type": "string"})
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

pub(in crate::api) const SERVICE: Parameter =
    Parameter { name: "service", place: "path", description: "The service's name", schema: text };
pub(in crate::api) const CHECK: Parameter = Parameter {
    name: "check",
    place: "path",
    description: "The check's name within its service",
    schema: text,
};
pub(in crate::api) const LOCATION: Parameter = query(
    "location",
    "From where it is looked at; by default here, or else wherever it was reported from",
    text,
);
pub(in crate::api) const SERVICES: Parameter =
    query("service", "Of these services; may be repeated", texts);
pub(in crate::api) const NEEDED_SERVICES: Parameter = query(
    "service",
    "Of these services; may be repeated; 404 where one of them has no check that is selected",
    texts,
);
pub(in crate::api) const LABELS: Parameter = query(
    "label",
    "With this label, as `key=value`; repeated, with all of them",
    || json!({"type": "array", "items": {"type": "string", "pattern": "^[^=]+=.*$"}}),
);
pub(in crate::api) const STATUSES: Parameter = query(
    "status",
    "Of these statuses; may be repeated",
    || json!({"type": "array", "items": {"$ref": "#/components/schemas/StatusWord"}}),
);
pub(in crate::api) const SEVERITIES: Parameter = query(
    "severity",
    "Of these severities; may be repeated",
    || json!({"type": "array", "items": {"$ref": "#/components/schemas/Severity"}}),
);
pub(in crate::api) const RULES: Parameter = query("rule", "Of these rules; may be repeated", texts);
pub(in crate::api) const FAIL_ON: Parameter = query(
    "fail_on",
    "Whether a warning blocks too",
    || json!({"type": "string", "enum": ["warn", "fail"], "default": "fail"}),
);
pub(in crate::api) const LIMIT: Parameter = query(
    "limit",
    "So many items at most",
    || json!({"type": "integer", "minimum": 1, "maximum": 10000, "default": 1000}),
);
pub(in crate::api) const NEXT: Parameter = query(
    "next",
    "What the page before gave as `next`",
    || json!({"type": "string", "pattern": r"^[0-9]{1,9}\.[A-Za-z0-9_-]*$"}),
);
pub(in crate::api) const SINCE: Parameter = query("since", "Runs that began then or later", time);
pub(in crate::api) const UNTIL: Parameter = query("until", "Runs that began earlier", time);
