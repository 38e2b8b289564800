//! A finished body on its way out: its tag, its compression, and what a `HEAD` gets of it.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;

use super::problem::Problem;

/// Bodies that are shorter than this travel as they are.
const WORTH_COMPRESSING: usize = 1_024;

/// Longer work leaves the threads that serve connections.
const QUICK: usize = 64 * 1_024;

/// A body that is known as a whole.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    status: StatusCode,
    media_type: &'static str,
    body: Bytes,
    /// Stands for this content alone. `None` where nobody but the bytes can tell.
    mark: Option<Mark>,
}

/// What stands for a content that was written once: no other one of any process has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mark(String);

impl Mark {
    /// Of something that was just written.
    pub(super) fn fresh() -> Self {
        static START: LazyLock<i128> = LazyLock::new(|| jiff::Timestamp::now().as_nanosecond());
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(format!("{:x}-{:x}", *START, NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Answer {
    /// JSON that is written already.
    pub(super) fn written(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { status: StatusCode::OK, media_type: "application/json", body, mark: None }
    }

    /// Known by a mark, so that its bytes need not be looked at.
    #[must_use]
    pub(super) fn marked(self, mark: Mark) -> Self {
        Self { mark: Some(mark), ..self }
    }

    /// Something as JSON.
    pub(super) fn json<T: Serialize>(value: &T) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(|error| {
            tracing::error!(%error, "an answer does not become JSON");
            Problem::fault()
        })?;
        Ok(Self::written(body))
    }

    /// With another status than 200.
    #[must_use]
    pub(super) fn with(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Of another media type than JSON.
    #[must_use]
    pub(super) fn of(self, media_type: &'static str) -> Self {
        Self { media_type, ..self }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = self.status;
        // `finish` takes it from here.
        answer.extensions_mut().insert(self);
        answer
    }
}

/// What a request says of how it wants its answer.
pub(super) struct Wish {
    reads: bool,
    head: bool,
    gzip: bool,
    known: Vec<String>,
}

impl Wish {
    /// Of a request.
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let head = method == Method::HEAD;
        Self {
            reads: head || method == Method::GET,
            head,
            gzip: accepts_gzip(headers),
            known: list(headers, IF_NONE_MATCH).map(|tag| tag.trim().to_owned()).collect(),
        }
    }

    /// The tags of both forms stand for the same content, and If-None-Match compares weakly.
    fn knows(&self, mark: &str) -> bool {
        self.known.iter().any(|known| {
            let inner = known.trim_start_matches("W/").trim_matches('"');
            known == "*" || inner.trim_end_matches("-gzip") == mark
        })
    }
}

fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(','))
}

/// Whether a request may be answered in gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut any = false;
    for coding in list(headers, ACCEPT_ENCODING) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let wanted = weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|q| q > 0.0));
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return wanted,
            "*" => any = wanted,
            _ => {}
        }
    }
    any
}

/// Puts the body of an [`Answer`] into its response.
pub(super) async fn finish(mut response: Response, wish: &Wish) -> Response {
    let Some(Answer { status, media_type, body, mark }) =
        response.extensions_mut().remove::<Answer>()
    else {
        return response;
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    // The router has measured the empty body that stood in for this one.
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    if !(wish.reads && status == StatusCode::OK) {
        if !wish.head {
            *response.body_mut() = Body::from(body);
        }
        return response;
    }
    let long = body.len() > QUICK;
    let mark = mark.map_or_else(|| format!("{:016x}", digest(&body)), |mark| mark.0);
    let compress = wish.gzip && body.len() >= WORTH_COMPRESSING;
    let tag = if compress { format!("\"{mark}-gzip\"") } else { format!("\"{mark}\"") };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    if wish.knows(&mark) {
        headers.remove(CONTENT_TYPE);
        headers.remove(CONTENT_LENGTH);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        // Of no known length: nought would say that the content has none.
        *response.body_mut() = Body::from_stream(stream::empty::<Result<Bytes, Infallible>>());
        return response;
    }
    let (body, compressed) = if !compress {
        (body, false)
    } else if long {
        let plain = body.clone();
        match tokio::task::spawn_blocking(move || gzip(&plain)).await {
            Ok(Some(small)) => (small, true),
            _ => (body, false),
        }
    } else {
        gzip(&body).map_or((body, false), |small| (small, true))
    };
    if compressed {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    if !wish.head {
        *response.body_mut() = Body::from(body);
    }
    response
}

fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// A digest that tells bodies apart; nobody gains from making two of them meet.
fn digest(bytes: &[u8]) -> u64 {
    const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];
    let fold = |a: u64, b: u64| {
        let [low, high] = halves(u128::from(a) * u128::from(b));
        low ^ high
    };
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let mut lanes = FACTORS;
    let mut pairs = bytes.chunks_exact(16);
    for pair in &mut pairs {
        let (one, other) = pair.split_at(8);
        lanes[0] = fold(lanes[0] ^ word(one), FACTORS[0]);
        lanes[1] = fold(lanes[1] ^ word(other), FACTORS[1]);
    }
    for (rest, factor) in pairs.remainder().chunks(8).zip(FACTORS) {
        lanes[0] = fold(lanes[0] ^ word(rest), factor);
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    fold(fold(lanes[0] ^ FACTORS[1], lanes[1] | 1) ^ length, FACTORS[0])
}

fn halves(wide: u128) -> [u64; 2] {
    let bytes = wide.to_le_bytes();
    let half = |from: usize| {
        let mut half = [0; 8];
        half.copy_from_slice(&bytes[from..from + 8]);
        u64::from_le_bytes(half)
    };
    [half(0), half(8)]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn gzip_is_taken_only_where_it_is_wanted() {
        for (accepted, wanted) in [
            ("", false),
            ("gzip", true),
            ("GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br, gzip", true),
            ("*", true),
            ("*, gzip;q=0", false),
            ("identity", false),
            ("gzip;q=x", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, accepted.parse().unwrap())]);
            assert_eq!(accepts_gzip(&headers), wanted, "{accepted}");
        }
    }

    #[test]
    fn bodies_that_differ_anywhere_have_different_digests() {
        let mut seen = HashSet::new();
        for length in 0..100 {
            let mut body = vec![0_u8; length];
            assert!(seen.insert(digest(&body)));
            for place in 0..length {
                for bit in [1, 128] {
                    body[place] ^= bit;
                    assert!(seen.insert(digest(&body)), "{length} {place} {bit}");
                    body[place] ^= bit;
                }
            }
        }
    }
}
