//! What the daemon costs, beside what the bare work costs on the same machine in the same run.
//!
//! `cargo bench --bench daemon -- cpu|tls|scale|scrape|hostile|soak [MINUTES]`, all of them but the
//! soak without a name. Machines are noisy: ratios are printed, nothing is asserted.

mod bare;
mod daemon;
mod process;
mod servers;
mod soak;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use daemon::{Daemon, pass};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bare", url, count] => bare::run(url, count.parse().expect("a count")),
        ["serve"] => servers::serve(),
        ["serve-tls", authority] => servers::serve_tls(authority),
        ["memory", content] => servers::serve_memory(content),
        ["cpu"] => cpu(),
        ["tls"] => tls(),
        ["scale"] => scale(),
        ["scrape"] => scrape(),
        ["hostile"] => hostile(),
        ["soak"] => soak::run(30),
        ["soak", minutes] => soak::run(minutes.parse().expect("a number of minutes")),
        [] => {
            cpu();
            tls();
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
    let server = servers::Served::start(1);
    let url = format!("http://{}/", server.addresses[0]);
    each_run("cpu: plain HTTP", &url, 20_000, 2.0, None);
}

/// CPU for each scheduled run with a full TLS handshake against a bare loop that does the same.
fn tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("ca.pem");
    let server = servers::Served::start_tls(&authority);
    let url = format!("https://{}/", server.addresses[0]);
    each_run("tls: full handshakes", &url, 5_000, 1.3, Some(&authority));
}

/// What a scheduled run costs beside a bare exchange, each measured before and after the other.
fn each_run(name: &str, url: &str, exchanges: u32, bound: f64, authority: Option<&Path>) {
    let mut config =
        String::from("defaults: {interval: 1s, timeout: 1s}\nsystem_roots: true\nservices:\n");
    // A loop does one thing after the other and finds all of it in the caches: so does a daemon
    // that has much to do.
    for service in 0..400 {
        let checks = ["{name: a, http: }", "{name: b, http: }", "{name: c, http: }"].join(", ");
        writeln!(config, "  - {{name: s{service}, url: '{url}', checks: [{checks}]}}")
            .expect("a string takes text");
    }
    let before = bare::measure(url, exchanges, authority);
    let daemon = Daemon::start_trusting(&config, authority);
    pass(Duration::from_secs(5));
    let (cpu, runs) = daemon.cpu_of(Duration::from_secs(20));
    drop(daemon);
    let bare = f64::midpoint(before, bare::measure(url, exchanges, authority));
    let each = cpu / f64::from(runs);
    say(&format!(
        "{name}: {:.0} us a scheduled run, {:.0} us a bare one: ratio {:.2} (bound {bound})",
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
        // As many as it takes for the ticks in which CPU time is counted to be fine enough.
        let times = 200;
        let (cost, bytes) = daemon.cost_of_get(path, times);
        let bare = servers::cost_of_serving(&bytes, times);
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
