//! `SendGrid`'s Event Webhook: an ECDSA signature over time and body.

use super::{Attached, Delivery, Hash, Key, Nature, Proof, Scheme, Site, Time};
use crate::webhook::crypto::{base64, der};

pub(super) struct Sendgrid;

const EVENTS: &str = r#"[{"email":"probe@musterd.invalid","event":"musterd_probe_noop","sg_event_id":"musterd","sg_message_id":"musterd","timestamp":1700000000}]"#;

impl Scheme for Sendgrid {
    fn nature(&self) -> Nature {
        Nature { proof: Proof::KeyPair, time: Time::Unchecked, stamp: true, ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, EVENTS)
    }

    fn key(&self, secret: &str) -> Result<Key, String> {
        der(secret).and_then(|bytes| Key::p256(&bytes)).ok_or_else(|| {
            "a secret is a private key on the curve P-256: PKCS#8, as PEM or base64".to_owned()
        })
    }

    fn random_key(&self) -> Option<Key> {
        Key::random_p256()
    }

    fn guessed(&self, _word: &str) -> Option<Key> {
        None
    }

    fn sign(&self, delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        let time = delivery.seconds();
        key.sign(&[time.as_bytes(), &delivery.body].concat()).map(|signature| base64(&signature))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-twilio-email-event-webhook-signature", signature)
            .with("x-twilio-email-event-webhook-timestamp", delivery.seconds())
    }
}
