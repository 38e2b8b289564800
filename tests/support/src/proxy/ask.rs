//! A request as a proxy reads it.

/// What a [`super::ConnectProxy`] was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyRequest {
    /// The method; `CONNECT` for a tunnel.
    pub method: String,
    /// The request target as it came: `host:port` for a tunnel, otherwise a URL.
    pub target: String,
    /// Where to connect, as `host:port`; port 80 if a URL gives none.
    pub authority: String,
    /// The `Proxy-Authorization` header.
    pub authorization: Option<String>,
    /// All headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Path and query in origin form; `None` for a tunnel.
    origin: Option<String>,
}

impl ProxyRequest {
    /// `None` unless it is something a proxy can act on.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let head = std::str::from_utf8(head).ok()?;
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (authority, origin) = if method == "CONNECT" {
            (target.to_owned(), None)
        } else {
            let rest = target.strip_prefix("http://")?;
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, origin) = rest.split_at(end);
            let slash = if origin.starts_with('/') { "" } else { "/" };
            (with_port(authority), Some(format!("{slash}{origin}")))
        };
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let authorization = headers
            .iter()
            .find(|(name, _)| name == "proxy-authorization")
            .map(|(_, value)| value.clone());
        let (method, target) = (method.to_owned(), target.to_owned());
        Some(Self { method, target, authority, authorization, headers, origin })
    }

    /// The head to send on to the server, asking it to close; `None` for a tunnel.
    pub(super) fn forwarded(&self) -> Option<String> {
        let origin = self.origin.as_ref()?;
        let headers = self
            .headers
            .iter()
            .filter(|(name, _)| !name.starts_with("proxy-") && name != "connection")
            .fold(String::new(), |lines, (name, value)| lines + &format!("{name}: {value}\r\n"));
        Some(format!("{} {origin} HTTP/1.1\r\n{headers}connection: close\r\n\r\n", self.method))
    }
}

fn with_port(authority: &str) -> String {
    // The colons inside a bracketed IPv6 address introduce no port.
    let after_host = authority.rsplit(']').next().unwrap_or(authority);
    if after_host.contains(':') { authority.to_owned() } else { format!("{authority}:80") }
}

#[cfg(test)]
mod tests {
    use super::ProxyRequest;

    #[test]
    fn authorities_get_their_port() {
        let cases = [
            ("http://a.test", "a.test:80", "/"),
            ("http://a.test:8/b", "a.test:8", "/b"),
            ("http://[::1]?c", "[::1]:80", "/?c"),
            ("http://[::1]:9/", "[::1]:9", "/"),
        ];
        for (target, authority, origin) in cases {
            let head = format!("GET {target} HTTP/1.1\r\n\r\n");
            let request = ProxyRequest::parse(head.as_bytes()).unwrap();
            assert_eq!(request.authority, authority);
            let forwarded = request.forwarded().unwrap();
            assert!(forwarded.starts_with(&format!("GET {origin} HTTP/1.1\r\n")), "{forwarded}");
        }
    }
}
