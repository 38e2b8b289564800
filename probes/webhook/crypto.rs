//! Hashes, codes and signatures, as webhooks' schemes use them.

use std::fmt::Write as _;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use schemars::JsonSchema;
use serde::Deserialize;
use zeroize::Zeroizing;

/// A hash below an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Hash {
    /// SHA-1: legacy, and still what some senders use.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How a signature becomes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Encoding {
    /// Hexadecimal digits in lower case.
    #[default]
    Hex,
    /// Base64 with padding (RFC 4648 section 4).
    Base64,
}

impl Encoding {
    pub(super) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex(bytes),
            Self::Base64 => base64(bytes),
        }
    }
}

/// What signs a delivery.
pub(super) enum Key {
    /// Both sides know it.
    Shared(Zeroizing<Vec<u8>>),
    /// The sender's half of a pair.
    Ed25519(Box<Ed25519KeyPair>),
    /// The sender's half of a pair on the curve P-256.
    P256(Box<EcdsaKeyPair>),
}

impl Key {
    pub(super) fn shared(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Shared(Zeroizing::new(bytes.into()))
    }

    /// A shared secret that nobody knows.
    pub(super) fn random() -> Self {
        Self::shared(random(32))
    }

    pub(super) fn random_ed25519() -> Option<Self> {
        Ed25519KeyPair::generate().ok().map(|pair| Self::Ed25519(Box::new(pair)))
    }

    pub(super) fn random_p256() -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).ok()?;
        Some(Self::P256(Box::new(pair)))
    }

    /// An Ed25519 key of its seed (32 bytes), of seed and public key (64), or of PKCS#8.
    pub(super) fn ed25519(bytes: &[u8]) -> Option<Self> {
        let pair = match bytes.len() {
            32 => Ed25519KeyPair::from_seed_unchecked(bytes),
            64 => {
                let (seed, public) = bytes.split_at(32);
                Ed25519KeyPair::from_seed_and_public_key(seed, public)
            }
            _ => Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes),
        };
        pair.ok().map(|pair| Self::Ed25519(Box::new(pair)))
    }

    /// A P-256 key of PKCS#8, or of a private key as SEC 1 writes it.
    pub(super) fn p256(bytes: &[u8]) -> Option<Self> {
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        EcdsaKeyPair::from_pkcs8(algorithm, bytes)
            .or_else(|_| EcdsaKeyPair::from_private_key_der(algorithm, bytes))
            .ok()
            .map(|pair| Self::P256(Box::new(pair)))
    }

    /// The secret that both sides share.
    pub(super) fn secret(&self) -> Option<&[u8]> {
        match self {
            Self::Shared(bytes) => Some(bytes),
            Self::Ed25519(_) | Self::P256(_) => None,
        }
    }

    /// The HMAC (RFC 2104) of these parts one after another; `None` of a key pair.
    pub(super) fn hmac(&self, hash: Hash, parts: &[&[u8]]) -> Option<Vec<u8>> {
        let algorithm = match hash {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha512 => hmac::HMAC_SHA512,
        };
        let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, self.secret()?));
        for part in parts {
            context.update(part);
        }
        Some(context.sign().as_ref().to_vec())
    }

    /// The signature of a key pair; `None` of a shared secret.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Shared(_) => None,
            Self::Ed25519(pair) => pair.try_sign(message).ok().map(|s| s.as_ref().to_vec()),
            Self::P256(pair) => {
                pair.sign(&SystemRandom::new(), message).ok().map(|s| s.as_ref().to_vec())
            }
        }
    }

    /// The public half of a pair.
    #[cfg(test)]
    pub(super) fn public(&self) -> Option<&[u8]> {
        use aws_lc_rs::signature::KeyPair as _;
        match self {
            Self::Shared(_) => None,
            Self::Ed25519(pair) => Some(pair.public_key().as_ref()),
            Self::P256(pair) => Some(pair.public_key().as_ref()),
        }
    }
}

/// So many random bytes.
pub(super) fn random(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    fastrand::fill(&mut bytes);
    bytes
}

pub(super) fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// What hexadecimal digits stand for; `None` when they are none, or an odd number of them.
pub(super) fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| Zeroizing::new(pairs.map(|pair| pair[0] << 4 | pair[1]).collect()))
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What base64 stands for, with or without padding.
pub(super) fn unbase64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    const INDIFFERENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    INDIFFERENT.decode(text.trim()).ok().map(Zeroizing::new)
}

/// The DER of a PEM block, or of base64 without the block's lines.
pub(super) fn der(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let inner: String =
        text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    unbase64(&inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hmac_is_that_of_rfc_4231_and_of_an_empty_key() {
        let key = Key::shared("Jefe");
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert_eq!(
            hex(&key.hmac(Hash::Sha256, &parts).unwrap()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        // RFC 2202 section 3, test case 2.
        assert_eq!(
            hex(&key.hmac(Hash::Sha1, &parts).unwrap()),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert_eq!(
            hex(&Key::shared("").hmac(Hash::Sha256, &[b""]).unwrap()),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
        );
    }

    #[test]
    fn an_ed25519_signature_is_that_of_rfc_8032() {
        // Section 7.1, test 2: the message is the byte 0x72.
        let seed = unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = Key::ed25519(&seed.unwrap()).unwrap();
        assert_eq!(
            hex(key.public().unwrap()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        );
        assert_eq!(
            hex(&key.sign(&[0x72]).unwrap()),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
    }

    #[test]
    fn hexadecimal_digits_and_base64_go_both_ways_and_what_is_neither_is_refused() {
        assert_eq!(hex(&unhex("00fF10").unwrap()), "00ff10");
        assert!(unhex("abc").is_none() && unhex("xy").is_none());
        assert_eq!(unbase64("YQ==").unwrap().as_slice(), b"a");
        assert_eq!(unbase64("YQ").unwrap().as_slice(), b"a");
        assert!(unbase64("%").is_none());
    }
}
