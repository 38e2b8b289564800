//! One source expression (CSP3 section 2.3.1).

/// What a word in a source list means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    None,
    SelfOrigin,
    UnsafeInline,
    UnsafeEval,
    UnsafeHashes,
    StrictDynamic,
    /// Another keyword that widens nothing.
    Harmless,
    Nonce(&'a str),
    Hash(&'a str),
    /// `https:`, without its colon.
    Scheme(&'a str),
    /// `*`, or a scheme before `*`.
    AnyHost(Option<&'a str>),
    Host {
        scheme: Option<&'a str>,
        host: &'a str,
    },
    /// Quoted, and yet no keyword.
    Unknown,
}

/// Keywords that take effect only in quotes.
const KEYWORDS: [&str; 12] = [
    "none",
    "self",
    "unsafe-inline",
    "unsafe-eval",
    "unsafe-hashes",
    "strict-dynamic",
    "report-sample",
    "wasm-unsafe-eval",
    "inline-speculation-rules",
    "trusted-types-eval",
    "unsafe-allow-redirects",
    "report-sha256",
];

impl<'a> Source<'a> {
    pub(crate) fn parse(word: &'a str) -> Self {
        if let Some(inner) = word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return Self::quoted(inner);
        }
        if word.contains('\'') {
            return Self::Unknown;
        }
        if word == "*" {
            return Self::AnyHost(None);
        }
        if let Some((scheme, rest)) = word.split_once("://") {
            let host = rest.split('/').next().unwrap_or_default();
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            return if matches!(name, "*" | "*.*" | "") {
                Self::AnyHost(Some(scheme))
            } else {
                Self::Host { scheme: Some(scheme), host }
            };
        }
        match word.strip_suffix(':') {
            Some(scheme) if is_scheme(scheme) => Self::Scheme(scheme),
            _ => {
                let host = word.split('/').next().unwrap_or_default();
                if host.rsplit_once(':').map_or(host, |(name, _)| name) == "*" {
                    Self::AnyHost(None)
                } else {
                    Self::Host { scheme: None, host }
                }
            }
        }
    }

    fn quoted(inner: &'a str) -> Self {
        let lower = inner.to_ascii_lowercase();
        if lower.starts_with("nonce-") {
            return Self::Nonce(inner.get(6..).unwrap_or_default());
        }
        if ["sha256-", "sha384-", "sha512-"].iter().any(|prefix| lower.starts_with(prefix)) {
            return Self::Hash(inner);
        }
        match lower.as_str() {
            "none" => Self::None,
            "self" => Self::SelfOrigin,
            "unsafe-inline" => Self::UnsafeInline,
            "unsafe-eval" => Self::UnsafeEval,
            "unsafe-hashes" => Self::UnsafeHashes,
            "strict-dynamic" => Self::StrictDynamic,
            other if KEYWORDS.contains(&other) || other.starts_with("report-sha") => Self::Harmless,
            _ => Self::Unknown,
        }
    }

    /// Whether it is a nonce or a hash that browsers take: what is no base64 they skip, as if it
    /// did not stand there.
    pub(crate) fn is_nonce_or_hash(&self) -> bool {
        let value = match self {
            Self::Nonce(nonce) => nonce,
            Self::Hash(hash) => hash.split_once('-').map_or("", |(_, digest)| digest),
            _ => return false,
        };
        let digits = value.trim_end_matches('=');
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
        !digits.is_empty() && value.len() - digits.len() <= 2 && digits.bytes().all(is_digit)
    }

    /// Whether a word is a keyword, a nonce or a hash that lacks its quotes.
    pub(crate) fn lacks_quotes(word: &str) -> bool {
        let lower = word.to_ascii_lowercase();
        KEYWORDS.contains(&lower.as_str())
            || ["nonce-", "sha256-", "sha384-", "sha512-"]
                .iter()
                .any(|prefix| lower.len() > prefix.len() + 8 && lower.starts_with(prefix))
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}
