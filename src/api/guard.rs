//! Who may ask what: tokens, loopback peers, and requests that a foreign page sent.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use musterd_probes::secret::Secret;

use super::Settings;
use super::problem::Problem;

/// Where reports are posted.
pub(super) const REPORTS: &str = "/api/v1/reports";

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// What is asked by whoever watches the daemon itself, without a token.
const OPEN: [&str; 2] = ["/livez", "/readyz"];

/// A proxy on this machine is a loopback peer and yet speaks for others.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// Lets a request through, or says why not. `path` is without the base path.
pub(super) fn check(
    parts: &Parts,
    path: &str,
    peer: Option<SocketAddr>,
    settings: &Settings,
    loopback: bool,
) -> Result<(), Problem> {
    let writes = !reads(&parts.method);
    if OPEN.contains(&path) {
        return Ok(());
    }
    if writes {
        same_site(&parts.headers, &parts.uri)?;
    }
    let report = path == REPORTS && writes;
    let tokens: Vec<&Secret> =
        settings.token.iter().chain(settings.report_token.as_ref().filter(|_| report)).collect();
    if !tokens.is_empty() {
        return authorised(&parts.headers, &tokens);
    }
    if writes {
        near(parts, peer)?;
    } else if loopback {
        by_own_name(parts, settings)?;
    }
    Ok(())
}

/// Whether a request of this method changes nothing.
pub(super) fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A browser says where a request comes from: foreign pages may not change anything here, even
/// where the browser sends a password along that it remembers.
fn same_site(headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
    let refused =
        |why: &str| Err(Problem::new(StatusCode::FORBIDDEN, format!("a foreign page asks: {why}")));
    for site in headers.get_all(SEC_FETCH_SITE) {
        if !matches!(site.as_bytes(), b"same-origin" | b"none") {
            return refused("Sec-Fetch-Site is neither `same-origin` nor `none`");
        }
    }
    if headers.contains_key(SEC_FETCH_SITE) {
        return Ok(());
    }
    // Older browsers, and pages without TLS, tell only the origin.
    let host = host(headers, uri);
    for origin in headers.get_all(ORIGIN) {
        let own = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        if own.is_none_or(|(_, authority)| Some(authority) != host) {
            return refused("Origin is not this host");
        }
    }
    Ok(())
}

fn authorised(headers: &HeaderMap, tokens: &[&Secret]) -> Result<(), Problem> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let known = given.and_then(credential).is_some_and(|given| {
        // Every token is compared in full, whatever came of the others.
        tokens.iter().fold(false, |known, token| known | equal(&given, token.expose()))
    });
    if known {
        return Ok(());
    }
    let detail = "this needs the token, as Bearer or as the password of Basic";
    Err(Problem::new(StatusCode::UNAUTHORIZED, detail)
        .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"musterd\""))
        .with(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"musterd\", charset=\"UTF-8\""),
        ))
}

/// What is given as the token: of Basic, the password of whatever user.
fn credential(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

/// Digests have one length, so that not even the token's length shows in the time this takes.
fn equal(given: &str, token: &str) -> bool {
    let digest = |text: &str| digest(&SHA256, text.as_bytes());
    verify_slices_are_equal(digest(given).as_ref(), digest(token).as_ref()).is_ok()
}

/// Without a token, only someone on this machine may change anything.
fn near(parts: &Parts, peer: Option<SocketAddr>) -> Result<(), Problem> {
    let refused = |why: &str| {
        let detail = format!("{why}; with `server.token` set, the token would do");
        Err(Problem::new(StatusCode::FORBIDDEN, detail))
    };
    if !peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback()) {
        return refused("this is taken from this machine only");
    }
    if FORWARDED.iter().any(|name| parts.headers.contains_key(HeaderName::from_static(name))) {
        return refused("this is taken from this machine only, and not through a proxy");
    }
    // A name of somebody else's may be made to point here (DNS rebinding).
    if !host(&parts.headers, &parts.uri).is_some_and(is_own) {
        return refused("the Host is not this machine's: use `localhost` or an address");
    }
    Ok(())
}

/// Whoever listens on loopback alone trusts this machine's programs, and not the pages of others
/// whose names are made to point here (DNS rebinding): to a browser these are of one site with us.
fn by_own_name(parts: &Parts, settings: &Settings) -> Result<(), Problem> {
    let known = |host: &str| {
        is_own(host) || name_of(host).is_some_and(|name| settings.name.as_deref() == Some(&*name))
    };
    if host(&parts.headers, &parts.uri).is_none_or(known) {
        return Ok(());
    }
    let detail = "the Host is not this machine's: use `localhost` or an address, or set \
                  `server.external_url` or `server.token`";
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

/// The host that is asked, with its port. Of two nobody knows which one counts.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, _) => uri.authority().map(http::uri::Authority::as_str),
        (Some(_), Some(_)) => None,
    }
}

/// Whether nobody else can make this host point here: an address, which is also how the daemon
/// knows where it listens, or `localhost`.
fn is_own(host: &str) -> bool {
    let Some(name) = name_of(host) else { return false };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<IpAddr>().is_ok()
}

/// A host without its port.
fn name_of(host: &str) -> Option<String> {
    let authority = host.parse::<http::uri::Authority>().ok().filter(|_| !host.contains('@'))?;
    Some(authority.host().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_from_bearer_and_basic() {
        for (header, given) in [
            ("Bearer s3cret", Some("s3cret")),
            ("bearer  s3cret ", Some("s3cret")),
            ("Basic OnMzY3JldA==", Some("s3cret")),
            ("BASIC YW55Ym9keTpzM2NyZXQ=", Some("s3cret")),
            ("Basic YTpiOmM=", Some("b:c")),
            ("Basic czNjcmV0", None),
            ("Basic !", None),
            ("Digest s3cret", None),
            ("s3cret", None),
        ] {
            assert_eq!(credential(header).as_deref(), given, "{header}");
        }
        assert!(equal("a", "a") && !equal("a", "aa") && !equal("", "a"));
    }

    #[test]
    fn only_names_that_nobody_else_can_point_here_are_own() {
        for (host, own) in [
            ("localhost", true),
            ("LOCALHOST:9797", true),
            ("127.0.0.1:9797", true),
            ("[::1]:9797", true),
            ("192.0.2.7", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("evil.example@localhost", false),
            ("", false),
            ("127.0.0.1.evil.example", false),
        ] {
            assert_eq!(is_own(host), own, "{host}");
        }
    }
}
