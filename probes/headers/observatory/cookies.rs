//! Observatory's test of cookies.

use super::facts::Facts;
use super::transport::{Preload, hsts};
use super::{Outcome, outcome};
use crate::headers::evidence::Hop;
use crate::headers::field::cookie::Cookie;
use crate::headers::site;

/// From bad to worst: of several results the worst counts.
const WORSE: [Outcome; 7] = [
    outcome("cookies-without-secure-flag-but-protected-by-hsts", -5),
    outcome("cookies-without-secure-flag", -20),
    outcome("cookies-session-without-secure-flag-but-protected-by-hsts", -10),
    outcome("cookies-samesite-flag-invalid", -20),
    outcome("cookies-anticsrf-without-samesite-flag", -20),
    outcome("cookies-session-without-httponly-flag", -30),
    outcome("cookies-session-without-secure-flag", -40),
];

const SAMESITE_INVALID: usize = 3;

pub(super) fn judge(facts: &Facts<'_>, preload: &Preload) -> Outcome {
    let protected = hsts(facts, preload).modifier >= 0;
    let jar = jar(&facts.session.hops);
    if jar.is_empty() {
        return outcome("cookies-not-found", 0);
    }
    let raw = facts.auto.cookies.iter().any(malformed_samesite).then_some(SAMESITE_INVALID);
    let worst = jar.iter().filter_map(|cookie| worst_of(cookie, protected)).max().max(raw);
    match worst {
        Some(rank) => WORSE[rank],
        None if jar.iter().all(|cookie| samesite(cookie).is_some()) => {
            outcome("cookies-secure-with-httponly-sessions-and-samesite", 5)
        }
        None => outcome("cookies-secure-with-httponly-sessions", 0),
    }
}

fn worst_of(cookie: &Cookie, protected: bool) -> Option<usize> {
    let name = cookie.name.to_lowercase();
    let session = name.contains("login") || name.contains("sess");
    let secure = cookie.is_secure();
    let results = [
        !secure && protected,
        !secure && !protected,
        session && !secure && protected,
        !secure && samesite(cookie) == Some("none"),
        name.contains("csrf") && samesite(cookie).is_none(),
        session && !cookie.is_http_only(),
        session && !secure && !protected,
    ];
    results.iter().rposition(|hit| *hit)
}

/// The value as its jar keeps it: an unknown one becomes none at all.
fn samesite(cookie: &Cookie) -> Option<&'static str> {
    let value = cookie.attribute("samesite")?.to_lowercase();
    ["strict", "lax", "none"].into_iter().find(|known| *known == value)
}

fn malformed_samesite(cookie: &Cookie) -> bool {
    cookie.attributes.iter().any(|(name, value)| {
        // A second equals sign ends the value.
        let value = value.split('=').next().unwrap_or_default().trim().to_lowercase();
        name == "samesite" && !matches!(value.as_str(), "lax" | "strict" | "none")
    })
}

/// What its jar would hold after the redirects.
fn jar(hops: &[Hop]) -> Vec<&Cookie> {
    let mut jar: Vec<((String, String, &str), &Cookie)> = Vec::new();
    for hop in hops {
        let host = hop.host();
        for cookie in hop.answer.iter().flat_map(|answer| &answer.cookies) {
            if !accepted(cookie, &host) {
                continue;
            }
            let domain = cookie.domain().unwrap_or_else(|| host.clone());
            let path = cookie.attribute("path").unwrap_or_default().to_owned();
            let key = (domain, path, cookie.name.as_str());
            match jar.iter_mut().find(|(known, _)| *known == key) {
                Some((_, kept)) => *kept = cookie,
                None => jar.push((key, cookie)),
            }
        }
    }
    jar.into_iter()
        .map(|(_, cookie)| cookie)
        .filter(|cookie| cookie.name != "heroku-session-affinity")
        .collect()
}

fn accepted(cookie: &Cookie, host: &str) -> bool {
    if cookie.nameless || cookie.name.is_empty() {
        return false;
    }
    if let Some(domain) = cookie.domain() {
        let within = domain == host || host.ends_with(&format!(".{domain}"));
        if !within || !domain.contains('.') || site::is_public_suffix(&domain) {
            return false;
        }
    }
    let host_only = cookie.attribute("domain").is_none() && cookie.attribute("path") == Some("/");
    match cookie.name.as_str() {
        name if name.starts_with("__Host-") => cookie.is_secure() && host_only,
        name if name.starts_with("__Secure-") => cookie.is_secure(),
        _ => true,
    }
}
