//! What a target did instead of answering: evidence, told apart and named by phase.

use std::error::Error;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::blind::{Blind, Cause};
use crate::duration::brief;
use crate::net::phase::Phase;

/// Why there is no answer, or no whole one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where in the exchange it happened.
    pub phase: Phase,
    /// What happened.
    pub kind: FailureKind,
    /// The same in words, without a period.
    pub detail: String,
}

/// What a target did instead of answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The name does not exist (NXDOMAIN).
    NameUnknown,
    /// The name has no address (NODATA).
    NoAddress,
    /// Nothing came in time.
    Timeout,
    /// The port is closed.
    Refused,
    /// The connection was reset.
    Reset,
    /// The connection was closed before the answer was whole.
    Closed,
    /// The network says that the host cannot be reached.
    HostUnreachable,
    /// What answered does not speak TLS.
    NotTls,
    /// The peer broke the handshake off with an alert.
    TlsAlert,
    /// The certificate does not verify.
    Untrusted,
    /// Another fault of the handshake.
    TlsFault,
    /// The bytes are no valid HTTP.
    Protocol,
}

impl Failure {
    /// What happened, where, and in which words.
    pub fn new(phase: Phase, kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { phase, kind, detail: detail.into() }
    }

    /// Nothing came within `timeout`.
    pub fn timeout(phase: Phase, timeout: Duration) -> Self {
        Self::new(
            phase,
            FailureKind::Timeout,
            format!("nothing within {}, while {}", brief(timeout), phase.doing()),
        )
    }

    /// Whether it is a timeout.
    pub fn is_timeout(&self) -> bool {
        self.kind == FailureKind::Timeout
    }
}

/// What an error of the system says of the target, or of ourselves.
pub fn of_io(phase: Phase, error: &io::Error) -> Result<Failure, Blind> {
    if let Some(blind) = ours(error) {
        return Err(blind);
    }
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Ok(of_tls(phase, tls));
    }
    // HTTP/2 keeps of an error below it the words alone; these are rustls's for an alert.
    let words = error.to_string();
    if let Some(alert) = words.strip_prefix("received fatal alert: ") {
        return Ok(of_alert(phase, alert));
    }
    let (kind, detail) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (FailureKind::Refused, "connection refused"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            (FailureKind::Reset, "connection reset by the peer")
        }
        io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotConnected => {
            (FailureKind::Closed, "connection closed by the peer")
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            (FailureKind::HostUnreachable, "no route to the host")
        }
        io::ErrorKind::TimedOut => (FailureKind::Timeout, "the system gave up waiting"),
        _ => {
            return Ok(Failure::new(phase, FailureKind::Protocol, words));
        }
    };
    Ok(Failure::new(phase, kind, detail))
}

fn of_alert(phase: Phase, alert: &str) -> Failure {
    let meaning = match alert {
        "NoApplicationProtocol" => ": it speaks none of the protocols that were offered",
        _ => "",
    };
    let detail = format!("the peer broke TLS off with the alert {alert}{meaning}");
    Failure::new(phase, FailureKind::TlsAlert, detail)
}

/// Errors that speak of this machine and not of the target.
fn ours(error: &io::Error) -> Option<Blind> {
    // Linux's numbers: std names only some of these kinds.
    const EPERM: i32 = 1;
    const EACCES: i32 = 13;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const EADDRNOTAVAIL: i32 = 99;
    const ENETDOWN: i32 = 100;
    const ENOBUFS: i32 = 105;
    const ENOMEM: i32 = 12;
    const EAFNOSUPPORT: i32 = 97;
    match error.raw_os_error()? {
        EPERM | EACCES => Some(Blind::new(
            Cause::Network,
            "this machine's firewall or policy does not let the connection out",
        )),
        ENFILE | EMFILE => {
            Some(Blind::new(Cause::Exhausted, "this machine is out of file descriptors"))
        }
        EADDRNOTAVAIL => Some(Blind::new(
            Cause::Exhausted,
            "this machine has no local address or port left for it",
        )),
        ENOBUFS | ENOMEM => Some(Blind::new(Cause::Exhausted, "this machine is out of memory")),
        ENETDOWN | EAFNOSUPPORT => {
            Some(Blind::new(Cause::Network, "this machine has no network of that family"))
        }
        _ => None,
    }
}

/// What an error of the handshake, or of the record layer, says of the peer.
pub fn of_tls(phase: Phase, error: &rustls::Error) -> Failure {
    use rustls::Error as Tls;
    use rustls::InvalidMessage;
    match error {
        Tls::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::InvalidEmptyPayload
            | InvalidMessage::MessageTooLarge,
        ) => Failure::new(phase, FailureKind::NotTls, "what answers does not speak TLS"),
        Tls::AlertReceived(alert) => of_alert(phase, &format!("{alert:?}")),
        // Most chains that do not verify are noted beside a handshake that goes on; this one
        // cannot even be read, or its key did not sign.
        Tls::InvalidCertificate(reason) => Failure::new(
            phase,
            FailureKind::Untrusted,
            format!("the certificate does not verify: {reason}"),
        ),
        other => Failure::new(phase, FailureKind::TlsFault, format!("TLS failed: {other}")),
    }
}

/// What an error of hyper's says of the peer.
pub fn of_hyper(phase: Phase, error: &hyper::Error) -> Result<Failure, Blind> {
    // hyper has no question of its own for this one.
    if error.is_parse() && error.to_string().contains("too large") {
        return Ok(Failure::new(
            phase,
            FailureKind::Protocol,
            "the answer's head is larger than 256 KiB or has over 1,000 headers",
        ));
    }
    // The system's own error says more than hyper's wrapping of it.
    let mut source: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return of_io(phase, io);
        }
        source = inner.source();
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return Ok(Failure::new(
            phase,
            FailureKind::Closed,
            "the peer closed the connection before the answer was whole",
        ));
    }
    let mut words = error.to_string();
    if let Some(inner) = error.source() {
        let inner = inner.to_string();
        words = match inner.strip_prefix("connection error detected: ") {
            Some(fault) => format!("what answers does not speak HTTP/2 as it should: {fault}"),
            None => format!("{words}: {inner}"),
        };
    }
    Ok(Failure::new(phase, FailureKind::Protocol, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_never_held_against_the_target() {
        for (errno, cause) in [(24, Cause::Exhausted), (99, Cause::Exhausted), (1, Cause::Network)]
        {
            let error = io::Error::from_raw_os_error(errno);
            assert_eq!(of_io(Phase::Connect, &error).unwrap_err().cause, cause, "{errno}");
        }
    }

    #[test]
    fn what_the_target_does_is_told_apart() {
        for (errno, kind) in [
            (111, FailureKind::Refused),
            (104, FailureKind::Reset),
            (113, FailureKind::HostUnreachable),
            (110, FailureKind::Timeout),
        ] {
            let error = io::Error::from_raw_os_error(errno);
            assert_eq!(of_io(Phase::Connect, &error).unwrap().kind, kind, "{errno}");
        }
    }
}
