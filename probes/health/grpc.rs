//! gRPC's health checking protocol, version 1: the request, and what its answer says.
//!
//! One call with one field each way: the few bytes of protobuf are written and read here.

use std::time::Duration;

use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, TE};
use http::{HeaderName, HeaderValue, Method};
use percent_encoding::percent_decode_str;
use url::Url;

use super::reading::{Form, MAX_BODY, Reading, Stated};
use super::vocabulary::Level;
use crate::net::exchange::Answer;
use crate::net::request::Request;
use crate::net::tls::Alpn;
use crate::text::excerpt;

/// The one path of the protocol, at the root of every server.
pub(super) const CHECK: &str = "/grpc.health.v1.Health/Check";

/// The names of gRPC's status codes, from 0 on.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// `HealthCheckResponse.ServingStatus`, from 0 on.
const STATUSES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const SERVICE_UNKNOWN: u64 = 3;

/// Asks how a service is. gRPC knows no method but POST; the call itself changes nothing, like
/// any GET, and is as passive.
pub(super) fn request(url: Url, service: &str, timeout: Duration) -> Request {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(1 << 3 | 2);
        write_varint(service.len(), &mut message);
        message.extend_from_slice(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut body = vec![0];
    body.extend_from_slice(&length.to_be_bytes());
    body.append(&mut message);
    let request =
        Request { body: body.into(), alpn: Alpn::Http2, ..Request::new(Method::POST, url) };
    request
        .body_cap(MAX_BODY)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/grpc"))
        .header(TE, HeaderValue::from_static("trailers"))
        .header(HeaderName::from_static("grpc-timeout"), timeout_value(timeout))
        // gRPC compresses messages, if at all, and not the body of HTTP.
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
}

/// At most eight digits and a unit.
fn timeout_value(timeout: Duration) -> HeaderValue {
    let milliseconds = timeout.as_millis();
    let text = if milliseconds < 100_000_000 {
        format!("{}m", milliseconds.max(1))
    } else {
        format!("{}S", timeout.as_secs().min(99_999_999))
    };
    HeaderValue::try_from(text).expect("digits and a letter are a header's value")
}

/// What an answer with status 200 comes to.
enum Said {
    /// A `ServingStatus`.
    Status(u64),
    /// No message, though all went well.
    Nothing,
    /// A `grpc-status` other than OK.
    Failed(usize),
}

/// What an answer says, or why it is none of gRPC's.
fn said(answer: &Answer) -> Result<Said, String> {
    let label = answer.header("content-type").unwrap_or_default();
    let essence = label.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence != "application/grpc" && !essence.starts_with("application/grpc+") {
        return Err(match essence.as_str() {
            "" => "it has no content type".to_owned(),
            essence => format!("its content type is {}", excerpt(essence, 60)),
        });
    }
    let code = field(answer, "grpc-status").ok_or("it has no grpc-status")?;
    match code.trim().parse() {
        Ok(0) => {}
        Ok(code) => return Ok(Said::Failed(code)),
        Err(_) => return Err(format!("its grpc-status is {:?}", excerpt(code, 20))),
    }
    match framed(&answer.body.bytes.0)? {
        None => Ok(Said::Nothing),
        Some(message) => {
            let status = serving_status(message).ok_or("its message is no protobuf")?;
            Ok(Said::Status(status))
        }
    }
}

/// A field of gRPC's own: after the body, or in the head where there is no body at all.
fn field<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let head = || answer.header(name).filter(|_| answer.body.length == 0);
    answer.trailer(name).or_else(head)
}

/// The text beside an error.
pub(super) fn message(answer: &Answer) -> Option<String> {
    let written = field(answer, "grpc-message")?;
    Some(percent_decode_str(written).decode_utf8_lossy().into_owned())
}

/// The HTTP status that an answer amounts to: its own, unless it is an error of gRPC's.
///
/// After the mapping of `google.rpc.Code`, with two exceptions: a call that is not implemented is
/// one that is not found, and a server that is out of something turns its users away too.
pub(super) fn status(answer: &Answer) -> u16 {
    if answer.status != 200 {
        return answer.status;
    }
    match said(answer) {
        Ok(Said::Failed(code)) => match code {
            1 => 499,
            3 | 9 | 11 => 400,
            4 => 504,
            5 | 12 => 404,
            6 | 10 => 409,
            7 => 403,
            8 | 14 => 503,
            16 => 401,
            // Codes that are not known are to be taken for UNKNOWN.
            _ => 500,
        },
        Ok(Said::Status(SERVICE_UNKNOWN)) => 404,
        Ok(Said::Status(_) | Said::Nothing) | Err(_) => 200,
    }
}

/// Reads an answer. One with another status than 200 comes from something before the service, and
/// claims nothing.
pub(super) fn read(answer: &Answer) -> Reading {
    let mut reading = Reading::of(Form::Grpc);
    if answer.status != 200 {
        return reading;
    }
    let (word, level) = match said(answer) {
        Ok(Said::Status(number)) => {
            let name = usize::try_from(number).ok().and_then(|number| STATUSES.get(number));
            let level = match number {
                1 => Some(Level::Up),
                2 => Some(Level::Down),
                0 | SERVICE_UNKNOWN => Some(Level::Unknown),
                _ => None,
            };
            (name.map_or_else(|| number.to_string(), |name| (*name).to_owned()), level)
        }
        // An absent status is UNKNOWN, and so is the one of an absent message.
        Ok(Said::Nothing) => ("OK without a message".to_owned(), Some(Level::Unknown)),
        Ok(Said::Failed(code)) => (
            match CODES.get(code) {
                Some(name) => format!("grpc-status {code} ({name})"),
                None => format!("grpc-status {code}"),
            },
            None,
        ),
        Err(why) => {
            reading.invalid = Some(why);
            return reading;
        }
    };
    reading.aggregate = Some(Stated { word, level });
    reading
}

/// What an answer that says nothing of health means.
pub(super) fn meaning(answer: &Answer, service: &str) -> Option<String> {
    match said(answer).ok().filter(|_| answer.status == 200)? {
        Said::Status(SERVICE_UNKNOWN) | Said::Failed(5) if service.is_empty() => {
            Some("the server does not tell of itself as a whole".to_owned())
        }
        Said::Status(SERVICE_UNKNOWN) | Said::Failed(5) => {
            Some(format!("the server knows no service {:?}", excerpt(service, 80)))
        }
        Said::Failed(12) => Some("the server has no health service".to_owned()),
        _ => None,
    }
}

/// The message of a body: after a byte that says whether it is compressed, and its length.
fn framed(body: &[u8]) -> Result<Option<&[u8]>, &'static str> {
    let (compressed, length, rest) = match body {
        [] => return Ok(None),
        [compressed, a, b, c, d, rest @ ..] => {
            (*compressed, u32::from_be_bytes([*a, *b, *c, *d]), rest)
        }
        _ => return Err("its message breaks off"),
    };
    if compressed != 0 {
        return Err("its message is compressed, though nothing of the kind was asked for");
    }
    match u64::try_from(rest.len()).unwrap_or(u64::MAX).cmp(&length.into()) {
        std::cmp::Ordering::Less => Err("its message breaks off"),
        std::cmp::Ordering::Equal => Ok(Some(rest)),
        std::cmp::Ordering::Greater => Err("it has more than one message"),
    }
}

/// Field 1 of a `HealthCheckResponse`: the last one counts, and 0 is what is not written.
fn serving_status(mut message: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !message.is_empty() {
        let key = read_varint(&mut message)?;
        match (key >> 3, key & 7) {
            (0, _) => return None,
            (1, 0) => status = read_varint(&mut message)?,
            // Fields of other versions.
            (_, 0) => {
                read_varint(&mut message)?;
            }
            (_, 1) => message = message.get(8..)?,
            (_, 2) => {
                let length = usize::try_from(read_varint(&mut message)?).ok()?;
                message = message.get(length..)?;
            }
            (_, 5) => message = message.get(4..)?,
            _ => return None,
        }
    }
    Some(status)
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        // Of the tenth byte one bit fits.
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn write_varint(mut value: usize, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap_or_default());
}

#[cfg(test)]
mod tests;
