//! nginx's `limit_req`.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use super::{MODES, Row, Served, expect_three_times, ports};
use crate::harness::Folder;
use crate::peer;

/// With a burst that is served at once, with one that waits, and with none.
const NGINX: [Row; 3] = [
    ("nginx-nodelay", "-", "unproven", "token_bucket ?", "status-unusual hint-missing unproven?"),
    ("nginx-delay", "-", "unproven", "?", "delays"),
    ("nginx-plain", "-", "unproven", "?", "hint-missing unproven?"),
];

fn nginx(mode: &'static str, folder: &Folder) -> Served {
    let at = ports(NGINX.len());
    let root = folder.path().display().to_string();
    folder.write("api", "ok");
    let server = |port: u16, limit: &str| {
        format!("server {{ listen 0.0.0.0:{port}; root {root}; limit_req {limit} }}\n")
    };
    let servers = [
        server(at[0], "zone=a burst=11 nodelay;"),
        server(at[1], "zone=b burst=11;"),
        server(at[2], "zone=c; limit_req_status 429;"),
    ]
    .concat();
    let zones = [("a", 3), ("b", 3), ("c", 1)]
        .map(|(name, rate)| {
            format!("limit_req_zone $binary_remote_addr zone={name}:1m rate={rate}r/s;")
        })
        .join(" ");
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {root}/{name};"))
        .join(" ");
    let text = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\n\
         events {{ worker_connections 256; }}\n\
         http {{ log_format port $server_port; access_log {root}/asked port; {folders} {zones}\n{servers} }}\n"
    );
    folder.write("nginx.conf", text);
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-p", &root, "-c", "nginx.conf"]).stderr(Stdio::null());
    let peer = peer::start(&mut command, &at);
    let log = folder.path().join("asked");
    // A line for each request.
    let asked = move || {
        let mut asked = BTreeMap::new();
        for port in std::fs::read_to_string(&log).unwrap().lines() {
            *asked.entry(port.to_owned()).or_default() += 1;
        }
        asked
    };
    Served { mode, rows: &NGINX, ports: at, asked: Box::new(asked), _peers: vec![peer] }
}

/// Three requests a second, and one.
#[test]
fn nginx_refuses_with_503_delays_or_refuses_with_429_three_runs_in_a_row() {
    let folders = MODES.map(|_| Folder::new());
    let served: Vec<Served> =
        MODES.into_iter().zip(&folders).map(|(mode, folder)| nginx(mode, folder)).collect();
    expect_three_times(&served);
}
