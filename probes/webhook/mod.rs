//! Are forged deliveries to a webhook's endpoint refused, and genuine ones accepted?
//!
//! A run sends deliveries that mean nothing to anybody, each wrong in one way, and a genuine one
//! where it has the secret and may. Refusals alone prove nothing: an endpoint that refuses
//! everything looks the same. What was accepted is compared with the answer to the genuine one, and
//! what was refused with the answer where there is nothing.

mod case;
mod crypto;
mod delivery;
mod diagnosis;
mod evidence;
mod forge;
mod measure;
mod observe;
mod oracle;
mod plan;
mod reply;
mod rules;
mod scheme;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::blind::Blind;
use crate::context::Context;
use crate::contract::{Kind, SettingsError};
use crate::impact::Impact;
use crate::measurement::{Family, Measurement};
use crate::rule::Rule;
use crate::secret::SecretRef;
pub use evidence::Evidence;
use scheme::Scheme;
pub use settings::Settings;
use settings::{Depth, Payload};

/// A configured `webhook` probe.
pub struct Webhook {
    path: String,
    secret: Option<SecretRef>,
    signed_url: Option<String>,
    payload: Option<Payload>,
    depth: Depth,
    scheme: Box<dyn Scheme>,
}

impl Kind for Webhook {
    const NAME: &'static str = "webhook";
    const SUMMARY: &'static str = "forged deliveries are refused, and genuine ones accepted";
    const RULES: &'static [Rule<Self>] = rules::ALL;
    const FAMILIES: &'static [Family] = measure::FAMILIES;
    const MEMORY: usize = 1;
    type Settings = Settings;
    type Evidence = Evidence;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.try_into()
    }

    fn impact(&self) -> Impact {
        let nature = self.scheme.nature();
        // Placeholder keys are tried wherever a scheme has a shared secret.
        let guesses = case::WEAK.iter().any(|case| case.applies(&nature));
        if self.secret.is_some() || nature.works || guesses {
            Impact::Intrusive
        } else {
            Impact::Active
        }
    }

    fn has_deep_part(&self) -> bool {
        self.depth == Depth::Full
    }

    fn route(&self) -> Option<String> {
        Some(format!("{} {}", self.scheme.method(), self.path))
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        let most = if self.has_deep_part() { observe::MATRIX } else { observe::CANARY };
        timeout * u32::try_from(most).unwrap_or(u32::MAX)
    }

    async fn observe(&self, cx: &Context) -> Result<Evidence, Blind> {
        self.look(cx).await
    }

    fn measure(&self, seen: &Evidence) -> Vec<Measurement> {
        measure::measure(self, seen)
    }
}
