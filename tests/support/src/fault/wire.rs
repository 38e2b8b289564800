//! One accepted connection, plain or inside TLS, and the ways to leave it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Bytes that are neither TLS nor HTTP nor text.
pub(super) const GARBAGE: &[u8] =
    b"\x00\xff\xfe\x01\x80\x7f\x00\xc3\x28 nothing of note \xa0\r\n\r\n";

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// The socket beneath, whatever lies on top.
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// A connection to the peer.
pub(super) struct Wire(Box<dyn Stream>);

impl Wire {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self(Box::new(stream))
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self(Box::new(stream))
    }

    /// Puts the bytes on the wire at once; an error means that the peer went away.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// Waits for the peer's first bytes, which usually are a whole `ClientHello`.
    pub(super) async fn await_bytes(&mut self) -> io::Result<()> {
        let mut hello = vec![0; 16 * 1024];
        self.0.read(&mut hello).await.map(drop)
    }

    pub(super) async fn request_head(&mut self) -> Option<Vec<u8>> {
        crate::head::read(&mut *self.0).await
    }

    /// Ends the connection with an RST.
    pub(super) fn reset(self) {
        // It fails only on a socket the peer has reset already, which is as good.
        drop(self.0.socket().set_zero_linger());
    }

    /// Ends the connection with a FIN that no RST follows.
    pub(super) async fn close(mut self) {
        // Closing a socket with unread bytes makes Linux send an RST, so they are swallowed.
        let ended = self.0.shutdown().await;
        if ended.is_ok() {
            drop(tokio::io::copy(&mut self.0, &mut tokio::io::sink()).await);
        }
    }

    /// Keeps the connection open, without a byte, until the task is aborted.
    pub(super) async fn stay_silent(self) {
        let _held = self;
        std::future::pending::<()>().await;
    }
}
