//! The two findings of availability that exchanges share: unreachable, and too late.

use crate::net::exchange::Exchange;
use crate::net::failure::{Failure, FailureKind};
use crate::rule::Saw;

/// Fires when no answer came and that was not for want of time.
pub(crate) fn unreachable(exchange: &Exchange) -> Option<Saw> {
    let failure = exchange.failure.as_ref().filter(|failure| !failure.is_timeout())?;
    exchange.answer.is_none().then(|| {
        let wanted = match failure.kind {
            FailureKind::Untrusted => "a certificate that verifies",
            FailureKind::NotTls | FailureKind::TlsAlert | FailureKind::TlsFault => {
                "a TLS handshake"
            }
            _ => "an answer",
        };
        Saw::new(place(exchange, failure), wanted)
    })
}

/// Fires when an answer, or the rest of it, did not come in time.
pub(crate) fn timed_out(exchange: &Exchange) -> Option<Saw> {
    let failure = exchange.failure.as_ref().filter(|failure| failure.is_timeout())?;
    Some(Saw::new(place(exchange, failure), "a whole answer in time"))
}

fn place(exchange: &Exchange, failure: &Failure) -> String {
    let tried: Vec<String> =
        exchange.connection.attempts.iter().map(|attempt| attempt.address.to_string()).collect();
    match (exchange.connection.peer, tried.as_slice()) {
        (Some(peer), _) => format!("{} ({peer})", failure.detail),
        (None, []) => failure.detail.clone(),
        (None, tried) => format!("{} ({})", failure.detail, tried.join(", ")),
    }
}
