//! `*`, and values that no browser can match.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{FETCH, Now, allow_origin, shown};
use crate::cors::Cors;
use crate::cors::evidence::{Answer, Evidence, Role};
use crate::cors::fetch;
use crate::cors::origin::is_matchable;
use crate::cors::proof::looked;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;

/// Answers to requests that a page of any origin could have sent, which are no preflights.
fn answers(seen: &Evidence) -> impl Iterator<Item = &Answer> {
    seen.shots
        .iter()
        .filter(|shot| {
            !shot.is_preflight() && matches!(shot.role, Role::Plain | Role::Allowed | Role::Foreign)
        })
        .filter_map(|shot| shot.answer.as_ref())
}

fn wildcards(seen: &Evidence) -> impl Iterator<Item = &Answer> {
    answers(seen).filter(|answer| allow_origin(answer).as_deref() == Some("*"))
}

pub(super) const WILDCARD_ON_PRIVATE: Rule<Cors> = Rule {
    about: About {
        id: "cors.wildcard-on-private",
        severity: Severity::Medium,
        title: "pages of every origin can read answers that are meant for some",
        why: "Browsers hold cookies back from `*`, but not what a network or an address lets through: pages anywhere read it from inside, and a bearer token that leaked is usable from any page.",
        fix: "Name the origins instead of `*`; where everybody is meant, say `public: true` in the check.",
        references: &[FETCH],
    },
    check: on_private,
};

fn on_private(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    let saw = wildcards(seen.now).next().filter(|_| !cors.public).map(|_| {
        let meant = !cors.allowed.is_empty();
        let saw = "a page of any origin can read answers, though without the user's cookies: Access-Control-Allow-Origin is `*`";
        let wanted = if meant { "the allowed origins alone" } else { "`public: true`, or no `*`" };
        // Without a declaration nobody knows whom it is for.
        Saw::new(saw, wanted).graded(if meant { Severity::Medium } else { Severity::Info })
    });
    looked(cors, seen.now, saw.into_iter().collect())
}

pub(super) const WILDCARD_WITH_CREDENTIALS: Rule<Cors> = Rule {
    about: About {
        id: "cors.wildcard-with-credentials",
        severity: Severity::Medium,
        title: "`*` is sent together with credentials, which browsers refuse",
        why: "Pages that send cookies get nothing, in every browser; and whoever mends it by reflecting the origin, as some libraries do by themselves in a newer version, opens it to everybody.",
        fix: "Name the origins, or take out Access-Control-Allow-Credentials.",
        references: &[FETCH],
    },
    check: with_credentials,
};

fn with_credentials(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    let contradicts =
        |answer: &&Answer| fetch::allow_credentials(&answer.headers).as_deref() == Some("true");
    let saw = wildcards(seen.now).find(contradicts).map(|_| {
        let severity = if cors.public { Severity::Low } else { Severity::Medium };
        let saw = "Access-Control-Allow-Origin is `*`, and Access-Control-Allow-Credentials `true`";
        Saw::new(saw, "either an origin or no credentials").graded(severity)
    });
    looked(cors, seen.now, saw.into_iter().collect())
}

pub(super) const ALLOW_ORIGIN_INVALID: Rule<Cors> = Rule {
    about: About {
        id: "cors.allow-origin-invalid",
        severity: Severity::High,
        title: "Access-Control-Allow-Origin holds what no browser can match",
        why: "Browsers compare the value with the page's origin byte by byte: lists, patterns and slashes match nothing, and every page is refused.",
        fix: "Send the one origin that asked, after looking it up in the list, with `Vary: Origin`; and let only one of proxy and service send the header.",
        references: &["https://fetch.spec.whatwg.org/#concept-cors-check"],
    },
    check: invalid,
};

fn invalid(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
    // What came back as it was sent is judged by others.
    let sent =
        |value: &str| seen.now.shots.iter().any(|shot| shot.origin.as_deref() == Some(value));
    let values: BTreeSet<String> = answers(seen.now).filter_map(allow_origin).collect();
    let severity = if cors.allowed.is_empty() { Severity::Medium } else { Severity::High };
    let saw = values
        .iter()
        .filter(|value| !sent(value))
        .find_map(|value| is_matchable(value).err().map(|why| (value, why)))
        .map(|(value, why)| {
            Saw::new(format!("{}: {why}", shown(value)), "one origin, or `*`").graded(severity)
        });
    looked(cors, seen.now, saw.into_iter().collect())
}
