//! A strict reader of the text format, for tests: it refuses whatever Prometheus might.

use std::collections::{BTreeMap, BTreeSet};

/// One line of a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

pub(crate) fn is_metric_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

pub(crate) fn is_label_name(name: &str) -> bool {
    !name.starts_with("__")
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Every sample of a page; panics where it is not well-formed.
pub(crate) fn page(text: &str) -> Vec<Sample> {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end");
    let mut families = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut samples = Vec::new();
    let mut current = "";
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        assert!(!line.chars().any(|c| c.is_ascii_control()), "a control character: {line:?}");
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, sentence) = help.split_once(' ').expect("HELP has a text");
            assert!(is_metric_name(name) && !sentence.is_empty(), "{line}");
            assert!(families.insert(name), "{name} is announced twice");
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE "));
            let kind = kind.and_then(|rest| rest.strip_prefix(name)).expect("TYPE after HELP");
            let known = [" gauge", " counter", " histogram"].contains(&kind);
            assert!(known, "{name} is of the kind{kind}");
            current = name;
            continue;
        }
        let sample = sample(line);
        let family = family_of(&sample.name, |name| families.contains(name));
        assert_eq!(family, current, "outside of its family: {line}");
        let series = format!("{} {:?}", sample.name, sample.labels);
        assert!(seen.insert(series), "a series stands twice: {line}");
        samples.push(sample);
    }
    samples
}

/// The family of a sample: its own name, or that of a histogram.
pub(crate) fn family_of(name: &str, is_family: impl Fn(&str) -> bool) -> &str {
    if is_family(name) {
        return name;
    }
    ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect("a name and a value");
    let (name, mut rest) = line.split_at(end);
    assert!(is_metric_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").expect("a label and its value");
            assert!(is_label_name(label), "{label}: {line}");
            let (value, after) = value(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{label} twice: {line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = rest.strip_prefix('}').expect("the end of the labels");
    }
    let number = rest.strip_prefix(' ').expect("one space before the value");
    let value = match number {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        digits => {
            assert!(digits.starts_with(|c: char| c.is_ascii_digit() || c == '-'), "{line}");
            digits.parse().unwrap_or_else(|_| panic!("no number: {line}"))
        }
    };
    Sample { name: name.to_owned(), labels, value }
}

fn value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next().expect("the end of a value") {
            '"' => return (value, chars.as_str()),
            '\\' => value.push(match chars.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                other => panic!("no escape: {other:?} in {text}"),
            }),
            c => value.push(c),
        }
    }
}
