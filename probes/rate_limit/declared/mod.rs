//! What an answer says of its limits, in whichever of the many header generations it says it.

mod legacy;
mod moment;
mod prose;
mod structured;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

pub(super) use moment::{Delay, Notation, epoch_seconds};
use moment::{Now, retry_after};

/// At most so many policies of one answer are read.
const MOST: usize = 16;

/// The field family that a policy was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Generation {
    /// `X-RateLimit-*` and its spellings, which no specification ever described.
    Legacy,
    /// `RateLimit-Limit`, `-Remaining` and `-Reset` (draft-ietf-httpapi-ratelimit-headers-00 to 06).
    Draft6,
    /// `RateLimit: limit=, remaining=, reset=` (draft 07).
    Draft7,
    /// `RateLimit: "name";r=;t=` and `RateLimit-Policy: "name";q=;w=` (draft 08 to 10).
    Draft8,
    /// Words of the body.
    Prose,
}

impl Generation {
    /// As findings name it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "X-RateLimit-*",
            Self::Draft6 => "RateLimit-* (draft 6)",
            Self::Draft7 => "RateLimit (draft 7)",
            Self::Draft8 => "RateLimit (draft 8)",
            Self::Prose => "the body",
        }
    }
}

/// One limit, as an answer declares it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Policy {
    /// Its name or suffix; empty where it has none.
    pub(super) name: String,
    pub(super) generation: Generation,
    /// How many requests a window admits.
    pub(super) limit: Option<f64>,
    /// How many are left.
    pub(super) remaining: Option<f64>,
    /// The window in seconds.
    pub(super) window: Option<f64>,
    /// When there is more again.
    pub(super) reset: Option<Delay>,
    /// The partition key (draft 8), as its bytes.
    pub(super) partition: Option<Vec<u8>>,
    /// Whether requests are what is counted, and not bytes or tokens.
    pub(super) counts_requests: bool,
}

impl Policy {
    fn new(generation: Generation, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            generation,
            limit: None,
            remaining: None,
            window: None,
            reset: None,
            partition: None,
            counts_requests: true,
        }
    }

    /// Which part of the limit is left: the policy with the smallest binds.
    fn share(&self) -> f64 {
        match (self.remaining, self.limit) {
            (Some(remaining), Some(limit)) if limit > 0.0 => remaining / limit,
            _ => 1.0,
        }
    }
}

/// Everything that one answer says of its limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Declared {
    /// At most [`MOST`].
    pub(super) policies: Vec<Policy>,
    /// `Retry-After`.
    pub(super) retry_after: Option<Delay>,
    /// Names of fields that hint at a wait and that no client knows, such as `Retry-After-short`.
    pub(super) odd_hints: Vec<String>,
    /// Fields that could not be read.
    pub(super) malformed: Vec<String>,
}

impl Declared {
    /// Reads an answer's header fields, names in lower case. Times count from the answer's own
    /// `Date` where it has one, because the clock that wrote the reset wrote that too.
    pub(super) fn read(headers: &[(String, String)], received: Timestamp) -> Self {
        let date = headers
            .iter()
            .find(|(name, _)| name == "date")
            .and_then(|(_, value)| crate::health::http_date(value));
        let now = Now::new(date, received);
        let mut declared = Self::default();
        structured::read(headers, &mut declared);
        legacy::read(headers, now, &mut declared);
        for (name, value) in headers {
            if name == "retry-after" {
                match retry_after(value, now) {
                    Some(delay) => declared.retry_after = Some(delay),
                    None => declared.malformed.push(name.clone()),
                }
            } else if name.starts_with("retry-after-") {
                declared.odd_hints.push(name.clone());
            }
        }
        // Gateways write -1 for whoever has no limit.
        declared.policies.retain(|policy| policy.limit.is_none_or(|limit| limit >= 0.0));
        declared.policies.truncate(MOST);
        declared
    }

    /// Adds what the body's words say, where the header fields say nothing.
    pub(super) fn with_body(mut self, body: &str) -> Self {
        if self.policies.is_empty() {
            self.policies.extend(prose::policy(body));
        }
        self
    }

    /// Whether anything says how many requests are allowed or left.
    pub(super) fn says_something(&self) -> bool {
        self.policies
            .iter()
            .any(|p| p.counts_requests && (p.limit.is_some() || p.remaining.is_some()))
    }

    /// The policy to follow: the one that was configured where one is like it, else the one that
    /// binds first. Later generations of the same policy say more and win.
    pub(super) fn leading(&self, limit: Option<f64>, window: Option<f64>) -> Option<&Policy> {
        let near = |a: Option<f64>, b: Option<f64>| matches!((a, b), (Some(a), Some(b)) if (a - b).abs() < 0.5);
        let closeness = |p: &Policy| {
            u8::from(!near(p.limit, limit)) + u8::from(window.is_some() && !near(p.window, window))
        };
        self.policies
            .iter()
            .filter(|p| p.counts_requests && (p.limit.is_some() || p.remaining.is_some()))
            .min_by(|a, b| {
                let configured = if limit.is_some() {
                    closeness(a).cmp(&closeness(b))
                } else {
                    std::cmp::Ordering::Equal
                };
                configured
                    .then(a.share().total_cmp(&b.share()))
                    .then(b.window.is_some().cmp(&a.window.is_some()))
                    .then(b.generation.cmp(&a.generation))
            })
    }
}
