//! What the service depends on: down, missing, or dragging liveness along.

use jiff::Timestamp;

use super::availability::claim;
use super::{Evidence, NO_ANSWER, is_named, is_optional, report};
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
    let reading = match report(health, seen) {
        Ok(reading) => reading,
        Err(untested) => return untested,
    };
    let saw: Vec<Saw> = reading
        .components
        .iter()
        .filter(|(_, component)| component.level == Some(Level::Down))
        .map(|(name, component)| {
            let saw = Saw::new(format!("{:?}", excerpt(&component.word, 40)), "up").on(name);
            if is_optional(health, name) { saw.graded(Severity::Medium) } else { saw }
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
    let reading = match report(health, seen) {
        Ok(reading) => reading,
        Err(untested) => return untested,
    };
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
        .filter(|(_, named)| {
            !reading.components.keys().any(|reported| is_named(reported, named))
                && !health.optional.contains(named)
        })
        .map(|(written, named)| {
            let saw = Saw::new(reported(), format!("{written} too")).on(named);
            // It may be among those that were not kept.
            if reading.components_dropped > 0 { saw.graded(Severity::Low) } else { saw }
        })
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

/// What a process reports of itself, in Spring, Terminus, `MicroProfile` and ASP.NET Core: here a
/// restart does help.
const OWN: [&str; 20] = [
    "livenessstate",
    "readinessstate",
    "liveness",
    "readiness",
    "live",
    "ready",
    "self",
    "ping",
    "process",
    "cpu",
    "memory",
    "memory_heap",
    "memory_rss",
    "heap",
    "heap_memory",
    "event_loop",
    "eventloop",
    "threads",
    "deadlock",
    "deadlocks",
];

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
        .filter(|(name, component)| {
            component.level == Some(Level::Down) && !OWN.contains(&name.as_str())
        })
        .map(|(name, _)| name.clone())
        .take(5)
        .collect();
    if down.is_empty() || !fails(live) {
        return Looked::silent();
    }
    let saw = if live.path == reporter.path {
        format!("{} answers {}", live.path, claim(live))
    } else {
        let (live_says, down) = (claim(live), list(&down));
        format!("{} answers {live_says} while {} reports {down} down", live.path, reporter.path)
    };
    Looked::fired(Saw::new(saw, "liveness that stays up while a dependency is down"))
}

fn fails(live: &Look) -> bool {
    live.status().is_some_and(|status| status >= 500) || live.reading().level() == Some(Level::Down)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{Scene, failed, holds, html, json as body, status, text, typed};
    use crate::net::body::BodyEnd;
    use crate::net::failure::FailureKind::Refused;
    use crate::net::phase::Phase::Connect;

    fn checks(code: u16, checks: &Value) -> Scene {
        body(code, &json!({"status": "ok", "checks": checks}))
    }

    #[test]
    fn a_component_that_is_down_is_told_by_its_name() {
        let db = || checks(200, &json!({"db": "down", "redis": "ok"}));
        let group = json!({"status": "UP", "components": {"db": {"status": "UP", "components": {
            "primary": {"status": "UP"}, "replica": {"status": "DOWN"}}}}});
        let cut = || body(200, &json!({"status": "ok"})).ending(BodyEnd::Cut, None);
        let mut one_down_of_many: Value = (0..80)
            .map(|n| (format!("c{n}"), json!("ok")))
            .collect::<serde_json::Map<_, _>>()
            .into();
        one_down_of_many["zz"] = json!("down");
        holds(
            "health.component-down",
            vec![
                ("{}", db(), "high db"),
                ("{}", checks(503, &json!({"db": "down", "redis": "down"})), "high db, high redis"),
                (r#"{"optional": ["DB"]}"#, db(), "medium db"),
                (r#"{"optional": ["redis"]}"#, db(), "high db"),
                ("{}", body(200, &group), "high db_replica"),
                (r#"{"optional": ["db"]}"#, body(200, &group), "medium db_replica"),
                (
                    "{}",
                    text(500, "[+]ping ok\n[-]etcd failed: x\nreadyz check failed"),
                    "high etcd",
                ),
                ("{}", checks(424, &json!({"db": "down"})), "high db"),
                ("{}", checks(200, &json!({"db": "degraded", "x": "unknown", "y": "?"})), ""),
                ("{}", text(200, "ok"), ""),
                ("{}", checks(200, &one_down_of_many), "high zz"),
                ("{}", status(200).live(db()), ""),
                // What is no report closes nothing.
                ("{}", failed(Connect, Refused), "untested"),
                ("{}", html(502, "<html>bad gateway</html>"), "untested"),
                ("{}", html(200, "<html>a page</html>"), "untested"),
                ("{}", typed(200, "application/json", "{\"status\": "), "untested"),
                ("{}", cut(), "untested"),
                ("{}", body(404, &json!({"status": 404, "db": "down"})), "untested"),
            ],
        );
    }

    #[test]
    fn a_declared_component_must_be_told_of() {
        let two = r#"{"components": ["database", "AI Service"]}"#;
        let many: serde_json::Map<String, Value> =
            (0..80).map(|n| (format!("c{n}"), json!("ok"))).collect();
        let rule = "health.component-missing";
        holds(
            rule,
            vec![
                (two, checks(200, &json!({"database": "ok"})), "medium ai_service"),
                (two, text(200, "ok"), "medium database, medium ai_service"),
                (two, status(200), "medium database, medium ai_service"),
                (
                    two,
                    html(200, "<html><body>OK</body></html>"),
                    "medium database, medium ai_service",
                ),
                (two, checks(503, &json!({"database": "down"})), "medium ai_service"),
                (two, checks(200, &Value::Object(many)), "low database, low ai_service"),
                (two, checks(200, &json!({"database": "ok", "ai_service": "ok"})), ""),
                (two, checks(200, &json!({"Database": "down", "aiService": "borked"})), ""),
                (
                    two,
                    checks(
                        200,
                        &json!({"ai-service": "ok", "database": {
                    "primary": {"status": "ok"}}}),
                    ),
                    "",
                ),
                (r#"{"components": ["db"], "optional": ["db"]}"#, status(200), ""),
                ("{}", status(200), ""),
                (two, status(503), "untested"),
                (two, typed(200, "application/json", "{"), "untested"),
                (two, failed(Connect, Refused), "untested"),
            ],
        );
    }

    #[test]
    fn liveness_goes_down_with_a_dependency_only_when_both_are_seen() {
        let down = || checks(503, &json!({"db": "down"}));
        let up = || checks(200, &json!({"db": "ok"}));
        let liveness = r#"{"kind": "liveness"}"#;
        holds(
            "health.liveness-follows-dependency",
            vec![
                ("{}", down().live(status(503)), "high"),
                ("{}", down().live(text(200, "Unhealthy")), "high"),
                ("{}", down().live(checks(503, &json!({"db": "down"}))), "high"),
                ("{}", checks(200, &json!({"db": "down"})).live(status(500)), "high"),
                (liveness, down(), "high"),
                // A process that reports of itself alone.
                (liveness, checks(503, &json!({"livenessState": "down"})), ""),
                (liveness, checks(503, &json!({"memory_heap": "down", "ping": "ok"})), ""),
                (liveness, checks(503, &json!({"livenessState": "down", "db": "down"})), "high"),
                ("{}", checks(503, &json!({"readinessState": "down"})).live(status(503)), ""),
                ("{}", down().live(text(200, "ok")), ""),
                ("{}", down().live(status(404)), ""),
                ("{}", up().live(status(503)), ""),
                ("{}", status(503).live(status(503)), ""),
                (liveness, up(), ""),
                (liveness, status(503), ""),
                (liveness, checks(200, &json!({"db": "down"})), ""),
                ("{}", down(), ""),
                (r#"{"kind": "startup"}"#, down(), ""),
                ("{}", down().live(failed(Connect, Refused)), "untested"),
                ("{}", failed(Connect, Refused).live(status(503)), "untested"),
                (liveness, failed(Connect, Refused), "untested"),
            ],
        );
    }
}
