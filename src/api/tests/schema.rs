//! Holds answers to the schemas of the description, strictly: what is not described may not be
//! there.

use serde_json::Value;

use crate::api::openapi;

/// Panics when a value is not of a schema of the description.
pub(super) fn holds(schema: &str, value: &Value) {
    let all = openapi::description("");
    let schemas = &all["components"]["schemas"];
    let found = &schemas[schema];
    assert!(found.is_object(), "there is no schema {schema}");
    if let Err(fault) = check(found, value, schemas, schema) {
        panic!("{fault}\n{value:#}");
    }
}

fn check(schema: &Value, value: &Value, all: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return check(&all[name], value, all, at);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let mut faults = Vec::new();
        for one in any {
            match check(one, value, all, at) {
                Ok(()) => return Ok(()),
                Err(fault) => faults.push(fault),
            }
        }
        return Err(faults.join("; "));
    }
    if let Some(constant) = schema.get("const") {
        return if constant == value { Ok(()) } else { Err(format!("{at} is {value}")) };
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Err(format!("{at} is {value}"));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    if !kinds.iter().any(|kind| is_a(kind, value)) {
        return Err(format!("{at} is {value} and none of {kinds:?}"));
    }
    if schema["format"] == "date-time"
        && let Some(text) = value.as_str()
        && !(text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok())
    {
        return Err(format!("{at} is no time: {text}"));
    }
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            check(&schema["items"], item, all, &format!("{at}[{index}]"))?;
        }
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(name.as_str().unwrap_or_default()) {
                return Err(format!("{at} lacks {name}"));
            }
        }
        for (key, inner) in object {
            let described = schema["properties"].get(key).or_else(|| {
                let prefixes = schema["patternProperties"].as_object();
                let found = prefixes
                    .into_iter()
                    .flatten()
                    .find(|(pattern, _)| key.starts_with(pattern.trim_start_matches('^')));
                found.map(|(_, schema)| schema).or_else(|| schema.get("additionalProperties"))
            });
            let described =
                described.ok_or_else(|| format!("{at}.{key} is not in the description"))?;
            check(described, inner, all, &format!("{at}.{key}"))?;
        }
    }
    Ok(())
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    }
}
