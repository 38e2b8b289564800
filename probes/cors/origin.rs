//! Origins as browsers write them, and as settings declare them.

use std::fmt;

use url::Url;

/// An origin, or all hosts below a name (`https://*.example.com`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WebOrigin {
    pub(super) scheme: String,
    /// In lower case, an IPv6 address in brackets.
    pub(super) host: String,
    /// `None`: the scheme's own.
    pub(super) port: Option<u16>,
    /// Every host below this one, and not the host itself.
    pub(super) below: bool,
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.below { "*." } else { "" };
        write!(f, "{}://{star}{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl WebOrigin {
    /// Reads an origin that must be written as browsers write it: they compare byte by byte.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const SHAPE: &str = "an origin is a scheme and a host, such as https://app.example.com";
        match text {
            "*" => {
                return Err("`*` is no origin: say `public: true` where everybody may read".into());
            }
            "null" => {
                return Err("`null` is the origin of every sandboxed frame, whoever wrote it: it cannot be told from a stranger".into());
            }
            _ => {}
        }
        // What stands before an `@` may be a password.
        if text.contains('@') {
            return Err(format!("an origin holds no credentials: {SHAPE}"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!("`{text}` is no origin: {SHAPE}"));
        };
        if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
            return Self::of_app(text, scheme, rest);
        }
        let (below, named) = match rest.strip_prefix("*.") {
            Some(parent) => (true, parent),
            None => (false, rest),
        };
        let url: Url = format!("{scheme}://{named}")
            .parse()
            .map_err(|error| format!("`{text}` is no origin: {error}; {SHAPE}"))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if host.is_empty() || host.contains('*') {
            return Err(format!(
                "`{text}` is no origin: a `*` stands for whole names before a host, as in https://*.example.com"
            ));
        }
        let origin = Self { scheme: url.scheme().to_owned(), host, port: url.port(), below };
        if below && (crate::headers::site::is_address(&origin.host) || !origin.host.contains('.')) {
            return Err(format!("`{text}` names no hosts: there are none below `{}`", origin.host));
        }
        let written = origin.to_string();
        if written == text {
            Ok(origin)
        } else {
            Err(format!("browsers send `{text}` as `{written}`: write it so"))
        }
    }

    /// The origins of apps, such as `capacitor://localhost`.
    fn of_app(text: &str, scheme: &str, host: &str) -> Result<Self, String> {
        let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c));
        let host_fits = !host.is_empty()
            && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        if !scheme_fits || !host_fits {
            return Err(format!(
                "`{text}` is no origin: write a scheme and a host, such as https://app.example.com or capacitor://localhost"
            ));
        }
        Ok(Self { scheme: scheme.to_owned(), host: host.to_owned(), port: None, below: false })
    }

    /// The origin of a service.
    pub(super) fn of(url: &Url) -> Option<Self> {
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str()?.to_ascii_lowercase(),
            port: url.port(),
            below: false,
        })
    }

    /// An origin that this one stands for, as a browser would send it.
    pub(super) fn sample(&self) -> Self {
        if self.below {
            Self { host: format!("musterd.{}", self.host), below: false, ..self.clone() }
        } else {
            self.clone()
        }
    }

    /// Whether it stands for another one.
    pub(super) fn covers(&self, other: &str) -> bool {
        if !self.below {
            return self.to_string() == other;
        }
        Self::parse(other).is_ok_and(|other| {
            other.scheme == self.scheme
                && other.port == self.port
                && other.host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.'))
        })
    }

    /// The same with another host.
    pub(super) fn at(&self, host: impl Into<String>) -> Self {
        Self { host: host.into(), ..self.clone() }
    }
}

/// Whether a value of `Access-Control-Allow-Origin` can match any origin at all; otherwise why not.
pub(super) fn is_matchable(value: &str) -> Result<(), String> {
    if matches!(value, "*" | "null") {
        return Ok(());
    }
    if value.contains(',') {
        return Err("it names several origins, and browsers compare it as a whole".to_owned());
    }
    if value.contains([' ', '\t']) {
        return Err("it is a list, and browsers compare it as a whole".to_owned());
    }
    if value.contains('*') {
        return Err("browsers know `*` only alone, and no patterns".to_owned());
    }
    let Some((scheme, rest)) = value.split_once("://") else {
        return Err("it has no scheme, and browsers compare it with `https://...`".to_owned());
    };
    if rest.contains('/') {
        return Err("an origin has no path, not even a slash at its end".to_owned());
    }
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return Ok(());
    }
    match WebOrigin::parse(value) {
        Ok(_) => Ok(()),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for text in [
            "https://app.example.com",
            "http://localhost:3000",
            "https://*.example.com",
            "https://[::1]:8443",
            "capacitor://localhost",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        ] {
            assert_eq!(WebOrigin::parse(text).unwrap().to_string(), text);
        }
        for (text, says) in [
            ("https://App.example.com", "`https://app.example.com`"),
            ("https://app.example.com/", "`https://app.example.com`"),
            ("https://app.example.com:443", "`https://app.example.com`"),
            ("https://app.example.com/path", "`https://app.example.com`"),
            ("https://u:p@app.example.com", "no credentials"),
            ("app.example.com", "such as https://app.example.com"),
            ("*", "public: true"),
            ("null", "sandboxed"),
            ("https://a.*.example.com", "https://*.example.com"),
            ("https://*.localhost", "no hosts"),
            ("https://*.10.0.0.1", "no hosts"),
            ("file://", "no origin"),
            ("https://", "no origin"),
            ("", "no origin"),
        ] {
            let error = WebOrigin::parse(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_pattern_stands_for_what_is_below_it() {
        let pattern = WebOrigin::parse("https://*.example.com").unwrap();
        for (origin, covered) in [
            ("https://a.example.com", true),
            ("https://a.b.example.com", true),
            ("https://example.com", false),
            ("https://evilexample.com", false),
            ("http://a.example.com", false),
            ("https://a.example.com:8443", false),
        ] {
            assert_eq!(pattern.covers(origin), covered, "{origin}");
        }
        assert!(pattern.covers(&pattern.sample().to_string()));
    }

    #[test]
    fn what_no_browser_can_match_is_known() {
        for (value, fits) in [
            ("*", true),
            ("null", true),
            ("https://a.example", true),
            ("http://a.example:8080", true),
            ("capacitor://localhost", true),
            ("https://a.example, https://b.example", false),
            ("https://a.example https://b.example", false),
            ("https://*.a.example", false),
            ("https://a.example/", false),
            ("https://a.example:443", false),
            ("https://A.example", false),
            ("a.example", false),
        ] {
            assert_eq!(is_matchable(value).is_ok(), fits, "{value}");
        }
    }
}
