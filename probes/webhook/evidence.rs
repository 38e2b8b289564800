//! What a run saw: which requests it sent, and what came back. Nothing of a signature is in it.

use serde::{Deserialize, Serialize};

use super::case::Case;
use crate::context::Withheld;

/// What one run saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Whether genuine deliveries could be sent, and why not.
    pub(super) signing: Signing,
    /// Whether what works when it is accepted was left out, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) withheld: Option<Withheld>,
    /// Whether the whole matrix was meant.
    pub(super) deep: bool,
    /// What the run meant to try.
    pub(super) planned: Vec<Case>,
    /// The case of a finding that was open: it alone was tried, until it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refuting: Option<Case>,
    /// How a genuine delivery was answered in an earlier run: what forged ones are compared with
    /// where this run sent none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) genuine: Option<Reply>,
    /// Each request in its order.
    pub(super) trials: Vec<Trial>,
}

/// Whether genuine deliveries could be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Signing {
    /// They could.
    Ready,
    /// No secret is configured.
    NoSecret,
    /// The run may not send them.
    Withheld(Withheld),
    /// They would go out in the clear.
    InTheClear,
}

/// One request and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    /// What was sent.
    pub(super) case: Case,
    /// What came back.
    pub(super) reply: Reply,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Reply {
    /// The status; `None` without an answer.
    pub(super) status: Option<u16>,
    /// What happened instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
    /// The media type, without parameters.
    pub(super) content_type: String,
    /// Where it redirects to: scheme, host and path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
    /// The beginning of the body.
    pub(super) excerpt: String,
    /// The body without ids, times and the path, as a hash.
    pub(super) shape: String,
    /// Numbers and ids of a JSON body: what tells one effect from two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) values: Vec<(String, String)>,
    /// It speaks of a refusal.
    pub(super) declines: bool,
    /// It speaks of having taken something in.
    pub(super) confirms: bool,
    /// A firewall answered instead, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) firewall: Option<String>,
    /// It came from a cache.
    pub(super) cached: bool,
    /// It gives away what only the owner of the endpoint may have.
    pub(super) gives_away: bool,
    /// How far the target's clock is ahead of ours, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clock_ahead: Option<i64>,
    /// How long it took, in seconds, without name lookup and handshakes.
    pub(super) seconds: f64,
}

impl Reply {
    /// Whether anything came back.
    pub(super) const fn is_answer(&self) -> bool {
        self.status.is_some()
    }

    pub(super) fn has(&self, class: u16) -> bool {
        self.status.is_some_and(|status| status / 100 == class)
    }

    pub(super) fn is_ok(&self) -> bool {
        self.has(2)
    }

    /// Whether it refuses a delivery because it has had it already.
    pub(super) fn knows_again(&self) -> bool {
        self.status == Some(409) || self.has(4) && self.confirms
    }

    /// Whether the target did not manage to answer.
    pub(super) fn is_failing(&self) -> bool {
        !self.is_answer() || self.has(5)
    }

    /// Whether two answers are the same but for ids and times.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.status == other.status
            && self.content_type == other.content_type
            && self.shape == other.shape
            && self.location == other.location
    }

    /// Whether two answers come from the same place. A page that stands for every path, such as
    /// the shell of an app, or that says that there is none, is written anew for each request.
    pub(super) fn is_from_same_place(&self, other: &Self) -> bool {
        let pages = self.is_page() && other.is_page() && self.status == other.status;
        pages || self.is_like(other)
    }

    /// Whether it is a whole page, as no receiver of deliveries answers.
    fn is_page(&self) -> bool {
        let begins = |with: &str| {
            self.excerpt.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        self.content_type == "text/html" && (begins("<!doctype html") || begins("<html"))
    }

    /// The answer in a few words.
    pub(super) fn words(&self) -> String {
        let Some(status) = self.status else {
            return self.failure.clone().unwrap_or_else(|| "no answer".to_owned());
        };
        match &self.location {
            Some(location) => format!("{status} to {location}"),
            None if self.excerpt.is_empty() => format!("{status}, with an empty body"),
            None => format!("{status}: {}", self.excerpt),
        }
    }
}
