//! The status document: everything now, as the API and `check --format json` show it.
//!
//! Field names are public and frozen. Other outputs (people, JUnit, SARIF) are written from the
//! same document, so they cannot disagree.

mod assemble;
pub(crate) mod bounds;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use musterd_probes::severity::{Severity, Verdict};
use serde::{Deserialize, Serialize};

pub(crate) use crate::policy::Known;
#[cfg(test)]
pub(crate) use assemble::estate;
pub(crate) use assemble::{
    check_of_record, check_of_state, document, known, of_policy, service_of, since,
};

use crate::status::Status;

/// Everything now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) status: Status,
    /// `null` while nothing is known.
    pub(crate) score: Option<u32>,
    pub(crate) generated_at: Timestamp,
    pub(crate) version: String,
    pub(crate) location: String,
    pub(crate) totals: Totals,
    pub(crate) services: Vec<ServiceStatus>,
}

/// How many checks stand how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) services: usize,
    pub(crate) checks: usize,
    pub(crate) pass: usize,
    pub(crate) warn: usize,
    pub(crate) fail: usize,
    pub(crate) unknown: usize,
    pub(crate) pending: usize,
}

impl Totals {
    /// Of so many services, and checks that stand like this.
    pub(crate) fn of(services: usize, checks: impl IntoIterator<Item = Status>) -> Self {
        let mut totals = Self { services, ..Self::default() };
        for status in checks {
            totals.checks += 1;
            *match status {
                Status::Pass => &mut totals.pass,
                Status::Warn => &mut totals.warn,
                Status::Fail => &mut totals.fail,
                Status::Unknown => &mut totals.unknown,
                Status::Pending => &mut totals.pending,
            } += 1;
        }
        totals
    }
}

impl std::ops::Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            services: self.services + other.services,
            checks: self.checks + other.checks,
            pass: self.pass + other.pass,
            warn: self.warn + other.warn,
            fail: self.fail + other.fail,
            unknown: self.unknown + other.unknown,
            pending: self.pending + other.pending,
        }
    }
}

/// One service now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceStatus {
    pub(crate) name: String,
    pub(crate) url: String,
    #[serde(deserialize_with = "bounds::labels")]
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) status: Status,
    pub(crate) score: Option<u32>,
    /// Since when it has this status; `null` in a one-shot report.
    pub(crate) since: Option<Timestamp>,
    /// What policy itself found.
    #[serde(deserialize_with = "bounds::findings")]
    pub(crate) findings: Vec<FindingStatus>,
    #[serde(deserialize_with = "bounds::checks")]
    pub(crate) checks: Vec<CheckStatus>,
}

/// One check now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CheckStatus {
    pub(crate) id: String,
    pub(crate) probe: String,
    /// Of the last run; `null` before there is one.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) status: Status,
    /// Why it is unknown.
    pub(crate) reason: Option<String>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) last_run: Option<Timestamp>,
    pub(crate) next_run: Option<Timestamp>,
    pub(crate) interval_seconds: f64,
    pub(crate) duration_seconds: Option<f64>,
    #[serde(deserialize_with = "bounds::findings")]
    pub(crate) findings: Vec<FindingStatus>,
    #[serde(deserialize_with = "bounds::untested")]
    pub(crate) untested: Vec<Untested>,
    /// What the last run saw; only where it was asked for.
    /// It is of any size, and so never read again.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(crate) evidence: Option<serde_json::Value>,
}

/// One finding now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FindingStatus {
    pub(crate) rule: String,
    pub(crate) severity: Severity,
    pub(crate) subject: String,
    pub(crate) title: String,
    pub(crate) saw: String,
    pub(crate) wanted: String,
    pub(crate) why: String,
    pub(crate) fix: String,
    #[serde(deserialize_with = "bounds::references")]
    pub(crate) references: Vec<String>,
    pub(crate) opened_at: Option<Timestamp>,
    pub(crate) waived: Option<WaivedStatus>,
}

/// The waiver that a finding falls under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WaivedStatus {
    pub(crate) reason: String,
    pub(crate) until: Date,
}

/// A rule that could not look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Untested {
    pub(crate) rule: String,
    pub(crate) reason: String,
}
