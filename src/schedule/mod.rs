//! When to look.

mod admission;
mod blocked;
mod daily;
mod engine;
mod meters;
mod missed;
mod phase;
mod slot;
#[cfg(test)]
mod tests;
mod waivers;

pub(crate) use engine::{Bounds, Engine};
pub(crate) use meters::Meters;
