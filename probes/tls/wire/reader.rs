//! A server's first flight as it arrives: records to messages, with a bound on everything.

use super::shape::{self, ServerHello};

/// More than so many bytes of a first flight are never read.
const MOST: usize = 128 * 1024;

/// No message of a first flight is longer.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// Records may be a little longer than what they hold (RFC 5246 section 6.2.3).
const LONGEST_RECORD: usize = 16 * 1024 + 2048;

/// How far a flight is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tls) enum Want {
    /// To the `ServerHello`.
    Hello,
    /// To its end, with certificates and key exchange.
    Flight,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::tls) struct Flight {
    pub(in crate::tls) hello: Option<ServerHello>,
    pub(in crate::tls) certificates: Vec<Vec<u8>>,
    pub(in crate::tls) key_exchange: Option<Vec<u8>>,
}

/// Why nothing more is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tls) enum End {
    /// All that was wanted is there.
    Complete,
    /// A fatal alert.
    Alert(u8),
    /// A proper goodbye (RFC 8446 section 6.1).
    Closed,
    /// What came is not TLS, or broken.
    Fault(String),
}

/// Takes bytes as they come. Never panics, whatever they are.
#[derive(Debug)]
pub(in crate::tls) struct Reader {
    want: Want,
    records: Vec<u8>,
    messages: Vec<u8>,
    read: usize,
    pub(in crate::tls) flight: Flight,
}

impl Reader {
    pub(in crate::tls) fn new(want: Want) -> Self {
        Self { want, records: Vec::new(), messages: Vec::new(), read: 0, flight: Flight::default() }
    }

    /// Whether anything came at all.
    pub(in crate::tls) fn is_untouched(&self) -> bool {
        self.read == 0
    }

    /// Reads on; the end once there is one.
    pub(in crate::tls) fn push(&mut self, bytes: &[u8]) -> Option<End> {
        self.read += bytes.len();
        self.records.extend_from_slice(bytes);
        let mut start = 0;
        let end = loop {
            match self.record(start) {
                Ok(Some(next)) => start = next,
                Ok(None) => break None,
                Err(end) => break Some(end),
            }
        };
        self.records.drain(..start);
        if end.is_none() && self.read > MOST {
            let what = "over 128 KiB without an end of the first flight";
            return Some(End::Fault(what.to_owned()));
        }
        end
    }

    /// Reads the record at `start`; where the next one begins, or `None` when it is not whole.
    fn record(&mut self, start: usize) -> Result<Option<usize>, End> {
        let rest = self.records.get(start..).unwrap_or_default();
        if let Some(kind) = rest.first()
            && !(20..=23).contains(kind)
        {
            return Err(End::Fault(format!("what answers does not speak TLS: {}", opening(rest))));
        }
        if rest.get(1).is_some_and(|major| *major != 3) {
            return Err(End::Fault("a record of no TLS version".to_owned()));
        }
        let &[kind, _, _, high, low, ..] = rest else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > LONGEST_RECORD {
            return Err(End::Fault(format!("a record of {length} bytes")));
        }
        let next = start + 5 + length;
        let Some(body) = self.records.get(start + 5..next) else { return Ok(None) };
        match (kind, body) {
            // Warnings announce nothing that ends a handshake, but for a closing.
            (21, &[1, description]) if description != 0 => {}
            (21, &[_, 0]) => return Err(End::Closed),
            (21, &[_, description]) => return Err(End::Alert(description)),
            (21, _) => return Err(End::Fault("an alert of another length than two".to_owned())),
            (22, body) => {
                let body = body.to_vec();
                self.messages.extend(body);
                self.messages()?;
            }
            _ if self.flight.hello.is_none() => {
                return Err(End::Fault("no handshake record to begin with".to_owned()));
            }
            // From here on TLS 1.3 encrypts.
            _ => return Err(End::Complete),
        }
        Ok(Some(next))
    }

    fn messages(&mut self) -> Result<(), End> {
        loop {
            let mut fields = shape::Fields(&self.messages);
            let (Some(kind), Some(length)) = (fields.byte(), fields.length24()) else {
                return Ok(());
            };
            if length > LONGEST_MESSAGE {
                let size = crate::text::bytes(length);
                return Err(End::Fault(format!("a handshake message of {size}")));
            }
            let Some(body) = fields.take(length) else { return Ok(()) };
            let body = body.to_vec();
            self.messages.drain(..4 + length);
            self.message(kind, body)?;
        }
    }

    fn message(&mut self, kind: u8, body: Vec<u8>) -> Result<(), End> {
        match kind {
            2 => {
                let hello = shape::server_hello(&body)
                    .ok_or_else(|| End::Fault("a ServerHello that cannot be read".to_owned()))?;
                let last = self.want == Want::Hello || hello.version >= 0x0304;
                self.flight.hello = Some(hello);
                if last {
                    return Err(End::Complete);
                }
            }
            _ if self.flight.hello.is_none() && kind != 0 => {
                return Err(End::Fault(format!(
                    "a handshake message {kind} before the ServerHello"
                )));
            }
            11 => {
                self.flight.certificates = shape::certificates(&body)
                    .ok_or_else(|| End::Fault("a Certificate that cannot be read".to_owned()))?;
            }
            12 => self.flight.key_exchange = Some(body),
            14 => return Err(End::Complete),
            _ => {}
        }
        Ok(())
    }
}

fn opening(bytes: &[u8]) -> String {
    let head = bytes.get(..bytes.len().min(64)).unwrap_or_default();
    format!("{:?}", crate::text::excerpt(&String::from_utf8_lossy(head), 40))
}
