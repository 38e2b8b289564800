//! Which hosts belong together: the part of the Public Suffix List that matters here.

use std::net::IpAddr;

/// Second levels under which countries register names.
const SECOND_LEVELS: [&str; 14] =
    ["ac", "asn", "co", "com", "edu", "gob", "gov", "go", "id", "mil", "ne", "net", "or", "org"];

/// Platforms that give every customer a name below theirs.
const PLATFORMS: [&str; 34] = [
    "appspot.com",
    "azurecontainerapps.io",
    "azurestaticapps.net",
    "azurewebsites.net",
    "bitbucket.io",
    "cloudfront.net",
    "cloudfunctions.net",
    "deno.dev",
    "elasticbeanstalk.com",
    "firebaseapp.com",
    "fly.dev",
    "framer.app",
    "github.io",
    "gitlab.io",
    "glitch.me",
    "herokuapp.com",
    "myshopify.com",
    "netlify.app",
    "ngrok.app",
    "ngrok.io",
    "ngrok-free.app",
    "now.sh",
    "onrender.com",
    "pages.dev",
    "r2.dev",
    "railway.app",
    "render.com",
    "repl.co",
    "replit.app",
    "run.app",
    "surge.sh",
    "vercel.app",
    "web.app",
    "workers.dev",
];

/// The name that somebody registered; `None` for addresses, bare names and public suffixes.
pub(super) fn registrable(host: &str) -> Option<&str> {
    let host = host.trim_end_matches('.');
    if is_address(host) {
        return None;
    }
    let starts: Vec<usize> =
        std::iter::once(0).chain(host.match_indices('.').map(|(at, _)| at + 1)).collect();
    let suffix = suffix_labels(host);
    let start = starts.len().checked_sub(suffix + 1)?;
    host.get(*starts.get(start)?..)
}

/// How many labels of a host are a public suffix.
fn suffix_labels(host: &str) -> usize {
    let mut labels = host.rsplit('.');
    let (last, second) = (labels.next().unwrap_or_default(), labels.next().unwrap_or_default());
    let pair = host.len().checked_sub(last.len() + second.len() + 1);
    let pair = pair.and_then(|start| host.get(start..)).unwrap_or_default();
    let country = last.len() == 2 && SECOND_LEVELS.contains(&second);
    if country || PLATFORMS.contains(&pair) { 2 } else { 1 }
}

/// Whether a name is one that nobody owns, such as `co.uk`.
pub(super) fn is_public_suffix(name: &str) -> bool {
    name.contains('.') && !is_address(name) && registrable(name).is_none()
}

/// Whether two hosts belong to the same owner, as far as names tell.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || registrable(one).is_some_and(|name| registrable(other) == Some(name))
}

/// Whether a host is an IP address.
pub(super) fn is_address(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_registered_below_suffixes() {
        for (host, name) in [
            ("shop.example.com", Some("example.com")),
            ("example.com", Some("example.com")),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("co.uk", None),
            ("com", None),
            ("localhost", None),
            ("10.0.0.1", None),
            ("[::1]", None),
            ("me.github.io", Some("me.github.io")),
            ("github.io", None),
            ("www.me.github.io", Some("me.github.io")),
            ("", None),
            ("..", None),
        ] {
            assert_eq!(registrable(host).filter(|name| !name.starts_with('.')), name, "{host}");
        }
    }

    #[test]
    fn hosts_of_one_owner_are_the_same_site() {
        for (one, other, same) in [
            ("example.com", "www.example.com", true),
            ("a.github.io", "b.github.io", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("localhost", "localhost", true),
            ("example.com", "example.org", false),
        ] {
            assert_eq!(is_same(one, other), same, "{one} {other}");
        }
        assert!(is_public_suffix("co.uk") && !is_public_suffix("example.co.uk"));
    }
}
