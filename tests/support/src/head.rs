//! Reads the head of an HTTP/1 request off a raw connection, no further than its blank line.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Heads longer than this (bytes) count as no head at all.
const LIMIT: usize = 64 * 1024;

/// The head with its closing blank line, or `None` if the peer went away or wrote too much first.
///
/// It reads byte by byte, because whatever follows the head belongs to somebody else.
pub(crate) async fn read<S: AsyncRead + Unpin + ?Sized>(stream: &mut S) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while head.len() < LIMIT {
        head.push(stream.read_u8().await.ok()?);
        if head.ends_with(b"\r\n\r\n") {
            return Some(head);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::read;

    #[tokio::test]
    async fn it_leaves_the_body_unread() {
        let mut stream: &[u8] = b"POST / HTTP/1.1\r\nA: b\r\n\r\nbody";
        assert_eq!(read(&mut stream).await.unwrap(), b"POST / HTTP/1.1\r\nA: b\r\n\r\n");
        assert_eq!(stream, b"body");
    }

    #[tokio::test]
    async fn half_a_head_is_none() {
        assert_eq!(read(&mut &b"GET / HTTP/1.1\r\n"[..]).await, None);
    }

    #[tokio::test]
    async fn an_oversized_head_is_none() {
        assert_eq!(read(&mut tokio::io::repeat(b'a')).await, None);
    }
}
