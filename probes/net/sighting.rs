//! What passing exchanges showed of a service, for probes that need not ask again.

use std::collections::VecDeque;
use std::sync::Mutex;

use http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::net::origin::Origin;

/// A service remembers at most so many exchanges.
pub const MOST: usize = 64;

/// Of a header's value, so many characters are remembered.
const LONGEST_VALUE: usize = 256;

/// Of a path, so many characters are remembered.
pub const LONGEST_PATH: usize = 1024;

/// One exchange of a service, as far as others may use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Where.
    pub origin: Origin,
    /// With which method.
    pub method: String,
    /// Of which path, without the query.
    pub path: String,
    /// What was answered.
    pub status: u16,
    /// Its headers on rate limits and caching.
    pub headers: Vec<(String, String)>,
    /// When.
    pub at: Timestamp,
}

/// The latest exchanges of one service.
#[derive(Debug, Default)]
pub struct Sightings(Mutex<VecDeque<Sighting>>);

impl Sightings {
    /// Remembers one, and forgets the oldest beyond the bound.
    pub fn note(&self, sighting: Sighting) {
        let mut latest = self.0.lock().expect("no panic under this lock");
        if latest.len() == MOST {
            latest.pop_front();
        }
        latest.push_back(sighting);
    }

    /// A copy, the oldest first.
    pub fn all(&self) -> Vec<Sighting> {
        self.0.lock().expect("no panic under this lock").iter().cloned().collect()
    }

    /// Whether one matches, without copying any.
    pub fn any(&self, matches: impl Fn(&Sighting) -> bool) -> bool {
        self.0.lock().expect("no panic under this lock").iter().any(matches)
    }
}

/// The headers that others may use.
pub fn telling(headers: &HeaderMap) -> Vec<(String, String)> {
    const NAMES: [&str; 8] = [
        "age",
        "cache-control",
        "cf-cache-status",
        "date",
        "etag",
        "retry-after",
        "vary",
        "x-cache",
    ];
    headers
        .iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            NAMES.contains(&name) || name.contains("ratelimit") || name.contains("rate-limit")
        })
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.chars().take(LONGEST_VALUE).collect())
        })
        .take(32)
        .collect()
}
