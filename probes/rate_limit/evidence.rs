//! What one run saw: the requests in their order, when they were sent, and what was answered.

use std::sync::OnceLock;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::declared::Declared;
use super::reading::Reading;
use crate::net::caching;
use crate::net::sighting::Sighting;

/// Why a run does not go beyond the limit that otherwise may.
pub(super) const NOT_ITS_TIME: &str =
    "going beyond the limit comes at most once a day and route, and this is not its time";

/// How much a run looks at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// What answers declare: at most two requests.
    #[default]
    Headers,
    /// How `remaining` goes: at most 16 requests, never more than half of the limit in a window.
    Differential,
    /// Beyond the limit, once a day; needs `allow: intrusive`.
    Exhaust,
}

/// What one run saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// What the run did, which may be less than it is configured for.
    pub(super) mode: Mode,
    /// When it began.
    pub(super) started: Timestamp,
    /// Its own requests, in the order in which they were sent.
    pub(super) samples: Vec<Sample>,
    /// What other checks saw of the same route shortly before, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sightings: Vec<Sighting>,
    /// How many requests of our own went to the origin in the window before.
    #[serde(default)]
    pub(super) known_before: u32,
    /// How many requests other checks of ours sent to the origin while it ran.
    #[serde(default)]
    pub(super) others: u32,
    /// Why it ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stopped: Option<Stop>,
    /// What it left out, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<LeftOut>,
    /// Variants in the order in which this run and those before it looked at them, the latest last:
    /// those that never had their turn come next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) turns: Vec<Purpose>,
    /// Limit and window as an answer to this check named them last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<(f64, f64)>,
    /// What the samples say, worked out once.
    #[serde(skip)]
    pub(super) reading: OnceLock<Box<Reading>>,
}

impl Evidence {
    /// Whether the run did not go beyond the limit because it was not its time of the day: then it
    /// takes nothing back of what a run that did has found.
    pub(super) fn is_between(&self) -> bool {
        self.withheld() == Some(NOT_ITS_TIME)
    }

    /// Why there was nothing to look at, where our own earlier work has used the limit up.
    pub(super) fn spent(&self) -> Option<&str> {
        let stop = self.stopped.as_ref().filter(|stop| stop.cause == StopCause::Spent)?;
        Some(&stop.detail)
    }

    /// Why the run did not go beyond the limit, where it is configured to and may not.
    pub(super) fn withheld(&self) -> Option<&str> {
        let mut left_out = self.left_out.iter().filter(|left| left.what == "enforcement");
        left_out.find(|_| self.mode != Mode::Exhaust).map(|left| left.why.as_str())
    }
}

/// One request and its answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) purpose: Purpose,
    /// Seconds since the run began.
    pub(super) sent: f64,
    pub(super) answered: f64,
    /// The answer's status; without one there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// Why there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
    /// Header fields on limits, caches and time; names in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<(String, String)>,
    /// The beginning of a refusal's body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) excerpt: String,
    /// Of any other answer's body, a hash: what is written differently and answered alike is the
    /// same thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    /// The address of the peer, where that is what the request is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) peer: Option<String>,
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    /// The request as it is configured, where the schedule wants it.
    #[default]
    Plain,
    /// The same, to compare a variant with.
    Control,
    /// With a forwarding header of this name that claims another client, from a range reserved
    /// for documentation.
    Forwarded(String),
    /// With the path written differently: how.
    Path(String),
    /// With a query parameter that means nothing.
    Query,
    /// With another method.
    Method(String),
    /// What a browser asks before the request of another origin.
    Preflight,
    /// Over the other family of addresses.
    OtherFamily,
}

/// Why a run ended early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stop {
    pub(super) cause: StopCause,
    /// What was seen, without a period.
    pub(super) detail: String,
}

/// What makes a run end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StopCause {
    /// A request that changes things was accepted.
    NotInert,
    /// A refusal where none was provoked.
    Limited,
    /// Less was left at the start than our own requests explain.
    StartsLower,
    /// Less is left than our own requests explain.
    Shared,
    /// Another check of ours uses the same bucket.
    OwnTraffic,
    /// The service fails or cannot be reached.
    Errors,
    /// The service has become slow.
    Slow,
    /// A cache answers.
    Cached,
    /// The limit is used up by our own earlier work.
    Spent,
    /// The route still rests from an earlier refusal.
    Resting,
    /// The route had its share of the day.
    Daily,
}

/// Something that a run did not look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeftOut {
    /// What.
    pub(super) what: String,
    /// Why: by mode, consent or cadence, or because it could not be settled.
    pub(super) why: String,
}

impl Sample {
    /// What the answer declares.
    pub(super) fn declared(&self, started: Timestamp) -> Declared {
        let declared = Declared::read(&self.headers, self.at(started));
        if self.excerpt.is_empty() { declared } else { declared.with_body(&self.excerpt) }
    }

    /// When the answer came.
    pub(super) fn at(&self, started: Timestamp) -> Timestamp {
        let passed = jiff::SignedDuration::try_from_secs_f64(self.answered).unwrap_or_default();
        started.checked_add(passed).unwrap_or(started)
    }

    /// The first value of a header field.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether the answer came out of a cache, so that it says nothing of this request.
    pub(super) fn is_cached(&self) -> bool {
        is_cached(&self.headers)
    }

    /// Whether it went the ordinary way.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.purpose, Purpose::Plain | Purpose::Control)
    }

    /// Seconds from sending to the answer.
    pub(super) fn took(&self) -> f64 {
        self.answered - self.sent
    }
}

/// Whether header fields show that an answer came out of a cache.
pub(super) fn is_cached(headers: &[(String, String)]) -> bool {
    caching::hit(headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))).is_some()
}
