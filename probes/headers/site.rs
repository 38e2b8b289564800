//! Which hosts belong together, by the Public Suffix List.

use std::net::IpAddr;

/// The name that somebody registered; `None` for addresses, bare names and public suffixes.
pub(crate) fn registrable(host: &str) -> Option<&str> {
    let host = host.trim_end_matches('.');
    if is_address(host) {
        return None;
    }
    psl::domain_str(host)
}

/// Whether a name is one below which anybody can have a name, such as `co.uk`.
pub(crate) fn is_public_suffix(name: &str) -> bool {
    name.contains('.') && !is_address(name) && psl::suffix_str(name) == Some(name)
}

/// Whether a name is one below which a platform gives names to everybody, such as `github.io`.
pub(crate) fn is_platform(name: &str) -> bool {
    psl::suffix(name.as_bytes())
        .is_some_and(|suffix| suffix == name && suffix.typ() == Some(psl::Type::Private))
}

/// Whether two hosts belong to the same owner, as far as names tell.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || registrable(one).is_some_and(|name| registrable(other) == Some(name))
}

/// Whether a host is an IP address.
pub(crate) fn is_address(host: &str) -> bool {
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
            ("www.city.kawasaki.jp", Some("city.kawasaki.jp")),
            ("a.b.kawasaki.jp", Some("a.b.kawasaki.jp")),
            ("b.kawasaki.jp", None),
            ("bucket.s3.eu-west-1.amazonaws.com", Some("bucket.s3.eu-west-1.amazonaws.com")),
            ("shop.example.internal", Some("example.internal")),
            ("www.me.github.io", Some("me.github.io")),
            ("", None),
            ("..", None),
        ] {
            assert_eq!(registrable(host), name, "{host}");
        }
    }

    #[test]
    fn platforms_are_told_from_countries() {
        for (name, platform) in
            [("github.io", true), ("vercel.app", true), ("co.uk", false), ("example.com", false)]
        {
            assert_eq!(is_platform(name), platform, "{name}");
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
        for (name, is) in [
            ("co.uk", true),
            ("github.io", true),
            ("vercel.app", true),
            ("example.co.uk", false),
            ("example.com", false),
            ("com", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(is_public_suffix(name), is, "{name}");
        }
    }
}
