//! Servers that misbehave on purpose, well behaved ones to compare with, and a certificate
//! authority for both.

pub mod ca;
pub mod dns;
pub mod fault;
pub mod golden;
mod head;
pub mod http;
mod listening;
mod log;
pub mod proxy;
pub mod scrub;
