//! Is a service's TLS sound: its certificate, its chain, its protocols and its ciphers?
//!
//! One ordinary handshake gives the certificate and what everybody gets. What else a server would
//! agree to is asked for with hellos of our own, because no sound library sends them.

mod certificate;
mod door;
mod evidence;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod listing;
mod look;
mod meaning;
mod measure;
mod profile;
mod root;
mod rules;
mod scout;
mod settings;
mod staple;
mod starttls;
mod survey;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use rustls_pki_types::ServerName;

use crate::blind::Blind;
use crate::context::Context;
use crate::contract::{Kind, SettingsError};
use crate::impact::Impact;
use crate::measurement::{Family, Measurement};
use crate::rule::Rule;

pub use evidence::Evidence;
pub use settings::{Addresses, Depth, MinVersion, ProfileName, Settings};
pub use starttls::Protocol;
use wire::version::Version;

/// Connections of a default run: eight addresses, and what a survey takes beside one of them.
const CONNECTIONS: u32 = 24;

/// Connections of a run in full depth.
const CONNECTIONS_IN_DEPTH: u32 = 400;

/// A configured `tls` probe.
pub struct Tls {
    port: Option<u16>,
    server_name: Option<ServerName<'static>>,
    starttls: Option<Protocol>,
    addresses: Addresses,
    depth: Depth,
    min_version: Version,
    profile: Option<ProfileName>,
    caa: bool,
}

impl Kind for Tls {
    const NAME: &'static str = "tls";
    const SUMMARY: &'static str = "certificate, chain, protocols and ciphers of TLS are sound";
    const RULES: &'static [Rule<Self>] = rules::ALL;
    const FAMILIES: &'static [Family] = measure::FAMILIES;
    type Settings = Settings;
    type Evidence = Evidence;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        if settings.port == Some(0) {
            return Err(SettingsError::at("port", "a port is a number from 1 to 65535"));
        }
        let server_name = settings
            .server_name
            .map(|name| {
                ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| {
                    SettingsError::at("server_name", "it is neither a DNS name nor an address")
                })
            })
            .transpose()?;
        Ok(Self {
            port: settings.port,
            server_name,
            starttls: settings.starttls,
            addresses: settings.addresses,
            depth: settings.depth,
            min_version: settings.min_version.0,
            profile: settings.profile,
            caa: settings.caa,
        })
    }

    fn impact(&self) -> Impact {
        Impact::Active
    }

    fn has_deep_part(&self) -> bool {
        self.depth == Depth::Full
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        // One request, for a clock to compare with, and CAA records come on top.
        timeout * (2 + if self.has_deep_part() { CONNECTIONS_IN_DEPTH } else { CONNECTIONS })
    }

    async fn observe(&self, cx: &Context) -> Result<Evidence, Blind> {
        look::observe(self, cx).await
    }

    fn measure(&self, seen: &Evidence) -> Vec<Measurement> {
        measure::measure(seen)
    }
}
