//! The start tags of a page, without building a tree of it.

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// In lower case.
    pub(super) name: String,
    /// Names in lower case; of equal ones the first counts.
    attributes: Vec<(String, String)>,
}

impl Tag {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Elements whose content is text and not markup (HTML section 13.2.5), `noscript` where scripts run.
const TEXT: [&str; 9] =
    ["script", "style", "textarea", "title", "iframe", "noembed", "noframes", "noscript", "xmp"];

/// Of a tag, so many attributes are read.
const MOST: usize = 64;

/// Every start tag outside comments, text and templates, in order.
pub(super) fn tags(text: &str) -> Vec<Tag> {
    let mut cursor = Cursor { rest: text };
    let mut found = Vec::new();
    let mut templates = 0_usize;
    while cursor.skip_past("<") {
        if cursor.eat("!--") {
            // A comment that never ends takes everything with it, as in a browser.
            if !cursor.skip_past("-->") {
                break;
            }
        } else if cursor.rest.starts_with('/') {
            if cursor.rest.get(1..9).is_some_and(|name| name.eq_ignore_ascii_case("template")) {
                templates = templates.saturating_sub(1);
            }
            cursor.skip_past(">");
        } else if cursor.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let tag = cursor.tag();
            let name = tag.name.clone();
            if name == "template" {
                templates += 1;
            } else if templates == 0 {
                found.push(tag);
            }
            if TEXT.contains(&name.as_str()) {
                cursor.skip_text(&name);
            }
        } else if cursor.rest.starts_with(['!', '?']) {
            cursor.skip_past(">");
        }
    }
    found
}

struct Cursor<'a> {
    rest: &'a str,
}

impl Cursor<'_> {
    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn eat(&mut self, text: &str) -> bool {
        let there = self.rest.starts_with(text);
        if there {
            self.advance(text.len());
        }
        there
    }

    fn skip_past(&mut self, text: &str) -> bool {
        let found = self.rest.find(text);
        self.advance(found.map_or(self.rest.len(), |at| at + text.len()));
        found.is_some()
    }

    /// To the end tag of an element whose content is text.
    fn skip_text(&mut self, name: &str) {
        while self.skip_past("</") {
            if self.rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
                self.skip_past(">");
                return;
            }
        }
    }

    fn take_until(&mut self, stop: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(stop).unwrap_or(self.rest.len());
        let taken = self.rest.get(..end).unwrap_or_default().to_owned();
        self.advance(end);
        taken
    }

    fn tag(&mut self) -> Tag {
        let name = self.take_until(|c| c.is_ascii_whitespace() || matches!(c, '/' | '>'));
        let mut tag = Tag { name: name.to_ascii_lowercase(), attributes: Vec::new() };
        loop {
            let space = |c: char| !(c.is_ascii_whitespace() || c == '/');
            self.take_until(space);
            if self.rest.is_empty() || self.eat(">") {
                return tag;
            }
            let mut name =
                self.take_until(|c| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '='));
            if name.is_empty() {
                // A stray equals sign begins a name.
                self.advance(1);
                name.push('=');
            }
            self.take_until(|c| !c.is_ascii_whitespace());
            let value = if self.eat("=") { self.value() } else { String::new() };
            if tag.attributes.len() < MOST {
                tag.attributes.push((name.to_ascii_lowercase(), value));
            }
        }
    }

    fn value(&mut self) -> String {
        self.take_until(|c| !c.is_ascii_whitespace());
        for quote in ['"', '\''] {
            if self.rest.starts_with(quote) {
                self.advance(1);
                let value = self.take_until(|c| c == quote);
                self.advance(1);
                return decoded(&value);
            }
        }
        decoded(&self.take_until(|c| c.is_ascii_whitespace() || c == '>'))
    }
}

/// The character references that stand in policies and URLs.
fn decoded(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    [
        ("&#39;", "'"),
        ("&#039;", "'"),
        ("&#x27;", "'"),
        ("&#X27;", "'"),
        ("&apos;", "'"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x2F;", "/"),
        ("&#x2f;", "/"),
        ("&#47;", "/"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (reference, character)| text.replace(reference, character))
}
