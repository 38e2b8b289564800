//! The built program, used as its users use it. One binary, because linking is what costs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod bad_input;
mod blocked;
mod check;
mod config;
#[cfg(feature = "peers")]
mod cors;
mod daemon;
mod daemon_process;
mod demo;
mod docs;
mod faults;
mod generate;
mod golden;
mod harness;
#[cfg(feature = "peers")]
mod headers;
mod help;
mod limits;
#[cfg(feature = "peers")]
mod nginx;
#[cfg(feature = "peers")]
mod peer;
mod push;
#[cfg(feature = "peers")]
mod rate_limit;
mod replay;
mod report;
mod secrets;
mod signals;
#[cfg(feature = "peers")]
mod starttls;
mod state;
mod tidy;
#[cfg(feature = "peers")]
mod tls;
#[cfg(feature = "peers")]
mod webhook;
