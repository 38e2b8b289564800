//! What a profile and a service have in common: policy and checks.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use jiff::civil::Date;
use musterd_probes::impact::Impact;
use musterd_probes::net::budget::Budget;
use musterd_probes::severity::Severity;

use super::check::{Draft, Probes};
use super::stands;
use crate::config::raw;
use crate::config::types::{Objective, Waiver};
use crate::config::yaml::{Document, Located, NodeId, Problems, Raw, collect};

/// One layer of what holds for a service.
pub(super) struct Layer<'d> {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) allow: Option<Impact>,
    pub(super) severity: IndexMap<String, Severity>,
    pub(super) waivers: Vec<Located<Waiver>>,
    pub(super) budget: Option<Budget>,
    pub(super) objectives: Vec<Promise<'d>>,
    pub(super) checks: Vec<Draft<'d>>,
}

/// An objective, with its place.
pub(super) struct Promise<'d> {
    pub(super) document: &'d Document,
    pub(super) name: Located<String>,
    pub(super) checks: Vec<Located<glob::Pattern>>,
    target: f64,
    window: std::time::Duration,
    under: Option<std::time::Duration>,
}

impl Promise<'_> {
    pub(super) fn objective(&self) -> Objective {
        Objective {
            name: self.name.value.clone(),
            checks: self.checks.iter().map(|glob| glob.value.clone()).collect(),
            target: self.target,
            window: self.window,
            under: self.under,
        }
    }
}

impl<'d> Layer<'d> {
    /// Reads what a profile says, or a service's own part of that.
    pub(super) fn read(
        document: &'d Document,
        written: raw::service::Profile,
        today: Date,
        probes: &mut Probes,
        problems: &mut Problems,
    ) -> Self {
        let raw::service::Profile { labels, allow, severity, waivers, budget, objectives, checks } =
            written;
        let waivers = waivers.iter().filter_map(|Raw(at)| waiver(document, *at, today, problems));
        let waivers = waivers.collect();
        let objectives = promises(document, &objectives, problems);
        let checks: Vec<Draft<'d>> = checks
            .iter()
            .filter_map(|Raw(at)| Draft::read(document, *at, probes, problems))
            .collect();
        let mut first: IndexMap<&str, &Draft<'d>> = IndexMap::new();
        for check in &checks {
            let Some(name) = &check.name else { continue };
            let known = *first.entry(name).or_insert(check);
            if std::ptr::eq(known, check) {
                continue;
            }
            let (document, at) = check.site();
            let (there, other) = known.site();
            let message =
                format!("a second check is called `{name}`: {}", stands(document, there, other));
            let hint = format!("give it a `name:` of its own, such as `name: {name}-2`");
            problems.push(document.error(at, message).with_hint(hint));
        }
        let severity = severity.0.into_iter().map(|(rule, level)| (rule.value.0, level));
        Self {
            labels: labels.0,
            allow,
            severity: severity.collect(),
            waivers,
            budget: budget.map(Budget::from),
            objectives,
            checks,
        }
    }
}

fn waiver(
    document: &Document,
    at: NodeId,
    today: Date,
    problems: &mut Problems,
) -> Option<Located<Waiver>> {
    let raw::service::Waiver { rule, check, subject, reason, until } =
        collect(document, at, problems)?;
    if until.value.0 < today {
        let message =
            format!("the waiver ended on {}: what it accepted counts again", until.value.0);
        let hint = "mend what it accepts and delete it, or give it a new date".to_owned();
        problems.push(document.warning(until.at, message).with_hint(hint));
    }
    let value = Waiver {
        rule: rule.value.0,
        check: check.map(|glob| glob.value.0),
        subject: subject.map(|glob| glob.0),
        reason: reason.0,
        until: until.value.0,
    };
    Some(Located { value, at: rule.at })
}

fn promises<'d>(
    document: &'d Document,
    written: &[Raw],
    problems: &mut Problems,
) -> Vec<Promise<'d>> {
    let mut read: Vec<Promise<'d>> = Vec::new();
    for Raw(at) in written {
        let Some(objective) = collect(document, *at, problems) else { continue };
        let raw::service::Objective { name, checks, target, window, under } = objective;
        let name = Located { value: name.value.0, at: name.at };
        if let Some(known) = read.iter().find(|known| known.name == name) {
            let there = stands(document, document, known.name.at);
            let message = format!("a second objective is called `{}`: {there}", name.value);
            problems.push(document.error(name.at, message));
            continue;
        }
        if checks.is_empty() {
            let list = document.get(*at, "checks").unwrap_or(*at);
            let hint = "write `checks: [\"*\"]` for every check of the service".to_owned();
            let message = "the objective speaks of no check";
            problems.push(document.error(list, message).with_hint(hint));
        }
        let checks = checks.into_iter().map(|glob| Located { value: glob.value.0, at: glob.at });
        read.push(Promise {
            document,
            name,
            checks: checks.collect(),
            target: target.0,
            window: window.0,
            under: under.map(|under| under.0),
        });
    }
    read
}
