//! The tokens of `Cross-Origin-*-Policy`.

use sfv::{BareItem, Item, Parser};

/// The token of a structured item (RFC 9651 section 4.2.3), whatever its parameters are.
pub(crate) fn token(text: &str) -> Option<String> {
    let item: Item = Parser::new(text).parse().ok()?;
    match item.bare_item {
        BareItem::Token(token) => Some(token.as_str().to_owned()),
        _ => None,
    }
}

/// A header with the values that browsers know.
pub(crate) struct Policy {
    /// In lower case.
    pub(crate) header: &'static str,
    pub(crate) values: &'static [&'static str],
    /// Whether it speaks of documents alone.
    pub(crate) documents: bool,
    /// Whether it is a structured field; otherwise it is compared as it is.
    pub(crate) structured: bool,
}

pub(crate) const POLICIES: [Policy; 3] = [
    Policy {
        header: "cross-origin-opener-policy",
        values: &[
            "same-origin",
            "same-origin-allow-popups",
            "noopener-allow-popups",
            "unsafe-none",
        ],
        documents: true,
        structured: true,
    },
    Policy {
        header: "cross-origin-embedder-policy",
        values: &["require-corp", "credentialless", "unsafe-none"],
        documents: true,
        structured: true,
    },
    Policy {
        header: "cross-origin-resource-policy",
        values: &["same-origin", "same-site", "cross-origin"],
        documents: false,
        structured: false,
    },
];

impl Policy {
    /// Whether browsers act on what all lines say together.
    pub(crate) fn accepts(&self, joined: &str) -> bool {
        let text = joined.trim();
        if self.structured {
            token(text).is_some_and(|token| self.values.contains(&token.as_str()))
        } else {
            self.values.contains(&text)
        }
    }
}
