//! Targets: healthy servers on many loopback addresses in a process of their own, and hostile
//! ones.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use musterd_test_support::fault::{Fault, FaultServer};
use tokio::runtime::Runtime;

use crate::process::cpu_seconds;

/// Healthy servers in a process of their own.
pub(crate) struct Served {
    process: Child,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Served {
    /// Servers on so many loopback addresses.
    pub(crate) fn start(addresses: u16) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program has a path"))
            .args(["serve", &addresses.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("its stdout is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("it says its port");
        let port: u16 = line.trim().parse().expect("a port");
        let addresses = (0..addresses).map(|index| SocketAddr::from((address(index), port)));
        Self { addresses: addresses.collect(), process }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

fn address(index: u16) -> Ipv4Addr {
    let [high, low] = index.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low.max(1))
}

/// Serves on one port of all loopback addresses until it is killed.
pub(crate) fn serve(_addresses: u16) {
    runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        crate::say(&port.to_string());
        let app = Router::new().route("/", get(|| async { "ok" }));
        axum::serve(listener, app).await.expect("it serves");
    });
}

/// CPU seconds of one GET of these bytes from memory, served by a process like the daemon.
pub(crate) fn cost_of_serving(bytes: Bytes, count: u32) -> f64 {
    let runtime = runtime();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
        let app = Router::new().route("/", get(move || async move { bytes }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let program = std::process::id();
        let before = cpu_seconds(program);
        // The client is another process, so that its cost is not counted.
        let fetched = tokio::task::spawn_blocking(move || fetch(&url, count));
        fetched.await.expect("it fetches");
        (cpu_seconds(program) - before) / f64::from(count)
    })
}

/// GETs a URL with curl, uncompressed.
pub(crate) fn fetch(url: &str, count: u32) -> Bytes {
    let mut body = Vec::new();
    for _ in 0..count {
        let output = Command::new("curl").args(["-sS", url]).output().expect("curl is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        body = output.stdout;
    }
    body.into()
}

/// Hostile servers in this process.
pub(crate) struct Faults {
    pub(crate) urls: Vec<String>,
    _servers: Vec<FaultServer>,
    _runtime: Runtime,
}

impl Faults {
    /// One of each kind that costs a careless client most.
    pub(crate) fn start() -> Self {
        let runtime = runtime();
        let faults = [
            Fault::SilentAfterAccept,
            Fault::ResetAfterAccept,
            Fault::DripBody { every: Duration::from_millis(100), length: 100_000 },
            Fault::EndlessBody,
            Fault::GzipBomb { inflated: 1 << 30 },
        ];
        let servers: Vec<FaultServer> =
            faults.into_iter().map(|fault| runtime.block_on(FaultServer::start(fault))).collect();
        let urls = servers.iter().map(|server| format!("http://{}/", server.addr())).collect();
        Self { urls, _servers: servers, _runtime: runtime }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}
