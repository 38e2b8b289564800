//! Rules as the files that Prometheus and its operator read.

use std::io::{self, Write};

use super::Plan;
use super::burn::span;
use super::rule::{Kind, Rule};

/// What stands around the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Wrapping {
    /// A file for `rule_files` of Prometheus.
    #[default]
    Prometheus,
    /// A `PrometheusRule` for the Prometheus operator.
    Operator,
}

/// Writes all plans.
pub(crate) fn write(plans: &[Plan], wrapping: Wrapping, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "# Written by `musterd generate prometheus-rules`: write it anew, and do not edit it."
    )?;
    let margin = match wrapping {
        Wrapping::Prometheus => "",
        Wrapping::Operator => {
            writeln!(
                out,
                "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: musterd-objectives\nspec:"
            )?;
            "  "
        }
    };
    writeln!(out, "{margin}groups:")?;
    for plan in plans {
        for warning in &plan.warnings {
            writeln!(out, "{margin}  # {}: {warning}.", plan.name)?;
        }
        let name = plan.name.replace('/', "-");
        group(out, margin, &format!("musterd-objective-{name}"), None, &plan.rules)?;
        group(out, margin, &format!("musterd-budget-{name}"), Some("5m"), &plan.slow)?;
    }
    Ok(())
}

fn group(
    out: &mut dyn Write,
    margin: &str,
    name: &str,
    interval: Option<&str>,
    rules: &[Rule],
) -> io::Result<()> {
    if rules.is_empty() {
        return Ok(());
    }
    writeln!(out, "{margin}  - name: {}", quoted(name))?;
    if let Some(interval) = interval {
        writeln!(out, "{margin}    interval: {interval}")?;
    }
    writeln!(out, "{margin}    rules:")?;
    for rule in rules {
        one(out, margin, rule)?;
    }
    Ok(())
}

fn one(out: &mut dyn Write, margin: &str, rule: &Rule) -> io::Result<()> {
    match &rule.kind {
        Kind::Record(name) => writeln!(out, "{margin}      - record: {}", quoted(name))?,
        Kind::Alert { name, .. } => writeln!(out, "{margin}      - alert: {name}")?,
    }
    writeln!(out, "{margin}        expr: |-")?;
    for line in rule.expr.lines() {
        writeln!(out, "{margin}          {line}")?;
    }
    if let Kind::Alert { after: Some(after), .. } = &rule.kind {
        writeln!(out, "{margin}        for: {}", span(*after))?;
    }
    if !rule.labels.is_empty() {
        writeln!(out, "{margin}        labels:")?;
    }
    for (name, value) in &rule.labels {
        writeln!(out, "{margin}          {name}: {}", quoted(value))?;
    }
    if let Kind::Alert { summary, description, .. } = &rule.kind {
        writeln!(out, "{margin}        annotations:")?;
        writeln!(out, "{margin}          summary: {}", quoted(summary))?;
        writeln!(out, "{margin}          description: {}", quoted(description))?;
    }
    Ok(())
}

/// In double quotes YAML reads escapes as JSON does.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
