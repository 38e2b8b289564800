//! Zoom: an HMAC over version, time and body, in `x-zm-signature`.

use super::{Attached, Delivery, Handshake, Hash, Key, Nature, Scheme, Site, Time};
use crate::webhook::crypto::hex;

pub(super) struct Zoom;

const EVENT: &str = r#"{"event":"musterd.probe_noop","event_ts":1700000000000,"payload":{"account_id":"musterd","object":{}}}"#;

impl Scheme for Zoom {
    fn nature(&self) -> Nature {
        Nature {
            // There is no library; Zoom's own samples do not look at the time.
            time: Time::Unchecked,
            stamp: true,
            prefix: true,
            handshake: Some(Handshake::Zoom),
            ..Nature::HMAC
        }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, EVENT)
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        let time = delivery.seconds();
        key.hmac(hash, &[b"v0:", time.as_bytes(), b":", &delivery.body]).map(|mac| hex(&mac))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-zm-signature", format!("v0={signature}"))
            .with("x-zm-request-timestamp", delivery.seconds())
    }
}
