//! One request as a probe asks for it.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::impact::Impact;
use crate::net::target::Auth;
use crate::net::tls::Alpn;
use crate::secret::Secret;

/// The most bytes of a body that are read unless a probe says otherwise: 1 MiB.
pub const BODY_CAP: usize = 1024 * 1024;

/// A request. The service's own headers and credentials join it on its way.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// Headers that anybody may see.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Headers that go only where the peer is verified.
    pub secrets: Vec<(HeaderName, Secret)>,
    /// Credentials instead of the service's.
    pub auth: Option<Auth>,
    /// Whether the service's credentials and headers join.
    pub with_service: bool,
    /// Its body.
    pub body: Bytes,
    /// What it does to the target.
    pub impact: Impact,
    /// How much of the answer's body is read, after decompression, in bytes.
    pub body_cap: usize,
    /// What a certificate that does not verify means.
    pub peer: Peer,
    /// Which HTTP is spoken.
    pub alpn: Alpn,
    /// Which of the host's addresses it goes to, instead of whichever answers.
    pub at: Option<IpAddr>,
    /// Whose pace it keeps.
    pub pace: Pace,
}

/// Whose pace an active or intrusive request keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// That of the origin's budget.
    #[default]
    Budget,
    /// That of an exhausting run: ten a second, beside the origin's budget.
    Exhausting,
}

/// What a certificate that does not verify means for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Peer {
    /// A failure, as for every browser: nothing is sent.
    #[default]
    Verified,
    /// A fact beside others: the request goes out without anything secret.
    Any,
}

impl Request {
    /// A request without a body that any visitor could send.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            secrets: Vec::new(),
            auth: None,
            with_service: true,
            body: Bytes::new(),
            impact: Impact::Passive,
            body_cap: BODY_CAP,
            peer: Peer::default(),
            alpn: Alpn::default(),
            at: None,
            pace: Pace::default(),
        }
    }

    /// A plain GET.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// With a header that anybody may see.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a bound for the answer's body, in bytes after decompression.
    #[must_use]
    pub const fn body_cap(mut self, bytes: usize) -> Self {
        self.body_cap = bytes;
        self
    }

    /// With its impact.
    #[must_use]
    pub const fn impact(mut self, impact: Impact) -> Self {
        self.impact = impact;
        self
    }
}
