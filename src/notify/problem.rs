//! What a receiver was told to be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::message::{Before, Change, Message, State, Urgency};
use super::stand::Topic;
use crate::config::Service;
use crate::status::Status;

/// Everything that was told to be wrong and not yet to be over, by the topic's id.
pub(crate) type Problems = BTreeMap<Arc<str>, Problem>;

/// What was told to be anything but well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: Status,
    pub(crate) urgency: Urgency,
    pub(crate) since: Timestamp,
    pub(crate) probe: &'static str,
    pub(crate) labels: Arc<BTreeMap<String, String>>,
    pub(crate) whose: Arc<Whose>,
}

/// What messages say of a service, which may be configured no more when its problem is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whose {
    pub(crate) service: String,
    pub(crate) url: String,
    pub(crate) labels: BTreeMap<String, String>,
}

impl Whose {
    pub(crate) fn of(service: &Service) -> Self {
        Self {
            service: service.name.clone(),
            url: service.target.url.to_string(),
            labels: service.labels.clone(),
        }
    }

    /// As a message says.
    pub(super) fn told(message: &Message) -> Self {
        Self {
            service: message.service.clone(),
            url: message.url.clone(),
            labels: message.labels.clone(),
        }
    }
}

/// Whether a status is something to tell of.
pub(crate) const fn is_problem(status: Status) -> bool {
    match status {
        Status::Warn | Status::Fail | Status::Unknown => true,
        Status::Pass | Status::Pending => false,
    }
}

impl Problem {
    /// It as what came before something else.
    pub(crate) fn before(&self) -> Before {
        Before { status: Some(self.status), urgency: Some(self.urgency), since: Some(self.since) }
    }

    /// What it is about, when that is not configured any more.
    pub(crate) fn topic(&self, id: &Arc<str>) -> Topic {
        Topic::Former { id: Arc::clone(id), probe: self.probe, labels: Arc::clone(&self.labels) }
    }

    pub(super) fn of(change: &Change, whose: &Arc<Whose>) -> Option<Self> {
        Some(Self {
            status: change.status.filter(|status| is_problem(*status))?,
            urgency: change.severity,
            since: change.since,
            probe: change.probe,
            labels: Arc::new(change.labels.clone()),
            whose: Arc::clone(whose),
        })
    }
}

/// Notes what a message says. Whether that was anything new.
pub(crate) fn note(problems: &mut Problems, message: &Message) -> bool {
    let whose = Arc::new(Whose::told(message));
    let mut new = false;
    for change in &message.changes {
        let problem = match change.state {
            State::Firing => Problem::of(change, &whose),
            State::Resolved => None,
        };
        new |= match problem {
            Some(problem) => {
                problems.insert(Arc::clone(&change.check), problem.clone()) != Some(problem)
            }
            None => problems.remove(&change.check).is_some(),
        };
    }
    new
}
