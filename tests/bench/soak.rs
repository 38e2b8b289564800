//! A long run with churn: targets go up and down, the configuration changes, and readers are slow.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::task::JoinHandle as Task;

use crate::daemon::{Daemon, Measured};
use crate::say;
use crate::servers::{Served, address, runtime};

/// Targets that are always well, with four checks each.
const HEALTHY: u16 = 250;

/// Targets that go up and down.
const FLAPPING: u16 = 50;

/// The targets go up or down, and the configuration changes, so often.
const TURN: Duration = Duration::from_secs(20);

/// Before this many minutes are over, memory is still being filled.
const WARM: usize = 5;

/// Watches the daemon for so many minutes, prints what is seen in each, and compares the first
/// with the last.
pub(crate) fn run(minutes: usize) {
    let healthy = Served::start(HEALTHY);
    let flapping = Flapping::new();
    let daemon = Arc::new(Daemon::start(&config(&healthy.addresses, &flapping.addresses, 0)));
    let stop = Arc::new(AtomicBool::new(false));
    let churning = churn(Arc::clone(&daemon), healthy.addresses.clone(), flapping, &stop);
    let readers = [
        reader(format!("{}/metrics", daemon.url()), "60k", &stop),
        reader(format!("{}/api/v1/status", daemon.url()), "40k", &stop),
        reader(format!("{}/api/v1/events", daemon.url()), "1k", &stop),
    ];
    let mut seen = Vec::new();
    for minute in 1..=minutes {
        let measured = daemon.observe(Duration::from_mins(1));
        let Measured {
            resident_mb,
            least_mb,
            most_mb,
            runs,
            late_p99_ms,
            shed,
            cores,
            descriptors,
        } = &measured;
        say(&format!(
            "soak: minute {minute}: {resident_mb:.1} MB resident ({least_mb:.1} to {most_mb:.1}), {runs} runs, lateness p99 <= {late_p99_ms} ms, {shed} shed, {cores:.2} cores, {descriptors} descriptors"
        ));
        seen.push(measured);
    }
    stop.store(true, Ordering::Relaxed);
    let reloads = churning.join().expect("the churn ends");
    for reader in readers {
        reader.join().expect("the reader ends");
    }
    compare(&seen, reloads);
}

/// The first minutes after the start was over beside the last ones.
fn compare(seen: &[Measured], reloads: u32) {
    let span = WARM.min(seen.len() / 2);
    let first = &seen[span.min(seen.len() - span)..][..span];
    let last = &seen[seen.len() - span..];
    let mean = |of: &[Measured], what: fn(&Measured) -> f64| {
        of.iter().map(what).sum::<f64>() / f64::from(u32::try_from(of.len()).expect("a few"))
    };
    let shed: f64 = seen.iter().map(|minute| minute.shed).sum();
    say(&format!(
        "soak: {} minutes, {reloads} reloads, {shed} shed; minutes {} to {}: {:.1} MB ({:.1} to {:.1}), lateness p99 <= {:.0} ms; last {span}: {:.1} MB ({:.1} to {:.1}), lateness p99 <= {:.0} ms",
        seen.len(),
        span + 1,
        2 * span,
        mean(first, |minute| minute.resident_mb),
        mean(first, |minute| minute.least_mb),
        mean(first, |minute| minute.most_mb),
        mean(first, |minute| minute.late_p99_ms),
        mean(last, |minute| minute.resident_mb),
        mean(last, |minute| minute.least_mb),
        mean(last, |minute| minute.most_mb),
        mean(last, |minute| minute.late_p99_ms),
    ));
}

/// Turns targets and the configuration over until it is told to stop: how often.
fn churn(
    daemon: Arc<Daemon>,
    healthy: Vec<SocketAddr>,
    mut flapping: Flapping,
    stop: &Arc<AtomicBool>,
) -> JoinHandle<u32> {
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        let mut turns = 0;
        while !stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(TURN);
            turns += 1;
            flapping.turn(turns);
            let config = config(&healthy, &flapping.addresses, turns);
            std::fs::write(daemon.folder().join("musterd.yaml"), config).expect("it is written");
            // Every other one is found by its content alone.
            if turns % 2 == 0 {
                let pid = daemon.id().to_string();
                Command::new("kill").args(["-HUP", &pid]).status().expect("kill is installed");
            }
        }
        turns
    })
}

/// The configuration of a turn: in every other one there are more services, and some have other
/// intervals.
fn config(healthy: &[SocketAddr], flapping: &[SocketAddr], turn: u32) -> String {
    let mut config = String::from("defaults: {interval: 5s, timeout: 2s}\nservices:\n");
    for (index, address) in healthy.iter().enumerate() {
        if index % 5 == 0 && turn % 2 == 1 {
            continue;
        }
        let interval = if index % 10 == 3 && turn % 3 == 1 { "7s" } else { "5s" };
        let check = |name: &str| format!("{{name: {name}, interval: {interval}, http: }}");
        let checks = ["a", "b", "c", "d"].map(check).join(", ");
        writeln!(
            config,
            "  - {{name: s{index}, url: 'http://{address}/', labels: {{turn: '{}'}}, checks: [{checks}]}}",
            turn % 7
        )
        .expect("a string takes text");
    }
    for (index, address) in flapping.iter().enumerate() {
        writeln!(config, "  - {{name: f{index}, url: 'http://{address}/', checks: [http: ]}}")
            .expect("a string takes text");
    }
    config
}

/// Reads a URL slowly, again and again.
fn reader(url: String, rate: &'static str, stop: &Arc<AtomicBool>) -> JoinHandle<()> {
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            let mut reading = curl(&url, rate);
            while !stop.load(Ordering::Relaxed)
                && reading.try_wait().expect("it is our child").is_none()
            {
                std::thread::park_timeout(Duration::from_millis(200));
            }
            // One that has ended by itself cannot be ended.
            let _ended = reading.kill();
            reading.wait().expect("it is our child");
        }
    })
}

fn curl(url: &str, rate: &str) -> Child {
    Command::new("curl")
        .args(["-sN", "--max-time", "45", "--limit-rate", rate, "-o", "/dev/null", url])
        .stdout(Stdio::null())
        .spawn()
        .expect("curl is installed")
}

/// Servers of this process that go up and down.
struct Flapping {
    addresses: Vec<SocketAddr>,
    servers: Vec<Option<Task<()>>>,
    runtime: tokio::runtime::Runtime,
}

impl Flapping {
    fn new() -> Self {
        let listening = |index: u16| {
            let listener = std::net::TcpListener::bind((address(1000 + index), 0));
            listener.expect("a port").local_addr().expect("it is bound")
        };
        Self {
            addresses: (0..FLAPPING).map(listening).collect(),
            servers: (0..FLAPPING).map(|_| None).collect(),
            runtime: runtime(),
        }
    }

    /// A third of them is down, each time another one.
    fn turn(&mut self, turn: u32) {
        for (index, server) in self.servers.iter_mut().enumerate() {
            let up = !(index + turn as usize).is_multiple_of(3);
            match (up, &server) {
                (true, None) => {
                    *server = Some(self.runtime.spawn(serve(self.addresses[index])));
                }
                (false, Some(running)) => {
                    running.abort();
                    *server = None;
                }
                _ => {}
            }
        }
    }
}

async fn serve(address: SocketAddr) {
    let app = Router::new().route("/", get(|| async { "ok" }));
    // Somebody else may have been given the port meanwhile: then it stays down.
    if let Ok(listener) = tokio::net::TcpListener::bind(address).await {
        axum::serve(listener, app).await.expect("it serves");
    }
}
