//! Finds all faults of a document in one go, although serde gives up at the first one.

use std::collections::{HashMap, HashSet};

use musterd_probes::contract::SettingsError;
use serde::de::DeserializeOwned;

use super::{
    de::{Notes, Reader},
    document::{Document, Kind, NodeId},
    fault::{Fault, FaultKind},
    problem::{Problems, nearest},
};

/// How many nodes may be visited in all retries together, beyond those that are always granted.
const MAX_VISITS: usize = 20_000_000;

/// How many retries are always granted.
const MIN_RETRIES: usize = 200;

/// Reads the subtree at a node, and reports everything that is wrong with it.
///
/// Whenever reading fails, the list item or the entry that holds the faulty node is left out and
/// reading starts over. What fails only because of that, such as a key that is now missing, is not
/// reported but left out in its turn. A value may be returned for what remains even if there were
/// problems; whether that is of use is up to the caller.
///
/// A failure costs a whole pass, so that big lists are better read as [`super::Raw`] items, each of
/// them collected on its own.
pub(crate) fn collect<T: DeserializeOwned>(
    document: &Document,
    at: NodeId,
    problems: &mut Problems,
) -> Option<T> {
    let notes = Notes::default();
    retry(document, at, problems, &notes, |reader| T::deserialize(reader))
}

/// Why something that is built from a document was not.
pub(crate) enum Refusal {
    /// Reading failed, with this text.
    Shape(String),
    /// What was read makes no sense. The key may be a path with dots.
    Setting(SettingsError),
}

/// What was built, and where it refers to secrets.
pub(crate) struct Built<T> {
    pub(crate) value: T,
    pub(crate) secrets: Vec<NodeId>,
}

/// Like [`collect`], for what is built behind a type-erased deserialiser.
pub(crate) fn build<T>(
    document: &Document,
    at: NodeId,
    problems: &mut Problems,
    make: impl Fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<T, Refusal>,
) -> Option<Built<T>> {
    let notes = Notes::default();
    let attempt = |reader: Reader<'_>| {
        notes.fault.take();
        notes.secrets.take();
        make(&mut <dyn erased_serde::Deserializer<'_>>::erase(reader))
            .map_err(|refusal| locate(document, at, refusal, notes.fault.take()))
    };
    let value = retry(document, at, problems, &notes, attempt)?;
    Some(Built { value, secrets: notes.secrets.take() })
}

/// Finds the place of a refusal.
fn locate(document: &Document, at: NodeId, refusal: Refusal, noted: Option<Fault>) -> Fault {
    let SettingsError { key, message } = match refusal {
        Refusal::Setting(error) => error,
        Refusal::Shape(message) => {
            let noted = noted.filter(|fault| fault.to_string() == message);
            return noted.unwrap_or_else(|| FaultKind::Custom(message).into()).or_at(at);
        }
    };
    // Regular expressions are drawn with an arrow below them, which one line has no room for.
    let message = match message.rsplit_once("error: ") {
        Some((before, why)) if before.contains("regex parse error") => {
            format!("this is no regular expression: {why}")
        }
        _ => message,
    };
    let (mut at, mut found) = (at, true);
    for name in key.iter().flat_map(|path| path.split('.')) {
        let Some(value) = document.get(at, name) else {
            found = false;
            break;
        };
        at = value;
    }
    let message = match key {
        Some(path) if !found => format!("`{path}`: {message}"),
        _ => message,
    };
    // Of a mapping, the entry that the message speaks of.
    if key.is_some()
        && found
        && let Kind::Map(entries) = document.kind(at)
    {
        let named = message.split('`').nth(1).unwrap_or_default();
        let entry = entries.iter().find(|(key, _)| document.text(*key).eq_ignore_ascii_case(named));
        if let Some((_, value)) = entry {
            let exposed = message.contains("carries a credential");
            let kind = if exposed { FaultKind::Exposed } else { FaultKind::Custom(message) };
            return Fault::from(kind).or_at(*value);
        }
    }
    Fault::from(FaultKind::Custom(message)).or_at(at)
}

fn retry<T>(
    document: &Document,
    at: NodeId,
    problems: &mut Problems,
    notes: &Notes,
    attempt: impl Fn(Reader<'_>) -> Result<T, Fault>,
) -> Option<T> {
    let mut loss = Loss::default();
    let size = document.last_of(at).0.saturating_sub(at.0).saturating_add(1);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    for _ in 0..MIN_RETRIES + MAX_VISITS / size {
        let fault = match attempt(Reader::new(document, at, &loss.pruned, notes)) {
            Ok(value) => return Some(value),
            Err(fault) => fault,
        };
        let faulty = fault.at.unwrap_or(at);
        if !loss.explains(&fault, faulty) {
            if problems.is_full(document.name()) {
                break;
            }
            problems.push(fault.problem(document, faulty));
        }
        if !loss.prune(document, at, &fault, faulty) {
            return None;
        }
    }
    problems.note_more(document.name());
    None
}

/// What has been left out so far.
#[derive(Default)]
struct Loss {
    /// Items, and values with their keys.
    pruned: HashSet<NodeId>,
    /// What the pruned nodes are copies of.
    origins: HashSet<NodeId>,
    /// The lists and mappings that something was left out of, at any depth.
    reduced: HashSet<NodeId>,
    /// The keys that mappings lost, or should have had instead of those they lost.
    keys: HashMap<NodeId, Vec<String>>,
}

impl Loss {
    /// Whether a fault would perhaps not be there if nothing had been left out.
    fn explains(&self, fault: &Fault, faulty: NodeId) -> bool {
        match fault.kind {
            FaultKind::MissingField(name) => {
                self.keys.get(&faulty).is_some_and(|keys| keys.iter().any(|key| key == name))
            }
            _ => self.reduced.contains(&faulty) || self.pruned.contains(&faulty),
        }
    }

    /// Leaves out the innermost item or entry around a fault; false if there is none inside of
    /// `root`.
    fn prune(&mut self, document: &Document, root: NodeId, fault: &Fault, faulty: NodeId) -> bool {
        let within = faulty == root || document.parents(faulty).any(|parent| parent == root);
        let Some(held) = document.holder(faulty).filter(|_| within && faulty != root) else {
            return false;
        };
        if self.pruned.contains(&held) {
            return false;
        }
        // What aliases have copied may be right elsewhere, but once it was wrong twice it would
        // otherwise be found in pass after pass.
        let again = !self.origins.insert(document.node(held).origin);
        let copies = if again { document.copies_of(held, root).collect() } else { vec![held] };
        for copy in copies {
            self.pruned.insert(copy);
            self.reduced.extend(document.parents(copy));
            let (Some(key), Some(map)) = (document.key_of(copy), document.node(copy).parent) else {
                continue;
            };
            let lost = self.keys.entry(map).or_default();
            lost.push(document.text(key).to_owned());
            if let FaultKind::UnknownField { name, known } = &fault.kind {
                lost.extend(nearest(name, known).map(str::to_owned));
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        name: Option<String>,
        #[serde(default)]
        checks: Vec<Check>,
        limits: Option<Limits>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase", deny_unknown_fields)]
    enum Check {
        Ping,
        Tls(Tls),
        Tcp { host: String, port: u16 },
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Tls {
        days: u32,
        hosts: Vec<String>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, try_from = "(u32, u32)")]
    struct Limits(u32, u32);

    impl TryFrom<(u32, u32)> for Limits {
        type Error = &'static str;

        fn try_from((low, high): (u32, u32)) -> Result<Self, Self::Error> {
            (low <= high).then_some(Self(low, high)).ok_or("low is above high\nhint: swap them")
        }
    }

    fn read<T: DeserializeOwned>(text: &str) -> (Option<T>, String) {
        let mut problems = Problems::default();
        let document = Document::parse("f", text.as_bytes(), &mut problems).unwrap();
        let value = collect(&document, Document::ROOT, &mut problems);
        (value, problems.to_string())
    }

    /// The first lines of all problems.
    fn headlines(problems: &str) -> Vec<&str> {
        problems.lines().filter(|line| line.starts_with("f:")).collect()
    }

    #[test]
    fn what_is_right_is_read() {
        let (settings, problems) = read::<Settings>(
            "name: y\nchecks:\n- ping\n- ping:\n- tls:\n- tls: {days: 5}\n- tcp: {host: a, port: 1}\n\
             limits: [1, 2]",
        );
        assert_eq!(problems, "");
        let settings = settings.unwrap();
        let days = |days| Check::Tls(Tls { days, hosts: vec![] });
        let tcp = Check::Tcp { host: "a".to_owned(), port: 1 };
        assert_eq!(settings.checks, [Check::Ping, Check::Ping, days(0), days(5), tcp]);
        assert_eq!((settings.name.as_deref(), settings.limits), (Some("y"), Some(Limits(1, 2))));
    }

    #[test]
    fn all_problems_are_found_at_once() {
        let (settings, problems) = read::<Settings>(
            "\
nam: x
checks:
  - tls: {days: many, host: [a]}
  - tcp: {host: 1.10, port: 70000}
  - ping
  - tcp: {host: a, prot: 1}
  - tcp: {host: a}
  - pong
  - icmp: {}
  - tls:
    days: 5
  - [ping]
  - tls: {hosts: [a, true, b, 2]}
  - ping: 5
  - tcp
limits: [2, 1]
",
        );
        assert_eq!(settings.unwrap().checks.len(), 3);
        assert_eq!(
            headlines(&problems),
            [
                "f:1:1: error: unknown key `nam`",
                "f:3:17: error: `days`: expected a whole number from 0 to 4294967295, \
                 found the text \"many\"",
                "f:3:23: error: unknown key `host` in `tls`",
                "f:4:17: error: `host`: expected a text, found the number 1.10",
                "f:4:29: error: `port`: expected a whole number from 0 to 65535, \
                 found the number 70000",
                "f:6:20: error: unknown key `prot` in `tcp`",
                "f:7:5: error: missing key `port` in `tcp`",
                "f:8:5: error: an item of `checks`: unknown value `pong`",
                "f:9:5: error: unknown key `icmp` in an item of `checks`",
                "f:10:5: error: an item of `checks`: `tls` and `days` next to each other, \
                 where only one key is possible",
                "f:12:5: error: an item of `checks`: expected one of `ping`, `tls`, `tcp`, \
                 found a list",
                "f:13:22: error: an item of `hosts`: expected a text, found `true`",
                "f:13:31: error: an item of `hosts`: expected a text, found the number 2",
                "f:14:11: error: `ping`: expected nothing after `ping:`, found the number 5",
                "f:15:5: error: an item of `checks`: `tcp` lacks its settings",
                "f:16:9: error: `limits`: low is above high",
            ]
        );
        for hint in [
            "hint: did you mean `name`?",
            "hint: did you mean `hosts`?",
            "hint: put it in quotes: \"1.10\"",
            "hint: indent further what belongs to `tls`",
            "hint: write `tcp:` and put them below",
            "hint: swap them",
        ] {
            assert!(problems.contains(hint), "{hint} is missing in:\n{problems}");
        }
    }

    #[test]
    fn what_follows_from_a_problem_is_not_reported() {
        for text in [
            // A required key is lost, and then its mapping.
            "checks: [tcp: {host: [a], port: 1}]",
            // It is misspelt.
            "checks: [tcp: {hosst: a, port: 1}]",
            // A mapping that is to have one entry has none left.
            "checks: [ping: 1]",
            // A list is to have two items.
            "limits: [1, x]",
            // The document itself is of the wrong type.
            "[1, 2]",
        ] {
            let (_, problems) = read::<Settings>(text);
            assert_eq!(headlines(&problems).len(), 1, "{text}\n{problems}");
        }
        let (_, problems) = read::<Settings>("checks: [tcp: {wibble: a, port: x}]");
        assert_eq!(headlines(&problems).len(), 3, "both what is too much and what is missing");
    }

    #[test]
    fn a_required_part_that_is_lost_takes_the_whole_along() {
        #[derive(Debug, Deserialize)]
        struct Outer {
            _inner: Inner,
        }
        #[derive(Debug, Deserialize)]
        struct Inner {
            _number: u8,
        }
        let (outer, problems) = read::<Outer>("_inner: {_number: x}");
        assert!(outer.is_none() && headlines(&problems).len() == 1, "{problems}");
    }

    #[test]
    fn a_problem_in_an_anchor_is_reported_once() {
        let uses = "- tls: {<<: *x, hosts: []}\n".repeat(5000);
        let text = format!("name: &x {{days: many}}\nchecks:\n- tls: *x\n{uses}");
        let (settings, problems) = read::<Settings>(&text);
        assert_eq!(settings.unwrap().checks.len(), 5001);
        assert_eq!(
            headlines(&problems),
            [
                "f:1:10: error: `name`: expected a text, found a mapping",
                "f:1:17: error: `days`: expected a whole number from 0 to 4294967295, \
                 found the text \"many\"",
            ]
        );
    }

    #[test]
    fn too_many_problems_are_cut_short() {
        let (settings, problems) = read::<Settings>(&format!("checks: [{}]", "pong, ".repeat(500)));
        assert!(settings.is_none());
        assert_eq!(headlines(&problems).len(), 101);
        assert!(problems.ends_with("\nf: and more"));
    }

    #[test]
    fn a_big_file_with_few_problems_is_read_in_few_passes() {
        let text: String = (0..20_000)
            .map(|n| match n % 5000 {
                7 => "- tcp: {host: a, prt: 1}\n".to_owned(),
                _ => format!("- tcp: {{host: a, port: {}}}\n", n % 1000),
            })
            .collect();
        let (checks, problems) = read::<Vec<Check>>(&text);
        assert_eq!((checks.unwrap().len(), headlines(&problems).len()), (19_996, 4));
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Erased {
        #[serde(default)]
        number: u8,
        key: Option<std::path::PathBuf>,
        header: Option<musterd_probes::net::target::HeaderText>,
        secret: Option<musterd_probes::secret::SecretRef>,
        inner: Option<Tls>,
    }

    fn build_erased(text: &str) -> (Option<Built<Erased>>, String) {
        let mut problems = Problems::default();
        let document = Document::parse("f", text.as_bytes(), &mut problems).unwrap();
        let document = document.based(Some("/base".into()));
        let built = build(&document, Document::ROOT, &mut problems, |deserializer| {
            let settings = erased_serde::deserialize::<Erased>(deserializer)
                .map_err(|error| Refusal::Shape(error.to_string()))?;
            let wrong = |key, message: &str| {
                Err(Refusal::Setting(SettingsError { key, message: message.to_owned() }))
            };
            match &settings {
                Erased { number: 7, .. } => wrong(Some("number"), "not seven"),
                Erased { number: 8, .. } => wrong(Some("inner.hosts"), "needed with eight"),
                Erased { number: 9, .. } => wrong(None, "no nine"),
                Erased { inner: Some(Tls { days: 0, .. }), .. } => {
                    wrong(Some("inner.days"), "no zero")
                }
                _ => Ok(settings),
            }
        });
        (built, problems.to_string())
    }

    #[test]
    fn what_is_built_behind_erasure_has_paths_and_knows_its_secrets() {
        let text = "key: k.pem\nsecret: {file: /abs}\nheader: {file: rel}\n";
        let (built, problems) = build_erased(text);
        let Built { value, secrets } = built.unwrap();
        assert_eq!((problems.as_str(), secrets.len()), ("", 2));
        assert_eq!(value.key.unwrap(), std::path::Path::new("/base/k.pem"));
        let shown = format!("{:?} {:?}", value.secret.unwrap(), value.header.unwrap());
        assert!(shown.contains("\"/abs\"") && shown.contains("\"/base/rel\""), "{shown}");
    }

    #[test]
    fn faults_behind_erasure_are_located_too() {
        for (text, expected) in [
            ("number: 300\nkey: 5\nnmber: 1\n", &["f:1:9: ", "f:2:6: ", "f:3:1: "][..]),
            ("inner: {days: x, hosts: [1]}\n", &["f:1:15: ", "f:1:26: "]),
            ("number: 7\ninner: {days: 0}\n", &["f:1:9: ", "f:2:15: "]),
            ("inner: {days: 1}\nnumber: 8\n", &["f:1:8: error: `inner`: `inner.hosts`: needed"]),
            ("number: 9\n", &["f:1:1: error: no nine"]),
            ("secret: hunter2\nnumber: 7\n", &["f:1:9: ", "f:2:9: "]),
            ("secret: {env: A, file: B}\n", &["f:1:9: error: `secret`: a secret stands in one"]),
            ("header: {env: A B}\n", &["f:1:15: error: `env`: the name of a variable"]),
            ("header: 17\n", &["f:1:9: error: `header`: expected a header's value"]),
        ] {
            let (_, problems) = build_erased(text);
            let found = headlines(&problems);
            assert_eq!(found.len(), expected.len(), "{text}\n{problems}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.starts_with(expected), "{expected}\n{problems}");
            }
            assert!(!problems.contains("hunter2") && !problems.contains("17"), "{problems}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_always_ends(text in "(name|checks|limits|tls|tcp|: |- |\n|\n  |\\{|\\}|, |\\[|\\]|1|~|&a |\\*a|<<: ){0,40}") {
            let mut problems = Problems::default();
            if let Some(document) = Document::parse("f", text.as_bytes(), &mut problems) {
                let settings = collect::<Settings>(&document, Document::ROOT, &mut problems);
                proptest::prop_assert!(settings.is_some() || problems.has_errors());
            }
        }
    }
}
