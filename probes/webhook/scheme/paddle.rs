//! Paddle Billing: an HMAC over time and body, in `Paddle-Signature`.

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site, Time};
use crate::webhook::crypto::hex;

pub(super) struct Paddle;

const EVENT: &str = r#"{"event_id":"evt_musterd_probe","event_type":"musterd.probe_noop","occurred_at":"2023-11-14T22:13:20.000000Z","notification_id":"ntf_musterd_probe","data":{}}"#;

impl Scheme for Paddle {
    fn nature(&self) -> Nature {
        Nature { time: Time::Past(5), stamp: true, prefix: true, ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, EVENT).id("evt_musterd_probe")
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        let time = delivery.seconds();
        key.hmac(hash, &[time.as_bytes(), b":", &delivery.body]).map(|mac| hex(&mac))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        let time = delivery.seconds();
        Attached::header("paddle-signature", format!("ts={time};h1={signature}"))
    }
}
