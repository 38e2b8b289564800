//! The rules of one objective: what is recorded, and what alerts.

use std::collections::BTreeSet;
use std::time::Duration;

use super::burn::{Cadence, FEWEST, Row, Urgency, budget, span};
use crate::config::{Objective, Service};
use crate::metrics::checks::label_names;

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    /// `PromQL`, perhaps on several lines.
    pub(super) expr: String,
    /// By name and value, in the order in which they are written.
    pub(super) labels: Vec<(String, String)>,
}

/// What a rule does.
#[derive(Debug)]
pub(super) enum Kind {
    /// Keeps the outcome under this name.
    Record(String),
    /// Alerts by this name, after so long.
    Alert { name: &'static str, after: Option<Duration>, summary: String, description: String },
}

/// The series of an objective; with an outcome, these only.
fn events(
    service: &Service,
    objective: &Objective,
    outcome: Option<&str>,
    window: Duration,
) -> String {
    let outcome = outcome.map(|outcome| format!(",outcome=\"{outcome}\"")).unwrap_or_default();
    let (service, objective, window) = (&service.name, &objective.name, span(window));
    format!(
        "musterd_objective_events_total{{service=\"{service}\",objective=\"{objective}\"{outcome}}}[{window}]"
    )
}

/// The recorded part of runs that were bad.
fn recorded(window: Duration) -> String {
    format!("musterd:objective_errors:ratio_rate{}", span(window))
}

/// Everything but what is left of the budget.
pub(super) fn rules(
    service: &Service,
    objective: &Objective,
    rows: &[Row],
    cadence: Cadence,
) -> Vec<Rule> {
    let windows: BTreeSet<Duration> = rows.iter().flat_map(|row| [row.short, row.long]).collect();
    let mut rules: Vec<Rule> =
        windows.into_iter().map(|window| errors(service, objective, window)).collect();
    for urgency in [Urgency::Page, Urgency::Ticket] {
        let of_urgency: Vec<&Row> = rows.iter().filter(|row| row.urgency == urgency).collect();
        if !of_urgency.is_empty() {
            rules.push(burns(service, objective, urgency, &of_urgency));
        }
    }
    rules.push(unmeasured(service, objective, cadence));
    rules
}

fn errors(service: &Service, objective: &Objective, window: Duration) -> Rule {
    let bad = events(service, objective, Some("bad"), window);
    let all = events(service, objective, None, window);
    Rule {
        kind: Kind::Record(recorded(window)),
        expr: format!(
            "sum by (service, objective) (rate({bad}))\n/\nsum by (service, objective) (rate({all}))"
        ),
        labels: named(service, objective),
    }
}

/// What is left of the budget: 1 is all of it, 0 nothing, less than 0 is what was spent beyond it.
pub(super) fn remaining(service: &Service, objective: &Objective) -> Rule {
    let bad = events(service, objective, Some("bad"), objective.window);
    let all = events(service, objective, None, objective.window);
    let budget = budget(objective.target);
    Rule {
        kind: Kind::Record("musterd:objective_budget_remaining:ratio".to_owned()),
        expr: format!(
            "1 - (\n  sum by (service, objective) (increase({bad}))\n  /\n  sum by (service, objective) (increase({all}))\n) / {budget}"
        ),
        labels: named(service, objective),
    }
}

fn burns(service: &Service, objective: &Objective, urgency: Urgency, rows: &[&Row]) -> Rule {
    let budget = budget(objective.target);
    let own = format!("{{service=\"{}\",objective=\"{}\"}}", service.name, objective.name);
    let pairs: Vec<String> = rows
        .iter()
        .map(|row| {
            let factor = row.factor;
            let line = |window| format!("  {}{own} > {factor} * {budget}", recorded(window));
            let bad = events(service, objective, Some("bad"), row.long);
            format!(
                "(\n{}\n  and\n{}\n  and\n  sum by (service, objective) (increase({bad})) >= {FEWEST}\n)",
                line(row.long),
                line(row.short)
            )
        })
        .collect();
    let (name, severity, how) = match urgency {
        Urgency::Page => ("MusterdObjectiveBurnsFast", "critical", "fast"),
        Urgency::Ticket => ("MusterdObjectiveBurnsSlowly", "warning", "too fast to last"),
    };
    let gone = rows.iter().map(|row| row.factor).fold(0.0, f64::max);
    let window = span(objective.window);
    let kept = span_in_words(objective.window.div_f64(gone));
    Rule {
        kind: Kind::Alert {
            name,
            after: None,
            summary: format!(
                "{{{{ $labels.service }}}} spends the error budget of {{{{ $labels.objective }}}} {how}"
            ),
            description: format!(
                "{{{{ $value | humanizePercentage }}}} of its runs were bad, and {}% of {window} may be. \
                 At {gone} times that the whole budget lasts for {kept}.",
                trimmed(budget * 100.0)
            ),
        },
        expr: pairs.join("\nor\n"),
        labels: labels(service, objective, severity),
    }
}

fn unmeasured(service: &Service, objective: &Objective, cadence: Cadence) -> Rule {
    let window = (cadence.slowest * 4).max(Duration::from_mins(15));
    let window = Duration::from_secs(window.as_secs().div_ceil(60) * 60);
    let all = events(service, objective, None, window);
    let bare = all.split('[').next().unwrap_or_default();
    Rule {
        kind: Kind::Alert {
            name: "MusterdObjectiveUnmeasured",
            after: Some(Duration::from_mins(5)),
            summary:
                "Nothing is known of {{ $labels.service }}'s objective {{ $labels.objective }}"
                    .to_owned(),
            description: format!(
                "No run of its checks counted in {}: musterd or its scrape is gone, cannot look, or \
                 the objective is no longer in its configuration.",
                span(window)
            ),
        },
        expr: format!("absent({bare})\nor\nsum by (service, objective) (increase({all})) == 0"),
        labels: labels(service, objective, "warning"),
    }
}

/// What tells the rule from those of other objectives, which the series says too.
fn named(service: &Service, objective: &Objective) -> Vec<(String, String)> {
    vec![
        ("service".to_owned(), service.name.clone()),
        ("objective".to_owned(), objective.name.clone()),
    ]
}

/// The severity, and the service's own labels, by which alerts are routed.
fn labels(service: &Service, objective: &Objective, severity: &str) -> Vec<(String, String)> {
    const OURS: [&str; 4] = ["alertname", "objective", "service", "severity"];
    let own = label_names(service.labels.keys())
        .into_iter()
        .zip(service.labels.values().cloned())
        .filter(|(name, _)| !OURS.contains(&name.as_str()));
    let severity = ("severity".to_owned(), severity.to_owned());
    named(service, objective).into_iter().chain([severity]).chain(own).collect()
}

/// Rounded to what a reader wants to know.
fn span_in_words(time: Duration) -> String {
    let hours = time.as_secs_f64() / 3600.0;
    if hours >= 48.0 { format!("{:.0} days", hours / 24.0) } else { format!("{hours:.1} hours") }
}

/// Without the noise of the last digits.
fn trimmed(value: f64) -> f64 {
    (value * 1e8).round() / 1e8
}
