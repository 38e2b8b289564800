//! A server that does one wrong thing to every connection, as broken deployments do.

mod answer;
mod catalogue;
mod endless;
mod gzip;
mod handshake;
mod server;
mod wire;

use std::time::Duration;

pub use self::server::FaultServer;

/// When a fault strikes; everything before that moment goes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Right after the connection was accepted, before anything is read.
    Accept,
    /// After the first bytes of the peer, which are taken for a TLS `ClientHello`, were read.
    Handshake,
    /// After a whole HTTP/1 request head was read, inside TLS if the server speaks it.
    Answer,
}

/// What is done to every connection.
///
/// A *reset* is a TCP RST. A *close* is a clean end: a `close_notify` inside TLS, then a FIN, after
/// which the peer's bytes are still swallowed so that no RST follows. *Silence* keeps the
/// connection open, without a further byte, until the server is dropped. Every answer carries
/// `Connection: close` and is closed at its end; one connection serves one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Silence from the start; nothing is ever read.
    SilentAfterAccept,
    /// Reset from the start.
    ResetAfterAccept,
    /// Close from the start.
    CloseAfterAccept,

    /// Silence instead of a `ServerHello`.
    SilentInHandshake,
    /// Reset instead of a `ServerHello`.
    ResetInHandshake,
    /// Close instead of a `ServerHello`.
    CloseInHandshake,
    /// A fatal TLS alert of this description instead of a `ServerHello`, then close: 40 is
    /// `handshake_failure`, 70 `protocol_version`, 112 `unrecognized_name`.
    AlertInHandshake(u8),
    /// An HTTP/1.1 `400 Bad Request` in plain text instead of a `ServerHello`, then close.
    PlainHttpInHandshake,
    /// Bytes that are neither TLS nor HTTP instead of a `ServerHello`, then close.
    GarbageInHandshake,

    /// Silence instead of an answer.
    SilentAfterRequest,
    /// Reset instead of an answer.
    ResetAfterRequest,
    /// Close instead of an answer.
    CloseAfterRequest,
    /// Bytes that are not HTTP instead of a status line, then close.
    GarbageAnswer,
    /// A whole `200` answer with the body `ok`, whose head comes one byte per interval.
    DripHead {
        /// Time between two bytes.
        every: Duration,
    },
    /// A `200` head at once, then a body of this many bytes, one per interval.
    DripBody {
        /// Time between two bytes.
        every: Duration,
        /// Bytes in the body, announced by `Content-Length`.
        length: u64,
    },
    /// A `200` head with `Content-Length: 2`, then silence.
    SilentAfterHead,
    /// A `200` head announcing more body than is sent, then close.
    BodyCutShort {
        /// The `Content-Length` in bytes.
        promised: u64,
        /// Bytes really sent, fewer than promised.
        sent: u64,
    },
    /// A chunked `200` whose second chunk breaks off in the middle, then close.
    ChunkedCutShort,
    /// A `200` head with `Content-Length: 1000`, 10 bytes of body, then reset.
    ResetInBody,
    /// A `200` status line followed by header lines without end.
    EndlessHeaders,
    /// A `200` with one header `x-long` whose value has this many bytes.
    LongHeader {
        /// Bytes in the value.
        bytes: u64,
    },
    /// A `200` with this many headers `x-many-0`, `x-many-1`, …
    ManyHeaders {
        /// How many.
        count: u64,
    },
    /// A `200` without `Content-Length` whose body never ends.
    EndlessBody,
    /// A chunked `200` whose chunks never end.
    EndlessChunks,
    /// A `200` with `Content-Encoding: gzip` that is small on the wire (a thousandth) and inflates
    /// to this many zero bytes.
    GzipBomb {
        /// Bytes after inflation.
        inflated: u64,
    },
    /// A `200` with `Content-Encoding: gzip` whose body is not gzip.
    InvalidGzip,
    /// A `200` with `Content-Encoding: gzip` whose body ends in the middle of the gzip stream,
    /// though the `Content-Length` is right.
    TruncatedGzip,
    /// A sound `200` with `Content-Encoding: gzip` of this body.
    Gzip(Vec<u8>),
    /// A sound `200` with `Content-Encoding: deflate` of this body in the zlib format, as the RFC
    /// wants it.
    DeflateZlib(Vec<u8>),
    /// A `200` with `Content-Encoding: deflate` of this body without the zlib wrapper, as some
    /// servers send it.
    DeflateRaw(Vec<u8>),
    /// `103 Early Hints` without end instead of a final answer.
    EndlessEarlyHints,
    /// `100 Continue` without end instead of a final answer.
    EndlessContinue,
    /// A `302` to the very target that was asked for.
    RedirectLoop,
    /// These bytes as they are, then close.
    Respond(Vec<u8>),
}

impl Fault {
    /// A fault of every kind that goes wrong, with its [`Self::name`]; for tables. The kinds that
    /// are in order ([`Self::Gzip`], [`Self::DeflateZlib`], [`Self::DeflateRaw`]) or up to the
    /// caller ([`Self::Respond`]) are left out.
    ///
    /// Drips send 10 bytes per second for at least 6 seconds; sizes are 1 MiB for a long header,
    /// 10 000 headers, and a bomb of 1 GiB.
    pub fn all() -> Vec<(&'static str, Self)> {
        catalogue::all().into_iter().map(|fault| (fault.name(), fault)).collect()
    }

    /// The kind of fault in kebab case, such as `reset-after-accept`.
    pub fn name(&self) -> &'static str {
        catalogue::name(self)
    }

    /// When it strikes.
    pub fn stage(&self) -> Stage {
        catalogue::stage(self)
    }
}

#[cfg(test)]
mod tests;
