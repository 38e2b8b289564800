//! Observatory's tests of the Cross-Origin-*-Policy headers.

use super::facts::Facts;
use super::{Outcome, outcome};
use crate::headers::field::isolation::token;

pub(super) fn resource_policy(facts: &Facts<'_>) -> Outcome {
    let value = facts.header("cross-origin-resource-policy").filter(|value| !value.is_empty());
    let value = value.map(|value| value.trim().to_lowercase());
    match value.as_deref() {
        None | Some("") => outcome("cross-origin-resource-policy-not-implemented", 0),
        Some("same-origin") => {
            outcome("cross-origin-resource-policy-implemented-with-same-origin", 10)
        }
        Some("same-site") => outcome("cross-origin-resource-policy-implemented-with-same-site", 10),
        Some("cross-origin") => {
            outcome("cross-origin-resource-policy-implemented-with-cross-origin", 0)
        }
        Some(_) => outcome("cross-origin-resource-policy-header-invalid", -5),
    }
}

/// The token of a header; `None` without one, and an empty one where there is no token in it.
fn policy(facts: &Facts<'_>, name: &str) -> Option<String> {
    let value = facts.header(name).filter(|value| !value.is_empty())?;
    Some(token(value.trim()).unwrap_or_default())
}

pub(super) fn embedder_policy(facts: &Facts<'_>) -> Outcome {
    match policy(facts, "cross-origin-embedder-policy").as_deref() {
        None => outcome("coep-not-implemented", 0),
        Some("require-corp") => outcome("coep-implemented-with-require-corp", 10),
        Some("credentialless") => outcome("coep-implemented-with-credentialless", 10),
        Some("unsafe-none") => outcome("coep-implemented-with-unsafe-none", 0),
        Some(_) => outcome("coep-header-invalid", -5),
    }
}

pub(super) fn opener_policy(facts: &Facts<'_>) -> Outcome {
    match policy(facts, "cross-origin-opener-policy").as_deref() {
        None => outcome("coop-not-implemented", 0),
        Some("same-origin") => outcome("coop-implemented-with-same-origin", 10),
        Some("same-origin-allow-popups") => {
            outcome("coop-implemented-with-same-origin-allow-popups", 10)
        }
        Some("noopener-allow-popups") => outcome("coop-implemented-with-noopener-allow-popups", 10),
        Some("unsafe-none") => outcome("coop-implemented-with-unsafe-none", 0),
        Some(_) => outcome("coop-header-invalid", -5),
    }
}
