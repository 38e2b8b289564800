//! The `rate_limit` probe against limiters of real libraries: what it finds, which kind it tells,
//! which numbers, and how many requests each was asked.

mod haproxy;
mod nginx;
mod node;
mod python;
mod rust;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Folder, root};
use crate::peer::{self, Peer, free_port};

/// A limiter, the kinds that it may be told to be, and the rules that fire: in mode `differential`
/// and in mode `exhaust`. `?` is undetermined, which is never wrong; `-` is that none was looked for.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

const MODES: [&str; 2] = ["differential", "exhaust"];

/// How many requests and how many seconds a limiter is said to have, and has.
fn size(name: &str) -> (f64, f64) {
    if name == "nginx-plain" { (1.0, 1.0) } else { (12.0, 4.0) }
}

/// Limiters that are looked at in one mode.
struct Served {
    mode: &'static str,
    rows: &'static [Row],
    /// One for each row.
    ports: Vec<u16>,
    /// How many requests each was asked, as their server counts.
    asked: Box<dyn Fn() -> BTreeMap<String, u32>>,
    /// Dropping them ends them.
    _peers: Vec<Peer>,
}

fn ports(count: usize) -> Vec<u16> {
    (0..count).map(|_| free_port()).collect()
}

fn listed(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}

fn sources() -> PathBuf {
    root().join("tests/targets/rate_limit")
}

fn installed(program: &str) -> PathBuf {
    root().join("target/peers/targets/rate_limit").join(program)
}

/// Starts a program of limiters: `PORTS` names a port for each row, and one that tells how many
/// requests each was asked.
fn start(mut command: Command, mode: &'static str, rows: &'static [Row]) -> Served {
    let mut ports = ports(rows.len() + 1);
    command.current_dir(sources()).env("PORTS", listed(&ports));
    let peer = peer::start(&mut command, &ports);
    let telling = ports.pop().unwrap();
    let asked = move || serde_json::from_str(&fetched(telling, "/")).unwrap();
    Served { mode, rows, ports, asked: Box::new(asked), _peers: vec![peer] }
}

fn fetched(port: u16, path: &str) -> String {
    let url = format!("http://127.0.0.1:{port}{path}");
    let output = Command::new("curl").args(["-s", &url]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A Redis that keeps nothing, and its port.
fn redis(folder: &Folder) -> (Peer, u16) {
    let port = free_port();
    let mut command = Command::new("redis-server");
    command.current_dir(folder.path()).args(["--bind", "127.0.0.1", "--save", ""]);
    command.args(["--port", &port.to_string()]);
    (peer::start(&mut command, &[port]), port)
}

/// One service for each limiter and mode. Each has an address of the loopback of its own, so that
/// all are looked at side by side.
fn configuration(served: &[Served]) -> String {
    let mut text = "services:\n".to_owned();
    let mut host = 0;
    for Served { mode, rows, ports, .. } in served {
        for ((name, ..), port) in rows.iter().zip(ports) {
            host += 1;
            let (limit, window) = size(name);
            write!(
                text,
                "  - name: {name}-{mode}\n    url: http://127.0.0.{host}:{port}\n    allow: intrusive\n    \
                 budget: {{rate: 500/s, burst: 500}}\n    checks:\n      - rate_limit: {{request: {{path: /api}}, \
                 limit: {limit}, window: {window}s, mode: {mode}}}\n"
            )
            .unwrap();
        }
    }
    text
}

/// A label's value in a line of metrics.
fn label<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_once(&format!("{name}=\""))?.1.split('"').next()
}

/// The families that metrics tell, by service.
fn families(metrics: &str) -> BTreeMap<&str, &str> {
    metrics
        .lines()
        .filter(|line| line.starts_with("musterd_rate_limit_family_info{"))
        .filter_map(|line| Some((label(line, "service")?, label(line, "family")?)))
        .collect()
}

/// What is told of a limit or window that is not the real one: but for a request or 2 %, and for one
/// and a half seconds or 2 %.
fn wrong_sizes(metrics: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in metrics.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let Some(service) = label(series, "service") else { continue };
        let (name, _) = service.rsplit_once('-').unwrap();
        let (limit, window) = size(name);
        let (real, tolerance) = match series.split('{').next().unwrap() {
            "musterd_rate_limit_limit_requests" => (limit, (0.02 * limit).max(1.0)),
            "musterd_rate_limit_window_seconds" => (window, (0.02 * window).max(1.5)),
            _ => continue,
        };
        let told: f64 = value.parse().unwrap();
        if (told - real).abs() > tolerance {
            wrong.push(format!("{line}, and not {real}"));
        }
    }
    wrong
}

/// Whether what was found is what the table says: `rule?` may fire and need not.
fn agrees(found: &[String], wanted: &str) -> bool {
    let wanted: Vec<&str> = wanted.split_whitespace().collect();
    let all_wanted = wanted
        .iter()
        .filter(|rule| !rule.ends_with('?'))
        .all(|rule| found.iter().any(|found| found == rule));
    let none_else =
        found.iter().all(|found| wanted.iter().any(|rule| rule.trim_end_matches('?') == found));
    all_wanted && none_else
}

/// What is said of a limiter, where it is not what its row says.
fn misjudged(row: &Row, mode: &str, family: Option<&str>, found: &[String]) -> Vec<String> {
    let (name, ..) = row;
    let (kinds, rules) = if mode == "differential" { (row.1, row.2) } else { (row.3, row.4) };
    let told = match family {
        None => "-",
        Some("undetermined") => "?",
        Some(told) => told,
    };
    let mut wrong = Vec::new();
    if !kinds.split_whitespace().any(|kind| kind == told) {
        wrong.push(format!("{name} {mode}: {told}, and not {kinds:?}"));
    }
    // A run that ends undetermined, where its row lets it, says why.
    let rules = if told == "?" { format!("{rules} unproven?") } else { rules.to_owned() };
    if !agrees(found, &rules) {
        wrong.push(format!("{name} {mode}: {found:?}, and not {rules:?}"));
    }
    wrong
}

/// Runs the program three times and compares what it says with the rows.
fn expect_three_times(served: &[Served]) {
    let folder = Folder::new();
    folder.write("musterd.yaml", configuration(served));
    let rows = || served.iter().flat_map(|served| served.rows);
    let mut wrong = Vec::new();
    for run in 1..=3 {
        let ran = folder.run(&[
            "check",
            "--allow",
            "intrusive",
            "--format",
            "json",
            "--output",
            "prometheus=seen.prom",
        ]);
        let metrics = std::fs::read_to_string(folder.path().join("seen.prom")).unwrap();
        let families = families(&metrics);
        let checks = ran.checks();
        assert_eq!(checks.len(), rows().count(), "{}", ran.stderr);
        for (id, verdict, rules) in checks {
            assert_ne!(verdict, "unknown", "{id}");
            let service = id.split('/').next().unwrap();
            let (name, mode) = service.rsplit_once('-').unwrap();
            let row = rows().find(|(known, ..)| *known == name).unwrap();
            let found: Vec<String> =
                rules.iter().map(|rule| rule.replace("rate_limit.", "")).collect();
            wrong.extend(misjudged(row, mode, families.get(service).copied(), &found));
        }
        wrong.extend(wrong_sizes(&metrics));
        wrong.extend(served.iter().flat_map(|served| wrongly_asked(served, run)));
        next_window();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Limiters that were never asked, or more often than their mode may.
fn wrongly_asked(served: &Served, runs: u32) -> Vec<String> {
    let most = if served.mode == "differential" { 16 } else { 100 };
    let asked = (served.asked)();
    assert!(asked.len() >= served.rows.len(), "{asked:?}");
    asked
        .into_iter()
        .filter(|(_, asked)| *asked == 0 || *asked > most * runs)
        .map(|(name, asked)| format!("{name} was asked {asked} times in {runs} runs"))
        .collect()
}

/// Until no limiter counts what the run before sent: a window, and a lock-out that began in it.
#[expect(clippy::disallowed_methods, reason = "the windows are other processes'")]
fn next_window() {
    std::thread::sleep(Duration::from_secs(9));
}
