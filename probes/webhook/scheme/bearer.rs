//! `Authorization: Bearer`, as schedulers send it to the endpoints that they call.

use http::Method;

use super::vapi::plain;
use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site};

pub(in crate::webhook) struct Bearer {
    pub(in crate::webhook) method: Method,
}

impl Scheme for Bearer {
    fn nature(&self) -> Nature {
        // Each call of a scheduler is like the one before.
        Nature { works: true, prefix: true, known_again: false, ..Nature::TOKEN }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery { method: self.method.clone(), ..Delivery::post(site, "", Vec::new()) }
    }

    fn method(&self) -> Method {
        self.method.clone()
    }

    fn sign(&self, _delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        plain(key)
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("authorization", format!("Bearer {signature}").trim_end())
    }
}
