//! `Set-Cookie` (RFC 6265bis section 5.6): everything but the value, which is nobody's business.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Of a cookie, so many attributes are kept.
const MOST_ATTRIBUTES: usize = 32;

/// Attributes longer than this many bytes are ignored, as browsers do.
const LONGEST_ATTRIBUTE: usize = 1024;

/// A cookie that an answer sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cookie {
    /// Its name, which may be empty.
    pub(crate) name: String,
    /// How long its value is, in bytes.
    pub(crate) length: usize,
    /// Whether the value has the shape of a JSON Web Token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) jwt: bool,
    /// Whether a pair was written at all: `name=value` and not `value` alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) nameless: bool,
    /// Names in lower case, and values as they came.
    pub(crate) attributes: Vec<(String, String)>,
}

impl Cookie {
    /// Reads a header line.
    pub(crate) fn parse(line: &str) -> Self {
        let mut parts = line.split(';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let (name, value) = (name.trim(), value.trim());
        let attributes = parts
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
            .filter(|(name, value)| {
                !name.is_empty()
                    && name.len() <= LONGEST_ATTRIBUTE
                    && value.len() <= LONGEST_ATTRIBUTE
            })
            .take(MOST_ATTRIBUTES)
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        Self {
            name: name.to_owned(),
            length: value.len(),
            jwt: is_jwt(value),
            nameless: !pair.contains('='),
            attributes,
        }
    }

    /// The last value of an attribute, whose name is given in lower case.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.attribute("secure").is_some()
    }

    pub(crate) fn is_http_only(&self) -> bool {
        self.attribute("httponly").is_some()
    }

    /// In lower case, without the dot of old; `None` when the cookie is its host's alone.
    pub(crate) fn domain(&self) -> Option<String> {
        let domain = self.attribute("domain")?;
        let domain = domain.strip_prefix('.').unwrap_or(domain);
        (!domain.is_empty()).then(|| domain.to_ascii_lowercase())
    }

    /// Whether it takes a cookie away instead of setting one.
    pub(crate) fn is_removal(&self, at: Timestamp) -> bool {
        if let Some(seconds) = self.attribute("max-age").and_then(|text| text.parse::<i64>().ok()) {
            return seconds <= 0;
        }
        self.attribute("expires").is_some_and(|text| is_past(text, at))
    }
}

/// Without its value.
impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=…", self.name)?;
        for (name, value) in &self.attributes {
            match value.as_str() {
                "" => write!(f, "; {name}")?,
                value => write!(f, "; {name}={value}")?,
            }
        }
        Ok(())
    }
}

/// Dates of cookies are written in many ways; what cannot be read is taken for the future.
fn is_past(text: &str, at: Timestamp) -> bool {
    // The day of the week counts for nothing (RFC 6265 section 5.1.1), and is often wrong.
    let date = text.split_once(',').map_or(text, |(_, date)| date);
    let spaced = date.replace('-', " ");
    let parsed =
        jiff::fmt::rfc2822::parse(&spaced.replace(" GMT", " +0000").replace(" UTC", " +0000"));
    match parsed {
        Ok(time) => time.timestamp() <= at.max(Timestamp::UNIX_EPOCH),
        Err(_) => spaced.split(' ').any(|word| word == "1970"),
    }
}

/// Three parts of base64url, the first of which begins as `{"` does.
fn is_jwt(value: &str) -> bool {
    let mut parts = value.split('.');
    let part = |text: Option<&str>| {
        text.is_some_and(|text| {
            text.len() > 3
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
    };
    value.starts_with("eyJ")
        && part(parts.next())
        && part(parts.next())
        && part(parts.next())
        && parts.next().is_none()
}
