//! The daemon itself: whether it lives and is ready, its metrics, its document, and its reload.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};

use super::Shared;
use super::answer::{Answer, accepts_gzip};
use super::everything::{Everything, MANY};
use super::metrics;
use super::problem::Problem;
use super::{Api, kept, renew};

/// Reading a configuration takes no longer than this.
const PATIENCE: Duration = Duration::from_mins(1);

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
