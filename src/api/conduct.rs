//! What happens to every request around its own work: base path, guard, panics, headers, a log line.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::answer::{Wish, finish};
use super::problem::Problem;
use super::{Api, guard, reports};

/// No request but a report brings more than this.
const LARGEST_BODY: u64 = 1024 * 1024;

/// Puts the conduct around the routes. It stands outside of them, because a base path is taken
/// off before a route is looked for.
pub(super) fn around(routes: Router, api: Arc<Api>) -> Router {
    Router::new().fallback(serve).with_state((routes, api))
}

async fn serve(State((routes, api)): State<(Router, Arc<Api>)>, request: Request) -> Response {
    let started = Instant::now();
    let settings = Arc::clone(&api.shared.settings.borrow());
    let (mut parts, body) = request.into_parts();
    if let Some(uri) = without_base(&parts.uri, &settings.base_path) {
        parts.uri = uri;
    }
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let wish = Wish::of(&method, &parts.headers);
    let allowed = guard::check(&parts, &path, peer, &settings, api.shared.loopback)
        .and_then(|()| fits(&parts, &path));
    let answer = match allowed {
        Ok(()) => {
            let work = routes.oneshot(Request::from_parts(parts, body));
            AssertUnwindSafe(work)
                .catch_unwind()
                .await
                // The panic's own words are in the log already.
                .map_or_else(|_| Problem::fault().into_response(), |Ok(answer)| answer)
        }
        Err(problem) => problem.into_response(),
    };
    let answer = match Problem::instead_of(&answer) {
        Some(problem) => problem.into_response(),
        None => answer,
    };
    let mut answer = finish(answer, &wish).await;
    secure(answer.headers_mut());
    tracing::debug!(
        %method,
        path = &*api.shared.vault.redact(&path),
        status = answer.status().as_u16(),
        elapsed_seconds = started.elapsed().as_secs_f64(),
        "answered a request"
    );
    answer
}

/// The URI below the base path. A proxy may take the base path off itself, so a request without
/// it is as good.
fn without_base(uri: &Uri, base: &str) -> Option<Uri> {
    if base.is_empty() {
        return None;
    }
    let rest = uri.path_and_query()?.as_str().strip_prefix(base)?;
    let rest = match rest.as_bytes().first() {
        Some(b'/') => rest.to_owned(),
        None | Some(b'?') => format!("/{rest}"),
        Some(_) => return None,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(rest.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// A body that says that it is too long is refused before it is sent. Nobody looks at the body of
/// a request that only reads.
fn fits(parts: &Parts, path: &str) -> Result<(), Problem> {
    if guard::reads(&parts.method) {
        return Ok(());
    }
    let most = if path == guard::REPORTS { reports::LARGEST } else { LARGEST_BODY };
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > most) {
        let detail = format!("a body may have {most} bytes here");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    Ok(())
}

/// Nothing of this is a page, and nothing of it belongs into another one.
fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_taken_off_where_it_stands_whole() {
        for (uri, base, rest) in [
            ("/m/livez?x=1", "/m", Some("/livez?x=1")),
            ("/m/a/livez", "/m/a", Some("/livez")),
            ("/m", "/m", Some("/")),
            ("/m?x", "/m", Some("/?x")),
            ("/livez", "/m", None),
            ("/mm/livez", "/m", None),
            ("/livez", "", None),
            ("http://h/m/livez", "/m", Some("http://h/livez")),
        ] {
            let found = without_base(&uri.parse().unwrap(), base);
            assert_eq!(found.map(|uri| uri.to_string()).as_deref(), rest, "{uri} {base}");
        }
    }
}
