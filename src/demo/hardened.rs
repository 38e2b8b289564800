//! The specimen that keeps every promise.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use jiff::Timestamp;
use serde_json::json;

use super::hooks;
use super::limits::{Keeping, Limiter};
use super::sharing::{self, Fence};

/// The home page, as both specimens have it.
pub(super) const PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<head><title>Specimen</title></head>\n<body><h1>Specimen</h1></body>\n</html>\n";

/// The specimen's routes.
pub(super) fn router() -> Router {
    let limiter = Limiter::new(Keeping::SOUND);
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/health/ready", get(ready))
        .route("/health/live", get(|| async { ([(CACHE_CONTROL, "no-store")], "ok") }))
        .route("/api/items", get(|| async { Json(json!({"count": 3, "items": ["a", "b", "c"]})) }))
        .route("/api/profile", any(profile))
        .route("/hooks/payments", post(payments))
        .route(
            "/api/quotes",
            get(move |headers: HeaderMap| async move { limiter.answer(&headers) }),
        )
        .layer(map_response(|mut response: Response| async {
            protect(response.headers_mut());
            let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, year);
            response
        }))
}

/// The headers of a page that protects those who open it.
pub(super) fn protect(headers: &mut HeaderMap) {
    let policy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "strict-origin-when-cross-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

async fn profile(method: Method, headers: HeaderMap) -> Response {
    sharing::answer(&method, &headers, Fence::Exact)
}

async fn ready() -> impl IntoResponse {
    let body = json!({
        "status": "pass",
        "timestamp": Timestamp::now().to_string(),
        "checks": {
            "database": {"status": "up", "latencyMs": 2},
            "redis": {"status": "up", "latencyMs": 1},
            "storage": {"status": "up", "latencyMs": 4},
        },
    });
    ([(CACHE_CONTROL, "no-store")], Json(body))
}

async fn payments(headers: HeaderMap, body: Bytes) -> Response {
    if hooks::is_stripes(&headers, &body, true) { hooks::taken() } else { hooks::refused() }
}
