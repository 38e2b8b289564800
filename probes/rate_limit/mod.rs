//! Is there a rate limit, where it was said to be, honest, and inescapable?
//!
//! What a run sends is planned by `plan`, watched over by `observe`, read by `reading` and
//! judged by `rules`. Which limiter it was is inferred by `infer` from evidence alone.

mod declared;
mod evidence;
mod fingerprint;
mod infer;
mod measure;
mod observe;
mod outage;
mod partition;
mod plan;
mod reading;
mod rules;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::blind::{Blind, Cause};
use crate::context::Context;
use crate::contract::{Kind, SettingsError};
use crate::impact::Impact;
use crate::measurement::{Family, Measurement};
use crate::rule::Rule;
use evidence::{Evidence, Mode};
use settings::{Asked, Key, Settings};

/// From so many requests on, finding out which limiter explains them takes long enough to keep
/// other runs waiting.
const MANY: usize = 30;

/// A configured `rate_limit` probe.
#[derive(Clone)]
pub struct RateLimit {
    request: Asked,
    limit: Option<f64>,
    /// In seconds.
    window: Option<f64>,
    key: Key,
    mode: Mode,
    max_requests: u32,
}

impl Kind for RateLimit {
    const NAME: &'static str = "rate_limit";
    const SUMMARY: &'static str = "a rate limit is where it was said to be, honest and inescapable";
    const RULES: &'static [Rule<Self>] = rules::ALL;
    const FAMILIES: &'static [Family] = measure::FAMILIES;
    /// For what only several variants tell together, which take turns.
    const MEMORY: usize = 4;
    const COUNTS_TRAFFIC: bool = true;
    type Settings = Settings;
    type Evidence = Evidence;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.checked()
    }

    fn impact(&self) -> Impact {
        match self.mode {
            Mode::Exhaust => Impact::Intrusive,
            Mode::Differential => Impact::Active,
            Mode::Headers if self.is_unsafe() => Impact::Active,
            Mode::Headers => Impact::Passive,
        }
    }

    fn max_requests(&self) -> Option<u32> {
        (self.mode == Mode::Exhaust).then_some(self.max_requests)
    }

    fn route(&self) -> Option<String> {
        Some(self.route_name())
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        timeout
            * match self.mode {
                Mode::Headers => 2,
                Mode::Differential => 16,
                Mode::Exhaust => self.max_requests,
            }
    }

    async fn observe(&self, cx: &Context) -> Result<Evidence, Blind> {
        let evidence = observe::observe(self, cx).await?;
        if evidence.samples.len() < MANY {
            return Ok(evidence);
        }
        let check = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            evidence.reading(&check);
            evidence
        });
        read.await.map_err(|error| Blind::new(Cause::Internal, error.to_string()))
    }

    fn measure(&self, seen: &Evidence) -> Vec<Measurement> {
        measure::measure(self, seen)
    }
}
