//! What the body of a health endpoint says, whatever convention it follows.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shapes;
use super::vocabulary::{Level, complaint, headline, level};

/// More of a body is not read.
pub(crate) const MAX_BODY: usize = 256 * 1024;

/// More components are counted, not kept: each becomes a metric.
pub(crate) const MAX_COMPONENTS: usize = 64;

const MAX_WORD: usize = 64;

/// How much of a string is searched for a word of health.
const MAX_PHRASE: usize = 4096;

/// How the body is written, found by looking at it and not by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    Empty,
    /// JSON, or what was meant to be JSON: then `Reading::invalid` says what is wrong with it.
    Json,
    /// The lines of `/readyz?verbose`: `[+]ping ok`.
    KubernetesVerbose,
    /// One word, as ASP.NET Core and Kubernetes answer by default.
    Word,
    Text,
    Html,
    /// Not UTF-8, or with NUL bytes.
    Binary,
    /// An answer over gRPC, or what should be one.
    Grpc,
}

/// A word of health as it was written, and what it means when that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stated {
    /// At most 64 characters without control characters; of a free text only the word that told.
    pub(crate) word: String,
    pub(crate) level: Option<Level>,
}

/// One dependency or check that the body tells of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Component {
    pub(crate) level: Option<Level>,
    pub(crate) word: String,
    pub(crate) latency_seconds: Option<f64>,
}

/// Everything that a body says about health.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) form: Form,
    pub(crate) aggregate: Option<Stated>,
    /// By normalised name, see [`shapes::component_name`].
    pub(crate) components: IndexMap<String, Component>,
    /// How many more there were.
    pub(crate) components_dropped: usize,
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) uptime_seconds: Option<f64>,
    /// Why the body is not JSON although its content type or first character says so, or why an
    /// answer is not one of gRPC's.
    pub(crate) invalid: Option<String>,
    /// A text of several words has one of the `Down` vocabulary in it: with 200,
    /// "database connection failed" is not healthy.
    pub(crate) words_down: bool,
}

impl Reading {
    pub(super) fn of(form: Form) -> Self {
        Self {
            form,
            aggregate: None,
            components: IndexMap::new(),
            components_dropped: 0,
            timestamp: None,
            uptime_seconds: None,
            invalid: None,
            words_down: false,
        }
    }

    /// What the body as a whole claims.
    pub(crate) fn level(&self) -> Option<Level> {
        self.aggregate.as_ref().and_then(|stated| stated.level)
    }

    /// Whether it claims a level in a word.
    ///
    /// A number that repeats the HTTP status is none: the error pages of Spring and of many a
    /// framework have it, and a timestamp too.
    pub(crate) fn claims(&self) -> bool {
        let word = |stated: &Stated| stated.level.is_some() && !stated.is_http_status();
        self.aggregate.as_ref().is_some_and(word)
    }

    /// Whether the body can only come from a health endpoint: it claims a level, and tells of
    /// components, of the time or of an uptime.
    pub(crate) fn is_structured(&self) -> bool {
        let tells = !self.components.is_empty()
            || self.timestamp.is_some()
            || self.uptime_seconds.is_some();
        self.claims() && tells
    }

    /// Adds a component; one of the same name becomes the worse and the slower of the two.
    pub(super) fn add(&mut self, name: String, component: Component) {
        if let Some(held) = self.components.get_mut(&name) {
            if component.level > held.level {
                held.level = component.level;
                held.word = component.word;
            }
            held.latency_seconds = match (held.latency_seconds, component.latency_seconds) {
                (Some(held), Some(other)) => Some(held.max(other)),
                (held, other) => held.or(other),
            };
        } else if self.components.len() < MAX_COMPONENTS {
            self.components.insert(name, component);
        } else {
            self.components_dropped += 1;
            // What is down must not pass for well because much that is well came before it.
            let better = |held: &Component| held.level < component.level;
            if component.level >= Some(Level::Warn)
                && let Some(index) = self.components.values().rposition(better)
            {
                self.components.shift_remove_index(index);
                self.components.insert(name, component);
            }
        }
    }
}

impl Stated {
    /// What a string states: a word of the vocabulary, else the worst complaint of its words.
    pub(super) fn of(text: &str) -> Self {
        let text: String = text
            .chars()
            .take(MAX_PHRASE)
            .map(|c| if c.is_whitespace() { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect();
        let text = text.trim();
        if let Some(level) = level(text) {
            return Self { word: clean(text), level: Some(level) };
        }
        if let Some((word, level)) = complaint(text) {
            return Self { word: clean(&word), level: Some(level) };
        }
        // Free text can hold anything, secrets too; a foreign word of health cannot.
        let simple = text.len() <= MAX_WORD
            && text.split_whitespace().count() <= 3
            && text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_-.".contains(c));
        Self { word: if simple { clean(text) } else { "(text)".to_owned() }, level: None }
    }

    /// Whether the word is no word but the number of an HTTP status.
    pub(crate) fn is_http_status(&self) -> bool {
        self.word.len() == 3 && self.word.parse().is_ok_and(|code: u16| (100..600).contains(&code))
    }
}

fn clean(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(MAX_WORD).collect()
}

/// Reads a body. What is above [`MAX_BODY`] is left out.
pub(crate) fn read(content_type: Option<&str>, body: &[u8]) -> Reading {
    let kept = body.get(..MAX_BODY).unwrap_or(body);
    let text = match str::from_utf8(kept) {
        Ok(text) => text,
        // A character that the limit cut through.
        Err(error) if error.error_len().is_none() && kept.len() < body.len() => {
            str::from_utf8(kept.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => return Reading::of(Form::Binary),
    };
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Reading::of(Form::Empty);
    }
    if text.contains('\0') {
        return Reading::of(Form::Binary);
    }
    if text.starts_with("[+]") || text.starts_with("[-]") {
        return read_kubernetes(text);
    }
    let declared = content_type.is_some_and(is_json);
    let looks = text.starts_with(['{', '[']);
    if declared || looks || text.starts_with('"') {
        match serde_json::from_str::<Value>(text) {
            Ok(value) => {
                let mut reading = Reading::of(Form::Json);
                shapes::walk(&value, &mut reading);
                return reading;
            }
            Err(error) if declared || looks => {
                let mut reading = if looks { Reading::of(Form::Json) } else { read_text(text) };
                // The message of a syntax error names a line and a column and quotes nothing.
                reading.invalid = Some(if body.len() > MAX_BODY {
                    format!("longer than {MAX_BODY} bytes")
                } else {
                    error.to_string()
                });
                return reading;
            }
            Err(_) => {}
        }
    }
    read_text(text)
}

/// `application/json`, `application/health+json`, `text/json` and their like.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.ends_with("/json") || essence.ends_with("+json")
}

fn read_text(text: &str) -> Reading {
    if is_html(text) {
        return read_html(text);
    }
    if level(text).is_some() || !text.contains(char::is_whitespace) {
        let mut reading = Reading::of(Form::Word);
        let stated = Stated::of(text);
        reading.words_down = stated.level == Some(Level::Down);
        reading.aggregate = Some(stated);
        return reading;
    }
    let mut reading = Reading::of(Form::Text);
    reading.aggregate =
        headline(text).map(|(word, level)| Stated { word: clean(&word), level: Some(level) });
    reading.words_down = complaint(text).is_some_and(|(_, level)| level == Level::Down);
    reading
}

/// The lines of Kubernetes' `healthz` package: `[+]name ok`, `[+]name excluded: ok`,
/// `[-]name failed: reason withheld`, and at the end `readyz check passed`.
fn read_kubernetes(text: &str) -> Reading {
    let mut reading = Reading::of(Form::KubernetesVerbose);
    for line in text.lines().map(str::trim) {
        let (sign, rest) = match (line.strip_prefix("[+]"), line.strip_prefix("[-]")) {
            (Some(rest), _) => (Level::Up, rest),
            (_, Some(rest)) => (Level::Down, rest),
            _ => {
                let mut words = line.rsplit(' ');
                if let (Some(word), Some("check")) = (words.next(), words.next()) {
                    reading.aggregate = Some(Stated::of(word));
                }
                continue;
            }
        };
        let (name, word) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let word = word.split(':').next().unwrap_or_default();
        let level = if word == "excluded" { Level::Unknown } else { sign };
        reading.add(
            shapes::component_name(name),
            Component { level: Some(level), word: Stated::of(word).word, latency_seconds: None },
        );
    }
    reading
}

fn is_html(text: &str) -> bool {
    let start = text.get(..text.floor_char_boundary(1024)).unwrap_or_default().to_ascii_lowercase();
    start.starts_with("<!doctype html")
        || ["<html", "<body", "<head"].iter().any(|tag| start.contains(tag))
}

/// The pages of Rails (a green or red background) and Laravel ("Application up"), and pages that
/// show one word of health. What any other page shows is no statement.
fn read_html(text: &str) -> Reading {
    let mut reading = Reading::of(Form::Html);
    let page: String = text.to_ascii_lowercase();
    let squeezed: String = page
        .get(..page.floor_char_boundary(16 * 1024))
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let state = |word: &str, level| Some(Stated { word: word.to_owned(), level: Some(level) });
    reading.aggregate = if squeezed.contains("<bodystyle=\"background-color:green") {
        state("green", Level::Up)
    } else if squeezed.contains("<bodystyle=\"background-color:red") {
        state("red", Level::Down)
    } else if page.contains("application experiencing problems") {
        state("application experiencing problems", Level::Down)
    } else if says(&page, "application up") {
        state("application up", Level::Up)
    } else {
        let shown = shown(text);
        level(&shown).map(|level| Stated { word: clean(&shown), level: Some(level) })
    };
    reading.words_down = reading.level() == Some(Level::Down);
    reading
}

/// Whether a page has the phrase and no word goes on behind it (`application update`).
fn says(page: &str, phrase: &str) -> bool {
    page.split(phrase).skip(1).any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// The first characters that a page shows, without tags and what belongs to no tag's text.
fn shown(html: &str) -> String {
    let mut shown = String::new();
    let mut hidden: Option<&str> = None;
    for piece in html.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        let name = tag.split(|c: char| c.is_whitespace() || c == '>').next().unwrap_or_default();
        match hidden {
            Some(closing) if name.eq_ignore_ascii_case(closing) => hidden = None,
            Some(_) => continue,
            None => {
                hidden = [("head", "/head"), ("script", "/script"), ("style", "/style")]
                    .into_iter()
                    .find(|(opening, _)| name.eq_ignore_ascii_case(opening))
                    .map(|(_, closing)| closing);
            }
        }
        if hidden.is_none() {
            shown.push_str(text);
            shown.push(' ');
        }
        if shown.trim().len() > MAX_WORD {
            break;
        }
    }
    shown.trim().to_owned()
}

#[cfg(test)]
mod tests;
