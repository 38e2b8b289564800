//! Mailgun: an HMAC over time and token, in the body itself, which it does not cover.

use serde_json::{Value, json};

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site, Time};
use crate::webhook::crypto::{hex, random};

pub(super) struct Mailgun;

impl Scheme for Mailgun {
    fn nature(&self) -> Nature {
        Nature {
            body: false,
            id: true,
            time: Time::Unchecked,
            stamp: true,
            rewritable: false,
            ..Nature::HMAC
        }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, r#"{"event-data":{"event":"musterd_probe_noop","id":"musterd"}}"#)
            // Mailgun's tokens have 50 characters, and receivers take each of them once.
            .id(&hex(&random(25)))
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        let time = delivery.seconds();
        key.hmac(hash, &[time.as_bytes(), delivery.id.as_bytes()]).map(|mac| hex(&mac))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        let mut body: Value = serde_json::from_slice(&delivery.body).unwrap_or_default();
        if let Some(body) = body.as_object_mut() {
            let (timestamp, token) = (delivery.seconds(), &delivery.id);
            body.insert(
                "signature".to_owned(),
                json!({"timestamp": timestamp, "token": token, "signature": signature}),
            );
        }
        Attached { body: Some(body.to_string().into()), ..Attached::default() }
    }
}
