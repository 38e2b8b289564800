//! What an answer gives to those whom it is not for, and what it carries along from old times.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;

use super::{Now, on_answer, shown};
use crate::headers::Headers;
use crate::headers::evidence::{Answer, Evidence, Form};
use crate::headers::field::cache::{self, Shared};
use crate::headers::session::{Purpose, purpose};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::excerpt;

pub(super) const CACHEABLE: Rule<Headers> = Rule {
    about: About {
        id: "headers.private-cacheable",
        severity: Severity::Medium,
        title: "shared caches may keep what is for one user",
        why: "A CDN or a proxy gives one user's page, or session cookie, to the next.",
        fix: "Send `Cache-Control: no-store`, or `private`, on everything that depends on who asks or sets a session's cookie.",
        references: &["RFC 9111 section 3.5", "RFC 9111 section 5.2.2", "RFC 9111 section 7.3"],
    },
    check: cacheable,
};

fn cacheable(_: &Headers, seen: &Now<'_>, at: Timestamp) -> Looked {
    on_answer(seen, |answer| private(answer, seen.now, at).into_iter().collect())
}

fn private(answer: &Answer, evidence: &Evidence, at: Timestamp) -> Option<Saw> {
    let session = answer
        .cookies
        .iter()
        .find(|cookie| purpose(cookie) == Purpose::Session && !cookie.is_removal(at));
    let reason = match session {
        Some(cookie) => format!("sets {}", excerpt(&cookie.name, 60)),
        None if evidence.credentialed && answer.form() != Form::Asset => {
            "answers credentials".to_owned()
        }
        None => return None,
    };
    let authorized = evidence.authorized && session.is_none();
    let wanted = "no-store or private";
    let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    match (cache::shared(answer.all("cache-control"), authorized), cache::hit(headers)) {
        (Shared::Forbidden, _) => None,
        (_, Some(hit)) => {
            let saw = format!("it {reason} and came from a shared cache ({hit})");
            Some(Saw::new(saw, wanted).graded(Severity::High))
        }
        (Shared::Allowed(directive), None) => {
            Some(Saw::new(format!("it {reason} and says {}", shown(&directive)), wanted))
        }
        // Caches are careful with Authorization, and keep little without being told to.
        (Shared::Unsaid, None) if authorized || session.is_some() => None,
        (Shared::Unsaid, None) => Some(
            Saw::new(format!("it {reason} and says nothing of caches"), wanted)
                .graded(Severity::Info),
        ),
    }
}

pub(super) const VERSION_LEAKED: Rule<Headers> = Rule {
    about: About {
        id: "headers.version-leaked",
        severity: Severity::Medium,
        title: "a header tells what runs here, and in which version",
        why: "Whoever looks for a known hole searches for exactly this text, and finds the service on the day that the hole becomes known.",
        fix: "nginx: `server_tokens off;`; Apache: `ServerTokens Prod`; PHP: `expose_php = Off`; Express: `app.disable('x-powered-by')`; IIS: remove X-AspNet-Version and X-Powered-By.",
        references: &["RFC 9110 section 10.2.4", "OWASP Secure Headers Project, headers to remove"],
    },
    check: version_leaked,
};

/// Headers that name a product, and whether the bare name is worth a word.
const TELLING: [(&str, bool); 8] = [
    ("server", false),
    ("x-powered-by", true),
    ("x-aspnet-version", true),
    ("x-aspnetmvc-version", true),
    ("x-generator", true),
    ("x-jenkins", true),
    ("x-powered-cms", true),
    ("x-mod-pagespeed", true),
];

/// A number with a point in it: `1.18.0`, `8.1`.
static VERSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[0-9]+\.[0-9]+").expect("the expression is valid"));

fn version_leaked(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_answer(seen, |answer| {
        TELLING
            .into_iter()
            .filter_map(|(name, bare)| {
                let value = answer.joined(name)?;
                let versioned = VERSION.is_match(&value);
                let severity = if versioned { Severity::Medium } else { Severity::Info };
                ((versioned || bare) && !value.trim().is_empty())
                    .then(|| Saw::new(shown(&value), "no version").on(name).graded(severity))
            })
            .collect()
    })
}

pub(super) const DEPRECATED: Rule<Headers> = Rule {
    about: About {
        id: "headers.deprecated",
        severity: Severity::Info,
        title: "a header that browsers no longer heed",
        why: "It protects nobody, and whoever reads the configuration believes that it does.",
        fix: "Take it out; what it was for is done by Content-Security-Policy and Permissions-Policy today.",
        references: &["OWASP Secure Headers Project, deprecated headers"],
    },
    check: deprecated,
};

const OLD: [(&str, &str); 9] = [
    ("public-key-pins", "browsers removed key pinning"),
    ("public-key-pins-report-only", "browsers removed key pinning"),
    ("expect-ct", "certificate transparency is enforced without it"),
    ("feature-policy", "Permissions-Policy took its place"),
    ("x-content-security-policy", "Content-Security-Policy took its place"),
    ("x-webkit-csp", "Content-Security-Policy took its place"),
    ("p3p", "no browser reads it"),
    ("x-ua-compatible", "the browser that it speaks to is gone"),
    ("x-frame-option", "it is mistyped: X-Frame-Options"),
];

fn deprecated(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_answer(seen, |answer| {
        let old = OLD.into_iter().filter(|(name, _)| answer.header(name).is_some());
        let mut saw: Vec<Saw> =
            old.map(|(name, why)| Saw::new(why, "no such header").on(name)).collect();
        // `0` switches off what could be turned against the page; anything else switches it on.
        let filter =
            answer.header("x-xss-protection").filter(|value| !value.trim().starts_with('0'));
        saw.extend(filter.map(|value| {
            Saw::new(
                format!("{}: the filter did harm where it existed", shown(value)),
                "0, or none",
            )
            .on("x-xss-protection")
        }));
        saw
    })
}
