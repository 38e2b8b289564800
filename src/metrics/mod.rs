//! What Prometheus reads: the catalogue of families, the series of checks, and their text.

pub(crate) mod catalogue;
pub(crate) mod checks;
pub(crate) mod exposition;
#[cfg(test)]
pub(crate) mod parse;
