//! A service as it was written becomes one that can be watched.

use std::sync::Arc;

use indexmap::IndexMap;
use musterd_probes::impact::Impact;

use super::check::{Draft, Frame, Probes, probe};
use super::layer::{Layer, Promise};
use super::target::{Resolvers, target};
use super::{Known, canonical, place};
use crate::config::raw;
use crate::config::raw::service::{Parts, Service as Written};
use crate::config::types::{Check, Objective, Service, Waiver};
use crate::config::yaml::{Document, Located, NodeId, Problems, collect, suggestion};
use jiff::civil::Date;

/// What services are built from.
pub(super) struct Ground<'g, 'd> {
    pub(super) profiles: &'g IndexMap<String, Layer<'d>>,
    /// Every profile that is named anywhere, the faulty ones too.
    pub(super) names: &'g [&'d str],
    pub(super) defaults: &'g raw::Defaults,
    pub(super) today: Date,
    /// What is not known may stand in a file that could not be read.
    pub(super) gaps: bool,
}

/// What is gathered while services are built.
#[derive(Default)]
pub(super) struct Gathered<'d> {
    pub(super) resolvers: Resolvers,
    pub(super) probes: Probes,
    pub(super) services: Known<'d>,
    pub(super) used: std::collections::HashSet<String>,
}

/// Reads an item of `services`.
pub(super) fn service<'d>(
    document: &'d Document,
    item: NodeId,
    ground: &Ground<'_, 'd>,
    gathered: &mut Gathered<'d>,
    problems: &mut Problems,
) -> Option<Service> {
    let written: Written = collect(document, item, problems)?;
    for key in ["name", "url"] {
        if document.get(item, key).is_none() {
            let message = format!("missing key `{key}` in a service");
            problems.push(document.error(item, message));
        }
    }
    let Parts { name, url, profiles: uses, own, way } = written.split();
    if let Some(name) = &name {
        gathered.services.note(document, name.at, &name.value, "service", problems);
    }
    let below: Vec<&Layer<'d>> = profiles(document, &uses, ground, gathered, problems);
    let own = Layer::read(document, own, ground.today, &mut gathered.probes, problems);
    let title = name.as_ref().map_or("", |name| &name.value);
    let insecure = way.insecure;
    // Without a URL the rest is checked all the same.
    let base = url.clone().or_else(|| "https://unknown.invalid".parse().ok())?;
    let target = target(document, title, base, way, &mut gathered.resolvers, problems);

    let layers = || below.iter().copied().chain(std::iter::once(&own));
    let mut severity: IndexMap<_, _> = ground
        .defaults
        .severity
        .0
        .iter()
        .map(|(rule, level)| (rule.value.0.clone(), *level))
        .collect();
    severity.extend(layers().flat_map(|layer| layer.severity.clone()));
    let allow = layers().rev().find_map(|layer| layer.allow);
    let mut frame = Frame {
        service: title,
        allow: allow.or(ground.defaults.allow).unwrap_or(Impact::Active),
        ceiling: Impact::Intrusive,
        severity: &severity,
        defaults: ground.defaults,
        way: &way_of(document, item),
        in_the_clear: target.url.scheme() == "http" && !insecure,
    };
    let mut drafts: IndexMap<&str, (&Draft<'d>, bool)> = IndexMap::new();
    for layer in layers() {
        let is_own = std::ptr::eq(layer, &raw const own);
        for draft in &layer.checks {
            if let Some(name) = &draft.name {
                drafts.insert(name, (draft, is_own));
            }
        }
    }
    let mut terms = None;
    let checks: Vec<Arc<Check>> = drafts
        .values()
        .filter_map(|(draft, is_own)| {
            let consent = own.allow.filter(|_| !is_own);
            frame.ceiling = consent.unwrap_or(Impact::Intrusive);
            let check = draft.check(&frame, &mut terms, problems)?;
            draft.is_enabled().then(|| Arc::new(check))
        })
        .collect();
    let drafts: Vec<&Draft<'d>> = drafts.into_values().map(|(draft, _)| draft).collect();
    doubt_waivers(document, &own.waivers, title, &drafts, problems);
    let objectives = objectives(layers().flat_map(|l| &l.objectives), title, &drafts, problems);
    let name = name?;
    url?;
    Some(Service {
        labels: layers().flat_map(|layer| layer.labels.clone()).collect(),
        budget: layers().rev().find_map(|layer| layer.budget),
        waivers: layers().flat_map(|l| &l.waivers).map(|waiver| waiver.value.clone()).collect(),
        objectives,
        severity,
        checks,
        target: Arc::new(target),
        place: place(document, name.at),
        name: name.value,
    })
}

/// The keys of a service that say how its target is reached, as they are written but for their
/// order: a check of another target is another check.
fn way_of(document: &Document, item: NodeId) -> String {
    const WAY: [&str; 12] = [
        "url",
        "http_url",
        "ca",
        "insecure",
        "client_certificate",
        "server_name",
        "connect_to",
        "proxy",
        "resolver",
        "auth",
        "headers",
        "allow_addresses",
    ];
    let keys = WAY.iter().filter_map(|key| Some((*key, document.get(item, key)?)));
    let written: Vec<String> =
        keys.map(|(key, value)| format!("{key}={}", canonical(document.to_json(value)))).collect();
    written.join(";")
}

/// The layers that a service takes over.
fn profiles<'g, 'd>(
    document: &Document,
    uses: &[Located<String>],
    ground: &Ground<'g, 'd>,
    gathered: &mut Gathered<'d>,
    problems: &mut Problems,
) -> Vec<&'g Layer<'d>> {
    let mut found = Vec::new();
    for name in uses {
        gathered.used.insert(name.value.clone());
        if let Some(layer) = ground.profiles.get(&name.value) {
            found.push(layer);
        } else if !ground.gaps && !ground.names.contains(&name.value.as_str()) {
            let short = crate::config::yaml::shorten(&name.value);
            let hint = suggestion(&name.value, ground.names)
                .unwrap_or_else(|| "define it under `profiles`".to_owned());
            let message = format!("unknown profile `{short}`");
            problems.push(document.error(name.at, message).with_hint(hint));
        }
    }
    found
}

/// Whether a glob means a check.
fn means(glob: &glob::Pattern, service: &str, draft: &Draft<'_>) -> bool {
    let name = draft.name.as_deref().unwrap_or_default();
    glob.matches(name) || glob.matches(&format!("{service}/{name}"))
}

/// A waiver that no check can ever match is a slip.
fn doubt_waivers(
    document: &Document,
    waivers: &[Located<Waiver>],
    service: &str,
    drafts: &[&Draft<'_>],
    problems: &mut Problems,
) {
    for Located { value: waiver, at } in waivers {
        let probe = probe(&waiver.rule);
        let mut fitting = drafts.iter().filter(|draft| draft.kind.name == probe).peekable();
        if probe == "policy" {
            continue;
        }
        if fitting.peek().is_none() {
            let message = format!("no check of `{service}` uses the probe `{probe}`");
            let hint = "delete the waiver, or correct its rule".to_owned();
            problems.push(document.warning(*at, message).with_hint(hint));
        } else if let Some(glob) = &waiver.check
            && !fitting.any(|draft| means(glob, service, draft))
        {
            let message = format!("`{glob}` matches no `{probe}` check of `{service}`");
            let hint = "delete the waiver, or correct its `check`".to_owned();
            problems.push(document.warning(*at, message).with_hint(hint));
        }
    }
}

/// The promises of all layers, of several with one name the last one.
fn objectives<'p, 'd: 'p>(
    promises: impl Iterator<Item = &'p Promise<'d>>,
    service: &str,
    drafts: &[&Draft<'_>],
    problems: &mut Problems,
) -> Vec<Objective> {
    let mut named: IndexMap<&str, &Promise<'d>> = IndexMap::new();
    for promise in promises {
        named.insert(&promise.name.value, promise);
    }
    for promise in named.values() {
        for Located { value: glob, at } in &promise.checks {
            if !drafts.iter().any(|draft| means(glob, service, draft)) {
                let known: Vec<&str> =
                    drafts.iter().filter_map(|draft| draft.name.as_deref()).collect();
                let message = format!("`{glob}` matches no check of `{service}`");
                let hint = suggestion(glob.as_str(), &known);
                problems.push(promise.document.error(*at, message).with_hint(hint));
            }
        }
    }
    named.values().map(|promise| promise.objective()).collect()
}
