//! Durations as people write them: `250ms`, `30s`, `1h 30m`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration in a configuration, in the notation of humantime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dur(pub Duration);

impl Dur {
    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }
}

impl std::fmt::Display for Dur {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

impl Serialize for Dur {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dur {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Dur;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a duration with its unit, such as 500ms, 30s or 1h 30m")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Dur, E> {
                humantime::parse_duration(text)
                    .map(Dur)
                    .map_err(|error| E::custom(format!("`{text}` is no duration: {error}")))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Dur {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration with its unit: 500ms, 30s, 1h 30m.",
            "pattern": r"^\s*(\d+(\.\d+)?\s*[a-zA-Zµ]+\s*)+$",
        })
    }
}

/// A duration as reports show it: three digits at the most, with a unit that fits.
pub fn brief(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 0.001 {
        format!("{} µs", duration.as_micros())
    } else if seconds < 0.01 {
        format!("{:.1} ms", seconds * 1e3)
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else if seconds < 7200.0 {
        format!("{:.0} min", seconds / 60.0)
    } else if seconds < 172_800.0 {
        format!("{:.0} h", seconds / 3600.0)
    } else {
        format!("{:.0} days", seconds / 86_400.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, milliseconds) in [("500ms", 500), ("30s", 30_000), ("1h 30m", 5_400_000)] {
            let read: Dur = serde_json::from_value(text.into()).unwrap();
            assert_eq!(read, Dur::from_millis(milliseconds), "{text}");
        }
    }

    #[test]
    fn a_number_without_a_unit_is_refused_with_an_example() {
        let error = serde_json::from_value::<Dur>(serde_json::json!(30)).unwrap_err().to_string();
        assert!(error.contains("such as 500ms"), "{error}");
        let error = serde_json::from_value::<Dur>("30".into()).unwrap_err().to_string();
        assert!(error.contains("`30` is no duration"), "{error}");
    }

    #[test]
    fn reports_show_durations_briefly() {
        for (microseconds, text) in [
            (40, "40 µs"),
            (1_250, "1.2 ms"),
            (43_000, "43 ms"),
            (1_500_000, "1.5 s"),
            (30_000_000, "30 s"),
            (600_000_000, "10 min"),
        ] {
            assert_eq!(brief(Duration::from_micros(microseconds)), text);
        }
    }
}
