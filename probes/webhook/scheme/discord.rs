//! Discord: an Ed25519 signature over time and body.

use super::{Attached, Delivery, Hash, Key, Nature, Proof, Scheme, Site, Time};
use crate::webhook::crypto::{der, hex, unhex};

pub(super) struct Discord;

/// What Discord sends to see whether an endpoint lives.
const PING: &str = r#"{"version":1,"type":1,"id":"0","application_id":"0","token":"musterd"}"#;

impl Scheme for Discord {
    fn nature(&self) -> Nature {
        Nature { proof: Proof::KeyPair, time: Time::Unchecked, stamp: true, ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, PING).id("0")
    }

    fn key(&self, secret: &str) -> Result<Key, String> {
        let bytes = unhex(secret.trim()).or_else(|| der(secret));
        bytes.and_then(|bytes| Key::ed25519(&bytes)).ok_or_else(|| {
            "a secret is an Ed25519 private key: its seed as 64 hexadecimal digits, or PKCS#8"
                .to_owned()
        })
    }

    fn random_key(&self) -> Option<Key> {
        Key::random_ed25519()
    }

    fn guessed(&self, _word: &str) -> Option<Key> {
        None
    }

    fn sign(&self, delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        let time = delivery.seconds();
        key.sign(&[time.as_bytes(), &delivery.body].concat()).map(|signature| hex(&signature))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-signature-ed25519", signature)
            .with("x-signature-timestamp", delivery.seconds())
    }
}
