//! A check as it is written: the keys beside the one that names its probe.

use std::borrow::Cow;

use musterd_probes::KINDS;
use musterd_probes::impact::Impact;
use musterd_probes::severity::Severity;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::amount::{Confirm, Interval, Timeout};
use super::entries::Entries;
use super::label::Labels;
use super::scalar::{Name, RuleId};
use crate::config::yaml::Located;

/// The keys of a check beside the one that names its probe. That one, like what is unknown, is
/// passed over here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Check {
    /// What the check is called within its service; by default as its probe.
    pub(crate) name: Option<Located<Name>>,
    /// How often it runs: from 1s to 366d. By default what `defaults` says, else what suits the
    /// probe.
    pub(crate) interval: Option<Located<Interval>>,
    /// How long one exchange may take: from 10ms to 5m. By default what `defaults` says, else 10s.
    pub(crate) timeout: Option<Located<Timeout>>,
    /// How many runs in a row must be bad before the status is: from 1 to 10. By default what
    /// `defaults` says, else 2.
    pub(crate) confirm: Option<Confirm>,
    /// How soon a run that was worse than the status is repeated. By default what `defaults` says,
    /// else 30s, or the interval where that is shorter.
    pub(crate) retry_interval: Option<Located<Interval>>,
    /// The most that it may do to its target. By default what the service says, else what
    /// `defaults` says, else `active`.
    pub(crate) allow: Option<Located<Impact>>,
    /// Severities of the probe's rules, where they should differ from the rules' own.
    pub(crate) severity: Entries<RuleId, Severity>,
    /// Labels of the check.
    pub(crate) labels: Labels,
    /// `false` leaves the check out, and a check of the same name from a profile with it.
    pub(crate) enabled: Option<bool>,
}

/// The keys of [`Check`].
pub(crate) const KEYS: &[&str] = &[
    "name",
    "interval",
    "timeout",
    "confirm",
    "retry_interval",
    "allow",
    "severity",
    "labels",
    "enabled",
];

/// A check with its probe, for the schema.
pub(crate) enum CheckItem {}

impl JsonSchema for CheckItem {
    fn schema_name() -> Cow<'static, str> {
        "Check".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let common = Check::json_schema(generator).to_value();
        let mut properties = Map::new();
        for kind in KINDS {
            let settings = settings(kind, generator);
            let summary = format!("Settings of the probe: {}.", kind.summary);
            let either = json!({"description": summary, "anyOf": [settings, {"type": "null"}]});
            properties.insert(kind.name.to_owned(), either);
        }
        if let Some(Value::Object(common)) = common.get("properties") {
            properties.extend(common.clone());
        }
        let one: Vec<Value> = KINDS.iter().map(|kind| json!({"required": [kind.name]})).collect();
        json_schema!({
            "description": "One use of a probe on a service: one key names the probe and holds \
                            its settings, the others are the same for all.",
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "oneOf": one,
        })
    }
}

/// The schema of a probe's settings, in place: under a name of its own it would be one of many
/// `Settings`.
pub(crate) fn settings(
    kind: &musterd_probes::registry::Registration,
    generator: &mut SchemaGenerator,
) -> Value {
    let schema = kind.schema(generator).to_value();
    let Some(Value::String(reference)) = schema.get("$ref") else { return schema };
    let name = reference.rsplit('/').next().unwrap_or_default();
    generator.definitions_mut().shift_remove(name).unwrap_or(schema)
}
