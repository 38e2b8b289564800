//! The grammars of single header fields, each as browsers read it.

pub(crate) mod cache;
pub(super) mod cookie;
pub(super) mod framing;
pub(super) mod hsts;
pub(super) mod isolation;
pub(super) mod permissions;
pub(super) mod referrer;
#[cfg(test)]
mod tests;

/// The members of a comma separated list, in lower case, without empty ones.
pub(super) fn members(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_ascii_lowercase)
}
