//! Tunnels through an HTTP proxy (RFC 9110 section 9.3.6).

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::blind::{Blind, Cause};
use crate::net::failure::{Failure, FailureKind};
use crate::net::phase::Phase;

/// A proxy's answer is read up to so many bytes.
const LONGEST_HEAD: usize = 8 * 1024;

/// Asks the proxy at the other end of `stream` for a tunnel.
pub async fn tunnel(stream: &mut TcpStream, authority: &str) -> Result<Result<(), Failure>, Blind> {
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let status = async {
        stream.write_all(request.as_bytes()).await?;
        head_status(stream).await
    }
    .await
    .map_err(|error| ours(format!("the proxy broke off: {error}")))?;
    match status {
        Some(200..=299) => Ok(Ok(())),
        // The proxy could not get there either: that is news of the target.
        Some(status @ (502..=504)) => Ok(Err(Failure::new(
            Phase::Connect,
            FailureKind::HostUnreachable,
            format!("the proxy answered {status} for {authority}"),
        ))),
        Some(status) => Err(ours(format!("the proxy answered {status} to CONNECT {authority}"))),
        None => Err(ours("what answers at the proxy's address is no HTTP proxy".to_owned())),
    }
}

fn ours(reason: String) -> Blind {
    Blind::new(Cause::Proxy, reason)
}

/// Reads up to the empty line and not a byte further: what follows belongs to the tunnel.
async fn head_status(stream: &mut TcpStream) -> std::io::Result<Option<u16>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return Ok(None);
        }
        head.push(stream.read_u8().await?);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = std::str::from_utf8(line).unwrap_or_default().split(' ');
    let protocol = words.next().unwrap_or_default();
    Ok(words.next().filter(|_| protocol.starts_with("HTTP/1.")).and_then(|w| w.parse().ok()))
}
