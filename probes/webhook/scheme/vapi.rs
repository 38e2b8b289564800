//! Vapi: a shared secret in a header, whose name its customers choose.

use http::HeaderName;

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site};

/// A secret that is sent as it is.
pub(in crate::webhook) struct Token {
    pub(in crate::webhook) header: HeaderName,
}

impl Scheme for Token {
    fn nature(&self) -> Nature {
        Nature { works: true, ..Nature::TOKEN }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, r#"{"message":{"type":"musterd-probe-noop"}}"#)
    }

    fn sign(&self, _delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        plain(key)
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        let signatures = vec![(self.header.clone(), signature.to_owned())];
        Attached { signatures, ..Attached::default() }
    }
}

/// The secret itself; one of random bytes as text that a header may hold.
pub(super) fn plain(key: &Key) -> Option<String> {
    let secret = key.secret()?;
    let text = std::str::from_utf8(secret).ok().filter(|text| !text.contains(char::is_control));
    Some(text.map_or_else(|| crate::webhook::crypto::hex(secret), str::to_owned))
}
