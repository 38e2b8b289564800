//! Interim answers (1xx), which a server may send before its own, and not without end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::connection::Stream;

/// Before its answer, a server may send so many interim ones (RFC 9110 section 15.2).
const MOST: u32 = 64;

/// How many interim answers came to the request of now.
#[derive(Debug, Clone, Default)]
pub(super) struct Interim(Arc<AtomicU32>);

impl Interim {
    /// Counts from zero what comes to this request.
    pub(super) fn count<B>(&self, request: &mut http::Request<B>) {
        self.0.store(0, Ordering::Relaxed);
        let count = Arc::clone(&self.0);
        hyper::ext::on_informational(request, move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
    }

    fn is_flood(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MOST
    }
}

/// A stream that ends in an error when interim answers flood it. hyper reads them in a loop that
/// never waits while more are there: only the stream itself can end it, before the deadline
/// comes and a core is lost until then.
#[derive(Debug)]
pub(super) struct Guarded {
    stream: Stream,
    interim: Interim,
}

impl Guarded {
    pub(super) fn new(stream: Stream, interim: Interim) -> Self {
        Self { stream, interim }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.interim.is_flood() {
            let words = format!("more than {MOST} interim answers (1xx) and no final one");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, words)));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
