//! What senders of webhooks would deliver to the specimens, and how a delivery is verified.

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use jiff::Timestamp;
use serde_json::json;

/// What specimens and their senders share. It protects nothing.
pub(super) const SECRET: &str = "specimen-hook-secret";

/// How far a delivery's time may be away, in seconds.
const TOLERANCE: i64 = 300;

/// Whether Stripe's signature is valid; with `timely` only where its time is of now.
pub(super) fn is_stripes(headers: &HeaderMap, body: &[u8], timely: bool) -> bool {
    let Some(given) = text(headers, "stripe-signature") else { return false };
    let part = |name: &str| given.split(',').find_map(|part| part.strip_prefix(name));
    let (Some(time), Some(signature)) = (part("t="), part("v1=")) else { return false };
    let Ok(sent) = time.parse::<i64>() else { return false };
    let away = Timestamp::now().as_second().saturating_sub(sent).saturating_abs();
    let message = [time.as_bytes(), b".", body].concat();
    is_signed(&message, signature) && (!timely || away <= TOLERANCE)
}

/// Whether GitHub's signature is valid.
pub(super) fn is_githubs(headers: &HeaderMap, body: &[u8]) -> bool {
    let given = text(headers, "x-hub-signature-256");
    let signature = given.and_then(|given| given.strip_prefix("sha256="));
    signature.is_some_and(|signature| is_signed(body, signature))
}

/// Whether a scheduler's secret is this one.
pub(super) fn is_schedulers(headers: &HeaderMap, secret: &str) -> bool {
    let given = text(headers, header::AUTHORIZATION.as_str()).unwrap_or_default();
    let wanted = format!("Bearer {secret}");
    aws_lc_rs::constant_time::verify_slices_are_equal(given.as_bytes(), wanted.as_bytes()).is_ok()
}

/// The answer to a delivery that is taken.
pub(super) fn taken() -> Response {
    Json(json!({"received": true})).into_response()
}

/// The answer to one that is not.
pub(super) fn refused() -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid signature"}))).into_response()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Compares in constant time.
fn is_signed(message: &[u8], signature: &str) -> bool {
    let digits: Option<Vec<u8>> =
        signature.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
    let Some(digits) = digits.filter(|digits| digits.len() % 2 == 0) else { return false };
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hmac::verify(&key, message, &bytes).is_ok()
}
