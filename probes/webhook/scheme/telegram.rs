//! Telegram: a secret of the bot's own in `X-Telegram-Bot-Api-Secret-Token`.

use super::vapi::plain;
use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site};

pub(super) struct Telegram;

impl Scheme for Telegram {
    fn nature(&self) -> Nature {
        Nature::TOKEN
    }

    fn inert(&self, site: &Site) -> Delivery {
        // An update of no kind that exists.
        Delivery::json(site, r#"{"update_id":0,"musterd_probe":{}}"#)
    }

    fn key(&self, secret: &str) -> Result<Key, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if secret.len() <= 256 && secret.chars().all(fits) {
            return Ok(Key::shared(secret));
        }
        Err("a secret token has at most 256 of the characters A-Z, a-z, 0-9, _ and -".to_owned())
    }

    fn sign(&self, _delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        plain(key)
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-telegram-bot-api-secret-token", signature)
    }
}
