//! `Referrer-Policy`: the last value that is known (W3C Referrer Policy section 8.1).

use super::members;

const KNOWN: [&str; 8] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];

/// The policy that a browser takes from a text; `None` when no value in it is known.
pub(crate) fn last_known(text: &str) -> Option<&'static str> {
    let values = members(text);
    values.filter_map(|value| KNOWN.into_iter().find(|known| *known == value)).last()
}
