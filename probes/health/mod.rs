//! Does a service say that it is healthy, and does the rest of what it says agree?
//!
//! The body of a health endpoint is judged, not trusted: what it claims is held against the HTTP
//! status, against its own components and against the clock.

mod age;
mod grpc;
mod leak;
mod look;
mod object;
mod reading;
mod rules;
mod shapes;
mod vocabulary;

pub(crate) use age::http_date;

use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderValue, Method};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::blind::Blind;
use crate::context::Context;
use crate::contract::{Kind, SettingsError};
use crate::duration::Dur;
use crate::http::{Slow, path};
use crate::measurement::{Family, Measurement};
use crate::net::body::BodyEnd;
use crate::net::exchange::Answer;
use crate::net::measure;
use crate::net::redirect::{self, Followed, Redirects};
use crate::net::request::Request;
use crate::one_or_many::OneOrMany;
use crate::rule::Rule;
use crate::status::{StatusSet, Statuses};
use look::{Evidence, Look, Sibling};
use reading::MAX_BODY;
use vocabulary::Level;

/// The health endpoint, and what it must tell of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The path of the health endpoint.
    path: String,
    /// A service's name: instead of a path, gRPC's health service (`grpc.health.v1`) is asked
    /// whether it serves. An empty name stands for the whole server.
    #[serde(deserialize_with = "named")]
    grpc: Option<String>,
    /// What the endpoint decides at its orchestrator.
    kind: Role,
    /// The path of the liveness endpoint, to see that it does not fail with a dependency.
    live: Option<String>,
    /// Status codes that mean healthy: `200`, `2xx`, `200-299` or a list; by default `2xx`.
    status: Option<OneOrMany<Statuses>>,
    /// Components that the body must tell of.
    components: Vec<String>,
    /// Components that may be down, or absent, without the service being down.
    optional: Vec<String>,
    /// How old the body's timestamp may be.
    max_age: Dur,
    /// How long the service may take to answer, without name lookup, connection and handshake.
    slow: Slow,
}

/// What an endpoint decides at its orchestrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whether traffic is sent.
    #[default]
    Readiness,
    /// Whether the process is restarted.
    Liveness,
    /// Whether the process has come up.
    Startup,
}

/// A key without a value names the whole server, and does not take the key away.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer).map(|name| Some(name.unwrap_or_default()))
}

impl Settings {
    /// gRPC's health service answers for one service with one word, always under status 200.
    fn check_grpc(&self) -> Result<(), SettingsError> {
        let default = Self::default();
        let no_parts = "over gRPC a service tells of no components; leave them out, or ask each \
            by its name in a check of its own";
        for (key, unused, why) in [
            (
                "path",
                self.path == default.path,
                "with `grpc` the path is always /grpc.health.v1.Health/Check; leave out one of \
                 the two",
            ),
            (
                "live",
                self.live.is_none(),
                "over gRPC there is no second path to compare; leave it out, or write a check of \
                 its own",
            ),
            (
                "status",
                self.status.is_none(),
                "gRPC always answers 200, and says how it is by other means; leave it out",
            ),
            ("components", self.components.is_empty(), no_parts),
            ("optional", self.optional.is_empty(), no_parts),
            (
                "max_age",
                self.max_age == default.max_age,
                "over gRPC an answer has no timestamp; leave it out",
            ),
        ] {
            if !unused {
                return Err(SettingsError::at(key, why));
            }
        }
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: "/health".to_owned(),
            grpc: None,
            kind: Role::default(),
            live: None,
            status: None,
            components: Vec::new(),
            optional: Vec::new(),
            max_age: Dur::from_secs(300),
            slow: Slow { warn: Some(Dur::from_millis(500)), fail: None },
        }
    }
}

/// A configured `health` probe.
pub struct Health {
    path: String,
    /// The service to ask for over gRPC.
    grpc: Option<String>,
    role: Role,
    live: Option<String>,
    accepted: StatusSet,
    redirects: Redirects,
    /// Declared components as they were written and as bodies are read.
    components: Vec<(String, String)>,
    optional: Vec<String>,
    max_age: Duration,
    slow: Slow,
}

/// Of the body of a redirect, evidence keeps so many bytes.
const EXCERPT: usize = 1024;

/// No endpoint beside the health endpoint has this name. A service that answers it like its
/// health endpoint answers everything so.
const SIBLING: &str = "musterd-absent";

/// An absent path that is not found is asked for at most so often.
const SIBLING_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Kind for Health {
    const NAME: &'static str = "health";
    const SUMMARY: &'static str = "a health endpoint reports that the service is well, credibly";
    const RULES: &'static [Rule<Self>] = rules::ALL;
    const FAMILIES: &'static [Family] = FAMILIES;
    const INTERVAL: Duration = Duration::from_secs(30);
    type Settings = Settings;
    type Evidence = Evidence;

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        let normal = |names: Vec<String>, key| {
            names
                .into_iter()
                .map(|name| match name.trim() {
                    "" => Err(SettingsError::at(key, "a component has a name")),
                    written => Ok((written.to_owned(), shapes::component_name(written))),
                })
                .collect::<Result<Vec<_>, _>>()
        };
        if settings.grpc.is_some() {
            settings.check_grpc()?;
        }
        if settings.live.as_ref() == Some(&settings.path) {
            return Err(SettingsError::at(
                "live",
                "it is the same as `path`: there is nothing to compare",
            ));
        }
        if settings.live.is_some() && settings.kind == Role::Liveness {
            return Err(SettingsError::at(
                "live",
                "`path` is the liveness endpoint already; set `kind: readiness` to compare two",
            ));
        }
        if settings.max_age.0.is_zero() {
            return Err(SettingsError::at("max_age", "every answer is older than nothing"));
        }
        let (at, accepted) = if settings.grpc.is_some() {
            (grpc::CHECK.to_owned(), StatusSet::only(200))
        } else {
            (path("path", settings.path)?, StatusSet::or(settings.status, StatusSet::classes(&[2])))
        };
        // Whoever accepts a redirect means the redirect itself.
        let redirects = if [301, 302, 303, 307, 308].iter().any(|status| accepted.contains(*status))
        {
            Redirects::None
        } else {
            Redirects::SameHost
        };
        Ok(Self {
            path: at,
            grpc: settings.grpc,
            role: settings.kind,
            live: settings.live.map(|live| path("live", live)).transpose()?,
            accepted,
            redirects,
            components: normal(settings.components, "components")?,
            optional: normal(settings.optional, "optional")?
                .into_iter()
                .map(|(_, normal)| normal)
                .collect(),
            max_age: settings.max_age.0,
            slow: settings.slow.checked()?,
        })
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        if self.grpc.is_some() {
            return timeout;
        }
        let paths = 2 + u32::from(self.live.is_some());
        timeout * (paths * u32::try_from(redirect::MOST + 1).unwrap_or(u32::MAX))
    }

    async fn observe(&self, cx: &Context) -> Result<Evidence, Blind> {
        if let Some(service) = &self.grpc {
            let request = grpc::request(cx.url(grpc::CHECK), service, cx.timeout());
            // No client of gRPC's follows a redirect.
            let followed = cx.follow(&request, Redirects::None).await?;
            let main = Look::new(self.path.clone(), self.grpc.clone(), followed, cx.started());
            return Ok(Evidence { main, live: None, sibling: None });
        }
        let main = self.look(cx, &self.path).await?;
        let live = match &self.live {
            Some(path) => Some(self.look(cx, path).await?),
            None => None,
        };
        let sibling =
            if self.wants_sibling(cx, &main) { self.sibling(cx, &main).await? } else { None };
        Ok(Evidence { main, live, sibling })
    }

    fn measure(&self, seen: &Evidence) -> Vec<Measurement> {
        measure(seen)
    }
}

impl Health {
    async fn look(&self, cx: &Context, path: &str) -> Result<Look, Blind> {
        let mut followed = self.ask(cx, cx.url(path)).await?;
        let redirects = followed.redirects();
        for hop in followed.hops.iter_mut().take(redirects) {
            if let Some(answer) = &mut hop.answer {
                answer.body.keep(EXCERPT);
            }
        }
        Ok(Look::new(path.to_owned(), None, followed, cx.started()))
    }

    async fn ask(&self, cx: &Context, url: Url) -> Result<Followed, Blind> {
        let request = Request::new(Method::GET, url).body_cap(MAX_BODY).header(
            ACCEPT,
            HeaderValue::from_static("application/health+json, application/json, */*;q=0.8"),
        );
        cx.follow(&request, self.redirects).await
    }

    /// Only an answer that anything could have given needs to be held against an absent path.
    ///
    /// An absent path that was answered as if it were there is asked for in every run: a finding
    /// takes several runs in a row to be confirmed, and closes as soon as it is mended.
    fn wants_sibling(&self, cx: &Context, main: &Look) -> bool {
        let plain = |answer: &Answer| {
            self.accepted.contains(answer.status)
                && !is_broken(answer)
                && !main.reading().is_structured()
        };
        if !main.answer().is_some_and(plain) {
            return false;
        }
        let url = self.sibling_url(cx);
        let since = cx.started() - SIBLING_EVERY;
        let sightings = cx.sightings();
        let latest = sightings.iter().rev().find(|sighting| sighting.path == url.path());
        latest.is_none_or(|seen| {
            let there = self.accepted.contains(seen.status) || (300..400).contains(&seen.status);
            there || seen.at <= since
        })
    }

    async fn sibling(&self, cx: &Context, main: &Look) -> Result<Option<Sibling>, Blind> {
        let followed = self.ask(cx, self.sibling_url(cx)).await?;
        let whole = followed.last().answer.as_ref().filter(|answer| !is_broken(answer));
        Ok(whole.map(|answer| Sibling::of(answer, main)))
    }

    /// Beside the health endpoint, where the same routes apply.
    fn sibling_url(&self, cx: &Context) -> Url {
        let mut url = cx.url(&self.path);
        url.set_query(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().pop().push(SIBLING);
        }
        url
    }
}

/// Whether what was read of a body cannot be compared.
fn is_broken(answer: &Answer) -> bool {
    matches!(answer.body.end, BodyEnd::Broken(_))
}

const STATUS: Family = Family {
    name: "musterd_health_status",
    help: "What the body claims: 2 up, 1 degraded, 0 down, -1 unknown.",
    labels: &[],
};
const COMPONENT_STATUS: Family = Family {
    name: "musterd_health_component_status",
    help: "What the body says of a component: 2 up, 1 degraded, 0 down, -1 unknown.",
    labels: &["component"],
};
const COMPONENT_LATENCY: Family = Family {
    name: "musterd_health_component_latency_seconds",
    help: "How long a component took, as the body says.",
    labels: &["component"],
};
const BODY_AGE: Family = Family {
    name: "musterd_health_body_age_seconds",
    help: "How old the body is at least, by its own timestamp or by Age.",
    labels: &[],
};

const FAMILIES: &[Family] = &{
    let exchange = measure::EXCHANGE;
    let mut all = [STATUS; measure::EXCHANGE.len() + 4];
    let mut index = 0;
    while index < exchange.len() {
        all[index] = exchange[index];
        index += 1;
    }
    all[index] = STATUS;
    all[index + 1] = COMPONENT_STATUS;
    all[index + 2] = COMPONENT_LATENCY;
    all[index + 3] = BODY_AGE;
    all
};

fn measure(seen: &Evidence) -> Vec<Measurement> {
    let number = |level: Option<Level>| match level {
        Some(Level::Up) => 2.0,
        Some(Level::Warn) => 1.0,
        Some(Level::Down) => 0.0,
        Some(Level::Unknown) | None => -1.0,
    };
    let mut found = measure::exchanges(&seen.main.followed.hops);
    if seen.main.answer().is_none() {
        return found;
    }
    let reading = seen.main.reading();
    found.push(Measurement::new(&STATUS, number(reading.level())));
    for (name, component) in &reading.components {
        let label = || vec![name.clone()];
        let status = number(component.level);
        found.push(Measurement::labelled(&COMPONENT_STATUS, label(), status));
        if let Some(seconds) = component.latency_seconds {
            found.push(Measurement::labelled(&COMPONENT_LATENCY, label(), seconds));
        }
    }
    if let Some(seconds) = seen.main.age() {
        found.push(Measurement::new(&BODY_AGE, seconds));
    }
    found
}

#[cfg(test)]
mod tests;
