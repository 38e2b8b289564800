//! A server that answers each hello as a test says, be it in ways that no library would.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::context::{Context, Limits, Run};
use crate::impact::Impact;
use crate::net::budget::{Budget, Budgets, Rate};
use crate::net::network::Network;
use crate::net::origin::Origin;
use crate::net::resolve::Resolver;
use crate::net::target::Target;
use crate::net::trust::Roots;
use crate::secret::Vault;
use crate::testing;

/// What a hello asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) version: u16,
    pub(super) suites: Vec<u16>,
    pub(super) groups: Vec<u16>,
    pub(super) deflate: bool,
    /// It brings a share of a key: an ordinary client's.
    pub(super) shares: bool,
}

/// What it gets.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// These bytes, then a close.
    Bytes(Vec<u8>),
    /// These bytes again and again.
    Forever(Vec<u8>),
    Reset,
    Close,
    Silence,
}

pub(super) fn alert(description: u8) -> Reply {
    Reply::Bytes(vec![21, 3, 1, 0, 2, 2, description])
}

/// A `ServerHello` that chose this, and what ends a flight.
pub(super) fn choose(version: u16, suite: u16, compressed: bool) -> Reply {
    let mut body = version.min(0x0303).to_be_bytes().to_vec();
    body.extend([5; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(u8::from(compressed));
    let mut extensions = Vec::new();
    if version == 0x0304 {
        extensions.extend([0, 43, 0, 2, 3, 4]);
    } else {
        extensions.extend([0xFF, 1, 0, 1, 0]);
    }
    if version > 0x0300 {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    let mut bytes = message(2, &body);
    bytes.extend(message(14, &[]));
    Reply::Bytes(bytes)
}

pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let mut handshake = vec![kind, length[1], length[2], length[3]];
    handshake.extend(body);
    handshake
        .chunks(16_384)
        .flat_map(|piece| {
            let length = u16::try_from(piece.len()).unwrap().to_be_bytes();
            [&[22, 3, 3, length[0], length[1]], piece].concat()
        })
        .collect()
}

/// The server; it ends when dropped.
pub(super) struct Fake {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub(super) async fn start(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let reply = Arc::new(reply);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let reply = Arc::clone(&reply);
                connections.spawn(async move {
                    // A peer that goes away early has its answer.
                    drop(serve(stream, &*reply).await);
                });
            }
        });
        Self { address, accepted, task }
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(super) fn connections(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

async fn serve(
    mut stream: TcpStream,
    reply: &(dyn Fn(&Asked) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let asked = if head[0] & 0x80 != 0 {
        let mut rest = vec![0; usize::from(head[1]) - 3];
        stream.read_exact(&mut rest).await?;
        Asked { version: 2, suites: Vec::new(), groups: Vec::new(), deflate: false, shares: false }
    } else {
        let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        stream.read_exact(&mut body).await?;
        parse(&body)
    };
    match reply(&asked) {
        Reply::Bytes(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            // What still comes must not turn the close into a reset.
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        }
        Reply::Forever(bytes) => loop {
            stream.write_all(&bytes).await?;
        },
        Reply::Reset => stream.set_zero_linger()?,
        Reply::Close => {
            stream.shutdown().await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        }
        Reply::Silence => std::future::pending().await,
    }
    Ok(())
}

fn parse(body: &[u8]) -> Asked {
    let number = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    let mut at = 38 + 1 + usize::from(body[38]);
    let suites_end = at + 2 + usize::from(number(at));
    let suites = (at + 2..suites_end).step_by(2).map(number).collect();
    at = suites_end + 1 + usize::from(body[suites_end]);
    let methods = &body[suites_end + 1..at];
    let mut asked = Asked {
        version: number(4),
        suites,
        groups: Vec::new(),
        deflate: methods.contains(&1),
        shares: false,
    };
    let mut next = at + 2;
    while next + 4 <= body.len() {
        let (kind, length) = (number(next), usize::from(number(next + 2)));
        let data = next + 4;
        match kind {
            10 => asked.groups = (data + 2..data + length).step_by(2).map(number).collect(),
            43 => {
                let listed = (data + 1..data + length).step_by(2).map(number);
                asked.version = listed.max().unwrap();
            }
            51 => asked.shares = length > 2,
            _ => {}
        }
        next = data + length;
    }
    asked
}

/// How a run of a test may look.
pub(super) struct Setting {
    pub(super) timeout: Duration,
    pub(super) consent: Impact,
    pub(super) deep: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(20), consent: Impact::Active, deep: false }
    }
}

/// A context whose budget never makes a test wait.
pub(super) fn context(target: Target, setting: &Setting) -> Context {
    let rate = Rate::per_second(1000.0);
    let budget = Budget { rate, burst: 1000, connections: rate };
    let origin = Origin::of(&target.url).unwrap();
    let bare = Origin { scheme: "tcp".to_owned(), ..origin.clone() };
    let network = Network::new(
        Roots::new(false).0,
        Resolver::fixed([("both.test", 2), ("many.test", 8)].map(|(name, count)| {
            let addresses = (1..=count).map(|last| Ipv4Addr::new(127, 0, 0, last).into());
            (name.to_owned(), addresses.collect())
        })),
        Arc::new(Vault::new(|_| None)),
        Budgets::new([(origin, budget), (bare, budget)]),
        None,
    );
    let run = Run {
        at: super::handshakes::today(),
        timeout: setting.timeout,
        consent: setting.consent,
        deep: setting.deep,
        limits: Limits::of(setting.consent, setting.deep),
        ..testing::run(setting.consent)
    };
    Context::new(Arc::new(network), Arc::new(target), run)
}

pub(super) fn target(url: &str) -> Target {
    Target::new("test", url.parse().unwrap())
}
