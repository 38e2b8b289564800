//! The way to the port, in plain text where TLS begins there, and one hello over it.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::starttls::{self, Protocol};
use super::wire::{End, Flight, Reader, Want, ssl2};
use crate::blind::Blind;
use crate::context::Context;
use crate::impact::Impact;
use crate::net::connection::{Connected, Connection, Endpoint, Stream};
use crate::net::failure::{self, Failure, FailureKind};
use crate::net::phase::Phase;
use crate::net::tls::Alpn;

/// How a connection ends without a word.
pub(super) const CLOSED: &str = "the peer closed the connection";
pub(super) const RESET: &str = "the peer reset the connection";

/// Where TLS is spoken, and how it is come by.
#[derive(Debug, Clone)]
pub(super) struct Door<'a> {
    pub(super) cx: &'a Context,
    /// With the name to ask for.
    pub(super) endpoint: Endpoint,
    /// One of its addresses.
    pub(super) at: Option<IpAddr>,
    pub(super) starttls: Option<Protocol>,
    pub(super) name: String,
}

/// What came of opening the door.
pub(super) enum Opened {
    /// A stream on which a handshake may begin.
    Ready(Box<Connection>, Stream),
    /// The server will not change to TLS.
    Declined(Box<Connection>, String),
    /// There is no connection.
    Failed(Box<Connection>, Failure),
}

/// What one hello was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Whatever was wanted.
    Flight(Flight),
    /// An SSL 2.0 `SERVER-HELLO` with so many ciphers in common.
    Ssl2(u16),
    /// A fatal alert.
    Alert(u8),
    /// The connection was closed or reset.
    Closed(&'static str),
    /// Nothing came in time, or not enough.
    Silence(String),
    /// What came is not TLS, or broken.
    Fault(String),
    /// There was no connection.
    Unreachable(String),
}

impl Door<'_> {
    /// Connects, and asks for TLS where the protocol begins without.
    pub(super) async fn open(&self, impact: Impact) -> Result<Opened, Blind> {
        let bare = Endpoint { tls: None, ..self.endpoint.clone() };
        let Connected { facts, outcome, .. } =
            self.cx.connect_at(&bare, self.at, Alpn::None, impact).await?;
        let mut facts = Box::new(facts);
        let mut stream = match outcome {
            Ok(stream) => stream,
            Err(failure) => return Ok(Opened::Failed(facts, failure)),
        };
        let Some(protocol) = self.starttls else { return Ok(Opened::Ready(facts, stream)) };
        let started = Instant::now();
        let asked =
            timeout_at(self.deadline(&facts), starttls::ask(&mut stream, protocol, &self.name));
        let asked = asked.await;
        facts.phases.note(Phase::Processing, started.elapsed());
        Ok(match asked {
            Ok(Ok(starttls::Answer::Ready)) => Opened::Ready(facts, stream),
            Ok(Ok(starttls::Answer::Declined(words))) => {
                let words =
                    String::from_utf8_lossy(&self.cx.redact_bytes(words.into_bytes())).into_owned();
                Opened::Declined(facts, words)
            }
            Ok(Err(error)) => {
                let mut failure = failure::of_io(Phase::Processing, &error)?;
                failure.detail = format!("{}, before TLS could be asked for", failure.detail);
                Opened::Failed(facts, failure)
            }
            Err(_) => Opened::Failed(facts, Failure::timeout(Phase::Processing, self.cx.timeout())),
        })
    }

    /// Shakes hands as everybody does.
    pub(super) async fn shake(&self, alpn: Alpn) -> Result<(Connected, Option<String>), Blind> {
        if self.starttls.is_none() {
            let connected =
                self.cx.connect_at(&self.endpoint, self.at, alpn, Impact::Passive).await?;
            return Ok((connected, None));
        }
        match self.open(Impact::Passive).await? {
            Opened::Ready(facts, stream) => {
                let shaken = self.cx.handshake_over(stream, *facts, &self.endpoint, alpn).await?;
                Ok((shaken, None))
            }
            Opened::Declined(facts, words) => {
                let failure = Failure::new(Phase::Processing, FailureKind::NotTls, words.clone());
                Ok((Connected::without_tls(*facts, Err(failure)), Some(words)))
            }
            Opened::Failed(facts, failure) => {
                Ok((Connected::without_tls(*facts, Err(failure)), None))
            }
        }
    }

    /// Sends one hello over a connection of its own, and reads the answer.
    pub(super) async fn ask(&self, hello: &[u8], want: Want) -> Result<Said, Blind> {
        let (facts, mut stream) = match self.open(Impact::Active).await? {
            Opened::Ready(facts, stream) => (facts, stream),
            Opened::Declined(_, words) => {
                return Ok(Said::Unreachable(format!("TLS was declined: {words}")));
            }
            Opened::Failed(_, failure) => return Ok(Said::Unreachable(failure.detail)),
        };
        let mut listener = Listener::of(hello, want);
        let talk = async {
            stream.write_all(hello).await?;
            stream.flush().await?;
            let mut piece = [0; 4096];
            loop {
                let read = stream.read(&mut piece).await?;
                if read == 0 {
                    return Ok(None);
                }
                if let Some(said) = listener.hear(piece.get(..read).unwrap_or_default()) {
                    return Ok::<_, std::io::Error>(Some(said));
                }
            }
        };
        let said = match timeout_at(self.deadline(&facts), talk).await {
            Ok(Ok(Some(said))) => said,
            Ok(Ok(None)) if listener.is_cut() => {
                Said::Fault("the peer closed the connection in the middle of its answer".to_owned())
            }
            Ok(Ok(None)) => Said::Closed(CLOSED),
            Ok(Err(error)) => match failure::of_io(Phase::Tls, &error)?.kind {
                FailureKind::Timeout => Said::Silence("the system gave up waiting".to_owned()),
                _ if listener.is_cut() => {
                    Said::Fault("the peer broke the connection off in its answer".to_owned())
                }
                _ => Said::Closed(RESET),
            },
            Err(_) => {
                let within = crate::duration::brief(self.cx.timeout());
                Said::Silence(if listener.is_cut() {
                    format!("only a part of an answer within {within}")
                } else {
                    format!("no answer within {within}")
                })
            }
        };
        Ok(said)
    }

    /// When the time is over that a connection began.
    fn deadline(&self, facts: &Connection) -> Instant {
        let spent = Duration::try_from_secs_f64(facts.phases.total()).unwrap_or_default();
        Instant::now() + self.cx.timeout().saturating_sub(spent)
    }
}

/// Hears an answer to a hello of either kind.
struct Listener {
    ssl2: Option<Vec<u8>>,
    reader: Reader,
}

impl Listener {
    fn of(hello: &[u8], want: Want) -> Self {
        let is_ssl2 = hello.first().is_some_and(|byte| byte & 0x80 != 0);
        Self { ssl2: is_ssl2.then(Vec::new), reader: Reader::new(want) }
    }

    /// Whether something came that was no answer yet.
    fn is_cut(&self) -> bool {
        !self.reader.is_untouched() || self.ssl2.as_ref().is_some_and(|bytes| !bytes.is_empty())
    }

    fn hear(&mut self, bytes: &[u8]) -> Option<Said> {
        let waiting = self.ssl2.take();
        let bytes = match waiting {
            Some(mut so_far) => {
                so_far.extend_from_slice(bytes);
                match ssl2::read(&so_far) {
                    ssl2::Reading::More => {
                        self.ssl2 = Some(so_far);
                        return None;
                    }
                    ssl2::Reading::Hello(kinds) => return Some(Said::Ssl2(kinds)),
                    ssl2::Reading::Other => so_far,
                }
            }
            None => bytes.to_vec(),
        };
        let end = self.reader.push(&bytes)?;
        Some(match end {
            End::Complete => Said::Flight(std::mem::take(&mut self.reader.flight)),
            // What came before an alert stands: a server may choose and then be unable.
            End::Alert(_) | End::Closed | End::Fault(_) if self.reader.flight.hello.is_some() => {
                Said::Flight(std::mem::take(&mut self.reader.flight))
            }
            End::Alert(description) => Said::Alert(description),
            End::Closed => Said::Closed(CLOSED),
            End::Fault(what) => Said::Fault(what),
        })
    }
}
