//! When to look.

mod admission;
mod blocked;
mod engine;
mod meters;
mod phase;
#[cfg(test)]
mod tests;

pub(crate) use engine::{Bounds, Engine};
pub(crate) use meters::Meters;
