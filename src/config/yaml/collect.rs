//! Finds all faults of a document in one go, although serde gives up at the first one.

use std::collections::{HashMap, HashSet};

use serde::de::DeserializeOwned;

use super::{
    de::Reader,
    document::{Document, NodeId},
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
    let mut loss = Loss::default();
    let size = document.last_of(at).0.saturating_sub(at.0).saturating_add(1);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    for _ in 0..MIN_RETRIES + MAX_VISITS / size {
        let fault = match T::deserialize(Reader::new(document, at, &loss.pruned)) {
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
            _ => self.reduced.contains(&faulty),
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
