//! What the markup of a page says that its headers are judged with.

mod scan;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use scan::Tag;

/// Of a page, so many bytes are read.
pub(super) const LONGEST: usize = 256 * 1024;

/// Of each kind of element, so many are kept.
const MOST: usize = 400;

/// Of an attribute, so many bytes are kept.
const LONGEST_TEXT: usize = 64 * 1024;

/// The facts of one page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page {
    /// Whether it begins as HTML does.
    pub(crate) html: bool,
    /// The meta elements that carry a policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) policies: Vec<MetaPolicy>,
    /// The content of the last `<meta name=referrer>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) referrer: Option<String>,
    /// Where relative URLs start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<String>,
    /// How many script elements there are.
    #[serde(default)]
    pub(crate) scripts: usize,
    /// Those that are loaded from somewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) loaded: Vec<Script>,
    /// The nonces of scripts and styles, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) nonces: Vec<String>,
}

/// A `<meta http-equiv="Content-Security-Policy">`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetaPolicy {
    pub(crate) content: String,
    /// Browsers obey it only in the head (HTML section 4.2.5.3).
    pub(crate) in_head: bool,
}

/// A script that is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Script {
    pub(crate) src: String,
    /// Whether it has an `integrity` that is not empty.
    pub(crate) integrity: bool,
}

impl Page {
    /// Reads the beginning of a page.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes.get(..LONGEST).unwrap_or(bytes));
        let mut page = Self { html: begins_as_html(&text), ..Self::default() };
        let mut in_head = true;
        for tag in scan::tags(&text) {
            in_head &= matches!(
                tag.name.as_str(),
                "html"
                    | "head"
                    | "meta"
                    | "title"
                    | "link"
                    | "script"
                    | "style"
                    | "base"
                    | "noscript"
                    | "template"
            );
            page.note(&tag, in_head);
        }
        page
    }

    fn note(&mut self, tag: &Tag, in_head: bool) {
        match tag.name.as_str() {
            "meta" => self.note_meta(tag, in_head),
            "base" if self.base.is_none() => self.base = tag.attribute("href").map(short),
            "script" => {
                self.scripts += 1;
                let src = tag.attribute("src").filter(|src| !src.is_empty());
                if let Some(src) = src.filter(|_| self.loaded.len() < MOST) {
                    let integrity = tag.attribute("integrity").is_some_and(|text| !text.is_empty());
                    self.loaded.push(Script { src: short(src), integrity });
                }
            }
            _ => {}
        }
        if matches!(tag.name.as_str(), "script" | "style" | "link")
            && let Some(nonce) = tag.attribute("nonce")
            && self.nonces.len() < MOST
            && !self.nonces.iter().any(|known| known == nonce)
        {
            self.nonces.push(short(nonce));
        }
    }

    fn note_meta(&mut self, tag: &Tag, in_head: bool) {
        let Some(content) = tag.attribute("content") else { return };
        let is = |name, text| {
            tag.attribute(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(text))
        };
        if tag.attribute("http-equiv").is_some() {
            if is("http-equiv", "content-security-policy") && self.policies.len() < MOST {
                self.policies.push(MetaPolicy { content: short(content), in_head });
            }
        } else if is("name", "referrer") {
            self.referrer = Some(short(content));
        }
    }
}

fn short(text: &str) -> String {
    let mut end = text.len().min(LONGEST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

fn begins_as_html(text: &str) -> bool {
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    ["<!doctype html", "<html", "<head"].iter().any(|wanted| {
        start.get(..wanted.len()).is_some_and(|found| found.eq_ignore_ascii_case(wanted))
    })
}
