//! What is told: a message about one service, with the changes of its checks.
//!
//! Its JSON, `musterd.notification/1`, is public and frozen: it is the body of a webhook, and
//! what templates are rendered from.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use musterd_probes::secret::Vault;
use musterd_probes::severity::{Severity, Verdict};
use serde::{Deserialize, Serialize};

use super::problem::Whose;
use super::stand::{POLICY, Stand, Topic};
use crate::damping::Open;
use crate::status::Status;

/// The name of the JSON's form.
pub(crate) const SCHEMA: &str = "musterd.notification/1";

/// So many findings stand in a change; the rest is counted.
const MOST_FINDINGS: usize = 20;

/// Texts that a target had a say in are cut to so many characters.
const LONGEST_TEXT: usize = 500;

/// A message about one service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Message {
    pub(crate) schema: &'static str,
    /// Somebody tries the way; it says nothing of any service.
    pub(crate) test: bool,
    pub(crate) sent_at: Timestamp,
    /// Where this instance looks from; empty when there is one only.
    pub(crate) location: Arc<str>,
    pub(crate) service: String,
    pub(crate) url: String,
    /// The service's own.
    pub(crate) labels: BTreeMap<String, String>,
    /// The worst of all checks of the service now, whether they changed or not.
    pub(crate) status: Status,
    /// `firing` while any of the changes is.
    pub(crate) state: State,
    /// All of it in a line.
    pub(crate) summary: String,
    pub(crate) changes: Vec<Change>,
}

/// Whether something is wrong or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Firing,
    Resolved,
}

/// How urgent a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Urgency {
    Critical,
    Warning,
}

impl Urgency {
    /// A failure is critical; a blemish, and that we cannot look, are warnings. Not being able to
    /// look makes no failure less urgent: until it is seen to be over, it is not.
    pub(crate) fn of(status: Status, open: &[Open]) -> Self {
        let counted = open.iter().filter(|open| open.waived.is_none());
        let worst = Verdict::of(counted.map(|open| open.finding.severity));
        match status {
            Status::Fail => Self::Critical,
            Status::Unknown if worst == Verdict::Fail => Self::Critical,
            Status::Warn | Status::Unknown | Status::Pass | Status::Pending => Self::Warning,
        }
    }

    /// The word that stands for it in every output.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
        }
    }
}

/// How the status of a check changed, or of what policy finds of a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Change {
    /// `service/name`, or the service's name alone where it is about what policy finds.
    pub(crate) check: Arc<str>,
    pub(crate) name: String,
    pub(crate) probe: &'static str,
    /// The check's own.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) state: State,
    /// `null` when the check is not configured any more.
    pub(crate) status: Option<Status>,
    /// Since when it has this status.
    pub(crate) since: Timestamp,
    /// What was told last, or is known of the time before; `null` when nothing is.
    pub(crate) previous: Option<Status>,
    pub(crate) previous_since: Option<Timestamp>,
    /// How urgent what was told last was; `null` when nothing was wrong.
    pub(crate) previous_severity: Option<Urgency>,
    /// Of what fires, or fired before it was over.
    pub(crate) severity: Urgency,
    /// It in a line.
    pub(crate) summary: String,
    /// Why it is unknown.
    pub(crate) reason: Option<String>,
    /// The open ones that count, the worst first.
    pub(crate) findings: Vec<Note>,
    /// How many more there are.
    pub(crate) findings_omitted: usize,
    /// Where musterd shows the check, if it knows its own address.
    pub(crate) link: Option<String>,
}

/// A finding in a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Note {
    pub(crate) rule: &'static str,
    pub(crate) severity: Severity,
    pub(crate) subject: String,
    pub(crate) title: &'static str,
    pub(crate) saw: String,
    pub(crate) wanted: String,
    pub(crate) why: &'static str,
    pub(crate) fix: &'static str,
    pub(crate) opened_at: Timestamp,
}

/// Before the change: what was told, how urgent it was, and since when it was so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Before {
    pub(crate) status: Option<Status>,
    pub(crate) urgency: Option<Urgency>,
    pub(crate) since: Option<Timestamp>,
}

/// What turns states into messages.
#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) vault: Arc<Vault>,
    pub(crate) location: Arc<str>,
    /// Where musterd is reached from outside, without a closing slash.
    pub(crate) external_url: Option<Arc<str>>,
}

impl Writer {
    /// A change to how something stands.
    pub(crate) fn change(&self, stand: &Stand, before: Before) -> Change {
        let Stand { topic, status, since, open, reason, .. } = stand;
        let (status, since) = (*status, *since);
        let firing = status != Status::Pass;
        let (findings, findings_omitted) = if firing { self.notes(open) } else { (Vec::new(), 0) };
        let reason = reason.as_deref().map(|text| self.clean(text));
        let now = Urgency::of(status, open);
        let severity = if firing { now } else { before.urgency.unwrap_or(now) };
        let mut change = Change {
            status: Some(status),
            state: if firing { State::Firing } else { State::Resolved },
            since,
            severity,
            reason,
            findings,
            findings_omitted,
            ..self.bare(topic, before, since)
        };
        change.summary = change.line();
        change
    }

    /// The end of a problem of something that is not configured any more.
    pub(crate) fn gone(&self, topic: &Topic, before: Before, at: Timestamp) -> Change {
        let mut change = self.bare(topic, before, at);
        change.summary = change.line();
        change
    }

    /// A message about one service, whose checks are as bad as `status` at worst.
    pub(crate) fn message(
        &self,
        whose: &Whose,
        status: Status,
        changes: Vec<Change>,
        at: Timestamp,
    ) -> Message {
        let mut message = Message {
            schema: SCHEMA,
            test: false,
            sent_at: at,
            location: Arc::clone(&self.location),
            service: whose.service.clone(),
            url: self.clean(&whose.url),
            labels: whose.labels.clone(),
            status,
            state: State::Resolved,
            summary: String::new(),
            changes,
        };
        message.sum_up();
        message
    }

    fn bare(&self, topic: &Topic, before: Before, since: Timestamp) -> Change {
        let link = |url: &Arc<str>| format!("{url}{}", topic.path());
        Change {
            check: Arc::clone(topic.id()),
            name: topic.name().to_owned(),
            probe: topic.probe(),
            labels: topic.labels().clone(),
            state: State::Resolved,
            status: None,
            since,
            previous: before.status,
            previous_since: before.since,
            previous_severity: before.urgency,
            severity: before.urgency.unwrap_or(Urgency::Warning),
            summary: String::new(),
            reason: None,
            findings: Vec::new(),
            findings_omitted: 0,
            link: self.external_url.as_ref().map(link),
        }
    }

    fn notes(&self, open: &[Open]) -> (Vec<Note>, usize) {
        let mut counted: Vec<&Open> = open.iter().filter(|open| open.waived.is_none()).collect();
        counted.sort_by_key(|open| std::cmp::Reverse(open.finding.severity));
        let omitted = counted.len().saturating_sub(MOST_FINDINGS);
        let notes = counted.into_iter().take(MOST_FINDINGS).map(|open| {
            let finding = &open.finding;
            Note {
                rule: finding.about.id,
                severity: finding.severity,
                subject: self.clean(&finding.subject),
                title: finding.about.title,
                saw: self.clean(&finding.saw),
                wanted: self.clean(&finding.wanted),
                why: finding.about.why,
                fix: finding.about.fix,
                opened_at: open.opened_at,
            }
        });
        (notes.collect(), omitted)
    }

    /// Without secrets first, so that a cut leaves no half of one.
    fn clean(&self, text: &str) -> String {
        let text = self.vault.redact(text);
        match text.char_indices().nth(LONGEST_TEXT) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text.into_owned(),
        }
    }
}

impl Message {
    /// Sets what follows from the changes.
    pub(crate) fn sum_up(&mut self) {
        let firing = self.changes.iter().any(|change| change.state == State::Firing);
        self.state = if firing { State::Firing } else { State::Resolved };
        self.summary = match self.changes.as_slice() {
            [change] => change.summary.clone(),
            changes => {
                let told = [
                    (Some(Status::Fail), "failing"),
                    (Some(Status::Unknown), "unknown"),
                    (Some(Status::Warn), "warning"),
                    (Some(Status::Pass), "passing again"),
                    (None, "no longer watched"),
                ]
                .into_iter()
                .map(|(status, word)| {
                    (changes.iter().filter(|change| change.status == status).count(), word)
                })
                .filter(|(count, _)| *count > 0)
                .map(|(count, word)| format!("{count} {word}"));
                let told: Vec<String> = told.collect();
                format!("{}: {} checks changed: {}", self.service, changes.len(), told.join(", "))
            }
        };
        if self.test {
            self.summary = format!("TEST: {}", self.summary);
        }
    }
}

impl Change {
    pub(super) fn before(&self) -> Before {
        Before {
            status: self.previous,
            urgency: self.previous_severity,
            since: self.previous_since,
        }
    }

    /// Sets what came before it.
    pub(super) fn follow(&mut self, before: Before) {
        self.previous = before.status;
        self.previous_since = before.since;
        self.previous_severity = before.urgency;
        if self.state == State::Resolved {
            self.severity = before.urgency.unwrap_or(self.severity);
        }
    }

    pub(super) fn line(&self) -> String {
        let check = if self.probe == POLICY {
            format!("{}'s policy", self.check)
        } else {
            self.check.to_string()
        };
        let said = match self.status {
            None => return format!("{check} is no longer watched"),
            Some(Status::Pass) => return format!("{check} passes again"),
            Some(Status::Fail) => "fails",
            Some(Status::Warn) => "warns",
            Some(Status::Unknown | Status::Pending) => {
                let why = self.reason.as_deref().unwrap_or("musterd cannot look");
                return format!("{check} is unknown: {why}");
            }
        };
        let Some(worst) = self.findings.first() else { return format!("{check} {said}") };
        let on =
            if worst.subject.is_empty() { String::new() } else { format!(" on {}", worst.subject) };
        let more = match self.findings.len() - 1 + self.findings_omitted {
            0 => String::new(),
            1 => ", and 1 more finding".to_owned(),
            more => format!(", and {more} more findings"),
        };
        format!("{check} {said}: {} ({}){on}{more}", worst.title, worst.rule)
    }
}
