//! Proves with bare sockets that every fault is really there.

use std::io::{ErrorKind, Read};
use std::net::Ipv6Addr;
use std::time::Duration;

use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::{Fault, FaultServer, Stage};
use crate::ca::{Authority, Leaf};

const REQUEST: &[u8] = b"GET /health?x=1 HTTP/1.1\r\nHost: fake\r\n\r\n";
/// How long nothing has to happen to count as silence.
const QUIET: Duration = Duration::from_millis(20);

/// What a connection yielded up to its end, or up to `limit` bytes.
async fn yielded(
    stream: &mut (impl AsyncRead + Unpin),
    limit: u64,
) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let outcome = stream.take(limit).read_to_end(&mut bytes).await;
    (bytes, outcome.err().map(|error| error.kind()))
}

/// A connection on which a request was sent.
async fn asked(server: &FaultServer) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    // A server that strikes at once may be gone before the request is.
    drop(stream.write_all(REQUEST).await);
    stream
}

/// The whole answer as text, and how the connection ended.
async fn answer(fault: Fault) -> (String, Option<ErrorKind>) {
    let (bytes, error) = answer_bytes(fault).await;
    (String::from_utf8_lossy(&bytes).into_owned(), error)
}

async fn answer_bytes(fault: Fault) -> (Vec<u8>, Option<ErrorKind>) {
    let server = FaultServer::start(fault).await;
    yielded(&mut asked(&server).await, 10_000_000).await
}

/// The body of an answer that ends cleanly.
async fn body(fault: Fault) -> Vec<u8> {
    let (bytes, error) = answer_bytes(fault).await;
    assert_eq!(error, None);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    bytes[end + 4..].to_vec()
}

fn inflate(mut decoder: impl Read) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    decoder.read_to_end(&mut body).map(|_| body)
}

#[tokio::test]
async fn silence_says_nothing_and_keeps_the_connection() {
    let silent = [Fault::SilentAfterAccept, Fault::SilentInHandshake, Fault::SilentAfterRequest];
    for fault in silent {
        let server = FaultServer::start(fault.clone()).await;
        let mut stream = asked(&server).await;
        assert!(timeout(QUIET, stream.read_u8()).await.is_err(), "{fault:?}");
    }
}

#[tokio::test]
async fn silence_after_the_head_follows_a_whole_head() {
    let server = FaultServer::start(Fault::SilentAfterHead).await;
    let mut stream = asked(&server).await;
    let head = crate::head::read(&mut stream).await.unwrap();
    assert!(String::from_utf8(head).unwrap().contains("Content-Length: 2\r\n"));
    assert!(timeout(QUIET, stream.read_u8()).await.is_err());
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    for fault in [Fault::ResetAfterAccept, Fault::ResetInHandshake, Fault::ResetAfterRequest] {
        let server = FaultServer::start(fault.clone()).await;
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        // The kernel reports a reset once, to whichever call comes first.
        let error = match stream.write_all(REQUEST).await {
            Ok(()) => stream.read_u8().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{fault:?}");
    }
}

#[tokio::test]
async fn a_reset_in_the_body_follows_part_of_it() {
    let (bytes, error) = answer(Fault::ResetInBody).await;
    assert!(bytes.ends_with("\r\n\r\n0123456789"), "{bytes}");
    assert_eq!(error, Some(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_close_is_clean() {
    for fault in [Fault::CloseAfterAccept, Fault::CloseInHandshake, Fault::CloseAfterRequest] {
        assert_eq!(answer(fault.clone()).await, (String::new(), None), "{fault:?}");
    }
}

#[tokio::test]
async fn handshakes_meet_what_the_fault_says() {
    assert_eq!(
        answer_bytes(Fault::AlertInHandshake(70)).await,
        (vec![21, 3, 3, 0, 2, 2, 70], None)
    );
    assert!(answer(Fault::PlainHttpInHandshake).await.0.starts_with("HTTP/1.1 400 "));
    assert_eq!(answer_bytes(Fault::GarbageInHandshake).await.0[0], 0);
}

#[tokio::test]
async fn a_tls_client_understands_the_alert() {
    let server = FaultServer::start(Fault::AlertInHandshake(40)).await;
    let connector = TlsConnector::from(Authority::new().client_config(&[]));
    let stream = TcpStream::connect(server.addr()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let error = connector.connect(name, stream).await.unwrap_err();
    assert!(error.to_string().contains("HandshakeFailure"), "{error}");
}

#[tokio::test]
async fn garbage_is_no_status_line() {
    let (bytes, error) = answer_bytes(Fault::GarbageAnswer).await;
    assert!(!bytes.is_empty() && !bytes.starts_with(b"HTTP"));
    assert_eq!(error, None);
}

#[tokio::test]
async fn drips_take_their_time() {
    let every = Duration::from_millis(2);
    let started = Instant::now();
    let (bytes, error) = answer(Fault::DripHead { every }).await;
    assert!(bytes.starts_with("HTTP/1.1 200 ") && bytes.ends_with("\r\n\r\nok"), "{bytes}");
    assert_eq!(error, None);
    assert!(started.elapsed() >= every * 80);

    let started = Instant::now();
    assert_eq!(body(Fault::DripBody { every, length: 9 }).await, b".........");
    assert!(started.elapsed() >= every * 9);
}

#[tokio::test]
async fn bodies_end_too_early() {
    let (bytes, error) = answer(Fault::BodyCutShort { promised: 50, sent: 3 }).await;
    assert!(bytes.contains("Content-Length: 50\r\n") && bytes.ends_with("\r\n\r\naaa"), "{bytes}");
    assert_eq!(error, None);
    let (bytes, error) = answer(Fault::ChunkedCutShort).await;
    assert!(bytes.ends_with("\r\n5\r\nwhole\r\n64\r\nhalf"), "{bytes}");
    assert_eq!(error, None);
}

#[tokio::test]
async fn headers_are_as_long_and_as_many_as_ordered() {
    let (bytes, _) = answer(Fault::LongHeader { bytes: 100_000 }).await;
    let line = bytes.lines().find(|line| line.starts_with("x-long: ")).unwrap();
    assert_eq!(line.len(), 100_000 + "x-long: ".len());
    assert!(bytes.ends_with("\r\n\r\nok"));
    let (bytes, _) = answer(Fault::ManyHeaders { count: 300 }).await;
    assert_eq!(bytes.matches("\r\nx-many-").count(), 300);
    assert!(bytes.ends_with("x-many-299: value\r\n\r\nok"));
}

#[tokio::test]
async fn the_endless_goes_on() {
    let plenty = 1_000_000;
    let endless = [
        (Fault::EndlessHeaders, "x-endless-"),
        (Fault::EndlessBody, "and so on"),
        (Fault::EndlessChunks, "a\r\nand so on\n\r\n"),
        (Fault::EndlessEarlyHints, "HTTP/1.1 103 Early Hints\r\n"),
        (Fault::EndlessContinue, "HTTP/1.1 100 Continue\r\n\r\n"),
    ];
    for (fault, piece) in endless {
        let server = FaultServer::start(fault.clone()).await;
        let (bytes, error) = yielded(&mut asked(&server).await, plenty).await;
        assert_eq!((bytes.len() as u64, error), (plenty, None), "{fault:?}");
        assert!(String::from_utf8_lossy(&bytes).matches(piece).count() > 1000, "{fault:?}");
    }
}

#[tokio::test]
async fn the_endless_ends_with_the_server() {
    let server = FaultServer::start(Fault::EndlessBody).await;
    let mut stream = asked(&server).await;
    server.wait_for_requests(1).await;
    drop(server);
    // Ends, whether by FIN or by RST, instead of going on for ever.
    yielded(&mut stream, u64::MAX).await;
}

#[tokio::test]
async fn compressed_bodies_are_as_described() {
    let text = b"fine fine fine".to_vec();
    assert_eq!(inflate(GzDecoder::new(&body(Fault::Gzip(text.clone())).await[..])).unwrap(), text);
    let zlib = body(Fault::DeflateZlib(text.clone())).await;
    assert_eq!(inflate(ZlibDecoder::new(&zlib[..])).unwrap(), text);
    let raw = body(Fault::DeflateRaw(text.clone())).await;
    assert_eq!(inflate(DeflateDecoder::new(&raw[..])).unwrap(), text);
    for fault in [Fault::InvalidGzip, Fault::TruncatedGzip] {
        inflate(GzDecoder::new(&body(fault).await[..])).unwrap_err();
    }
    let bomb = body(Fault::GzipBomb { inflated: 5_000_000 }).await;
    assert!(bomb.len() < 20_000);
    assert_eq!(inflate(GzDecoder::new(&bomb[..])).unwrap().len(), 5_000_000);
}

#[tokio::test]
async fn the_redirect_leads_back() {
    let (bytes, error) = answer(Fault::RedirectLoop).await;
    assert!(bytes.starts_with("HTTP/1.1 302 Found\r\nLocation: /health?x=1\r\n"), "{bytes}");
    assert_eq!(error, None);
}

#[tokio::test]
async fn requests_and_connections_are_recorded() {
    let server = FaultServer::start(Fault::Respond(b"anything".to_vec())).await;
    for _ in 0..2 {
        let (bytes, error) = yielded(&mut asked(&server).await, 100).await;
        assert_eq!((bytes.as_slice(), error), (&b"anything"[..], None));
    }
    server.wait_for_connections(2).await;
    assert_eq!(server.connections(), 2);
    assert_eq!(server.requests(), [REQUEST, REQUEST]);
}

#[tokio::test]
async fn faults_of_the_answer_happen_inside_tls() {
    let authority = Authority::new();
    let config = authority.issue(&Leaf::localhost()).server_config(&["http/1.1"]);
    let connector = TlsConnector::from(authority.client_config(&["http/1.1"]));
    for (fault, expected) in [
        (Fault::Respond(b"anything".to_vec()), (&b"anything"[..], None)),
        (Fault::CloseAfterRequest, (&b""[..], None)),
        (Fault::ResetAfterRequest, (&b""[..], Some(ErrorKind::ConnectionReset))),
    ] {
        let server =
            FaultServer::start_tls_at((Ipv6Addr::LOCALHOST, 0), fault, config.clone()).await;
        let stream = TcpStream::connect(server.addr()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        let (bytes, error) = yielded(&mut stream, 100).await;
        assert_eq!((bytes.as_slice(), error), expected);
        assert_eq!(server.requests(), [REQUEST]);
    }
}

#[tokio::test]
async fn early_faults_strike_before_tls() {
    let config = Authority::new().issue(&Leaf::localhost()).server_config(&[]);
    let early = Fault::all().into_iter().filter(|(_, fault)| fault.stage() != Stage::Answer);
    for (name, fault) in early {
        let server = FaultServer::start_tls(fault, config.clone()).await;
        let connector = TlsConnector::from(Authority::new().client_config(&[]));
        let stream = TcpStream::connect(server.addr()).await.unwrap();
        let server_name = ServerName::try_from("localhost").unwrap();
        let shaken = timeout(QUIET, connector.connect(server_name, stream)).await;
        assert!(!matches!(shaken, Ok(Ok(_))), "{name}");
    }
}

#[tokio::test]
async fn every_fault_of_the_catalogue_bears_being_abandoned() {
    for (_, fault) in Fault::all() {
        let server = FaultServer::start(fault).await;
        let _held = asked(&server).await;
        server.wait_for_connections(1).await;
    }
}
