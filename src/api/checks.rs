//! Checks: the flat list of them, one, its runs, its evidence, and a run out of turn.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use http::{StatusCode, Uri};
use jiff::Timestamp;
use musterd_probes::contract::Evidence;
use musterd_probes::run_id::RunId;
use musterd_probes::severity::Verdict;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::answer::Answer;
use super::everything::{Everything, Row};
use super::problem::Problem;
use super::query::Query;
use super::readiness::Selector;
use super::{Api, look, off};
use crate::commands::Refusal;
use crate::evidence::{Earlier, EvidenceFile, SCHEMA};
use crate::report::{CheckStatus, FindingStatus};
use crate::status::Status;
use crate::store::{CheckState, LastRun, RunSummary};

/// The scheduler answers at once unless something is wrong with it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A check on its own: with its service, its place and its labels, all of it flat.
struct Flat<'a> {
    row: Row<'a>,
    check: CheckStatus,
    /// A list of checks leaves them out.
    findings: Option<Vec<FindingStatus>>,
}

/// A run in short.
#[derive(Serialize)]
struct Run {
    #[serde(rename = "run")]
    id: RunId,
    at: Timestamp,
    duration_seconds: f64,
    verdict: Verdict,
}

impl Serialize for Flat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let CheckStatus {
            id,
            probe,
            verdict,
            status,
            reason,
            since,
            last_run,
            next_run,
            interval_seconds,
            duration_seconds,
            findings: _,
            untested,
            evidence: _,
        } = &self.check;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", self.row.service())?;
        map.serialize_entry("location", self.row.location())?;
        map.serialize_entry("id", id)?;
        map.serialize_entry("probe", probe)?;
        map.serialize_entry("verdict", verdict)?;
        map.serialize_entry("status", status)?;
        map.serialize_entry("reason", reason)?;
        map.serialize_entry("since", since)?;
        map.serialize_entry("last_run", last_run)?;
        map.serialize_entry("next_run", next_run)?;
        map.serialize_entry("interval_seconds", interval_seconds)?;
        map.serialize_entry("duration_seconds", duration_seconds)?;
        if let Some(findings) = &self.findings {
            map.serialize_entry("findings", findings)?;
        }
        map.serialize_entry("untested", untested)?;
        for (key, value) in self.row.labels() {
            map.serialize_entry(&format!("label_{key}"), value)?;
        }
        map.end()
    }
}

/// A status in a query.
struct Word(Status);

impl FromStr for Word {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Status::ALL.into_iter().find(|status| status.as_str() == text).map(Self).ok_or(())
    }
}

/// `GET /api/v1/checks`.
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Answer, Problem> {
    let query = Query::of(&uri);
    let (paging, selector) = (query.paging()?, Selector::of(&query)?);
    let words: Vec<Word> = query.many("status", "pass, warn, fail, unknown or pending")?;
    look(api, move |now| {
        let takes = |row: &Row<'_>| {
            selector.takes(*row)
                && (words.is_empty() || words.iter().any(|word| word.0 == row.status()))
        };
        let rows = now.rows().filter(takes).collect();
        let page = paging.cut(rows, |row: &Row<'_>| format!("{}\n{}", row.location(), row.id()));
        Answer::json(&page.map(|row| Flat { row, check: row.check(&now.vault), findings: None }))
    })
    .await?
}

/// `GET /api/v1/checks/{service}/{check}`.
pub(super) async fn one(
    State(api): State<Arc<Api>>,
    Path((service, check)): Path<(String, String)>,
    uri: Uri,
) -> Result<Answer, Problem> {
    let (query, id) = (Query::of(&uri), format!("{service}/{check}"));
    let place = query.text("location")?;
    let now = Everything::of_check(&api.shared, &id);
    let row = now
        .rows()
        .find(|row| row.id() == id && place.is_none_or(|place| place == row.location()))
        .ok_or_else(absent)?;
    let mut check = row.check(&now.vault);
    let findings = Some(std::mem::take(&mut check.findings));
    Answer::json(&Flat { row, check, findings })
}

/// `GET /api/v1/checks/{service}/{check}/runs`.
pub(super) async fn runs(
    State(api): State<Arc<Api>>,
    Path((service, check)): Path<(String, String)>,
    uri: Uri,
) -> Result<Answer, Problem> {
    let query = Query::of(&uri);
    let paging = query.paging()?;
    let wanted = "a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z";
    let since: Option<Timestamp> = query.one("since", wanted)?;
    let until: Option<Timestamp> = query.one("until", wanted)?;
    let mut runs = api.shared.store.runs(&format!("{service}/{check}")).ok_or_else(absent_here)?;
    runs.retain(|run| {
        since.is_none_or(|since| run.at() >= since) && until.is_none_or(|until| run.at() < until)
    });
    let page = paging.cut(runs, |run: &RunSummary| run.run.to_string());
    Answer::json(&page.map(|run| Run {
        id: run.run,
        at: run.at(),
        duration_seconds: run.duration().as_secs_f64(),
        verdict: run.verdict,
    }))
}

/// `GET /api/v1/checks/{service}/{check}/evidence`.
pub(super) async fn evidence(
    State(api): State<Arc<Api>>,
    Path((service, check)): Path<(String, String)>,
) -> Result<Answer, Problem> {
    let state = api.shared.store.state(&format!("{service}/{check}")).ok_or_else(absent_here)?;
    let vault = Arc::clone(&api.shared.vault);
    off(true, move || {
        let mut file = file(&state)?;
        vault.redact_json(&mut file.evidence);
        for earlier in &mut file.earlier {
            vault.redact_json(&mut earlier.evidence);
        }
        Answer::json(&file)
    })
    .await?
}

fn file(state: &CheckState) -> Result<EvidenceFile, Problem> {
    let run = state.last_run().ok_or_else(|| Problem::absent("it has not run yet"))?;
    let evidence = state.last.as_deref().and_then(LastRun::evidence).ok_or_else(|| {
        Problem::absent(
            "of its last run no evidence is kept: it could not look, it is long ago, or it passed \
             among very many checks",
        )
    })?;
    let json = |evidence: &Evidence| {
        evidence.to_json().map_err(|error| {
            tracing::error!(check = %state.check.id, %error, "evidence does not become JSON");
            Problem::fault()
        })
    };
    let before = state.earlier.as_slice().iter().filter(|(at, _)| *at < run.at());
    Ok(EvidenceFile {
        schema: SCHEMA.to_owned(),
        check: state.check.id.to_string(),
        probe: state.check.kind.name.to_owned(),
        settings: (*state.check.terms.settings).clone(),
        observed_at: run.at(),
        judged_by: concat!("musterd ", env!("CARGO_PKG_VERSION")).to_owned(),
        evidence: json(evidence)?,
        earlier: before
            .map(|(at, evidence)| Ok(Earlier { observed_at: *at, evidence: json(evidence)? }))
            .collect::<Result<_, _>>()?,
    })
}

/// `POST /api/v1/checks/{service}/{check}/run`.
pub(super) async fn run(
    State(api): State<Arc<Api>>,
    Path((service, check)): Path<(String, String)>,
) -> Result<Answer, Problem> {
    let id = format!("{service}/{check}");
    let asked = tokio::time::timeout(PATIENCE, api.shared.commands.run(&id)).await;
    let refused = |why: &str| Err(Problem::new(StatusCode::CONFLICT, why));
    match asked {
        Ok(Ok(())) => {
            let answer = Answer::json(&serde_json::json!({"check": id}))?;
            Ok(answer.with(StatusCode::ACCEPTED))
        }
        Ok(Err(Refusal::Unknown)) => Err(absent_here()),
        Ok(Err(Refusal::Busy)) => refused("it waits for its turn or runs already"),
        Ok(Err(Refusal::Limited)) => {
            refused("it does active work, which is never repeated before its time")
        }
        Ok(Err(Refusal::Stopping)) => Err(Problem::later("the daemon is stopping", 5)),
        Err(_) => Err(Problem::later("the scheduler does not answer", 5)),
    }
}

fn absent() -> Problem {
    Problem::absent("there is no such check")
}

fn absent_here() -> Problem {
    Problem::absent("no such check runs here")
}
