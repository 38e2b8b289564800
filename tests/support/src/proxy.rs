//! A minimal HTTP proxy: tunnels by `CONNECT`, and plain requests in absolute form.

mod ask;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

pub use self::ask::ProxyRequest;
use crate::listening::Listening;
use crate::log::Log;

/// How a [`ConnectProxy`] treats its clients: lets everybody through unless told otherwise.
#[derive(Debug, Clone, Default)]
pub struct Conduct {
    refusal: Option<u16>,
    authorization: Option<String>,
    routes: HashMap<String, SocketAddr>,
}

impl Conduct {
    /// Refuses everything with this HTTP status.
    #[must_use]
    pub fn refuse(mut self, status: u16) -> Self {
        self.refusal = Some(status);
        self
    }

    /// Refuses with a 407 whoever does not send exactly this `Proxy-Authorization`, such as
    /// `Basic dXNlcjpwYXNz`.
    #[must_use]
    pub fn require(mut self, authorization: &str) -> Self {
        self.authorization = Some(authorization.to_owned());
        self
    }

    /// Connects to `addr` when asked for `authority` (`host:port`), without resolving the name;
    /// so names exist that only the proxy knows.
    #[must_use]
    pub fn route(mut self, authority: &str, addr: SocketAddr) -> Self {
        self.routes.insert(authority.to_ascii_lowercase(), addr);
        self
    }

    /// The status to refuse the request with, if any.
    fn objection(&self, request: &ProxyRequest) -> Option<u16> {
        let stranger = self.authorization.is_some() && self.authorization != request.authorization;
        self.refusal.or(stranger.then_some(407))
    }

    async fn connect(&self, authority: &str) -> io::Result<TcpStream> {
        match self.routes.get(&authority.to_ascii_lowercase()) {
            Some(addr) => TcpStream::connect(addr).await,
            None => TcpStream::connect(authority).await,
        }
    }
}

/// A proxy on a free port of 127.0.0.1; it ends when dropped, its tunnels with it.
///
/// A plain request is passed on in origin form, and the connection serves no second one.
#[derive(Debug)]
pub struct ConnectProxy {
    listening: Listening,
    requests: Log<ProxyRequest>,
}

impl ConnectProxy {
    /// Lets everybody through to everywhere.
    pub async fn start() -> Self {
        Self::start_with(Conduct::default()).await
    }

    /// Treats its clients like this.
    pub async fn start_with(conduct: Conduct) -> Self {
        let requests = Log::new();
        let log = requests.clone();
        let conduct = Arc::new(conduct);
        let listening = Listening::start((Ipv4Addr::LOCALHOST, 0), move |client, _| {
            let (conduct, log) = (Arc::clone(&conduct), log.clone());
            // Either side breaking off ends the tunnel, which is all there is to do about it.
            async move { drop(serve(client, &conduct, &log).await) }
        })
        .await;
        Self { listening, requests }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.listening.addr()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.listening.connections()
    }

    /// What it was asked, in order, refused or not, at most the first 10 000.
    pub fn requests(&self) -> Vec<ProxyRequest> {
        self.requests.entries()
    }

    /// Returns once it was asked `count` times, counted from the start.
    pub async fn wait_for_requests(&self, count: usize) {
        self.requests.wait_for(count).await;
    }
}

async fn serve(
    mut client: TcpStream,
    conduct: &Conduct,
    log: &Log<ProxyRequest>,
) -> io::Result<()> {
    let Some(head) = crate::head::read(&mut client).await else { return Ok(()) };
    let Some(request) = ProxyRequest::parse(&head) else { return refuse(client, 400).await };
    log.push(request.clone());
    if let Some(status) = conduct.objection(&request) {
        return refuse(client, status).await;
    }
    let Ok(mut server) = conduct.connect(&request.authority).await else {
        return refuse(client, 502).await;
    };
    match request.forwarded() {
        None => client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
        Some(head) => server.write_all(head.as_bytes()).await?,
    }
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

async fn refuse(mut client: TcpStream, status: u16) -> io::Result<()> {
    let challenge = if status == 407 { "Proxy-Authenticate: Basic realm=\"fake\"\r\n" } else { "" };
    let answer = format!(
        "HTTP/1.1 {status} Refused\r\n{challenge}Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    use super::{Conduct, ConnectProxy};
    use crate::ca::{Authority, Leaf};
    use crate::fault::{Fault, FaultServer};
    use crate::http::{HttpServer, Reply};

    async fn exchange(proxy: &ConnectProxy, request: &str) -> String {
        let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_tunnel_carries_tls_to_a_name_only_the_proxy_knows() {
        let authority = Authority::new();
        let config = authority.issue(&Leaf::new(["app.test"])).server_config(&["http/1.1"]);
        let server = HttpServer::start_tls(config, |_| Reply::text(200, "inside")).await;
        let conduct = Conduct::default().route("app.test:443", server.addr());
        let proxy = ConnectProxy::start_with(conduct).await;

        let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
        stream.write_all(b"CONNECT app.test:443 HTTP/1.1\r\nHost: app.test\r\n\r\n").await.unwrap();
        let head = crate::head::read(&mut stream).await.unwrap();
        assert!(head.starts_with(b"HTTP/1.1 200 "));
        let name = ServerName::try_from("app.test").unwrap();
        let connector = TlsConnector::from(authority.client_config(&["http/1.1"]));
        let mut stream = connector.connect(name, stream).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("inside"), "{answer}");

        let requests = proxy.requests();
        assert_eq!(requests[0].method, "CONNECT");
        assert_eq!(requests[0].target, "app.test:443");
        assert_eq!(requests[0].authority, "app.test:443");
    }

    #[tokio::test]
    async fn plain_requests_are_passed_on_in_origin_form() {
        let server = HttpServer::start(|_| Reply::text(200, "plain")).await;
        let proxy = ConnectProxy::start().await;
        let url = server.url();
        let answer = exchange(
            &proxy,
            &format!(
                "GET {url}/a?b=c HTTP/1.1\r\nHost: x\r\nX-A: b\r\nProxy-Authorization: z\r\n\r\n"
            ),
        )
        .await;
        assert!(answer.ends_with("plain"), "{answer}");
        let request = &server.requests()[0];
        assert_eq!(request.target(), "/a?b=c");
        assert_eq!(request.header("x-a"), Some("b"));
        assert_eq!(request.header("proxy-authorization"), None);
        assert_eq!(proxy.requests()[0].target, format!("{url}/a?b=c"));
        assert_eq!(proxy.requests()[0].authorization.as_deref(), Some("z"));
    }

    #[tokio::test]
    async fn refusals_come_with_their_status() {
        let request = "CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n";
        let proxy = ConnectProxy::start_with(Conduct::default().refuse(403)).await;
        assert!(exchange(&proxy, request).await.starts_with("HTTP/1.1 403 "));
        let proxy = ConnectProxy::start_with(Conduct::default().require("Basic eA==")).await;
        let answer = exchange(&proxy, request).await;
        assert!(answer.starts_with("HTTP/1.1 407 "), "{answer}");
        assert!(answer.contains("\r\nProxy-Authenticate: Basic"), "{answer}");
        proxy.wait_for_requests(1).await;

        let server = FaultServer::start(Fault::CloseAfterAccept).await;
        let member = format!(
            "CONNECT {} HTTP/1.1\r\nProxy-Authorization: Basic eA==\r\n\r\n",
            server.addr()
        );
        let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
        stream.write_all(member.as_bytes()).await.unwrap();
        assert!(crate::head::read(&mut stream).await.unwrap().starts_with(b"HTTP/1.1 200 "));
    }

    #[tokio::test]
    async fn an_unreachable_server_is_a_bad_gateway() {
        let gone = FaultServer::start(Fault::CloseAfterAccept).await;
        let addr = gone.addr();
        gone.stop().await;
        let proxy = ConnectProxy::start().await;
        let answer = exchange(&proxy, &format!("CONNECT {addr} HTTP/1.1\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        assert!(exchange(&proxy, "GET / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    }
}
