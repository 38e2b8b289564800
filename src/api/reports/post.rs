//! `POST /api/v1/reports`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::turns::WAIT;
use super::{LARGEST, Older, Sound};
use crate::api::answer::Answer;
use crate::api::problem::Problem;
use crate::api::{Api, off};

/// A body that has not come after this time does not come any more.
const BODY: Duration = Duration::from_secs(30);

/// A report waits for two turns, and for its body in between; whoever posts one waits longer.
pub(crate) const ANSWERED_WITHIN: Duration = BODY.saturating_add(WAIT).saturating_add(WAIT);

/// `POST /api/v1/reports`.
pub(in crate::api) async fn post(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer, Problem> {
    if !is_json(&headers) {
        let detail = "a report is sent as `application/json`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let turns = &api.shared.reports.turns;
    let _received = turns.to_receive().await?;
    let body = receive(body).await?;
    let turn = turns.to_read().await?;
    let taking = Arc::clone(&api);
    let checks = off(true, move || {
        // Also where whoever posted it went away meanwhile.
        let _turn = turn;
        take(&taking, &body)
    })
    .await??;
    Answer::json(&serde_json::json!({"checks": checks}))
}

async fn receive(body: Body) -> Result<Bytes, Problem> {
    let longest = usize::try_from(LARGEST).unwrap_or(usize::MAX);
    tokio::time::timeout(BODY, axum::body::to_bytes(body, longest))
        .await
        .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the report did not come in time"))?
        .map_err(|_| {
            let detail = format!("a report has at most {LARGEST} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        })
}

/// Reads and keeps a report, and says how many checks are in it.
fn take(api: &Api, body: &[u8]) -> Result<usize, Problem> {
    let now = api.shared.clock.now();
    let report = Sound::read(body, &api.shared.vault, now)?;
    let here = api.shared.settings.borrow().location.clone();
    if report.location == here
        && let Some(id) = report.ids().find(|id| api.shared.store.state(id).is_some())
    {
        let detail = format!("{id} is checked from here already; give the report a `location`");
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let checks = report.ids().count();
    api.shared.reports.keep(report, body.len(), now).map_err(|Older(id)| {
        let detail = format!("of {id} a later run was reported already");
        Problem::new(StatusCode::CONFLICT, detail)
    })?;
    Ok(checks)
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
