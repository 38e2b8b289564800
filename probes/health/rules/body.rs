//! Whether the body can be read, and agrees with the status and with itself.

use jiff::Timestamp;

use super::availability::claim;
use super::{Evidence, NO_ANSWER, answered};
use crate::health::Health;
use crate::health::look::Look;
use crate::health::reading::Form;
use crate::health::vocabulary::Level;
use crate::net::body::BodyEnd;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::{bytes, excerpt, list};

pub(super) const DEGRADED: Rule<Health> = Rule {
    about: About {
        id: "health.degraded",
        severity: Severity::Medium,
        title: "the service says that it is degraded",
        why: "It still works, but something that it needs is slow or gone, and the next fault may take it down.",
        fix: "Look at the component that is named, before its users notice.",
        references: &["draft-inadarei-api-health-check-06 section 3.1"],
    },
    check: degraded,
};

fn degraded(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    if seen.now.main.answer().is_none() {
        return Looked::untested(NO_ANSWER);
    }
    let reading = seen.now.main.reading();
    let mut saw = Vec::new();
    if let Some(stated) = &reading.aggregate
        && matches!(stated.level, Some(Level::Warn | Level::Unknown))
    {
        saw.push(Saw::new(claim(&seen.now.main), "a body that says up"));
    }
    for (name, component) in &reading.components {
        // Only a component that is counted on must say how it is.
        let declared = health.components.iter().any(|(_, normal)| normal == name);
        let unclear = declared && matches!(component.level, None | Some(Level::Unknown));
        if component.level == Some(Level::Warn) || unclear {
            saw.push(Saw::new(format!("{:?}", excerpt(&component.word, 40)), "up").on(name));
        }
    }
    saw.into()
}

pub(super) const STATUS_CONTRADICTS_BODY: Rule<Health> = Rule {
    about: About {
        id: "health.status-contradicts-body",
        severity: Severity::High,
        title: "the status code and the body contradict each other",
        why: "Orchestrators and load balancers read the status, people and dashboards the body: one of them is misled.",
        fix: "Answer 503 when the body says down, and let the body say down when the answer is 503.",
        references: &["draft-inadarei-api-health-check-06 section 3.1"],
    },
    check: status_contradicts_body,
};

fn status_contradicts_body(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let status = look.answer()?.status;
        let wanted = "a status and a body that agree";
        match look.reading().level()? {
            // Traffic goes on to a service that says that it is down.
            Level::Down if health.accepted.contains(status) => Some(Saw::new(claim(look), wanted)),
            Level::Up if status >= 400 && !health.accepted.contains(status) => {
                Some(Saw::new(claim(look), wanted).graded(Severity::Medium))
            }
            _ => None,
        }
    })
}

pub(super) const AGGREGATE_CONTRADICTS_COMPONENTS: Rule<Health> = Rule {
    about: About {
        id: "health.aggregate-contradicts-components",
        severity: Severity::Medium,
        title: "the overall status and the components contradict each other",
        why: "Whoever reads only the overall status does not learn that a part is down.",
        fix: "Derive the overall status from the components; name those in `optional` that do not count.",
        references: &["draft-inadarei-api-health-check-06 section 4"],
    },
    check: aggregate_contradicts_components,
};

fn aggregate_contradicts_components(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let look = &seen.now.main;
    if look.answer().is_none() {
        return Looked::untested(NO_ANSWER);
    }
    let reading = look.reading();
    let down: Vec<String> = reading
        .components
        .iter()
        .filter(|(name, component)| {
            component.level == Some(Level::Down) && !health.optional.contains(name)
        })
        .map(|(name, _)| name.clone())
        .take(5)
        .collect();
    let all_up = !reading.components.is_empty()
        && reading.components_dropped == 0
        && reading.components.values().all(|component| component.level == Some(Level::Up));
    match reading.level() {
        Some(Level::Up) if !down.is_empty() => Looked::fired(Saw::new(
            format!("up as a whole, with {} down", list(&down)),
            "an overall status no better than its components",
        )),
        Some(Level::Down) if all_up => Looked::fired(Saw::new(
            "down as a whole, with every component up",
            "a component that says what is down",
        )),
        _ => Looked::silent(),
    }
}

pub(super) const BODY_INVALID: Rule<Health> = Rule {
    about: About {
        id: "health.body-invalid",
        severity: Severity::Medium,
        title: "the body cannot be read as a statement about health",
        why: "Whatever parses it fails or guesses, and a proxy's error page can pass for health.",
        fix: "Answer JSON with a `status` of up or down, or one plain word, under the right content type.",
        references: &["RFC 8259", "draft-inadarei-api-health-check-06 section 3"],
    },
    check: body_invalid,
};

fn body_invalid(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let answer = look.answer()?;
        let accepted = health.accepted.contains(answer.status);
        // The body of an answer that is no health answer is nobody's promise.
        if !accepted && answer.status < 500 {
            return None;
        }
        let wanted = "JSON with a status, or one word";
        match &answer.body.end {
            BodyEnd::Complete => {}
            BodyEnd::Cut => {
                let saw = format!("more than {}", bytes(answer.body.length));
                return Some(Saw::new(saw, "at most 256 KiB"));
            }
            BodyEnd::Broken(why) => {
                let saw = format!("it broke off after {}: {why}", bytes(answer.body.length));
                return Some(Saw::new(saw, "a whole body"));
            }
        }
        unreadable(look, accepted).map(|(saw, severity)| Saw::new(saw, wanted).graded(severity))
    })
}

/// Why a whole body says nothing about health, and how much that matters.
fn unreadable(look: &Look, accepted: bool) -> Option<(String, Severity)> {
    let reading = look.reading();
    if let Some(why) = &reading.invalid {
        return Some((format!("no JSON, though it should be: {why}"), Severity::Medium));
    }
    if reading.words_down && accepted {
        let text = look.answer().map(|answer| answer.body.text().into_owned()).unwrap_or_default();
        let saw = format!("a text that speaks of trouble: {:?}", excerpt(&text, 80));
        return Some((saw, Severity::Medium));
    }
    // An error's body need not say more than its status.
    if !accepted {
        return None;
    }
    let low = |saw: String| Some((saw, Severity::Low));
    match (&reading.aggregate, reading.form) {
        (Some(stated), _) if stated.level.is_none() => {
            low(format!("the status {:?}, which means nothing to us", excerpt(&stated.word, 40)))
        }
        (Some(_), _) => None,
        (None, Form::Json) if reading.components.is_empty() => low("JSON without a status".into()),
        (None, Form::Html) => low("a page of HTML that says nothing about health".into()),
        (None, Form::Binary) => low("bytes that are no text".into()),
        // Where a short text or nothing at all is sent, the status code is the whole answer.
        (None, _) => None,
    }
}

pub(super) const STUB: Rule<Health> = Rule {
    about: About {
        id: "health.stub",
        severity: Severity::High,
        title: "the health endpoint is not there: something else answers every path",
        why: "A catch-all page or proxy answers 200 whether the service lives or not, so an outage stays green.",
        fix: "Route the path to the service itself, before the catch-all of the single-page application or proxy.",
        references: &[],
    },
    check: stub,
};

fn stub(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let main = &seen.now.main;
    let Some(answer) = main.answer() else { return Looked::untested(NO_ANSWER) };
    if !health.accepted.contains(answer.status) || main.reading().is_structured() {
        return Looked::silent();
    }
    let Some(sibling) = &seen.now.sibling else {
        return Looked::untested("the comparison with an absent path is made once an hour");
    };
    if !(200..300).contains(&sibling.status) {
        return Looked::silent();
    }
    let page = main.reading().form == Form::Html && main.reading().aggregate.is_none();
    let saw = if sibling.same_body {
        format!("a path that does not exist answers {} with the same body", sibling.status)
    } else if page && sibling.html {
        format!("a path that does not exist answers {} with a page of HTML too", sibling.status)
    } else {
        return Looked::silent();
    };
    Looked::fired(Saw::new(saw, "an answer that only the health endpoint gives"))
}
