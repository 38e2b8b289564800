//! Intercom: an HMAC-SHA1 over the body, in `X-Hub-Signature`.

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site};
use crate::webhook::crypto::hex;

pub(super) struct Intercom;

/// What Intercom sends to try an endpoint out.
const PING: &str = r#"{"type":"notification_event","app_id":"musterd","data":{"type":"notification_event_data","item":{"type":"ping","message":"musterd"}},"id":null,"topic":"ping","delivery_status":null,"delivery_attempts":1,"first_sent_at":1700000000,"created_at":1700000000}"#;

impl Scheme for Intercom {
    fn nature(&self) -> Nature {
        Nature { prefix: true, ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, PING)
    }

    fn sign(&self, delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        key.hmac(Hash::Sha1, &[&delivery.body]).map(|mac| hex(&mac))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-hub-signature", format!("sha1={signature}"))
    }
}
