//! Square: an HMAC over the notification's URL and the body.

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site};
use crate::webhook::crypto::base64;

pub(super) struct Square;

const EVENT: &str = r#"{"merchant_id":"musterd","type":"musterd.probe.noop","event_id":"00000000-0000-4000-8000-6d7573746572","created_at":"2023-11-14T22:13:20Z","data":{}}"#;

impl Scheme for Square {
    fn nature(&self) -> Nature {
        Nature { url: true, ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, EVENT).id("00000000-0000-4000-8000-6d7573746572")
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        key.hmac(hash, &[delivery.signed_url.as_bytes(), &delivery.body]).map(|mac| base64(&mac))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-square-hmacsha256-signature", signature)
    }
}
