//! Redirects: where they lead, what goes along, and when to stop.

use http::Method;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::net::exchange::Exchange;
use crate::net::origin::Origin;
use crate::net::request::Request;
use crate::secret::MASK;

/// At most so many redirects are followed.
pub const MOST: usize = 10;

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Redirects {
    /// None: the first answer is the answer.
    None,
    /// Those that stay on the host, also from http to https.
    SameHost,
    /// All, at most 10.
    #[default]
    Follow,
}

/// A request, its redirects, and why following them stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Followed {
    /// Every exchange in its order; never empty.
    #[serde(deserialize_with = "at_least_one")]
    pub hops: Vec<Exchange>,
    /// Why the last redirect was not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stop>,
}

/// Why a redirect was not followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It leads back to where the request already was.
    Loop,
    /// There were ten before it.
    TooMany,
    /// It leads to another host, and that was not wanted.
    OtherHost(String),
    /// Its method or body would have to be repeated to another origin, or a secret in its URL.
    Unsafe(String),
    /// Its location is missing or is no URL of the web.
    Invalid(String),
}

/// Evidence may come from a file, and anybody may have written that.
pub(crate) fn at_least_one<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let hops = Vec::deserialize(deserializer)?;
    if hops.is_empty() {
        return Err(D::Error::invalid_length(0, &"at least one request"));
    }
    Ok(hops)
}

impl Followed {
    /// The last exchange.
    pub fn last(&self) -> &Exchange {
        self.hops.last().expect("there is one exchange at least")
    }

    /// How many redirects were followed.
    pub fn redirects(&self) -> usize {
        self.hops.len().saturating_sub(1)
    }
}

/// What follows an answer: nothing, another request, or a stop.
#[derive(Debug)]
pub enum Next {
    /// The answer is no redirect, or redirects are not followed.
    Done,
    /// The request of the next hop.
    Go(Box<Request>),
    /// A redirect that is not followed.
    Stop(Stop),
}

/// Reads a redirect (RFC 9110 section 15.4). Credentials and the service's headers stay behind
/// when the origin changes; a body is never repeated to another origin.
pub fn next(request: &Request, exchange: &Exchange, policy: Redirects, hops: &[Exchange]) -> Next {
    let Some(answer) = &exchange.answer else { return Next::Done };
    if policy == Redirects::None || !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return Next::Done;
    }
    let Some(location) = answer.header("location") else {
        return Next::Stop(Stop::Invalid("there is no Location header".to_owned()));
    };
    if location.contains(MASK) {
        return Next::Stop(Stop::Unsafe("its Location repeats a secret".to_owned()));
    }
    let url = match request.url.join(location) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        Ok(url) => {
            return Next::Stop(Stop::Invalid(format!("it leads to a {} URL", url.scheme())));
        }
        Err(error) => {
            return Next::Stop(Stop::Invalid(format!("its Location is no URL: {error}")));
        }
    };
    if policy == Redirects::SameHost && url.host() != request.url.host() {
        return Next::Stop(Stop::OtherHost(url.host_str().unwrap_or_default().to_owned()));
    }
    if hops.len() > MOST {
        return Next::Stop(Stop::TooMany);
    }
    let rewritten = answer.status == 303 && request.method != Method::HEAD
        || matches!(answer.status, 301 | 302) && request.method == Method::POST;
    let method = if rewritten { Method::GET } else { request.method.clone() };
    let same_origin = Origin::of(&url) == Origin::of(&request.url);
    if !same_origin && !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Next::Stop(Stop::Unsafe(format!("a {method} to another origin")));
    }
    let mut url = url;
    if url.fragment().is_none() {
        url.set_fragment(request.url.fragment());
    }
    let been_there = |hop: &Exchange| hop.url == shown(&url) && hop.method == method.as_str();
    if hops.iter().any(been_there) {
        return Next::Stop(Stop::Loop);
    }
    let mut following = request.clone();
    if rewritten || !same_origin {
        following.body = bytes::Bytes::new();
        following.headers.retain(|(name, _)| {
            same_origin && *name != http::header::CONTENT_TYPE || *name == http::header::ACCEPT
        });
    }
    if !same_origin {
        following.secrets.clear();
        following.auth = None;
        following.with_service = false;
    }
    following.method = method;
    following.url = url;
    Next::Go(Box::new(following))
}

/// A URL as evidence shows it: without a user's name, password and fragment.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have them, and then there is nothing to hide.
    let _cannot = url.set_username("");
    let _cannot = url.set_password(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::body::Body;
    use crate::net::connection::Connection;
    use crate::net::exchange::Answer;
    use crate::secret::Secret;

    fn exchange(url: &str, status: u16, location: &str) -> Exchange {
        Exchange {
            method: "GET".into(),
            url: url.into(),
            connection: Connection::default(),
            answer: Some(Answer {
                version: "1.1".into(),
                status,
                headers: vec![("location".into(), location.into())],
                body: Body::default(),
                trailers: Vec::new(),
            }),
            failure: None,
        }
    }

    fn request(url: &str) -> Request {
        let mut request = Request::get(url.parse().unwrap());
        request.secrets.push((http::header::COOKIE, Secret::from("c".to_owned())));
        request
    }

    fn step(method: Method, from: &str, status: u16, to: &str, policy: Redirects) -> Next {
        let mut request = request(from);
        request.method = method;
        let exchange = exchange(from, status, to);
        next(&request, &exchange, policy, std::slice::from_ref(&exchange))
    }

    #[test]
    fn credentials_stay_on_their_origin() {
        for (to, kept) in [
            ("/b", true),
            ("https://a.example:443/b", true),
            ("http://a.example/b", false),
            ("https://a.example:444/b", false),
            ("https://b.example/", false),
            ("//b.example/", false),
        ] {
            let from = "https://a.example/a";
            let Next::Go(following) = step(Method::GET, from, 302, to, Redirects::Follow) else {
                panic!("{to} is followed")
            };
            assert_eq!(!following.secrets.is_empty(), kept, "{to}");
            assert_eq!(following.with_service, kept, "{to}");
        }
    }

    #[test]
    fn methods_change_as_browsers_change_them() {
        for (method, status, then) in [
            (Method::POST, 301, Method::GET),
            (Method::POST, 302, Method::GET),
            (Method::PUT, 303, Method::GET),
            (Method::HEAD, 303, Method::HEAD),
            (Method::POST, 307, Method::POST),
            (Method::PUT, 308, Method::PUT),
        ] {
            let Next::Go(following) =
                step(method.clone(), "http://a/x", status, "/y", Redirects::Follow)
            else {
                panic!("{method} {status} is followed")
            };
            assert_eq!(following.method, then, "{method} {status}");
        }
    }

    #[test]
    fn a_body_is_never_repeated_to_another_origin() {
        let next = step(Method::POST, "http://a/x", 307, "http://b/x", Redirects::Follow);
        assert!(matches!(next, Next::Stop(Stop::Unsafe(_))), "{next:?}");
    }

    #[test]
    fn loops_other_hosts_and_odd_locations_are_told_apart() {
        let stop = |to, policy| match step(Method::GET, "http://a/x", 302, to, policy) {
            Next::Stop(stop) => stop,
            other => panic!("{to}: {other:?}"),
        };
        assert_eq!(stop("http://a/x", Redirects::Follow), Stop::Loop);
        assert_eq!(stop("#again", Redirects::Follow), Stop::Loop);
        assert_eq!(stop("http://b/", Redirects::SameHost), Stop::OtherHost("b".into()));
        assert!(matches!(stop("javascript:alert(1)", Redirects::Follow), Stop::Invalid(_)));
        assert!(matches!(stop("http://[", Redirects::Follow), Stop::Invalid(_)));
        assert!(matches!(step(Method::GET, "http://a/x", 302, "/y", Redirects::None), Next::Done));
    }
}
