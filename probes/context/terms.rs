//! What surrounds a run: who consented to how much, and when it was ordered.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Context;
use crate::impact::Impact;

/// What surrounds a run.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// What the configuration consents to.
    pub configured: Impact,
    /// What whoever ordered the run allows.
    pub ceiling: Impact,
    /// When [`super::Run::at`] was, by the monotonic clock: a run may have waited since.
    pub began: Instant,
    /// How many looks in a row an outage has to last for.
    pub confirm: u32,
    /// How long to wait between them.
    pub pause: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        let all = Impact::Intrusive;
        let (began, pause) = (Instant::now(), Duration::ZERO);
        Self { configured: all, ceiling: all, began, confirm: 1, pause }
    }
}

/// Why a run may not do what has some impact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The configuration does not consent to it.
    Configuration,
    /// Whoever ordered the run did not allow it.
    Ceiling,
    /// It is not its time of the day.
    Cadence,
}

impl Context {
    /// The run under these terms.
    #[must_use]
    pub fn under(mut self, terms: Terms) -> Self {
        self.terms = terms;
        self
    }

    /// Active runs are not repeated early, so they confirm an outage themselves: whether it needs
    /// another look after so many. Waits until it is time for that one.
    pub async fn look_again(&self, looks: u32) -> bool {
        if looks >= self.terms.confirm {
            return false;
        }
        let _rest = self.network.rest();
        self.queue(Instant::now() + self.terms.pause).await;
        true
    }

    /// Why this run may not do what has this impact; `None` when it may.
    pub fn withheld(&self, impact: Impact) -> Option<Withheld> {
        if self.may(impact) {
            None
        } else if impact > self.terms.configured {
            Some(Withheld::Configuration)
        } else if impact > self.terms.ceiling {
            Some(Withheld::Ceiling)
        } else {
            Some(Withheld::Cadence)
        }
    }
}
