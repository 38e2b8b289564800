//! The phases of an exchange and how long each took.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A part of an exchange, named as `blackbox_exporter` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The name is looked up.
    Resolve,
    /// TCP connects, over all addresses.
    Connect,
    /// TLS shakes hands.
    Tls,
    /// The request is sent and the answer's head awaited.
    Processing,
    /// The answer's body arrives.
    Transfer,
}

impl Phase {
    /// All of them in their order.
    pub const ALL: [Self; 5] =
        [Self::Resolve, Self::Connect, Self::Tls, Self::Processing, Self::Transfer];

    /// The value of the label `phase`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Processing => "processing",
            Self::Transfer => "transfer",
        }
    }

    /// What goes on in it, to complete "while ...".
    pub const fn doing(self) -> &'static str {
        match self {
            Self::Resolve => "resolving the name",
            Self::Connect => "connecting",
            Self::Tls => "in the TLS handshake",
            Self::Processing => "waiting for the answer",
            Self::Transfer => "reading the body",
        }
    }
}

/// Seconds spent in each phase that was entered.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Phases {
    /// Looking up the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve: Option<f64>,
    /// Connecting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<f64>,
    /// Shaking hands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<f64>,
    /// Waiting for the answer's head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing: Option<f64>,
    /// Reading the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<f64>,
}

impl Phases {
    /// Notes what a phase took.
    pub fn note(&mut self, phase: Phase, took: Duration) {
        let place = match phase {
            Phase::Resolve => &mut self.resolve,
            Phase::Connect => &mut self.connect,
            Phase::Tls => &mut self.tls,
            Phase::Processing => &mut self.processing,
            Phase::Transfer => &mut self.transfer,
        };
        *place = Some(took.as_secs_f64());
    }

    /// Seconds of one phase.
    pub const fn get(&self, phase: Phase) -> Option<f64> {
        match phase {
            Phase::Resolve => self.resolve,
            Phase::Connect => self.connect,
            Phase::Tls => self.tls,
            Phase::Processing => self.processing,
            Phase::Transfer => self.transfer,
        }
    }

    /// Seconds of all phases together.
    pub fn total(&self) -> f64 {
        Phase::ALL.into_iter().filter_map(|phase| self.get(phase)).sum()
    }

    /// Seconds that the service itself took: without name, connection and handshake.
    pub fn service(&self) -> f64 {
        self.processing.unwrap_or_default() + self.transfer.unwrap_or_default()
    }
}
