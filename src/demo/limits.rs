//! A rate limit of the specimens, honest or not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;
use tokio::time::{Duration, Instant};

/// So many requests of a client are answered in a window.
const LIMIT: u32 = 60;

/// What a limit that somebody raised for a load test and forgot says.
const RAISED: u32 = 6_000;

const WINDOW: Duration = Duration::from_mins(1);

/// More clients than this are not told apart: a specimen has two or three.
const CLIENTS: usize = 1_000;

/// How a limit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keeping {
    /// It admits far more than it should.
    pub(super) raised: bool,
    /// Clients are told apart by what they say of themselves.
    pub(super) believes: bool,
}

impl Keeping {
    /// As it should be.
    pub(super) const SOUND: Self = Self { raised: false, believes: false };
}

/// Counts the requests of each client in windows that its first request begins.
#[derive(Clone)]
pub(super) struct Limiter {
    keeping: Keeping,
    clients: Arc<Mutex<HashMap<String, (Instant, u32)>>>,
}

impl Limiter {
    pub(super) fn new(keeping: Keeping) -> Self {
        Self { keeping, clients: Arc::default() }
    }

    /// What a request with these headers is answered.
    pub(super) fn answer(&self, request: &HeaderMap) -> Response {
        let limit = if self.keeping.raised { RAISED } else { LIMIT };
        // Nobody but this machine reaches a specimen: without the flaw all are one client.
        let claimed = request.get("x-forwarded-for").and_then(|value| value.to_str().ok());
        let client = claimed.filter(|_| self.keeping.believes).unwrap_or("peer");
        let (used, left) = self.count(client);
        let mut response = if used > limit {
            StatusCode::TOO_MANY_REQUESTS.into_response()
        } else {
            Json(json!({"quote": 42})).into_response()
        };
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let remaining = limit.saturating_sub(used);
        let headers = response.headers_mut();
        for (name, value) in [
            ("ratelimit-policy", format!("{limit};w={}", WINDOW.as_secs())),
            ("ratelimit", format!("limit={limit}, remaining={remaining}, reset={seconds}")),
            ("cache-control", "no-store".to_owned()),
        ] {
            headers.extend(
                HeaderValue::from_str(&value).map(|value| (HeaderName::from_static(name), value)),
            );
        }
        if used > limit {
            headers.insert("retry-after", HeaderValue::from(seconds));
        }
        response
    }

    /// The number of this request in the client's window, and how long that lasts.
    fn count(&self, client: &str) -> (u32, Duration) {
        let now = Instant::now();
        let mut clients = self.clients.lock().expect("no panic under this lock");
        clients.retain(|_, (began, _)| now.duration_since(*began) < WINDOW);
        let known = clients.contains_key(client) || clients.len() < CLIENTS;
        let client = if known { client } else { "others" };
        let (began, used) = clients.entry(client.to_owned()).or_insert((now, 0));
        *used += 1;
        (*used, (*began + WINDOW).saturating_duration_since(now))
    }
}
