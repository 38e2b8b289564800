//! What `tls` and `headers` cost, beside a scanner, a bare client and the promise.
//!
//! `cargo bench --bench posture -- depth|handshake|judging`, all of them without a name. `depth`
//! needs openssl and sslscan. Machines are noisy: ratios are printed, nothing is asserted.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::KINDS;
use musterd_probes::context::{Context, Limits, Run};
use musterd_probes::contract::Probe;
use musterd_probes::impact::Impact;
use musterd_probes::net::budget::Budgets;
use musterd_probes::net::network::Network;
use musterd_probes::net::resolve::Resolver;
use musterd_probes::net::target::Target;
use musterd_probes::net::trust::{Roots, Trust, provider};
use musterd_probes::registry;
use musterd_probes::run_id::RunId;
use musterd_probes::secret::Vault;
use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::http::{HttpServer, Reply};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::time::Instant;

#[path = "process.rs"]
#[expect(dead_code, reason = "memory and descriptors are the daemon's")]
mod process;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", folder] => serve(Path::new(folder)),
        ["shake", how, address, ca, count] => shake(
            how,
            address.parse().expect("an address"),
            Path::new(ca),
            count.parse().expect("a count"),
        ),
        ["depth"] => depth(),
        ["handshake"] => handshake(),
        ["judging"] => judging(),
        [] => {
            depth();
            handshake();
            judging();
        }
        other => panic!("no such benchmark: {other:?}"),
    }
}

fn say(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").expect("stdout takes text");
}

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// `depth: full` against sslscan on the same server, and the default beside it.
fn depth() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let identity = authority.issue(&Leaf::localhost());
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("ca.pem"), authority.pem()).expect("it is written");
    std::fs::write(file("cert.pem"), identity.chain_pem()).expect("it is written");
    std::fs::write(file("key.pem"), identity.key_pem()).expect("it is written");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let server = Command::new("openssl")
        .args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}")])
        .args(["-cert", "cert.pem", "-key", "key.pem"])
        .args(["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is installed");
    let _server = Running(server);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::yield_now();
    }
    let service = |name: &str, depth: &str| {
        format!(
            "  - {{name: {name}, url: 'https://localhost:{port}', ca: {{file: ca.pem}}, budget: {{connections: 1000/s}}, checks: [tls: {{depth: {depth}}}]}}\n"
        )
    };
    let config = format!("services:\n{}{}", service("full", "full"), service("default", "default"));
    std::fs::write(file("musterd.yaml"), config).expect("it is written");
    let (mut full, mut ordinary, mut theirs) = (f64::MAX, f64::MAX, f64::MAX);
    let mut ours = BTreeMap::new();
    let mut scanned = BTreeMap::new();
    for _ in 0..3 {
        let (seconds, check) = checked(folder.path(), "full");
        full = full.min(seconds);
        ours = listed(&check);
        ordinary = ordinary.min(checked(folder.path(), "default").0);
        let started = Instant::now();
        let output = Command::new("sslscan")
            .args(["--xml=-", "--no-heartbleed", "--no-check-certificate"])
            .args(["--no-fallback", "--no-groups", &format!("localhost:{port}")])
            .output()
            .expect("sslscan is installed");
        theirs = theirs.min(started.elapsed().as_secs_f64());
        scanned = scanned_sets(&String::from_utf8_lossy(&output.stdout));
    }
    let count =
        |sets: &BTreeMap<String, BTreeSet<u16>>| sets.values().map(BTreeSet::len).sum::<usize>();
    say(&format!(
        "depth: full {full:.3} s, sslscan {theirs:.3} s: ratio {:.3} (bound 0.2); {} suites and {}, the same sets: {}; default {ordinary:.3} s",
        full / theirs,
        count(&ours),
        count(&scanned),
        ours == scanned,
    ));
}

/// How long one check took, and what it saw.
fn checked(folder: &Path, service: &str) -> (f64, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_musterd"))
        .args(["check", service, "--format", "json", "--evidence"])
        .current_dir(folder)
        .output()
        .expect("it starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let check = report["services"][0]["checks"][0].clone();
    (check["duration_seconds"].as_f64().expect("a duration"), check)
}

fn listed(check: &Value) -> BTreeMap<String, BTreeSet<u16>> {
    let table = include_str!("../../probes/catalog/cipher-suites.tsv");
    let numbers: BTreeMap<&str, u16> = table
        .lines()
        .filter_map(|line| {
            let (number, name) = line.split_once('\t')?;
            Some((name, u16::from_str_radix(number, 16).ok()?))
        })
        .collect();
    let listings = &check["evidence"]["survey"]["done"]["listings"];
    let listings = listings.as_object().expect("listings").iter();
    listings
        .map(|(version, listing)| {
            let names = listing["suites"].as_array().expect("suites").iter();
            let suites = names.map(|name| numbers[name.as_str().expect("a name")]);
            (version.clone(), suites.collect())
        })
        .collect()
}

fn scanned_sets(xml: &str) -> BTreeMap<String, BTreeSet<u16>> {
    let mut sets: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    for line in xml.lines().filter(|line| line.trim_start().starts_with("<cipher ")) {
        let field = |name: &str| {
            let after = line.split(&format!(" {name}=\"")).nth(1).expect("a field");
            after.split('"').next().expect("a value").to_owned()
        };
        let number =
            u16::from_str_radix(field("id").trim_start_matches("0x"), 16).expect("a number");
        sets.entry(field("sslversion").replace("TLSv", "TLS ")).or_default().insert(number);
    }
    sets
}

/// A page over TLS in a process of its own; its address is the first line of stdout.
fn serve(folder: &Path) {
    let authority = Authority::new();
    std::fs::write(folder.join("ca.pem"), authority.pem()).expect("it is written");
    let config = authority.issue(&Leaf::localhost()).server_config(&["h2", "http/1.1"]);
    runtime().block_on(async {
        let server = HttpServer::start_tls(config, |_| Reply::text(200, "ok")).await;
        say(&server.addr().to_string());
        std::future::pending::<()>().await;
    });
}

/// CPU of an ordinary run of `tls` against that of a bare rustls client.
fn handshake() {
    const COUNT: u32 = 2000;
    let folder = tempfile::tempdir().expect("a folder");
    let program = std::env::current_exe().expect("this program has a path");
    let mut server = Command::new(&program)
        .arg("serve")
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let mut address = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut address).expect("a line");
    let _server = Running(server);
    let cpu = |how: &str| {
        let mut command = Command::new(&program);
        command.args(["shake", how, address.trim()]).arg(folder.path().join("ca.pem"));
        let output = command.arg(COUNT.to_string()).output().expect("this program starts");
        let text = String::from_utf8(output.stdout).expect("a number");
        text.trim().parse::<f64>().expect("a number") / f64::from(COUNT)
    };
    let (mut bare, mut ours) = (f64::MAX, f64::MAX);
    for _ in 0..3 {
        bare = bare.min(cpu("bare"));
        ours = ours.min(cpu("probe"));
    }
    say(&format!(
        "handshake: {:.0} us of CPU a run of tls, {:.0} us a bare rustls handshake: ratio {:.2} (bound 1.3)",
        ours * 1e6,
        bare * 1e6,
        ours / bare
    ));
}

/// Shakes hands so many times and prints the CPU time.
fn shake(how: &str, address: SocketAddr, ca: &Path, count: u32) {
    let runtime = runtime();
    let connect = bare_client(ca);
    let (probe, network, target) = configured(address, ca);
    let once = || async {
        if how == "bare" {
            let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
            stream.set_nodelay(true).expect("a TCP socket");
            let name = ServerName::try_from("localhost").expect("a name");
            black_box(connect.connect(name, stream).await.expect("it is trusted"));
        } else {
            let cx = Context::new(Arc::clone(&network), Arc::clone(&target), run());
            black_box(probe.observe(&cx).await.expect("it looks"));
        }
    };
    runtime.block_on(once());
    let before = process::cpu_seconds(std::process::id());
    runtime.block_on(async {
        for _ in 0..count {
            once().await;
        }
    });
    say(&format!("{}", process::cpu_seconds(std::process::id()) - before));
}

fn bare_client(ca: &Path) -> tokio_rustls::TlsConnector {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in rustls::pki_types::CertificateDer::pem_file_iter(ca).expect("it is read") {
        roots.add(root.expect("a certificate")).expect("a root");
    }
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    tokio_rustls::TlsConnector::from(Arc::new(config))
}

fn configured(address: SocketAddr, ca: &Path) -> (Arc<dyn Probe>, Arc<Network>, Arc<Target>) {
    let kind = registry::find(KINDS, "tls").expect("it is registered");
    let probe = kind.build_json(&json!({})).expect("no settings are fine");
    let (roots, _) = Roots::new(false);
    let vault = Arc::new(Vault::new(|_| None));
    let network = Network::new(roots, Resolver::system(), vault, Budgets::default(), None);
    let url = format!("https://localhost:{}/", address.port());
    let mut target = Target::new("bench", url.parse().expect("a URL"));
    target.connect_to = Some(address);
    target.trust = Trust::new(Some(ca.to_path_buf()), None);
    (probe, Arc::new(network), Arc::new(target))
}

fn run() -> Run {
    // At any other time the certificate is not valid, and the server's clock is asked for as well.
    let at = Timestamp::now();
    Run {
        id: RunId::new(at, 0),
        at,
        timeout: Duration::from_secs(10),
        consent: Impact::Passive,
        deep: false,
        max_wait: Duration::ZERO,
        limits: Limits { requests: 24, connections: 24 },
    }
}

/// Judging recorded answers, each read from its file as `replay` reads it.
fn judging() {
    const COUNT: usize = 5000;
    let recorded: Value = serde_json::from_str(include_str!("answer.json")).expect("evidence");
    let kind = registry::find(KINDS, "headers").expect("it is registered");
    let probe = kind.build_json(&json!({})).expect("no settings are fine");
    let parsed: Vec<_> =
        (0..COUNT).map(|_| probe.parse(recorded.clone()).expect("it is evidence")).collect();
    let started = Instant::now();
    for evidence in &parsed {
        black_box(probe.judge(evidence, &[], Timestamp::UNIX_EPOCH));
    }
    let judged = started.elapsed();
    let started = Instant::now();
    for evidence in &parsed {
        black_box(probe.measure(evidence));
    }
    let each = |all: Duration| all.as_secs_f64() * 1e6 / 5000.0;
    say(&format!(
        "judging: {:.1} us a recorded answer by every rule of headers (bound 50), {:.1} us its score",
        each(judged),
        each(started.elapsed())
    ));
}
