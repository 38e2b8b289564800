//! What a run of `tls` saw.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::certificate::Certificate;
use super::staple::Staple;
use super::starttls::Protocol;
use super::survey::{Ask, Standing, Survey};
use super::wire::version::Version;
use crate::net::caa::Records;
use crate::net::connection::Connection;
use crate::net::failure::{Failure, FailureKind};
use crate::net::tls::Distrust;

/// What one run saw.
#[derive(Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// When, by this machine's clock.
    pub(super) at: Timestamp,
    /// The port.
    pub(super) port: u16,
    /// The name that was asked for.
    pub(super) server_name: String,
    /// How the connection was brought to TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) starttls: Option<Protocol>,
    /// One ordinary handshake for each address that was looked at, at least one.
    pub(super) looks: Vec<Look>,
    /// Addresses that could not be looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<LeftOut>,
    /// Whether the configuration trusts an authority of its own.
    #[serde(default)]
    pub(super) own_authority: bool,
    /// The clock of the server, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) clock: Option<Clock>,
    /// Who may issue for the name, as DNS says.
    #[serde(default)]
    pub(super) caa: Caa,
    /// What the server offers beside the ordinary.
    pub(super) survey: Surveyed,
}

impl Evidence {
    /// A certificate that is not valid now may be right, and a clock wrong.
    pub(super) fn wants_clock(&self) -> bool {
        let mut leaves = self.looks.iter().filter_map(Look::leaf);
        leaves.any(|leaf| self.at < leaf.not_before || self.at > leaf.not_after)
    }

    /// Whether a version is spoken, by the survey or by an ordinary handshake; else why nobody
    /// knows.
    pub(super) fn speaks(&self, version: Version) -> Result<bool, String> {
        let met = self.looks.iter().filter_map(|look| look.connection.tls.as_ref());
        let met: Vec<&str> = met.map(|tls| tls.version.as_str()).collect();
        if met.contains(&version.as_str()) {
            return Ok(true);
        }
        let why = match &self.survey {
            Surveyed::Done(survey) => match survey.standing(Ask::Version(version)) {
                Standing::Offered(_) => return Ok(true),
                Standing::Refused => return Ok(false),
                Standing::Undetermined(why) | Standing::NotAsked(why) => why,
            },
            Surveyed::No(why) => why.clone(),
        };
        // Offered both, a server takes the newest that it knows.
        if version == Version::Tls13 && !met.is_empty() { Ok(false) } else { Err(why) }
    }
}

/// What the server offers, or why nobody asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Surveyed {
    /// It was asked.
    Done(Box<Survey>),
    /// It was not.
    No(String),
}

/// What is known of CAA records.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Caa {
    /// Nobody asked, for this reason.
    NotAsked(String),
    /// No answer came, for this reason.
    Unknown(String),
    /// The records that hold for the name.
    Found {
        /// Whether it is a wildcard that would be issued.
        wildcard: bool,
        /// The closest records.
        records: Records,
    },
}

impl Default for Caa {
    fn default() -> Self {
        Self::NotAsked("CAA records are not asked for; set `caa: true`".to_owned())
    }
}

/// An address that could not be looked at, for a reason of our own.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LeftOut {
    pub(super) address: IpAddr,
    pub(super) why: String,
}

/// An ordinary handshake.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Look {
    /// How the connection went.
    pub(super) connection: Connection,
    /// Why there is no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
    /// The server declined to change to TLS, in its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) declined: Option<String>,
    /// The certificates as they were sent.
    #[serde(default)]
    pub(super) chain: Vec<Certificate>,
    /// The root that the configuration names for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<Certificate>,
    /// How many certificates were sent.
    #[serde(default)]
    pub(super) sent: usize,
    /// How many of them cannot be read.
    #[serde(default)]
    pub(super) unreadable: usize,
    /// Why the chain does not verify, also where the handshake failed later on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) distrust: Option<Distrust>,
    /// Whether the chain was verified at all.
    #[serde(default)]
    pub(super) verified: bool,
    /// Whether a status was stapled.
    #[serde(default)]
    pub(super) stapled: bool,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) staple: Option<Staple>,
}

impl Look {
    /// The address at the other end.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.connection.peer.as_ref().map(SocketAddr::ip)
    }

    /// The server's own certificate.
    pub(super) fn leaf(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// The certificates from the server's own up, as far as they were sent.
    pub(super) fn path(&self) -> Vec<&Certificate> {
        let mut path = Vec::new();
        let mut next = Some(0);
        while let Some(certificate) = next.and_then(|index| self.chain.get(index)) {
            if path.len() > self.chain.len() {
                break;
            }
            path.push(certificate);
            next = certificate.issued_by;
        }
        path
    }

    /// Of an authority's certificates that were sent, the one that lasts longest: where the chain
    /// verifies, it verifies through that one as well.
    pub(super) fn lasting<'a>(&'a self, one: &'a Certificate) -> &'a Certificate {
        let trusted = self.verified && self.distrust.is_none();
        let twins = self.chain.iter().filter(|other| {
            trusted && other.is_authority && other.subject == one.subject && other.key == one.key
        });
        twins.chain([one]).max_by_key(|other| other.not_after).unwrap_or(one)
    }

    /// Whether no session came about, whatever the certificate is.
    pub(super) fn is_outage(&self) -> bool {
        let failed = self.failure.as_ref();
        self.declined.is_some() || failed.is_some_and(|why| why.kind != FailureKind::Untrusted)
    }

    /// Whether it ended in a session.
    pub(super) fn is_session(&self) -> bool {
        self.failure.is_none() && self.declined.is_none() && self.connection.tls.is_some()
    }
}

/// Two clocks.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Clock {
    /// What the server's said.
    pub(super) theirs: Timestamp,
    /// What ours said then.
    pub(super) ours: Timestamp,
}

impl Clock {
    /// Seconds that the server is ahead of us.
    pub(super) fn ahead(self) -> i64 {
        self.theirs.as_second() - self.ours.as_second()
    }
}
