//! The way to the network: one dialler and one HTTP exchange for every probe.

pub mod body;
pub mod budget;
pub mod caa;
pub mod caching;
pub mod certificate;
pub mod connection;
pub mod dial;
pub mod exchange;
pub mod failure;
pub mod guard;
mod interim;
mod invitation;
pub mod lookup;
pub mod measure;
pub mod named;
pub mod network;
pub mod origin;
pub mod phase;
pub mod proxy;
pub mod redirect;
pub mod request;
pub mod resolve;
pub mod sighting;
mod tally;
pub mod target;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod traffic;
pub mod trust;
pub mod uplink;
