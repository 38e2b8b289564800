//! Where the daemon listens, in plain HTTP or under TLS.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Handle, Server as HttpServer};
use tokio_util::sync::CancellationToken;

use super::certificate::Certificate;
use super::door::{self, Door};
use super::reload::POLL;
use crate::config::Server;

#[cfg(test)]
mod tests;

/// How long answers in flight are awaited when the daemon stops.
const GRACE: Duration = Duration::from_secs(5);

/// How long things may take, and how many there may be.
struct Limits {
    /// How often the certificate is looked at in its files.
    renewal: Duration,
    /// How long a client may take for the head of a request, and for a handshake.
    head: Duration,
    /// How long it may take nothing of an answer.
    stalled: Duration,
    /// How many connections stand open at once, of all clients; of one, three quarters of it.
    connections: usize,
}

/// A socket that is bound, with what is spoken on it.
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    certificate: Option<Certificate>,
    limits: Limits,
}

/// Binds the socket and reads the certificate, so that what is wrong with either ends the start.
pub(super) async fn bind(address: SocketAddr, server: &Server) -> Result<Listener, String> {
    let wrong = |error: std::io::Error| format!("{address} cannot be listened on: {error}");
    let socket = TcpListener::bind(address).map_err(wrong)?;
    socket.set_nonblocking(true).map_err(wrong)?;
    let address = socket.local_addr().map_err(wrong)?;
    let certificate = match &server.tls {
        Some(files) => Some(Certificate::read(files).await?),
        None => None,
    };
    let limits = Limits {
        renewal: POLL,
        head: Duration::from_secs(15),
        stalled: Duration::from_mins(1),
        connections: door::room(),
    };
    Ok(Listener { socket, address, certificate, limits })
}

impl Listener {
    /// Under which URL the daemon is asked.
    pub(super) fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
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
        let Self { socket, certificate, limits, .. } = self;
        let tls = certificate.as_ref().map(Certificate::config);
        let following = async {
            match certificate {
                Some(certificate) => certificate.follow(limits.renewal).await,
                None => std::future::pending().await,
            }
        };
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
        tokio::select! {
            ((), served) = async { tokio::join!(ending, serving) } => served,
            never = following => match never {},
        }
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
