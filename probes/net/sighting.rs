//! What passing exchanges showed of a service, for probes that need not ask again.

use std::collections::VecDeque;
use std::sync::Mutex;

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
    /// Remembers one. Beyond the bound the oldest goes that has a later one of its like, so that
    /// what is asked often does not push out what is asked seldom.
    pub fn note(&self, sighting: Sighting) {
        let mut latest = self.0.lock().expect("no panic under this lock");
        if latest.len() == MOST {
            let outdated = (0..latest.len()).find(|index| {
                let old = &latest[*index];
                latest.range(index + 1..).chain([&sighting]).any(|new| old.is_like(new))
            });
            latest.remove(outdated.unwrap_or(0));
        }
        latest.push_back(sighting);
    }

    /// A copy, the oldest first.
    pub fn all(&self) -> Vec<Sighting> {
        self.0.lock().expect("no panic under this lock").iter().cloned().collect()
    }
}

impl Sighting {
    fn is_like(&self, other: &Self) -> bool {
        self.path == other.path && self.method == other.method && self.origin == other.origin
    }
}

/// The headers that others may use.
pub fn telling(headers: &[(String, String)]) -> Vec<(String, String)> {
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
        .map(|(name, value)| (name.clone(), value.chars().take(LONGEST_VALUE).collect()))
        .take(32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_often_does_not_push_out_what_is_asked_seldom() {
        let sightings = Sightings::default();
        let seen = |path: &str| Sighting {
            origin: Origin { scheme: "http".into(), host: "a".into(), port: 80 },
            method: "GET".into(),
            path: path.into(),
            status: 200,
            headers: Vec::new(),
            at: Timestamp::UNIX_EPOCH,
        };
        sightings.note(seen("/seldom"));
        for _ in 0..3 * MOST {
            sightings.note(seen("/often"));
        }
        let all = sightings.all();
        assert_eq!(all.len(), MOST);
        assert_eq!(all[0].path, "/seldom");
    }
}
