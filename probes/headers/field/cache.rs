//! `Cache-Control` (RFC 9111 section 5.2.2), and how an answer shows that a cache gave it.

use crate::net::caching;
use crate::text::excerpt;

/// Whom an answer's `Cache-Control` lets keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shared {
    /// `no-store`, `private` or `no-cache`: no shared cache gives it to somebody else.
    Forbidden,
    /// A directive that invites shared caches.
    Allowed(String),
    /// It says nothing about it.
    Unsaid,
}

/// Reads the values of all `Cache-Control` lines. `authorized`: the request carried
/// `Authorization`, and caches are careful by themselves (RFC 9111 section 3.5).
pub(crate) fn shared<'a>(lines: impl Iterator<Item = &'a str>, authorized: bool) -> Shared {
    let mut allowed = None;
    for directive in lines.flat_map(|line| line.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let value = value.trim().trim_matches('"');
        let positive = value.parse::<u64>().is_ok_and(|seconds| seconds > 0);
        match name.trim().to_ascii_lowercase().as_str() {
            // With a list of fields, only those are private.
            "no-store" => return Shared::Forbidden,
            "private" | "no-cache" if value.is_empty() => return Shared::Forbidden,
            "s-maxage" if !positive => return Shared::Forbidden,
            "s-maxage" => allowed = Some(excerpt(directive, 40)),
            "public" => allowed = allowed.or(Some("public".to_owned())),
            "max-age" if positive && !authorized => {
                allowed = allowed.or(Some(excerpt(directive, 40)));
            }
            "max-age" if value == "0" => return Shared::Forbidden,
            _ => {}
        }
    }
    allowed.map_or(Shared::Unsaid, Shared::Allowed)
}

/// The header that shows that a shared cache gave the answer.
pub(crate) fn hit<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    caching::hit(headers).map(|(name, value)| format!("{name}: {}", excerpt(value, 40)))
}
