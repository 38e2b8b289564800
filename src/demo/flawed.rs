//! The specimen that breaks promises, each on its own.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::map_response_with_state;
use axum::response::{Html, IntoResponse, Json, Redirect, Response};
use axum::routing::{any, get, post};
use jiff::Timestamp;
use serde_json::json;

use super::hardened::{PAGE, protect};
use super::hooks;
use super::limits::{Keeping, Limiter};
use super::sharing::{self, Fence};

/// One broken promise. Mending it takes away its findings and no other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The mail port refuses work.
    WrongGreeting,
    /// Redis is down, and the overall status says ok all the same.
    RedisDownUnderOk,
    /// A dependency's address stands in the health answer.
    AddressLeaked,
    /// The health answer says nothing of the storage.
    StorageUnreported,
    /// The health endpoint stands behind a rate limit.
    HealthLimited,
    /// The health answer comes from a cache.
    HealthCached,
    /// JSON that is labelled as text.
    HealthMislabelled,
    /// Liveness fails because the database is down.
    LivenessFollowsDatabase,
    /// A single-page application answers every path that nobody else does.
    CatchAllPage,
    /// The home page shows a stack trace.
    StackTrace,
    /// The checkout answers 500.
    CheckoutFails,
    /// An old link redirects to itself.
    RedirectLoop,
    /// The catalogue is empty.
    CatalogueEmpty,
    /// A header for debugging is left on.
    DebugHeader,
    /// The search is slow.
    SlowSearch,
    /// The export grows without bound.
    HugeExport,
    /// The pages have no content security policy.
    NoPolicy,
    /// Browsers may guess what a file is.
    NoNosniff,
    /// Other sites may frame the pages.
    Framable,
    /// Scripts can read the cookie of the session.
    ReadableSession,
    /// Pages of every origin can read the orders.
    OrdersForEverybody,
    /// Of an origin, only the beginning is compared.
    LooseOrigins,
    /// A preflight is answered like a path that is not there.
    NoPreflights,
    /// Caches are not told that answers depend on the origin.
    NoVary,
    /// The certificate of the port for administrators was not renewed.
    CertificateNotRenewed,
    /// Deliveries of commits are taken from anybody.
    UnsignedCommits,
    /// Deliveries of payments are taken however old they are.
    OldPayments,
    /// A forged payment crashes its handler.
    ForgedPaymentCrashes,
    /// Nobody set the secret of the nightly job, and its handler makes a text of that.
    NightlySecretUnset,
    /// A limit was raised for a load test, and stayed so.
    LimitRaised,
    /// Clients are told apart by a header that they write themselves.
    ClientsBelieved,
}

impl Flaw {
    /// Every flaw.
    pub(crate) const ALL: [Self; 31] = [
        Self::WrongGreeting,
        Self::RedisDownUnderOk,
        Self::AddressLeaked,
        Self::StorageUnreported,
        Self::HealthLimited,
        Self::HealthCached,
        Self::HealthMislabelled,
        Self::LivenessFollowsDatabase,
        Self::CatchAllPage,
        Self::StackTrace,
        Self::CheckoutFails,
        Self::RedirectLoop,
        Self::CatalogueEmpty,
        Self::DebugHeader,
        Self::SlowSearch,
        Self::HugeExport,
        Self::NoPolicy,
        Self::NoNosniff,
        Self::Framable,
        Self::ReadableSession,
        Self::OrdersForEverybody,
        Self::LooseOrigins,
        Self::NoPreflights,
        Self::NoVary,
        Self::CertificateNotRenewed,
        Self::UnsignedCommits,
        Self::OldPayments,
        Self::ForgedPaymentCrashes,
        Self::NightlySecretUnset,
        Self::LimitRaised,
        Self::ClientsBelieved,
    ];

    /// What it makes musterd find: check, rule, subject.
    #[cfg(test)]
    pub(crate) const fn findings(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Self::WrongGreeting => &[("flawed/mail", "tcp.reply-unexpected", "")],
            Self::RedisDownUnderOk => &[
                ("flawed/health", "health.component-down", "redis"),
                ("flawed/health", "health.aggregate-contradicts-components", ""),
            ],
            Self::AddressLeaked => &[("flawed/health", "health.leak", "private-address")],
            Self::StorageUnreported => &[("flawed/health", "health.component-missing", "storage")],
            Self::HealthLimited => &[("flawed/health", "health.rate-limited", "")],
            Self::HealthCached => &[("flawed/health", "health.stale", "")],
            Self::HealthMislabelled => &[("flawed/health", "health.content-type-wrong", "")],
            Self::LivenessFollowsDatabase => &[
                ("flawed/liveness", "health.down", ""),
                ("flawed/liveness", "health.component-down", "database"),
                ("flawed/liveness", "health.liveness-follows-dependency", ""),
            ],
            Self::CatchAllPage => &[
                ("flawed/status", "health.body-invalid", ""),
                ("flawed/status", "health.stub", ""),
            ],
            Self::StackTrace => &[("flawed/http", "http.body-unexpected", "")],
            Self::CheckoutFails => &[("flawed/checkout", "http.status-unexpected", "")],
            Self::RedirectLoop => &[("flawed/old-link", "http.status-unexpected", "")],
            Self::CatalogueEmpty => &[("flawed/catalogue", "http.json-unexpected", "/count")],
            Self::DebugHeader => &[("flawed/catalogue", "http.header-unexpected", "x-debug")],
            Self::SlowSearch => &[("flawed/search", "http.slow", "")],
            Self::HugeExport => &[("flawed/export", "http.too-large", "")],
            Self::NoPolicy => &[("flawed/headers", "headers.csp-missing", "")],
            Self::NoNosniff => &[("flawed/headers", "headers.nosniff-missing", "")],
            Self::Framable => &[("flawed/headers", "headers.framing-open", "")],
            Self::OrdersForEverybody => &[("flawed/orders", "cors.origin-reflected", "")],
            Self::LooseOrigins => &[
                ("flawed/cors", "cors.prefix-allowed", "https://app.shop.example.evil.example"),
                ("flawed/cors", "cors.port-ignored", "https://app.shop.example:8443"),
            ],
            Self::NoPreflights => {
                &[("flawed/cors", "cors.preflight-refused", "https://app.shop.example PUT")]
            }
            Self::NoVary => &[("flawed/cors", "cors.vary-missing", "")],
            Self::CertificateNotRenewed => &[("flawed/tls", "tls.expires-soon", "CN=specimen")],
            Self::UnsignedCommits => &[
                ("flawed/code", "webhook.unsigned-accepted", "missing"),
                ("flawed/code", "webhook.forgery-accepted", ""),
            ],
            Self::OldPayments => &[
                ("flawed/payments", "webhook.stale-accepted", ""),
                ("flawed/payments", "webhook.future-accepted", ""),
            ],
            Self::ForgedPaymentCrashes => &[("flawed/payments", "webhook.error-on-forgery", "")],
            Self::NightlySecretUnset => &[
                ("flawed/nightly", "webhook.weak-key-accepted", "undefined"),
                ("flawed/nightly", "webhook.genuine-refused", ""),
            ],
            Self::LimitRaised => &[("flawed/limit", "rate_limit.limit-differs", "")],
            Self::ClientsBelieved => {
                &[("flawed/limit", "rate_limit.key-spoofable", "x-forwarded-for")]
            }
            Self::ReadableSession => {
                &[("flawed/headers", "headers.cookie-not-httponly", "connect.sid")]
            }
        }
    }
}

type Flaws = State<&'static [Flaw]>;

/// The specimen's routes with these flaws.
pub(super) fn router(flaws: &[Flaw]) -> Router {
    // A specimen lives as long as its process, or its test.
    let flaws: &'static [Flaw] = Vec::leak(flaws.to_vec());
    let limiter = Limiter::new(Keeping {
        raised: flaws.contains(&Flaw::LimitRaised),
        believes: flaws.contains(&Flaw::ClientsBelieved),
    });
    Router::new()
        .route("/", get(home))
        .route("/health/ready", get(ready))
        .route("/health/live", get(live))
        .route("/checkout", get(checkout))
        .route("/old-link", get(old_link))
        .route("/api/items", get(items))
        .route("/search", get(search))
        .route("/export", get(export))
        .route("/status", get(status))
        .route("/api/profile", any(profile))
        .route("/api/orders", any(orders))
        .route("/hooks/code", post(code))
        .route("/hooks/payments", post(payments))
        .route("/jobs/nightly", get(nightly))
        .route(
            "/api/quotes",
            get(move |headers: HeaderMap| async move { limiter.answer(&headers) }),
        )
        .fallback(fallback)
        .layer(map_response_with_state(flaws, headers))
        .with_state(flaws)
}

async fn headers(State(flaws): Flaws, mut response: Response) -> Response {
    let headers = response.headers_mut();
    protect(headers);
    if flaws.contains(&Flaw::NoPolicy) {
        headers.remove(header::CONTENT_SECURITY_POLICY);
    } else {
        // Framing is a flaw of its own.
        let policy = HeaderValue::from_static("default-src 'none'; base-uri 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if flaws.contains(&Flaw::NoNosniff) {
        headers.remove(header::X_CONTENT_TYPE_OPTIONS);
    }
    if flaws.contains(&Flaw::Framable) {
        headers.remove(header::X_FRAME_OPTIONS);
    }
    response
}

async fn home(State(flaws): Flaws) -> impl IntoResponse {
    let trace = "<pre>NullPointerException at Cart.total(Cart.java:42)</pre>";
    let trace = if flaws.contains(&Flaw::StackTrace) { trace } else { "" };
    let http_only = if flaws.contains(&Flaw::ReadableSession) { "" } else { "; HttpOnly" };
    let session = "s%3Aq7Yk2mZxV1c9tRbN4wLp8dGh";
    let cookie = format!("connect.sid={session}; Path=/{http_only}; SameSite=Lax");
    let page = Html(PAGE.replace("</body>", &format!("{trace}</body>")));
    ([(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, "no-store".to_owned())], page)
}

async fn ready(State(flaws): Flaws) -> impl IntoResponse {
    let has = |flaw| flaws.contains(&flaw);
    let redis = if has(Flaw::RedisDownUnderOk) { "down" } else { "up" };
    let mut checks = json!({
        "database": {"status": "up", "latencyMs": 3},
        "redis": {"status": redis},
        "storage": {"status": "up"},
    });
    if has(Flaw::AddressLeaked) {
        checks["database"]["message"] = json!("replica lags: 10.0.12.7:5432");
    }
    if has(Flaw::StorageUnreported)
        && let Some(checks) = checks.as_object_mut()
    {
        checks.remove("storage");
    }
    let body = json!({
        "status": "ok",
        "timestamp": Timestamp::now().to_string(),
        "checks": checks,
    });
    let mut headers = HeaderMap::new();
    let json = if has(Flaw::HealthMislabelled) { "text/plain" } else { "application/json" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(json));
    if has(Flaw::HealthLimited) {
        headers.insert("ratelimit-limit", HeaderValue::from_static("60"));
        headers.insert("ratelimit-remaining", HeaderValue::from_static("12"));
    }
    if has(Flaw::HealthCached) {
        headers.insert(header::AGE, HeaderValue::from_static("42"));
    }
    (headers, body.to_string())
}

async fn live(State(flaws): Flaws) -> Response {
    if flaws.contains(&Flaw::LivenessFollowsDatabase) {
        let body = json!({"status": "error", "checks": {"database": "down"}});
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    } else {
        Json(json!({"status": "ok", "uptime": 12})).into_response()
    }
}

async fn status(State(flaws): Flaws) -> Response {
    if flaws.contains(&Flaw::CatchAllPage) {
        Html(PAGE).into_response()
    } else {
        Json(json!({"status": "ok", "uptime": 12})).into_response()
    }
}

async fn fallback(State(flaws): Flaws) -> Response {
    if flaws.contains(&Flaw::CatchAllPage) {
        Html(PAGE).into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

async fn checkout(State(flaws): Flaws) -> StatusCode {
    if flaws.contains(&Flaw::CheckoutFails) {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::OK
    }
}

async fn old_link(State(flaws): Flaws) -> Redirect {
    Redirect::temporary(if flaws.contains(&Flaw::RedirectLoop) { "/old-link" } else { "/" })
}

async fn items(State(flaws): Flaws) -> Response {
    let count = if flaws.contains(&Flaw::CatalogueEmpty) { 0 } else { 3 };
    let mut response = Json(json!({"count": count})).into_response();
    if flaws.contains(&Flaw::DebugHeader) {
        response.headers_mut().insert("x-debug", HeaderValue::from_static("sql=14 queries"));
    }
    response
}

async fn profile(State(flaws): Flaws, method: Method, headers: HeaderMap) -> Response {
    if method == Method::OPTIONS && flaws.contains(&Flaw::NoPreflights) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let loose = flaws.contains(&Flaw::LooseOrigins);
    let fence = if loose { Fence::Beginning } else { Fence::Exact };
    let mut response = sharing::answer(&method, &headers, fence);
    if flaws.contains(&Flaw::NoVary) {
        response.headers_mut().remove(header::VARY);
    }
    response
}

async fn orders(State(flaws): Flaws, method: Method, headers: HeaderMap) -> Response {
    let open = flaws.contains(&Flaw::OrdersForEverybody);
    sharing::answer(&method, &headers, if open { Fence::Open } else { Fence::Closed })
}

async fn search(State(flaws): Flaws) -> &'static str {
    if flaws.contains(&Flaw::SlowSearch) {
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
    "nothing found"
}

async fn export(State(flaws): Flaws) -> Body {
    let rows = if flaws.contains(&Flaw::HugeExport) { 40_000 } else { 40 };
    Body::from("a row\n".repeat(rows))
}

async fn code(State(flaws): Flaws, headers: HeaderMap, body: Bytes) -> Response {
    if flaws.contains(&Flaw::UnsignedCommits) || hooks::is_githubs(&headers, &body) {
        hooks::taken()
    } else {
        hooks::refused()
    }
}

async fn payments(State(flaws): Flaws, headers: HeaderMap, body: Bytes) -> Response {
    let timely = !flaws.contains(&Flaw::OldPayments);
    if hooks::is_stripes(&headers, &body, timely) {
        hooks::taken()
    } else if flaws.contains(&Flaw::ForgedPaymentCrashes) {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    } else {
        hooks::refused()
    }
}

async fn nightly(State(flaws): Flaws, headers: HeaderMap) -> Response {
    let unset = flaws.contains(&Flaw::NightlySecretUnset);
    let secret = if unset { "undefined" } else { hooks::SECRET };
    if hooks::is_schedulers(&headers, secret) {
        hooks::taken()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}
