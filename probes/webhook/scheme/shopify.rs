//! Shopify: an HMAC over the body, in `X-Shopify-Hmac-Sha256`.

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site};
use crate::webhook::crypto::base64;

pub(super) struct Shopify;

impl Scheme for Shopify {
    fn nature(&self) -> Nature {
        // Its library answers so for topics without a handler.
        Nature { unhandled: &[404], ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        let id = "00000000-0000-4000-8000-6d7573746572";
        Delivery::json(site, r#"{"id":0,"note":"musterd"}"#)
            .id(id)
            .with("x-shopify-topic", "musterd/noop")
            .with("x-shopify-shop-domain", "musterd-probe.myshopify.com")
            .with("x-shopify-api-version", "2025-01")
            .with("x-shopify-webhook-id", id)
            .with("x-shopify-event-id", id)
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        key.hmac(hash, &[&delivery.body]).map(|mac| base64(&mac))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-shopify-hmac-sha256", signature)
    }
}
