//! The listening side of a fault.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::wire::Wire;
use super::{Fault, Stage, answer, handshake};
use crate::listening::Listening;
use crate::log::Log;

/// A server on which every connection meets the same [`Fault`]; it ends when dropped.
#[derive(Debug)]
pub struct FaultServer {
    listening: Listening,
    requests: Log<Vec<u8>>,
}

impl FaultServer {
    /// Serves the fault over plain TCP on a free port of 127.0.0.1.
    pub async fn start(fault: Fault) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0), fault).await
    }

    /// As [`Self::start`], inside TLS. The faults of [`Stage::Accept`] and [`Stage::Handshake`]
    /// strike beneath it, as without TLS; the others speak HTTP/1.1, so offer only that by ALPN.
    pub async fn start_tls(fault: Fault, config: Arc<ServerConfig>) -> Self {
        Self::start_tls_at((Ipv4Addr::LOCALHOST, 0), fault, config).await
    }

    /// As [`Self::start`], on another address: `(ip, 0)` for a free port.
    ///
    /// # Panics
    /// If the address cannot be bound.
    pub async fn start_at(at: impl Into<SocketAddr>, fault: Fault) -> Self {
        Self::serve(at.into(), fault, None).await
    }

    /// As [`Self::start_tls`], on another address: `(ip, 0)` for a free port.
    ///
    /// # Panics
    /// If the address cannot be bound.
    pub async fn start_tls_at(
        at: impl Into<SocketAddr>,
        fault: Fault,
        config: Arc<ServerConfig>,
    ) -> Self {
        Self::serve(at.into(), fault, Some(config.into())).await
    }

    async fn serve(at: SocketAddr, fault: Fault, tls: Option<TlsAcceptor>) -> Self {
        let requests = Log::new();
        let log = requests.clone();
        let fault = Arc::new(fault);
        let listening = Listening::start(at, move |stream, _| {
            treat(stream, Arc::clone(&fault), tls.clone(), log.clone())
        })
        .await;
        Self { listening, requests }
    }

    /// Ends the server and returns once its port is free; its connections close meanwhile.
    pub async fn stop(self) {
        self.listening.stop().await;
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.listening.addr()
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.listening.connections()
    }

    /// Returns once `count` connections were accepted, counted from the start.
    pub async fn wait_for_connections(&self, count: usize) {
        self.listening.wait_for_connections(count).await;
    }

    /// The request heads read so far with their closing blank lines, at most the first 10 000;
    /// only faults of [`Stage::Answer`] read any.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.entries()
    }

    /// Returns once `count` request heads were read, counted from the start.
    pub async fn wait_for_requests(&self, count: usize) {
        self.requests.wait_for(count).await;
    }
}

async fn treat(
    stream: TcpStream,
    fault: Arc<Fault>,
    tls: Option<TlsAcceptor>,
    requests: Log<Vec<u8>>,
) {
    // Without it the kernel would gather the drops of a drip.
    drop(stream.set_nodelay(true));
    match fault.stage() {
        Stage::Accept => handshake::strike_on_accept(&fault, Wire::plain(stream)).await,
        // The peer going away early is its own business, here and below.
        Stage::Handshake => {
            drop(handshake::strike_in_handshake(&fault, Wire::plain(stream)).await);
        }
        Stage::Answer => {
            let mut wire = match tls {
                None => Wire::plain(stream),
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => Wire::tls(stream),
                    Err(_) => return,
                },
            };
            let Some(head) = wire.request_head().await else { return };
            requests.push(head.clone());
            drop(answer::strike(&fault, wire, &head).await);
        }
    }
}
