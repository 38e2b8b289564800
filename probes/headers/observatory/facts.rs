//! What Observatory's tests look at, as its own client would have seen it.

use crate::headers::evidence::{Answer, Chain, Evidence, Hop};
use crate::headers::page::Page;

/// The recorded answers under Observatory's names.
pub(super) struct Facts<'a> {
    /// The host that was asked for.
    pub(super) host: &'a str,
    /// Whether the page was asked for over TLS.
    pub(super) tls: bool,
    /// The answer that the headers are read from.
    pub(super) auto: &'a Answer,
    /// The way over TLS.
    pub(super) https: Option<&'a Chain>,
    /// The plain way.
    pub(super) http: Option<&'a Chain>,
    /// The way that the page was reached by.
    pub(super) session: &'a Chain,
}

impl<'a> Facts<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Option<Self> {
        let session = &evidence.document;
        let tls = session.hops.first()?.is_https();
        let auto = session.last().answer.as_ref()?;
        // It gives no grade to anything else.
        if !matches!(auto.status, 200..=399 | 401 | 403) {
            return None;
        }
        let answered = |chain: &&Chain| chain.last().answer.is_some();
        let (https, http) = if tls {
            (Some(session), evidence.twin.as_ref().filter(answered))
        } else {
            (None, Some(session))
        };
        Some(Self { host: &evidence.host, tls, auto, https, http, session })
    }

    /// All lines of a header as one: so Node hands them over.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        header(self.auto, name)
    }

    /// The page, where Observatory looks for meta elements in it.
    pub(super) fn markup(&self) -> Option<&'a Page> {
        let media = self.media()?;
        let html = matches!(media, "text/html" | "application/xhtml+xml");
        self.auto.page.as_ref().filter(|_| html)
    }

    /// The content type before its first semicolon, as it came.
    pub(super) fn media(&self) -> Option<&'a str> {
        self.auto.header("content-type")?.split(';').next()
    }
}

pub(super) fn header(answer: &Answer, name: &str) -> Option<String> {
    answer.joined(name)
}

/// Whether every certificate on the way verified.
pub(super) fn is_verified(chain: &Chain) -> bool {
    chain.hops.iter().all(|hop: &Hop| hop.distrust.is_none())
}
