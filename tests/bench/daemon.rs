//! The daemon as its users run it: the release binary over a configuration.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;

use crate::process::{cpu_seconds, descriptors, resident_mb};
use crate::servers::fetch;

/// How often its memory is looked at while it is observed.
const LOOK: Duration = Duration::from_secs(1);

/// A daemon that runs.
pub(crate) struct Daemon {
    process: Child,
    url: String,
    /// Its configuration, and the files that this includes.
    folders: Vec<tempfile::TempDir>,
}

/// What was seen of it over a time.
pub(crate) struct Measured {
    /// At the end.
    pub(crate) resident_mb: f64,
    /// The least and the most of a look each second.
    pub(crate) least_mb: f64,
    pub(crate) most_mb: f64,
    pub(crate) runs: f64,
    pub(crate) late_p99_ms: f64,
    pub(crate) shed: f64,
    pub(crate) cores: f64,
    pub(crate) descriptors: usize,
}

impl Daemon {
    /// Over one configuration.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_trusting(config, None)
    }

    /// Over one configuration, on a machine that trusts this authority alone.
    pub(crate) fn start_trusting(config: &str, authority: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("musterd.yaml"), config).expect("it is written");
        // Another binary than the one that was just built can be measured too.
        let musterd = std::env::var("MUSTERD").unwrap_or(env!("CARGO_BIN_EXE_musterd").to_owned());
        let mut process = Command::new(musterd)
            .args(["run", "--listen", "127.0.0.1:0", "--log-format", "json"])
            .env("RUST_LOG", "info")
            .envs(authority.map(|file| ("SSL_CERT_FILE", file)))
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let mut log = BufReader::new(process.stderr.take().expect("its stderr is a pipe"));
        let url = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).expect("it logs") > 0, "the daemon ended");
            if let Some(at) = line.find("http://") {
                let url = line.get(at..).unwrap_or_default();
                break url.split('"').next().expect("a URL").to_owned();
            }
        };
        // Whoever stops reading a log stops its writer.
        std::thread::spawn(move || log.lines().for_each(drop));
        Self { process, url, folders: vec![folder] }
    }

    /// Over so many checks at 60 s on these addresses, in files that are included.
    pub(crate) fn start_with_includes(addresses: &[SocketAddr], checks: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let services = addresses.len().min(checks);
        let each = checks / services;
        for (index, address) in addresses.iter().take(services).enumerate() {
            let mut text =
                format!("services:\n  - name: s{index}\n    url: http://{address}/\n    checks:\n");
            for check in 0..each {
                writeln!(text, "      - {{name: c{check}, http: }}").expect("a string takes text");
            }
            std::fs::write(folder.path().join(format!("s{index}.yaml")), text).expect("written");
        }
        let folder_path = folder.path().display().to_string();
        let mut daemon = Self::start(&format!(
            "defaults: {{interval: 60s, timeout: 5s}}\ninclude: ['{folder_path}/s*.yaml']\n"
        ));
        daemon.folders.push(folder);
        daemon
    }

    /// Over one check at 1 s on each address, and on these URLs.
    pub(crate) fn start_among(addresses: &[SocketAddr], urls: &[String]) -> Self {
        let urls =
            addresses.iter().map(|address| format!("http://{address}/")).chain(urls.to_vec());
        let mut config = String::from("defaults: {interval: 5s, timeout: 4s}\nservices:\n");
        for (index, url) in urls.enumerate() {
            writeln!(config, "  - {{name: s{index}, url: '{url}', checks: [http: ]}}")
                .expect("a string takes text");
        }
        Self::start(&config)
    }

    /// CPU seconds and runs over a time.
    pub(crate) fn cpu_of(&self, time: Duration) -> (f64, u32) {
        let (before, runs_before) =
            (cpu_seconds(self.process.id()), self.total("musterd_run_duration_seconds_count"));
        pass(time);
        let runs = self.total("musterd_run_duration_seconds_count") - runs_before;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let runs = runs as u32;
        (cpu_seconds(self.process.id()) - before, runs)
    }

    /// What is seen of it over a time.
    pub(crate) fn observe(&self, time: Duration) -> Measured {
        let before = self.metrics();
        let cpu_before = cpu_seconds(self.process.id());
        let until = tokio::time::Instant::now() + time;
        let mut resident = vec![resident_mb(self.process.id())];
        while tokio::time::Instant::now() < until {
            pass(LOOK.min(until.saturating_duration_since(tokio::time::Instant::now())));
            resident.push(resident_mb(self.process.id()));
        }
        let cores = (cpu_seconds(self.process.id()) - cpu_before) / time.as_secs_f64();
        let after = self.metrics();
        let grew = |name: &str| total(&after, name) - total(&before, name);
        let runs = grew("musterd_schedule_lateness_seconds_count");
        let late_p99_ms = buckets(&after)
            .into_iter()
            .find(|(bound, _)| {
                let series = format!("musterd_schedule_lateness_seconds_bucket{{le=\"{bound}\"}}");
                grew(&series) >= 0.99 * runs
            })
            .map_or(f64::INFINITY, |(_, seconds)| seconds * 1e3);
        Measured {
            resident_mb: resident_mb(self.process.id()),
            least_mb: resident.iter().copied().fold(f64::INFINITY, f64::min),
            most_mb: resident.iter().copied().fold(0.0, f64::max),
            runs,
            late_p99_ms,
            shed: grew("musterd_runs_shed_total"),
            cores,
            descriptors: descriptors(self.process.id()),
        }
    }

    /// CPU seconds of one GET, and what was answered.
    pub(crate) fn cost_of_get(&self, path: &str, count: u32) -> (f64, Bytes) {
        let url = format!("{}{path}", self.url);
        // What it does besides is taken off.
        let idle = {
            let before = cpu_seconds(self.process.id());
            pass(Duration::from_secs(5));
            (cpu_seconds(self.process.id()) - before) / 5.0
        };
        let started = tokio::time::Instant::now();
        let before = cpu_seconds(self.process.id());
        let bytes = fetch(&url, count);
        let used = cpu_seconds(self.process.id()) - before;
        ((used - idle * started.elapsed().as_secs_f64()) / f64::from(count), bytes)
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The folder that its configuration stands in.
    pub(crate) fn folder(&self) -> &Path {
        self.folders[0].path()
    }

    fn metrics(&self) -> String {
        String::from_utf8_lossy(&fetch(&format!("{}/metrics", self.url), 1)).into_owned()
    }

    fn total(&self, name: &str) -> f64 {
        total(&self.metrics(), name)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// Lets time pass.
pub(crate) fn pass(time: Duration) {
    std::thread::park_timeout(time);
}

/// The sum of all series of a name, or the one series that is named with its labels.
fn total(metrics: &str, name: &str) -> f64 {
    metrics
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

fn buckets(metrics: &str) -> Vec<(String, f64)> {
    let prefix = "musterd_schedule_lateness_seconds_bucket{le=\"";
    metrics
        .lines()
        .filter_map(|line| line.strip_prefix(prefix)?.split('"').next())
        .filter_map(|bound| Some((bound.to_owned(), bound.parse().ok()?)))
        .collect()
}
