//! Twilio: an HMAC-SHA1 over the public URL and the form's fields, in `X-Twilio-Signature`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site};
use crate::webhook::crypto::{base64, hex, sha256};
use crate::webhook::delivery::FORM;

/// With a form as its body.
pub(super) struct Form;

/// With JSON as its body, whose hash stands in the URL.
pub(super) struct Json;

/// Numbers that are kept for fiction (555-0100 to 555-0199), and nothing said.
const MESSAGE: &str = "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01&Body=&From=%2B12025550123&MessageSid=SM00000000000000000000000000000000&NumMedia=0&NumSegments=1&ProfileName=musterd&SmsMessageSid=SM00000000000000000000000000000000&SmsSid=SM00000000000000000000000000000000&SmsStatus=received&To=%2B12025550199";

const NATURE: Nature = Nature { url: true, rewritable: false, works: true, ..Nature::HMAC };

impl Scheme for Form {
    fn nature(&self) -> Nature {
        NATURE
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::post(site, FORM, MESSAGE).id("SM00000000000000000000000000000000")
    }

    fn sign(&self, delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        let signed = format!("{}{}", delivery.signed_url, fields(&delivery.body));
        key.hmac(Hash::Sha1, &[signed.as_bytes()]).map(|mac| base64(&mac))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-twilio-signature", signature)
    }
}

/// Names and values, sorted by name; of several values of a name each once, sorted too.
fn fields(body: &[u8]) -> String {
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        fields.entry(name.into_owned()).or_default().insert(value.into_owned());
    }
    let mut text = String::new();
    for (name, values) in &fields {
        for value in values {
            text.push_str(name);
            text.push_str(value);
        }
    }
    text
}

impl Scheme for Json {
    fn nature(&self) -> Nature {
        NATURE
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(
            site,
            r#"{"EventType":"musterd.probe.noop","Sid":"EV00000000000000000000000000000000"}"#,
        )
    }

    fn prepare(&self, delivery: &mut Delivery) {
        let hash = hex(&sha256(&[&delivery.body]));
        delivery.url.query_pairs_mut().append_pair("bodySHA256", &hash);
        let joint = if delivery.signed_url.contains('?') { '&' } else { '?' };
        delivery.signed_url = format!("{}{joint}bodySHA256={hash}", delivery.signed_url);
    }

    fn sign(&self, delivery: &Delivery, key: &Key, _hash: Hash) -> Option<String> {
        key.hmac(Hash::Sha1, &[delivery.signed_url.as_bytes()]).map(|mac| base64(&mac))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("x-twilio-signature", signature)
    }
}
