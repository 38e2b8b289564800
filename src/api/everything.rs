//! All checks of one moment: those that run here, and those that others reported.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use musterd_probes::secret::Vault;

use super::Shared;
use super::reports::Posted;
use crate::report::{self, CheckStatus, FindingStatus, ServiceStatus};
use crate::score;
use crate::status::Status;
use crate::store::CheckState;

/// All checks of one moment.
pub(super) struct Everything {
    pub(super) states: Vec<Arc<CheckState>>,
    pub(super) posted: Vec<Arc<Posted>>,
    pub(super) location: String,
    pub(super) at: Timestamp,
    pub(super) vault: Arc<Vault>,
}

/// One check, wherever it runs.
#[derive(Clone, Copy)]
pub(super) enum Row<'a> {
    Here(&'a CheckState, &'a str),
    Posted(&'a Posted, &'a CheckStatus),
}

/// Of more checks than this nothing is kept from one request to the next: what is kept keeps
/// their earlier states too.
pub(super) const MANY: usize = 20_000;

/// So many checks are looked through at once, without leaving the threads that serve connections.
const QUICK: usize = 200;

impl Everything {
    /// What there is now.
    pub(super) fn of(shared: &Shared) -> Self {
        Self::among(shared, shared.store.states())
    }

    /// What others reported, alone.
    pub(super) fn of_others(shared: &Shared) -> Self {
        Self::among(shared, Vec::new())
    }

    /// What there is of one check now, and all that others reported.
    pub(super) fn of_check(shared: &Shared, id: &str) -> Self {
        Self::among(shared, shared.store.state(id).into_iter().collect())
    }

    fn among(shared: &Shared, states: Vec<Arc<CheckState>>) -> Self {
        let at = shared.clock.now();
        let location = shared.settings.borrow().location.clone();
        let scheduled = |id: &str| shared.store.state(id).is_some();
        let posted = shared.reports.all(at, |place, id| place == location && scheduled(id));
        let vault = Arc::clone(&shared.vault);
        Self { states, posted, location, at, vault }
    }

    /// Whether looking through all of it, and so many checks besides, is a matter of microseconds.
    pub(super) fn is_small(&self, besides: usize) -> bool {
        besides
            + self.states.len()
            + self.posted.iter().map(|one| one.service.checks.len()).sum::<usize>()
            < QUICK
    }

    /// Every check: those of here in the order of the configuration, then the others.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let here = self.states.iter().map(|state| Row::Here(state, &self.location));
        let posted = self.posted.iter().flat_map(|posted| {
            posted.service.checks.iter().map(|check| Row::Posted(posted, check))
        });
        here.chain(posted)
    }

    /// The states of each service that runs here.
    pub(super) fn services(&self) -> impl Iterator<Item = &[Arc<CheckState>]> {
        by_service(&self.states)
    }
}

/// The states of each service.
pub(super) fn by_service(states: &[Arc<CheckState>]) -> impl Iterator<Item = &[Arc<CheckState>]> {
    states.chunk_by(|one, next| one.service.name == next.service.name)
}

/// A service without its checks, from the states of these.
pub(super) fn shell(states: &[Arc<CheckState>], at: Timestamp, vault: &Vault) -> ServiceStatus {
    let mut shell =
        report::service_of(&states[0].service, &report::known(&states[0]), Vec::new(), at, vault);
    let policy = (!shell.findings.is_empty()).then_some(shell.status);
    let statuses = || states.iter().map(|state| state.damped.status);
    shell.status = Status::worst(statuses().chain(policy));
    let checks = states.iter().map(|state| (state.damped.status, state.damped.since));
    shell.since = report::since(shell.status, checks, &shell.findings);
    let known = statuses().any(|status| !matches!(status, Status::Unknown | Status::Pending));
    let open = states
        .iter()
        .flat_map(|state| state.damped.open.iter().map(|open| (&*state.check.id, open)))
        .filter(|(_, open)| open.waived.is_none())
        .map(|(check, open)| (check, open.finding.about.id, open.finding.severity));
    let of_policy = shell
        .findings
        .iter()
        .filter(|finding| finding.waived.is_none())
        .map(|finding| ("", finding.rule.as_str(), finding.severity));
    shell.score = known.then(|| score::of_service(open.chain(of_policy)));
    shell
}

impl<'a> Row<'a> {
    pub(super) fn id(self) -> &'a str {
        match self {
            Self::Here(state, _) => &state.check.id,
            Self::Posted(_, check) => &check.id,
        }
    }

    pub(super) fn service(self) -> &'a str {
        match self {
            Self::Here(state, _) => &state.service.name,
            Self::Posted(posted, _) => &posted.service.name,
        }
    }

    /// From where it is looked at.
    pub(super) fn location(self) -> &'a str {
        match self {
            Self::Here(_, location) => location,
            Self::Posted(posted, _) => &posted.location,
        }
    }

    /// The labels of its service, and its own.
    pub(super) fn labels(self) -> BTreeMap<&'a str, &'a str> {
        let both = |(key, value): (&'a String, &'a String)| (key.as_str(), value.as_str());
        match self {
            Self::Here(state, _) => {
                state.service.labels.iter().chain(&state.check.terms.labels).map(both).collect()
            }
            Self::Posted(posted, _) => posted.service.labels.iter().map(both).collect(),
        }
    }

    pub(super) fn status(self) -> Status {
        match self {
            Self::Here(state, _) => state.damped.status,
            Self::Posted(_, check) => check.status,
        }
    }

    /// The whole of it, without secrets.
    pub(super) fn check(self, vault: &Vault) -> CheckStatus {
        match self {
            Self::Here(state, _) => report::check_of_state(state, vault),
            Self::Posted(_, check) => check.clone(),
        }
    }

    /// Whether anything is open, which costs less to know than what it is.
    pub(super) fn is_clean(self) -> bool {
        match self {
            Self::Here(state, _) => state.damped.open.is_empty(),
            Self::Posted(_, check) => check.findings.is_empty(),
        }
    }

    /// What is open.
    pub(super) fn findings(self, vault: &Vault) -> Vec<FindingStatus> {
        if self.is_clean() { Vec::new() } else { self.check(vault).findings }
    }
}
