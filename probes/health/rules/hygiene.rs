//! What a health answer should not be: old, chatty, slow, redirected, limited, mislabelled.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

use super::{Evidence, NO_ANSWER, answered, looks};
use crate::duration::{Dur, brief};
use crate::health::Health;
use crate::health::leak::leaks;
use crate::health::reading::Form;
use crate::net::caching;
use crate::net::exchange::Answer;
use crate::net::redirect::Stop;
use crate::rule::{About, Looked, Rule, Saw, Tested};
use crate::severity::Severity;
use crate::text::excerpt;

pub(super) const STALE: Rule<Health> = Rule {
    about: About {
        id: "health.stale",
        severity: Severity::Medium,
        title: "the health answer is old",
        why: "An answer from a cache, or one that is worked out too seldom, stays green after the service has died.",
        fix: "Answer with `Cache-Control: no-store`, keep the path out of the CDN, and refresh what the answer is made of.",
        references: &["RFC 9111 section 5.2.2", "draft-inadarei-api-health-check-06 section 5"],
    },
    check: stale,
};

fn stale(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let answer = look.answer()?;
        if let Some(from) = cached(answer) {
            return Some(Saw::new(from, "an answer from the service itself"));
        }
        let age = look.age().map(Duration::try_from_secs_f64);
        if let Some(Ok(age)) = age
            && age > health.max_age
        {
            let saw = format!("the body's timestamp is {} old", brief(age));
            return Some(Saw::new(saw, format!("at most {}", Dur(health.max_age))));
        }
        let lifetime = cacheable(answer)?;
        Some(
            Saw::new(format!("Cache-Control lets it be kept for {lifetime} s"), "no-store")
                .graded(Severity::Low),
        )
    })
}

/// How an answer shows that a cache gave it.
fn cached(answer: &Answer) -> Option<String> {
    let headers = answer.headers.iter();
    let (name, value) = caching::hit(headers.map(|(name, value)| (name.as_str(), value.as_str())))?;
    Some(match name {
        "age" => format!("it comes from a cache, {} s old", value.trim()),
        name => format!("it comes from a cache ({name}: {})", excerpt(value, 40)),
    })
}

/// For how many seconds shared caches may keep an answer.
fn cacheable(answer: &Answer) -> Option<u64> {
    let directives: Vec<String> = answer
        .all("cache-control")
        .flat_map(|value| value.split(','))
        .map(|directive| directive.trim().to_ascii_lowercase())
        .collect();
    let forbids =
        |directive: &String| matches!(directive.as_str(), "no-store" | "no-cache" | "private");
    if directives.iter().any(forbids) {
        return None;
    }
    let seconds = |name: &str| {
        directives
            .iter()
            .find_map(|directive| directive.strip_prefix(name)?.trim_matches('"').parse().ok())
    };
    seconds("s-maxage=").or_else(|| seconds("max-age=")).filter(|seconds| *seconds > 0)
}

pub(super) const LEAK: Rule<Health> = Rule {
    about: About {
        id: "health.leak",
        severity: Severity::Medium,
        title: "the health answer tells strangers too much",
        why: "Addresses, paths and stack traces show an attacker the way in; credentials are the way in.",
        fix: "Answer with up or down per component, and write errors to the log. Change whatever credential was shown.",
        references: &["CWE-200", "CWE-209"],
    },
    check: leak,
};

fn leak(_: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let mut saw: Vec<Saw> = Vec::new();
    let texts: Vec<Cow<'_, str>> = looks(seen).filter_map(|(_, look)| look.text()).collect();
    for leak in texts.iter().flat_map(|text| leaks(text)) {
        let subject = leak.kind.name();
        if !saw.iter().any(|present| present.subject == subject) {
            let severity = leak.kind.severity();
            saw.push(Saw::new(leak.excerpt, "nothing of the kind").on(subject).graded(severity));
        }
    }
    let tested = if texts.is_empty() {
        Tested::No(NO_ANSWER.to_owned())
    } else if texts.len() == looks(seen).count() {
        Tested::All
    } else {
        // What the silent endpoint would tell is not known.
        Tested::Only(saw.iter().map(|saw| saw.subject.clone()).collect())
    };
    Looked { saw, tested }
}

pub(super) const SLOW: Rule<Health> = Rule {
    about: About {
        id: "health.slow",
        severity: Severity::Medium,
        title: "the health endpoint takes too long",
        why: "Probes of an orchestrator give up after a second by default; a slow answer then counts as a failure.",
        fix: "Check dependencies in parallel, in the background, or with short timeouts.",
        references: &["Kubernetes: timeoutSeconds of a probe"],
    },
    check: slow,
};

fn slow(health: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let seconds: f64 = look.followed.hops.iter().map(|hop| hop.phases().service()).sum();
        let took = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let (severity, bound) = health.slow.grade(took)?;
        Some(
            Saw::new(format!("{} for the answer alone", brief(took)), format!("less than {bound}"))
                .graded(severity),
        )
    })
}

pub(super) const REDIRECTED: Rule<Health> = Rule {
    about: About {
        id: "health.redirected",
        severity: Severity::Medium,
        title: "the health endpoint redirects",
        why: "Orchestrators do not follow redirects everywhere, and take one for health or for failure as they like.",
        fix: "Let the path itself answer; point the check at the final URL if the redirect is meant.",
        references: &["Kubernetes: HTTP probes"],
    },
    check: redirected,
};

fn redirected(_: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let first = look.followed.hops.first()?.answer.as_ref()?;
        let leads = match &look.followed.stopped {
            None if look.followed.redirects() == 0 => return None,
            None => look.exchange().url.clone(),
            Some(Stop::Loop) => "itself, in a loop".to_owned(),
            Some(Stop::TooMany) => "too many others".to_owned(),
            Some(Stop::OtherHost(host)) => format!("the other host {host}"),
            Some(Stop::Unsafe(why) | Stop::Invalid(why)) => format!("nowhere: {why}"),
        };
        let saw = format!("{} to {}", first.status, excerpt(&leads, 160));
        Some(Saw::new(saw, "an answer without a redirect"))
    })
}

pub(super) const RATE_LIMITED: Rule<Health> = Rule {
    about: About {
        id: "health.rate-limited",
        severity: Severity::Medium,
        title: "the health endpoint stands behind a rate limit",
        why: "Many replicas and monitors ask it; once the limit is reached, a healthy service counts as dead.",
        fix: "Leave the health paths out of the limiter.",
        references: &["RFC 6585 section 4", "draft-ietf-httpapi-ratelimit-headers-10"],
    },
    check: rate_limited,
};

fn rate_limited(_: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let answer = look.answer()?;
        let limit = answer.headers.iter().find(|(name, _)| {
            let bare = name.strip_prefix("x-").unwrap_or(name);
            bare == "ratelimit" || bare.starts_with("ratelimit-") || bare.starts_with("rate-limit-")
        });
        let saw = match (answer.status, limit) {
            (429, _) => "429: the limit is reached".to_owned(),
            (_, Some((name, value))) => format!("{name}: {}", excerpt(value, 60)),
            _ => return None,
        };
        Some(Saw::new(saw, "no limit on health"))
    })
}

pub(super) const CONTENT_TYPE_WRONG: Rule<Health> = Rule {
    about: About {
        id: "health.content-type-wrong",
        severity: Severity::Low,
        title: "the body is JSON and is not labelled so",
        why: "Clients that go by the content type do not parse it.",
        fix: "Answer with `Content-Type: application/json` or `application/health+json`.",
        references: &["RFC 8259 section 11", "draft-inadarei-api-health-check-06 section 2"],
    },
    check: content_type_wrong,
};

fn content_type_wrong(_: &Health, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    answered(seen, |look| {
        let reading = look.reading();
        let answer = look.answer()?;
        // A quoted word is a text as well.
        let structure = answer
            .body
            .text()
            .trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
            .starts_with(['{', '[']);
        if reading.form != Form::Json || reading.invalid.is_some() || !structure {
            return None;
        }
        let label = answer.header("content-type").unwrap_or_default();
        let essence = label.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let json = essence.ends_with("/json") || essence.ends_with("+json");
        (!json).then(|| {
            let saw = match essence.as_str() {
                "" => "no content type".to_owned(),
                essence => excerpt(essence, 60),
            };
            Saw::new(saw, "application/json or application/health+json")
        })
    })
}

#[cfg(test)]
mod tests;
