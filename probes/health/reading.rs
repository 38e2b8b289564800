//! What the body of a health endpoint says, whatever convention it follows.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shapes;
use super::vocabulary::{Level, complaint, level};

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
}

/// A word of health as it was written, and what it means when that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stated {
    /// At most 64 characters without control characters; of a free text only the word that told.
    pub(crate) word: String,
    pub(crate) level: Option<Level>,
}

/// One dependency or check that the body tells of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Component {
    pub(crate) level: Option<Level>,
    pub(crate) word: String,
    pub(crate) latency_seconds: Option<f64>,
}

/// Everything that a body says about health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub(crate) form: Form,
    pub(crate) aggregate: Option<Stated>,
    /// By normalised name, see [`shapes::component_name`].
    pub(crate) components: IndexMap<String, Component>,
    /// How many more there were.
    pub(crate) components_dropped: usize,
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) uptime_seconds: Option<f64>,
    /// Why the body is not JSON although its content type or first character says so.
    pub(crate) invalid: Option<String>,
    /// A text of several words has one of the `Down` vocabulary in it: with 200,
    /// "database connection failed" is not healthy.
    pub(crate) words_down: bool,
}

impl Reading {
    fn of(form: Form) -> Self {
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

    /// The worst component, the first of equals. One whose word is not understood counts as
    /// `Unknown`.
    pub(crate) fn worst_component(&self) -> Option<(&str, &Component)> {
        let badness = |component: &Component| component.level.unwrap_or(Level::Unknown);
        let mut worst: Option<(&str, &Component)> = None;
        for (name, component) in &self.components {
            if worst.is_none_or(|(_, held)| badness(component) > badness(held)) {
                worst = Some((name, component));
            }
        }
        worst
    }

    /// Whether the body can only come from a health endpoint: it claims a level in a word, and
    /// tells of components, of the time or of an uptime.
    ///
    /// A number that repeats the HTTP status does not count: the error pages of Spring and of
    /// many a framework have it, and a timestamp too.
    pub(crate) fn is_structured(&self) -> bool {
        let claims = self
            .aggregate
            .as_ref()
            .is_some_and(|stated| stated.level.is_some() && !stated.is_http_status());
        let tells = !self.components.is_empty()
            || self.timestamp.is_some()
            || self.uptime_seconds.is_some();
        claims && tells
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
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
    use serde_json::{Value, json};

    use super::super::vocabulary::Level::{Down, Unknown, Up, Warn};
    use super::{Form, Level, MAX_BODY, MAX_COMPONENTS, Reading, read};

    fn text(body: &str) -> Reading {
        read(Some("text/plain; charset=utf-8"), body.as_bytes())
    }

    fn json(body: &Value) -> Reading {
        read(Some("application/json"), body.to_string().as_bytes())
    }

    #[test]
    fn texts_are_read() {
        // Body, form, aggregate, whether it has a word of failure.
        let rows: &[(&str, Form, Option<Level>, bool)] = &[
            ("", Form::Empty, None, false),
            (" \r\n\t", Form::Empty, None, false),
            ("\u{feff}", Form::Empty, None, false),
            ("Healthy", Form::Word, Some(Up), false),
            ("Degraded\n", Form::Word, Some(Warn), false),
            ("Unhealthy", Form::Word, Some(Down), true),
            ("ok", Form::Word, Some(Up), false),
            ("\"ok\"", Form::Json, Some(Up), false),
            ("true", Form::Word, Some(Up), false),
            ("not ready", Form::Word, Some(Down), true),
            ("hello", Form::Word, None, false),
            ("database connection failed", Form::Text, None, true),
            ("Service is up and running", Form::Text, None, false),
            ("a\0b", Form::Binary, None, false),
        ];
        for (body, form, aggregate, down) in rows {
            let reading = text(body);
            assert_eq!(reading.form, *form, "{body:?}");
            assert_eq!(reading.level(), *aggregate, "{body:?}");
            assert_eq!(reading.words_down, *down, "{body:?}");
            assert_eq!(reading.invalid, None, "{body:?}");
        }
        assert_eq!(read(None, b"\xff\xfe\x00").form, Form::Binary);
    }

    #[test]
    fn kubernetes_lines_are_read() {
        let failed = text(
            "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[+]kms excluded: ok\n\
             [+]poststarthook/rbac-roles ok\nreadyz check failed\n",
        );
        assert_eq!(failed.form, Form::KubernetesVerbose);
        assert_eq!(failed.level(), Some(Down));
        let levels: Vec<(&str, Option<Level>)> =
            failed.components.iter().map(|(name, held)| (name.as_str(), held.level)).collect();
        assert_eq!(
            levels,
            [
                ("ping", Some(Up)),
                ("log", Some(Up)),
                ("etcd", Some(Down)),
                ("kms", Some(Unknown)),
                ("poststarthook_rbac_roles", Some(Up)),
            ]
        );
        assert_eq!(failed.worst_component().unwrap().0, "etcd");
        let passed = text("[+]ping ok\nlivez check passed");
        assert_eq!(passed.level(), Some(Up));
        assert!(passed.is_structured());
    }

    #[test]
    fn pages_are_read() {
        let rows: &[(&str, Option<Level>)] = &[
            // Rails
            (
                "<!DOCTYPE html><html><body style=\"background-color: green\"></body></html>",
                Some(Up),
            ),
            (
                "<!DOCTYPE html><html><body style=\"background-color: red\"></body></html>",
                Some(Down),
            ),
            // Laravel
            ("<!DOCTYPE html>\n<html lang=\"en\"><body><h2>Application up</h2></body>", Some(Up)),
            ("<html><body><h2>Application experiencing problems</h2></body></html>", Some(Down)),
            ("<html><head><title>x</title></head><body><p>OK</p></body></html>", Some(Up)),
            // Single-page applications
            (
                "<!doctype html><html><head><title>Up</title></head><body><div id=\"root\"></div>\
                 <script>let ok</script></body></html>",
                None,
            ),
            ("<html><body>The application update is ready</body></html>", None),
            ("<html", None),
            ("<html><script>", None),
        ];
        for (body, wanted) in rows {
            let reading = read(Some("text/html"), body.as_bytes());
            assert_eq!(reading.form, Form::Html, "{body}");
            assert_eq!(reading.level(), *wanted, "{body}");
        }
    }

    #[test]
    fn what_is_not_json_says_why() {
        let cut = read(None, b"{\"status\": \"ok\"");
        assert_eq!(cut.form, Form::Json);
        assert!(cut.invalid.unwrap().contains("EOF"));
        let word = read(Some("application/health+json"), b"OK");
        assert_eq!(
            (word.form, word.invalid.is_some(), word.level().is_some()),
            (Form::Word, true, true)
        );
        let page = read(Some("application/json"), b"<html><body>login</body></html>");
        assert_eq!((page.form, page.invalid.is_some()), (Form::Html, true));
        let wrong = read(Some("text/html"), b"{\"status\": \"ok\"}");
        assert_eq!((wrong.form, wrong.invalid.is_some()), (Form::Json, false));
        let deep = read(None, "[".repeat(100_000).as_bytes());
        assert!(deep.invalid.is_some());
        let long = format!("{{\"status\":\"{}ä\"}}", "x".repeat(MAX_BODY - 13));
        assert!(read(None, long.as_bytes()).invalid.unwrap().contains("longer"));
    }

    #[test]
    fn an_error_page_is_no_health_answer() {
        let spring = json(&json!({"timestamp": "2025-10-20T12:00:00.000+0000", "status": 404,
            "error": "Not Found", "path": "/health"}));
        assert_eq!(spring.level(), Some(Down));
        assert!(!spring.is_structured());
        assert!(!json(&json!({"status": "ok"})).is_structured());
        assert!(!text("ok").is_structured());
    }

    #[test]
    fn words_are_short_and_free_text_is_dropped() {
        for (status, wanted) in [
            ("  o\u{7}k ", "ok"),
            ("PARTIAL_REPLAY", "PARTIAL_REPLAY"),
            ("see postgres://u:p@h/db for more", "(text)"),
            ("failed to reach postgres://u:p@h/db", "failed"),
        ] {
            assert_eq!(json(&json!({"status": status})).aggregate.unwrap().word, wanted);
        }
        assert_eq!(text(&"x".repeat(10_000)).aggregate.unwrap().word, "(text)");
    }

    #[test]
    fn components_are_limited() {
        let many: serde_json::Map<String, Value> =
            (0..100).map(|n| (format!("c{n}"), json!("ok"))).collect();
        let reading = json(&json!({"checks": many}));
        assert_eq!(reading.components.len(), MAX_COMPONENTS);
        assert_eq!(reading.components_dropped, 100 - MAX_COMPONENTS);
        let mut nested = json!({"status": "up"});
        for _ in 0..40 {
            nested = json!({"status": "up", "components": {"x": nested}});
        }
        assert_eq!(json(&nested).components.len(), 4);
    }

    fn values() -> impl Strategy<Value = Value> {
        let word = prop_oneof![
            Just("status"),
            Just("checks"),
            Just("details"),
            Just("data"),
            Just("uptime"),
            Just("ok"),
            Just("down"),
            Just("observedValue"),
            Just("a:responseTime"),
            Just("é"),
        ]
        .prop_map(str::to_owned);
        let key = prop_oneof![word.clone(), ".{0,8}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            word.prop_map(Value::from),
            ".{0,80}".prop_map(Value::from),
        ];
        leaf.prop_recursive(8, 128, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::vec((key.clone(), inner), 0..8)
                    .prop_map(|pairs| { Value::Object(pairs.into_iter().collect()) }),
            ]
        })
    }

    fn holds(reading: &Reading) {
        assert!(reading.components.len() <= MAX_COMPONENTS);
        for (name, component) in &reading.components {
            assert!((1..=64).contains(&name.len()), "{name}");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{name}"
            );
            assert!(component.word.chars().count() <= 64);
            assert!(component.latency_seconds.is_none_or(|seconds| seconds >= 0.0));
        }
        if let Some(stated) = &reading.aggregate {
            assert!(stated.word.chars().count() <= 64 && !stated.word.contains(char::is_control));
        }
        assert_eq!(reading.worst_component().is_none(), reading.components.is_empty());
    }

    proptest! {
        #[test]
        fn any_json_is_read(value in values()) {
            holds(&json(&value));
        }

        #[test]
        fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..512), ct in ".{0,20}") {
            holds(&read(Some(&ct), &body));
        }

        #[test]
        fn any_text_is_read(body in "([<>{}\\[\\]+\":,/\\-]|ok|down|check|\n|html|é| ){0,60}") {
            holds(&text(&body));
            holds(&read(Some("application/json"), body.as_bytes()));
        }
    }
}
