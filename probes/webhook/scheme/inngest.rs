//! Inngest: an HMAC over the canonical body and the time, in `X-Inngest-Signature`.

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site, Time};
use crate::webhook::crypto::hex;

pub(super) struct Inngest;

/// The call of a function that does not exist. It is canonical JSON (RFC 8785) as it stands.
const CALL: &str = r#"{"ctx":{"attempt":0,"run_id":"musterd"},"event":{"data":{},"name":"musterd/probe.noop"},"events":[],"steps":{},"version":1}"#;

impl Scheme for Inngest {
    fn nature(&self) -> Nature {
        Nature {
            time: Time::Both(300),
            stamp: true,
            prefix: true,
            // What is signed is canonical whatever was sent.
            rewritable: false,
            // Its library answers so for functions that it does not know.
            unhandled: &[404, 500],
            ..Nature::HMAC
        }
    }

    fn inert(&self, site: &Site) -> Delivery {
        let mut delivery = Delivery::json(site, CALL);
        if delivery.url.query_pairs().all(|(name, _)| name != "fnId") {
            let mut query = delivery.url.query_pairs_mut();
            query.append_pair("fnId", "musterd-probe-noop").append_pair("stepId", "step");
        }
        delivery
    }

    /// The key of an environment has its name before it, which signs nothing.
    fn key(&self, secret: &str) -> Result<Key, String> {
        let bare = secret.strip_prefix("signkey-").and_then(|rest| rest.split_once('-'));
        Ok(Key::shared(bare.map_or(secret, |(_, key)| key)))
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        let time = delivery.seconds();
        key.hmac(hash, &[&delivery.body, time.as_bytes()]).map(|mac| hex(&mac))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        let time = delivery.seconds();
        Attached::header("x-inngest-signature", format!("t={time}&s={signature}"))
    }
}
