//! What the daemon costs, beside what the bare work costs on the same machine in the same run.
//!
//! `cargo bench --bench daemon -- cpu|scale|scrape|hostile`, all of them without a name. Machines
//! are noisy: ratios are printed, nothing is asserted.

mod bare;
mod daemon;
mod process;
mod servers;

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use daemon::{Daemon, pass};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bare", url, count] => bare::run(url, count.parse().expect("a count")),
        ["serve", addresses] => servers::serve(addresses.parse().expect("a count")),
        ["cpu"] => cpu(),
        ["scale"] => scale(),
        ["scrape"] => scrape(),
        ["hostile"] => hostile(),
        [] => {
            cpu();
            scale();
            scrape();
            hostile();
        }
        other => panic!("no such benchmark: {other:?}"),
    }
}

fn say(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").expect("stdout takes text");
}

/// CPU for each scheduled plain-HTTP run against a bare hyper loop.
fn cpu() {
    const RUNS: u32 = 10_000;
    let server = servers::Served::start(1);
    let url = format!("http://{}/", server.addresses[0]);
    let bare = bare::measure(&url, RUNS);
    let mut config = String::from("defaults: {interval: 1s, timeout: 1s}\nservices:\n");
    for service in 0..100 {
        let checks = ["{name: a, http: }", "{name: b, http: }", "{name: c, http: }"].join(", ");
        writeln!(config, "  - {{name: s{service}, url: '{url}', checks: [{checks}]}}")
            .expect("a string takes text");
    }
    let daemon = Daemon::start(&config);
    pass(Duration::from_secs(5));
    let (cpu, runs) = daemon.cpu_of(Duration::from_secs(20));
    let each = cpu / f64::from(runs);
    say(&format!(
        "cpu: {:.0} us a scheduled plain-HTTP run, {:.0} us a bare one: ratio {:.2} (bound 2)",
        each * 1e6,
        bare * 1e6,
        each / bare
    ));
}

/// 100,000 checks at 60 s over 1,000 loopback addresses, generated with `include`.
fn scale() {
    let server = servers::Served::start(1000);
    for (checks, bound) in [(10, 18), (100_000, 150)] {
        let daemon = Daemon::start_with_includes(&server.addresses, checks);
        pass(Duration::from_secs(if checks > 1000 { 130 } else { 5 }));
        let measured = daemon.observe(Duration::from_mins(1));
        say(&format!(
            "scale: {checks} checks: {:.0} MB resident (bound {bound}), {} runs in 60 s, lateness p99 <= {} ms, {} shed, {:.2} cores",
            measured.resident_mb,
            measured.runs,
            measured.late_p99_ms,
            measured.shed,
            measured.cores,
        ));
    }
}

/// `/metrics` and `/api/v1/status` with 10,000 checks against the same bytes served from memory.
fn scrape() {
    let server = servers::Served::start(100);
    let daemon = Daemon::start_with_includes(&server.addresses, 10_000);
    pass(Duration::from_secs(75));
    for path in ["/metrics", "/api/v1/status"] {
        let (cost, bytes) = daemon.cost_of_get(path, 20);
        let bare = servers::cost_of_serving(bytes.clone(), 20);
        say(&format!(
            "scrape: {path} with 10,000 checks: {:.1} ms of CPU for {} KiB, {:.1} ms from memory: ratio {:.2} (bound 3)",
            cost * 1e3,
            bytes.len() / 1024,
            bare * 1e3,
            cost / bare
        ));
    }
}

/// A hanging, a resetting, a dripping, an endless and a bomb target among 1,000 healthy ones.
fn hostile() {
    let server = servers::Served::start(1000);
    let faults = servers::Faults::start();
    for (name, extra) in [("healthy alone", &[][..]), ("with hostile ones", &faults.urls)] {
        let daemon = Daemon::start_among(&server.addresses, extra);
        pass(Duration::from_secs(15));
        let measured = daemon.observe(Duration::from_secs(30));
        say(&format!(
            "hostile: 1,000 {name}: {:.0} MB resident, lateness p99 <= {} ms, {} shed",
            measured.resident_mb, measured.late_p99_ms, measured.shed
        ));
    }
}
