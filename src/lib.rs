//! musterd keeps checking that what is deployed still keeps its production promises.
//!
//! # A bird's-eye view
//!
//! ```text
//!            observe (async)         judge (pure)          policy (pure)        report
//!  target ----------------> Evidence -----------> findings -----------> Ruling -------> Document
//!                         | or Blind              what fired            severities,
//!                         |                                             waivers, verdict
//!                         +-> measurements (what becomes a metric)
//! ```
//!
//! The crate `musterd-probes` knows what can be seen of a service and how it is judged. This
//! crate decides when to look, what to remember and whom to tell.
//!
//! # Where things are
//!
//! | module | holds |
//! |---|---|
//! | `cli` | the command line: one file a command, one writer a format under `cli/output` |
//! | `config` | files become a `Config`, or a list of every problem in them |
//! | `runner` | one function runs one check once, for everybody |
//! | `oneshot` | every selected check once, in parallel |
//! | `app` | the daemon wired together: started, reloaded, stopped |
//! | `schedule` | when to look: phases, admission, the one task that starts runs |
//! | `heartbeat` | whether the scheduler still goes round |
//! | `ledger` | what runs at most once a day and route |
//! | `durable` | small files that survive a crash |
//! | `blocking` | calls that may hang, awaited for so long |
//! | `store` | what was seen, behind a trait; immutable states for readers |
//! | `damping` | from verdicts to a status: what has to be confirmed |
//! | `api` | the HTTP API and its guards |
//! | `notify` | who is told of changes, and how |
//! | `commands`, `clock`, `hash` | what can be asked of the scheduler; time; a stable hash |
//! | `policy` | severities of a service's own, and waivers |
//! | `status`, `score` | what verdicts and findings make of a service |
//! | `report` | the status document, from which every output is written |
//! | `metrics` | Prometheus' text format |
//! | `alerting` | rules for Prometheus, made of objectives |
//! | `evidence` | evidence files, and what is needed to judge them again |
//! | `demo` | two specimen services, one hardened and one flawed |
//! | `telemetry` | logs, without secrets |
//!
//! # Invariants
//!
//! - **Observing does all the I/O.** Judging, policy, status and score are pure: they take
//!   settings, evidence and a time, and never look at a clock or a socket.
//! - **There is one way to run a check**, `runner::run`. Nothing else calls a probe.
//! - **What the target does is evidence; only our own inability is an error**, and that is never
//!   green and never the target's fault.
//! - **Nothing that came from outside leaves without redaction**, which goes by value.
//! - **Uses go downwards**: `cli` to `app`, `app` to `api`, `schedule` and `notify`, these to `store`,
//!   `store` to `runner`, `runner` to `policy` and `probes`. A test reads the `use` lines.
//! - **There is one writer of the store**, the scheduler. Readers never wait for it.

mod alerting;
mod api;
mod app;
mod blocking;
mod cli;
mod clock;
mod commands;
mod config;
mod damping;
mod demo;
mod durable;
mod evidence;
mod hash;
mod heartbeat;
mod ledger;
mod metrics;
mod notify;
mod oneshot;
mod policy;
mod report;
mod runner;
mod schedule;
mod score;
mod status;
mod store;
mod telemetry;
#[cfg(test)]
mod testing;

pub use cli::main;
