//! A check as it was written becomes one that can run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use musterd_probes::KINDS;
use musterd_probes::contract::Probe;
use musterd_probes::impact::Impact;
use musterd_probes::registry::{self, BuildError, Registration};
use musterd_probes::severity::Severity;
use serde_json::Value;

use super::{canonical, place};
use crate::config::raw::{self, check::KEYS};
use crate::config::schema;
use crate::config::types::{Check, Severities, Terms};
use crate::config::yaml::{
    Document, Kind, NodeId, Problems, Refusal, build, collect, nearest, shorten, suggestion,
};
use crate::hash::stable_hash;

/// How long one exchange may take when nothing is said.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How soon a bad run is repeated when nothing is said.
const RETRY: Duration = Duration::from_secs(30);

/// A check that no service has taken over yet.
pub(super) struct Draft<'d> {
    document: &'d Document,
    /// The key that names the probe.
    at: NodeId,
    /// `None` when it is wrong.
    pub(super) name: Option<String>,
    pub(super) kind: &'static Registration,
    /// `None` when the settings are wrong.
    made: Option<Made>,
    keys: raw::check::Check,
}

struct Made {
    probe: Arc<dyn Probe>,
    settings: Arc<Value>,
    /// The settings, in whatever order they are written.
    canonical: Arc<str>,
    secrets: Vec<NodeId>,
}

/// Probes by kind, directory and settings: those of different services are often the same, and
/// making one may mean to compile regular expressions.
#[derive(Default)]
pub(super) struct Probes(HashMap<(&'static str, Option<PathBuf>, String), Shared>);

/// A probe and the settings that it was made of, as they are written and in an order of their own.
type Shared = (Arc<dyn Probe>, Arc<Value>, Arc<str>);

/// What a service and the whole configuration say of a check.
pub(super) struct Frame<'f> {
    pub(super) service: &'f str,
    /// What the check may do when it says nothing itself.
    pub(super) allow: Impact,
    /// What it may do at the most.
    pub(super) ceiling: Impact,
    pub(super) severity: &'f IndexMap<String, Severity>,
    pub(super) defaults: &'f raw::Defaults,
    /// What says how the target is reached, as it is written.
    pub(super) way: &'f str,
    /// Credentials are never sent: there is no TLS, and nobody said that this is meant.
    pub(super) in_the_clear: bool,
}

impl<'d> Draft<'d> {
    /// Reads an item of `checks`.
    pub(super) fn read(
        document: &'d Document,
        item: NodeId,
        probes: &mut Probes,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Kind::Map(entries) = document.kind(item) else {
            let text = document.text(item);
            let hint = match registry::find(KINDS, text) {
                Some(kind) => format!("write `{}:`, and its settings below", kind.name),
                None => format!("write one key that names a probe: {}", known_probes()),
            };
            let message = format!("a check is a mapping, and this is {}", document.describe(item));
            problems.push(document.error(item, message).with_hint(hint));
            return None;
        };
        let keys: raw::check::Check = collect(document, item, problems)?;
        let (mut named, mut unknown) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            let text = document.text(*key);
            match registry::find(KINDS, text) {
                Some(kind) => named.push((*key, *value, kind)),
                None if KEYS.contains(&text) => {}
                None => unknown.push(*key),
            }
        }
        complain(document, item, &named, &unknown, problems);
        let mut made = None;
        for (_, value, kind) in &named {
            made = make(document, *value, kind, probes, problems);
        }
        let (at, _, kind) = *named.first()?;
        let name = match &keys.name {
            Some(name) => Some(name.value.0.clone()),
            // It is there, and wrong.
            None if document.get(item, "name").is_some() => None,
            None => Some(kind.name.to_owned()),
        };
        let mut unrelated =
            keys.severity.0.iter().filter(|(rule, _)| probe(&rule.value.0) != kind.name);
        if let Some((rule, _)) = unrelated.next() {
            let known: Vec<&str> = kind.abouts().iter().map(|about| about.id).collect();
            let message = format!("`{}` is no rule of the probe `{}`", rule.value.0, kind.name);
            let hint = suggestion(&rule.value.0, &known);
            problems.push(document.error(rule.at, message).with_hint(hint));
        }
        let made = made.filter(|_| named.len() == 1);
        Some(Self { document, at, name, kind, made, keys })
    }

    /// Where it stands.
    pub(super) fn site(&self) -> (&'d Document, NodeId) {
        (self.document, self.keys.name.as_ref().map_or(self.at, |name| name.at))
    }

    /// Whether it is to run.
    pub(super) fn is_enabled(&self) -> bool {
        self.keys.enabled.unwrap_or(true)
    }

    /// The check of a service, with the terms that are `known` where they are the same.
    pub(super) fn check(
        &self,
        frame: &Frame<'_>,
        known: &mut Option<Arc<Terms>>,
        problems: &mut Problems,
    ) -> Option<Check> {
        let (Some(name), Some(made), keys) = (&self.name, &self.made, &self.keys) else {
            return None;
        };
        let defaults = frame.defaults;
        let interval = keys.interval.as_ref().map(|interval| interval.value.0);
        let interval = interval
            .or(defaults.interval.as_ref().map(|interval| interval.0))
            .unwrap_or(self.kind.interval);
        let timeout = keys.timeout.as_ref().or(defaults.timeout.as_ref());
        let timeout = timeout.map_or(TIMEOUT.min(interval), |timeout| timeout.value.0);
        let retry_interval = keys
            .retry_interval
            .as_ref()
            .map(|interval| interval.value.0)
            .or(defaults.retry_interval.as_ref().map(|interval| interval.0))
            .unwrap_or(RETRY)
            .min(interval);
        let confirm = keys.confirm.as_ref().or(defaults.confirm.as_ref());
        let allow = keys.allow.as_ref().map_or(frame.allow, |allow| allow.value);
        let allow = allow.min(frame.ceiling);
        self.doubts(frame, interval, timeout, allow, problems);
        let rules = frame.severity.iter().filter(|(rule, _)| probe(rule) == self.kind.name);
        let own = keys.severity.0.iter().map(|(rule, level)| (&rule.value.0, level));
        let mut severity = Severities::default();
        for (rule, level) in rules.chain(own) {
            severity.set(rule.clone(), *level);
        }
        let terms = Terms {
            settings: Arc::clone(&made.settings),
            timeout,
            confirm: confirm.map_or(2, |confirm| confirm.0),
            retry_interval,
            allow,
            severity,
            labels: keys.labels.0.clone(),
        };
        let terms = match known {
            Some(known) if **known == terms => Arc::clone(known),
            _ => Arc::clone(known.insert(Arc::new(terms))),
        };
        Some(Check {
            id: format!("{}/{name}", frame.service).into(),
            kind: self.kind,
            probe: Arc::clone(&made.probe),
            interval,
            terms,
            identity: stable_hash([
                frame.way,
                self.kind.name,
                &made.canonical,
                &format!("{timeout:?} {allow}"),
            ]),
            place: place(self.document, self.at),
        })
    }

    /// What is allowed but hardly meant, and what cannot work on this service.
    fn doubts(
        &self,
        frame: &Frame<'_>,
        interval: Duration,
        timeout: Duration,
        allow: Impact,
        problems: &mut Problems,
    ) {
        let (document, Some(made)) = (self.document, &self.made) else { return };
        let mut warn = |at, message: String, hint: String| {
            problems.push(document.warning(at, message).with_hint(hint));
        };
        if timeout > interval {
            let timeout_at = self.keys.timeout.as_ref().map(|timeout| timeout.at);
            let interval_at = self.keys.interval.as_ref().map(|interval| interval.at);
            let [timeout, interval] = [timeout, interval].map(humantime::format_duration);
            warn(
                timeout_at.or(interval_at).unwrap_or(self.at),
                format!("the timeout of {timeout} is longer than the interval of {interval}"),
                "shorten `timeout`, or lengthen `interval`".to_owned(),
            );
        }
        if let Some(retry) = &self.keys.retry_interval
            && retry.value.0 > interval
        {
            let interval = humantime::format_duration(interval);
            let message = format!("it is longer than the interval of {interval}, which counts");
            warn(retry.at, format!("`retry_interval`: {message}"), "leave it out".to_owned());
        }
        let needed = made.probe.impact();
        let raise = format!("set `allow: {needed}` where the service consents to that");
        if let Some(written) = &self.keys.allow
            && written.value < needed
        {
            let part = if needed == Impact::Intrusive && written.value == Impact::Passive {
                "active and intrusive"
            } else {
                needed.as_str()
            };
            let message =
                format!("with `allow: {}` it will not run its {part} part", written.value);
            warn(written.at, message, raise.clone());
        } else if let Some(secret) = made.secrets.first()
            && allow < needed
        {
            let message = format!("with `allow: {allow}` this secret will not be used");
            warn(*secret, message, raise);
        }
        if frame.in_the_clear
            && let Some(secret) = made.secrets.first()
        {
            problems.push(never_sent(document, *secret, frame.service));
        }
    }
}

/// A credential that would have to go out in the clear.
pub(super) fn never_sent(
    document: &Document,
    at: NodeId,
    service: &str,
) -> crate::config::yaml::Problem {
    let message = format!(
        "this secret would never be sent: the url of `{service}` is http://, and secrets go out \
         over verified TLS only"
    );
    let hint = "use an https:// url, or set `insecure: true` in the service".to_owned();
    document.error(at, message).with_hint(hint)
}

/// The probe that a rule belongs to.
pub(super) fn probe(rule: &str) -> &str {
    rule.split_once('.').map_or(rule, |(probe, _)| probe)
}

fn make(
    document: &Document,
    at: NodeId,
    kind: &'static Registration,
    probes: &mut Probes,
    problems: &mut Problems,
) -> Option<Made> {
    let settings = match document.to_json(at) {
        Value::Null => Value::Object(serde_json::Map::new()),
        settings => settings,
    };
    let key = (kind.name, document.base().map(Path::to_owned), settings.to_string());
    if let Some((probe, settings, canonical)) = probes.0.get(&key) {
        return Some(Made {
            probe: Arc::clone(probe),
            settings: Arc::clone(settings),
            canonical: Arc::clone(canonical),
            secrets: Vec::new(),
        });
    }
    let canonical = canonical(settings.clone()).into();
    let settings = Arc::new(settings);
    let made = build(document, at, problems, |settings| {
        kind.build(settings).map_err(|error| match error {
            BuildError::Shape(error) => Refusal::Shape(error.to_string()),
            BuildError::Settings(error) => Refusal::Setting(error),
        })
    });
    point_outwards(document, at, kind, problems);
    let made = made?;
    // Secrets have places of their own, and so has what is wrong: it is to be said of each.
    if made.secrets.is_empty() && !problems.has_errors() {
        let shared = (Arc::clone(&made.value), Arc::clone(&settings), Arc::clone(&canonical));
        probes.0.insert(key, shared);
    }
    Some(Made { probe: made.value, settings, canonical, secrets: made.secrets })
}

/// Says of keys that are a check's, and stand in its probe's settings, where they belong.
fn point_outwards(
    document: &Document,
    settings: NodeId,
    kind: &Registration,
    problems: &mut Problems,
) {
    for (key, _) in document.entries(settings) {
        let name = document.text(*key);
        if KEYS.contains(&name) && !schema::settings_keys(kind).iter().any(|own| own == name) {
            let hint = format!("it belongs to the check: set it beside `{}`, not in it", kind.name);
            problems.advise(&document.error(*key, ""), &hint);
        }
    }
}

/// Says what is wrong with the keys of a check.
fn complain(
    document: &Document,
    item: NodeId,
    named: &[(NodeId, NodeId, &'static Registration)],
    unknown: &[NodeId],
    problems: &mut Problems,
) {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    if let [(_, _, first), rest @ ..] = named {
        for (key, _, other) in rest {
            let message = format!("`{}` and `{}` in one check", first.name, other.name);
            let hint = format!("give it an item of its own: `- {}:`", other.name);
            problems.push(document.error(*key, message).with_hint(hint));
        }
    } else if unknown.is_empty() {
        let message = "the check names no probe";
        let hint = format!("add the key of one: {}", known_probes());
        problems.push(document.error(item, message).with_hint(hint));
    }
    let mut probe_is_missing = named.is_empty();
    for key in unknown {
        let name = document.text(*key);
        let short = shorten(name);
        let common = nearest(name, KEYS);
        let (message, hint) = if let Some((_, _, kind)) = named.first() {
            let hint = match common {
                Some(meant) => Some(format!("did you mean `{meant}`?")),
                None if schema::settings_keys(kind).iter().any(|key| key == name) => {
                    Some(format!("indent it further: it belongs to `{}`", kind.name))
                }
                None => suggestion(name, KEYS),
            };
            (format!("unknown key `{short}` beside `{}`", kind.name), hint)
        } else if let Some(meant) = nearest(name, &kinds) {
            probe_is_missing = false;
            (format!("unknown probe `{short}`"), Some(format!("did you mean `{meant}`?")))
        } else if let Some(meant) = common {
            (format!("unknown key `{short}`"), Some(format!("did you mean `{meant}`?")))
        } else if probe_is_missing {
            probe_is_missing = false;
            (format!("unknown probe `{short}`"), Some(format!("there are {}", known_probes())))
        } else {
            (format!("unknown key `{short}`"), suggestion(name, KEYS))
        };
        problems.push(document.error(*key, message).with_hint(hint));
    }
}

/// Every probe, for advice.
fn known_probes() -> String {
    let names: Vec<String> = KINDS.iter().map(|kind| format!("`{}`", kind.name)).collect();
    names.join(", ")
}
