//! Open findings as a flat list, and the catalogue of rules.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State;
use http::Uri;
use musterd_probes::KINDS;
use musterd_probes::registry::Registration;
use musterd_probes::rule::About;
use musterd_probes::severity::Severity;
use serde::Serialize;

use super::answer::Answer;
use super::everything::{Everything, Row};
use super::problem::Problem;
use super::query::{List, Query};
use super::{Api, look};
use crate::policy;
use crate::report::{self, FindingStatus};

/// A finding on its own. What policy itself found belongs to no check.
#[derive(Serialize)]
struct Flat {
    service: String,
    location: String,
    check: Option<String>,
    probe: Option<String>,
    #[serde(flatten)]
    finding: FindingStatus,
}

/// A severity in a query.
struct Level(Severity);

impl FromStr for Level {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Severity::ALL.into_iter().find(|level| level.as_str() == text).map(Self).ok_or(())
    }
}

/// `GET /api/v1/findings`.
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Answer, Problem> {
    let query = Query::of(&uri);
    let paging = query.paging()?;
    let levels: Vec<Level> = query.many("severity", "critical, high, medium, low or info")?;
    let texts = |key: &str| query.all(key).map(str::to_owned).collect::<Vec<String>>();
    let (services, rules) = (texts("service"), texts("rule"));
    look(api, move |now| {
        let among =
            |list: &[String], text: &str| list.is_empty() || list.iter().any(|one| one == text);
        let mut all = of_policy(now);
        for row in now.rows().filter(|row| !row.is_clean() && among(&services, row.service())) {
            all.extend(of_check(row, now));
        }
        all.retain(|Flat { service, finding, .. }| {
            among(&services, service)
                && among(&rules, &finding.rule)
                && (levels.is_empty() || levels.iter().any(|level| level.0 == finding.severity))
        });
        Answer::json(&paging.cut(all, key))
    })
    .await?
}

fn key(flat: &Flat) -> String {
    let Flat { service, location, check, probe: _, finding } = flat;
    let check = check.as_deref().unwrap_or_default();
    [location, service, check, &finding.rule, &finding.subject].join("\n")
}

fn of_policy(now: &Everything) -> Vec<Flat> {
    let flat = |location: &str, service: &str, finding| Flat {
        service: service.to_owned(),
        location: location.to_owned(),
        check: None,
        probe: None,
        finding,
    };
    let mut all = Vec::new();
    for state in now.services().map(|states| &*states[0]) {
        let service = &state.service;
        let findings = report::of_policy(service, &report::known(state), now.at, &now.vault);
        all.extend(findings.into_iter().map(|one| flat(&now.location, &service.name, one)));
    }
    for posted in &now.posted {
        let findings = posted.service.findings.iter().cloned();
        all.extend(findings.map(|one| flat(&posted.location, &posted.service.name, one)));
    }
    all
}

fn of_check(row: Row<'_>, now: &Everything) -> impl Iterator<Item = Flat> {
    let check = row.check(&now.vault);
    let (service, location) = (row.service().to_owned(), row.location().to_owned());
    check.findings.into_iter().map(move |finding| Flat {
        service: service.clone(),
        location: location.clone(),
        check: Some(check.id.clone()),
        probe: Some(check.probe.clone()),
        finding,
    })
}

/// `GET /api/v1/rules`.
pub(super) async fn rules() -> Result<Answer, Problem> {
    let items: Vec<&About> =
        KINDS.iter().flat_map(Registration::abouts).chain(policy::ABOUTS).collect();
    Answer::json(&List { items, next: None })
}
