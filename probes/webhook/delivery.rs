//! A delivery before it is signed, and what a signature adds to it.

use http::{HeaderName, Method};
use jiff::Timestamp;
use url::Url;

/// Where and when a delivery goes.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// Where it is sent.
    pub(super) url: Url,
    /// What a scheme that signs the URL signs: the public one.
    pub(super) signed_url: String,
    /// The time that it carries.
    pub(super) at: Timestamp,
}

/// A delivery before it is signed.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) signed_url: String,
    pub(super) at: Timestamp,
    /// What tells it from others; the same in every run, so that it leaves one trace at the most.
    pub(super) id: String,
    pub(super) content_type: &'static str,
    /// What goes with it beside the signature: kinds of events, ids.
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Vec<u8>,
}

/// What carries a signature.
#[derive(Debug, Clone, Default)]
pub(super) struct Attached {
    /// Headers with the signature in them.
    pub(super) signatures: Vec<(HeaderName, String)>,
    /// Headers of the scheme that hold none: times and ids.
    pub(super) headers: Vec<(HeaderName, String)>,
    /// The body, where the signature stands in it.
    pub(super) body: Option<Vec<u8>>,
}

pub(super) const JSON: &str = "application/json";
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

impl Delivery {
    /// A POST of this text.
    pub(super) fn post(site: &Site, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::POST,
            url: site.url.clone(),
            signed_url: site.signed_url.clone(),
            at: site.at,
            id: "musterd_probe".to_owned(),
            content_type,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A POST of this JSON.
    pub(super) fn json(site: &Site, body: impl Into<Vec<u8>>) -> Self {
        Self::post(site, JSON, body)
    }

    /// With a header beside the signature.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((HeaderName::from_static(name), value.into()));
        self
    }

    /// With an id of its own.
    pub(super) fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// Its time as a number of seconds.
    pub(super) fn seconds(&self) -> String {
        self.at.as_second().to_string()
    }

    /// Its time as a number of milliseconds.
    pub(super) fn milliseconds(&self) -> String {
        self.at.as_millisecond().to_string()
    }
}

impl Attached {
    /// One header with the signature.
    pub(super) fn header(name: &'static str, value: impl Into<String>) -> Self {
        Self { signatures: vec![(HeaderName::from_static(name), value.into())], ..Self::default() }
    }

    /// With a header that holds no signature.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((HeaderName::from_static(name), value.into()));
        self
    }
}
