//! Meta: an HMAC over the body, in `X-Hub-Signature-256`.

use super::{Attached, Delivery, Handshake, Hash, Key, Nature, Scheme, Site};
use crate::webhook::crypto::hex;

pub(super) struct Meta;

impl Scheme for Meta {
    fn nature(&self) -> Nature {
        Nature {
            prefix: true,
            downgrade: Some("sha1"),
            handshake: Some(Handshake::Meta),
            ..Nature::HMAC
        }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, r#"{"object":"musterd_probe","entry":[]}"#)
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        key.hmac(hash, &[&delivery.body]).map(|mac| hex(&mac))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-hub-signature-256", format!("sha256={signature}"))
    }

    fn downgraded(&self, delivery: &Delivery, key: &Key) -> Option<Attached> {
        let signature = self.sign(delivery, key, Hash::Sha1)?;
        Some(Attached::header("x-hub-signature", format!("sha1={signature}")))
    }
}
