//! What surrounds a run: who consented to how much, and when it was ordered.

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
}

impl Default for Terms {
    fn default() -> Self {
        let all = Impact::Intrusive;
        Self { configured: all, ceiling: all, began: Instant::now() }
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
