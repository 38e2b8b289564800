//! Does an HTTP endpoint answer as expected, and quickly enough?

mod expect;
mod rules;

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::blind::Blind;
use crate::context::Context;
use crate::contract::{Kind, SettingsError};
use crate::duration::Dur;
use crate::impact::Impact;
use crate::measurement::{Family, Measurement};
use crate::net::measure;
use crate::net::redirect::{self, Followed, Redirects};
use crate::net::request::{BODY_CAP, Request};
use crate::net::target::{Auth, HeaderText, carries_credentials};
use crate::rule::Rule;
use expect::{Expect, Expectations};

/// The request, and what its answer must be like.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Path and query. With a leading `/` it replaces the path of the service's URL, without one
    /// it is appended; by default the URL is requested as it is.
    path: String,
    /// The method; `GET` by default, `POST` where there is a body.
    method: Option<String>,
    /// Headers beside the service's own.
    headers: IndexMap<String, HeaderText>,
    /// The body, as it is sent.
    body: Option<String>,
    /// The body, as JSON.
    json: Option<serde_json::Value>,
    /// The body, as a form.
    form: Option<IndexMap<String, String>>,
    /// Credentials instead of the service's.
    auth: Option<Auth>,
    /// Which redirects are followed: `follow` (at most 10, the default), `same_host` or `none`.
    /// None where `expect.status` accepts nothing but redirects.
    redirects: Redirects,
    /// What the last answer must be like.
    expect: Expect,
    /// How long the whole exchange may take, redirects included.
    slow: Slow,
}

/// How slow is too slow.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Slow {
    /// From here on it is a warning.
    pub warn: Option<Dur>,
    /// From here on it is a failure.
    pub fail: Option<Dur>,
}

impl Slow {
    /// The severity of something that took so long, and the bound that it went over.
    pub(crate) fn grade(&self, took: Duration) -> Option<(crate::severity::Severity, Dur)> {
        use crate::severity::Severity::{High, Medium};
        let over = |bound: Option<Dur>| bound.filter(|bound| took >= bound.0);
        over(self.fail)
            .map(|bound| (High, bound))
            .or_else(|| over(self.warn).map(|bound| (Medium, bound)))
    }

    /// Bounds that contradict each other are a slip.
    pub(crate) fn checked(self) -> Result<Self, SettingsError> {
        match (self.warn, self.fail) {
            (Some(warn), Some(fail)) if warn >= fail => Err(SettingsError::at(
                "slow.warn",
                format!("{warn} is not below `fail`, which is {fail}: it would never be seen"),
            )),
            _ => Ok(self),
        }
    }
}

/// A configured `http` probe.
pub struct Http {
    path: String,
    method: Method,
    headers: Vec<(HeaderName, HeaderText)>,
    body: Bytes,
    content_type: Option<HeaderValue>,
    auth: Option<Auth>,
    redirects: Redirects,
    expect: Expectations,
    slow: Slow,
}

/// Of a body that no expectation looks at, evidence keeps so many bytes.
const EXCERPT: usize = 1024;

impl Kind for Http {
    const NAME: &'static str = "http";
    const SUMMARY: &'static str = "an HTTP endpoint answers as expected, and quickly enough";
    const RULES: &'static [Rule<Self>] = rules::ALL;
    const FAMILIES: &'static [Family] = measure::EXCHANGE;
    const INTERVAL: Duration = Duration::from_secs(30);
    type Settings = Settings;
    type Evidence = Followed;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        let (body, content_type) = body(&settings)?;
        let default = if body.is_empty() { Method::GET } else { Method::POST };
        let method = match settings.method {
            None => default,
            Some(text) => text
                .to_ascii_uppercase()
                .parse()
                .map_err(|_| SettingsError::at("method", format!("`{text}` is no HTTP method")))?,
        };
        let headers = headers(settings.headers)?;
        let expect = Expectations::new(settings.expect, settings.redirects)?;
        // Whoever accepts nothing but redirects means the redirect itself.
        let redirects =
            if expect.status.is_within(300..=399) { Redirects::None } else { settings.redirects };
        Ok(Self {
            path: path("path", settings.path)?,
            method,
            headers,
            body,
            content_type,
            auth: settings.auth,
            redirects,
            expect,
            slow: settings.slow.checked()?,
        })
    }

    fn impact(&self) -> Impact {
        // RFC 9110 section 9.2.1: what is safe is what any visitor does.
        if self.method.is_safe() { Impact::Passive } else { Impact::Active }
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        let hops = if self.redirects == Redirects::None { 1 } else { redirect::MOST + 1 };
        timeout * u32::try_from(hops).unwrap_or(u32::MAX)
    }

    async fn observe(&self, cx: &Context) -> Result<Followed, Blind> {
        let mut request = Request::new(self.method.clone(), cx.url(&self.path))
            .impact(self.impact())
            .body_cap(self.expect.max_bytes.unwrap_or(BODY_CAP));
        request.body = self.body.clone();
        request.auth.clone_from(&self.auth);
        if let Some(value) = &self.content_type {
            request.headers.push((CONTENT_TYPE, value.clone()));
        }
        for (name, text) in &self.headers {
            match text {
                HeaderText::Plain(value) => request.headers.push((name.clone(), value.clone())),
                HeaderText::Secret(reference) => {
                    request.secrets.push((name.clone(), cx.secret(reference).await?));
                }
            }
        }
        let mut followed = cx.follow(&request, self.redirects).await?;
        let last = followed.hops.len() - 1;
        for (index, hop) in followed.hops.iter_mut().enumerate() {
            if let Some(answer) = &mut hop.answer
                && !(index == last && self.expect.reads_body())
            {
                answer.body.keep(EXCERPT);
            }
        }
        Ok(followed)
    }

    fn measure(&self, seen: &Followed) -> Vec<Measurement> {
        measure::exchanges(&seen.hops)
    }
}

fn body(settings: &Settings) -> Result<(Bytes, Option<HeaderValue>), SettingsError> {
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    match (&settings.body, &settings.json, &settings.form) {
        (None, None, None) => Ok((Bytes::new(), None)),
        (Some(text), None, None) => Ok((text.clone().into(), None)),
        (None, Some(value), None) => {
            Ok((value.to_string().into(), Some(HeaderValue::from_static(json))))
        }
        (None, None, Some(fields)) => {
            let mut text = url::form_urlencoded::Serializer::new(String::new());
            text.extend_pairs(fields);
            Ok((text.finish().into(), Some(HeaderValue::from_static(form))))
        }
        (body, ..) => {
            let key = if body.is_some() { "body" } else { "json" };
            Err(SettingsError::at(key, "a request has one of `body`, `json` and `form`"))
        }
    }
}

/// A path of the service. A URL would be appended to the service's own, and nobody means that.
pub(crate) fn path(key: &'static str, written: String) -> Result<String, SettingsError> {
    let begins = |scheme: &str| {
        written.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if begins("http://") || begins("https://") {
        let why = "it is a path of the service, such as /health; another host is a service of its \
            own, with its `url`";
        return Err(SettingsError::at(key, why));
    }
    Ok(written)
}

/// Headers by name. A credential is never written out.
pub(crate) fn headers(
    written: IndexMap<String, HeaderText>,
) -> Result<Vec<(HeaderName, HeaderText)>, SettingsError> {
    written
        .into_iter()
        .map(|(name, text)| {
            let name: HeaderName = name.parse().map_err(|_| {
                SettingsError::at("headers", format!("`{name}` is no name of a header"))
            })?;
            if carries_credentials(&name) && matches!(text, HeaderText::Plain(_)) {
                return Err(SettingsError::at(
                    "headers",
                    format!("`{name}` carries a credential: write {{env: NAME}} or {{file: PATH}}"),
                ));
            }
            Ok((name, text))
        })
        .collect()
}

#[cfg(test)]
mod tests;
