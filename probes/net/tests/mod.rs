//! The way to the network, over real sockets, to servers that behave and servers that do not.

mod budgets;
mod dns;
mod egress;
mod faults;
mod happy_eyeballs;
mod http2;
mod proxy;
mod redirects;
mod search;
mod secrets;
mod tls;
mod trust;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use musterd_test_support::ca::Authority;
use tempfile::TempDir;

use crate::blind::{Blind, Cause};
use crate::context::Context;
use crate::impact::Impact;
use crate::net::body::BodyEnd;
use crate::net::budget::Budgets;
use crate::net::exchange::{Answer, Exchange};
use crate::net::failure::Failure;
use crate::net::network::Network;
use crate::net::request::Request;
use crate::net::resolve::Resolver;
use crate::net::target::Target;
use crate::net::trust::{Roots, Trust};
use crate::secret::Vault;
use crate::testing;

/// Long enough for whatever answers at all, on a machine that is busy with other things too.
const PATIENT: Duration = Duration::from_secs(20);

/// For what never answers.
const IMPATIENT: Duration = Duration::from_secs(1);

/// The value of the one secret of these tests, `{env: TOKEN}`.
const TOKEN: &str = "s3cr3t/t0k+n~x";

fn network(resolver: Resolver, budgets: Budgets) -> Arc<Network> {
    let vault = Vault::new(|name| (name == "TOKEN").then(|| TOKEN.to_owned()));
    Arc::new(Network::new(Roots::new(false).0, resolver, Arc::new(vault), budgets, None))
}

fn target(url: &str) -> Target {
    Target::new("test", url.parse().unwrap())
}

fn over(network: &Arc<Network>, target: Target, timeout: Duration) -> Context {
    let run = crate::context::Run { timeout, ..testing::run(Impact::Active) };
    Context::new(Arc::clone(network), Arc::new(target), run)
}

/// To a target, on a network without a name server.
fn to(target: Target, timeout: Duration) -> Context {
    over(&network(Resolver::fixed([]), Budgets::default()), target, timeout)
}

/// On a network that knows one name.
fn naming(name: &str, addresses: &[&str]) -> Arc<Network> {
    let addresses: Vec<IpAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    network(Resolver::fixed([(name.to_owned(), addresses)]), Budgets::default())
}

fn get(url: impl AsRef<str>) -> Request {
    Request::get(url.as_ref().parse().unwrap())
}

/// One GET of the target's own URL.
async fn visit(cx: &Context) -> Result<Exchange, Blind> {
    cx.exchange(&Request::get(cx.target().url.clone())).await
}

fn answer(exchange: &Exchange) -> &Answer {
    let answer = exchange.answer.as_ref();
    answer.unwrap_or_else(|| panic!("no answer but {:?}", exchange.failure))
}

/// The text of an answer that came whole.
fn text(exchange: &Exchange) -> String {
    let answer = answer(exchange);
    assert_eq!(answer.body.end, BodyEnd::Complete);
    answer.body.text().into_owned()
}

fn failure(exchange: &Exchange) -> &Failure {
    exchange.failure.as_ref().unwrap_or_else(|| panic!("an answer: {:?}", exchange.answer))
}

#[track_caller]
fn assert_blind<T: std::fmt::Debug>(outcome: Result<T, Blind>, cause: Cause, says: &str) {
    let blind = outcome.expect_err("musterd cannot look");
    assert_eq!(blind.cause, cause, "{blind}");
    assert!(blind.reason.contains(says), "`{blind}` lacks `{says}`");
}

/// An address at which nothing listens, held free as long as the socket lives.
fn closed_port(ip: &str) -> (SocketAddr, tokio::net::TcpSocket) {
    let ip: IpAddr = ip.parse().unwrap();
    let socket = if ip.is_ipv6() {
        tokio::net::TcpSocket::new_v6()
    } else {
        tokio::net::TcpSocket::new_v4()
    };
    let socket = socket.unwrap();
    // Bound but not listening: nobody else gets the port, and connecting to it is refused.
    socket.bind((ip, 0).into()).unwrap();
    (socket.local_addr().unwrap(), socket)
}

/// An authority with its certificate in a file.
struct Private {
    authority: Authority,
    dir: TempDir,
}

impl Private {
    fn new() -> Self {
        let private = Self { authority: Authority::new(), dir: tempfile::tempdir().unwrap() };
        std::fs::write(private.file(), private.authority.pem()).unwrap();
        private
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    fn trust(&self) -> Trust {
        Trust::new(Some(self.file()), None)
    }

    /// A target that trusts this authority.
    fn target(&self, url: &str) -> Target {
        Target { trust: self.trust(), ..target(url) }
    }
}
