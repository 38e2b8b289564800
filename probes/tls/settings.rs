//! What the user writes under `tls:`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::starttls::Protocol;
use super::wire::version::Version;

/// Where TLS is spoken, how thoroughly to look, and what to hold it to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The port; by default that of the service's URL, or of the protocol in `starttls`.
    #[schemars(range(min = 1))]
    pub(super) port: Option<u16>,
    /// The name to ask for and to verify, instead of the service's.
    pub(super) server_name: Option<String>,
    /// The protocol that begins in plain text and changes to TLS when it is asked to.
    pub(super) starttls: Option<Protocol>,
    /// Which addresses of the host to look at: the first that answers, or each of them.
    pub(super) addresses: Addresses,
    /// `full` lists every cipher suite of every version, once a day.
    pub(super) depth: Depth,
    /// The oldest version that may be spoken: `1.0`, `1.1`, `1.2` or `1.3`; by default 1.2.
    pub(super) min_version: MinVersion,
    /// Also ask DNS whether the domain's CAA records let the certificate's authority issue the next
    /// one.
    pub(super) caa: bool,
    /// Mozilla's profile to compare with; by default `intermediate`, for information.
    pub(super) profile: Option<ProfileName>,
}

/// Which addresses of the host to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Addresses {
    /// The first that answers.
    #[default]
    First,
    /// Each of them, at most eight.
    All,
}

/// How thoroughly to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// At most twenty connections beside the ordinary ones.
    #[default]
    Default,
    /// Every cipher suite, at most 400 connections, once a day.
    Full,
}

/// A profile of Mozilla's guidelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileName {
    /// TLS 1.3 alone.
    Modern,
    /// TLS 1.2 and 1.3 with sound suites.
    Intermediate,
    /// For clients of the last century.
    Old,
}

impl ProfileName {
    /// The word in the configuration and in the catalogue.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::Intermediate => "intermediate",
            Self::Old => "old",
        }
    }
}

/// The oldest version that may be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinVersion(pub(super) Version);

impl Default for MinVersion {
    fn default() -> Self {
        Self(Version::Tls12)
    }
}

impl MinVersion {
    fn of(text: &str) -> Option<Self> {
        let number = text.trim().to_ascii_lowercase();
        let number = number.strip_prefix("tls").unwrap_or(&number).trim_start_matches(['v', ' ']);
        let version = match number {
            "1.0" | "1" => Version::Tls10,
            "1.1" => Version::Tls11,
            "1.2" => Version::Tls12,
            "1.3" => Version::Tls13,
            _ => return None,
        };
        Some(Self(version))
    }
}

impl<'de> Deserialize<'de> for MinVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = MinVersion;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a version of TLS: 1.0, 1.1, 1.2 or 1.3")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<MinVersion, E> {
                MinVersion::of(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            // YAML reads 1.2 as a number.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<MinVersion, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<MinVersion, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<MinVersion, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for MinVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TlsVersion".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A version of TLS: 1.0, 1.1, 1.2 or 1.3.",
            "enum": ["1.0", "1.1", "1.2", "1.3", 1.0, 1.1, 1.2, 1.3],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_people_write_them() {
        for (json, version) in [
            ("1.2", Version::Tls12),
            ("1", Version::Tls10),
            ("1.0", Version::Tls10),
            (r#""1.3""#, Version::Tls13),
            (r#""TLSv1.1""#, Version::Tls11),
            (r#""tls 1.2""#, Version::Tls12),
        ] {
            let read: MinVersion = serde_json::from_str(json).unwrap();
            assert_eq!(read.0, version, "{json}");
        }
        for wrong in ["1.4", r#""SSLv3""#, "true", "12"] {
            let error = serde_json::from_str::<MinVersion>(wrong).unwrap_err().to_string();
            assert!(error.contains("1.0, 1.1, 1.2 or 1.3"), "{error}");
        }
    }
}
