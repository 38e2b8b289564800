//! The faults that strike before there is a TLS session or a request.

use std::io;

use super::Fault;
use super::wire::{GARBAGE, Wire};

/// A plain-text answer as web servers give it on their TLS port's plain sibling.
const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Content-Length: 12\r\nConnection: close\r\n\r\nBad Request\n";

/// Strikes at once.
pub(super) async fn strike_on_accept(fault: &Fault, wire: Wire) {
    match fault {
        Fault::ResetAfterAccept => wire.reset(),
        Fault::CloseAfterAccept => wire.close().await,
        _ => wire.stay_silent().await,
    }
}

/// Strikes after the peer's first bytes.
pub(super) async fn strike_in_handshake(fault: &Fault, mut wire: Wire) -> io::Result<()> {
    wire.await_bytes().await?;
    match fault {
        Fault::ResetInHandshake => wire.reset(),
        Fault::CloseInHandshake => wire.close().await,
        Fault::AlertInHandshake(description) => {
            wire.send(&fatal_alert(*description)).await?;
            wire.close().await;
        }
        Fault::PlainHttpInHandshake => {
            wire.send(PLAIN_HTTP).await?;
            wire.close().await;
        }
        Fault::GarbageInHandshake => {
            wire.send(GARBAGE).await?;
            wire.close().await;
        }
        _ => wire.stay_silent().await,
    }
    Ok(())
}

/// An alert record: content type 21, version 3.3, two bytes long, level fatal.
fn fatal_alert(description: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, description]
}
