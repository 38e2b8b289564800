//! What one JSON object or value states of itself, under whatever keys.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::age::{self, MILLI};
use super::reading::Stated;
use super::vocabulary::{level, level_of_bool, level_of_flag, level_of_status};

/// Keys that state health.
pub(super) const STATUS: [&str; 6] = ["status", "state", "health", "healthy", "ishealthy", "ok"];

/// Keys that state health when no other of the object does.
pub(super) const STATUS_ELSE: [&str; 9] =
    ["alive", "live", "ready", "up", "available", "connected", "reachable", "success", "result"];

/// Keys of the moment at which the answer was made.
pub(super) const TIMESTAMP: [&str; 7] =
    ["timestamp", "time", "date", "now", "checkedat", "lastchecked", "updatedat"];

/// Keys that tell of a build.
const BUILD: [&str; 7] = ["version", "commit", "gitcommit", "sha", "revision", "build", "tag"];

/// Keys of how long a component took.
const LATENCY: [&str; 6] =
    ["responsetime", "latency", "duration", "elapsed", "elapsedtime", "roundtriptime"];

/// Suffixes of a key that say what its number counts.
const UNITS: [(&str, f64); 8] = [
    ("", MILLI),
    ("ms", MILLI),
    ("millis", MILLI),
    ("milliseconds", MILLI),
    ("s", 1.0),
    ("sec", 1.0),
    ("seconds", 1.0),
    ("us", 1e-6),
];

/// A key without letter case, `_`, `-` and spaces: `responseTime` and `response_time` are one.
pub(super) fn fold(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).take(64).map(|c| c.to_ascii_lowercase()).collect()
}

/// An object whose keys are compared folded.
pub(super) struct Object<'a>(pub(super) Vec<(String, &'a str, &'a Value)>);

impl<'a> Object<'a> {
    pub(super) fn new(map: &'a Map<String, Value>) -> Self {
        Self(map.iter().map(|(key, value)| (fold(key), key.as_str(), value)).collect())
    }

    pub(super) fn get(&self, folded: &str) -> Option<&'a Value> {
        self.0.iter().find(|(key, ..)| key == folded).map(|(.., value)| *value)
    }

    pub(super) fn object(&self, folded: &str) -> Option<Object<'a>> {
        self.get(folded)?.as_object().map(Object::new)
    }

    /// What the object says of itself. Where several keys speak the worst of them counts, and
    /// one that is not understood only when no other is.
    pub(super) fn stated(&self) -> Option<Stated> {
        let among = |keys: &[&str]| {
            keys.iter()
                .filter_map(|key| statement(key, self.get(key)?))
                .reduce(|held, other| if other.level > held.level { other } else { held })
        };
        match among(&STATUS) {
            Some(stated) if stated.level.is_some() => Some(stated),
            stated => among(&STATUS_ELSE).filter(|other| other.level.is_some()).or(stated),
        }
    }

    /// A response time in seconds: from a key that says so, or from the health draft's
    /// `observedValue` when its `observedUnit` or its measurement's name is one of time.
    pub(super) fn latency(&self, measurement: &str) -> Option<f64> {
        let named = |object: &Object<'_>| {
            object.0.iter().find_map(|(key, _, value)| {
                let suffix = LATENCY.iter().find_map(|name| key.strip_prefix(name))?;
                let (_, unit) = UNITS.iter().find(|(name, _)| *name == suffix)?;
                age::length(value, *unit)
            })
        };
        let observed = || {
            if measurement == "uptime" {
                return None;
            }
            let unit = self.get("observedunit").and_then(Value::as_str);
            let timed = LATENCY.iter().any(|name| measurement.starts_with(name));
            let unit = match unit {
                Some(unit) => age::unit_of(unit)?,
                None if timed => MILLI,
                None => return None,
            };
            age::length(self.get("observedvalue")?, unit)
        };
        named(self)
            .or_else(observed)
            .or_else(|| ["data", "details"].iter().find_map(|key| named(&self.object(key)?)))
    }

    /// What a message states that is one word of health: `{"message": "OK"}`.
    pub(super) fn said(&self) -> Option<Stated> {
        ["message", "msg"].iter().find_map(|key| {
            let text = self.get(key)?.as_str()?;
            level(text).is_some().then(|| Stated::of(text))
        })
    }

    /// The moment at which the answer was made. Beside a version, `date` is that of the build.
    pub(super) fn moment(&self) -> Option<Timestamp> {
        let built = BUILD.iter().any(|key| self.get(key).is_some());
        TIMESTAMP
            .iter()
            .filter(|key| !(built && **key == "date"))
            .find_map(|key| age::moment(self.get(key)?))
    }

    pub(super) fn uptime(&self) -> Option<f64> {
        self.0.iter().find_map(|(key, _, value)| {
            let suffix = key.strip_prefix("uptime")?;
            let (_, unit) = UNITS.iter().find(|(name, _)| *name == suffix)?;
            // Without a unit in its name an uptime is in seconds, as Node's process.uptime() is.
            age::length(value, if suffix.is_empty() { 1.0 } else { *unit })
        })
    }
}

/// What the value of a status key states.
///
/// A number under `status` may be an HTTP status; elsewhere 1 and 0 are flags under the keys
/// that always mean health and counts under the others.
pub(super) fn statement(key: &str, value: &Value) -> Option<Stated> {
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => {
            let mut stated = Stated::of(text);
            if key == "status" && stated.is_http_status() {
                stated.level = stated.word.parse().ok().and_then(level_of_status);
            }
            Some(stated)
        }
        Value::Bool(up) => Some(Stated { word: up.to_string(), level: Some(level_of_bool(*up)) }),
        Value::Number(number) => {
            let whole = number.as_i64()?;
            let level = match key {
                "status" => level_of_status(whole),
                _ if STATUS.contains(&key) => Some(level_of_flag(whole)?),
                _ => return None,
            };
            Some(Stated { word: whole.to_string(), level })
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn keys_are_compared_folded() {
        for key in ["responseTime", "response_time", "Response-Time", "RESPONSETIME"] {
            assert_eq!(fold(key), "responsetime");
        }
    }
}
