//! What a policy says that browsers ignore or read otherwise.

use jiff::Timestamp;

use super::{Now, on_document, shown};
use crate::headers::Headers;
use crate::headers::csp::{Directive, KNOWN, Policy, Source, Via};
use crate::headers::evidence::Answer;
use crate::registry::did_you_mean;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::{bytes, excerpt};

pub(super) const INVALID: Rule<Headers> = Rule {
    about: About {
        id: "headers.csp-invalid",
        severity: Severity::Medium,
        title: "browsers ignore a part of the Content-Security-Policy",
        why: "What is mistyped protects nobody, and the policy looks as if it did.",
        fix: "Mend the directive that is named: keywords stand in single quotes, directives end with a semicolon and stand there once, and frame-ancestors belongs into the header.",
        references: &["CSP Level 3 section 2.2.1", "CSP Level 3 section 2.3.1"],
    },
    check: invalid,
};

/// Many servers refuse heads with lines longer than this.
const LONG: usize = 8 * 1024;

/// More findings than this say nothing new.
const MOST: usize = 12;

fn invalid(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_document(headers, seen, |answer| {
        let mut saw: Vec<Saw> = Vec::new();
        for policy in &seen.now.policies().enforced {
            for found in policy_faults(policy) {
                if saw.len() < MOST && !saw.iter().any(|known| known.subject == found.subject) {
                    saw.push(found);
                }
            }
        }
        saw.extend(too_long(answer));
        saw
    })
}

fn too_long(answer: &Answer) -> Option<Saw> {
    let longest = answer.all("content-security-policy").map(str::len).max()?;
    (longest > LONG).then(|| {
        Saw::new(format!("a header of {}", bytes(longest)), "less than 8 KiB, which proxies pass")
            .on("length")
            .graded(Severity::Info)
    })
}

fn policy_faults(policy: &Policy) -> Vec<Saw> {
    let mut saw = Vec::new();
    for name in &policy.repeated {
        saw.push(
            Saw::new("it stands there twice, and the second is ignored", "one of each")
                .on(plain(name)),
        );
    }
    if policy.garbled > 0 {
        saw.push(
            Saw::new("a directive with characters beside ASCII, which is ignored", "ASCII alone")
                .on("characters"),
        );
    }
    let more = policy.directives.iter().filter_map(|directive| directive_fault(policy, directive));
    saw.extend(more.take(MOST));
    saw
}

/// A subject is short and has no control characters.
fn plain(name: &str) -> String {
    excerpt(name, 60)
}

fn directive_fault(policy: &Policy, directive: &Directive) -> Option<Saw> {
    let name = directive.name.as_str();
    let fault = |saw: String, wanted: &str| Some(Saw::new(saw, wanted).on(plain(name)));
    if name.trim_end_matches(':') == "content-security-policy" {
        return fault(
            "the header's own name stands in its value, so its first directive is lost".to_owned(),
            "the value alone",
        );
    }
    if !KNOWN.contains(&name) {
        return Some(unknown(name));
    }
    if policy.via == Via::Meta && matches!(name, "frame-ancestors" | "sandbox" | "report-uri") {
        let severity = if name == "report-uri" { Severity::Info } else { Severity::Medium };
        let saw = "it stands in a meta element, where it means nothing".to_owned();
        return fault(saw, "it stands in the header").map(|saw| saw.graded(severity));
    }
    if !takes_sources(name) {
        return None;
    }
    let words = &directive.values;
    if let Some(word) = words.iter().find(|word| Source::lacks_quotes(word)) {
        return fault(
            format!("{} without its quotes is the name of a host", shown(word)),
            &format!("'{}'", plain(word)),
        );
    }
    // Words without a hyphen may well be names of hosts.
    let directive =
        |word: &&String| word.contains('-') && KNOWN.contains(&word.to_ascii_lowercase().as_str());
    if let Some(word) = words.iter().find(directive) {
        return fault(format!("{} stands in its list", shown(word)), "a semicolon before it");
    }
    if let Some(word) = words.iter().find(|word| Source::parse(word) == Source::Unknown) {
        return fault(format!("{} is no keyword", shown(word)), "a keyword that exists");
    }
    let none = words.iter().any(|word| Source::parse(word) == Source::None);
    (none && words.len() > 1)
        .then(|| fault("'none' beside other sources is ignored".to_owned(), "'none' alone"))
        .flatten()
        .map(|saw| saw.graded(Severity::Low))
}

/// The longest name that is worth comparing.
const LONGEST: usize = 40;

/// A directive that browsers will learn one day is no fault; one letter too few is.
fn unknown(name: &str) -> Saw {
    // Nobody means a directive by a word that is far longer than any.
    let meant = if name.len() > LONGEST { None } else { did_you_mean(name, KNOWN) };
    match meant {
        Some(meant) => Saw::new("no browser knows this directive", format!("{meant}, probably"))
            .on(plain(name)),
        None => Saw::new("no browser knows this directive", "a directive that exists")
            .on(plain(name))
            .graded(if name.ends_with("-src") || name.contains(':') || name.contains('\'') {
                Severity::Medium
            } else {
                Severity::Info
            }),
    }
}

fn takes_sources(name: &str) -> bool {
    name.contains("-src") || matches!(name, "base-uri" | "form-action" | "frame-ancestors")
}
