//! Caches between: what they must be told, and what they do.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Now, allow_origin};
use crate::cors::Cors;
use crate::cors::evidence::{Answer, Role, Shot, Stop};
use crate::cors::proof::{ground, looked, missing};
use crate::headers::field::cache::{Shared, shared};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;

pub(super) const VARY_MISSING: Rule<Cors> = Rule {
    about: About {
        id: "cors.vary-missing",
        severity: Severity::Medium,
        title: "answers depend on the origin, and caches are not told",
        why: "A cache keeps the answer that the first page got and gives it to the next one, whose browser refuses it: the service is down for some users, some of the time.",
        fix: "Send `Vary: Origin` on every answer of the endpoint, also where there is no Origin and where it is refused; or `Cache-Control: no-store`.",
        references: &[
            "https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches",
            "RFC 9110 section 12.5.5",
        ],
    },
    check: vary_missing,
};

fn vary_missing(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    if !matches!(cors.method.as_str(), "GET" | "HEAD") {
        return Looked::silent();
    }
    let answers: Vec<(&Shot, &Answer)> = seen
        .now
        .shots
        .iter()
        .filter(|shot| !shot.is_preflight() && !shot.void)
        .filter_map(|shot| Some((shot, shot.answer.as_ref()?)))
        .filter(|(_, answer)| (200..300).contains(&answer.status))
        .collect();
    let values: BTreeSet<Option<String>> =
        answers.iter().map(|(_, answer)| allow_origin(answer)).collect();
    if answers.len() < 2 {
        let plain = seen.now.plain().and_then(Shot::status);
        let unkept = plain.filter(|status| !(200..300).contains(status)).map(|status| {
            format!("it answers {status}: what caches keep of answers to others was not seen")
        });
        let why = ground(cors, seen.now).err().or(unkept);
        return Looked::untested(why.unwrap_or_else(|| missing(seen.now)));
    }
    let saw = (values.len() > 1).then(|| untold(&answers)).flatten();
    looked(cors, seen.now, saw.into_iter().collect())
}

fn untold(answers: &[(&Shot, &Answer)]) -> Option<Saw> {
    let kept = |answer: &Answer| {
        let lines = answer.headers.iter().filter(|(name, _)| name == "cache-control");
        shared(lines.map(|(_, value)| value.as_str()), false)
    };
    let (shot, answer) =
        answers.iter().find(|(_, answer)| !answer.varies() && kept(answer) != Shared::Forbidden)?;
    let who = match shot.origin.as_deref() {
        None => "the answer without an Origin".to_owned(),
        Some(_) if shot.is_foreign() => "the answer to a foreign origin".to_owned(),
        Some(origin) => format!("the answer to {origin}"),
    };
    let hit = answers.iter().find_map(|(_, answer)| answer.cache_hit());
    let (how, severity) = match (hit, kept(answer)) {
        (Some(hit), _) => (format!(", and a shared cache is in use ({hit})"), Severity::High),
        (None, Shared::Allowed(directive)) => {
            (format!(", and shared caches may keep it ({directive})"), Severity::High)
        }
        (None, _) => (String::new(), Severity::Medium),
    };
    let saw = format!(
        "Access-Control-Allow-Origin differs from origin to origin, and {who} has no `Vary: Origin`{how}"
    );
    Some(Saw::new(saw, "`Vary: Origin` on every answer").graded(severity))
}

pub(super) const SHARED_CACHE_HIT: Rule<Cors> = Rule {
    about: About {
        id: "cors.shared-cache-hit",
        severity: Severity::Low,
        title: "a shared cache answers, whatever the query says",
        why: "A query that nobody sent before was answered from a cache: it does not tell requests apart by their query, and perhaps not by their origin. The run ended, so that no user gets what was meant for us.",
        fix: "Let the cache's key hold the query and, where the answer depends on it, the Origin; or point `path` to what is not cached.",
        references: &[
            "RFC 9111 section 4",
            "https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches",
        ],
    },
    check: shared_cache_hit,
};

fn shared_cache_hit(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    let Some(Stop::Cached { header }) = &seen.now.stopped else {
        let asked = seen.now.shots.iter().any(|shot| shot.is_foreign() && shot.answer.is_some());
        return if asked {
            looked(cors, seen.now, Vec::new())
        } else {
            Looked::untested(missing(seen.now))
        };
    };
    let last = seen.now.shots.last();
    let given = last.and_then(|shot| shot.answer.as_ref()).and_then(allow_origin);
    // An origin that nobody sent before, made up for this request, is out of no cache.
    let made_up = last.filter(|shot| shot.role == Role::Foreign).and_then(|s| s.origin.as_ref());
    let given = given.filter(|value| value != "*" && made_up != Some(value));
    let (also, severity) = match given {
        Some(origin) => (
            format!(", with Access-Control-Allow-Origin: {}", super::shown(&origin)),
            Severity::High,
        ),
        None => (String::new(), Severity::Low),
    };
    let saw = format!("a request with a new query was answered from a cache ({header}){also}");
    Looked::fired(Saw::new(saw, "an answer of the service itself").graded(severity))
}
