//! Where the daemon listens, in plain HTTP or under TLS.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server as HttpServer};
use musterd_probes::net::trust::provider;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

use super::door::{self, Door};
use crate::config::{Server, ServerTls};

#[cfg(test)]
mod tests;

/// How long answers in flight are awaited when the daemon stops.
const GRACE: Duration = Duration::from_secs(5);

/// What a client may use up.
struct Limits {
    /// How long it may take for the head of a request, and for a handshake.
    head: Duration,
    /// How long it may take nothing of an answer.
    stalled: Duration,
    /// How many connections stand open at once, of all clients.
    connections: usize,
}

/// A socket that is bound, with what is spoken on it.
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
    limits: Limits,
}

/// Binds the socket and reads the certificate, so that what is wrong with either ends the start.
pub(super) async fn bind(address: SocketAddr, server: &Server) -> Result<Listener, String> {
    let wrong = |error: std::io::Error| format!("{address} cannot be listened on: {error}");
    let socket = TcpListener::bind(address).map_err(wrong)?;
    socket.set_nonblocking(true).map_err(wrong)?;
    let address = socket.local_addr().map_err(wrong)?;
    let tls = match &server.tls {
        Some(files) => Some(RustlsConfig::from_config(tls(files).await?)),
        None => None,
    };
    let limits = Limits {
        head: Duration::from_secs(15),
        stalled: Duration::from_mins(1),
        connections: door::room(),
    };
    Ok(Listener { socket, address, tls, limits })
}

async fn tls(files: &ServerTls) -> Result<Arc<ServerConfig>, String> {
    let wrong = |path: &std::path::Path, error: &dyn std::fmt::Display| {
        format!("server.tls: {} cannot be used: {error}", path.display())
    };
    let cert = tokio::fs::read(&files.cert).await.map_err(|error| wrong(&files.cert, &error))?;
    let key = tokio::fs::read(&files.key).await.map_err(|error| wrong(&files.key, &error))?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&cert)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(&files.cert, &error))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| wrong(&files.key, &error))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong(&files.cert, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl Listener {
    /// Under which URL the daemon is asked.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Whether only this machine can connect.
    pub(super) fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }

    /// Serves until `stop`, and then what is in flight for a little longer.
    pub(super) async fn serve(self, app: Router, stop: CancellationToken) -> std::io::Result<()> {
        let handle = Handle::new();
        let ending = {
            let handle = handle.clone();
            async move {
                stop.cancelled().await;
                handle.graceful_shutdown(Some(GRACE));
            }
        };
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let Self { socket, tls, limits, .. } = self;
        let door = Door::new(limits.connections, limits.stalled);
        let serving = async {
            let server = axum_server::from_tcp(socket)?.handle(handle);
            if let Some(tls) = tls {
                let tls = RustlsAcceptor::new(tls).handshake_timeout(limits.head).acceptor(door);
                patiently(server.acceptor(tls), limits.head).serve(app).await
            } else {
                patiently(server.acceptor(door), limits.head).serve(app).await
            }
        };
        let ((), served) = tokio::join!(ending, serving);
        served
    }
}

/// A client that never ends its request keeps no connection for ever. HTTP/2 is not spoken: neither
/// its connections nor the wait for the bytes that tell the versions apart ever run out of time.
fn patiently<A>(server: HttpServer<SocketAddr, A>, head: Duration) -> HttpServer<SocketAddr, A> {
    let mut server = server.http1_only();
    server
        .http_builder()
        .http1()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(64 * 1024);
    server
}
