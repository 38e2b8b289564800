//! Whether there is a policy at all, and whether its nonces can do their work.

use jiff::Timestamp;

use super::{Now, on_document, shown};
use crate::headers::Headers;
use crate::headers::csp::{Policies, Policy, Sources};
use crate::headers::evidence::Answer;
use crate::headers::field::cache;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;

pub(super) const MISSING: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-missing",
        severity: Severity::High,
        title: "the page has no Content-Security-Policy",
        why: "Nothing stops a script that somebody manages to inject: it reads and does whatever the user may.",
        fix: "Send one, first as Content-Security-Policy-Report-Only. Express: `app.use(helmet())`; Django 6: `SECURE_CSP` and its middleware; nginx: `add_header Content-Security-Policy \"default-src 'self'; object-src 'none'; base-uri 'none'\" always;`.",
        references: &["CSP Level 3 section 3.1", "OWASP ASVS 5.0 section 3.4.3"],
    },
    check: missing,
};

fn missing(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    if let Some(why) = unread(headers, seen) {
        return Looked::untested(why);
    }
    on_document(headers, seen, |answer| {
        let policies = seen.now.policies();
        if !policies.enforced.is_empty() {
            return Vec::new();
        }
        let late = answer.page.iter().any(|page| page.policies.iter().any(|meta| !meta.in_head));
        let saw = if !policies.reported.is_empty() {
            "only Content-Security-Policy-Report-Only, which stops nothing"
        } else if late {
            "a meta element outside the head, where browsers ignore it"
        } else if answer.header("content-security-policy").is_some() {
            "an empty Content-Security-Policy"
        } else {
            "neither the header nor a meta element"
        };
        vec![Saw::new(saw, "an enforced policy")]
    })
}

/// Why nobody knows of a policy that may stand in the markup.
pub(super) fn unread(headers: &Headers, seen: &Now<'_>) -> Option<String> {
    let answer = super::document(headers, seen.now).ok()??;
    let why = answer.unread.as_ref().filter(|_| seen.now.policies().enforced.is_empty())?;
    Some(format!("a policy may stand in the markup, which could not be read: {why}"))
}

pub(super) const REPORT_ONLY: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-report-only",
        severity: Severity::Info,
        title: "the policy only reports",
        why: "A policy on trial is a good step, but what it reports still happens; without a place to report to, nobody learns anything either.",
        fix: "Once the reports are quiet, send the same value as Content-Security-Policy.",
        references: &["CSP Level 3 section 3.2"],
    },
    check: report_only,
};

fn report_only(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_document(headers, seen, |_| {
        let policies = seen.now.policies();
        if policies.reported.is_empty() || !policies.enforced.is_empty() {
            return Vec::new();
        }
        let reports = |policy: &Policy| {
            policy.get("report-to").is_some() || policy.get("report-uri").is_some()
        };
        let saw = if policies.reported.iter().any(reports) {
            "Report-Only and no enforced policy"
        } else {
            "Report-Only without report-to or report-uri: its reports go nowhere"
        };
        vec![Saw::new(saw, "an enforced policy beside it")]
    })
}

pub(super) const STRICT_DYNAMIC_ALONE: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-strict-dynamic-alone",
        severity: Severity::High,
        title: "'strict-dynamic' stands without a nonce or a hash",
        why: "It switches hosts and 'self' off, and without a nonce or hash nothing is left that may run: browsers block every script of the page.",
        fix: "Give each script a nonce that changes with every answer and name it in script-src, or take 'strict-dynamic' out.",
        references: &["CSP Level 3 section 8.2"],
    },
    check: strict_dynamic_alone,
};

fn strict_dynamic_alone(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_document(headers, seen, |answer| {
        // A page without scripts loses nothing, and may be meant so.
        if answer.page.as_ref().is_some_and(|page| page.scripts == 0) {
            return Vec::new();
        }
        let policies = seen.now.policies();
        let alone = |list: &Sources<'_>| list.is_strict_dynamic() && !list.has_nonce_or_hash();
        let list = policies.governing("script-src-elem").into_iter().find(alone);
        let saw = list.map(|list| {
            Saw::new(shown(&list.words.join(" ")), "a nonce or a hash beside it").on(list.directive)
        });
        saw.into_iter().collect()
    })
}

pub(super) const NONCE_STATIC: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-nonce-static",
        severity: Severity::High,
        title: "the nonce can be foretold",
        why: "A nonce that is the same in two answers, or was never filled in, is known to whoever opens the page: an injected script carries it and runs.",
        fix: "Make at least 16 random bytes for every answer, in the header and in the markup alike, and keep pages with a nonce out of shared caches; static pages use hashes.",
        references: &["CSP Level 3 section 7.1", "CSP Level 3 section 8.1"],
    },
    check: nonce_static,
};

/// 128 bits in base64, without padding.
const SHORTEST: usize = 22;

fn nonces(policies: &Policies) -> Vec<(String, &str)> {
    let mut found: Vec<(String, &str)> = Vec::new();
    for name in ["script-src-elem", "script-src", "style-src-elem", "style-src"] {
        for list in policies.governing(name) {
            for nonce in list.nonces() {
                if !found.iter().any(|(_, known)| *known == nonce) {
                    found.push((list.directive.to_owned(), nonce));
                }
            }
        }
    }
    found
}

fn nonce_static(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    let answer = match super::document(headers, seen.now) {
        Ok(Some(answer)) => answer,
        Ok(None) => return Looked::silent(),
        Err(why) => return Looked::untested(why),
    };
    let first = nonces(seen.now.policies());
    if first.is_empty() {
        return Looked::silent();
    }
    if let Some((directive, nonce)) = first.iter().find(|(_, nonce)| is_placeholder(nonce)) {
        let saw = format!("{}, a placeholder that was never filled in", shown(nonce));
        return Looked::fired(Saw::new(saw, WANTED).on(directive));
    }
    let again = seen.now.again.as_ref().and_then(|hop| hop.answer.as_ref());
    let Some(again) = again.filter(|again| again.status == answer.status) else {
        return Looked::untested("the page could not be read a second time");
    };
    let policies = again.policies();
    let second = nonces(&policies);
    if let Some((directive, nonce)) =
        first.iter().find(|(_, nonce)| second.iter().any(|(_, other)| other == nonce))
    {
        let saw = format!("{} in two answers{}", shown(nonce), from_cache(again));
        return Looked::fired(Saw::new(saw, WANTED).on(directive));
    }
    let short = first.iter().find(|(_, nonce)| nonce.trim_end_matches('=').len() < SHORTEST);
    short
        .map(|(directive, nonce)| {
            let length = nonce.trim_end_matches('=').len();
            Saw::new(format!("a nonce of {length} characters"), "at least 22, which is 128 bits")
                .on(directive)
                .graded(Severity::Medium)
        })
        .into()
}

const WANTED: &str = "another random value in each answer";

fn from_cache(answer: &Answer) -> String {
    let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    cache::hit(headers).map(|hit| format!(", from a shared cache ({hit})")).unwrap_or_default()
}

/// Markup of template languages, and the words that are left where a variable was empty.
fn is_placeholder(nonce: &str) -> bool {
    let lower = nonce.to_ascii_lowercase();
    let words = [
        "",
        "nonce",
        "random",
        "undefined",
        "null",
        "none",
        "placeholder",
        "changeme",
        "replaceme",
        "[object",
        "your-nonce",
        "random-nonce",
        "r@nd0m",
        "rand0m",
        "test",
        "abc123",
        "2726c7f26c",
    ];
    words.contains(&lower.as_str())
        // Random characters may begin with two of these, and hardly ever end with two as well.
        || (lower.starts_with("__") && lower.ends_with("__"))
        || ["{{", "${", "<%", "%%", "#{", "{nonce", "$nonce", "%nonce", "$request_id"]
            .iter()
            .any(|mark| lower.starts_with(mark))
        || lower.contains("nonce_placeholder")
        || lower.ends_with("}}")
}
