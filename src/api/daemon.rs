//! The daemon itself: whether it lives and is ready, its metrics, its document, its reload, and the
//! reports that others post.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::Shared;
use super::answer::{Answer, accepts_gzip};
use super::everything::{Everything, MANY};
use super::metrics;
use super::problem::Problem;
use super::reports::{LARGEST, Sound};
use super::{Api, kept, off, renew};

/// Reading a configuration takes no longer than this.
const PATIENCE: Duration = Duration::from_mins(1);

/// A body that has not come after this time does not come any more.
const BODY: Duration = Duration::from_secs(30);

/// `GET /livez`: a daemon that answers but looks at nothing any more is to be started anew.
pub(super) async fn livez(State(api): State<Arc<Api>>) -> Result<Answer, Problem> {
    if !api.shared.heart.goes_on() {
        return Err(Problem::later("the scheduler hangs: nothing is looked at any more", 10));
    }
    Answer::json(&serde_json::json!({"live": true}))
}

/// `GET /readyz`.
pub(super) async fn readyz(State(api): State<Arc<Api>>) -> Result<Answer, Problem> {
    if api.shared.stop.is_cancelled() {
        return Err(Problem::later("the daemon is stopping", 5));
    }
    if !*api.shared.ready.borrow() {
        return Err(Problem::later("the daemon is starting", 1));
    }
    Answer::json(&serde_json::json!({"ready": true}))
}

/// `GET /metrics`.
pub(super) async fn metrics(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let gzip = accepts_gzip(&headers);
    renew(api, move |api, others, checks| {
        let Shared { registry, store, .. } = &*api.shared;
        if checks > MANY {
            return metrics::stream(Everything::of(&api.shared), registry.clone(), gzip);
        }
        let page = kept(&api.metrics).write(&others, &**store, registry);
        page.of(metrics::MEDIA_TYPE).into_response()
    })
    .await
}

/// `GET /api/v1/status`.
pub(super) async fn status(State(api): State<Arc<Api>>) -> Result<Answer, Problem> {
    let write = |api: &Api, others, _| kept(&api.status).write(others, &*api.shared.store);
    renew(api, write).await?.map_err(|error| {
        tracing::error!(%error, "the status document does not become JSON");
        Problem::fault()
    })
}

/// `POST /-/reload`.
pub(super) async fn reload(State(api): State<Arc<Api>>) -> Result<Answer, Problem> {
    match tokio::time::timeout(PATIENCE, api.shared.commands.reload()).await {
        Ok(Some(Ok(()))) => Answer::json(&serde_json::json!({"reloaded": true})),
        Ok(Some(Err(account))) => {
            let account = api.shared.vault.redact(&account);
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, account))
        }
        Ok(None) => Err(Problem::later("the daemon is stopping", 5)),
        Err(_) => Err(Problem::later("reading the configuration takes too long", 60)),
    }
}

/// `POST /api/v1/reports`.
pub(super) async fn report(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer, Problem> {
    if !is_json(&headers) {
        let detail = "a report is sent as `application/json`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let longest = usize::try_from(LARGEST).unwrap_or(usize::MAX);
    let body = tokio::time::timeout(BODY, axum::body::to_bytes(body, longest))
        .await
        .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the report did not come in time"))?
        .map_err(|_| {
            let detail = format!("a report has at most {LARGEST} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        })?;
    let bytes = body.len();
    let vault = Arc::clone(&api.shared.vault);
    let report = off(true, move || {
        let mut json = serde_json::from_slice(&body)
            .map_err(|error| Problem::bad(format!("this is no JSON: {error}")))?;
        vault.redact_json(&mut json);
        Sound::read(json).map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error))
    })
    .await??;
    let location = api.shared.settings.borrow().location.clone();
    if report.location() == location
        && let Some(id) = report.ids().find(|id| api.shared.store.state(id).is_some())
    {
        let detail = format!("{id} is checked from here already; give the report a `location`");
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let checks = report.ids().count();
    api.shared.reports.keep(report, bytes, api.shared.clock.now());
    Answer::json(&serde_json::json!({"checks": checks}))
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
