//! An HMAC of which the configuration says what it is over and where it stands.

use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Attached, Delivery, Hash, Key, Nature, Scheme, Site, Time};
use crate::contract::SettingsError;
use crate::duration::Dur;
use crate::webhook::crypto::Encoding;

/// What the HMAC is over, and where it stands.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::webhook) struct Hmac {
    /// The header that carries the signature.
    header: String,
    /// What stands before the signature in its header, such as `sha256=`.
    #[serde(default)]
    prefix: String,
    /// How the signature is written: `hex` (the default) or `base64`.
    #[serde(default)]
    encoding: Encoding,
    /// `sha256` (the default), `sha512` or `sha1`.
    #[serde(default)]
    algorithm: Hash,
    /// What is signed, of `{body}`, `{timestamp}`, `{url}` and `{method}`; by default `{body}`, and
    /// `{timestamp}.{body}` where there is a `timestamp_header`.
    template: Option<String>,
    /// The header that carries the time, in seconds since 1970.
    timestamp_header: Option<String>,
    /// How old a delivery may be; by default that an old one is accepted is a low finding.
    tolerance: Option<Dur>,
}

pub(in crate::webhook) struct Custom {
    header: HeaderName,
    timestamp_header: Option<HeaderName>,
    prefix: String,
    encoding: Encoding,
    hash: Hash,
    template: Vec<Piece>,
    tolerance: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Body,
    Timestamp,
    Url,
    Method,
}

impl Custom {
    pub(in crate::webhook) fn new(written: &Hmac) -> Result<Self, SettingsError> {
        let name = |key: &'static str, text: &str| -> Result<HeaderName, SettingsError> {
            text.parse()
                .map_err(|_| SettingsError::at(key, format!("`{text}` is no name of a header")))
        };
        let header = name("hmac.header", &written.header)?;
        let timestamp_header = written.timestamp_header.as_deref();
        let timestamp_header =
            timestamp_header.map(|text| name("hmac.timestamp_header", text)).transpose()?;
        let default = if timestamp_header.is_some() { "{timestamp}.{body}" } else { "{body}" };
        let template = pieces(written.template.as_deref().unwrap_or(default))?;
        if !template.contains(&Piece::Body) {
            return Err(SettingsError::at(
                "hmac.template",
                "it does not hold {body}: such a signature would fit any other delivery",
            ));
        }
        let stamped = template.contains(&Piece::Timestamp);
        if stamped != timestamp_header.is_some() {
            let (key, message) = if stamped {
                ("hmac.template", "{timestamp} needs a `timestamp_header` that carries it")
            } else {
                ("hmac.timestamp_header", "the time is not signed: add {timestamp} to `template`")
            };
            return Err(SettingsError::at(key, message));
        }
        if written.tolerance.is_some() && !stamped {
            return Err(SettingsError::at(
                "hmac.tolerance",
                "without a time that is signed no delivery is too old: add `timestamp_header`",
            ));
        }
        let tolerance =
            written.tolerance.as_ref().map(|t| i64::try_from(t.0.as_secs()).unwrap_or(i64::MAX));
        if http::HeaderValue::from_str(&written.prefix).is_err() {
            return Err(SettingsError::at(
                "hmac.prefix",
                "a header holds visible ASCII characters only",
            ));
        }
        Ok(Self {
            header,
            timestamp_header,
            prefix: written.prefix.clone(),
            encoding: written.encoding,
            hash: written.algorithm,
            template,
            tolerance,
        })
    }

    fn has(&self, piece: &Piece) -> bool {
        self.template.contains(piece)
    }
}

/// The template's pieces.
fn pieces(template: &str) -> Result<Vec<Piece>, SettingsError> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let wrong = |what: &str| {
            let message = format!(
                "{what}: what stands in braces is {{body}}, {{timestamp}}, {{url}} or {{method}}"
            );
            SettingsError::at("hmac.template", message)
        };
        let (name, after) = after.split_once('}').ok_or_else(|| wrong("`{` is not closed"))?;
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        pieces.push(match name {
            "body" => Piece::Body,
            "timestamp" => Piece::Timestamp,
            "url" => Piece::Url,
            "method" => Piece::Method,
            other => return Err(wrong(&format!("`{{{other}}}` is not known"))),
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

impl Scheme for Custom {
    fn nature(&self) -> Nature {
        let stamp = self.has(&Piece::Timestamp);
        Nature {
            url: self.has(&Piece::Url),
            time: match (stamp, self.tolerance) {
                (false, _) => Time::Unsigned,
                (true, None) => Time::Unchecked,
                (true, Some(seconds)) => Time::Past(seconds),
            },
            stamp,
            prefix: !self.prefix.is_empty(),
            ..Nature::HMAC
        }
    }

    fn inert(&self, site: &Site) -> Delivery {
        Delivery::json(site, r#"{"id":"musterd_probe","type":"musterd.probe.noop","data":{}}"#)
    }

    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String> {
        // Its own algorithm, unless the other one is what is tried.
        let hash = if hash == Hash::default() { self.hash } else { hash };
        let time = delivery.seconds();
        let parts: Vec<&[u8]> = self
            .template
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_bytes(),
                Piece::Body => delivery.body.as_slice(),
                Piece::Timestamp => time.as_bytes(),
                Piece::Url => delivery.signed_url.as_bytes(),
                Piece::Method => delivery.method.as_str().as_bytes(),
            })
            .collect();
        key.hmac(hash, &parts).map(|mac| self.encoding.encode(&mac))
    }

    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached {
        let signature = (self.header.clone(), format!("{}{signature}", self.prefix));
        let time = self.timestamp_header.clone().map(|name| (name, delivery.seconds()));
        Attached { signatures: vec![signature], headers: time.into_iter().collect(), body: None }
    }
}
