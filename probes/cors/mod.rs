//! Are answers fenced: may pages of other origins read them, and only those that should?
//!
//! What was allowed is compared with the origin that was sent, as browsers compare it, and each
//! finding says what a page could do.

mod conduct;
mod evidence;
mod fetch;
mod firewall;
mod matrix;
mod measure;
mod mutation;
mod observe;
mod origin;
mod proof;
mod rules;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::Method;

use crate::blind::Blind;
use crate::context::Context;
use crate::contract::{Kind, SettingsError};
use crate::impact::Impact;
use crate::measurement::{Family, Measurement};
use crate::rule::Rule;
use evidence::Evidence;
use origin::WebOrigin;
use settings::Depth;
pub use settings::Settings;

/// A configured `cors` probe.
pub struct Cors {
    path: String,
    method: Method,
    /// The declared methods that browsers ask for first.
    preflights: Vec<String>,
    /// Declared headers that need permission, in lower case and sorted.
    headers: Vec<String>,
    allowed: Vec<WebOrigin>,
    credentials: bool,
    public: bool,
    depth: Depth,
}

impl Kind for Cors {
    const NAME: &'static str = "cors";
    const SUMMARY: &'static str = "answers can be read by pages of the allowed origins alone";
    const RULES: &'static [Rule<Self>] = rules::ALL;
    const FAMILIES: &'static [Family] = measure::FAMILIES;
    const MEMORY: usize = 1;
    const INTERVAL: Duration = Duration::from_mins(15);
    type Settings = Settings;
    type Evidence = Evidence;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        Self::of(settings)
    }

    fn impact(&self) -> Impact {
        Impact::Active
    }

    fn has_deep_part(&self) -> bool {
        self.depth == Depth::Full
    }

    fn route(&self) -> Option<String> {
        Some(format!("{} {}", self.method, self.path))
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        let most = match self.depth {
            Depth::Canary => observe::CANARY,
            Depth::Full => conduct::FULL,
        };
        timeout * u32::try_from(most).unwrap_or(u32::MAX)
    }

    async fn observe(&self, cx: &Context) -> Result<Evidence, Blind> {
        observe::observe(self, cx).await
    }

    fn measure(&self, seen: &Evidence) -> Vec<Measurement> {
        measure::measure(seen)
    }
}
