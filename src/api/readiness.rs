//! Whether a selection of checks stands well enough to go on: for deployments and load balancers.

use std::collections::{BTreeSet, HashSet};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State;
use http::{StatusCode, Uri};
use musterd_probes::severity::Verdict;
use musterd_probes::text::excerpt;
use serde::Serialize;

use super::answer::Answer;
use super::everything::{Everything, Row};
use super::problem::Problem;
use super::query::Query;
use super::{Api, look};
use crate::status::Status;

/// Which checks are meant: of one of these services, with all of these labels.
pub(super) struct Selector {
    services: Vec<String>,
    labels: Vec<(String, String)>,
}

/// From which status on a check blocks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FailOn {
    Warn,
    Fail,
}

#[derive(Serialize)]
struct Readiness<'a> {
    ready: bool,
    status: Status,
    blockers: Vec<Blocker<'a>>,
}

#[derive(Serialize)]
struct Blocker<'a> {
    check: &'a str,
    status: Status,
    rules: BTreeSet<String>,
}

/// A label in a query: `key=value`.
struct Label(String, String);

impl FromStr for Label {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (key, value) = text.split_once('=').ok_or(())?;
        if key.is_empty() { Err(()) } else { Ok(Self(key.to_owned(), value.to_owned())) }
    }
}

impl FromStr for FailOn {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "warn" => Ok(Self::Warn),
            "fail" => Ok(Self::Fail),
            _ => Err(()),
        }
    }
}

impl Selector {
    /// What a query selects; nothing said is everything.
    pub(super) fn of(query: &Query) -> Result<Self, Problem> {
        let labels: Vec<Label> =
            query.many("label", "a key and a value, such as env=production")?;
        Ok(Self {
            services: query.all("service").map(str::to_owned).collect(),
            labels: labels.into_iter().map(|Label(key, value)| (key, value)).collect(),
        })
    }

    /// Whether a check is meant.
    pub(super) fn takes(&self, row: Row<'_>) -> bool {
        (self.services.is_empty() || self.services.iter().any(|name| name == row.service()))
            && (self.labels.is_empty() || {
                let labels = row.labels();
                let has = |key: &str, value: &str| labels.get(key) == Some(&value);
                self.labels.iter().all(|(key, value)| has(key, value))
            })
    }

    /// The services that are asked for and have none of the checks that are meant: they would
    /// never block.
    fn unmatched(&self, rows: &[Row<'_>]) -> Vec<String> {
        let found: HashSet<&str> = rows.iter().map(|row| row.service()).collect();
        let names: BTreeSet<&str> = self.services.iter().map(String::as_str).collect();
        let unmatched = names.into_iter().filter(|name| !found.contains(name));
        unmatched.map(|name| format!("{:?}", excerpt(name, 63))).collect()
    }
}

impl FailOn {
    fn blocks(self, status: Status) -> bool {
        match status {
            Status::Fail | Status::Unknown | Status::Pending => true,
            Status::Warn => self == Self::Warn,
            Status::Pass => false,
        }
    }
}

/// `GET /api/v1/readiness`.
pub(super) async fn readiness(State(api): State<Arc<Api>>, uri: Uri) -> Result<Answer, Problem> {
    let query = Query::of(&uri);
    let fail_on = query.one("fail_on", "warn or fail")?.unwrap_or(FailOn::Fail);
    let selector = Selector::of(&query)?;
    look(api, move |now| {
        let rows: Vec<Row<'_>> = now.rows().filter(|row| selector.takes(*row)).collect();
        let unmatched = selector.unmatched(&rows);
        if !unmatched.is_empty() {
            let detail = format!("no check is selected of {}", unmatched.join(", "));
            return Err(Problem::absent(detail));
        }
        if rows.is_empty() {
            return Err(Problem::absent("no check is selected"));
        }
        let blockers: Vec<Blocker<'_>> = rows
            .iter()
            .filter(|row| fail_on.blocks(row.status()))
            .map(|row| blocker(*row, fail_on, now))
            .collect();
        let ready = blockers.is_empty();
        let status = Status::worst(rows.iter().map(|row| row.status()));
        let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        Ok(Answer::json(&Readiness { ready, status, blockers })?.with(code))
    })
    .await?
}

/// With the rules that make it block; of what is unknown or pending nothing may be open.
fn blocker<'a>(row: Row<'a>, fail_on: FailOn, now: &Everything) -> Blocker<'a> {
    let rules = row.findings(&now.vault).into_iter().filter(|finding| {
        finding.waived.is_none() && fail_on.blocks(Verdict::of([finding.severity]).into())
    });
    Blocker {
        check: row.id(),
        status: row.status(),
        rules: rules.map(|finding| finding.rule).collect(),
    }
}
