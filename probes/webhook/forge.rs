//! A case becomes a request: what is signed, and what is sent instead.

use http::{HeaderName, Method};
use jiff::{SignedDuration, Timestamp};
use serde::de::IgnoredAny;
use url::Url;

use super::Webhook;
use super::case::Case;
use super::crypto::{Hash, Key};
use super::delivery::{Attached, Delivery, FORM, JSON, Site};
use super::reply::CHALLENGE;
use super::scheme::{Handshake, Time};
use super::settings::Payload;

/// A request as it goes out.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    /// What anybody may see.
    pub(super) headers: Vec<(HeaderName, String)>,
    /// Signatures made with the secret, or the secret itself.
    pub(super) secrets: Vec<(HeaderName, String)>,
    pub(super) body: Vec<u8>,
    /// Texts that must not come back in any output.
    pub(super) conceal: Vec<String>,
}

/// What a delivery that is not genuine of now says of its time: by so much earlier or later than
/// the scheme allows, which no receiver takes for a slow network.
const AWAY: SignedDuration = SignedDuration::from_hours(1);

/// Nothing of this name exists.
const ABSENT: &str = "musterd-absent";

impl Webhook {
    /// The request of a case; `None` when the scheme or the key has no such thing. `theirs` is how
    /// far the target's clock is ahead, in seconds.
    pub(super) fn forge(
        &self,
        case: Case,
        url: &Url,
        key: Option<&Key>,
        now: Timestamp,
        theirs: i64,
    ) -> Option<Outgoing> {
        let nature = self.scheme.nature();
        let signed_url = self.signed_url.clone().unwrap_or_else(|| url.to_string());
        let at = at(case, nature.time, now, theirs)?;
        let site = Site { url: place(case, url), signed_url, at };
        if case == Case::Handshake {
            return nature.handshake.map(|kind| handshake(kind, &site));
        }
        let mut delivery = self.inert(&site);
        if matches!(case, Case::Sibling | Case::Missing) {
            let attached = self.scheme.attach(&delivery, "");
            return Some(Outgoing::unsigned(delivery, attached));
        }
        self.scheme.prepare(&mut delivery);
        let guessed = match case {
            Case::WrongKey | Case::Empty | Case::BarePrefix => self.scheme.random_key(),
            case => case.word().and_then(|word| self.scheme.guessed(word)),
        };
        let key = if case.is_signed() { key? } else { guessed.as_ref()? };
        let (signature, attached) = self.signed(case, &delivery, key)?;
        let mut outgoing = Outgoing::new(delivery, attached, case.is_signed());
        match case {
            Case::TamperedBody => tamper(&mut outgoing.body),
            Case::TamperedUrl => {
                outgoing.url.query_pairs_mut().append_pair("musterd", "1");
            }
            Case::Rewritten => outgoing.body = spaced(&outgoing.body),
            _ => {}
        }
        // What is a word of the language, and no secret, stays readable.
        if case.word() != Some(signature.as_str()) {
            outgoing.conceal.push(signature);
        }
        Some(outgoing)
    }

    /// The signature of a case, and what carries it.
    fn signed(&self, case: Case, delivery: &Delivery, key: &Key) -> Option<(String, Attached)> {
        let scheme = &*self.scheme;
        let genuine = scheme.sign(delivery, key, Hash::Sha256)?;
        let mut carried = delivery.clone();
        let signature = match case {
            Case::BarePrefix => String::new(),
            Case::Truncated => genuine.chars().take(genuine.len() / 2).collect(),
            Case::OtherHash => {
                let other = scheme.sign(delivery, key, Hash::Sha1)?;
                (other != genuine).then_some(other)?
            }
            Case::Rewritten => {
                // What reads the same when it is written anew is genuine.
                let is_json = serde_json::from_slice::<IgnoredAny>(&delivery.body).is_ok();
                if !is_json || compact(&delivery.body) == spaced(&delivery.body) {
                    return None;
                }
                let rewritten = Delivery { body: compact(&delivery.body), ..delivery.clone() };
                scheme.sign(&rewritten, key, Hash::Sha256)?
            }
            Case::Downgraded => {
                let attached = scheme.downgraded(delivery, key)?;
                return Some((genuine, attached));
            }
            Case::TamperedTime => {
                carried.at = delivery.at.checked_add(SignedDuration::from_secs(1)).ok()?;
                genuine
            }
            Case::TamperedId => {
                carried.id.push('x');
                genuine
            }
            Case::ControlOtherUrl => {
                let url = other_scheme(&delivery.signed_url)?;
                let other = Delivery { signed_url: url, ..delivery.clone() };
                scheme.sign(&other, key, Hash::Sha256)?
            }
            _ => genuine,
        };
        let mut attached = scheme.attach(&carried, &signature);
        if case == Case::Empty {
            if attached.signatures.is_empty() {
                attached = scheme.attach(&carried, "");
            }
            attached.signatures.iter_mut().for_each(|(_, value)| value.clear());
        }
        Some((signature, attached))
    }

    /// The delivery that means nothing, with the configuration's own body where it has one.
    fn inert(&self, site: &Site) -> Delivery {
        let mut delivery = self.scheme.inert(site);
        match &self.payload {
            Some(Payload::Text(text)) => delivery.body = text.clone().into(),
            Some(Payload::Fields(fields)) if delivery.content_type == FORM => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                delivery.body = form.extend_pairs(fields).finish().into();
            }
            None | Some(Payload::Fields(_)) => {}
            Some(Payload::Json(json)) => {
                delivery.body = json.clone().into();
                delivery.content_type = JSON;
            }
        }
        delivery
    }
}

/// Where a case goes: the endpoint, or a path beside it.
pub(super) fn place(case: Case, url: &Url) -> Url {
    let mut place = url.clone();
    if case == Case::Sibling {
        place.set_query(None);
        if let Ok(mut segments) = place.path_segments_mut() {
            segments.pop_if_empty().pop().push(ABSENT);
        }
    }
    place
}

impl Outgoing {
    fn new(delivery: Delivery, attached: Attached, secret: bool) -> Self {
        let mut headers = delivery.headers;
        headers.extend(attached.headers);
        let mut secrets = Vec::new();
        if secret {
            secrets = attached.signatures;
        } else {
            headers.extend(attached.signatures);
        }
        if !delivery.content_type.is_empty() {
            let name = HeaderName::from_static("content-type");
            headers.push((name, delivery.content_type.to_owned()));
        }
        Self {
            method: delivery.method,
            url: delivery.url,
            headers,
            secrets,
            body: attached.body.unwrap_or(delivery.body),
            conceal: Vec::new(),
        }
    }

    /// Without a signature, and with everything else.
    fn unsigned(delivery: Delivery, attached: Attached) -> Self {
        let attached = Attached { signatures: Vec::new(), body: None, ..attached };
        Self::new(delivery, attached, false)
    }
}

/// The time that a case carries; `None` when there is no time that is so far away.
fn at(case: Case, time: Time, now: Timestamp, theirs: i64) -> Option<Timestamp> {
    let away = AWAY.checked_add(SignedDuration::from_secs(time.tolerance().unwrap_or_default()))?;
    match case {
        Case::Stale => now.checked_sub(away).ok(),
        Case::Future => now.checked_add(away).ok(),
        Case::ControlTheirTime => {
            Some(now.checked_add(SignedDuration::from_secs(theirs)).unwrap_or(now))
        }
        _ => Some(now),
    }
}

/// The request that sets an endpoint up, from somebody who may not.
fn handshake(handshake: Handshake, site: &Site) -> Outgoing {
    let mut delivery = match handshake {
        Handshake::Meta => Delivery { method: Method::GET, ..Delivery::post(site, "", Vec::new()) },
        Handshake::Zoom => Delivery::json(
            site,
            format!(
                r#"{{"event":"endpoint.url_validation","event_ts":1700000000000,"payload":{{"plainToken":"{CHALLENGE}"}}}}"#
            ),
        ),
    };
    if handshake == Handshake::Meta {
        let token = super::crypto::hex(&super::crypto::random(16));
        let mut query = delivery.url.query_pairs_mut();
        query
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.verify_token", &token)
            .append_pair("hub.challenge", CHALLENGE);
    }
    Outgoing::new(delivery, Attached::default(), false)
}

/// The URL as it reads on the other side of a proxy that ends TLS.
fn other_scheme(url: &str) -> Option<String> {
    match url.split_once("://")? {
        ("https", rest) => Some(format!("http://{rest}")),
        ("http", rest) => Some(format!("https://{rest}")),
        _ => None,
    }
}

/// Changes one byte and leaves the body as readable as it was.
fn tamper(body: &mut Vec<u8>) {
    const NAME: &[u8] = b"musterd";
    let named = body.windows(NAME.len()).rposition(|window| window == NAME);
    // `musterd` becomes `mustard`; a body without it has another letter or digit to change.
    let place = named.map(|at| at + 4).or_else(|| body.iter().rposition(u8::is_ascii_alphanumeric));
    match place.and_then(|at| body.get_mut(at)) {
        Some(byte @ b'0'..=b'8') => *byte += 1,
        Some(byte @ b'9') => *byte = b'8',
        Some(byte @ b'a') => *byte = b'b',
        Some(byte) => *byte = b'a',
        None => body.push(b' '),
    }
}

/// JSON without spaces between its parts.
fn compact(json: &[u8]) -> Vec<u8> {
    outside_of_texts(json, |byte, out| {
        if !byte.is_ascii_whitespace() {
            out.push(byte);
        }
    })
}

/// JSON with other spaces between its parts than a library would write.
fn spaced(json: &[u8]) -> Vec<u8> {
    if compact(json) != json {
        return json.to_vec();
    }
    outside_of_texts(json, |byte, out| {
        out.push(byte);
        if matches!(byte, b':' | b',') {
            out.push(b' ');
        }
    })
}

fn outside_of_texts(json: &[u8], write: impl Fn(u8, &mut Vec<u8>)) -> Vec<u8> {
    let (mut out, mut inside, mut escaped) = (Vec::with_capacity(json.len()), false, false);
    for byte in json.iter().copied() {
        if inside {
            out.push(byte);
            inside = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else {
            inside = byte == b'"';
            write(byte, &mut out);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_is_changed_and_the_body_stays_readable() {
        for (before, after) in [
            (r#"{"a":"musterd","b":1}"#, r#"{"a":"mustard","b":1}"#),
            (r#"{"a":1}"#, r#"{"a":2}"#),
            (r#"{"a":"x"}"#, r#"{"a":"a"}"#),
            ("", " "),
        ] {
            let mut body = before.as_bytes().to_vec();
            tamper(&mut body);
            assert_eq!(String::from_utf8(body).unwrap(), after);
        }
    }

    #[test]
    fn spaces_come_and_go_between_the_parts_of_json_and_not_in_its_texts() {
        let short = br#"{"a":"b, c: \"d\"","e":[1,2]}"#;
        let long = br#"{"a": "b, c: \"d\"", "e": [1, 2]}"#;
        assert_eq!(spaced(short), long);
        assert_eq!(compact(long), short);
        assert_eq!(spaced(long), long, "what has spaces keeps them");
    }
}
