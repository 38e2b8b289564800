//! Alerts as Prometheus' Alertmanager takes them, version 2 of its API.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use url::Url;

use super::message::{Change, Message, Note, State, Urgency};

/// What every alert of ours is called.
const ALERT: &str = "MusterdCheck";

/// Alertmanager keeps nothing that is not said again: an alert without an `endsAt` is over after
/// its `resolve_timeout` (five minutes unless its configuration says otherwise), and one with an
/// `endsAt` at that time. What fires is therefore sent again this often...
pub(crate) const REPEAT: Duration = Duration::from_mins(1);

/// ...and said to last so long, whatever `resolve_timeout` is: three posts in a row may fail, and
/// a restart of ours ends no alert.
const LASTS: SignedDuration = SignedDuration::from_mins(5);

/// A message is tried for so long: with the minute since everything was said before it, no alert is
/// over by then.
pub(crate) const TRY: Duration = Duration::from_mins(3);

/// So many problems stand in one post when everything that fires is sent again.
pub(crate) const BATCH: usize = 100;

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Alert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

/// Where alerts are posted to.
pub(crate) fn endpoint(base: &Url) -> Url {
    let mut url = base.clone();
    let path = format!("{}/api/v2/alerts", base.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

/// The alerts of a message.
pub(crate) fn alerts(message: &Message) -> Vec<Alert> {
    message.changes.iter().flat_map(|change| of_change(message, change)).collect()
}

/// An alert is what its labels are. One that becomes more or less severe is therefore another
/// one, and the first one ends.
fn of_change(message: &Message, change: &Change) -> Vec<Alert> {
    let began = change.previous_since.unwrap_or(change.since).min(change.since);
    let over = change.since.min(message.sent_at);
    match change.state {
        State::Resolved => vec![alert(message, change, change.severity, began, over)],
        State::Firing => {
            let lasts = message.sent_at.checked_add(LASTS).unwrap_or(Timestamp::MAX);
            let firing = alert(message, change, change.severity, change.since, lasts);
            let other = change.previous_severity.filter(|before| *before != change.severity);
            let ended = other.map(|before| alert(message, change, before, began, over));
            std::iter::once(firing).chain(ended).collect()
        }
    }
}

fn alert(
    message: &Message,
    change: &Change,
    severity: Urgency,
    starts_at: Timestamp,
    ends_at: Timestamp,
) -> Alert {
    // A clock that went back leaves times to come. An alert that starts after its end is refused,
    // and one whose end is to come still fires.
    let starts_at = starts_at.min(message.sent_at).min(ends_at);
    let mut annotations = BTreeMap::from([("summary", change.summary.clone())]);
    let description = description(change);
    if !description.is_empty() {
        annotations.insert("description", description);
    }
    let mut fixes: Vec<&str> = Vec::new();
    for Note { fix, .. } in &change.findings {
        if !fix.is_empty() && !fixes.contains(fix) {
            fixes.push(fix);
        }
    }
    if !fixes.is_empty() {
        annotations.insert("fix", fixes.join("\n"));
    }
    Alert {
        labels: labels(message, change, severity),
        annotations,
        starts_at,
        ends_at,
        generator_url: change.link.clone(),
    }
}

fn labels(message: &Message, change: &Change, severity: Urgency) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<String, String> = [
        ("alertname", ALERT),
        ("service", &message.service),
        ("check", &change.name),
        ("probe", change.probe),
        ("severity", severity.as_str()),
        ("location", &message.location),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if message.test {
        labels.insert("test".to_owned(), "true".to_owned());
    }
    let own: Vec<String> = labels.keys().cloned().collect();
    // A check's label counts for more than its service's.
    for (name, value) in message.labels.iter().chain(&change.labels) {
        let taken = own.contains(name);
        let name = if taken { format!("label_{name}") } else { name.clone() };
        labels.insert(name, value.clone());
    }
    // To Alertmanager an empty label is none.
    labels.retain(|_, value| !value.is_empty());
    labels
}

fn description(change: &Change) -> String {
    let mut lines: Vec<String> = change.findings.iter().map(line).collect();
    if change.findings_omitted > 0 {
        lines.push(format!("and {} more", change.findings_omitted));
    }
    lines.extend(change.reason.as_ref().map(|reason| format!("musterd cannot look: {reason}")));
    lines.join("\n")
}

fn line(note: &Note) -> String {
    let Note { rule, severity, subject, title, saw, wanted, .. } = note;
    let on = if subject.is_empty() { String::new() } else { format!(" on {subject}") };
    let saw = if saw.is_empty() { String::new() } else { format!("; saw: {saw}") };
    let wanted = if wanted.is_empty() { String::new() } else { format!("; wanted: {wanted}") };
    format!("[{severity}] {title} ({rule}){on}{saw}{wanted}")
}
