//! What was written in the files of a configuration becomes a [`Config`].

mod check;
mod layer;
mod notify;
mod service;
mod target;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::civil::Date;
use serde_json::Value;

use super::files::{Source, Sources};
use super::raw::{self, scalar::BasePath};
use super::types::{Config, History, Place, Server, ServerTls};
use super::yaml::{Document, NodeId, Problem, Problems, Raw, collect};
use check::Probes;
use layer::Layer;
use service::{Gathered, Ground};

/// Lists that may stand in several files. `include` may stand in every first file.
const JOINED: &[&str] = &["services", "uplink", "notify", "include"];

/// How long runs are kept when nothing is said.
const KEEP: Duration = Duration::from_hours(30 * 24);

/// Everything but what is wrong with it; what is returned is of use only without errors.
pub(super) fn config(sources: Sources, today: Date, problems: &mut Problems) -> Config {
    let Sources { list, read, gaps, .. } = sources;
    once(&list, problems);
    let nothing = raw::File::default();
    let holder = |key: &str| list.iter().find(|source| has(source, key));
    let file = |key: &str| holder(key).map_or(&nothing, |source| &source.file);

    let defaults = &file("defaults").defaults;
    let names: Vec<&str> = holder("profiles").map(profile_names).unwrap_or_default();
    let mut gathered = Gathered::default();
    let profiles = holder("profiles")
        .map(|source| profiles(source, today, &mut gathered.probes, problems))
        .unwrap_or_default();
    let ground = Ground { profiles: &profiles, names: &names, defaults, today, gaps };
    let mut services = Vec::new();
    for Source { document, file } in &list {
        for Raw(at) in &file.services {
            let service = service::service(document, *at, &ground, &mut gathered, problems);
            services.extend(service.map(Arc::new));
        }
    }
    if let Some(source) = holder("profiles")
        && !gaps
        && !problems.has_errors()
    {
        doubt_profiles(source, &gathered, problems);
    }
    let mut receivers = Known::default();
    let mut notify = Vec::new();
    for Source { document, file } in &list {
        for Raw(at) in &file.notify {
            notify.extend(notify::notifier(document, *at, &mut receivers, problems));
        }
    }
    let state = file("state").state.as_ref().map(|state| state.path.clone());
    let config = Config {
        listen: file("listen").listen.as_ref().map_or(Config::default().listen, |to| to.0),
        server: holder("server").map(|source| server(source, problems)).unwrap_or_default(),
        contact: file("contact").contact.as_ref().map(|contact| contact.0.clone()),
        location: file("location").location.as_ref().map_or(String::new(), |from| from.0.clone()),
        system_roots: file("system_roots").system_roots,
        uplink: list.iter().flat_map(|s| &s.file.uplink).map(|to| to.0.clone()).collect(),
        history: holder("history").and_then(|source| history(source, state.as_ref(), problems)),
        state,
        notify,
        services,
        read,
    };
    if !gaps && !problems.has_errors() {
        emptiness(&list, &config, problems);
    }
    config
}

fn has(source: &Source, key: &str) -> bool {
    source.document.get(Document::ROOT, key).is_some()
}

/// A key that is no list stands in one file only.
fn once(list: &[Source], problems: &mut Problems) {
    let mut first: HashMap<&str, (&Document, NodeId)> = HashMap::new();
    for Source { document, .. } in list {
        for (key, _) in document.entries(Document::ROOT) {
            let name = document.text(*key);
            if JOINED.contains(&name) {
                continue;
            }
            if let Some((there, other)) = first.get(name) {
                let message =
                    format!("`{name}` stands in two files: {}", stands(document, there, *other));
                let hint = "keep it in one of them: only lists are joined".to_owned();
                problems.push(document.error(*key, message).with_hint(hint));
            } else {
                first.insert(name, (document, *key));
            }
        }
    }
}

fn profile_names(source: &Source) -> Vec<&str> {
    let profiles = source.document.get(Document::ROOT, "profiles");
    let entries = profiles.map(|at| source.document.entries(at)).unwrap_or_default();
    entries.iter().map(|(key, _)| source.document.text(*key)).collect()
}

fn profiles<'d>(
    source: &'d Source,
    today: Date,
    probes: &mut Probes,
    problems: &mut Problems,
) -> IndexMap<String, Layer<'d>> {
    let document = &source.document;
    let mut layers = IndexMap::new();
    for (name, Raw(at)) in &source.file.profiles.0 {
        if let Some(written) = collect(document, *at, problems) {
            let layer = Layer::read(document, written, today, probes, problems);
            layers.insert(name.value.0.clone(), layer);
        }
    }
    layers
}

fn doubt_profiles(source: &Source, gathered: &Gathered<'_>, problems: &mut Problems) {
    for (name, _) in &source.file.profiles.0 {
        if !gathered.used.contains(&name.value.0) {
            let message = format!("no service uses the profile `{}`", name.value.0);
            let hint = format!("add `use: [{}]` to a service, or delete it", name.value.0);
            problems.push(source.document.warning(name.at, message).with_hint(hint));
        }
    }
}

fn server(source: &Source, problems: &mut Problems) -> Server {
    let raw::Server { token, report_token, tls, base_path, external_url, public } =
        &source.file.server;
    if let (Some(BasePath(path)), Some(external)) = (base_path, external_url)
        && !external.value.0.ends_with(path.as_str())
    {
        let message = format!("links will not be found: it does not end in the base path {path}");
        let hint = format!("write {}{path}, or correct `base_path`", external.value.0);
        problems.push(source.document.warning(external.at, message).with_hint(hint));
    }
    if let Some(public) = public.as_ref().filter(|public| public.value)
        && token.is_none()
    {
        let message = "`public` says nothing where there is no `token`: everything is shown";
        problems.push(source.document.warning(public.at, message));
    }
    Server {
        token: token.clone(),
        report_token: report_token.clone(),
        tls: tls.as_ref().map(|f| ServerTls { cert: f.cert.clone(), key: f.key.clone() }),
        base_path: base_path.as_ref().map_or(String::new(), |path| path.0.clone()),
        external_url: external_url.as_ref().map(|url| url.value.0.clone()),
        public: public.as_ref().is_some_and(|public| public.value),
    }
}

fn history(source: &Source, state: Option<&PathBuf>, problems: &mut Problems) -> Option<History> {
    let written = source.file.history.as_ref()?;
    let keep = written.value.keep.as_ref().map_or(KEEP, |keep| keep.0);
    let path = written.value.path.clone().or_else(|| Some(state?.join("history")));
    let Some(path) = path else {
        let document = &source.document;
        let at = document.key_of(written.at).unwrap_or(written.at);
        let hint = "add `path` here, or `state: {path: DIRECTORY}`".to_owned();
        let message = "the history has no directory";
        problems.push(document.error(at, message).with_hint(hint));
        return None;
    };
    Some(History { path, keep })
}

/// A configuration that watches nothing is a mistake.
fn emptiness(list: &[Source], config: &Config, problems: &mut Problems) {
    let Some(Source { document, .. }) = list.first() else { return };
    if config.services.is_empty() {
        let hint = "add a service: `musterd config example` prints one".to_owned();
        let message = "there is nothing to watch: no file has a service";
        problems.push(Problem::error(Arc::clone(document.name()), message).with_hint(hint));
        return;
    }
    if config.checks().next().is_none() {
        let hint = "add one to a service, such as `checks: [health: ]`".to_owned();
        let message = "there is nothing to watch: no service has a check that is enabled";
        problems.push(Problem::error(Arc::clone(document.name()), message).with_hint(hint));
        return;
    }
    for service in config.services.iter().filter(|service| service.checks.is_empty()) {
        let at = list.iter().find_map(|source| {
            source.file.services.iter().find_map(|Raw(at)| {
                let document = &source.document;
                let name = document.get(*at, "name")?;
                (document.text(name) == service.name).then_some((document, name))
            })
        });
        if let Some((document, at)) = at {
            let message = format!("the service `{}` has no check that is enabled", service.name);
            problems.push(document.warning(at, message));
        }
    }
}

/// A value as text, the same in whatever order the keys of its mappings are written.
fn canonical(mut value: Value) -> String {
    value.sort_all_objects();
    value.to_string()
}

/// Where something stands, for reports.
fn place(document: &Document, at: NodeId) -> Place {
    let node = document.node(at);
    Place { file: Arc::clone(document.name()), line: node.line, column: node.column }
}

/// Where the first of two stands.
fn stands(here: &Document, there: &Document, at: NodeId) -> String {
    let line = there.node(at).line;
    if here.name() == there.name() {
        format!("the first stands in line {line}")
    } else {
        format!("the first stands at {}:{line}", there.name())
    }
}

/// Names that were given already, with their places.
#[derive(Default)]
struct Known<'d>(HashMap<String, (&'d Document, NodeId)>);

impl<'d> Known<'d> {
    /// Notes a name, and reports it when it was given before.
    fn note(
        &mut self,
        document: &'d Document,
        at: NodeId,
        name: &str,
        what: &str,
        problems: &mut Problems,
    ) {
        if let Some((there, first)) = self.0.get(name) {
            let there = stands(document, there, *first);
            let message = format!("a second {what} is called `{name}`: {there}");
            problems.push(document.error(at, message));
        } else {
            self.0.insert(name.to_owned(), (document, at));
        }
    }
}
