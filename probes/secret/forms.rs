//! The forms in which a secret may come back, all of which are redacted.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::SHORTEST;

/// What `encodeURIComponent` escapes, and with the slash what escapers of paths do.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// The ways in which a value may come back: as it is, percent-encoded, in base64 at any offset,
/// and escaped in JSON or HTML.
pub(super) fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    let mut percent: Vec<String> = [NON_ALPHANUMERIC, COMPONENT, UNRESERVED, PATH]
        .map(|set| utf8_percent_encode(value, set).to_string())
        .into();
    percent.push(url::form_urlencoded::byte_serialize(value.as_bytes()).collect());
    percent.push(value.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}")));
    // RFC 3986 section 2.1: both cases of the digits mean the same.
    forms.extend(percent.iter().map(|form| lower_escapes(form)));
    forms.append(&mut percent);
    if let Ok(json) = serde_json::to_string(value) {
        let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"'));
        let json = json.unwrap_or(value);
        forms.extend([json.to_owned(), json.replace('/', "\\/")]);
        forms.extend([ascii_json(json, ""), ascii_json(json, "<>&'"), ascii_json(json, "<>&'/")]);
    }
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    forms.extend(["&#39;", "&#x27;", "&apos;", "'"].into_iter().flat_map(|single| {
        ["&quot;", "&#34;", "\""].map(|double| html.replace('\'', single).replace('"', double))
    }));
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        forms.push(engine.encode(value));
    }
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        forms.extend((0..3).filter_map(|offset| inner_base64(&engine, value, offset)));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// Percent-encoded text with its escapes in lower case.
fn lower_escapes(text: &str) -> String {
    let mut digits = 0;
    let lower = |character: char| {
        if character == '%' {
            digits = 2;
        } else if digits > 0 {
            digits -= 1;
            return character.to_ascii_lowercase();
        }
        character
    };
    text.chars().map(lower).collect()
}

/// JSON text with escapes for all but ASCII, and for these.
fn ascii_json(json: &str, too: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '/' && too.contains('/') {
            text.push_str("\\/");
        } else if character.is_ascii() && !too.contains(character) {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string does not fail.
                let _written = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// The characters of base64 that depend on the value alone when it stands `offset` bytes after
/// a multiple of three.
fn inner_base64(engine: &impl base64::Engine, value: &str, offset: usize) -> Option<String> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(value.as_bytes());
    let encoded = engine.encode(&bytes);
    let first = [0, 2, 3][offset];
    let whole = encoded.len() - usize::from(!bytes.len().is_multiple_of(3));
    let inner = encoded.get(first..whole)?;
    (inner.len() >= 2 * SHORTEST).then(|| inner.to_owned())
}
