//! Answers without an end; each stops when the peer goes away or the server is dropped.

use std::io;

use super::wire::Wire;

/// Sends `piece` for ever, so it returns nothing but the error that ended it.
pub(super) async fn repeat(wire: &mut Wire, piece: &[u8]) -> io::Result<()> {
    // Sent in larger portions, since a system call for every few bytes would starve the peer.
    let portion = piece.repeat((8 * 1024 / piece.len().max(1)).max(1));
    loop {
        wire.send(&portion).await?;
        tokio::task::yield_now().await;
    }
}

/// Sends `x-endless-0: …`, `x-endless-1: …` and so on for ever.
pub(super) async fn headers(wire: &mut Wire) -> io::Result<()> {
    for first in (0_u64..).step_by(100) {
        wire.send(lines("x-endless", first..first + 100).as_bytes()).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Header lines whose names end with their number.
pub(super) fn lines(name: &str, numbers: std::ops::Range<u64>) -> String {
    numbers.fold(String::new(), |lines, number| lines + &format!("{name}-{number}: value\r\n"))
}
