//! What an answer must be like, as it is written and as it is checked.

use std::cmp::Ordering;

use indexmap::IndexMap;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::contract::SettingsError;
use crate::header_must::{self, HeaderMust, HeaderWanted};
use crate::net::redirect::Redirects;
use crate::one_or_many::OneOrMany;
use crate::status::{StatusSet, Statuses};
use crate::text::excerpt;

/// The largest `max_bytes`: 64 MiB.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What the last answer must be like.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expect {
    /// Accepted status codes: `200`, `2xx`, `200-299` or a list; by default `2xx`, and `3xx` too
    /// where redirects are not followed.
    status: Option<OneOrMany<Statuses>>,
    /// By header: a regular expression that one of its values must match, `true` when it must be
    /// there, `false` when it must not.
    headers: IndexMap<String, HeaderWanted>,
    /// Regular expressions that the body must match, each of them.
    body: OneOrMany<String>,
    /// Regular expressions that the body must not match, none of them.
    not_body: OneOrMany<String>,
    /// By JSON Pointer (RFC 6901), such as `/status`: the value that must stand there, or a
    /// mapping of `matches`, `min`, `max` and `exists`.
    json: IndexMap<String, Value>,
    /// The largest body, in bytes after decompression; at most 64 MiB. By default 1 MiB are read
    /// and more is no finding.
    #[schemars(range(min = 1, max = 67_108_864))]
    max_bytes: Option<usize>,
    /// The HTTP version.
    version: Option<Version>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
enum Version {
    #[serde(rename = "1.0")]
    Http10,
    #[serde(rename = "1.1")]
    Http11,
    #[serde(rename = "2")]
    Http2,
}

/// What is checked.
pub(super) struct Expectations {
    pub(super) status: StatusSet,
    pub(super) headers: Vec<HeaderMust>,
    pub(super) body: Vec<Regex>,
    pub(super) not_body: Vec<Regex>,
    pub(super) json: Vec<(String, JsonMust)>,
    pub(super) max_bytes: Option<usize>,
    pub(super) version: Option<&'static str>,
}

/// What a value in JSON must be like.
pub(super) enum JsonMust {
    Equal(Value),
    Hold { matches: Option<Regex>, min: Option<f64>, max: Option<f64>, exists: Option<bool> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conditions {
    matches: Option<String>,
    min: Option<f64>,
    max: Option<f64>,
    exists: Option<bool>,
}

impl Expectations {
    pub(super) fn new(written: Expect, redirects: Redirects) -> Result<Self, SettingsError> {
        let default: &[u16] = if redirects == Redirects::None { &[2, 3] } else { &[2] };
        let patterns = |key, OneOrMany(texts): OneOrMany<String>| {
            texts.iter().map(|text| pattern(key, text)).collect::<Result<Vec<_>, _>>()
        };
        if written.max_bytes.is_some_and(|bytes| bytes == 0 || bytes > MOST_BYTES) {
            return Err(SettingsError::at("expect.max_bytes", "it is from 1 to 67108864 (64 MiB)"));
        }
        Ok(Self {
            status: StatusSet::or(written.status, StatusSet::classes(default)),
            headers: header_must::expectations("expect.headers", written.headers)?,
            body: patterns("expect.body", written.body)?,
            not_body: patterns("expect.not_body", written.not_body)?,
            json: written
                .json
                .into_iter()
                .map(|(pointer, wanted)| json(pointer, wanted))
                .collect::<Result<_, _>>()?,
            max_bytes: written.max_bytes,
            version: written.version.map(|version| match version {
                Version::Http10 => "1.0",
                Version::Http11 => "1.1",
                Version::Http2 => "2",
            }),
        })
    }

    /// Whether judging needs the whole body.
    pub(super) fn reads_body(&self) -> bool {
        !(self.body.is_empty() && self.not_body.is_empty() && self.json.is_empty())
    }
}

fn pattern(key: &'static str, text: &str) -> Result<Regex, SettingsError> {
    Regex::new(text).map_err(|error| SettingsError::at(key, error.to_string()))
}

fn json(pointer: String, wanted: Value) -> Result<(String, JsonMust), SettingsError> {
    let key = "expect.json";
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(SettingsError::at(
            key,
            format!("`{pointer}` is no JSON Pointer: it starts with `/`, such as /status"),
        ));
    }
    if !wanted.is_object() {
        return Ok((pointer, JsonMust::Equal(wanted)));
    }
    let conditions: Conditions = serde_json::from_value(wanted).map_err(|error| {
        SettingsError::at(key, format!("the conditions for `{pointer}` are wrong: {error}"))
    })?;
    let matches = conditions.matches.map(|text| pattern(key, &text)).transpose()?;
    let Conditions { min, max, exists, .. } = conditions;
    if matches.is_none() && min.is_none() && max.is_none() && exists.is_none() {
        return Err(SettingsError::at(
            key,
            format!("`{pointer}` has no condition: write matches, min, max or exists"),
        ));
    }
    Ok((pointer, JsonMust::Hold { matches, min, max, exists }))
}

impl JsonMust {
    /// What is wrong with the value that stands there, and what was wanted.
    pub(super) fn fault(&self, found: Option<&Value>) -> Option<(String, String)> {
        let shown = |value: &Value| excerpt(&value.to_string(), 120);
        let saw = || found.map_or_else(|| "nothing stands there".to_owned(), shown);
        match self {
            Self::Equal(wanted) => {
                let same = found.is_some_and(|found| equal(found, wanted));
                (!same).then(|| (saw(), shown(wanted)))
            }
            Self::Hold { matches, min, max, exists } => {
                let wanted = match (found, exists) {
                    (Some(_), Some(false)) => Some("nothing there".to_owned()),
                    (None, Some(false)) => return None,
                    (None, _) => Some("a value there".to_owned()),
                    (Some(found), _) => {
                        unmatched(found, matches.as_ref()).or_else(|| outside(found, *min, *max))
                    }
                };
                wanted.map(|wanted| (saw(), wanted))
            }
        }
    }
}

/// Numbers are equal by value, at any depth: 1 is 1.0.
fn equal(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            let order = one.as_f64().zip(other.as_f64()).and_then(|(a, b)| a.partial_cmp(&b));
            order == Some(Ordering::Equal)
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(a, b)| equal(a, b))
        }
        (Value::Object(found), Value::Object(wanted)) => {
            found.len() == wanted.len()
                && wanted.iter().all(|(key, b)| found.get(key).is_some_and(|a| equal(a, b)))
        }
        _ => found == wanted,
    }
}

fn unmatched(found: &Value, matches: Option<&Regex>) -> Option<String> {
    let pattern = matches?;
    let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    (!pattern.is_match(&text)).then(|| format!("a value that matches `{pattern}`"))
}

fn outside(found: &Value, min: Option<f64>, max: Option<f64>) -> Option<String> {
    let number = found.as_f64();
    let below = min.filter(|min| number.is_none_or(|number| number < *min));
    let above = max.filter(|max| number.is_none_or(|number| number > *max));
    match (below, above) {
        (Some(min), _) => Some(format!("a number of {min} or more")),
        (None, Some(max)) => Some(format!("a number of {max} or less")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(wanted: &Value, found: Option<&Value>) -> Option<(String, String)> {
        let (_, must) = json("/a".to_owned(), wanted.clone()).unwrap();
        must.fault(found)
    }

    #[test]
    fn values_are_equal_or_hold_their_conditions() {
        use serde_json::json;
        for (wanted, found) in [
            (json!("ok"), json!("ok")),
            (json!(1), json!(1.0)),
            (json!([1, {"a": 2}]), json!([1.0, {"a": 2.0}])),
            (json!(u64::MAX), json!(u64::MAX)),
            (json!({"matches": "^v[0-9]"}), json!("v1")),
            (json!({"min": 1, "max": 3}), json!(3)),
            (json!({"exists": true}), json!(null)),
        ] {
            assert_eq!(fault(&wanted, Some(&found)), None, "{wanted} {found}");
        }
        assert_eq!(fault(&json!({"exists": false}), None), None);
        for (wanted, found) in [
            (json!("ok"), Some(json!("down"))),
            (json!("ok"), None),
            (json!(1), Some(json!("1"))),
            (json!(1e-20), Some(json!(2e-20))),
            (json!(9_007_199_254_740_993_u64), Some(json!(9_007_199_254_740_992_u64))),
            (json!([1]), Some(json!([1, 2]))),
            (json!([1, 2]), Some(json!([1]))),
            (json!({"matches": "^v"}), Some(json!("1"))),
            (json!({"min": 1}), Some(json!(0))),
            (json!({"max": 1}), Some(json!("many"))),
            (json!({"exists": false}), Some(json!(1))),
            (json!({"min": 1}), None),
        ] {
            assert!(fault(&wanted, found.as_ref()).is_some(), "{wanted} {found:?}");
        }
    }

    #[test]
    fn what_cannot_be_expected_is_said_at_once() {
        for (text, key) in [
            (r#"{"body": "("}"#, "expect.body"),
            (r#"{"not_body": ["a", "["]}"#, "expect.not_body"),
            (r#"{"headers": {"a b": true}}"#, "expect.headers"),
            (r#"{"json": {"status": "ok"}}"#, "expect.json"),
            (r#"{"json": {"/a": {"minimum": 1}}}"#, "expect.json"),
            (r#"{"json": {"/a": {}}}"#, "expect.json"),
            (r#"{"max_bytes": 0}"#, "expect.max_bytes"),
        ] {
            let written = serde_json::from_str(text).unwrap();
            let error = Expectations::new(written, Redirects::Follow).err().expect(text);
            assert_eq!(error.key, Some(key), "{text}");
        }
    }
}
