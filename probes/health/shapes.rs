//! The shapes in which JSON bodies tell of health, found by walking what they have in common.

mod names;

use serde_json::Value;

use super::age;
use super::object::{Object, TIMESTAMP, fold, statement};
use super::reading::{Component, Reading, Stated};
use super::vocabulary::{Level, level};
use names::{DESCRIPTIONS, is_plain, system};

/// How deep components may hold components.
const MAX_DEPTH: usize = 4;

/// Where the conventions put their components, in order of reading: the health draft, Terminus
/// and `MicroProfile` (`checks`), Terminus (`details`), Actuator (`components`), ASP.NET Core's
/// page writer (`entries`), and what hand-written endpoints use.
const CONTAINERS: [&str; 7] =
    ["checks", "details", "components", "entries", "results", "dependencies", "services"];

/// Keys that wrap a whole answer.
const ENVELOPES: [&str; 5] = ["data", "result", "response", "health", "status"];

/// Puts what a JSON value says into `reading`.
pub(super) fn walk(value: &Value, reading: &mut Reading) {
    match value {
        Value::String(text) => {
            let stated = Stated::of(text);
            reading.words_down = stated.level == Some(Level::Down);
            reading.aggregate = Some(stated).filter(|stated| !stated.word.is_empty());
        }
        Value::Bool(_) | Value::Number(_) => reading.aggregate = statement("status", value),
        Value::Array(_) => {
            Walk { reading }.container("", "checks", value, 1, Bare::Ignored);
        }
        Value::Object(map) => Walk { reading }.answer(&Object::new(map), true),
        Value::Null => {}
    }
}

/// The name of a component as it is kept and as metrics have it: `[a-z0-9_]{1,64}`.
///
/// ASCII letters are lowered and everything else of ASCII becomes `_`. What is longer, empty or
/// not ASCII becomes `component_` and the 32-bit FNV-1a hash of the name, the same in every run.
pub(crate) fn component_name(raw: &str) -> String {
    let raw = raw.trim();
    let mut name = String::new();
    if raw.is_ascii() {
        for c in raw.chars() {
            if c.is_ascii_alphanumeric() {
                name.push(c.to_ascii_lowercase());
            } else if !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
            if name.len() > 65 {
                break;
            }
        }
    }
    let name = name.trim_end_matches('_');
    if (1..=64).contains(&name.len()) {
        return name.to_owned();
    }
    let hash = raw
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("component_{hash:08x}")
}

/// Whether bare words and truth values of a container are components, or only objects that state
/// health: the details of a component are full of flags that are none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    Counted,
    Ignored,
}

struct Walk<'r> {
    reading: &'r mut Reading,
}

impl Walk<'_> {
    /// A whole answer, or the one that its envelope holds.
    fn answer(&mut self, object: &Object<'_>, outermost: bool) {
        let reading = &mut *self.reading;
        let said = object
            .stated()
            .or_else(|| object.object("overall")?.stated())
            .or_else(|| object.said());
        if let Some(stated) = said {
            // Of an envelope and its content the worse counts, of equals the content, and a
            // number that repeats the HTTP status only when nothing else is said.
            let better = reading.aggregate.as_ref().is_some_and(|held| {
                let echo = held.is_http_status() && held.level == Some(Level::Up);
                !echo && held.level > stated.level
            });
            if !better {
                reading.aggregate = Some(stated);
            }
        }
        reading.timestamp = reading.timestamp.or_else(|| object.moment());
        reading.uptime_seconds = reading.uptime_seconds.or_else(|| object.uptime());

        for name in CONTAINERS {
            let before = self.reading.components.len();
            if let Some(container) = object.get(name) {
                self.container("", name, container, 1, Bare::Counted);
            }
            // Terminus repeats `info` and `error` in `details`.
            if name == "details" && self.reading.components.len() == before {
                for part in ["info", "error"] {
                    if let Some(container) = object.get(part) {
                        self.container("", part, container, 1, Bare::Ignored);
                    }
                }
            }
        }
        let envelopes: &[&str] = if outermost { &ENVELOPES } else { &[] };
        for (key, name, value) in &object.0 {
            let key = key.as_str();
            if CONTAINERS.contains(&key) || ["info", "error", "overall"].contains(&key) {
                continue;
            }
            match value {
                Value::Object(inner) if envelopes.contains(&key) => {
                    self.answer(&Object::new(inner), false);
                }
                Value::Object(inner) => {
                    self.component("", name, "", &Object::new(inner), 1, Bare::Ignored);
                }
                Value::String(_) | Value::Bool(_) if let Some(system) = system(key) => {
                    self.bare("", if system == key { name } else { system }, value);
                }
                Value::String(word) if self.reading.claims() && is_plain(key, word) => {
                    self.bare("", name, value);
                }
                _ => {}
            }
        }
        if outermost && self.reading.aggregate.is_none() && self.reading.components.is_empty() {
            self.flat(object);
        }
    }

    /// An answer that is nothing but names and words of health, as of django-health-check.
    fn flat(&mut self, object: &Object<'_>) {
        let word =
            |value: &Value| value.as_str().is_some_and(|text| Stated::of(text).level.is_some());
        if object.0.iter().all(|(.., value)| word(value)) {
            for (_, name, value) in &object.0 {
                self.bare("", name, value);
            }
        }
    }

    fn container(&mut self, prefix: &str, key: &str, value: &Value, depth: usize, bare: Bare) {
        if depth > MAX_DEPTH {
            return;
        }
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    let (name, measurement) =
                        if key == "checks" { split(name) } else { (name.as_str(), "") };
                    self.entry(prefix, name, &fold(measurement), value, depth, bare);
                }
            }
            Value::Array(values) => {
                for map in values.iter().filter_map(Value::as_object) {
                    let object = Object::new(map);
                    let name = ["name", "component", "componentname", "service", "id", "key"]
                        .iter()
                        .find_map(|name| object.get(name)?.as_str());
                    // Without a name the order would have to serve, which need not be stable.
                    self.component(prefix, name.unwrap_or(key), "", &object, depth, bare);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn entry(
        &mut self,
        prefix: &str,
        name: &str,
        measurement: &str,
        value: &Value,
        depth: usize,
        bare: Bare,
    ) {
        match value {
            Value::Object(map) => {
                self.component(prefix, name, measurement, &Object::new(map), depth, bare);
            }
            // The health draft's list of one component's instances: the worst of them counts.
            Value::Array(values) => {
                for value in values {
                    match value {
                        Value::Object(map) => {
                            let object = Object::new(map);
                            self.component(prefix, name, measurement, &object, depth, bare);
                        }
                        Value::String(_) | Value::Bool(_) if bare == Bare::Counted => {
                            self.bare(prefix, name, value);
                        }
                        _ => {}
                    }
                }
            }
            Value::String(_) | Value::Bool(_) | Value::Number(_) if bare == Bare::Counted => {
                self.bare(prefix, name, value);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// An object that may be a component, hold some, or both.
    fn component(
        &mut self,
        prefix: &str,
        name: &str,
        measurement: &str,
        object: &Object<'_>,
        depth: usize,
        bare: Bare,
    ) {
        let name = join(prefix, name);
        let measurement =
            if measurement.is_empty() && name == "uptime" { &name } else { measurement };
        if measurement == "uptime" && self.reading.uptime_seconds.is_none() {
            let unit = object.get("observedunit").and_then(Value::as_str).unwrap_or("s");
            self.reading.uptime_seconds =
                age::unit_of(unit).and_then(|unit| age::length(object.get("observedvalue")?, unit));
        }
        let stated =
            object.stated().filter(|stated| bare == Bare::Counted || stated.level.is_some());
        let known = stated.is_some();
        if let Some(Stated { word, level }) = stated {
            let latency_seconds = object.latency(measurement);
            self.reading.add(name.clone(), Component { level, word, latency_seconds });
        }
        let mut holds = false;
        for key in CONTAINERS {
            if let Some(container @ (Value::Object(_) | Value::Array(_))) = object.get(key) {
                holds = true;
                let flags = matches!(key, "details" | "results" | "services");
                let bare = if flags { Bare::Ignored } else { Bare::Counted };
                self.container(&name, key, container, depth + 1, bare);
            }
        }
        if !known && !holds && depth < MAX_DEPTH {
            for (_, key, value) in &object.0 {
                self.entry(&name, key, "", value, depth + 1, Bare::Ignored);
            }
        }
    }

    /// A component that is a bare word, truth value or flag.
    fn bare(&mut self, prefix: &str, name: &str, value: &Value) {
        let key = fold(name);
        if DESCRIPTIONS.contains(&key.as_str()) || TIMESTAMP.contains(&key.as_str()) {
            return;
        }
        let stated = match value {
            Value::String(text) => Stated::of(text),
            // `failed: 0` and `passed: true` are results of the whole, not components.
            _ if level(name).is_some() => return,
            value => match statement("ok", value) {
                Some(stated) => stated,
                None => return,
            },
        };
        let Stated { word, level } = stated;
        // An unknown word may be one of health; a version, an address or prose is none.
        let plausible = !word.is_empty()
            && word.chars().all(|c| c.is_alphabetic() || matches!(c, '_' | '-' | ' '));
        if level.is_some() || plausible {
            self.reading.add(join(prefix, name), Component { level, word, latency_seconds: None });
        }
    }
}

/// The health draft's `component:measurement` (section 4). An address with a port is none.
fn split(key: &str) -> (&str, &str) {
    match key.split_once(':') {
        Some((component, measurement))
            if !component.trim().is_empty()
                && measurement.starts_with(|c: char| c.is_ascii_alphabetic()) =>
        {
            (component, measurement)
        }
        _ => (key, ""),
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        component_name(name)
    } else {
        component_name(&format!("{prefix} {name}"))
    }
}

#[cfg(test)]
mod tests;
