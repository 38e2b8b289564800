//! How something stands that may be told of: a check, or what policy finds of a service.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use musterd_probes::severity::Verdict;

use crate::config::{Check, Service};
use crate::damping::Open;
use crate::policy;
use crate::status::Status;
use crate::store::{CheckState, Standing};

/// What is told of.
#[derive(Debug, Clone)]
pub(crate) enum Topic {
    /// A check.
    Check(Arc<Check>),
    /// What policy finds of a service, under the service's name: no check is called so, because
    /// theirs hold a slash.
    Policy(Arc<str>),
    /// Either of them, when it is not configured any more.
    Former { id: Arc<str>, probe: &'static str, labels: Arc<BTreeMap<String, String>> },
}

/// What policy's own findings are called where a check has a name and a probe.
pub(crate) const POLICY: &str = "policy";

static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();

impl Topic {
    /// What tells it from all others.
    pub(crate) fn id(&self) -> &Arc<str> {
        match self {
            Self::Check(check) => &check.id,
            Self::Policy(service) => service,
            Self::Former { id, .. } => id,
        }
    }

    /// What it is called within its service.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Check(check) => check.name(),
            Self::Policy(_) => POLICY,
            Self::Former { id, .. } => id.split_once('/').map_or(POLICY, |(_, name)| name),
        }
    }

    pub(crate) fn probe(&self) -> &'static str {
        match self {
            Self::Check(check) => check.kind.name,
            Self::Policy(_) => POLICY,
            Self::Former { probe, .. } => probe,
        }
    }

    pub(crate) fn labels(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Check(check) => &check.terms.labels,
            Self::Policy(_) => &NO_LABELS,
            Self::Former { labels, .. } => labels,
        }
    }

    /// Where the API shows it.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Check(check) => format!("/api/v1/checks/{}", check.id),
            Self::Former { id, .. } if id.contains('/') => format!("/api/v1/checks/{id}"),
            Self::Policy(service) | Self::Former { id: service, .. } => {
                format!("/api/v1/services/{service}")
            }
        }
    }
}

/// Whether no run bears the status out: none was, or the last one saw something else that is not
/// confirmed yet.
pub(super) fn is_from_before(state: &CheckState) -> bool {
    state.verdict().is_none_or(|verdict| Status::from(verdict) != state.damped.status)
}

/// How something stands.
#[derive(Debug, Clone)]
pub(crate) struct Stand {
    pub(crate) service: Arc<Service>,
    pub(crate) topic: Topic,
    pub(crate) status: Status,
    /// Since when it has this status.
    pub(crate) since: Timestamp,
    pub(crate) open: Vec<Open>,
    /// Why it is unknown.
    pub(crate) reason: Option<Box<str>>,
    /// It may be as it was before a restart: no look since has borne it out.
    pub(crate) from_before: bool,
}

impl Stand {
    /// A check.
    pub(crate) fn of(state: &CheckState) -> Self {
        let reason = state.last.as_ref().and_then(|last| last.reason());
        Self {
            service: Arc::clone(&state.service),
            topic: Topic::Check(Arc::clone(&state.check)),
            status: state.damped.status,
            since: state.damped.since,
            open: state.damped.open.clone(),
            reason: reason.filter(|_| state.damped.status == Status::Unknown).map(Box::from),
            from_before: is_from_before(state),
        }
    }

    /// What policy finds of a service at `at`: well when that is nothing.
    pub(crate) fn of_policy(service: &Arc<Service>, standing: &Standing, at: Timestamp) -> Self {
        let found = policy::of_service(service, &standing.known(service), at);
        let verdict = Verdict::of(found.iter().map(|(finding, _)| finding.severity));
        // It became as bad as it is with the first finding that is so bad.
        let worst = found.iter().filter(|(finding, _)| Verdict::of([finding.severity]) == verdict);
        let since = worst.map(|(_, since)| *since).min().unwrap_or(at);
        let open = |(finding, opened_at): (_, Timestamp)| {
            let finding: musterd_probes::judgement::Finding = finding;
            Open { judged: finding.severity, finding, waived: None, opened_at }
        };
        Self {
            service: Arc::clone(service),
            topic: Topic::Policy(service.name.as_str().into()),
            status: verdict.into(),
            since,
            open: found.into_iter().map(open).collect(),
            reason: None,
            from_before: false,
        }
    }
}
