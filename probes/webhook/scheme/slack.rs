//! Slack: an HMAC over version, time and body, in `X-Slack-Signature`.

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site, Time};
use crate::webhook::crypto::hex;

pub(super) struct Slack;

/// An event that nobody listens to. The verification of a URL would tell nothing: many endpoints
/// answer it before they look at the signature, as they may.
const EVENT: &str = r#"{"token":"musterd","team_id":"T00000000","api_app_id":"A00000000","event":{"type":"musterd_probe_noop","event_ts":"1700000000.000000"},"type":"event_callback","event_id":"Ev0musterd","event_time":1700000000}"#;

impl Scheme for Slack {
    fn nature(&self) -> Nature {
        Nature {
            time: Time::Past(300),
            stamp: true,
            prefix: true,
            // Bolt answers so for events without a listener.
            unhandled: &[404],
            ..Nature::HMAC
        }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, EVENT).id("Ev0musterd")
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        let time = delivery.seconds();
        key.hmac(hash, &[b"v0:", time.as_bytes(), b":", &delivery.body]).map(|mac| hex(&mac))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-slack-signature", format!("v0={signature}"))
            .with("x-slack-request-timestamp", delivery.seconds())
    }
}
