//! Labels of services and checks.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

use super::entries::Entries;
use super::scalar::checked;

checked! {
    /// The name of a label.
    LabelName(String): String, label_name,
    {"type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9_]{0,63}$"}
}

/// Labels of musterd's own metrics and of Prometheus.
const RESERVED: &[&str] = &[
    "check",
    "instance",
    "job",
    "le",
    "location",
    "name",
    "objective",
    "outcome",
    "probe",
    "quantile",
    "rule",
    "service",
    "severity",
    "status",
    "verdict",
    "waived",
];

fn label_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || !text.chars().all(plain) || text.len() > 64 {
        let better: String =
            text.chars().map(|c| if plain(c) { c } else { '_' }).take(64).collect();
        let rule = "letters, digits and `_`, at most 64 and no digit first";
        let hint = if label_name(&better).is_ok() {
            format!("\nhint: write `{better}`")
        } else {
            String::new()
        };
        return Err(format!("`{text}` is no name of a label: {rule}{hint}"));
    }
    if text.starts_with("__") || RESERVED.contains(&text) {
        let advice = "hint: choose another name, such as";
        let plain = text.trim_start_matches('_');
        return Err(format!("the label `{text}` has a meaning already\n{advice} `our_{plain}`"));
    }
    Ok(text.to_owned())
}

checked! {
    /// The value of a label.
    LabelValue(String): String, label_value, {"type": "string", "maxLength": 200}
}

fn label_value(text: &str) -> Result<String, String> {
    match text.chars().count() {
        0..=200 if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        0..=200 => Err("a label's value is one line".to_owned()),
        _ => Err("a label's value has at most 200 characters".to_owned()),
    }
}

/// How many labels something may have.
const MOST_LABELS: usize = 32;

/// Labels of a service or a check.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels(pub(crate) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Entries(entries) = Entries::<LabelName, LabelValue>::deserialize(deserializer)?;
        if entries.len() > MOST_LABELS {
            let number = entries.len();
            return Err(D::Error::custom(format!("{number} labels, and {MOST_LABELS} at most")));
        }
        Ok(Self(entries.into_iter().map(|(name, value)| (name.value.0, value.0)).collect()))
    }
}

impl JsonSchema for Labels {
    fn schema_name() -> Cow<'static, str> {
        "Labels".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Entries::<LabelName, LabelValue>::json_schema(generator);
        schema.insert("maxProperties".to_owned(), MOST_LABELS.into());
        schema
    }
}
