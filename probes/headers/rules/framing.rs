//! Whether other sites can frame the page, and whether what a page has is missing elsewhere.

use jiff::Timestamp;

use super::{Now, document, on_document, shown};
use crate::headers::Headers;
use crate::headers::csp::Open;
use crate::headers::evidence::{Answer, Evidence, Form, Hop};
use crate::headers::field::framing::{self, Framing};
use crate::headers::site;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;

pub(super) const OPEN: Rule<Headers> = Rule {
    about: About {
        id: "headers.framing-open",
        severity: Severity::High,
        title: "any site can frame the page",
        why: "A page in an invisible frame makes its users click what they do not see.",
        fix: "Add `frame-ancestors 'none'` (or 'self', or the sites that may) to the Content-Security-Policy header, or send `X-Frame-Options: DENY`. Express: helmet sends both; Django: `X_FRAME_OPTIONS`.",
        references: &["CSP Level 3 section 6.4.2", "RFC 7034", "HTML section 7.5"],
    },
    check: open,
};

fn open(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_document(headers, seen, |answer| framed(answer, seen.now).into_iter().collect())
}

fn framed(answer: &Answer, evidence: &Evidence) -> Option<Saw> {
    let wanted = "frame-ancestors, or X-Frame-Options DENY or SAMEORIGIN";
    // Where frame-ancestors stands, browsers do not look at the older header.
    match evidence.policies().all_allow("frame-ancestors", |list| list.broad(false)) {
        Open::Closed => return None,
        Open::Through(_, word) => {
            return Some(Saw::new(format!("frame-ancestors {}", shown(&word)), wanted));
        }
        Open::Unrestricted => {}
    }
    match framing::parse(answer.all("x-frame-options")) {
        Framing::Fenced => None,
        Framing::Absent => Some(Saw::new("neither frame-ancestors nor X-Frame-Options", wanted)),
        Framing::Ignored(value) => Some(Saw::new(
            format!("X-Frame-Options {}, which browsers ignore", shown(&value)),
            wanted,
        )),
        Framing::Contradictory(values) => Some(
            Saw::new(
                format!("X-Frame-Options {}: browsers refuse every frame", shown(&values)),
                "one value",
            )
            .graded(Severity::Low),
        ),
    }
}

pub(super) const MISSING_ON_ERRORS: Rule<Headers> = Rule {
    about: About {
        id: "headers.missing-on-errors",
        severity: Severity::Medium,
        title: "a header of the page is missing on errors or redirects",
        why: "Error pages and redirects come from the same origin: what protects it must be on them as well, and the first answer that a browser ever sees is often a redirect.",
        fix: "nginx: `add_header ... always`, and repeat it in every block that has an add_header of its own; Apache: `Header always set`; set headers before the router in frameworks.",
        references: &["RFC 6797 section 7.1", "nginx ngx_http_headers_module"],
    },
    check: missing_on_errors,
};

fn missing_on_errors(headers: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    let answer = match seen.now.answer() {
        Ok(answer) => answer,
        Err(why) => return Looked::untested(why),
    };
    let mut saw: Vec<Saw> = redirects(answer, seen.now).collect();
    let Some(hop) = &seen.now.absent else {
        return Looked::untested("no page that is not there was asked for");
    };
    let Some(absent) = &hop.answer else {
        return with(saw, "the page that is not there was not answered");
    };
    // Elsewhere, such as at a login, is another story; 403 and 429 may be a firewall's.
    if !matches!(absent.status, 400 | 401 | 404 | 405 | 410) {
        let why = format!("a path that does not exist is answered {}", absent.status);
        return with(saw, &why);
    }
    let page = matches!(document(headers, seen.now), Ok(Some(_)));
    saw.extend(lacking(answer, absent, hop, page));
    saw.into()
}

/// Findings on redirects stand in any case.
fn with(saw: Vec<Saw>, why: &str) -> Looked {
    if saw.is_empty() { Looked::untested(why) } else { saw.into() }
}

fn redirects<'a>(
    answer: &'a Answer,
    evidence: &'a Evidence,
) -> impl Iterator<Item = Saw> + use<'a> {
    let has = answer.header("strict-transport-security").is_some();
    let lacks = |hop: &&Hop| {
        hop.is_https()
            && !site::is_address(&hop.host())
            && site::is_same(&hop.host(), &evidence.host)
            && hop.answer.as_ref().is_some_and(|answer| {
                answer.is_redirect() && answer.header("strict-transport-security").is_none()
            })
    };
    let hops = &evidence.document.hops;
    let first = hops.iter().take(hops.len().saturating_sub(1)).find(lacks).filter(|_| has);
    first.into_iter().map(|hop| {
        let status = hop.answer.as_ref().map_or(0, |answer| answer.status);
        Saw::new(format!("the redirect ({status}) on the way has none"), "the page's own value")
            .on("strict-transport-security on redirects")
    })
}

fn lacking<'a>(
    answer: &'a Answer,
    absent: &'a Answer,
    hop: &'a Hop,
    page: bool,
) -> impl Iterator<Item = Saw> + use<'a> {
    let html = page && absent.form() == Form::Document;
    let rows = [
        ("strict-transport-security", hop.is_https(), Severity::Medium),
        ("x-content-type-options", absent.form() != Form::Nothing, Severity::Low),
        ("content-security-policy", html, Severity::Info),
    ];
    rows.into_iter()
        .filter(|(name, speaks, _)| {
            *speaks && answer.header(name).is_some() && absent.header(name).is_none()
        })
        .map(|(name, _, severity)| {
            Saw::new(
                format!("the answer {} has none", absent.status),
                "the header of the page on errors as well",
            )
            .on(format!("{name} on errors"))
            .graded(severity)
        })
}
