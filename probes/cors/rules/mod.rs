//! The rules of `cors`, and what they share.

mod allowed;
mod cache;
mod lookalike;
mod outcome;
mod stranger;
mod wildcard;

use super::Cors;
use super::evidence::{Answer, Shot};
use super::fetch::{self, Power};
use crate::contract::Seen;
use crate::rule::Rule;
use crate::severity::Severity;
use crate::text::excerpt;

pub(super) const ALL: &[Rule<Cors>] = &[
    stranger::ORIGIN_REFLECTED,
    stranger::NULL_ALLOWED,
    lookalike::PREFIX_ALLOWED,
    lookalike::SUFFIX_ALLOWED,
    lookalike::SUBDOMAIN_ALLOWED,
    lookalike::PATTERN_LOOSE,
    lookalike::SPECIAL_CHARACTER_ALLOWED,
    lookalike::PORT_IGNORED,
    lookalike::HTTP_ALLOWED,
    lookalike::PLATFORM_ALLOWED,
    lookalike::DEVELOPMENT_ORIGIN_ALLOWED,
    wildcard::WILDCARD_ON_PRIVATE,
    wildcard::WILDCARD_WITH_CREDENTIALS,
    wildcard::ALLOW_ORIGIN_INVALID,
    allowed::ALLOWED_ORIGIN_REFUSED,
    allowed::PREFLIGHT_REFUSED,
    cache::VARY_MISSING,
    outcome::ERROR_ON_REFUSAL,
    cache::SHARED_CACHE_HIT,
    outcome::UNDETERMINED,
];

const FETCH: &str = "https://fetch.spec.whatwg.org/#http-cors-protocol";

type Now<'a> = Seen<'a, Cors>;

/// What a page can do with an answer, and by which headers.
fn can_read(page: &str, shot: &Shot) -> String {
    let power = shot.power();
    let (what, also) = match power {
        Power::Credentialed => (
            "read answers with the user's cookies",
            ", with Access-Control-Allow-Credentials: true",
        ),
        Power::Anonymous | Power::None => ("read answers, though without the user's cookies", ""),
    };
    let on = match shot.status() {
        Some(status) if status >= 400 => format!(", here of a {status}"),
        _ => String::new(),
    };
    format!("{page} can {what}{on}: its origin comes back in Access-Control-Allow-Origin{also}")
}

/// How bad an opening for some page is that strangers do not have anyhow: what it lets a page
/// read, with cookies and without.
fn opened(
    cors: &Cors,
    seen: &Now<'_>,
    shot: &Shot,
    with: Severity,
    without: Severity,
) -> Option<Severity> {
    let more = shot.power() > seen.now.everybody();
    more.then(|| graded(cors, shot, with, without)).flatten()
}

/// How bad an opening is. Without cookies nobody reads more than the server gives to everybody,
/// which is no flaw of a public endpoint.
fn graded(cors: &Cors, shot: &Shot, with: Severity, without: Severity) -> Option<Severity> {
    let severity = match shot.power() {
        Power::None => return None,
        Power::Anonymous if cors.public => return None,
        Power::Anonymous => without,
        Power::Credentialed => with,
    };
    Some(match shot.status() {
        Some(status) if status >= 400 => lower(severity),
        _ => severity,
    })
}

/// One level down: an error page holds less than what is behind it.
fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium => Severity::Low,
        Severity::Low | Severity::Info => Severity::Info,
    }
}

/// `Access-Control-Allow-Origin` of an answer, as browsers read it.
fn allow_origin(answer: &Answer) -> Option<String> {
    fetch::allow_origin(&answer.headers)
}

/// A value from outside, in quotes, fit for a report.
fn shown(text: &str) -> String {
    format!("`{}`", excerpt(text, 160))
}
