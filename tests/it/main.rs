//! The built program, used as its users use it. One binary, because linking is what costs.

mod bad_input;
mod check;
mod config;
mod demo;
mod docs;
mod faults;
mod golden;
mod harness;
mod help;
#[cfg(feature = "peers")]
mod nginx;
mod replay;
mod secrets;
mod tidy;
