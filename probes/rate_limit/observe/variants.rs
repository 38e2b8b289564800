//! Other ways to ask for the same: what a client writes into its request to be counted anew.

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::net::request::Request;
use crate::rate_limit::evidence::Purpose;

/// Headers by which proxies pass on whom they serve.
const FORWARDING: [&str; 7] = [
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "fly-client-ip",
];

/// Every variant of a request, the likeliest first.
pub(super) fn all(method: &Method, path: &str) -> Vec<Purpose> {
    let (headers, path_variants) = (FORWARDING.map(str::to_owned), paths(path));
    let mut all: Vec<Purpose> = Vec::new();
    let mut headers = headers.into_iter().map(Purpose::Forwarded);
    let mut paths = path_variants.into_iter().map(|(name, _)| Purpose::Path(name.to_owned()));
    all.extend(headers.by_ref().take(2));
    all.extend(paths.by_ref().take(2));
    all.push(Purpose::Query);
    all.extend(headers);
    all.extend(paths);
    if *method == Method::GET {
        all.push(Purpose::Method("HEAD".to_owned()));
    }
    all.push(Purpose::Preflight);
    all
}

/// The path written differently: how, and what it is then.
fn paths(path: &str) -> Vec<(&'static str, String)> {
    let bare = path.trim_end_matches('/');
    let mut paths = Vec::new();
    if bare.is_empty() {
        return paths;
    }
    let slashed = if path.ends_with('/') { bare.to_owned() } else { format!("{path}/") };
    paths.push(("trailing-slash", slashed));
    let (start, last) = bare.rsplit_once('/').unwrap_or(("", bare));
    let other_case: String =
        last.chars()
            .map(|c| {
                if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
            })
            .collect();
    if other_case != last {
        paths.push(("case", format!("{start}/{other_case}")));
    }
    paths.push(("double-slash", format!("/{bare}")));
    if let Some(character) = last.chars().next_back().filter(char::is_ascii_alphanumeric) {
        let rest = last.strip_suffix(character).unwrap_or_default();
        paths.push(("percent-encoded", format!("{start}/{rest}%{:02X}", u32::from(character))));
    }
    paths.push(("semicolon", format!("{bare};x")));
    paths
}

/// The request as a variant sends it. `number` makes addresses and cache keys of their own.
pub(super) fn apply(purpose: &Purpose, number: u32, mut request: Request) -> Request {
    match purpose {
        Purpose::Plain | Purpose::Control | Purpose::OtherFamily => {}
        Purpose::Forwarded(name) => {
            let address = documentation_address(number);
            let value = if name == "forwarded" { format!("for={address}") } else { address };
            if let (Ok(name), Ok(value)) =
                (name.parse::<HeaderName>(), HeaderValue::from_str(&value))
            {
                request.headers.push((name, value));
            }
            keep_caches_clean(&mut request.url, number);
        }
        Purpose::Query => keep_caches_clean(&mut request.url, number),
        Purpose::Path(how) => {
            let path = request.url.path().to_owned();
            if let Some((_, path)) = paths(&path).into_iter().find(|(name, _)| name == how) {
                request.url.set_path(&path);
            }
        }
        Purpose::Preflight => {
            let asked = HeaderValue::from_str(request.method.as_str());
            let origin = HeaderValue::from_str(&request.url.origin().ascii_serialization());
            request.method = Method::OPTIONS;
            // A browser sends neither credentials nor a body with it.
            request.headers.clear();
            request.secrets.clear();
            request.body = bytes::Bytes::new();
            if let (Ok(asked), Ok(origin)) = (asked, origin) {
                request.headers.push((ACCESS_CONTROL_REQUEST_METHOD, asked));
                request.headers.push((ORIGIN, origin));
            }
        }
        Purpose::Method(method) => {
            if let Ok(method) = method.parse() {
                request.method = method;
            }
        }
    }
    request
}

/// No answer to a foreign client may be found under the URL that real ones ask for.
fn keep_caches_clean(url: &mut Url, number: u32) {
    url.query_pairs_mut().append_pair("musterd", &format!("{number:08x}"));
}

/// An address that is nobody's (RFC 5737).
fn documentation_address(number: u32) -> String {
    const RANGES: [&str; 3] = ["192.0.2", "198.51.100", "203.0.113"];
    let range = RANGES[usize::try_from(number % 3).unwrap_or_default()];
    format!("{range}.{}", 1 + (number / 3) % 254)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(purpose: &Purpose, number: u32) -> Request {
        let request = Request::get("http://a/api/login?x=1".parse().unwrap());
        apply(purpose, number, request)
    }

    #[test]
    fn a_forwarded_request_claims_an_address_that_is_nobodys_and_fills_no_cache() {
        for (name, value) in
            [("x-forwarded-for", "198.51.100.3"), ("forwarded", "for=198.51.100.3")]
        {
            let request = sent(&Purpose::Forwarded(name.to_owned()), 7);
            assert_eq!(request.headers[0].0, name);
            assert_eq!(request.headers[0].1, value);
            assert_eq!(request.url.as_str(), "http://a/api/login?x=1&musterd=00000007");
        }
        let other = sent(&Purpose::Forwarded("x-real-ip".to_owned()), 8);
        assert_eq!(other.headers[0].1, "203.0.113.3");
    }

    #[test]
    fn a_path_is_written_differently_and_means_the_same() {
        let variants = all(&Method::GET, "/api/login");
        assert_eq!(variants.len(), 7 + 5 + 1 + 2);
        let paths: Vec<String> = variants
            .iter()
            .filter(|purpose| matches!(purpose, Purpose::Path(_)))
            .map(|purpose| sent(purpose, 1).url.path().to_owned())
            .collect();
        let expected = ["/api/login/", "/api/LOGIN", "//api/login", "/api/logi%6E", "/api/login;x"];
        assert_eq!(paths, expected);
        assert_eq!(sent(&Purpose::Method("HEAD".to_owned()), 1).method, Method::HEAD);
        assert_eq!(all(&Method::POST, "/").len(), 7 + 1 + 1);
    }

    #[test]
    fn a_preflight_is_what_a_browser_sends() {
        let url = "http://a/api/login".parse().unwrap();
        let mut request = Request::new(Method::POST, url);
        request.headers.push((http::header::AUTHORIZATION, HeaderValue::from_static("Basic x")));
        request.body = bytes::Bytes::from_static(b"{}");
        let preflight = apply(&Purpose::Preflight, 1, request);
        assert_eq!(preflight.method, Method::OPTIONS);
        assert!(preflight.body.is_empty());
        let names: Vec<&str> = preflight.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["access-control-request-method", "origin"]);
        assert_eq!(preflight.headers[0].1, "POST");
    }
}
