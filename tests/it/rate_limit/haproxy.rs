//! `HAProxy` as the limiter, and before two instances that count apart or in one place.

use std::collections::BTreeMap;
use std::process::Command;

use super::{MODES, Row, Served, expect_three_times, fetched, listed, ports, redis, sources};
use crate::harness::Folder;
use crate::peer;

/// In the order of the frontends.
const HAPROXY: [Row; 3] = [
    ("haproxy-stick", "-", "unproven", "sliding_counter ?", "hint-missing unproven?"),
    ("haproxy-apart", "?", "instances-separate", "?", "instances-separate"),
    ("haproxy-together", "fixed_window ?", "", "fixed_window ?", ""),
];

/// The table counts what it refuses too.
fn configuration(at: &[u16], telling: u16, instances: &[u16]) -> String {
    let balanced = |name: &str, port: u16, instances: &[u16]| {
        let [first, second] = instances else { panic!("two instances") };
        format!(
            "frontend {name}\n  bind 0.0.0.0:{port}\n  default_backend {name}\n\
             backend {name}\n  balance roundrobin\n  option forwardfor\n  \
             server first 127.0.0.1:{first}\n  server second 127.0.0.1:{second}\n"
        )
    };
    [
        "global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 9s\n  timeout client 99s\n  timeout server 9s\n"
            .to_owned(),
        format!(
            "frontend stick\n  bind 0.0.0.0:{}\n  \
             stick-table type ip size 1k expire 99s store http_req_rate(4s)\n  \
             http-request track-sc0 src\n  \
             http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 12 }}\n  \
             http-request return status 200 content-type text/plain string ok\n",
            at[0]
        ),
        balanced("apart", at[1], &instances[..2]),
        balanced("together", at[2], &instances[2..]),
        format!("frontend telling\n  bind 127.0.0.1:{telling}\n  stats enable\n  stats uri /\n"),
    ]
    .concat()
}

/// How many requests each frontend was asked, of the statistics as a table: but for the one that
/// tells them.
fn asked(telling: u16) -> BTreeMap<String, u32> {
    let table = fetched(telling, "/;csv");
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let titles = lines.next().unwrap();
    let requests = titles.iter().position(|title| *title == "req_tot").unwrap();
    lines
        .filter(|row| row[1] == "FRONTEND" && row[0] != "telling")
        .map(|row| (row[0].to_owned(), row[requests].parse().unwrap()))
        .collect()
}

fn haproxy(mode: &'static str, redis: u16, folder: &Folder) -> Served {
    let instances = ports(5);
    let mut node = Command::new("node");
    node.current_dir(sources()).arg("instances.mjs").env("REDIS", redis.to_string());
    node.env("PORTS", listed(&instances));
    let node = peer::start(&mut node, &instances);
    let mut at = ports(HAPROXY.len() + 1);
    let telling = at.pop().unwrap();
    let file = folder.write("haproxy.cfg", configuration(&at, telling, &instances[..4]));
    let mut command = Command::new("/usr/sbin/haproxy");
    command.arg("-db").arg("-f").arg(file);
    let haproxy = peer::start(&mut command, &at);
    // It counts the connections too that showed that it listens.
    let before = asked(telling);
    let asked = move || {
        let counts = asked(telling).into_iter();
        counts.map(|(name, count)| (name.clone(), count - before[&name])).collect()
    };
    Served { mode, rows: &HAPROXY, ports: at, asked: Box::new(asked), _peers: vec![haproxy, node] }
}

#[test]
fn haproxy_and_what_it_balances_is_judged_as_it_deserves_three_runs_in_a_row() {
    let folders = MODES.map(|_| Folder::new());
    let (_redis, redis) = redis(&folders[0]);
    let of_mode = |(mode, folder)| haproxy(mode, redis, folder);
    expect_three_times(&MODES.into_iter().zip(&folders).map(of_mode).collect::<Vec<_>>());
}
