//! The listening side of the fake name server.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use super::message::Question;
use super::{Answer, Zone};
use crate::listening::Listening;
use crate::log::Log;

/// What the name server was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The name in lower case, without a closing dot.
    pub name: String,
    /// The queried record type: 1 is `A`, 28 is `AAAA`.
    pub record_type: u16,
    /// Whether it came over TCP.
    pub over_tcp: bool,
}

/// A name server over UDP and TCP on one free port of 127.0.0.1; it ends when dropped.
#[derive(Debug)]
pub struct DnsServer {
    knowledge: Arc<Knowledge>,
    tcp: Listening,
    udp: JoinHandle<()>,
}

impl DnsServer {
    /// Answers from this zone.
    pub async fn start(zone: Zone) -> Self {
        let knowledge = Arc::new(Knowledge { zone: Mutex::new(zone), queries: Log::new() });
        let (listener, socket) = bind().await;
        let known = Arc::clone(&knowledge);
        let tcp = Listening::over(listener, move |stream, _| {
            let known = Arc::clone(&known);
            // A client that breaks off is no concern of the fake.
            async move { drop(serve_tcp(stream, &known).await) }
        });
        let udp = tokio::spawn(serve_udp(socket, Arc::clone(&knowledge)));
        Self { knowledge, tcp, udp }
    }

    /// Where it listens, over UDP and TCP alike.
    pub fn addr(&self) -> SocketAddr {
        self.tcp.addr()
    }

    /// From now on answers queries of every type for `name` like this.
    pub fn set(&self, name: &str, answer: Answer) {
        self.knowledge.zone.lock().unwrap_or_else(PoisonError::into_inner).set(name, answer);
    }

    /// The queries in the order of their arrival, at most the first 10 000, also those that were
    /// left without an answer.
    pub fn queries(&self) -> Vec<Query> {
        self.knowledge.queries.entries()
    }

    /// Returns once `count` queries arrived, counted from the start.
    pub async fn wait_for_queries(&self, count: usize) {
        self.knowledge.queries.wait_for(count).await;
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.udp.abort();
    }
}

#[derive(Debug)]
struct Knowledge {
    zone: Mutex<Zone>,
    queries: Log<Query>,
}

impl Knowledge {
    /// The response to a message, if it is a query that gets one.
    fn respond(&self, message: &[u8], over_tcp: bool) -> Option<Vec<u8>> {
        let question = Question::parse(message)?;
        let (name, record_type) = (question.name.clone(), question.record_type);
        let zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = zone.look_up(&name, record_type);
        drop(zone);
        self.queries.push(Query { name, record_type, over_tcp });
        question.respond(&answer, over_tcp)
    }
}

/// A port that is free for both protocols; the kernel only promises it for the first.
async fn bind() -> (TcpListener, UdpSocket) {
    for _ in 0..100 {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("127.0.0.1 has free ports");
        let addr = listener.local_addr().expect("a bound socket has an address");
        if let Ok(socket) = UdpSocket::bind(addr).await {
            return (listener, socket);
        }
    }
    panic!("no port of 127.0.0.1 is free for UDP and TCP alike");
}

async fn serve_udp(socket: UdpSocket, knowledge: Arc<Knowledge>) {
    let mut message = vec![0; 4096];
    loop {
        // An error reports that an earlier client is gone, so there may be others.
        let Ok((length, peer)) = socket.recv_from(&mut message).await else { continue };
        let query = message.get(..length).unwrap_or_default();
        if let Some(response) = knowledge.respond(query, false) {
            drop(socket.send_to(&response, peer).await);
        }
    }
}

async fn serve_tcp(mut stream: TcpStream, knowledge: &Knowledge) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await?;
        if let Some(response) = knowledge.respond(&message, true) {
            let length = u16::try_from(response.len()).expect("responses are short");
            stream.write_all(&[&length.to_be_bytes(), response.as_slice()].concat()).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpStream, UdpSocket};
    use tokio::time::timeout;

    use super::{Answer, DnsServer, Query, Zone};

    fn query(name: &str, record_type: u8) -> Vec<u8> {
        let mut message = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend(label.as_bytes());
        }
        message.extend([0, 0, record_type, 0, 1]);
        message
    }

    async fn over_udp(server: &DnsServer, name: &str, record_type: u8) -> Option<Vec<u8>> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        socket.send_to(&query(name, record_type), server.addr()).await.unwrap();
        let mut message = [0; 512];
        let received = timeout(Duration::from_millis(50), socket.recv(&mut message)).await.ok()?;
        Some(message[..received.unwrap()].to_vec())
    }

    async fn over_tcp(server: &DnsServer, name: &str, record_type: u8) -> Vec<u8> {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        let message = query(name, record_type);
        stream.write_u16(u16::try_from(message.len()).unwrap()).await.unwrap();
        stream.write_all(&message).await.unwrap();
        let mut response = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut response).await.unwrap();
        response
    }

    fn code_and_count(response: &[u8]) -> (u8, u8) {
        (response[3] & 0x0f, response[7])
    }

    #[tokio::test]
    async fn every_answer_comes_over_udp() {
        let zone = Zone::new()
            .answer("good.test", Answer::addresses(["127.0.0.1", "127.0.0.2", "::1"]))
            .answer("empty.test", Answer::NoData)
            .answer("fail.test", Answer::ServFail)
            .answer("refused.test", Answer::Refused)
            .answer("half.test", Answer::addresses(["127.0.0.1"]))
            .answer_aaaa("half.test", Answer::Silent);
        let server = DnsServer::start(zone).await;
        let cases = [
            ("good.test", 1, Some((0, 2))),
            ("GOOD.test", 28, Some((0, 1))),
            ("good.test", 16, Some((0, 0))),
            ("empty.test", 1, Some((0, 0))),
            ("fail.test", 1, Some((2, 0))),
            ("refused.test", 1, Some((5, 0))),
            ("half.test", 1, Some((0, 1))),
            ("half.test", 28, None),
            ("unknown.test", 1, Some((3, 0))),
        ];
        for (name, record_type, expected) in cases {
            let response = over_udp(&server, name, record_type).await;
            assert_eq!(response.as_deref().map(code_and_count), expected, "{name} {record_type}");
        }
        assert_eq!(server.queries().len(), cases.len());
    }

    #[tokio::test]
    async fn a_truncated_answer_is_whole_over_tcp() {
        let answer = Answer::Truncated(vec![Ipv4Addr::LOCALHOST.into()]);
        let server = DnsServer::start(Zone::new().answer("long.test", answer)).await;
        let short = over_udp(&server, "long.test", 1).await.unwrap();
        assert_eq!((short[2] & 2, short[7]), (2, 0));
        let whole = over_tcp(&server, "long.test", 1).await;
        assert_eq!((whole[2] & 2, whole[7]), (0, 1));
        let asked = |over_tcp| Query { name: "long.test".to_owned(), record_type: 1, over_tcp };
        assert_eq!(server.queries(), [asked(false), asked(true)]);
    }

    #[tokio::test]
    async fn a_name_can_change_its_answer() {
        let server = DnsServer::start(Zone::new()).await;
        assert_eq!(code_and_count(&over_tcp(&server, "new.test", 1).await), (3, 0));
        server.set("New.test", Answer::addresses(["127.0.0.1"]));
        assert_eq!(code_and_count(&over_tcp(&server, "new.test", 1).await), (0, 1));
        server.wait_for_queries(2).await;
    }
}
