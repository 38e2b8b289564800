//! What a server offers, as it answered: facts, and what follows from them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wire::hello::group_name;
use super::wire::suite::{Class, Suite};
use super::wire::version::Version;

/// One thing that a server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// A version with any suite.
    Version(Version),
    /// Suites of a class alone.
    Class(Class),
    /// DHE suites alone.
    Dhe,
    /// Suites with forward secrecy alone.
    ForwardSecret,
    /// AEAD suites alone.
    Aead,
    /// One group alone, with TLS 1.3.
    Group(u16),
    /// DEFLATE.
    Compression,
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version(version) => f.write_str(version.as_str()),
            Self::Class(class) => write!(f, "{} suites", class.as_str()),
            Self::Dhe => f.write_str("DHE suites"),
            Self::ForwardSecret => f.write_str("forward secrecy"),
            Self::Aead => f.write_str("AEAD suites"),
            Self::Group(group) => write!(f, "the group {}", group_name(*group)),
            Self::Compression => f.write_str("compression"),
        }
    }
}

/// What was asked, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    /// What was asked for.
    pub(super) ask: Ask,
    /// With which version.
    pub(super) version: Version,
    /// How it was answered.
    pub(super) answer: Answer,
}

/// How it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// With what was asked for.
    Offered(Chosen),
    /// The server said no, in these words.
    Refused(String),
    /// Nobody can tell, for this reason.
    Undetermined(String),
}

/// What the server chose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Chosen {
    /// The suite's name; empty for SSL 2.0.
    pub(super) suite: String,
    /// The group that it asks a share of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    /// DEFLATE.
    pub(super) compressed: bool,
    /// RFC 5746.
    pub(super) renegotiation_info: bool,
    /// RFC 7627.
    pub(super) extended_master_secret: bool,
    /// Certificate timestamps came beside the certificate.
    pub(super) timestamps: bool,
    /// It says that it speaks a newer version too.
    pub(super) sentinel: bool,
    /// Bits of a DHE prime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prime_bits: Option<usize>,
    /// The prime is one that many servers share, and that was within reach long ago.
    pub(super) prime_common: bool,
}

/// All suites of a version, one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listing {
    /// In the order in which the server chose them.
    pub(super) suites: Vec<String>,
    /// Why there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cut: Option<String>,
}

/// What a server offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Survey {
    /// In the order in which they were made.
    pub(super) attempts: Vec<Attempt>,
    /// Every suite, with `depth: full`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) listings: BTreeMap<Version, Listing>,
    /// Why it ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stopped: Option<String>,
    /// Why the rest was not asked for, although the server would have answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) spent: Option<String>,
    /// Connections that it took.
    pub(super) connections: u32,
}

/// Whether something is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// It is.
    Offered(&'a Chosen),
    /// It is not.
    Refused,
    /// It was asked for, and nobody can tell.
    Undetermined(String),
    /// It was not asked for.
    NotAsked(String),
}

impl Survey {
    /// Whether this is offered.
    pub(super) fn standing(&self, ask: Ask) -> Standing<'_> {
        let made = self.attempts.iter().rev().find(|attempt| attempt.ask == ask);
        match made.map(|attempt| &attempt.answer) {
            Some(Answer::Offered(chosen)) => Standing::Offered(chosen),
            Some(Answer::Refused(_)) => Standing::Refused,
            Some(Answer::Undetermined(why)) => Standing::Undetermined(why.clone()),
            None => self.implied(ask),
        }
    }

    /// What was not asked for because the answer is known.
    fn implied(&self, ask: Ask) -> Standing<'_> {
        let newest_only = self.speaks(Version::Tls13) == Some(true)
            && [Version::Tls12, Version::Tls11, Version::Tls10, Version::Ssl3]
                .iter()
                .all(|version| self.speaks(*version) == Some(false));
        match ask {
            // TLS 1.3 knows nothing of the kind.
            Ask::Class(_) | Ask::Dhe | Ask::Compression if newest_only => Standing::Refused,
            Ask::ForwardSecret | Ask::Aead => {
                // Whatever a server chose is offered.
                let chosen = self.attempts.iter().find_map(|attempt| match &attempt.answer {
                    Answer::Offered(chosen) => {
                        let suite = Suite::all().iter().find(|suite| suite.name == chosen.suite)?;
                        let fits = if ask == Ask::Aead {
                            suite.is_aead()
                        } else {
                            suite.is_forward_secret()
                        };
                        fits.then_some(chosen)
                    }
                    _ => None,
                });
                chosen.map_or_else(|| self.not_asked(), Standing::Offered)
            }
            Ask::Group(_) if self.speaks(Version::Tls13) == Some(false) => Standing::Refused,
            _ => self.not_asked(),
        }
    }

    fn not_asked(&self) -> Standing<'_> {
        let why = self.stopped.clone().or_else(|| self.spent.clone());
        let why = why.unwrap_or_else(|| "it was not asked for".to_owned());
        Standing::NotAsked(why)
    }

    /// Whether a version is spoken; `None` when nobody can tell.
    pub(super) fn speaks(&self, version: Version) -> Option<bool> {
        match self.standing(Ask::Version(version)) {
            Standing::Offered(_) => Some(true),
            Standing::Refused => Some(false),
            Standing::Undetermined(_) | Standing::NotAsked(_) => None,
        }
    }

    /// The newest version before TLS 1.3 that is spoken: with it, suites are asked for.
    pub(super) fn base(&self) -> Option<Version> {
        [Version::Tls12, Version::Tls11, Version::Tls10, Version::Ssl3]
            .into_iter()
            .find(|version| self.speaks(*version) == Some(true))
    }

    /// Every suite that is known to be offered, with its class.
    pub(super) fn suites(&self) -> impl Iterator<Item = (Version, Suite)> {
        let listed = self.listings.iter().flat_map(|(version, listing)| {
            listing.suites.iter().map(|name| (*version, name.as_str()))
        });
        let chosen = self.attempts.iter().filter_map(|attempt| match &attempt.answer {
            Answer::Offered(chosen) => Some((attempt.version, chosen.suite.as_str())),
            _ => None,
        });
        listed.chain(chosen).filter_map(|(version, name)| {
            let suite = Suite::all().iter().find(|suite| suite.name == name)?;
            Some((version, *suite))
        })
    }
}
