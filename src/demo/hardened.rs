//! The specimen that keeps every promise.

use axum::Json;
use axum::Router;
use axum::http::header::CACHE_CONTROL;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use jiff::Timestamp;
use serde_json::json;

/// The home page, as both specimens have it.
pub(super) const PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<head><title>Specimen</title></head>\n<body><h1>Specimen</h1></body>\n</html>\n";

/// The specimen's routes.
pub(super) fn router() -> Router {
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/health/ready", get(ready))
        .route("/health/live", get(|| async { ([(CACHE_CONTROL, "no-store")], "ok") }))
        .route("/api/items", get(|| async { Json(json!({"count": 3, "items": ["a", "b", "c"]})) }))
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
