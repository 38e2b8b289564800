//! TCP over all addresses of a host: RFC 8305, "Happy Eyeballs".

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::blind::{Blind, Cause};
use crate::net::failure::{self, Failure};
use crate::net::phase::Phase;

/// How long one address may keep the next one waiting (RFC 8305 section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// One address that was tried and did not become the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// What happened; `None` while it was still silent when another one won or time ran out.
    pub failure: Option<Failure>,
}

/// A connection, and what was tried before it.
#[derive(Debug)]
pub struct Dialled {
    /// The first connection that stood, or why there is none.
    pub outcome: Result<TcpStream, Failure>,
    /// The address of that connection, which the socket itself forgets when the peer resets it.
    pub peer: Option<SocketAddr>,
    /// The addresses that did not become the connection.
    pub attempts: Vec<Attempt>,
}

/// Connects to the first address that answers. Addresses of the two families take turns, IPv6
/// first; each has a quarter of a second before the next one joins.
pub async fn dial(
    addresses: &[IpAddr],
    port: u16,
    deadline: Instant,
    timeout: Duration,
) -> Result<Dialled, Blind> {
    let mut waiting = interleave(addresses, port);
    let mut running = FuturesUnordered::new();
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut blind = None;
    let mut next_at = Instant::now();
    loop {
        // Timers tick in milliseconds: what is due starts without one.
        if running.is_empty() || next_at <= Instant::now() {
            if let Some(address) = waiting.pop_front() {
                next_at = Instant::now() + ATTEMPT_DELAY;
                attempts.push(Attempt { address, failure: None });
                running.push(async move { (address, connect(address).await) });
            } else if running.is_empty() {
                break;
            }
        }
        tokio::select! {
            biased;
            Some((address, outcome)) = running.next() => match outcome {
                Ok(stream) => {
                    attempts.retain(|attempt: &Attempt| attempt.address != address);
                    return Ok(Dialled { outcome: Ok(stream), peer: Some(address), attempts });
                }
                Err(error) => {
                    // A failed attempt lets the next address start at once.
                    next_at = Instant::now();
                    match classify(&error) {
                        Ok(failure) => note(&mut attempts, address, failure),
                        Err(ours) => {
                            attempts.retain(|attempt| attempt.address != address);
                            blind.get_or_insert(ours);
                        }
                    }
                }
            },
            () = sleep_until(next_at), if !waiting.is_empty() => {}
            () = sleep_until(deadline) => {
                return Ok(Dialled {
                    outcome: Err(Failure::timeout(Phase::Connect, timeout)),
                    peer: None,
                    attempts,
                });
            }
        }
    }
    // Refusals by the target outweigh an address family that this machine does not have.
    match attempts.iter().find_map(|attempt| attempt.failure.clone()) {
        Some(failure) => Ok(Dialled { outcome: Err(failure), peer: None, attempts }),
        None => Err(blind.unwrap_or_else(|| {
            Blind::new(Cause::Internal, "the host has no address to connect to")
        })),
    }
}

fn note(attempts: &mut [Attempt], address: SocketAddr, failure: Failure) {
    if let Some(attempt) = attempts.iter_mut().find(|attempt| attempt.address == address) {
        attempt.failure = Some(failure);
    }
}

fn classify(error: &io::Error) -> Result<Failure, Blind> {
    // No route to any network is this machine's trouble; a router's "no route to host" is news
    // of the target.
    if error.kind() == io::ErrorKind::NetworkUnreachable {
        return Err(Blind::new(Cause::Network, "this machine has no route to the network"));
    }
    failure::of_io(Phase::Connect, error)
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Without this, Nagle and delayed acknowledgements add 40 ms to small exchanges.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// RFC 8305 section 4: families take turns, IPv6 first.
fn interleave(addresses: &[IpAddr], port: u16) -> VecDeque<SocketAddr> {
    let mut v6 = addresses.iter().filter(|address| address.is_ipv6());
    let mut v4 = addresses.iter().filter(|address| address.is_ipv4());
    let mut order = VecDeque::with_capacity(addresses.len());
    loop {
        match (v6.next(), v4.next()) {
            (None, None) => return order,
            (six, four) => {
                for address in [six, four].into_iter().flatten() {
                    let address = SocketAddr::new(*address, port);
                    if !order.contains(&address) {
                        order.push_back(address);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> (Instant, Duration) {
        let timeout = Duration::from_secs(5);
        (Instant::now() + timeout, timeout)
    }

    #[test]
    fn families_take_turns_and_ipv6_goes_first() {
        let addresses: Vec<IpAddr> =
            ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1"].map(|a| a.parse().unwrap()).into();
        let order: Vec<String> =
            interleave(&addresses, 1).iter().map(|a| a.ip().to_string()).collect();
        assert_eq!(order, ["fd00::1", "10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_one_that_answers() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (deadline, timeout) = soon();
        let addresses = ["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let dialled = dial(&addresses, port, deadline, timeout).await.unwrap();
        assert!(dialled.outcome.unwrap().peer_addr().unwrap().is_ipv4());
        assert!(dialled.attempts.iter().all(|attempt| attempt.address.is_ipv6()));
    }

    #[tokio::test]
    async fn when_every_address_refuses_that_is_evidence() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let (deadline, timeout) = soon();
        let dialled = dial(&["127.0.0.1".parse().unwrap()], port, deadline, timeout).await.unwrap();
        let failure = dialled.outcome.unwrap_err();
        assert_eq!(failure.kind, failure::FailureKind::Refused);
        assert_eq!(dialled.attempts.len(), 1);
    }
}
