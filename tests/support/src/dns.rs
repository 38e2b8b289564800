//! A fake name server over UDP and TCP that knows the names a test gives it.

mod message;
mod server;
mod zone;

pub use server::{DnsServer, Query};
pub use zone::{Answer, Zone};
