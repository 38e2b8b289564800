//! Postmark: a user and a password in `Authorization: Basic`.

use super::vapi::plain;
use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site};
use crate::webhook::crypto::{base64, hex, random};

pub(super) struct Postmark;

const RECORD: &str = r#"{"RecordType":"MusterdProbe","MessageID":"00000000-0000-4000-8000-6d7573746572","Metadata":{}}"#;

impl Scheme for Postmark {
    fn nature(&self) -> Nature {
        Nature { prefix: true, ..Nature::TOKEN }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, RECORD)
    }

    fn key(&self, secret: &str) -> Result<Key, String> {
        if secret.contains(':') {
            return Ok(Key::shared(secret));
        }
        Err("a secret is a user and a password with a colon between them".to_owned())
    }

    fn random_key(&self) -> Option<Key> {
        Some(Key::shared(format!("musterd:{}", hex(&random(16)))))
    }

    fn guessed(&self, word: &str) -> Option<Key> {
        Some(Key::shared(format!("{word}:{word}")))
    }

    fn sign(&self, _delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        plain(key).map(|pair| base64(pair.as_bytes()))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("authorization", format!("Basic {signature}"))
    }
}
