//! Scheme, host and port: what budgets and credentials belong to (RFC 6454).

use serde::{Deserialize, Serialize};
use url::Url;

/// An origin of the web.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// `http` or `https` (or `tcp` for bare connections).
    pub scheme: String,
    /// In lower case; an IPv6 address without brackets.
    pub host: String,
    /// Never implied.
    pub port: u16,
}

impl Origin {
    /// The origin of a URL; `None` when it has no host or no port is known for its scheme.
    pub fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: host.to_ascii_lowercase(),
            port: url.port_or_known_default()?,
        })
    }

    /// Whether TLS is spoken.
    pub fn is_tls(&self) -> bool {
        self.scheme == "https"
    }

    /// Host and port as an authority, without the scheme's own port.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme.as_str(), self.port) {
            ("http", 80) | ("https", 443) => host,
            _ => format!("{host}:{}", self.port),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_its_port_and_shows_it_only_when_it_is_unusual() {
        for (url, shown, port) in [
            ("https://Shop.Example/a?b", "https://shop.example", 443),
            ("http://shop.example:8080", "http://shop.example:8080", 8080),
            ("http://[::1]:80/", "http://[::1]", 80),
        ] {
            let origin = Origin::of(&url.parse().unwrap()).unwrap();
            assert_eq!((origin.to_string().as_str(), origin.port), (shown, port));
        }
    }
}
