//! Sets of HTTP status codes: `200`, `2xx`, `200-299`.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::one_or_many::OneOrMany;

/// A status code, a class or a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statuses {
    first: u16,
    last: u16,
}

/// The status codes that are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet(Vec<Statuses>);

impl StatusSet {
    /// All of these classes, such as 2 for 2xx.
    pub fn classes(classes: &[u16]) -> Self {
        let class = |class: &u16| Statuses { first: class * 100, last: class * 100 + 99 };
        Self(classes.iter().map(class).collect())
    }

    /// One code and no other.
    pub fn only(status: u16) -> Self {
        Self(vec![Statuses { first: status, last: status }])
    }

    /// What a user wrote, or `default` where nothing was written.
    pub fn or(written: Option<OneOrMany<Statuses>>, default: Self) -> Self {
        match written {
            Some(OneOrMany(statuses)) if !statuses.is_empty() => Self(statuses),
            _ => default,
        }
    }

    /// Whether a status code is accepted.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|part| (part.first..=part.last).contains(&status))
    }

    /// Whether every accepted status code is one of these.
    pub fn is_within(&self, codes: RangeInclusive<u16>) -> bool {
        self.0.iter().all(|part| codes.contains(&part.first) && codes.contains(&part.last))
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" or ")?;
            }
            match (part.first, part.last) {
                (first, last) if first == last => write!(f, "{first}")?,
                (first, last) if first % 100 == 0 && last == first + 99 => {
                    write!(f, "{}xx", first / 100)?;
                }
                (first, last) => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Statuses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no status: write 200, 2xx or 200-299");
        let code = |text: &str| {
            text.trim().parse().ok().filter(|code| (100..=599).contains(code)).ok_or_else(wrong)
        };
        let text = text.trim();
        if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
            let class: u16 = class.parse().map_err(|_| wrong())?;
            let first = code(&format!("{class}00"))?;
            return Ok(Self { first, last: first + 99 });
        }
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (code(first)?, code(last)?),
            None => (code(text)?, code(text)?),
        };
        if first > last { Err(wrong()) } else { Ok(Self { first, last }) }
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Statuses;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status such as 200, 2xx or 200-299")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Statuses, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, code: u64) -> Result<Statuses, E> {
                code.to_string().parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, code: i64) -> Result<Statuses, E> {
                code.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Statuses {
    fn schema_name() -> Cow<'static, str> {
        "Status".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A status code, a class or a range: 200, 2xx, 200-299.",
            "anyOf": [
                {"type": "integer", "minimum": 100, "maximum": 599},
                {"type": "string", "pattern": "^([1-5]xx|[1-5][0-9]{2}(-[1-5][0-9]{2})?)$"},
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_classes_and_ranges_are_read_and_shown() {
        let written: OneOrMany<Statuses> =
            serde_json::from_str(r#"[200, "3xx", "401-403"]"#).unwrap();
        let set = StatusSet::or(Some(written), StatusSet::classes(&[2]));
        assert_eq!(set.to_string(), "200 or 3xx or 401-403");
        for (status, accepted) in
            [(200, true), (201, false), (399, true), (402, true), (404, false)]
        {
            assert_eq!(set.contains(status), accepted, "{status}");
        }
    }

    #[test]
    fn what_is_no_status_is_refused() {
        for wrong in ["99", "600", "6xx", "0xx", "300-200", "ok", "-1", "2x"] {
            assert!(wrong.parse::<Statuses>().is_err(), "{wrong}");
        }
    }
}
