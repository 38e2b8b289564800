//! Values of passwords, tokens and keys, told apart from what only looks like one.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{MASK, compiled};
use crate::health::vocabulary;

/// A key that names a secret by its last word, and its value: in JSON (escaped once more inside
/// a string or not), in Python's dictionaries, in `NAME=value` and in lines of YAML. `tokenizer`
/// and `secrets_manager` do not end in such a word; `next_page_token` and others are told apart
/// by [`PUBLIC_KEYS`].
pub(super) static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    const KEY: &str = r"[a-z0-9_.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key)(?:[_-]?base)?";
    compiled(&format!(
        r#"(?im)["']({KEY})\\?["']\s{{0,8}}:\s{{0,8}}\\?["']([^"'\\\r\n]+)|\b({KEY})\s?=\s?\\?["']?([^\s"'&;,<>\\]+)|^[ \t-]{{0,16}}({KEY}):[ \t]{{1,8}}["']?([^\s"'{{\[]+)["']?[ \t\r]{{0,8}}$"#,
    ))
});

/// Keys that end like secrets and are none.
const PUBLIC_KEYS: [&str; 9] = [
    "pagetoken",
    "pagingtoken",
    "continuationtoken",
    "csrftoken",
    "xsrftoken",
    "synctoken",
    "maxtoken",
    "pertoken",
    "publickey",
];

/// What stands for a secret without being one, beside the words of health.
const NO_SECRETS: [&str; 31] = [
    "null",
    "none",
    "nil",
    "undefined",
    "empty",
    "true",
    "false",
    "set",
    "unset",
    "notset",
    "present",
    "missing",
    "absent",
    "configured",
    "loaded",
    "found",
    "notfound",
    "valid",
    "invalid",
    "expired",
    "required",
    "enabled",
    "redacted",
    "hidden",
    "masked",
    "filtered",
    "secret",
    "protected",
    "bearer",
    "string",
    "removed",
];

pub(super) fn secret(body: &str) -> Option<String> {
    PAIR.captures_iter(body)
        .find(|found| {
            let key: String =
                key_of(found).chars().filter(char::is_ascii_alphanumeric).collect::<String>();
            let key = key.to_ascii_lowercase();
            !PUBLIC_KEYS.iter().any(|public| key.ends_with(public))
                && is_secret(value_of(found))
                && !found.get(4).is_some_and(|value| is_code(value.as_str()))
        })
        .map(|found| format!("{}={MASK}", key_of(&found)))
}

pub(super) fn key_of<'t>(found: &Captures<'t>) -> &'t str {
    [1, 3, 5].into_iter().find_map(|number| found.get(number)).map_or("", |part| part.as_str())
}

fn value_of<'t>(found: &Captures<'t>) -> &'t str {
    [2, 4, 6].into_iter().find_map(|number| found.get(number)).map_or("", |part| part.as_str())
}

fn is_secret(value: &str) -> bool {
    let value = value.trim();
    let word: String =
        value.chars().filter(|c| c.is_alphanumeric()).take(32).collect::<String>().to_lowercase();
    let describes = vocabulary::level(value).is_some()
        || NO_SECRETS.contains(&word.as_str())
        // Prose about the secret, and where to get one.
        || value.contains(char::is_whitespace)
        || value.starts_with('/')
        || value.contains("://")
        // A count of tokens.
        || (value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit()));
    !(describes || is_masked(value))
}

/// Whether what is assigned without quotes is an expression of a page's script.
fn is_code(value: &str) -> bool {
    let names = |text: &str| {
        text.split('.').all(|name| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || "_$".contains(c))
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "_$".contains(c))
        })
    };
    value.len() < 4
        || value.contains(['(', ')', '!'])
        || (value.contains('.') && names(value))
        || ["void", "await", "this", "function", "typeof", "return"].contains(&value)
}

/// Whether a value was masked by its sender, or is a placeholder of a template.
pub(super) fn is_masked(value: &str) -> bool {
    let value = value.trim();
    let filler = |c: char| matches!(c, '*' | 'x' | 'X' | '•' | '●' | '.' | '-' | '_' | '#' | '…');
    value.is_empty()
        || value.chars().all(filler)
        || value.contains("***")
        || value.to_ascii_uppercase().contains("%2A%2A")
        || value.to_ascii_lowercase().contains("redacted")
        || value.starts_with(['$', '<', '[', '{', '%', '('])
}
