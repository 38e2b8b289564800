//! Targets: healthy servers in processes of their own, and hostile ones.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use bytes::Bytes;
use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::fault::{Fault, FaultServer};
use tokio::runtime::Runtime;

use crate::process::cpu_seconds;

/// Servers in a process of their own.
pub(crate) struct Served {
    process: Child,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Served {
    /// Healthy servers on so many loopback addresses.
    pub(crate) fn start(addresses: u16) -> Self {
        Self::run(&["serve"], addresses)
    }

    /// A healthy server under TLS, whose authority is written to this file.
    pub(crate) fn start_tls(authority: &Path) -> Self {
        Self::run(&["serve-tls", &authority.display().to_string()], 1)
    }

    /// A server of a file's content, from memory.
    pub(crate) fn start_memory(content: &Path) -> Self {
        Self::run(&["memory", &content.display().to_string()], 1)
    }

    fn run(arguments: &[&str], addresses: u16) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program has a path"))
            .args(arguments)
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

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

pub(crate) fn address(index: u16) -> Ipv4Addr {
    let [high, low] = index.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low.max(1))
}

/// Serves on one port of all loopback addresses until it is killed.
pub(crate) fn serve() {
    serve_router(Router::new().route("/", get(|| async { "ok" })));
}

/// Serves a file's content from memory until it is killed.
pub(crate) fn serve_memory(file: &str) {
    let content = Bytes::from(std::fs::read(file).expect("the file is there"));
    serve_router(Router::new().route("/", get(move || async move { content })));
}

fn serve_router(app: Router) {
    runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        crate::say(&port.to_string());
        axum::serve(listener, app).await.expect("it serves");
    });
}

/// Serves under TLS until it is killed, and writes its authority to a file.
pub(crate) fn serve_tls(authority: &str) {
    let trusted = Authority::new();
    std::fs::write(authority, trusted.pem()).expect("the file is written");
    let identity = trusted.issue(&Leaf::localhost().ip(address(0).into()).through_intermediate());
    let tls = RustlsConfig::from_config(identity.server_config(&["http/1.1"]));
    let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    crate::say(&listener.local_addr().expect("it is bound").port().to_string());
    let app = Router::new().route("/", get(|| async { "ok" }));
    runtime().block_on(async {
        let server = axum_server::from_tcp_rustls(listener, tls).expect("a socket");
        server.serve(app.into_make_service()).await.expect("it serves");
    });
}

/// CPU seconds of one GET of these bytes, served from memory by a process of its own.
pub(crate) fn cost_of_serving(bytes: &Bytes, count: u32) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("content");
    std::fs::write(&file, bytes).expect("the file is written");
    let served = Served::start_memory(&file);
    let url = format!("http://{}/", served.addresses[0]);
    // What starting costs is not what serving costs.
    fetch(&url, 1);
    let before = cpu_seconds(served.id());
    fetch(&url, count);
    (cpu_seconds(served.id()) - before) / f64::from(count)
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

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}
