//! Messages that are clearly no real ones, and one of every kind that there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use musterd_probes::severity::Severity;

use super::message::{Change, Message, Note, SCHEMA, State, Urgency};
use super::stand::POLICY;
use crate::config::Config;
use crate::status::Status;

/// The labels that every service has, and those that every check has of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) service: BTreeSet<String>,
    pub(crate) check: BTreeSet<String>,
}

impl Labels {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            service: common(config.services.iter().map(|service| &service.labels)),
            check: common(config.checks().map(|(_, check)| &check.terms.labels)),
        }
    }
}

/// The names that all of them have.
fn common<'c>(all: impl Iterator<Item = &'c BTreeMap<String, String>>) -> BTreeSet<String> {
    let names = |labels: &BTreeMap<String, String>| labels.keys().cloned().collect();
    all.map(names).reduce(|some, more: BTreeSet<String>| &some & &more).unwrap_or_default()
}

/// Made-up values of labels.
fn values(names: &BTreeSet<String>) -> BTreeMap<String, String> {
    names.iter().map(|name| (name.clone(), "test".to_owned())).collect()
}

/// A message that says that something is wrong, or that it is over.
pub(crate) fn message(
    location: &Arc<str>,
    labels: &Labels,
    state: State,
    at: Timestamp,
) -> Message {
    let change = match state {
        State::Firing => fires(labels, Status::Warn, at),
        State::Resolved => over(labels, Some(Status::Pass), at),
    };
    of(location, labels, vec![change], at)
}

/// One message of every kind, and the words for it: what templates have to cope with.
pub(super) fn every_kind(
    labels: &Labels,
    at: Timestamp,
) -> impl Iterator<Item = (&'static str, Message)> {
    let warns = fires(labels, Status::Warn, at);
    let unknown =
        Change { reason: Some("a test".to_owned()), ..bare(fires(labels, Status::Unknown, at)) };
    let policy = Change {
        check: "musterd".into(),
        name: POLICY.to_owned(),
        probe: POLICY,
        labels: BTreeMap::new(),
        ..warns.clone()
    };
    let passes = over(labels, Some(Status::Pass), at);
    let gone = over(labels, None, at);
    let linked = linked(warns.clone());
    let many = [&linked, &policy, &unknown, &passes, &gone].map(Clone::clone).to_vec();
    [
        ("of a finding", vec![warns.clone()]),
        ("of the end of a problem", vec![passes.clone()]),
        ("of a status without findings", vec![bare(warns)]),
        ("of an unknown status", vec![unknown]),
        ("of what policy finds", vec![policy]),
        ("of a check that is gone", vec![gone]),
        ("of several checks", many),
    ]
    .map(|(kind, changes)| (kind, of(&"".into(), labels, changes, at)))
    .into_iter()
}

fn bare(change: Change) -> Change {
    Change { findings: Vec::new(), ..change }
}

fn linked(change: Change) -> Change {
    Change { link: Some("https://musterd.invalid/api/v1/checks/musterd/test".to_owned()), ..change }
}

fn of(location: &Arc<str>, labels: &Labels, changes: Vec<Change>, at: Timestamp) -> Message {
    let statuses = changes.iter().map(|change| change.status.unwrap_or(Status::Pass));
    let mut message = Message {
        schema: SCHEMA,
        test: true,
        sent_at: at,
        location: Arc::clone(location),
        service: "musterd".to_owned(),
        url: "https://musterd.invalid/".to_owned(),
        labels: values(&labels.service),
        status: Status::worst(statuses),
        state: State::Resolved,
        summary: String::new(),
        changes,
    };
    message.sum_up();
    for change in &mut message.changes {
        change.summary = format!("TEST: {}", change.summary);
    }
    message
}

fn fires(labels: &Labels, status: Status, at: Timestamp) -> Change {
    let note = Note {
        rule: "test.notification",
        severity: Severity::Low,
        subject: String::new(),
        title: "this is a test of musterd's notifications",
        saw: "a test".to_owned(),
        wanted: "that it arrives".to_owned(),
        why: "Nothing is wrong: somebody tries whether messages arrive.",
        fix: "Nothing is to be done.",
        opened_at: at,
    };
    let mut change = Change {
        check: "musterd/test".into(),
        name: "test".to_owned(),
        probe: "test",
        labels: values(&labels.check),
        state: State::Firing,
        status: Some(status),
        since: at,
        previous: None,
        previous_since: None,
        previous_severity: None,
        severity: Urgency::Warning,
        summary: String::new(),
        reason: None,
        findings: vec![note],
        findings_omitted: 0,
        link: None,
    };
    change.summary = change.line();
    change
}

fn over(labels: &Labels, status: Option<Status>, at: Timestamp) -> Change {
    let mut change = Change {
        state: State::Resolved,
        status,
        previous: Some(Status::Warn),
        previous_since: Some(at),
        previous_severity: Some(Urgency::Warning),
        ..bare(fires(labels, Status::Warn, at))
    };
    change.summary = change.line();
    change
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_all_have_are_tried() {
        let labels = |names: &[&str]| {
            let label = |name: &&str| ((*name).to_owned(), "a value".to_owned());
            names.iter().map(label).collect::<BTreeMap<_, _>>()
        };
        for (all, expected) in [
            (vec![], &[][..]),
            (vec![labels(&["env", "team"])], &["env", "team"]),
            (vec![labels(&["env", "team"]), labels(&["team", "owner"])], &["team"]),
            (vec![labels(&["env", "team"]), labels(&[])], &[]),
        ] {
            assert!(common(all.iter()).iter().eq(expected), "{all:?}");
        }
    }
}
