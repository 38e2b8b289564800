//! A service as probes reach it.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::net::resolve::Resolver;
use crate::net::sighting::Sightings;
use crate::net::trust::Trust;
use crate::secret::SecretRef;

/// A service as probes reach it: its base URL, and everything about the way there.
#[derive(Debug)]
pub struct Target {
    /// The service's name, for identity.
    pub service: String,
    /// The base URL.
    pub url: Url,
    /// The plain-HTTP twin.
    pub http_url: Option<Url>,
    /// Whom to trust beside the roots, and what to show.
    pub trust: Trust,
    /// Credentials may go over connections that do not verify.
    pub insecure: bool,
    /// The name to ask for and to verify, instead of the URL's host.
    pub server_name: Option<String>,
    /// Connect here, whatever the name says.
    pub connect_to: Option<SocketAddr>,
    /// An HTTP proxy.
    pub proxy: Option<Url>,
    /// A name server of the service's own.
    pub resolver: Option<Resolver>,
    /// Credentials for every request.
    pub auth: Option<Auth>,
    /// Headers for every request.
    pub headers: Vec<(HeaderName, HeaderText)>,
    /// Addresses that the egress guard lets through.
    pub allow_addresses: Vec<IpNet>,
    /// What its exchanges showed.
    pub sightings: Sightings,
}

impl Target {
    /// A service at a URL, with everything else as it is by default.
    pub fn new(service: impl Into<String>, url: Url) -> Self {
        Self {
            service: service.into(),
            url,
            http_url: None,
            trust: Trust::default(),
            insecure: false,
            server_name: None,
            connect_to: None,
            proxy: None,
            resolver: None,
            auth: None,
            headers: Vec::new(),
            allow_addresses: Vec::new(),
            sightings: Sightings::default(),
        }
    }
}

impl Target {
    /// The service's URL with this path (and query) instead of its own. A path that starts with
    /// `/` replaces the base URL's; any other is appended to it.
    pub fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        if path.starts_with('/') {
            url.set_path(path);
        } else if !path.is_empty() {
            let base = url.path().trim_end_matches('/').to_owned();
            url.set_path(&format!("{base}/{path}"));
        }
        if query.is_some() || !path.is_empty() {
            url.set_query(query);
        }
        url
    }

    /// Remembers what was seen of the same target in another configuration.
    pub fn follow(&self, before: &Self) {
        if self.url == before.url && self.connect_to == before.connect_to {
            self.sightings.follow(&before.sightings);
        }
    }
}

/// A service without TLS, where it stands at the usual ports.
pub fn plain_twin(url: &Url) -> Option<Url> {
    let usual = url.scheme() == "https" && url.port_or_known_default() == Some(443);
    let mut twin = usual.then(|| url.clone())?;
    twin.set_port(None).ok()?;
    twin.set_scheme("http").ok()?;
    Some(twin)
}

/// Credentials, never in the configuration itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// `Authorization: Bearer` (RFC 6750).
    Bearer(SecretRef),
    /// `Authorization: Basic` (RFC 7617).
    Basic(Basic),
}

/// A user's name and password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: SecretRef,
}

/// A PEM file of certificate authorities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaFile {
    /// The file.
    pub file: PathBuf,
}

/// A header's value: written out, or a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderText {
    /// As it is sent.
    Plain(HeaderValue),
    /// Read at each run.
    Secret(SecretRef),
}

mod header_text {
    use std::borrow::Cow;

    use http::HeaderValue;
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde::de::value::MapAccessDeserializer;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::HeaderText;
    use crate::secret::SecretRef;

    impl<'de> Deserialize<'de> for HeaderText {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> de::Visitor<'de> for Visitor {
                type Value = HeaderText;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a header's value as text, or {env: NAME} or {file: PATH}")
                }
                fn visit_str<E: de::Error>(self, text: &str) -> Result<HeaderText, E> {
                    HeaderValue::from_str(text).map(HeaderText::Plain).map_err(|_| {
                        E::custom("a header's value holds visible ASCII characters only")
                    })
                }
                fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<HeaderText, A::Error> {
                    SecretRef::deserialize(MapAccessDeserializer::new(map)).map(HeaderText::Secret)
                }
            }
            deserializer.deserialize_any(Visitor)
        }
    }

    impl Serialize for HeaderText {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self {
                Self::Plain(value) => {
                    serializer.serialize_str(&String::from_utf8_lossy(value.as_bytes()))
                }
                Self::Secret(reference) => reference.serialize(serializer),
            }
        }
    }

    impl JsonSchema for HeaderText {
        fn schema_name() -> Cow<'static, str> {
            "HeaderText".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let secret = generator.subschema_for::<SecretRef>();
            json_schema!({
                "description": "A header's value: text, or where a secret stands.",
                "anyOf": [{"type": "string"}, secret],
            })
        }
    }
}

/// Names of headers that carry credentials: their values are never written out.
pub fn carries_credentials(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "authorization" | "proxy-authorization" | "cookie")
        || ["token", "secret", "api-key", "apikey", "password"].iter().any(|w| name.contains(w))
}
