//! The two findings of availability that exchanges share: unreachable, and too late.

use crate::net::connection::Connection;
use crate::net::exchange::Exchange;
use crate::net::failure::{Failure, FailureKind};
use crate::rule::Saw;

/// Fires when no answer came and that was not for want of time.
pub(crate) fn unreachable(exchange: &Exchange) -> Option<Saw> {
    let failure = exchange.failure.as_ref().filter(|failure| !failure.is_timeout())?;
    exchange.answer.is_none().then(|| {
        let wanted = missed(failure).unwrap_or("an answer");
        Saw::new(place(&exchange.connection, failure), wanted)
    })
}

/// What of TLS was missed; `None` where something else was.
pub(crate) fn missed(failure: &Failure) -> Option<&'static str> {
    match failure.kind {
        FailureKind::Untrusted => Some("a certificate that verifies"),
        FailureKind::NotTls | FailureKind::TlsAlert | FailureKind::TlsFault => {
            Some("a TLS handshake")
        }
        _ => None,
    }
}

/// Fires when an answer, or the rest of it, did not come in time.
pub(crate) fn timed_out(exchange: &Exchange) -> Option<Saw> {
    let failure = exchange.failure.as_ref().filter(|failure| failure.is_timeout())?;
    Some(Saw::new(place(&exchange.connection, failure), "a whole answer in time"))
}

/// What happened, and at which addresses.
pub(crate) fn place(connection: &Connection, failure: &Failure) -> String {
    let tried: Vec<String> =
        connection.attempts.iter().map(|attempt| attempt.address.to_string()).collect();
    match (connection.peer, tried.as_slice()) {
        (Some(peer), _) => format!("{} ({peer})", failure.detail),
        (None, []) => failure.detail.clone(),
        (None, tried) => format!("{} ({})", failure.detail, tried.join(", ")),
    }
}
