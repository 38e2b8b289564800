//! A certificate authority for tests: sound certificates, and every kind of unsound one.

mod authority;
mod chain;
mod identity;
mod leaf;

pub use authority::Authority;
pub use chain::Chain;
pub use identity::Identity;
pub use leaf::{KeyKind, Leaf, Moment, Purpose};
