//! What a client asked for.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, Version};
use rustls::pki_types::CertificateDer;

/// A request as it arrived, its body read to the end.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target: path and query over HTTP/1.1, with scheme and authority over HTTP/2.
    pub uri: Uri,
    /// The protocol version spoken.
    pub version: Version,
    /// All headers, names in lower case.
    pub headers: HeaderMap,
    /// The body, at most 16 MiB; a longer or broken one is empty.
    pub body: Bytes,
    /// Who asked.
    pub peer: SocketAddr,
    /// The name asked for in the TLS handshake; `None` without TLS or without a name.
    pub server_name: Option<String>,
    /// The certificate the client presented in the TLS handshake.
    pub client_certificate: Option<CertificateDer<'static>>,
}

impl Request {
    /// The path without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The query without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    /// Path and query, as in an HTTP/1.1 request line.
    pub fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// The first header of this name, if it is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text, unreadable bytes replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
