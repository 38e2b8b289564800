//! Rules for Prometheus, made of the objectives of a configuration.
//!
//! Multiwindow, multi-burn-rate alerts as in the Site Reliability Workbook, chapter 5: a budget that
//! is spent so fast that it matters over a long window, and still is over a short one. A probe is
//! low traffic, so what a window can measure is worked out for each objective.

mod burn;
mod rule;
mod yaml;

pub(crate) use yaml::{Wrapping, write};

use std::sync::Arc;

use crate::config::{Check, Config, Objective, Service};
use burn::Cadence;
use rule::Rule;

/// The rules of one objective, with what is doubtful about them.
#[derive(Debug)]
pub(crate) struct Plan {
    /// `service/objective`.
    pub(crate) name: String,
    /// What the user should know; a sentence each.
    pub(crate) warnings: Vec<String>,
    rules: Vec<Rule>,
    /// Rules that need not be reckoned as often.
    slow: Vec<Rule>,
}

/// A plan for each objective, in the order of the configuration.
pub(crate) fn plans(config: &Config) -> Vec<Plan> {
    let both = |service: &'_ Arc<Service>| {
        service.objectives.iter().map(|objective| plan(service, objective)).collect::<Vec<_>>()
    };
    config.services.iter().flat_map(both).collect()
}

fn plan(service: &Service, objective: &Objective) -> Plan {
    let name = format!("{}/{}", service.name, objective.name);
    let speaks_of = |check: &Check| objective.checks.iter().any(|glob| check.is_meant_by(glob));
    let intervals: Vec<_> = service
        .checks
        .iter()
        .filter(|check| speaks_of(check))
        .map(|check| check.interval)
        .collect();
    let Some(cadence) = Cadence::of(&intervals) else {
        let warning = "none of its checks is enabled, so nothing is measured".to_owned();
        return Plan { name, warnings: vec![warning], rules: Vec::new(), slow: Vec::new() };
    };
    let burn::Measured { rows, warnings } =
        burn::measure(objective.target, objective.window, cadence);
    let rules = rule::rules(service, objective, &rows, cadence);
    let slow = vec![rule::remaining(service, objective)];
    Plan { name, warnings, rules, slow }
}

/// How many failures of a window are enough, for tests and warnings alike.
#[cfg(test)]
mod tests;
