//! `HubSpot`: plain hashes over the secret and more in versions 1 and 2, an HMAC in version 3.

use super::{Attached, Delivery, Hash, Key, Nature, Proof, Scheme, Site, Time};
use crate::webhook::crypto::{base64, hex, sha256};

pub(super) struct V1;
pub(super) struct V2;
pub(super) struct V3;

const EVENTS: &str = r#"[{"eventId":0,"subscriptionId":0,"portalId":0,"occurredAt":1700000000000,"subscriptionType":"musterd.probe_noop","attemptNumber":0,"objectId":0}]"#;

fn events(site: &Site) -> Delivery {
    Delivery::json(site, EVENTS)
}

fn versioned(version: &str, signature: &str) -> Attached {
    Attached::header("x-hubspot-signature", signature).with("x-hubspot-signature-version", version)
}

impl Scheme for V1 {
    fn nature(&self) -> Nature {
        Nature { proof: Proof::Digest, ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        events(site)
    }

    fn sign(&self, delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        Some(hex(&sha256(&[key.secret()?, &delivery.body])))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        versioned("v1", signature)
    }
}

impl Scheme for V2 {
    fn nature(&self) -> Nature {
        Nature { proof: Proof::Digest, url: true, ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        events(site)
    }

    fn sign(&self, delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        let (method, url) = (delivery.method.as_str(), delivery.signed_url.as_bytes());
        Some(hex(&sha256(&[key.secret()?, method.as_bytes(), url, &delivery.body])))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        versioned("v2", signature)
    }
}

impl Scheme for V3 {
    fn nature(&self) -> Nature {
        Nature {
            url: true,
            time: Time::Past(300),
            stamp: true,
            downgrade: Some("v1"),
            ..Nature::HMAC
        }
    }

    fn inert(&self, site: &Site) -> Delivery {
        events(site)
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        let (method, time) = (delivery.method.as_str(), delivery.milliseconds());
        let url = delivery.signed_url.as_bytes();
        key.hmac(hash, &[method.as_bytes(), url, &delivery.body, time.as_bytes()])
            .map(|mac| base64(&mac))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-hubspot-signature-v3", signature)
            .with("x-hubspot-request-timestamp", delivery.milliseconds())
    }

    /// `HubSpot` sends the signature of version 1 beside that of version 3.
    fn downgraded(&self, delivery: &Delivery, key: &Key) -> Option<Attached> {
        V1.sign(delivery, key, Hash::Sha256).map(|signature| V1.attach(delivery, &signature))
    }
}
