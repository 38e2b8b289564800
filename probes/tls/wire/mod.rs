//! TLS by hand, as far as a scanner needs it: hellos out, a server's first flight in.
//!
//! rustls speaks what is sound; what is not can only be asked for with bytes of our own.

pub(super) mod hello;
mod reader;
mod shape;
pub(super) mod ssl2;
pub(super) mod suite;
pub(super) mod version;

pub(super) use reader::{End, Flight, Reader, Want};
pub(super) use shape::{ServerHello, prime};

#[cfg(test)]
mod tests;
