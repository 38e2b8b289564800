//! Observatory's tests of headers that are one word.

use super::facts::Facts;
use super::{Outcome, outcome};
use crate::headers::field::referrer;

pub(super) fn referrer_policy(facts: &Facts<'_>) -> Outcome {
    let header = facts.header("referrer-policy");
    let meta = facts.markup().and_then(|page| page.referrer.clone());
    let text: Vec<String> = header.into_iter().chain(meta).collect();
    if text.is_empty() {
        return outcome("referrer-policy-not-implemented", 0);
    }
    match referrer::last_known(&text.join(", ")) {
        Some(
            "no-referrer" | "same-origin" | "strict-origin" | "strict-origin-when-cross-origin",
        ) => outcome("referrer-policy-private", 5),
        Some(_) => outcome("referrer-policy-unsafe", -5),
        None => outcome("referrer-policy-header-invalid", -5),
    }
}

pub(super) fn content_type_options(facts: &Facts<'_>) -> Outcome {
    match facts.header("x-content-type-options") {
        None => outcome("x-content-type-options-not-implemented", -5),
        Some(value) if value.trim().eq_ignore_ascii_case("nosniff") => {
            outcome("x-content-type-options-nosniff", 0)
        }
        Some(_) => outcome("x-content-type-options-header-invalid", -5),
    }
}

pub(super) fn frame_options(facts: &Facts<'_>, has_frame_ancestors: bool) -> Outcome {
    if has_frame_ancestors {
        return outcome("x-frame-options-implemented-via-csp", 5);
    }
    let value = facts.header("x-frame-options").filter(|value| !value.is_empty());
    let Some(value) = value else { return outcome("x-frame-options-not-implemented", -20) };
    match value.trim().to_lowercase().as_str() {
        "deny" | "sameorigin" => outcome("x-frame-options-sameorigin-or-deny", 5),
        other if other.starts_with("allow-from") => outcome("x-frame-options-allow-from-origin", 0),
        _ => outcome("x-frame-options-header-invalid", -20),
    }
}
