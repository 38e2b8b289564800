//! Linear: an HMAC over a body that holds the time, in `Linear-Signature`.

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site, Time};
use crate::webhook::crypto::hex;

pub(super) struct Linear;

impl Scheme for Linear {
    fn nature(&self) -> Nature {
        Nature { time: Time::Both(60), ..Nature::HMAC }
    }

    fn inert(&self, site: &Site) -> Delivery {
        let id = "00000000-0000-4000-8000-6d7573746572";
        let time = site.at.as_millisecond();
        Delivery::json(
            site,
            format!(
                r#"{{"action":"noop","type":"MusterdProbe","createdAt":"2023-11-14T22:13:20.000Z","data":{{}},"url":"https://musterd.invalid","organizationId":"musterd","webhookTimestamp":{time},"webhookId":"{id}"}}"#
            ),
        )
        .id(id)
        .with("linear-delivery", id)
        .with("linear-event", "MusterdProbe")
    }

    /// A body of the configuration's own gets the time that Linear's libraries look for.
    fn prepare(&self, delivery: &mut Delivery) {
        let timed = String::from_utf8_lossy(&delivery.body).contains("webhookTimestamp");
        if !timed && delivery.body.last() == Some(&b'}') && delivery.body.len() > 2 {
            delivery.body.pop();
            let time = format!(r#","webhookTimestamp":{}}}"#, delivery.milliseconds());
            delivery.body.extend_from_slice(time.as_bytes());
        }
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        key.hmac(hash, &[&delivery.body]).map(|mac| hex(&mac))
    }

    fn attach(&self, _delivery: &Delivery, signature: &str) -> Attached {
        Attached::header("linear-signature", signature)
    }
}
