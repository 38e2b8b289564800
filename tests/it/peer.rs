//! Servers that are not ours, started for one test and ended with it.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::harness::root;

/// How long a server may take to listen: an interpreter with a framework on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server; dropping it ends it.
pub(crate) struct Peer {
    process: Child,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to end.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// Ports below those that outgoing connections get, of which the tests that run beside make many.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// A port that was free a moment ago, and that no other test of this program is given.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.end - PORTS.start;
    // Two programs that run side by side look at different ends.
    let first = u16::try_from(std::process::id() % u32::from(count)).unwrap();
    (0..count)
        .map(|_| NEXT.fetch_add(1, Ordering::Relaxed) % count)
        .map(|step| PORTS.start + (first + step) % count)
        .find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok())
        .expect("some port is free")
}

/// Starts a server and waits until it listens on all of these ports. What it writes goes to this
/// test's stderr.
pub(crate) fn start(command: &mut Command, ports: &[u16]) -> Peer {
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let process = process.unwrap_or_else(|error| {
        panic!("{command:?} does not start, tests/run installs it: {error}")
    });
    let mut peer = Peer { process };
    let mut waited = Duration::ZERO;
    for port in ports {
        while TcpStream::connect(("127.0.0.1", *port)).is_err() {
            if let Some(status) = peer.process.try_wait().unwrap() {
                panic!("{command:?} ended with {status}");
            }
            assert!(waited < PATIENCE, "{command:?} does not listen on {port}");
            waited += pause();
        }
    }
    peer
}

/// Between two looks whether a port is open: nothing tells when another process listens.
#[expect(clippy::disallowed_methods, reason = "the event is another process's")]
fn pause() -> Duration {
    const PAUSE: Duration = Duration::from_millis(20);
    std::thread::sleep(PAUSE);
    PAUSE
}

/// A script below `tests/targets` in Node, listening on a port of its own. It names its topic:
/// `cors/express.mjs`.
pub(crate) fn node(script: &str, environment: &[(&str, &str)]) -> (Peer, u16) {
    target(Command::new("node"), script, environment)
}

/// A script below `tests/targets` in the Python that has what its topic needs.
pub(crate) fn python(script: &str, environment: &[(&str, &str)]) -> (Peer, u16) {
    let topic = script.split('/').next().unwrap_or_default();
    let program = root().join("target/peers/targets").join(topic).join("venv/bin/python3");
    target(Command::new(program), script, environment)
}

fn target(mut command: Command, script: &str, environment: &[(&str, &str)]) -> (Peer, u16) {
    let port = free_port();
    let script: PathBuf = root().join("tests/targets").join(script);
    command.current_dir(script.parent().unwrap_or(root())).arg(script);
    command.env("PORT", port.to_string()).envs(environment.iter().copied());
    (start(&mut command, &[port]), port)
}
