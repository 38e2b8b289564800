//! The faults that strike once a request was read.

use std::io;
use std::time::Duration;

use super::wire::{GARBAGE, Wire};
use super::{Fault, endless, gzip};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n";
const EARLY_HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Strikes; an error means that the peer went away first.
pub(super) async fn strike(fault: &Fault, mut wire: Wire, head: &[u8]) -> io::Result<()> {
    let wire = match fault {
        Fault::ResetAfterRequest => {
            wire.reset();
            return Ok(());
        }
        Fault::ResetInBody => {
            wire.send(&sized(1000, b"0123456789")).await?;
            wire.reset();
            return Ok(());
        }
        Fault::SilentAfterHead => {
            wire.send(&sized(2, b"")).await?;
            wire.stay_silent().await;
            return Ok(());
        }
        Fault::CloseAfterRequest => wire,
        fault if answers(fault, &mut wire, head).await? => wire,
        _ => {
            wire.stay_silent().await;
            return Ok(());
        }
    };
    wire.close().await;
    Ok(())
}

/// Sends the fault's answer and tells whether it has one.
async fn answers(fault: &Fault, wire: &mut Wire, head: &[u8]) -> io::Result<bool> {
    match fault {
        Fault::GarbageAnswer => wire.send(GARBAGE).await?,
        Fault::DripHead { every } => {
            let whole = sized(2, b"ok");
            let (head, body) = whole.split_at(whole.len() - 2);
            drip(wire, head, *every).await?;
            wire.send(body).await?;
        }
        Fault::DripBody { every, length } => {
            wire.send(&sized(*length, b"")).await?;
            for _ in 0..*length {
                drip(wire, b".", *every).await?;
            }
        }
        Fault::BodyCutShort { promised, sent } => {
            wire.send(&sized(*promised, b"")).await?;
            fill(wire, *sent).await?;
        }
        Fault::ChunkedCutShort => {
            let cut = format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n64\r\nhalf");
            wire.send(cut.as_bytes()).await?;
        }
        Fault::EndlessHeaders => {
            wire.send(OK.as_bytes()).await?;
            endless::headers(wire).await?;
        }
        Fault::LongHeader { bytes } => {
            wire.send(format!("{OK}Content-Length: 2\r\nx-long: ").as_bytes()).await?;
            fill(wire, *bytes).await?;
            wire.send(b"\r\n\r\nok").await?;
        }
        Fault::ManyHeaders { count } => {
            wire.send(format!("{OK}Content-Length: 2\r\n").as_bytes()).await?;
            for number in 0..*count {
                wire.send(endless::lines("x-many", number..number + 1).as_bytes()).await?;
            }
            wire.send(b"\r\nok").await?;
        }
        Fault::EndlessBody => {
            wire.send(format!("{OK}\r\n").as_bytes()).await?;
            endless::repeat(wire, b"and so on\n").await?;
        }
        Fault::EndlessChunks => {
            wire.send(format!("{OK}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await?;
            endless::repeat(wire, b"a\r\nand so on\n\r\n").await?;
        }
        Fault::EndlessEarlyHints => endless::repeat(wire, EARLY_HINTS).await?,
        Fault::EndlessContinue => endless::repeat(wire, CONTINUE).await?,
        Fault::GzipBomb { inflated } => {
            wire.send(format!("{OK}Content-Encoding: gzip\r\n\r\n").as_bytes()).await?;
            gzip::send_bomb(wire, *inflated).await?;
        }
        Fault::RedirectLoop => wire.send(&redirect(head)).await?,
        Fault::Respond(bytes) => wire.send(bytes).await?,
        fault => match encoded(fault) {
            Some(bytes) => wire.send(&bytes).await?,
            None => return Ok(false),
        },
    }
    Ok(true)
}

/// The answers with a compressed body, or one that claims to be.
fn encoded(fault: &Fault) -> Option<Vec<u8>> {
    let (encoding, body) = match fault {
        Fault::InvalidGzip => ("gzip", b"this was never compressed".to_vec()),
        Fault::TruncatedGzip => {
            let mut body = gzip::gzip(b"this breaks off before its end");
            body.truncate(body.len() / 2);
            ("gzip", body)
        }
        Fault::Gzip(body) => ("gzip", gzip::gzip(body)),
        Fault::DeflateZlib(body) => ("deflate", gzip::zlib(body)),
        Fault::DeflateRaw(body) => ("deflate", gzip::raw_deflate(body)),
        _ => return None,
    };
    let length = body.len();
    let head = format!("{OK}Content-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n");
    Some([head.into_bytes(), body].concat())
}

/// A `200` announcing a body of `length` bytes, followed by `body`.
fn sized(length: u64, body: &[u8]) -> Vec<u8> {
    [format!("{OK}Content-Length: {length}\r\n\r\n").as_bytes(), body].concat()
}

/// A `302` to the target of the request in `head`.
fn redirect(head: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(head);
    let target = head.split_whitespace().nth(1).unwrap_or("/");
    format!(
        "HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

/// Sends one byte per interval, the first at once.
async fn drip(wire: &mut Wire, bytes: &[u8], every: Duration) -> io::Result<()> {
    for byte in bytes {
        wire.send(std::slice::from_ref(byte)).await?;
        tokio::time::sleep(every).await;
    }
    Ok(())
}

/// Sends `count` letters in portions.
async fn fill(wire: &mut Wire, count: u64) -> io::Result<()> {
    const PORTION: [u8; 8 * 1024] = [b'a'; 8 * 1024];
    let mut left = count;
    while left > 0 {
        let portion = usize::try_from(left).unwrap_or(usize::MAX).min(PORTION.len());
        wire.send(PORTION.get(..portion).unwrap_or(&PORTION)).await?;
        left -= portion as u64;
    }
    Ok(())
}
