//! The listening side of the scripted web server.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Reply, Request};
use crate::listening::Listening;
use crate::log::Log;

/// Request bodies longer than this (bytes) are not kept.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

type Handler = dyn Fn(Request) -> Reply + Send + Sync;

/// A web server that answers as its handler says, over HTTP/1.1 and HTTP/2; it ends when dropped.
///
/// Inside TLS the client's ALPN decides on the version; without TLS, HTTP/2 needs prior knowledge.
#[derive(Debug)]
pub struct HttpServer {
    listening: Listening,
    requests: Log<Request>,
    tls: bool,
}

impl HttpServer {
    /// Serves plain HTTP on a free port of 127.0.0.1.
    pub async fn start(handler: impl Fn(Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0), handler).await
    }

    /// Serves HTTPS on a free port of 127.0.0.1; `config` should offer `h2` and `http/1.1`.
    pub async fn start_tls(
        config: Arc<ServerConfig>,
        handler: impl Fn(Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_tls_at((Ipv4Addr::LOCALHOST, 0), config, handler).await
    }

    /// As [`Self::start`], on another address: `(ip, 0)` for a free port, or the address of an
    /// earlier server to take its place.
    ///
    /// # Panics
    /// If the address cannot be bound.
    pub async fn start_at(
        at: impl Into<SocketAddr>,
        handler: impl Fn(Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(at.into(), None, Arc::new(handler)).await
    }

    /// As [`Self::start_tls`], on another address, as for [`Self::start_at`].
    ///
    /// # Panics
    /// If the address cannot be bound.
    pub async fn start_tls_at(
        at: impl Into<SocketAddr>,
        config: Arc<ServerConfig>,
        handler: impl Fn(Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(at.into(), Some(config.into()), Arc::new(handler)).await
    }

    async fn serve(at: SocketAddr, tls: Option<TlsAcceptor>, handler: Arc<Handler>) -> Self {
        let requests = Log::new();
        let log = requests.clone();
        let with_tls = tls.is_some();
        let listening = Listening::start(at, move |stream, peer| {
            let visit = Visit {
                peer,
                server_name: None,
                client_certificate: None,
                requests: log.clone(),
                handler: Arc::clone(&handler),
            };
            welcome(stream, tls.clone(), visit)
        })
        .await;
        Self { listening, requests, tls: with_tls }
    }

    /// Ends the server and returns once its port is free; its connections close meanwhile.
    pub async fn stop(self) {
        self.listening.stop().await;
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.listening.addr()
    }

    /// Its root without a closing slash: `http://127.0.0.1:PORT`, inside TLS
    /// `https://localhost:PORT`, on other addresses with that address in either case.
    pub fn url(&self) -> String {
        let addr = self.addr();
        match (self.tls, addr.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST)) {
            (false, _) => format!("http://{addr}"),
            (true, true) => format!("https://localhost:{}", addr.port()),
            (true, false) => format!("https://{addr}"),
        }
    }

    /// How many connections were accepted so far, failed TLS handshakes included.
    pub fn connections(&self) -> usize {
        self.listening.connections()
    }

    /// Returns once `count` connections were accepted, counted from the start.
    pub async fn wait_for_connections(&self, count: usize) {
        self.listening.wait_for_connections(count).await;
    }

    /// The requests in the order of their arrival, at most the first 10 000.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.entries()
    }

    /// Returns once `count` requests arrived, counted from the start.
    pub async fn wait_for_requests(&self, count: usize) {
        self.requests.wait_for(count).await;
    }
}

/// One connection, as far as its requests are concerned.
struct Visit {
    peer: SocketAddr,
    server_name: Option<String>,
    client_certificate: Option<CertificateDer<'static>>,
    requests: Log<Request>,
    handler: Arc<Handler>,
}

async fn welcome(stream: TcpStream, tls: Option<TlsAcceptor>, mut visit: Visit) {
    let Some(tls) = tls else { return converse(stream, visit).await };
    // Clients that mistrust the certificate go away here, which is theirs to report.
    let Ok(stream) = tls.accept(stream).await else { return };
    let session = stream.get_ref().1;
    visit.server_name = session.server_name().map(str::to_owned);
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    visit.client_certificate = certificate.map(|certificate| certificate.clone().into_owned());
    converse(stream, visit).await;
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, visit: Visit) {
    let visit = Arc::new(visit);
    let service = service_fn(move |request| reply(request, Arc::clone(&visit)));
    let server = auto::Builder::new(TokioExecutor::new());
    // A client that breaks off is no concern of the fake.
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}

async fn reply(
    request: hyper::Request<Incoming>,
    visit: Arc<Visit>,
) -> Result<hyper::Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await;
    let request = Request {
        method: head.method,
        uri: head.uri,
        version: head.version,
        headers: head.headers,
        body: body.map(http_body_util::Collected::to_bytes).unwrap_or_default(),
        peer: visit.peer,
        server_name: visit.server_name.clone(),
        client_certificate: visit.client_certificate.clone(),
    };
    visit.requests.push(request.clone());
    let reply = (visit.handler)(request);
    if !reply.delay().is_zero() {
        tokio::time::sleep(reply.delay()).await;
    }
    Ok(reply.into_response())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use bytes::Bytes;
    use http::Version;
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use rustls::pki_types::ServerName;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    use super::{HttpServer, Reply};
    use crate::ca::{Authority, Leaf};

    async fn raw(server: &HttpServer, request: &str) -> String {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_answers_as_scripted_and_records_what_was_asked() {
        let server = HttpServer::start(|request| match request.path() {
            "/health" => Reply::json(200, r#"{"status":"pass"}"#),
            _ => Reply::new(404),
        })
        .await;
        let answer = raw(
            &server,
            "POST /health?deep=1 HTTP/1.1\r\nHost: a\r\nX-B: c\r\nContent-Length: 4\r\n\
             Connection: close\r\n\r\nbody",
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
        assert!(answer.ends_with(r#"{"status":"pass"}"#), "{answer}");
        let answer = raw(&server, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");

        server.wait_for_requests(2).await;
        let requests = server.requests();
        assert_eq!(requests[0].method, "POST");
        assert_eq!(requests[0].target(), "/health?deep=1");
        assert_eq!(requests[0].query(), Some("deep=1"));
        assert_eq!(requests[0].header("x-b"), Some("c"));
        assert_eq!(requests[0].text(), "body");
        assert_eq!(requests[1].path(), "/");
        assert_eq!(server.connections(), 2);
        assert_eq!(server.url(), format!("http://{}", server.addr()));
    }

    #[tokio::test]
    async fn alpn_decides_on_the_version_and_clients_show_their_certificate() {
        let authority = Authority::new();
        let config = authority
            .issue(&Leaf::localhost())
            .server_config_mutual(&authority, &["h2", "http/1.1"]);
        let server = HttpServer::start_tls(config, |_| Reply::new(204)).await;
        assert!(server.url().starts_with("https://localhost:"));
        let member = authority.issue(&Leaf::new(["probe"]).for_client());
        for alpn in ["h2", "http/1.1"] {
            let connector = TlsConnector::from(authority.client_config_as(&member, &[alpn]));
            let name = ServerName::try_from("localhost").unwrap();
            let stream = TcpStream::connect(server.addr()).await.unwrap();
            let stream = TokioIo::new(connector.connect(name, stream).await.unwrap());
            let request = hyper::Request::get(server.url()).header("host", "localhost");
            let request = request.body(Full::<Bytes>::default()).unwrap();
            let response = if alpn == "h2" {
                let executor = TokioExecutor::new();
                let (mut sender, connection) =
                    hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
                tokio::spawn(connection);
                sender.send_request(request).await.unwrap()
            } else {
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(stream).await.unwrap();
                tokio::spawn(connection);
                sender.send_request(request).await.unwrap()
            };
            assert_eq!(response.status(), 204);
        }
        let requests = server.requests();
        assert_eq!(requests[0].version, Version::HTTP_2);
        assert_eq!(requests[1].version, Version::HTTP_11);
        assert_eq!(requests[0].server_name.as_deref(), Some("localhost"));
        assert_eq!(requests[0].client_certificate, Some(member.leaf_der()));
    }

    #[tokio::test]
    async fn trailers_follow_the_body_over_http2_without_tls() {
        let server = HttpServer::start(|_| Reply::new(200).body("x").trailer("grpc-status", "0"));
        let server = server.await;
        let stream = TokioIo::new(TcpStream::connect(server.addr()).await.unwrap());
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::get(server.url()).body(Full::<Bytes>::default()).unwrap();
        let response = sender.send_request(request).await.unwrap().into_body().collect().await;
        assert_eq!(response.unwrap().trailers().unwrap()["grpc-status"], "0");
    }

    #[tokio::test]
    async fn a_successor_takes_the_place_of_a_dropped_server() {
        let first = HttpServer::start_at((Ipv6Addr::LOCALHOST, 0), |_| Reply::new(503)).await;
        let addr = first.addr();
        assert_eq!(first.url(), format!("http://[::1]:{}", addr.port()));
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        assert!(raw(&first, request).await.starts_with("HTTP/1.1 503 "));
        first.stop().await;
        let second = HttpServer::start_at(addr, |_| Reply::text(200, "back")).await;
        assert!(raw(&second, request).await.ends_with("back"));
    }
}
