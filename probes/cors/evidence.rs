//! What one run saw: requests in their order, and of each answer what browsers and caches read.

use serde::{Deserialize, Serialize};

use super::fetch::{self, Asked, Power};
use super::firewall;
use super::mutation::Mutation;
use crate::headers::field::cache;
use crate::net::exchange::{self, Exchange};
use crate::net::failure::Failure;
use crate::text::excerpt;

/// Of an answer's headers, so many characters are kept: lists of allowed headers are long, and a
/// list that is cut is another list.
const LONGEST: usize = 16 * 1024;

/// Of an answer's headers, so many are kept.
const MOST_HEADERS: usize = 64;

/// What one run saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The service's own origin.
    pub(super) own: String,
    /// Every request, in order.
    pub(super) shots: Vec<Shot>,
    /// Why the run ended before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stopped: Option<Stop>,
    /// Whether foreign origins were consented to.
    pub(super) foreign: bool,
    /// How far the run went beyond the canary.
    pub(super) reach: Reached,
    /// Where this run ended, for the next one.
    #[serde(default)]
    pub(super) place: Place,
    /// Whether a path that does not exist is answered in the same way; `None` when that was not
    /// asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) alike: Option<bool>,
}

/// Where a run ended: what is longer than one run goes on there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// Which of the allowed origins comes next.
    pub(super) turn: usize,
    /// A canary had no room for a stranger's preflight: in the next one it comes first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) owed: bool,
    /// Which step of full depth comes next; `None` before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) step: Option<usize>,
}

/// How far a run went beyond the canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reached {
    /// The canary is all that is configured.
    Canary,
    /// Full depth is configured, and this was not the run of the day for it.
    NotDue,
    /// Full depth.
    Full {
        /// Ways around that wait for the next such run.
        left: usize,
    },
    /// Full depth is needless: every origin is allowed as it is.
    Needless,
    /// Full depth is pointless: what answers is not the endpoint, or not well.
    Pointless,
}

/// One request and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Shot {
    /// What it was for.
    pub(super) role: Role,
    /// The `Origin` that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<String>,
    /// What was asked for, of a preflight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<Asked>,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Answer>,
    /// Why nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
    /// Sent when the target was perhaps not well any more: what it refused proves nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) void: bool,
}

/// What a request was for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// The request without an origin.
    Plain,
    /// The same again, with a query as requests of strangers have it.
    Control,
    /// A page that may read the answer.
    Allowed,
    /// A page of a stranger.
    Foreign,
    /// A sandboxed frame.
    Null,
    /// A page whose origin resembles an allowed one.
    Mutated(Mutation),
    /// A path that does not exist.
    Absent,
}

/// What browsers and caches read of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case, in order: what decides on origins, caches and redirects.
    pub(super) headers: Vec<(String, String)>,
    /// The firewall whose page it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) blocked_by: Option<String>,
}

/// Why a run ended before its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stop {
    /// The target asks to be left alone.
    Refused {
        /// Its words.
        saw: String,
    },
    /// A shared cache answered a stranger's request: it could keep what others get.
    Cached {
        /// The header that shows it.
        header: String,
    },
    /// The plain request is answered worse than at the start.
    Worse {
        /// Then and now.
        saw: String,
    },
    /// Three requests in a row were not answered.
    Lost,
    /// The request did something: it was answered 2xx, and its method changes things.
    NotInert {
        /// The status.
        status: u16,
    },
}

impl Shot {
    pub(super) fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.status)
    }

    pub(super) fn is_preflight(&self) -> bool {
        self.asked.is_some()
    }

    /// Whether a stranger's origin was sent.
    pub(super) fn is_foreign(&self) -> bool {
        matches!(self.role, Role::Foreign | Role::Null | Role::Mutated(_))
    }

    /// What the page of its origin can do with its answer.
    pub(super) fn power(&self) -> Power {
        match (&self.origin, &self.answer) {
            (Some(origin), Some(answer)) => fetch::granted(origin, &answer.headers),
            _ => Power::None,
        }
    }

    /// Whether its answer, of which nothing was allowed, proves that nothing is.
    pub(super) fn is_settled(&self) -> bool {
        self.answer.is_some() && !self.void
    }
}

impl Answer {
    fn of(answer: exchange::Answer) -> Self {
        let blocked_by = firewall::marked(&answer);
        let mut left = LONGEST;
        let headers = answer
            .headers
            .into_iter()
            .filter(|(name, _)| is_telling(name))
            .take(MOST_HEADERS)
            .map(|(name, value)| {
                let value = if value.len() <= left { value } else { excerpt(&value, left) };
                left = left.saturating_sub(value.len());
                (name, value)
            })
            .collect();
        Self { status: answer.status, headers, blocked_by }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The content type without its parameters, in lower case.
    pub(super) fn media_type(&self) -> Option<String> {
        let media = self.header("content-type")?.split(';').next()?.trim().to_ascii_lowercase();
        (!media.is_empty()).then_some(media)
    }

    /// The header that shows that a shared cache gave the answer.
    pub(super) fn cache_hit(&self) -> Option<String> {
        cache::hit(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Whether caches are told that the answer depends on the origin.
    pub(super) fn varies(&self) -> bool {
        let lines = self.headers.iter().filter(|(name, _)| name == "vary");
        lines
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .any(|field| field == "*" || field.eq_ignore_ascii_case("origin"))
    }

    pub(super) fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }
}

fn is_telling(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "age",
        "cache-control",
        "cache-status",
        "cf-cache-status",
        "content-type",
        "location",
        "retry-after",
        "vary",
        "x-cache",
        "x-cache-status",
        "x-proxy-cache",
        "x-vercel-cache",
    ];
    name.starts_with("access-control-") || NAMES.contains(&name)
}

impl Shot {
    pub(super) fn of(
        role: Role,
        origin: Option<String>,
        asked: Option<Asked>,
        exchange: Exchange,
    ) -> Self {
        let answer = exchange.answer.map(Answer::of);
        let failure = exchange.failure.filter(|_| answer.is_none());
        Self { role, origin, asked, answer, failure, void: false }
    }
}

impl Evidence {
    /// The request without an origin, which every run begins with.
    pub(super) fn plain(&self) -> Option<&Shot> {
        self.shots.iter().find(|shot| shot.role == Role::Plain)
    }

    /// Requests of strangers' pages, which are no preflights.
    pub(super) fn strangers(&self) -> impl Iterator<Item = &Shot> {
        self.shots.iter().filter(|shot| shot.role == Role::Foreign && !shot.is_preflight())
    }

    /// What every stranger's page can do.
    pub(super) fn everybody(&self) -> Power {
        let answered = self.strangers().filter(|shot| shot.answer.is_some());
        answered.map(Shot::power).min().unwrap_or(Power::None)
    }

    /// Requests of pages that may read the answer, which are no preflights.
    pub(super) fn guests(&self) -> impl Iterator<Item = &Shot> {
        self.shots.iter().filter(|shot| shot.role == Role::Allowed && !shot.is_preflight())
    }
}
