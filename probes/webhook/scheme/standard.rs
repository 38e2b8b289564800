//! Standard Webhooks and Svix: an HMAC or Ed25519 signature over id, time and body.

use http::HeaderName;

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site, Time};
use crate::webhook::crypto::{base64, random, unbase64};

/// The scheme, with the beginning of its headers' names.
pub(super) struct Standard {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

pub(super) const STANDARD: Standard =
    Standard { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" };

pub(super) const SVIX: Standard =
    Standard { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" };

const EVENT: &str = r#"{"type":"musterd.probe.noop","timestamp":"2023-11-14T22:13:20Z","data":{}}"#;

impl Standard {
    fn carried(&self, delivery: &Delivery, signature: String) -> Attached {
        let name = HeaderName::from_static;
        Attached {
            signatures: vec![(name(self.signature), signature)],
            headers: vec![
                (name(self.id), delivery.id.clone()),
                (name(self.timestamp), delivery.seconds()),
            ],
            body: None,
        }
    }
}

impl Scheme for Standard {
    fn nature(&self) -> Nature {
        Nature {
            id: true,
            time: Time::Both(300),
            stamp: true,
            prefix: true,
            downgrade: Some("v1a"),
            ..Nature::HMAC
        }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, EVENT).id("msg_musterd_probe")
    }

    fn key(&self, secret: &str) -> Result<Key, String> {
        let wrong = || {
            "a secret is base64, after `whsec_` (24 to 64 bytes) or `whsk_` (an Ed25519 key)"
                .to_owned()
        };
        if let Some(private) = secret.strip_prefix("whsk_") {
            let bytes = unbase64(private).ok_or_else(wrong)?;
            return Key::ed25519(&bytes).ok_or_else(wrong);
        }
        let bytes = unbase64(secret.strip_prefix("whsec_").unwrap_or(secret)).ok_or_else(wrong)?;
        if bytes.is_empty() { Err(wrong()) } else { Ok(Key::shared(bytes.as_slice())) }
    }

    fn random_key(&self) -> Option<Key> {
        Some(Key::shared(random(24)))
    }

    /// As receivers decode it that take whatever is no base64 for the end.
    fn guessed(&self, word: &str) -> Option<Key> {
        let word = word.strip_prefix("whsec_").unwrap_or(word);
        let digits: String = word.chars().take_while(char::is_ascii_alphanumeric).collect();
        let whole = digits.len() - usize::from(digits.len() % 4 == 1);
        let digits: String = digits.chars().take(whole).collect();
        lenient(&digits).map(Key::shared)
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        let time = delivery.seconds();
        let parts: [&[u8]; 5] =
            [delivery.id.as_bytes(), b".", time.as_bytes(), b".", &delivery.body];
        if key.secret().is_some() {
            key.hmac(hash, &parts).map(|mac| base64(&mac))
        } else {
            // The label tells receivers which of the two it is.
            key.sign(&parts.concat()).map(|signature| format!("a,{}", base64(&signature)))
        }
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        let labelled = match signature.strip_prefix("a,") {
            Some(signature) => format!("v1a,{signature}"),
            None => format!("v1,{signature}"),
        };
        self.carried(delivery, labelled)
    }

    /// An HMAC under the label of the other algorithm.
    fn downgraded(&self, delivery: &Delivery, key: &Key) -> Option<Attached> {
        key.secret()?;
        let signature = self.sign(delivery, key, Hash::Sha256)?;
        Some(self.carried(delivery, format!("v1a,{signature}")))
    }
}

/// Base64 whose last digit may hold bits that stand for nothing.
fn lenient(digits: &str) -> Option<Vec<u8>> {
    use ::base64::Engine as _;
    use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &::base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    LENIENT.decode(digits).ok()
}
