//! The `rate_limit` probe against limiters of real libraries: what it finds, which kind it tells,
//! and how many requests each was asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Folder, root};
use crate::peer::{self, Peer, free_port};

/// A limiter, the kinds that it may be told to be, and the rules that fire: in mode `differential`
/// and in mode `exhaust`. `?` is undetermined, which is never wrong.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// In the order of `limiters` in `limits.mjs`: 12 requests in 4 seconds.
const NODE: [Row; 13] = [
    ("erl6", "fixed_window ?", "", "fixed_window ?", ""),
    ("erl7", "fixed_window ?", "", "fixed_window ?", ""),
    ("erl8", "fixed_window ?", "", "fixed_window ?", ""),
    ("erl8-bare", "-", "unproven", "fixed_window ?", "hint-missing unproven?"),
    ("fastify", "fixed_window ?", "", "fixed_window ?", ""),
    // A lock-out is not seen by whoever does not go over the limit.
    ("nest", "sliding_log ?", "", "penalty ?", ""),
    ("nest-log", "sliding_log ?", "", "?", "unproven?"),
    ("flexible", "fixed_window ?", "", "fixed_window ?", "retry-after-wrong"),
    ("trusting", "fixed_window ?", "key-spoofable", "fixed_window ?", "key-spoofable"),
    ("not-trusting", "fixed_window ?", "", "fixed_window ?", ""),
    ("fails-open", "-", "unproven", "?", "not-enforced"),
    (
        "unknown",
        "fixed_window ?",
        "key-spoofable bucket-shared",
        "fixed_window ?",
        "key-spoofable bucket-shared",
    ),
    ("two", "?", "instances-separate", "?", "instances-separate"),
];

/// In the order of `STRATEGIES` in `flask_app.py`.
const FLASK: [Row; 4] = [
    ("flask-fixed", "fixed_window ?", "", "fixed_window ?", "retry-after-wrong?"),
    ("flask-moving", "sliding_log ?", "", "sliding_log ?", "retry-after-wrong?"),
    ("flask-counter", "sliding_counter ?", "", "sliding_counter ?", "retry-after-wrong? unproven?"),
    ("flask-bare", "-", "unproven", "fixed_window ?", "hint-missing unproven?"),
];

fn ports(count: usize) -> Vec<u16> {
    (0..count).map(|_| free_port()).collect()
}

fn listed(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}

fn node(ports: &[u16]) -> Peer {
    let folder = root().join("tests/targets/rate_limit");
    let mut command = Command::new("node");
    command.current_dir(&folder).arg("limits.mjs").env("PORTS", listed(ports));
    command.stderr(std::process::Stdio::null());
    peer::start(&mut command, ports)
}

fn flask(ports: &[u16]) -> Peer {
    let folder = root().join("tests/targets/rate_limit");
    let python = root().join("target/peers/targets/rate_limit/venv/bin/python3");
    let mut command = Command::new(python);
    command.current_dir(&folder).arg("flask_app.py").env("PORTS", listed(ports));
    peer::start(&mut command, ports)
}

/// One service for each limiter and mode. Each has an address of the loopback of its own, so that
/// all are looked at side by side.
fn configuration(of_modes: &[(&str, Vec<u16>)]) -> String {
    let mut text = "services:\n".to_owned();
    let mut host = 0;
    for (mode, ports) in of_modes {
        for ((name, ..), port) in NODE.iter().chain(&FLASK).zip(ports) {
            host += 1;
            write!(
                text,
                "  - name: {name}-{mode}\n    url: http://127.0.0.{host}:{port}\n    allow: intrusive\n    \
                 budget: {{rate: 500/s, burst: 500}}\n    checks:\n      \
                 - rate_limit: {{request: {{path: /api}}, limit: 12, window: 4s, mode: {mode}}}\n"
            )
            .unwrap();
        }
    }
    text
}

/// The families that metrics tell, by service.
fn families(metrics: &str) -> BTreeMap<String, String> {
    let label = |line: &str, name: &str| {
        let rest = line.split_once(&format!("{name}=\""))?.1;
        Some(rest.split('"').next()?.to_owned())
    };
    metrics
        .lines()
        .filter(|line| line.starts_with("musterd_rate_limit_family_info{"))
        .filter_map(|line| Some((label(line, "service")?, label(line, "family")?)))
        .collect()
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

fn expect(mode: &str, name: &str, family: &str, found: &[String]) {
    let rows = NODE.iter().chain(&FLASK);
    let row = rows.into_iter().find(|(known, ..)| *known == name).unwrap();
    let (kinds, rules) = if mode == "differential" { (row.1, row.2) } else { (row.3, row.4) };
    let told = match family {
        "" => "-",
        "undetermined" => "?",
        told => told,
    };
    assert!(kinds.split_whitespace().any(|kind| kind == told), "{name} {mode}: {family}");
    assert!(agrees(found, rules), "{name} {mode}: {found:?}, and not {rules:?}");
}

#[test]
fn limiters_of_real_libraries_are_judged_as_they_deserve_three_runs_in_a_row() {
    let of = |count: usize| (ports(count + 1), ports(FLASK.len()));
    let (watched, watched_flask) = of(NODE.len());
    let (exhausted, exhausted_flask) = of(NODE.len());
    let peers = [node(&watched), node(&exhausted), flask(&watched_flask), flask(&exhausted_flask)];
    let all = |node: &[u16], flask: &[u16]| {
        node[..NODE.len()].iter().chain(flask).copied().collect::<Vec<u16>>()
    };
    let folder = Folder::new();
    let configuration = configuration(&[
        ("differential", all(&watched, &watched_flask)),
        ("exhaust", all(&exhausted, &exhausted_flask)),
    ]);
    folder.write("musterd.yaml", configuration);
    for run in 1..=3_u32 {
        let ran = folder.run(&[
            "check",
            "--allow",
            "intrusive",
            "--format",
            "json",
            "--output",
            "prometheus=seen.prom",
        ]);
        let seen = std::fs::read_to_string(folder.path().join("seen.prom")).unwrap();
        let families = families(&seen);
        let checks = ran.checks();
        assert_eq!(checks.len(), 2 * (NODE.len() + FLASK.len()), "{}", ran.stderr);
        for (id, verdict, rules) in checks {
            assert_ne!(verdict, "unknown", "{id}");
            let service = id.split('/').next().unwrap();
            let (name, mode) = service.rsplit_once('-').unwrap();
            let found: Vec<String> =
                rules.iter().map(|rule| rule.replace("rate_limit.", "")).collect();
            let family = families.get(service).cloned().unwrap_or_default();
            expect(mode, name, &family, &found);
        }
        for (port, most) in [(watched[NODE.len()], 16), (exhausted[NODE.len()], 100)] {
            for (name, asked) in asked(port) {
                assert!(asked <= most * run, "{name} was asked {asked} times in {run} runs");
            }
        }
        next_window();
    }
    drop(peers);
}

/// How many requests each limiter of a server was asked.
fn asked(port: u16) -> BTreeMap<String, u32> {
    let url = format!("http://127.0.0.1:{port}/");
    let body = Command::new("curl").args(["-s", &url]).output().unwrap().stdout;
    serde_json::from_slice(&body).unwrap()
}

/// Until no limiter counts what the run before sent: a window, and a lock-out that began in it.
#[expect(clippy::disallowed_methods, reason = "the windows are other processes'")]
fn next_window() {
    std::thread::sleep(Duration::from_secs(9));
}

/// nginx at two requests a second: with a burst that is served at once, with one that waits, and
/// with none.
#[test]
fn nginx_refuses_with_503_delays_or_refuses_with_429() {
    let folder = Folder::new();
    let at = ports(3);
    let root = folder.path().display().to_string();
    folder.write("api", "ok");
    let zone = |name: &str| format!("limit_req_zone $binary_remote_addr zone={name}:1m rate=2r/s;");
    let server = |port: u16, limit: &str| {
        format!("server {{ listen 0.0.0.0:{port}; root {root}; limit_req {limit} }}\n")
    };
    let zones = ["a", "b", "c"].map(zone).join(" ");
    let servers = [
        server(at[0], "zone=a burst=7 nodelay;"),
        server(at[1], "zone=b burst=7;"),
        server(at[2], "zone=c; limit_req_status 429;"),
    ]
    .concat();
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {root}/{name};"))
        .join(" ");
    let text = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; {folders} {zones}\n{servers} }}\n"
    );
    folder.write("nginx.conf", text);
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.args(["-p", &root, "-c", "nginx.conf"]).stderr(std::process::Stdio::null());
    let _nginx = peer::start(&mut nginx, &at);
    let check = |name: &str, host: u8, port: u16, size: &str| {
        format!(
            "  - name: {name}\n    url: http://127.0.0.{host}:{port}\n    allow: intrusive\n    checks:\n      \
             - rate_limit: {{request: {{path: /api}}, {size}, mode: exhaust}}\n"
        )
    };
    let configuration = [
        "services:\n".to_owned(),
        check("nodelay", 2, at[0], "limit: 8, window: 4s"),
        check("delay", 3, at[1], "limit: 8, window: 4s"),
        check("plain", 4, at[2], "limit: 1, window: 1s"),
    ];
    folder.write("musterd.yaml", configuration.concat());
    let ran = folder.run(&["check", "--allow", "intrusive", "--format", "json"]);
    for ((id, verdict, rules), wanted) in ran.checks().into_iter().zip([
        "hint-missing status-unusual unproven?",
        "delays",
        "hint-missing unproven?",
    ]) {
        let found: Vec<String> = rules.iter().map(|rule| rule.replace("rate_limit.", "")).collect();
        assert_eq!(verdict, "warn", "{id}: {found:?}");
        assert!(agrees(&found, wanted), "{id}: {found:?}, and not {wanted:?}");
    }
}
