//! What can be seen of a deployed service, and how it is judged.
//!
//! A *kind* of probe ([`contract::Kind`]) observes a target and judges what it saw by *rules*
//! ([`rule::Rule`]). Observing does all the I/O, through a [`context::Context`]; judging is a pure
//! function of settings, evidence and time. [`KINDS`] lists every kind; rule catalogue, JSON
//! schema and reference tables come from it.
//!
//! This crate knows no scheduler, store, HTTP server, command line or metrics registry.

pub mod blind;
pub mod context;
pub mod contract;
pub mod cors;
pub mod duration;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod header_must;
pub mod headers;
pub mod health;
pub mod http;
pub mod impact;
pub mod judgement;
pub mod measurement;
pub mod net;
pub mod one_or_many;
pub mod rate_limit;
mod reach;
pub mod registry;
pub mod rule;
pub mod run_id;
pub mod secret;
pub mod severity;
pub mod stack;
pub mod status;
pub mod tcp;
#[cfg(test)]
mod testing;
pub mod text;
pub mod tls;
pub mod webhook;

use registry::Registration;

/// Every kind of probe, in the order of tables and documentation.
pub static KINDS: &[Registration] = &[
    Registration::of::<tcp::Tcp>(),
    Registration::of::<http::Http>(),
    Registration::of::<health::Health>(),
    Registration::of::<headers::Headers>(),
    Registration::of::<cors::Cors>(),
    Registration::of::<tls::Tls>(),
    Registration::of::<webhook::Webhook>(),
    Registration::of::<rate_limit::RateLimit>(),
];

/// The walk through adding a probe, whose code is compiled and run.
#[doc = include_str!("README.md")]
#[cfg(doctest)]
struct Readme;
