//! Reading a report: what it says has to make sense.

use std::collections::BTreeSet;

use http::StatusCode;
use jiff::Timestamp;
use musterd_probes::secret::Vault;
use musterd_probes::text::excerpt;
use serde::Deserialize;
use serde_json::error::Category;
use url::Url;

use super::{proof, texts};
use crate::api::problem::Problem;
use crate::report::{ServiceStatus, bounds};

/// The schema that is read.
const SCHEMA: &str = "musterd.report/1";

/// No interval and no run is longer than this many seconds.
const LONGEST: f64 = 1e9;

/// What is read of a report. What it knows besides is skipped: of a value that nobody needs,
/// reading would cost many times its length in memory.
#[derive(Deserialize)]
struct Report {
    schema: String,
    generated_at: Timestamp,
    location: String,
    #[serde(deserialize_with = "bounds::services")]
    services: Vec<ServiceStatus>,
}

/// A report that makes sense, without secrets.
pub(in crate::api) struct Sound {
    pub(super) made_at: Timestamp,
    pub(super) location: String,
    pub(super) services: Vec<ServiceStatus>,
}

impl Sound {
    /// Reads a report that is posted now.
    pub(super) fn read(body: &[u8], vault: &Vault, now: Timestamp) -> Result<Self, Problem> {
        let Report { schema, generated_at: made_at, location, mut services } =
            serde_json::from_slice(body).map_err(|error| {
                let error = (vault.redact(&error.to_string()).into_owned(), error.classify());
                match error {
                    (error, Category::Data) => wrong(format!("this is no report: {error}")),
                    (error, _) => Problem::bad(format!("this is no JSON: {error}")),
                }
            })?;
        if schema != SCHEMA {
            let schema = vault.redact(&schema).into_owned();
            let schema = excerpt(&schema, 60);
            return Err(wrong(format!("`schema` is {schema:?}; this version reads {SCHEMA:?}")));
        }
        if !(location.is_empty() || is_name(&vault.redact(&location))) {
            return Err(wrong("`location` is no name"));
        }
        for service in &mut services {
            texts::clean(service, vault).and_then(|()| sound(service)).map_err(wrong)?;
        }
        proof::timely(made_at, &services, now).map_err(wrong)?;
        Ok(Self { made_at, location, services })
    }

    /// The id of each check.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        let services = self.services.iter();
        services.flat_map(|service| service.checks.iter().map(|check| check.id.as_str()))
    }
}

fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

fn sound(service: &mut ServiceStatus) -> Result<(), String> {
    let name = &service.name;
    if !is_name(name) {
        return Err(format!("{:?} is no name of a service", excerpt(name, 60)));
    }
    let web =
        |text: &str| Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    if !web(&service.url).is_some_and(|url| url.username().is_empty() && url.password().is_none()) {
        return Err(format!("the `url` of {name} is none, or holds a password"));
    }
    let mut ids = BTreeSet::new();
    for check in &mut service.checks {
        let own = check.id.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('/'));
        if !own.is_some_and(is_name) || !is_name(&check.probe) {
            return Err(format!("{:?} is no id of a check of {name}", excerpt(&check.id, 140)));
        }
        if !ids.insert(check.id.clone()) {
            return Err(format!("{} stands twice", check.id));
        }
        let is_span = |seconds: f64| (0.0..=LONGEST).contains(&seconds);
        if !is_span(check.interval_seconds) || !check.duration_seconds.is_none_or(is_span) {
            return Err(format!("an interval or a duration of {} is none", check.id));
        }
        proof::consistent(check)?;
        check.next_run = None;
    }
    let checks = service.checks.iter_mut().flat_map(|check| &mut check.findings);
    for finding in checks.chain(&mut service.findings) {
        finding.references.retain(|text| web(text).is_some());
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(inner)
}
