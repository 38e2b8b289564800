//! The rules of `headers`, and what they share.

mod answer;
mod cookie;
mod csp;
mod csp_grammar;
mod csp_sources;
mod framing;
mod hsts;
mod privacy;
mod redirect;

use super::Headers;
use super::evidence::{Answer, Evidence, Form};
use super::settings::Role;
use crate::contract::Seen;
use crate::rule::{Looked, Rule, Saw};
use crate::text::excerpt;

pub(super) const ALL: &[Rule<Headers>] = &[
    csp::MISSING,
    csp_grammar::INVALID,
    csp_sources::SCRIPT_UNSAFE,
    csp_sources::STYLE_UNSAFE,
    csp_sources::EVAL,
    csp_sources::OBJECT_OPEN,
    csp_sources::BASE_OPEN,
    csp_sources::INSECURE_SOURCE,
    csp::NONCE_STATIC,
    csp::STRICT_DYNAMIC_ALONE,
    csp::REPORT_ONLY,
    hsts::MISSING,
    hsts::SHORT,
    hsts::INVALID,
    hsts::PRELOAD_INELIGIBLE,
    redirect::MISSING,
    redirect::OTHER_HOST,
    redirect::DOWNGRADE,
    redirect::LOOP,
    answer::NOSNIFF_MISSING,
    framing::OPEN,
    answer::REFERRER_UNSAFE,
    answer::PERMISSIONS_INVALID,
    answer::ISOLATION_INVALID,
    cookie::NOT_SECURE,
    cookie::NOT_HTTP_ONLY,
    cookie::SAMESITE_INVALID,
    cookie::PREFIX_VIOLATED,
    cookie::DOMAIN_WIDE,
    cookie::TOO_LARGE,
    privacy::CACHEABLE,
    privacy::VERSION_LEAKED,
    privacy::DEPRECATED,
    framing::MISSING_ON_ERRORS,
    answer::UNEXPECTED,
    answer::UNDETERMINED,
];

type Now<'a> = Seen<'a, Headers>;

/// The document; `None` when the answer is something else, of which nothing is asked that only
/// pages need. `Err` says why it cannot be told.
fn document<'a>(headers: &Headers, evidence: &'a Evidence) -> Result<Option<&'a Answer>, String> {
    let answer = evidence.answer()?;
    let is_document = match headers.role {
        Role::Api => false,
        Role::Document => true,
        Role::Auto => answer.form() == Form::Document,
    };
    if is_document && answer.status >= 400 {
        return Err(format!(
            "it answers {} with an error page: set `path` to a page that is there, or give the service credentials",
            answer.status
        ));
    }
    // A page that is gone is no API yet.
    if headers.role == Role::Auto && answer.is_bare_error() {
        return Err(format!(
            "it answers {} and nothing that tells a page from an API: set `path` to what is there, give the service credentials, or set `kind`",
            answer.status
        ));
    }
    Ok(is_document.then_some(answer))
}

/// Looks at the document, where there is one.
fn on_document(
    headers: &Headers,
    seen: &Now<'_>,
    look: impl FnOnce(&Answer) -> Vec<Saw>,
) -> Looked {
    match document(headers, seen.now) {
        Ok(Some(answer)) => look(answer).into(),
        Ok(None) => Looked::silent(),
        Err(why) => Looked::untested(why),
    }
}

/// Looks at the answer, whatever it is.
fn on_answer(seen: &Now<'_>, look: impl FnOnce(&Answer) -> Vec<Saw>) -> Looked {
    match seen.now.answer() {
        Ok(answer) => look(answer).into(),
        Err(why) => Looked::untested(why),
    }
}

/// A value from outside, in quotes, fit for a report.
fn shown(text: &str) -> String {
    format!("`{}`", excerpt(text, 160))
}
