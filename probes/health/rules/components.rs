//! What the service depends on: down, missing, or dragging liveness along.

use jiff::Timestamp;

use super::availability::claim;
use super::{Evidence, NO_ANSWER};
use crate::health::look::Look;
use crate::health::vocabulary::Level;
use crate::health::{Health, Role};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::{excerpt, list};

pub(super) const COMPONENT_DOWN: Rule<Health> = Rule {
    about: About {
        id: "health.component-down",
        severity: Severity::High,
        title: "a component is down",
        why: "Whatever needs it fails, even where the service as a whole still answers.",
        fix: "Mend the component; name it in `optional` if the service works without it.",
        references: &["draft-inadarei-api-health-check-06 section 4"],
    },
    check: component_down,
};

fn component_down(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    if seen.now.main.answer().is_none() {
        return Looked::untested(NO_ANSWER);
    }
    let saw: Vec<Saw> = seen
        .now
        .main
        .reading()
        .components
        .iter()
        .filter(|(_, component)| component.level == Some(Level::Down))
        .map(|(name, component)| {
            let saw = Saw::new(format!("{:?}", excerpt(&component.word, 40)), "up").on(name);
            if health.optional.contains(name) { saw.graded(Severity::Medium) } else { saw }
        })
        .collect();
    saw.into()
}

pub(super) const COMPONENT_MISSING: Rule<Health> = Rule {
    about: About {
        id: "health.component-missing",
        severity: Severity::Medium,
        title: "a declared component is not reported",
        why: "The endpoint says ready without looking at something that the service cannot work without.",
        fix: "Let the health endpoint check the component, or take it out of `components`.",
        references: &[],
    },
    check: component_missing,
};

fn component_missing(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let main = &seen.now.main;
    let Some(answer) = main.answer() else { return Looked::untested(NO_ANSWER) };
    let reading = main.reading();
    if !health.accepted.contains(answer.status) && reading.components.is_empty() {
        return Looked::untested("the answer is no report of components");
    }
    let reported = || {
        let names: Vec<String> = reading.components.keys().take(12).cloned().collect();
        if names.is_empty() {
            "no component is reported".to_owned()
        } else {
            format!("only {}", list(&names))
        }
    };
    let saw: Vec<Saw> = health
        .components
        .iter()
        .filter(|(_, normal)| {
            !reading.components.contains_key(normal)
                && !health.optional.contains(normal)
                && reading.components_dropped == 0
        })
        .map(|(written, normal)| Saw::new(reported(), format!("{written} too")).on(normal))
        .collect();
    saw.into()
}

pub(super) const LIVENESS_FOLLOWS_DEPENDENCY: Rule<Health> = Rule {
    about: About {
        id: "health.liveness-follows-dependency",
        severity: Severity::High,
        title: "liveness fails because a dependency is down",
        why: "The orchestrator restarts every replica again and again, which does not mend the dependency and takes the service down with it.",
        fix: "Let liveness answer for the process alone; dependencies belong to readiness.",
        references: &["Kubernetes: liveness, readiness and startup probes"],
    },
    check: liveness_follows_dependency,
};

fn liveness_follows_dependency(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let (live, reporter) = match (&seen.now.live, health.role) {
        (Some(live), _) => (live, &seen.now.main),
        (None, Role::Liveness) => (&seen.now.main, &seen.now.main),
        (None, _) => return Looked::silent(),
    };
    if live.answer().is_none() || reporter.answer().is_none() {
        return Looked::untested(NO_ANSWER);
    }
    let down: Vec<String> = reporter
        .reading()
        .components
        .iter()
        .filter(|(_, component)| component.level == Some(Level::Down))
        .map(|(name, _)| name.clone())
        .take(5)
        .collect();
    if down.is_empty() || !fails(live) {
        return Looked::silent();
    }
    Looked::fired(Saw::new(
        format!(
            "{} answers {} while {} reports {} down",
            live.path,
            claim(live),
            reporter.path,
            list(&down)
        ),
        "liveness that stays up while a dependency is down",
    ))
}

fn fails(live: &Look) -> bool {
    live.answer().is_some_and(|answer| answer.status >= 500)
        || live.reading().level() == Some(Level::Down)
}
