//! Everything that goes wrong, as `application/problem+json` (RFC 9457).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use super::answer::Answer;

/// The media type of problems.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Something that is not answered as it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Written<'a> {
    /// The status code says it all.
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// A status, and what is wrong in a sentence.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), headers: Vec::new() }
    }

    /// A request that makes no sense.
    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Something that is not there.
    pub(super) fn absent(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Something that may be asked for again in so many seconds.
    pub(super) fn later(detail: impl Into<String>, seconds: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
            .with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// A fault of musterd itself, of which the log says more.
    pub(super) fn fault() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "a fault of musterd itself; its log says more")
    }

    /// One header more.
    #[must_use]
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What stands in the place of an error that the framework answered in its own words.
    pub(super) fn instead_of(answer: &Response) -> Option<Self> {
        let status = answer.status();
        let own = |value: &HeaderValue| {
            value.to_str().is_ok_and(|text| text.contains("json") || text.contains("html"))
        };
        if !(status.is_client_error() || status.is_server_error())
            || answer.extensions().get::<Answer>().is_some()
            || answer.headers().get(CONTENT_TYPE).is_some_and(own)
        {
            return None;
        }
        let detail = match status {
            StatusCode::NOT_FOUND => "there is nothing under this path",
            StatusCode::METHOD_NOT_ALLOWED => "this path is not asked in this way",
            StatusCode::BAD_REQUEST => "the path or the request cannot be read",
            _ => "the request cannot be answered",
        };
        let problem = Self::new(status, detail);
        Some(match answer.headers().get(ALLOW) {
            Some(allow) => problem.with(ALLOW, allow.clone()),
            None => problem,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let written = Written {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        // Strings and a number always become JSON.
        let body = serde_json::to_vec(&written).unwrap_or_default();
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        answer
    }
}
