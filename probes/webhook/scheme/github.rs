//! GitHub: an HMAC over the body, in `X-Hub-Signature-256`.

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site};
use crate::webhook::crypto::hex;

pub(super) struct Github;

/// What GitHub sends when a webhook is made.
const PING: &str = r#"{"zen":"musterd looks whether forged deliveries are refused.","hook_id":0,"hook":{"type":"Repository","id":0,"name":"web","active":true,"events":["ping"]}}"#;

impl Scheme for Github {
    fn nature(&self) -> Nature {
        Nature { prefix: true, downgrade: Some("sha1"), ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        let id = "00000000-0000-4000-8000-6d7573746572";
        Delivery::json(site, PING)
            .id(id)
            .with("x-github-event", "ping")
            .with("x-github-delivery", id)
            .with("x-github-hook-id", "0")
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        key.hmac(hash, &[&delivery.body]).map(|mac| hex(&mac))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-hub-signature-256", format!("sha256={signature}"))
    }

    /// The header of before 2020, which GitHub still sends beside the new one.
    fn downgraded(&self, delivery: &Delivery, key: &Key) -> Option<Attached> {
        let signature = self.sign(delivery, key, Hash::Sha1)?;
        Some(Attached::header("x-hub-signature", format!("sha1={signature}")))
    }
}
