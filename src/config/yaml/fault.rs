//! Why a value of a document does not fit the type it is read into.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::{
    document::{Document, Kind, NodeId},
    problem::{Problem, shorten, suggestion},
};

/// How values are recognised that may be references to secrets, in what their visitors expect.
pub(super) const SECRET_ALLOWED: &str = "{env: NAME}";

/// The names that are possible in some place, as serde's derive lists them.
pub(super) type Names = &'static [&'static str];

/// A mismatch, and where it is once that is known.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    pub(super) at: Option<NodeId>,
}

#[derive(Debug, Clone)]
pub(super) enum FaultKind {
    /// Located at the key.
    UnknownField { name: String, known: Names },
    /// Located at the key or the text that was to name a variant.
    UnknownVariant { name: String, known: Names },
    /// Located at the mapping that lacks it.
    MissingField(&'static str),
    /// Two spellings of one key.
    DuplicateField(&'static str),
    /// The wrong type, range or length.
    Invalid { found: String, expected: String },
    /// A secret that is written out.
    Exposed,
    /// In the words of whoever refused the value, advice after `\nhint: `.
    Custom(String),
}

impl Fault {
    pub(super) fn invalid(found: impl Into<String>, expected: impl Into<String>) -> Self {
        FaultKind::Invalid { found: found.into(), expected: expected.into() }.into()
    }

    /// Locates a fault that does not know better.
    pub(super) fn or_at(self, at: NodeId) -> Self {
        Self { at: self.at.or(Some(at)), ..self }
    }

    /// Puts the fault into words.
    pub(super) fn problem(&self, document: &Document, at: NodeId) -> Problem {
        let title = document.title(at);
        let subject = title.map(|title| format!("{title}: ")).unwrap_or_default();
        let is_key = document.holder(at).is_some_and(|holder| holder != at);
        let map = if is_key { document.node(at).parent.unwrap_or(at) } else { at };
        let within = document.title(map).map(|title| format!(" in {title}")).unwrap_or_default();
        match &self.kind {
            FaultKind::UnknownField { name, known } => {
                let message = format!("unknown key `{}`{within}", shorten(name));
                document.error(at, message).with_hint(suggestion(name, known))
            }
            FaultKind::UnknownVariant { name, known } => {
                let name = shorten(name);
                let message = if is_key {
                    format!("unknown key `{name}`{within}")
                } else {
                    format!("{subject}unknown value `{name}`")
                };
                document.error(at, message).with_hint(suggestion(&name, known))
            }
            FaultKind::MissingField(name) => {
                // A mapping starts at its first key, which is not what is wrong with it.
                let at = document.key_of(at).unwrap_or(at);
                document.error(at, format!("missing key `{name}`{within}"))
            }
            FaultKind::DuplicateField(name) => {
                document.error(at, format!("the key `{name}` is given twice{within}"))
            }
            FaultKind::Invalid { found, expected } => {
                let may_be_secret = expected.contains(SECRET_ALLOWED);
                let found = match document.kind(at) {
                    Kind::Seq(_) | Kind::Map(_) => found.clone(),
                    Kind::Int(_) | Kind::UInt(_) | Kind::Float(_) if may_be_secret => {
                        "a number".to_owned()
                    }
                    _ => document.describe(at),
                };
                let message =
                    format!("{subject}expected {}, found {found}", in_plain_words(expected));
                let problem = document.error(at, message);
                if may_be_secret {
                    problem.masked()
                } else {
                    problem.with_hint(advice(document, at, expected))
                }
            }
            FaultKind::Exposed => {
                let message = format!("{subject}a secret is not written into a configuration");
                let hint = "write {env: NAME} or {file: PATH}".to_owned();
                document.error(at, message).with_hint(hint).masked()
            }
            FaultKind::Custom(text) => {
                // The text was made elsewhere, and may repeat a value at any length.
                let value = document.text(at);
                let short = shorten(value);
                let text =
                    if short.len() < value.len() { &text.replace(value, &short) } else { text };
                let (message, hint) = match text.split_once("\nhint: ") {
                    Some((message, hint)) => (message, Some(hint.to_owned())),
                    None => (&**text, None),
                };
                let problem = document.error(at, format!("{subject}{message}")).with_hint(hint);
                // A URL with a password in it is not shown.
                if value.contains("://") && value.contains('@') {
                    problem.masked()
                } else {
                    problem
                }
            }
        }
    }
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self { kind, at: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FaultKind::UnknownField { name, .. } => write!(f, "unknown key `{name}`"),
            FaultKind::UnknownVariant { name, .. } => write!(f, "unknown value `{name}`"),
            FaultKind::MissingField(name) => write!(f, "missing key `{name}`"),
            FaultKind::DuplicateField(name) => write!(f, "the key `{name}` is given twice"),
            FaultKind::Invalid { found, expected } => {
                write!(f, "expected {}, found {found}", in_plain_words(expected))
            }
            FaultKind::Exposed => f.write_str("a secret that is written out"),
            FaultKind::Custom(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        FaultKind::Custom(message.to_string()).into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "a mapping".to_owned(),
            Unexpected::Str(text) => format!("the text \"{}\"", shorten(text)),
            Unexpected::Bool(value) => format!("`{value}`"),
            Unexpected::Unsigned(value) => format!("the number {value}"),
            Unexpected::Signed(value) => format!("the number {value}"),
            Unexpected::Float(value) => format!("the number {value}"),
            other => shorten(&other.to_string()),
        };
        Self::invalid(found, expected.to_string())
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::invalid(format!("{length} of them"), expected.to_string())
    }

    fn unknown_variant(variant: &str, expected: Names) -> Self {
        FaultKind::UnknownVariant { name: variant.to_owned(), known: expected }.into()
    }

    fn unknown_field(field: &str, expected: Names) -> Self {
        FaultKind::UnknownField { name: field.to_owned(), known: expected }.into()
    }

    fn missing_field(field: &'static str) -> Self {
        FaultKind::MissingField(field).into()
    }

    fn duplicate_field(field: &'static str) -> Self {
        FaultKind::DuplicateField(field).into()
    }
}

/// Rewords what serde and its derive say they expect.
fn in_plain_words(expected: &str) -> String {
    let (zero, number) = match expected.strip_prefix("a nonzero ") {
        Some(number) => ("1", number),
        None => ("0", expected),
    };
    match number {
        "u8" => format!("a whole number from {zero} to {}", u8::MAX),
        "u16" => format!("a whole number from {zero} to {}", u16::MAX),
        "u32" => format!("a whole number from {zero} to {}", u32::MAX),
        "u64" | "u128" | "usize" => format!("a whole number, {zero} or more"),
        "i8" => format!("a whole number from {} to {}", i8::MIN, i8::MAX),
        "i16" => format!("a whole number from {} to {}", i16::MIN, i16::MAX),
        "i32" => format!("a whole number from {} to {}", i32::MIN, i32::MAX),
        "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" | "string" | "str" => "a text".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "unit" => "nothing".to_owned(),
        other if other.starts_with("struct ") => "a mapping".to_owned(),
        other => other.to_owned(),
    }
}

/// What to do about a value of the wrong type.
fn advice(document: &Document, at: NodeId, expected: &str) -> Option<String> {
    let text = document.text(at);
    let node = document.node(at);
    match (&*in_plain_words(expected), &node.kind) {
        // Told by the text in the file, since `1.10` is no longer that once it is a number.
        ("a text", Kind::Bool(_) | Kind::Int(_) | Kind::UInt(_) | Kind::Float(_)) => {
            Some(format!("put it in quotes: \"{}\"", shorten(text)))
        }
        (_, Kind::Null) if text.is_empty() => {
            Some("give it a value, or leave the key out".to_owned())
        }
        ("`true` or `false`", Kind::String(_)) => Some("write `true` or `false`".to_owned()),
        ("a list", Kind::Map(_)) => Some("start each item with `- `".to_owned()),
        ("a list", Kind::String(_) | Kind::Int(_) | Kind::UInt(_) | Kind::Float(_)) => {
            Some("put it in brackets: `[…]`".to_owned())
        }
        (words, Kind::String(_))
            if words.contains("number")
                && !matches!(super::scalar::resolve(text), Kind::String(_)) =>
        {
            Some("leave the quotes out".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{collect, problem::Problems},
        *,
    };
    use serde::de::DeserializeOwned;
    use std::collections::BTreeMap;

    fn message<T: DeserializeOwned>(text: &str) -> String {
        let mut problems = Problems::default();
        let document = Document::parse("f", text.as_bytes(), &mut problems).unwrap();
        collect::<BTreeMap<String, T>>(&document, Document::ROOT, &mut problems);
        let text = problems.to_string();
        let lines = text.lines().filter(|line| !line.contains(" | "));
        lines
            .map(|line| line.trim().rsplit("error: ").next().unwrap())
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn mismatches_are_told_in_plain_words() {
        let found = message::<String>("k: 1.10");
        assert_eq!(
            found,
            "`k`: expected a text, found the number 1.10; hint: put it in quotes: \"1.10\""
        );
        let found = message::<String>("k:");
        let advice = "hint: give it a value, or leave the key out";
        assert_eq!(found, format!("`k`: expected a text, found nothing; {advice}"));
        let found = message::<bool>("k: yes");
        let advice = "hint: write `true` or `false`";
        assert_eq!(
            found,
            format!("`k`: expected `true` or `false`, found the text \"yes\"; {advice}")
        );
        let found = message::<u8>("k: '12'");
        let advice = "hint: leave the quotes out";
        let words = "a whole number from 0 to 255";
        assert_eq!(found, format!("`k`: expected {words}, found the text \"12\"; {advice}"));
        let found = message::<std::num::NonZeroU16>("k: 0");
        assert_eq!(found, "`k`: expected a whole number from 1 to 65535, found the number 0");
        let found = message::<Vec<String>>("k: a");
        let advice = "hint: put it in brackets: `[…]`";
        assert_eq!(found, format!("`k`: expected a list, found the text \"a\"; {advice}"));
        let found = message::<BTreeMap<String, u8>>("k: [1]");
        assert_eq!(found, "`k`: expected a mapping, found a list");
        assert_eq!(message::<i64>("k: 1.5"), "`k`: expected a whole number, found the number 1.5");
        assert_eq!(message::<f64>("k: x"), "`k`: expected a number, found the text \"x\"");
        let found = message::<(u8, u8)>("k: [1, 2, 3]");
        assert_eq!(found, "an item of `k`: expected a list of 2, found the number 3");
        let found = message::<u8>("1: 1");
        assert_eq!(
            found,
            "a key: expected a text, found the number 1; hint: put it in quotes: \"1\""
        );
    }

    #[test]
    fn long_values_are_not_repeated() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(try_from = "String")]
        struct Picky;

        impl TryFrom<String> for Picky {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                Err(format!("`{text}` is\n    not\n  good\nhint: try again"))
            }
        }

        let secret = "s3cret-".repeat(20);
        let shown = shorten(&secret);
        assert!(message::<u8>(&format!("k: {secret}")).ends_with(&format!("text \"{shown}\"")));
        let found = message::<Picky>(&format!("k: {secret}"));
        assert_eq!(found, format!("`k`: `{shown}` is not good; hint: try again"));
    }
}
