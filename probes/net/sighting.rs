//! What passing exchanges showed of a service, for probes that need not ask again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::net::caching;
use crate::net::origin::Origin;

/// A service remembers at most so many exchanges.
pub const MOST: usize = 64;

/// Of a header's value, so many characters are remembered.
const LONGEST_VALUE: usize = 256;

/// Of one on limits, so many.
const LONGEST_LIMITS: usize = 1024;

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
pub struct Sightings(Mutex<VecDeque<Kept>>);

/// An exchange as it is kept: every service keeps many, and most are alike.
#[derive(Debug)]
struct Kept {
    place: Arc<Place>,
    status: u16,
    headers: Headers,
    at: Timestamp,
}

/// What was asked.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    origin: Origin,
    method: String,
    path: String,
}

/// Headers in one piece of memory: a line each, the name up to the first colon. Neither may hold a
/// line's end (RFC 9110 section 5.5), and no name holds a colon.
#[derive(Debug)]
struct Headers(Box<str>);

impl Sightings {
    /// Remembers one. Beyond the bound the oldest goes that has a later one of its like, so that
    /// what is asked often does not push out what is asked seldom.
    pub fn note(&self, sighting: Sighting) {
        let Sighting { origin, method, path, status, headers, at } = sighting;
        let place = Place { origin, method, path };
        let mut latest = self.0.lock().expect("no panic under this lock");
        let known = latest.iter().rev().find(|kept| *kept.place == place);
        let place = known.map_or_else(|| Arc::new(place), |kept| Arc::clone(&kept.place));
        if latest.len() == MOST {
            let outdated = (0..latest.len()).find(|index| {
                let old = &latest[*index].place;
                let mut newer = latest.range(index + 1..).map(|kept| &kept.place);
                Arc::ptr_eq(old, &place) || newer.any(|new| Arc::ptr_eq(old, new))
            });
            latest.remove(outdated.unwrap_or(0));
        }
        latest.push_back(Kept { place, status, headers: Headers::of(&headers), at });
    }

    /// Takes over what others remember, as long as nothing is remembered here.
    pub(super) fn follow(&self, before: &Self) {
        if std::ptr::eq(self, before) {
            return;
        }
        let taken = std::mem::take(&mut *before.0.lock().expect("no panic under this lock"));
        let mut latest = self.0.lock().expect("no panic under this lock");
        if latest.is_empty() {
            *latest = taken;
        }
    }

    /// A copy, the oldest first.
    pub fn all(&self) -> Vec<Sighting> {
        self.0.lock().expect("no panic under this lock").iter().map(Kept::whole).collect()
    }
}

impl Kept {
    fn whole(&self) -> Sighting {
        let Place { origin, method, path } = &*self.place;
        Sighting {
            origin: origin.clone(),
            method: method.clone(),
            path: path.clone(),
            status: self.status,
            headers: self.headers.pairs(),
            at: self.at,
        }
    }
}

impl Headers {
    fn of(headers: &[(String, String)]) -> Self {
        let lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        Self(lines.join("\n").into())
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let lines = self.0.split('\n').filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// The headers that others may use.
pub fn telling(headers: &[(String, String)]) -> Vec<(String, String)> {
    const NAMES: [&str; 6] = ["age", "cache-control", "date", "etag", "retry-after", "vary"];
    let limits = |name: &str| name.contains("ratelimit") || name.contains("rate-limit");
    headers
        .iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            NAMES.contains(&name) || caching::STATUSES.contains(&name) || limits(name)
        })
        .map(|(name, value)| {
            // Half a list of limits is no list.
            let most = if limits(name) { LONGEST_LIMITS } else { LONGEST_VALUE };
            (name.clone(), value.chars().take(most).collect())
        })
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

    #[test]
    fn a_list_of_many_limits_is_kept_whole() {
        let limits = ["\"policy\";q=1000;w=86400;pk=:YWJjZGVmZ2hpams=:"; 8].join(", ");
        let header = |name: &str| (name.to_owned(), limits.clone());
        let kept = telling(&[header("ratelimit-policy"), header("vary")]);
        assert_eq!(kept[0].1, limits);
        assert_eq!(kept[1].1.len(), LONGEST_VALUE);
    }

    #[test]
    fn what_is_remembered_is_what_was_seen() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let sightings = Sightings::default();
        let seen: Vec<Sighting> = [("/a", 200), ("/b", 429), ("/a", 503)]
            .map(|(path, status)| Sighting {
                origin: Origin { scheme: "http".into(), host: "a".into(), port: 80 },
                method: "GET".into(),
                path: path.into(),
                status,
                headers: vec![
                    header("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                    header("retry-after", ""),
                    header("ratelimit", "\"default\";r=50;t=30"),
                ],
                at: Timestamp::UNIX_EPOCH,
            })
            .into();
        for sighting in &seen {
            sightings.note(sighting.clone());
        }
        assert_eq!(sightings.all(), seen);
        let later = Sightings::default();
        later.follow(&sightings);
        later.follow(&sightings);
        later.follow(&later);
        assert_eq!(later.all(), seen, "a new configuration forgets nothing");
    }
}
