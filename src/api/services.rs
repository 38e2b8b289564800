//! Services: the list of them, and one with all of its checks.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use http::Uri;
use jiff::Timestamp;
use serde::Serialize;

use super::answer::Answer;
use super::everything::shell;
use super::problem::Problem;
use super::query::Query;
use super::reports::Posted;
use super::status::Placed;
use super::{Api, look};
use crate::report::{self, FindingStatus, ServiceStatus, Totals};
use crate::status::Status;

/// A service in the list: without its checks, which have a list of their own.
#[derive(Serialize)]
struct Brief {
    location: String,
    name: String,
    url: String,
    labels: BTreeMap<String, String>,
    status: Status,
    score: Option<u32>,
    since: Option<Timestamp>,
    findings: Vec<FindingStatus>,
    totals: Totals,
}

impl Brief {
    fn of(location: &str, service: ServiceStatus, statuses: impl Iterator<Item = Status>) -> Self {
        let ServiceStatus { name, url, labels, status, score, since, findings, checks: _ } =
            service;
        let (location, totals) = (location.to_owned(), Totals::of(1, statuses));
        Self { location, name, url, labels, status, score, since, findings, totals }
    }
}

/// `GET /api/v1/services`.
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Answer, Problem> {
    let paging = Query::of(&uri).paging()?;
    look(api, move |now| {
        let here = now.services().map(|states| {
            let statuses = states.iter().map(|state| state.damped.status);
            Brief::of(&now.location, shell(states, now.at, &now.vault), statuses)
        });
        let posted = now.posted.iter().map(|posted| {
            let statuses = posted.service.checks.iter().map(|check| check.status);
            Brief::of(&posted.location, posted.service.clone(), statuses)
        });
        let all = here.chain(posted).collect();
        Answer::json(&paging.cut(all, |one: &Brief| format!("{}\n{}", one.location, one.name)))
    })
    .await?
}

/// `GET /api/v1/services/{service}`.
pub(super) async fn one(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Answer, Problem> {
    let place = Query::of(&uri).text("location")?.map(str::to_owned);
    look(api, move |now| {
        let is_meant = |location: &str| place.as_deref().is_none_or(|place| place == location);
        let here = now.services().filter(|_| is_meant(&now.location));
        if let Some(states) = here.into_iter().find(|states| states[0].service.name == name) {
            let mut service = shell(states, now.at, &now.vault);
            service.checks =
                states.iter().map(|state| report::check_of_state(state, &now.vault)).collect();
            let is_same = |posted: &&Arc<Posted>| {
                posted.service.name == name && posted.location == now.location
            };
            if let Some(posted) = now.posted.iter().find(is_same) {
                let (mut checks, since) = (service.checks, service.since);
                checks.extend(posted.service.checks.iter().cloned());
                let known = report::known(&states[0]);
                let whole =
                    report::service_of(&states[0].service, &known, checks, now.at, &now.vault);
                service = ServiceStatus { since, ..whole };
            }
            return Answer::json(&Placed { location: &now.location, service: &service });
        }
        let posted = now
            .posted
            .iter()
            .find(|one| one.service.name == name && is_meant(&one.location))
            .ok_or_else(|| Problem::absent("there is no such service"))?;
        Answer::json(&Placed { location: &posted.location, service: &posted.service })
    })
    .await?
}
