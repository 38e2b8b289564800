//! What policies allow together: a source is allowed where every one of them allows it.

use super::{Directive, Policy, Source};

/// The policies of one answer, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Policies {
    pub(crate) enforced: Vec<Policy>,
    pub(crate) reported: Vec<Policy>,
}

/// A source list with the directive that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sources<'a> {
    /// Which directive governs: `default-src`, say, for scripts.
    pub(crate) directive: &'a str,
    pub(crate) words: &'a [String],
}

/// What a fetch directive falls back to (CSP3 section 6.8.3), itself first.
fn chain(name: &str) -> &'static [&'static str] {
    match name {
        "script-src-elem" => &["script-src-elem", "script-src", "default-src"],
        "script-src-attr" => &["script-src-attr", "script-src", "default-src"],
        "script-src" => &["script-src", "default-src"],
        "style-src-elem" => &["style-src-elem", "style-src", "default-src"],
        "style-src-attr" => &["style-src-attr", "style-src", "default-src"],
        "style-src" => &["style-src", "default-src"],
        "worker-src" => &["worker-src", "child-src", "script-src", "default-src"],
        "frame-src" => &["frame-src", "child-src", "default-src"],
        "connect-src" => &["connect-src", "default-src"],
        "font-src" => &["font-src", "default-src"],
        "img-src" => &["img-src", "default-src"],
        "manifest-src" => &["manifest-src", "default-src"],
        "media-src" => &["media-src", "default-src"],
        "object-src" => &["object-src", "default-src"],
        "base-uri" => &["base-uri"],
        "form-action" => &["form-action"],
        "frame-ancestors" => &["frame-ancestors"],
        _ => &[],
    }
}

impl Policy {
    /// The list that governs a directive; `None` when the policy does not restrict it.
    pub(crate) fn sources(&self, name: &str) -> Option<Sources<'_>> {
        chain(name).iter().find_map(|name| self.get(name)).map(Sources::of)
    }
}

impl Policies {
    /// The lists that govern a directive; `None` when some policy is needed and none restricts it.
    pub(crate) fn governing(&self, name: &str) -> Vec<Sources<'_>> {
        self.enforced.iter().filter_map(|policy| policy.sources(name)).collect()
    }

    /// What every list that governs a directive lets through, as its first one shows it.
    pub(crate) fn all_allow(
        &self,
        name: &str,
        allows: impl Fn(&Sources<'_>) -> Option<String>,
    ) -> Open {
        let lists = self.governing(name);
        let Some(first) = lists.first() else { return Open::Unrestricted };
        let through: Option<Vec<String>> = lists.iter().map(allows).collect();
        match through.and_then(|words| words.into_iter().next()) {
            Some(word) => Open::Through(first.directive.to_owned(), word),
            None => Open::Closed,
        }
    }
}

/// Whether something gets past all policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Open {
    /// No policy speaks of it.
    Unrestricted,
    /// Through this directive, because of this word in it.
    Through(String, String),
    /// Some policy stops it.
    Closed,
}

impl<'a> Sources<'a> {
    fn of(directive: &'a Directive) -> Self {
        Self { directive: &directive.name, words: &directive.values }
    }

    fn sources(&self) -> impl Iterator<Item = (&'a str, Source<'a>)> + use<'a> {
        self.words.iter().map(|word| (word.as_str(), Source::parse(word)))
    }

    fn has(&self, wanted: impl Fn(Source<'_>) -> bool) -> bool {
        self.sources().any(|(_, source)| wanted(source))
    }

    pub(crate) fn has_nonce_or_hash(&self) -> bool {
        self.has(|source| source.is_nonce_or_hash())
    }

    pub(crate) fn is_strict_dynamic(&self) -> bool {
        self.has(|source| source == Source::StrictDynamic)
    }

    /// `'unsafe-inline'` where nothing switches it off (CSP3 section 6.7.3.2).
    pub(crate) fn inline(&self) -> Option<String> {
        let off = self.has_nonce_or_hash() || self.is_strict_dynamic();
        (!off && self.has(|source| source == Source::UnsafeInline))
            .then(|| "'unsafe-inline'".to_owned())
    }

    pub(crate) fn eval(&self) -> Option<String> {
        self.has(|source| source == Source::UnsafeEval).then(|| "'unsafe-eval'".to_owned())
    }

    /// The first source that lets whole schemes or all hosts in. For scripts `'strict-dynamic'`
    /// switches hosts and schemes off.
    pub(crate) fn broad(&self, scripts: bool) -> Option<String> {
        if scripts && self.is_strict_dynamic() {
            return None;
        }
        let wide = |source| match source {
            Source::AnyHost(_) => true,
            Source::Scheme(scheme) => {
                ["http", "https", "ftp", "data"].iter().any(|s| scheme.eq_ignore_ascii_case(s))
            }
            _ => false,
        };
        self.sources().find(|(_, source)| wide(*source)).map(|(word, _)| word.to_owned())
    }

    /// The first source that is fetched without TLS.
    pub(crate) fn insecure(&self, scripts: bool) -> Option<String> {
        if scripts && self.is_strict_dynamic() {
            return None;
        }
        let plain =
            |scheme: &str| ["http", "ws", "ftp"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
        let loopback = |host: &str| {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            matches!(name, "localhost" | "127.0.0.1" | "[::1]") || name.ends_with(".localhost")
        };
        self.sources()
            .find(|(_, source)| match source {
                Source::Scheme(scheme) | Source::AnyHost(Some(scheme)) => plain(scheme),
                // Browsers trust loopback without TLS (Secure Contexts section 3.1).
                Source::Host { scheme: Some(scheme), host } => plain(scheme) && !loopback(host),
                _ => false,
            })
            .map(|(word, _)| word.to_owned())
    }

    /// Every nonce.
    pub(crate) fn nonces(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.sources().filter_map(|(_, source)| match source {
            Source::Nonce(nonce) => Some(nonce),
            _ => None,
        })
    }
}
