//! `Strict-Transport-Security`.

use jiff::Timestamp;

use super::{Now, on_answer, shown};
use crate::headers::Headers;
use crate::headers::evidence::{Answer, Evidence};
use crate::headers::field::hsts::{self, Hsts};
use crate::headers::site;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;

const NAME: &str = "strict-transport-security";
const DAY: u64 = 24 * 60 * 60;
const YEAR: u64 = 31_536_000;
const HALF_YEAR: u64 = 180 * DAY;

/// Looks where browsers keep what the header says: under TLS, at a host with a name.
fn on_https(seen: &Now<'_>, look: impl FnOnce(&Answer) -> Vec<Saw>) -> Looked {
    let last = seen.now.document.last();
    if seen.now.answer().is_ok() {
        if !last.is_https() {
            return Looked::untested("the page is not served over TLS");
        }
        if site::is_address(&last.host()) {
            return Looked::untested("browsers keep no such policy for IP addresses");
        }
    }
    on_answer(seen, look)
}

/// What browsers take from the first line; later ones they do not read.
fn first(answer: &Answer) -> Option<Result<Hsts, String>> {
    answer.header(NAME).map(hsts::parse)
}

pub(super) const MISSING: Rule<Headers> = Rule {
    about: About {
        id: "headers.hsts-missing",
        severity: Severity::High,
        title: "browsers are not told to use TLS only",
        why: "Whoever types the name without https, or follows an old link, makes a plain request that anybody on the way can answer.",
        fix: "Send `Strict-Transport-Security: max-age=31536000; includeSubDomains` on every answer over TLS. Express: helmet; Django: `SECURE_HSTS_SECONDS`; nginx: `add_header Strict-Transport-Security \"max-age=31536000; includeSubDomains\" always;`.",
        references: &["RFC 6797 section 7.1"],
    },
    check: missing,
};

fn missing(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_https(seen, |answer| {
        let saw = match first(answer) {
            None => Some("there is no such header"),
            Some(Ok(Hsts { max_age: 0, .. })) => {
                Some("`max-age=0`, which makes browsers forget what they knew")
            }
            Some(_) => None,
        };
        saw.map(|saw| Saw::new(saw, "a max-age of a year")).into_iter().collect()
    })
}

pub(super) const SHORT: Rule<Headers> = Rule {
    about: About {
        id: "headers.hsts-short",
        severity: Severity::Medium,
        title: "browsers soon forget to use TLS only",
        why: "Users who come back after that time make a plain request first, as if the header had never been there.",
        fix: "Raise max-age to 31536000 (a year) once everything works over TLS.",
        references: &["RFC 6797 section 11.2"],
    },
    check: short,
};

fn short(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_https(seen, |answer| {
        let Some(Ok(hsts)) = first(answer) else { return Vec::new() };
        if hsts.max_age == 0 || hsts.max_age >= YEAR {
            return Vec::new();
        }
        let severity = if hsts.max_age < HALF_YEAR { Severity::Medium } else { Severity::Low };
        let saw = match hsts.max_age / DAY {
            0 => format!("a max-age of {} s", hsts.max_age),
            1 => "a max-age of one day".to_owned(),
            days => format!("a max-age of {days} days"),
        };
        vec![Saw::new(saw, "a year").graded(severity)]
    })
}

pub(super) const INVALID: Rule<Headers> = Rule {
    about: About {
        id: "headers.hsts-invalid",
        severity: Severity::High,
        title: "Strict-Transport-Security is not written as browsers read it",
        why: "Browsers drop a header that they cannot read as a whole, and then nothing tells them to use TLS only.",
        fix: "Send the header once: `max-age=SECONDS`, then `includeSubDomains`, separated by semicolons. Where a proxy and the service both send it, leave it to one of them.",
        references: &["RFC 6797 section 6.1", "RFC 6797 section 8.1"],
    },
    check: invalid,
};

fn invalid(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_https(seen, |answer| {
        let lines: Vec<&str> = answer.all(NAME).collect();
        let Some(line) = lines.first() else { return Vec::new() };
        let wanted = "max-age=31536000; includeSubDomains";
        let mut saw = Vec::new();
        match hsts::parse(line) {
            Err(why) => saw.push(Saw::new(format!("{}: {why}", shown(line)), wanted)),
            Ok(hsts) => {
                if let Some(oddity) = hsts.oddities.first() {
                    saw.push(Saw::new(oddity.clone(), wanted).graded(Severity::Info));
                }
            }
        }
        if lines.iter().any(|other| other.trim() != line.trim()) {
            saw.push(
                Saw::new("several headers that differ, of which the first counts", "one header")
                    .on("repeated")
                    .graded(Severity::Medium),
            );
        }
        saw
    })
}

pub(super) const PRELOAD_INELIGIBLE: Rule<Headers> = Rule {
    about: About {
        id: "headers.hsts-preload-ineligible",
        severity: Severity::Medium,
        title: "`preload` is asked for and cannot be granted",
        why: "The lists in browsers take a domain only under conditions, and drop one that no longer meets them: its first visits are then unprotected.",
        fix: "Meet the conditions (a year, includeSubDomains, port 80 redirects to https on the same host), or take `preload` out, which also undoes less if TLS must be given up one day.",
        references: &["hstspreload.org submission requirements"],
    },
    check: preload_ineligible,
};

fn preload_ineligible(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_https(seen, |answer| {
        let Some(Ok(hsts)) = first(answer) else { return Vec::new() };
        // Below a registered name the word means nothing and does no harm.
        let host = seen.now.document.last().host();
        if !hsts.preload || hsts.max_age == 0 || site::registrable(&host) != Some(&host) {
            return Vec::new();
        }
        let mut lacks = Vec::new();
        if hsts.max_age < YEAR {
            lacks.push("a max-age of a year".to_owned());
        }
        if !hsts.include_sub_domains {
            lacks.push("includeSubDomains".to_owned());
        }
        lacks.extend(plain_first(seen.now));
        if lacks.is_empty() {
            return Vec::new();
        }
        vec![Saw::new(
            format!("it lacks {}", crate::text::list(&lacks)),
            "all conditions, or no `preload`",
        )]
    })
}

fn plain_first(evidence: &Evidence) -> Option<String> {
    let first = evidence.twin.as_ref()?.hops.first()?;
    let target = first.target()?;
    (target.scheme() != "https").then(|| "a redirect from port 80 straight to https".to_owned())
}
