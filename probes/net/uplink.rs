//! Whether we have a network at all: a few references that are reachable whenever we do.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::net::dial::dial;
use crate::net::resolve::Resolver;

/// How long a reference may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was found out stays true for so long, so that an outage asks the references seldom.
const MEMORY: Duration = Duration::from_secs(5);

/// References whose common failure means that we are cut off.
#[derive(Debug, Default)]
pub struct Uplink {
    references: Vec<(String, u16)>,
    known: Mutex<Option<(Instant, bool)>>,
}

impl Uplink {
    /// References as hosts and ports. Without any we always count as connected.
    pub fn new(references: impl IntoIterator<Item = (String, u16)>) -> Self {
        Self { references: references.into_iter().collect(), known: Mutex::default() }
    }

    /// Whether every reference fails. Whoever asks meanwhile waits for the same answer.
    pub async fn is_down(&self, resolver: &Resolver) -> bool {
        if self.references.is_empty() {
            return false;
        }
        let mut known = self.known.lock().await;
        if let Some((at, down)) = *known
            && at.elapsed() < MEMORY
        {
            return down;
        }
        let mut trying: FuturesUnordered<_> =
            self.references.iter().map(|(host, port)| reachable(resolver, host, *port)).collect();
        let mut down = true;
        while let Some(reachable) = trying.next().await {
            if reachable {
                down = false;
                break;
            }
        }
        *known = Some((Instant::now(), down));
        down
    }
}

async fn reachable(resolver: &Resolver, host: &str, port: u16) -> bool {
    let deadline = Instant::now() + PATIENCE;
    match resolver.resolve(host, deadline).await {
        Ok(Ok(addresses)) => dial(&addresses, port, deadline, PATIENCE)
            .await
            .is_ok_and(|dialled| dialled.outcome.is_ok()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn closed_port() -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn we_are_cut_off_only_when_every_reference_fails() {
        let resolver = Resolver::fixed([]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap().port();
        let at = |port| ("127.0.0.1".to_owned(), port);
        let closed = closed_port().await;
        assert!(!Uplink::default().is_down(&resolver).await);
        assert!(!Uplink::new([at(closed), at(open)]).is_down(&resolver).await);
        assert!(Uplink::new([at(closed), ("no.test".to_owned(), 1)]).is_down(&resolver).await);
    }

    #[tokio::test]
    async fn an_answer_is_remembered_for_a_moment() {
        let resolver = Resolver::fixed([]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uplink = Uplink::new([("127.0.0.1".to_owned(), listener.local_addr().unwrap().port())]);
        assert!(!uplink.is_down(&resolver).await);
        drop(listener);
        assert!(!uplink.is_down(&resolver).await, "the reference is not asked again at once");
    }
}
