//! What the user writes, and what becomes of it when it makes sense.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::RateLimit;
use super::evidence::Mode;
use super::plan::whole;
use crate::contract::SettingsError;
use crate::duration::Dur;
use crate::net::target::HeaderText;

/// The limit, as it is meant to be, and how closely to look.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A request that the limit counts and that changes nothing: one that the service refuses, such
    /// as a sign-in of a `.invalid` user or an empty body.
    request: RequestSettings,
    /// How many requests a window is meant to admit, from 1 to 1000000.
    #[schemars(range(min = 1, max = 1_000_000))]
    limit: Option<u32>,
    /// The window that it is meant to have, from one second to 31 days.
    window: Option<Dur>,
    /// What the limit is counted by.
    key: Key,
    /// How closely to look: `headers` reads what is declared, `differential` watches how it counts
    /// without reaching the limit, `exhaust` goes beyond it once a day (needs `allow: intrusive`).
    mode: Mode,
    /// In mode `exhaust`, the most requests of one run, from 5 to 1000.
    #[schemars(range(min = 5, max = 1000))]
    max_requests: u32,
}

/// The request that the limit counts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RequestSettings {
    /// The method; `GET` by default, `POST` where there is a body.
    method: Option<String>,
    /// Path and query. With a leading `/` it replaces the path of the service's URL, without one
    /// it is appended; by default the URL is requested as it is.
    path: String,
    /// Headers beside the service's own.
    headers: IndexMap<String, HeaderText>,
    /// The body, as JSON.
    json: Option<serde_json::Value>,
}

/// What a limit is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Key {
    /// By the address of the client.
    #[default]
    Ip,
    /// By who is signed in.
    User,
    /// By a header, such as a key of the API.
    Header,
}

impl Key {
    /// As findings name it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "address",
            Self::User => "user",
            Self::Header => "key",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            request: RequestSettings::default(),
            limit: None,
            window: None,
            key: Key::default(),
            mode: Mode::default(),
            max_requests: 100,
        }
    }
}

/// The request, ready to be sent.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(HeaderName, HeaderText)>,
    pub(super) body: Bytes,
}

/// The longest window that makes sense to look at.
const LONGEST: Duration = Duration::from_hours(31 * 24);

impl Settings {
    pub(super) fn checked(self) -> Result<RateLimit, SettingsError> {
        let limit = self.limit;
        if limit.is_some_and(|limit| !(1..=1_000_000).contains(&limit)) {
            return Err(SettingsError::at("limit", "a limit is from 1 to 1000000 requests"));
        }
        if let Some(Dur(window)) = self.window
            && !(Duration::from_secs(1)..=LONGEST).contains(&window)
        {
            let why = "a window is from 1s to 31days";
            return Err(SettingsError::at("window", why));
        }
        if self.window.is_some() && limit.is_none() {
            let why =
                "a window without `limit` promises nothing: write how many requests it admits";
            return Err(SettingsError::at("window", why));
        }
        if !(5..=1000).contains(&self.max_requests) {
            return Err(SettingsError::at("max_requests", "from 5 to 1000 requests"));
        }
        if let (Mode::Exhaust, Some(limit)) = (self.mode, limit)
            && limit.saturating_add(2) > self.max_requests
        {
            return Err(SettingsError::at(
                "max_requests",
                format!(
                    "to go beyond a limit of {limit}, at least {} requests are needed; raise it (1000 at most), or use `mode: differential`",
                    limit + 2
                ),
            ));
        }
        let request = self.request;
        let default = if request.json.is_some() { Method::POST } else { Method::GET };
        let method = match request.method {
            None => default,
            Some(text) => text.to_ascii_uppercase().parse().map_err(|_| {
                SettingsError::at("request.method", format!("`{text}` is no HTTP method"))
            })?,
        };
        let headers = crate::http::headers(request.headers)
            .map_err(|error| SettingsError { key: Some("request.headers"), ..error })?;
        Ok(RateLimit {
            request: Asked {
                method,
                path: request.path,
                headers,
                body: request.json.map(|json| json.to_string().into()).unwrap_or_default(),
            },
            limit: limit.map(f64::from),
            window: self.window.map(|window| window.0.as_secs_f64()),
            key: self.key,
            mode: self.mode,
            max_requests: self.max_requests,
        })
    }
}

impl RateLimit {
    /// What the limit works on: two checks that say the same exhaust the same.
    pub(super) fn route_name(&self) -> String {
        let path = self.request.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.request.method)
    }

    /// Whether a request that is accepted may change something (RFC 9110 section 9.2.1).
    pub(super) fn is_unsafe(&self) -> bool {
        !self.request.method.is_safe()
    }

    /// Whether whoever gets round this limit gets to guess credentials.
    pub(super) fn guards_credentials(&self) -> bool {
        const WORDS: [&str; 13] = [
            "login", "signin", "sign-in", "log-in", "auth", "password", "token", "otp", "mfa",
            "2fa", "register", "signup", "session",
        ];
        let path = self.request.path.to_ascii_lowercase();
        // Whoever writes books signs nobody in.
        let whole = |part: &&str| !["author", "authors"].contains(part);
        self.is_unsafe()
            && path
                .split('/')
                .filter(whole)
                .any(|part| WORDS.iter().any(|word| part.contains(word)))
    }

    /// Half of a limit: what a differential run uses of one window.
    pub(super) fn half(limit: f64) -> usize {
        whole(limit / 2.0)
    }
}
