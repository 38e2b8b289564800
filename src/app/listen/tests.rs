//! Clients that ask nothing, and more of them than there is room for.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::stream;
use musterd_test_support::ca::{Authority, Identity, Leaf};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::config::ServerTls;

/// Whatever is awaited comes within this time, or the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

const SHORT: Duration = Duration::from_millis(200);

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A listener that serves until it is dropped.
struct Serving {
    address: SocketAddr,
    /// When the endless answer is given up.
    ended: CancellationToken,
    _stop: tokio_util::sync::DropGuard,
}

fn endless(ended: CancellationToken) -> Body {
    let ended = ended.drop_guard();
    Body::from_stream(stream::repeat_with(move || {
        let _until_dropped = &ended;
        Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 4_096]))
    }))
}

async fn serve(server: &Server, change: impl FnOnce(&mut Limits)) -> Serving {
    let mut listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), server).await.unwrap();
    change(&mut listener.limits);
    let (address, stop) = (listener.address, CancellationToken::new());
    let ended = CancellationToken::new();
    let app = Router::new().route("/", get(async || "here")).route(
        "/endless",
        get({
            let ended = ended.clone();
            async move || endless(ended)
        }),
    );
    tokio::spawn(listener.serve(app, stop.clone()));
    Serving { address, ended, _stop: stop.drop_guard() }
}

impl Serving {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// From another address of this machine.
    async fn connect_from(&self, source: [u8; 4]) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }
}

/// Waits for the other side to close, and gives what it said before.
async fn closed(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut said = Vec::new();
    // A connection that is reset is closed as well.
    let _reset = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said))
        .await
        .expect("the connection is closed in time");
    said
}

/// Whether a request is answered on a connection, which stays open.
async fn is_answered(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> bool {
    let mut answer = Vec::new();
    if stream.write_all(GET).await.is_err() {
        return false;
    }
    while !answer.ends_with(b"\r\n\r\nhere") {
        if stream.read_buf(&mut answer).await.unwrap_or_default() == 0 {
            return false;
        }
    }
    answer.starts_with(b"HTTP/1.1 200")
}

#[tokio::test]
async fn a_client_that_asks_nothing_is_hung_up_on() {
    let serving = serve(&Server::default(), |limits| limits.head = SHORT).await;
    for beginning in [
        "",
        "P",
        "PRI * HT",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        "GET / HTTP/1.1\r\n",
    ] {
        let mut stream = serving.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let said = closed(&mut stream).await;
        assert!(!said.starts_with(b"HTTP/1.1 200"), "{beginning:?}");
    }
}

/// A server with a certificate for `localhost`, and the folder that it stands in.
fn under_tls(identity: &Identity) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let server = Server { tls: Some(ServerTls { cert, key }), ..Server::default() };
    install(identity, &folder);
    (server, folder)
}

fn install(identity: &Identity, folder: &tempfile::TempDir) {
    std::fs::write(folder.path().join("cert.pem"), identity.chain_pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), identity.key_pem()).unwrap();
}

async fn shake_hands(
    serving: &Serving,
    client: &Arc<rustls::ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::clone(client));
    connector.connect(name, serving.connect().await).await
}

#[tokio::test]
async fn a_client_that_is_silent_under_tls_is_hung_up_on() {
    let authority = Authority::new();
    let (server, _folder) = under_tls(&authority.issue(&Leaf::localhost()));
    let serving = serve(&server, |limits| limits.head = SHORT).await;
    closed(&mut serving.connect().await).await;

    let client = authority.client_config(&["http/1.1"]);
    let shaken = async {
        loop {
            // On a busy machine a handshake may take longer than it has here.
            if let Ok(stream) = shake_hands(&serving, &client).await {
                break stream;
            }
        }
    };
    let mut stream =
        tokio::time::timeout(PATIENCE, shaken).await.expect("hands are shaken in time");
    assert_eq!(closed(&mut stream).await, b"");
}

#[tokio::test]
async fn only_the_first_version_of_http_is_spoken_under_tls() {
    let authority = Authority::new();
    let (server, _folder) = under_tls(&authority.issue(&Leaf::localhost()));
    let serving = serve(&server, |_| ()).await;
    let client = authority.client_config(&["h2", "http/1.1"]);
    let mut stream = shake_hands(&serving, &client).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(is_answered(&mut stream).await);
}

#[tokio::test]
async fn a_certificate_that_is_renewed_is_served() {
    let authority = Authority::new();
    let [old, new] = [(); 2].map(|()| authority.issue(&Leaf::localhost()));
    let (server, folder) = under_tls(&old);
    let serving = serve(&server, |limits| limits.renewal = SHORT).await;
    let client = authority.client_config(&["http/1.1"]);
    let leaf = async || {
        let stream = shake_hands(&serving, &client).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    assert_eq!(leaf().await, old.leaf_der());
    install(&new, &folder);
    let renewed = async { while leaf().await != new.leaf_der() {} };
    tokio::time::timeout(PATIENCE, renewed).await.expect("the new certificate is served");
}

#[tokio::test]
async fn so_many_connections_stand_open_and_no_more() {
    let serving = serve(&Server::default(), |limits| limits.connections = 2).await;
    let (mut one, mut other) = (serving.connect().await, serving.connect().await);
    assert!(is_answered(&mut one).await && is_answered(&mut other).await);
    assert_eq!(closed(&mut serving.connect().await).await, b"");
    assert!(is_answered(&mut one).await, "who is in stays in");
    drop(one);
    let again = async { while !is_answered(&mut serving.connect().await).await {} };
    tokio::time::timeout(PATIENCE, again).await.expect("whoever leaves makes room");
}

#[tokio::test]
async fn a_peer_that_keeps_many_connections_leaves_room_for_others() {
    let serving = serve(&Server::default(), |limits| limits.connections = 4).await;
    let mut held = [serving.connect().await, serving.connect().await, serving.connect().await];
    for stream in &mut held {
        assert!(is_answered(stream).await);
    }
    assert_eq!(closed(&mut serving.connect().await).await, b"");
    let mut other = serving.connect_from([127, 0, 0, 2]).await;
    assert!(is_answered(&mut other).await, "the last quarter is for others");
    assert_eq!(closed(&mut serving.connect_from([127, 0, 0, 3]).await).await, b"");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_hung_up_on() {
    let serving = serve(&Server::default(), |limits| limits.stalled = SHORT).await;
    let mut stream = serving.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let given_up = tokio::time::timeout(PATIENCE, serving.ended.cancelled()).await;
    assert!(given_up.is_ok());
    drop(stream);
}
