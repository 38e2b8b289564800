//! Answers of the specimens that pages of other origins may read, or should not.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

/// The origin whose pages may read answers.
const APP: &str = "https://app.shop.example";

/// Whose pages are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fence {
    /// Those of the shop's own application.
    Exact,
    /// Those of every origin that begins like it.
    Beginning,
    /// Nobody's.
    Closed,
    /// Everybody's.
    Open,
}

impl Fence {
    fn admits(self, origin: &str) -> bool {
        match self {
            Self::Exact => origin == APP,
            Self::Beginning => origin.starts_with(APP),
            Self::Closed => false,
            Self::Open => true,
        }
    }
}

/// What a request with these headers is answered.
pub(super) fn answer(method: &Method, request: &HeaderMap, fence: Fence) -> Response {
    let mut response = if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Json(json!({"name": "Ada", "orders": 3})).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    let origin =
        request.get(ORIGIN).filter(|origin| origin.to_str().is_ok_and(|o| fence.admits(o)));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, PUT"),
            (ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
