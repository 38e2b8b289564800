//! What a run sends as it is configured, and what it keeps of the answers.

use std::hash::{DefaultHasher, Hasher as _};

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};

use crate::blind::Blind;
use crate::context::Context;
use crate::impact::Impact;
use crate::net::exchange::Exchange;
use crate::net::request::{Pace, Request};
use crate::net::sighting::telling;
use crate::net::target::HeaderText;
use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::{Mode, Purpose, Sample};

/// Of a refusal's body, so many characters are kept.
const EXCERPT: usize = 300;

/// Of an answer's body, so many bytes are read.
const BODY: usize = 16 * 1024;

/// What became of a request that was answered at this second of the run.
pub(super) fn sample(
    purpose: Purpose,
    exchange: &Exchange,
    answered: f64,
    tells_of_peer: bool,
) -> Sample {
    let sent = (answered - exchange.phases().service()).max(0.0);
    let answer = exchange.answer.as_ref();
    let refused = answer.is_some_and(|answer| matches!(answer.status, 403 | 429 | 503));
    let excerpt =
        answer.filter(|_| refused).map(|answer| crate::text::excerpt(&answer.body.text(), EXCERPT));
    Sample {
        sent,
        answered,
        status: answer.map(|answer| answer.status),
        failure: exchange.failure.as_ref().map(|failure| failure.detail.clone()),
        headers: answer.map(|answer| tells(&answer.headers)).unwrap_or_default(),
        excerpt: excerpt.unwrap_or_default(),
        body: answer.filter(|_| !refused).and_then(|answer| hash(&answer.body.bytes.0)),
        peer: exchange.connection.peer.filter(|_| tells_of_peer).map(|peer| peer.to_string()),
        purpose,
    }
}

/// What tells one body from another; nothing where there is none.
fn hash(body: &[u8]) -> Option<String> {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    (!body.is_empty()).then(|| format!("{:016x}", hasher.finish()))
}

/// The header fields that evidence keeps.
fn tells(headers: &[(String, String)]) -> Vec<(String, String)> {
    let mut kept = telling(headers);
    let also = |name: &str| {
        name.starts_with("retry-after-")
            || ["x-envoy-ratelimited", "server", "access-control-allow-methods", "content-type"]
                .contains(&name)
    };
    let more = headers.iter().filter(|(name, _)| also(name)).take(8);
    kept.extend(more.map(|(name, value)| (name.clone(), value.chars().take(128).collect())));
    kept
}

/// The request as it is configured.
pub(super) async fn request(check: &RateLimit, cx: &Context, mode: Mode) -> Result<Request, Blind> {
    let asked = &check.request;
    let mut request = Request::new(asked.method.clone(), cx.url(&asked.path)).body_cap(BODY);
    request.impact = match mode {
        Mode::Exhaust => Impact::Intrusive,
        Mode::Differential => Impact::Active,
        Mode::Headers if check.is_unsafe() => Impact::Active,
        Mode::Headers => Impact::Passive,
    };
    request.pace = if mode == Mode::Exhaust { Pace::Exhausting } else { Pace::Budget };
    if !asked.body.is_empty() {
        request.body = asked.body.clone();
        request.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    }
    for (name, text) in &asked.headers {
        let name: HeaderName = name.clone();
        match text {
            HeaderText::Plain(value) => request.headers.push((name, value.clone())),
            HeaderText::Secret(reference) => {
                request.secrets.push((name, cx.secret(reference).await?));
            }
        }
    }
    Ok(request)
}
