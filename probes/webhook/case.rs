//! What is tried: each request of a run by the way in which it differs from a genuine delivery.

use serde::{Deserialize, Serialize};

use super::scheme::{Nature, Proof, Time};
use crate::impact::Impact;

/// One way to send a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Case {
    /// Unsigned, to a path beside the endpoint's at which nothing is.
    Sibling,
    /// Genuine: signed as its sender signs.
    Control,
    /// Genuine, at the time of the target's clock.
    ControlTheirTime,
    /// Genuine, with the URL under the other scheme.
    ControlOtherUrl,
    /// Without a signature.
    Missing,
    /// With an empty signature.
    Empty,
    /// Signed with a key that nobody knows.
    WrongKey,
    /// Signed with the empty key.
    EmptyKey,
    /// Signed with the key `undefined`, and so on.
    KeyUndefined,
    /// `null`.
    KeyNull,
    /// `None`.
    KeyNone,
    /// `nil`.
    KeyNil,
    /// `secret`.
    KeySecret,
    /// `changeme`.
    KeyChangeme,
    /// `test`.
    KeyTest,
    /// `whsec_test`.
    KeyVendor,
    /// `your-webhook-secret`.
    KeyPlaceholder,
    /// What stands before a signature, and nothing after it.
    BarePrefix,
    /// The first half of a genuine signature.
    Truncated,
    /// A genuine signature, and another body.
    TamperedBody,
    /// A genuine signature, and another time.
    TamperedTime,
    /// A genuine signature, and another id.
    TamperedId,
    /// A genuine signature, and another URL.
    TamperedUrl,
    /// Genuine more than an hour ago.
    Stale,
    /// Genuine in more than an hour.
    Future,
    /// The same genuine delivery once more.
    Replay,
    /// Signed with the secret by another hash.
    OtherHash,
    /// Signed with the secret in an older or weaker form.
    Downgraded,
    /// Signed over the body as a JSON library would write it anew.
    Rewritten,
    /// The handshake that sets an endpoint up, without what it is to prove.
    Handshake,
}

/// Keys that stand where nobody set one.
pub(super) const WEAK: [Case; 10] = [
    Case::EmptyKey,
    Case::KeyUndefined,
    Case::KeyNull,
    Case::KeyNone,
    Case::KeyNil,
    Case::KeySecret,
    Case::KeyChangeme,
    Case::KeyTest,
    Case::KeyVendor,
    Case::KeyPlaceholder,
];

/// Everything that is wrong with a delivery, in the order in which it is tried.
const ATTACKS: [Case; 26] = [
    Case::Missing,
    // At once after the genuine one: later it would be refused for its age.
    Case::Replay,
    Case::WrongKey,
    Case::TamperedBody,
    Case::Empty,
    Case::EmptyKey,
    Case::BarePrefix,
    Case::KeyUndefined,
    Case::KeyNull,
    Case::KeyNone,
    Case::KeyNil,
    Case::KeySecret,
    Case::KeyChangeme,
    Case::KeyTest,
    Case::KeyVendor,
    Case::KeyPlaceholder,
    Case::TamperedTime,
    Case::TamperedId,
    Case::TamperedUrl,
    Case::Truncated,
    Case::OtherHash,
    Case::Downgraded,
    Case::Stale,
    Case::Future,
    Case::Rewritten,
    Case::Handshake,
];

/// What each interval tries without a secret, and what a day's run adds.
const CANARY: [Case; 4] = [Case::Missing, Case::Empty, Case::WrongKey, Case::EmptyKey];

/// What a day's run tries beside a genuine delivery.
const SIGNED_CANARY: [Case; 3] = [Case::Missing, Case::WrongKey, Case::TamperedBody];

impl Case {
    /// The key that it is signed with by mistake.
    pub(super) const fn word(self) -> Option<&'static str> {
        Some(match self {
            Self::EmptyKey => "",
            Self::KeyUndefined => "undefined",
            Self::KeyNull => "null",
            Self::KeyNone => "None",
            Self::KeyNil => "nil",
            Self::KeySecret => "secret",
            Self::KeyChangeme => "changeme",
            Self::KeyTest => "test",
            Self::KeyVendor => "whsec_test",
            Self::KeyPlaceholder => "your-webhook-secret",
            _ => return None,
        })
    }

    /// What a finding on it is about.
    pub(super) const fn subject(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::EmptyKey => "empty-key",
            Self::BarePrefix => "prefix",
            Self::Truncated => "half",
            Self::TamperedBody => "body",
            Self::TamperedTime => "timestamp",
            Self::TamperedId => "id",
            Self::TamperedUrl => "url",
            Self::OtherHash => "algorithm",
            Self::Downgraded => "older-form",
            other => match other.word() {
                Some(word) => word,
                None => "",
            },
        }
    }

    /// The same in words.
    pub(super) fn words(self) -> String {
        match self {
            Self::Sibling => "a request to a path that does not exist".to_owned(),
            Self::Control => "a genuine delivery".to_owned(),
            Self::ControlTheirTime => "a genuine delivery at the target's own time".to_owned(),
            Self::ControlOtherUrl => "a delivery signed for the URL's other scheme".to_owned(),
            Self::Missing => "a delivery without a signature".to_owned(),
            Self::Empty => "a delivery with an empty signature".to_owned(),
            Self::WrongKey => "a delivery signed with a random key".to_owned(),
            Self::EmptyKey => "a delivery signed with the empty key".to_owned(),
            Self::BarePrefix => "a signature of which only the prefix is there".to_owned(),
            Self::Truncated => "the first half of a genuine signature".to_owned(),
            Self::TamperedBody => "a genuine signature over another body".to_owned(),
            Self::TamperedTime => "a genuine signature with another time".to_owned(),
            Self::TamperedId => "a genuine signature with another id".to_owned(),
            Self::TamperedUrl => "a genuine signature for another URL".to_owned(),
            Self::Stale => "a delivery signed more than an hour ago".to_owned(),
            Self::Future => "a delivery signed for more than an hour from now".to_owned(),
            Self::Replay => "the same delivery twice".to_owned(),
            Self::OtherHash => "a signature made with SHA-1".to_owned(),
            Self::Downgraded => "a signature of the older form alone".to_owned(),
            Self::Rewritten => "a signature over the body written anew".to_owned(),
            Self::Handshake => "an unproven handshake".to_owned(),
            other => {
                format!("a delivery signed with the key `{}`", other.word().unwrap_or_default())
            }
        }
    }

    /// Whether it needs the secret.
    pub(super) const fn is_signed(self) -> bool {
        matches!(
            self,
            Self::Control
                | Self::ControlTheirTime
                | Self::ControlOtherUrl
                | Self::Truncated
                | Self::TamperedBody
                | Self::TamperedTime
                | Self::TamperedId
                | Self::TamperedUrl
                | Self::Stale
                | Self::Future
                | Self::Replay
                | Self::OtherHash
                | Self::Downgraded
                | Self::Rewritten
        )
    }

    /// Whether it is a genuine delivery.
    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Control | Self::ControlTheirTime | Self::ControlOtherUrl)
    }

    /// Whether accepting it means that anybody can make deliveries up. What was validly signed, and
    /// should still be refused, is none.
    pub(super) const fn is_forgery(self) -> bool {
        matches!(
            self,
            Self::Missing
                | Self::Empty
                | Self::WrongKey
                | Self::BarePrefix
                | Self::Truncated
                | Self::TamperedBody
                | Self::TamperedTime
                | Self::TamperedId
                | Self::TamperedUrl
        ) || self.word().is_some()
    }

    /// Whether a target that accepts it is left alone but for this one, until it refuses it: then
    /// anybody can make deliveries up, or write others of a genuine one. Where the time, the id or
    /// the address alone is not looked at, worse can still come, and must be seen.
    pub(super) const fn is_grave(self) -> bool {
        self.is_forgery()
            && !matches!(self, Self::TamperedTime | Self::TamperedId | Self::TamperedUrl)
    }

    /// What sending it does to a target of this nature.
    pub(super) fn impact(self, nature: &Nature) -> Impact {
        if self == Self::Sibling {
            Impact::Active
        } else if nature.works || self.is_signed() || self.word().is_some() {
            Impact::Intrusive
        } else {
            Impact::Active
        }
    }

    /// Whether it says anything of this nature: what a scheme does not cover is not held against it.
    pub(super) fn applies(self, nature: &Nature) -> bool {
        let token = nature.proof == Proof::Token;
        match self {
            // Without a prefix an empty token is an empty header.
            Self::EmptyKey => nature.proof != Proof::KeyPair && (!token || nature.prefix),
            case if case.word().is_some() => nature.proof != Proof::KeyPair,
            Self::BarePrefix => nature.prefix && !token,
            Self::TamperedBody => nature.body,
            Self::TamperedTime => nature.stamp,
            Self::TamperedId => nature.id,
            Self::TamperedUrl | Self::ControlOtherUrl => nature.url,
            Self::Stale | Self::Future | Self::ControlTheirTime => nature.time != Time::Unsigned,
            Self::OtherHash => nature.proof == Proof::Hmac,
            Self::Downgraded => nature.downgrade.is_some(),
            Self::Rewritten => nature.rewritable && nature.body,
            Self::Handshake => nature.handshake.is_some(),
            Self::Replay => nature.known_again,
            _ => true,
        }
    }
}

/// What a run means to try of a scheme of this nature.
pub(super) fn planned(nature: &Nature, signs: bool, deep: bool) -> Vec<Case> {
    let mut cases: Vec<Case> = if deep {
        ATTACKS.into()
    } else if signs {
        SIGNED_CANARY.into()
    } else {
        CANARY.into()
    };
    if !deep && signs && !nature.body {
        cases.push(Case::Empty);
    }
    cases.retain(|case| case.applies(nature) && (signs || !case.is_signed()));
    cases
}
