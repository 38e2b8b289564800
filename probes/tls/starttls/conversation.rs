//! Reading no byte too many: what follows the last answer belongs to TLS.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// More than so many bytes are never read before TLS.
const MOST: usize = 64 * 1024;

/// A talk in plain text.
pub(super) struct Conversation<'a, S> {
    stream: &'a mut S,
    read: usize,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Conversation<'a, S> {
    pub(super) fn over(stream: &'a mut S) -> Self {
        Self { stream, read: 0 }
    }

    pub(super) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Exactly so many bytes.
    pub(super) async fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        self.read += count;
        if self.read > MOST {
            return Err(io::Error::other("over 64 KiB of plain text before TLS"));
        }
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    /// Up to and with one of the endings.
    pub(super) async fn until(&mut self, endings: &[&str]) -> io::Result<String> {
        let mut text = Vec::new();
        loop {
            text.extend(self.bytes(1).await?);
            if endings.iter().any(|ending| text.ends_with(ending.as_bytes())) {
                return Ok(String::from_utf8_lossy(&text).into_owned());
            }
        }
    }

    /// A line without its end.
    pub(super) async fn line(&mut self) -> io::Result<String> {
        Ok(self.until(&["\n"]).await?.trim_end().to_owned())
    }
}

/// Words of a server, fit for a report.
pub(super) fn words(text: &str) -> String {
    crate::text::excerpt(text, 120)
}
