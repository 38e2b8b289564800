//! The bare work: a hyper loop that opens a connection, under TLS where the URL says so, and GETs
//! the URL, in a process of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use musterd_probes::net::trust::provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::process::cpu_seconds;

/// Seconds of CPU for each of `count` exchanges.
pub(crate) fn measure(url: &str, count: u32, authority: Option<&Path>) -> f64 {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args(["bare", url, &count.to_string()])
        .envs(authority.map(|file| ("SSL_CERT_FILE", file)))
        .stdout(Stdio::piped())
        .output()
        .expect("this program starts");
    let text = String::from_utf8(output.stdout).expect("a number");
    text.trim().parse::<f64>().expect("a number") / f64::from(count)
}

/// Makes the exchanges and prints the CPU time that they took.
pub(crate) fn run(url: &str, count: u32) {
    let url: http::Uri = url.parse().expect("a URL");
    let tls = (url.scheme_str() == Some("https")).then(connector);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let before = cpu_seconds(std::process::id());
    runtime.block_on(async {
        for _ in 0..count {
            connect(&url, tls.as_ref()).await;
        }
    });
    crate::say(&format!("{}", cpu_seconds(std::process::id()) - before));
}

/// Full handshakes with the roots that the daemon has too: none is resumed.
fn connector() -> TlsConnector {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let file = std::env::var_os("SSL_CERT_FILE").expect("the roots are named");
    for root in CertificateDer::pem_file_iter(file).expect("it is read") {
        roots.add(root.expect("a certificate")).expect("a root");
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn connect(url: &http::Uri, tls: Option<&TlsConnector>) {
    let authority = url.authority().expect("an authority").as_str();
    let stream = tokio::net::TcpStream::connect(authority).await.expect("the server listens");
    stream.set_nodelay(true).expect("a TCP socket");
    let Some(tls) = tls else { return exchange(stream, url).await };
    let name = ServerName::try_from(url.host().expect("a host").to_owned()).expect("a name");
    exchange(tls.connect(name, stream).await.expect("the server is trusted"), url).await;
}

async fn exchange<S>(stream: S, url: &http::Uri)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    let driver = tokio::spawn(connection);
    let request = http::Request::get(url.path())
        .header("host", url.authority().expect("an authority").as_str())
        .body(Empty::<Bytes>::new())
        .expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    answer.into_body().collect().await.expect("a body");
    drop(sender);
    let _closed = driver.await;
}
