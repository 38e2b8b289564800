//! Stripe: an HMAC over time and body, in `Stripe-Signature`.

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site, Time};
use crate::webhook::crypto::hex;

pub(super) struct Stripe;

/// Stripe writes its events in lines.
const EVENT: &str = r#"{
  "id": "evt_musterd_probe",
  "object": "event",
  "api_version": "2024-06-20",
  "created": 1700000000,
  "data": {
    "object": {}
  },
  "livemode": false,
  "pending_webhooks": 0,
  "request": {
    "id": null,
    "idempotency_key": null
  },
  "type": "musterd.probe.noop"
}"#;

impl Scheme for Stripe {
    fn nature(&self) -> Nature {
        Nature {
            time: Time::Past(300),
            stamp: true,
            prefix: true,
            downgrade: Some("v0"),
            ..Nature::HMAC
        }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, EVENT).id("evt_musterd_probe")
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        let time = delivery.seconds();
        key.hmac(hash, &[time.as_bytes(), b".", &delivery.body]).map(|mac| hex(&mac))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        let time = delivery.seconds();
        Attached::header("stripe-signature", format!("t={time},v1={signature}"))
    }

    /// `v0` is the scheme of test events; libraries look at `v1` alone.
    fn downgraded(&self, delivery: &Delivery, key: &Key) -> Option<Attached> {
        let (time, signature) = (delivery.seconds(), self.sign(delivery, key, Hash::Sha256)?);
        Some(Attached::header("stripe-signature", format!("t={time},v0={signature}")))
    }
}
