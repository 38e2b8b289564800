//! A stapled OCSP response (RFC 6960), read as far as its verdict on one certificate.
//!
//! Its signature is not verified: only the server itself could forge it, and rules make nothing of
//! it that would speak for the server.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// More answers than this in one response are not looked at.
const MOST: usize = 64;

/// What a staple says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Staple {
    pub(super) verdict: Verdict,
    /// When it was made, and from when on it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) this_update: Option<Timestamp>,
    /// When there should be a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next_update: Option<Timestamp>,
}

/// What the authority says of the certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Good,
    /// Since then.
    Revoked(Timestamp),
    /// The authority does not know the certificate.
    Unknown,
    /// The responder gave no verdict but this status, such as `tryLater`.
    Declined(String),
    /// It speaks of other certificates alone.
    Other,
    /// It cannot be read.
    Unreadable,
}

/// Reads a staple for the certificate with this serial number, in lower-case hexadecimal digits as
/// the certificate holds it.
pub(super) fn read(der: &[u8], serial: &str) -> Staple {
    parse(der, serial).unwrap_or(Staple {
        verdict: Verdict::Unreadable,
        this_update: None,
        next_update: None,
    })
}

fn parse(der: &[u8], serial: &str) -> Option<Staple> {
    let mut response = Elements(Elements(der).content(SEQUENCE)?);
    let bare = |verdict| Staple { verdict, this_update: None, next_update: None };
    match response.content(ENUMERATED)? {
        [0] => {}
        [status] => return Some(bare(Verdict::Declined(declined(*status)))),
        _ => return None,
    }
    let mut bytes = Elements(Elements(response.content(context(0))?).content(SEQUENCE)?);
    // id-pkix-ocsp-basic: there is no other type.
    (bytes.content(OBJECT_ID)? == [0x2B, 6, 1, 5, 5, 7, 0x30, 1, 1]).then_some(())?;
    let mut basic = Elements(Elements(bytes.content(OCTETS)?).content(SEQUENCE)?);
    let mut data = Elements(basic.content(SEQUENCE)?);
    data.skip_if(context(0));
    // The responder's name or key, and when it spoke.
    data.next()?;
    data.content(TIME)?;
    let mut answers = Elements(data.content(SEQUENCE)?);
    for _ in 0..MOST {
        let Some(answer) = answers.content(SEQUENCE) else { break };
        let mut fields = Elements(answer);
        if subject(&mut fields)? == serial {
            return status(&mut fields);
        }
    }
    Some(bare(Verdict::Other))
}

/// The serial number of the certificate that an answer speaks of, as hexadecimal digits.
fn subject(fields: &mut Elements<'_>) -> Option<String> {
    let mut id = Elements(fields.content(SEQUENCE)?);
    // The hash's algorithm, the issuer's name and its key.
    id.content(SEQUENCE)?;
    id.content(OCTETS)?;
    id.content(OCTETS)?;
    id.content(INTEGER).map(super::certificate::hex)
}

/// What an answer says.
fn status(fields: &mut Elements<'_>) -> Option<Staple> {
    let (tag, content) = fields.next()?;
    let verdict = match tag {
        GOOD => Verdict::Good,
        REVOKED => Verdict::Revoked(time(Elements(content).content(TIME)?)?),
        UNKNOWN => Verdict::Unknown,
        _ => return None,
    };
    let this_update = time(fields.content(TIME)?);
    let next_update =
        fields.content(context(0)).and_then(|next| time(Elements(next).content(TIME)?));
    Some(Staple { verdict, this_update, next_update })
}

fn declined(status: u8) -> String {
    match status {
        1 => "malformedRequest".to_owned(),
        2 => "internalError".to_owned(),
        3 => "tryLater".to_owned(),
        5 => "sigRequired".to_owned(),
        6 => "unauthorized".to_owned(),
        other => format!("status {other}"),
    }
}

/// `20261101000000Z`, with or without a fraction of a second.
fn time(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let whole = text.split('.').next()?;
    let parsed = DateTime::strptime("%Y%m%d%H%M%S", whole).ok()?;
    Some(parsed.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const ENUMERATED: u8 = 0x0A;
const TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const GOOD: u8 = 0x80;
const REVOKED: u8 = 0xA1;
const UNKNOWN: u8 = 0x82;

/// A field with a number of its own, around what it holds.
const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// DER elements, one after the other.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The next element's tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            short @ 0..=0x7F => (usize::from(short), rest),
            0x81 => {
                let (length, rest) = rest.split_first()?;
                (usize::from(*length), rest)
            }
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            // A response of over 64 KiB comes over no handshake.
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next element's content, where it has this tag; else nothing is taken.
    fn content(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let before = self.0;
        match self.next() {
            Some((tag, content)) if tag == wanted => Some(content),
            _ => {
                self.0 = before;
                None
            }
        }
    }

    fn skip_if(&mut self, tag: u8) {
        let _skipped = self.content(tag);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut bytes = vec![tag];
        match u8::try_from(content.len()) {
            Ok(short) if short < 0x80 => bytes.push(short),
            _ => {
                bytes.push(0x82);
                bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            }
        }
        bytes.extend(content);
        bytes
    }

    /// A response with one answer on the certificate `0a0b`.
    fn response(status: &[u8]) -> Vec<u8> {
        let stamp = |text: &str| element(TIME, &[text.as_bytes()]);
        let algorithm = element(SEQUENCE, &[&element(OBJECT_ID, &[&[0x2B, 14, 3, 2, 26]])]);
        let hash = element(OCTETS, &[&[7; 20]]);
        let id = element(SEQUENCE, &[&algorithm, &hash, &hash, &element(INTEGER, &[&[10, 11]])]);
        let next = element(context(0), &[&stamp("20261108000000Z")]);
        let answer = element(SEQUENCE, &[&id, status, &stamp("20261101000000Z"), &next]);
        let responder = element(context(2), &[&hash]);
        let data = element(
            SEQUENCE,
            &[&responder, &stamp("20261101000000Z"), &element(SEQUENCE, &[&answer])],
        );
        let basic = element(SEQUENCE, &[&data, &algorithm, &element(0x03, &[&[0; 200]])]);
        let kind = element(OBJECT_ID, &[&[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 1]]);
        let bytes = element(SEQUENCE, &[&kind, &element(OCTETS, &[&basic])]);
        element(SEQUENCE, &[&element(ENUMERATED, &[&[0]]), &element(context(0), &[&bytes])])
    }

    #[test]
    fn each_verdict_is_read() {
        let revoked = element(REVOKED, &[&element(TIME, &[b"20261015120000Z"])]);
        let since = "2026-10-15T12:00:00Z".parse().unwrap();
        for (status, verdict) in [
            (element(GOOD, &[]), Verdict::Good),
            (revoked, Verdict::Revoked(since)),
            (element(UNKNOWN, &[]), Verdict::Unknown),
        ] {
            let staple = read(&response(&status), "0a0b");
            assert_eq!(staple.verdict, verdict);
            assert_eq!(staple.this_update, "2026-11-01T00:00:00Z".parse().ok());
            assert_eq!(staple.next_update, "2026-11-08T00:00:00Z".parse().ok());
        }
        let good = response(&element(GOOD, &[]));
        assert_eq!(read(&good, "0c").verdict, Verdict::Other);
        let later = element(SEQUENCE, &[&element(ENUMERATED, &[&[3]])]);
        assert_eq!(read(&later, "0a0b").verdict, Verdict::Declined("tryLater".to_owned()));
        for rubbish in [&[][..], b"rubbish", &good[..good.len() / 2]] {
            assert_eq!(read(rubbish, "0a0b").verdict, Verdict::Unreadable);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_without_a_panic(
            position in 0_usize..400,
            byte in any::<u8>(),
            cut in 0_usize..400,
            bytes in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut damaged = response(&element(GOOD, &[]));
            let position = position % damaged.len();
            damaged[position] = byte;
            damaged.truncate(damaged.len() - cut % damaged.len());
            let _seen = (read(&damaged, "0a0b"), read(&bytes, "0a0b"));
        }
    }
}
