//! Cipher suites and what is to be thought of them, read off their registered names.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::version::Version;

/// A cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tls) struct Suite {
    pub(in crate::tls) number: u16,
    pub(in crate::tls) name: &'static str,
}

/// What is wrong with a suite, as one hello asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::tls) enum Class {
    /// No encryption, or no authentication.
    Unprotected,
    /// Keys that a laptop finds: export grades, single DES, RC2.
    Export,
    /// RC4.
    Rc4,
    /// Blocks of 64 bits: 3DES, IDEA, GOST 28147 and their like.
    Block64,
    /// CBC with a MAC before encryption.
    Cbc,
    /// The key exchange is RSA encryption: who learns the key reads all of the past.
    StaticRsa,
    /// A tag of 64 bits.
    ShortTag,
}

impl Class {
    /// Those that a default run asks for, one hello each.
    pub(in crate::tls) const ASKED: [Self; 6] =
        [Self::Unprotected, Self::Export, Self::Rc4, Self::Block64, Self::Cbc, Self::StaticRsa];

    /// All of them.
    pub(in crate::tls) const ALL: [Self; 7] = [
        Self::Unprotected,
        Self::Export,
        Self::Rc4,
        Self::Block64,
        Self::Cbc,
        Self::StaticRsa,
        Self::ShortTag,
    ];

    /// The subject of findings.
    pub(in crate::tls) const fn as_str(self) -> &'static str {
        match self {
            Self::Unprotected => "NULL or anonymous",
            Self::Export => "export, DES or RC2",
            Self::Rc4 => "RC4",
            Self::Block64 => "64-bit blocks",
            Self::Cbc => "CBC",
            Self::StaticRsa => "RSA key exchange",
            Self::ShortTag => "CCM_8",
        }
    }
}

impl Suite {
    /// Every registered suite.
    pub(in crate::tls) fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Suite>> = LazyLock::new(|| {
            include_str!("../../catalog/cipher-suites.tsv").lines().filter_map(Suite::row).collect()
        });
        &ALL
    }

    /// The suite with this number.
    pub(in crate::tls) fn numbered(number: u16) -> Option<Self> {
        Self::all().iter().find(|suite| suite.number == number).copied()
    }

    /// The name of a number, or the number itself.
    pub(in crate::tls) fn name_of(number: u16) -> String {
        Self::numbered(number)
            .map_or_else(|| format!("0x{number:04X}"), |suite| suite.name.to_owned())
    }

    fn row(line: &'static str) -> Option<Self> {
        let (number, name) = line.split_once('\t')?;
        Some(Self { number: u16::from_str_radix(number, 16).ok()?, name })
    }

    fn says(self, word: &str) -> bool {
        self.name.contains(word)
    }

    /// Whether it belongs to TLS 1.3.
    pub(in crate::tls) fn is_tls13(self) -> bool {
        self.number >> 8 == 0x13
    }

    /// Whether it encrypts and authenticates in one.
    pub(in crate::tls) fn is_aead(self) -> bool {
        self.says("_GCM_") || self.says("_CCM") || self.says("_POLY1305")
    }

    /// Whether keys that leak later open nothing of the past.
    pub(in crate::tls) fn is_forward_secret(self) -> bool {
        self.is_tls13() || (self.says("_ECDHE_") || self.says("_DHE_"))
    }

    /// Whether its key exchange is Diffie-Hellman's over a field, with an ephemeral key.
    pub(in crate::tls) fn uses_dhe(self) -> bool {
        self.says("_DHE_") || self.says("_DH_anon_")
    }

    /// Whether both sides share a secret, or a protocol that no public service speaks.
    fn is_arranged(self) -> bool {
        ["PSK", "SRP", "KRB5", "GOST"].iter().any(|word| self.says(word))
    }

    /// What is wrong with it, worst first; `None` for what is sound.
    pub(in crate::tls) fn class(self) -> Option<Class> {
        if self.is_tls13() {
            return self.says("CCM_8").then_some(Class::ShortTag);
        }
        if self.says("_NULL_") || self.says("_anon_") {
            Some(Class::Unprotected)
        } else if ["EXPORT", "_DES_", "_DES40_", "_RC2_"].iter().any(|word| self.says(word)) {
            Some(Class::Export)
        } else if self.says("_RC4_") {
            Some(Class::Rc4)
        } else if ["_3DES_", "_IDEA_"].iter().any(|word| self.says(word)) {
            Some(Class::Block64)
        } else if self.name.starts_with("TLS_RSA_WITH_") {
            Some(Class::StaticRsa)
        } else if self.says("_CBC_") {
            Some(Class::Cbc)
        } else if self.says("CCM_8") {
            Some(Class::ShortTag)
        } else {
            None
        }
    }

    /// Whether a hello of this version may name it: AEAD and SHA-2 came with TLS 1.2.
    pub(in crate::tls) fn fits(self, version: Version) -> bool {
        match version {
            Version::Ssl2 => false,
            Version::Tls13 => self.is_tls13(),
            Version::Tls12 => !self.is_tls13(),
            Version::Tls11 | Version::Tls10 | Version::Ssl3 => {
                let modern = self.is_aead() || self.says("SHA256") || self.says("SHA384");
                !self.is_tls13() && !modern
            }
        }
    }
}

/// Numbers of the suites of a version that match, without those of a secret that was arranged.
pub(in crate::tls) fn matching(version: Version, matches: impl Fn(Suite) -> bool) -> Vec<u16> {
    offered(version, |suite| !suite.is_arranged() && matches(suite))
}

/// Numbers of the suites of a version that match, in the order in which to offer them. DHE comes
/// last: servers that have no parameters for it choose it all the same and then hang up.
pub(in crate::tls) fn offered(version: Version, matches: impl Fn(Suite) -> bool) -> Vec<u16> {
    let mut found: Vec<Suite> = Suite::all()
        .iter()
        .filter(|suite| suite.fits(version) && matches(**suite))
        .copied()
        .collect();
    found.sort_by_key(|suite| suite.uses_dhe());
    found.into_iter().map(|suite| suite.number).collect()
}

/// What a hello that wants any answer names: the sound ones first, the rest after, and few enough
/// that no middlebox chokes on it.
pub(in crate::tls) fn any(version: Version) -> Vec<u16> {
    if version == Version::Tls13 {
        return matching(version, |_| true);
    }
    let rank = |suite: Suite| match (suite.class(), suite.is_aead(), suite.is_forward_secret()) {
        (None, true, true) if !suite.uses_dhe() => 0,
        (Some(Class::Cbc), _, true) if !suite.uses_dhe() => 1,
        (Some(Class::StaticRsa), _, _) => 2,
        (None | Some(Class::Cbc | Class::ShortTag), _, _) => 3,
        (Some(Class::Block64), _, _) => 4,
        (Some(Class::Rc4), _, _) => 5,
        (Some(Class::Export), _, _) => 6,
        (Some(Class::Unprotected), _, _) => 7,
    };
    // Ciphers that few deployments have would fill the hello.
    let common = |suite: Suite| {
        !["ARIA", "CAMELLIA", "_DH_", "_ECDH_", "DSS", "SEED"].iter().any(|word| suite.says(word))
    };
    let mut found = matching(version, |suite| {
        common(suite) && !matches!(suite.class(), Some(Class::Unprotected | Class::Export))
    });
    found.sort_by_key(|number| Suite::numbered(*number).map(rank));
    // A server of weak suites alone still speaks the version.
    let weak = matching(version, |suite| {
        common(suite) && matches!(suite.class(), Some(Class::Export | Class::Unprotected))
    });
    found.extend(weak);
    found.extend(matching(version, |suite| suite.name.starts_with("TLS_DH_anon_WITH_")));
    found
}
