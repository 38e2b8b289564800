//! The settings, and what becomes of them.

use http::{HeaderName, Method};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Cors;
use super::fetch::{self, Asked};
use super::origin::WebOrigin;
use crate::contract::SettingsError;

/// At most so many origins are declared: each is asked for, and the ways around it.
const MOST_ORIGINS: usize = 50;

/// At most so many methods and headers are declared.
const MOST_NAMES: usize = 50;

/// Which endpoint, and which pages may read it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Path and query of the endpoint. With a leading `/` it replaces the path of the service's
    /// URL, without one it is appended; by default the URL is requested as it is.
    pub(super) path: String,
    /// The method of the requests: `GET` (the default) or `HEAD`, or another one of a request
    /// that does nothing when it comes without a body.
    pub(super) method: Option<String>,
    /// The methods that pages at the allowed origins use: a preflight must allow each of them.
    pub(super) methods: Vec<String>,
    /// The names of the headers that these pages set, such as `content-type` and `authorization`:
    /// a preflight must allow them.
    pub(super) headers: Vec<String>,
    /// The origins whose pages may read answers, as browsers send them, such as
    /// `https://app.example.com`; `https://*.example.com` stands for all hosts below a name. At
    /// most 50.
    pub(super) allowed_origins: Vec<String>,
    /// Whether these pages send cookies or HTTP authentication along.
    pub(super) credentials: bool,
    /// Whether anybody may read answers without credentials: `*` is then as it should be.
    pub(super) public: bool,
    /// `canary` sends 4 to 6 requests, of more than two allowed origins for some in turn; `full`
    /// tries, once a day, all of them and the origins that a careless pattern lets through, with
    /// at most 64 requests, and goes on the next day where they were too few.
    pub(super) depth: Depth,
}

/// How far a check looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Depth {
    /// Allowed origins, foreign ones and a preflight.
    #[default]
    Canary,
    /// Besides, the ways around each allowed origin, once a day.
    Full,
}

impl Cors {
    pub(super) fn of(settings: Settings) -> Result<Self, SettingsError> {
        let method = method("method", settings.method.as_deref().unwrap_or("GET"))?;
        if matches!(method, Method::OPTIONS | Method::TRACE | Method::CONNECT) {
            let message = format!("pages do not send {method}: write GET, HEAD, POST or the like");
            return Err(SettingsError::at("method", message));
        }
        bounded("methods", settings.methods.len(), MOST_NAMES)?;
        bounded("headers", settings.headers.len(), MOST_NAMES)?;
        bounded("allowed_origins", settings.allowed_origins.len(), MOST_ORIGINS)?;
        let allowed = origins(&settings.allowed_origins)?;
        if settings.credentials && allowed.is_empty() {
            let message = "name the origins whose pages send credentials in `allowed_origins`: browsers accept no wildcard with them";
            return Err(SettingsError::at("credentials", message));
        }
        if settings.credentials && settings.public {
            let message = "what pages read with credentials is not public: take out `public` or `credentials`";
            return Err(SettingsError::at("public", message));
        }
        let mut methods: Vec<String> = Vec::new();
        for written in &settings.methods {
            let method = self::method("methods", written)?.to_string();
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        if methods.is_empty() {
            methods.push(method.to_string());
        }
        let headers = header_names(&settings.headers)?;
        let mut cors = Self {
            path: settings.path,
            method,
            preflights: Vec::new(),
            headers,
            allowed,
            credentials: settings.credentials,
            public: settings.public,
            depth: settings.depth,
        };
        methods.retain(|method| {
            let asked = cors.asked(method);
            fetch::needs_preflight(&asked.method, &asked.headers)
        });
        cors.preflights = methods;
        Ok(cors)
    }

    /// What a preflight asks for before a request of one of the declared methods.
    pub(super) fn asked(&self, method: &str) -> Asked {
        // A request without a body has no content type.
        let has_body = !matches!(method, "GET" | "HEAD");
        let sent = |name: &&String| has_body || *name != "content-type";
        let headers = self.headers.iter().filter(sent).cloned().collect();
        Asked { method: method.to_owned(), headers }
    }
}

fn bounded(key: &'static str, count: usize, most: usize) -> Result<(), SettingsError> {
    if count <= most {
        return Ok(());
    }
    Err(SettingsError::at(key, format!("there are {count}, and at most {most} are checked")))
}

fn origins(written: &[String]) -> Result<Vec<WebOrigin>, SettingsError> {
    let mut allowed: Vec<WebOrigin> = Vec::new();
    for text in written {
        let origin =
            WebOrigin::parse(text).map_err(|why| SettingsError::at("allowed_origins", why))?;
        if allowed.contains(&origin) {
            return Err(SettingsError::at("allowed_origins", format!("`{text}` stands twice")));
        }
        allowed.push(origin);
    }
    Ok(allowed)
}

/// A method as `fetch()` sends it: it writes the common ones in capitals, and `PATCH` as it is
/// written.
fn method(key: &'static str, text: &str) -> Result<Method, SettingsError> {
    let wrong = |message: String| SettingsError::at(key, message);
    let method: Method = text
        .parse()
        .map_err(|_| wrong(format!("`{text}` is no method: write GET, PUT or the like")))?;
    let capitals = text.to_ascii_uppercase();
    if capitals != text {
        return Err(wrong(format!("methods are written in capitals: `{capitals}`")));
    }
    if matches!(method, Method::TRACE | Method::CONNECT) {
        return Err(wrong(format!("browsers let no page send {method}")));
    }
    Ok(method)
}

/// Names of headers that browsers set themselves, and let no page set.
const FORBIDDEN: [&str; 10] = [
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "date",
    "host",
    "origin",
    "referer",
    "te",
    "transfer-encoding",
];

fn header_names(written: &[String]) -> Result<Vec<String>, SettingsError> {
    let wrong = |message: String| SettingsError::at("headers", message);
    let mut names: Vec<String> = Vec::new();
    for text in written {
        let name: HeaderName =
            text.parse().map_err(|_| wrong(format!("`{text}` is no name of a header")))?;
        let name = name.as_str();
        if FORBIDDEN.contains(&name) || name.starts_with("sec-") || name.starts_with("proxy-") {
            return Err(wrong(format!("browsers set `{name}` themselves: a page cannot")));
        }
        if fetch::needs_permission(name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
