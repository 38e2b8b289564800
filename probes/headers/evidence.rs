//! What one run saw: heads of answers, and of pages the facts alone.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use url::Url;

use super::csp::{Policies, Policy, Via};
use super::field::cookie::Cookie;
use super::page::{self, Page};
use super::preload::Preloaded;
use super::site;
use crate::net::body::BodyEnd;
use crate::net::exchange::{self, Exchange};
use crate::net::failure::Failure;
use crate::net::redirect::{self, Followed, Stop};
use crate::text::excerpt;

/// Of a header's value, so many bytes are kept.
const LONGEST_VALUE: usize = 96 * 1024;

/// What one run saw.
#[derive(Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// The host of the service's URL.
    pub(super) host: String,
    /// Whether the document was asked for with the service's credentials.
    #[serde(default)]
    pub(super) credentialed: bool,
    /// Whether one of them was `Authorization`.
    #[serde(default)]
    pub(super) authorized: bool,
    /// The document, and the way there.
    pub(super) document: Chain,
    /// The document once more, where something in it must differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<Hop>,
    /// The plain twin; `None` when there is none to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) twin: Option<Chain>,
    /// A path that does not exist; `None` when it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) absent: Option<Hop>,
    /// What a preload list says of the hosts.
    #[serde(default)]
    pub(super) preload: Preloaded,
    /// The document's policies, read once, when they are first needed.
    #[serde(skip)]
    pub(super) policies: OnceLock<Policies>,
}

/// A request and its redirects.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Chain {
    /// Never empty.
    #[serde(deserialize_with = "redirect::at_least_one")]
    pub(super) hops: Vec<Hop>,
    /// Why the last redirect was not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stopped: Option<Stop>,
}

/// One request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hop {
    /// Where it went.
    pub(super) url: String,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Answer>,
    /// Why nothing was, or no whole answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
    /// Why the certificate does not verify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) distrust: Option<String>,
}

/// What was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case, in order, without `set-cookie`.
    pub(super) headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) cookies: Vec<Cookie>,
    /// What its markup says, where it may be a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<Page>,
    /// Why its markup could not be read, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unread: Option<String>,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A browser shows it as a page.
    Document,
    /// Data for programs, scripts and styles among it.
    Data,
    /// An image, a font, a film.
    Asset,
    /// It has no body that browsers would take for anything.
    Nothing,
}

impl Chain {
    pub(super) fn of(followed: Followed) -> Self {
        Self { hops: followed.hops.into_iter().map(Hop::of).collect(), stopped: followed.stopped }
    }

    pub(super) fn last(&self) -> &Hop {
        self.hops.last().expect("there is one hop at least")
    }
}

impl Hop {
    pub(super) fn of(exchange: Exchange) -> Self {
        let distrust = exchange.connection.tls.and_then(|tls| tls.distrust);
        Self {
            url: exchange.url,
            answer: exchange.answer.map(Answer::of),
            failure: exchange.failure,
            distrust: distrust.map(|distrust| distrust.detail),
        }
    }

    /// The host, in lower case. The URL was written by a parser, so its authority is plain to see,
    /// and every rule asks for it.
    pub(super) fn host(&self) -> String {
        let Some((_, rest)) = self.url.split_once("://") else { return String::new() };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let end = match authority.rfind(']') {
            Some(bracket) => bracket + 1,
            None => authority.find(':').unwrap_or(authority.len()),
        };
        authority.get(..end).unwrap_or_default().to_ascii_lowercase()
    }

    pub(super) fn is_https(&self) -> bool {
        self.url.starts_with("https:")
    }

    /// Where its answer redirects to.
    pub(super) fn target(&self) -> Option<Url> {
        let answer = self.answer.as_ref().filter(|answer| answer.is_redirect())?;
        Url::parse(&self.url).ok()?.join(answer.header("location")?).ok()
    }
}

impl Answer {
    fn of(answer: exchange::Answer) -> Self {
        let mut headers = Vec::with_capacity(answer.headers.len());
        let mut cookies = Vec::new();
        for (name, mut value) in answer.headers {
            if name == "set-cookie" {
                cookies.push(Cookie::parse(&value));
                continue;
            }
            if value.len() > LONGEST_VALUE {
                let mut end = LONGEST_VALUE;
                while !value.is_char_boundary(end) {
                    end -= 1;
                }
                value.truncate(end);
            }
            headers.push((name, value));
        }
        let mut this = Self { status: answer.status, headers, cookies, page: None, unread: None };
        let may_be_page = this.form_by_type().is_none_or(|form| form == Form::Document);
        if may_be_page && !answer.body.bytes.0.is_empty() {
            this.page = Some(Page::read(&answer.body.bytes.0));
        }
        if let BodyEnd::Broken(why) = answer.body.end
            && may_be_page
        {
            this.unread = Some(excerpt(&why, 120));
        }
        this
    }

    /// The first value of a header, whose name is given in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a header, whose name is given in lower case.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All lines of a header as one (RFC 9110 section 5.3).
    pub(super) fn joined(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.all(name).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(super) fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// The content type without its parameters, in lower case.
    pub(super) fn media_type(&self) -> Option<String> {
        let text = self.header("content-type")?.split(';').next()?.trim().to_ascii_lowercase();
        (!text.is_empty()).then_some(text)
    }

    fn form_by_type(&self) -> Option<Form> {
        let media = self.media_type()?;
        Some(match media.split_once('/') {
            Some(("text", "html") | ("application", "xhtml+xml") | ("image", "svg+xml")) => {
                Form::Document
            }
            Some(("image" | "audio" | "video" | "font", _)) => Form::Asset,
            _ => Form::Data,
        })
    }

    /// What it is, by its type, and without one by how it begins.
    pub(super) fn form(&self) -> Form {
        if matches!(self.status, 204 | 205 | 304) {
            return Form::Nothing;
        }
        self.form_by_type().unwrap_or_else(|| {
            if self.page.as_ref().is_some_and(|page| page.html) {
                Form::Document
            } else {
                Form::Nothing
            }
        })
    }

    /// Whether it is an error without a body, or with a line of text that any server writes.
    pub(super) fn is_bare_error(&self) -> bool {
        let text = self.media_type().is_some_and(|media| media == "text/plain");
        self.status >= 400 && (text || self.form() == Form::Nothing)
    }

    /// Every policy of the answer, headers before meta elements.
    pub(super) fn policies(&self) -> Policies {
        let header = |name: &'static str| {
            self.all(name).flat_map(|line| Policy::list(line, Via::Header)).collect::<Vec<_>>()
        };
        let mut enforced = header("content-security-policy");
        if let Some(page) = &self.page {
            let obeyed = page.policies.iter().filter(|meta| meta.in_head);
            enforced.extend(obeyed.flat_map(|meta| Policy::list(&meta.content, Via::Meta)));
        }
        Policies { enforced, reported: header("content-security-policy-report-only") }
    }
}

impl Evidence {
    /// The answer at the end of the document's redirects, or why it cannot be judged.
    pub(super) fn answer(&self) -> Result<&Answer, String> {
        let last = self.document.last();
        let Some(answer) = &last.answer else {
            let failure = last.failure.as_ref();
            return Err(failure.map_or("no answer came", |failure| &failure.detail).to_owned());
        };
        match &self.document.stopped {
            None => {}
            Some(Stop::Loop | Stop::TooMany) => return Err("its redirects never end".to_owned()),
            Some(Stop::OtherHost(host)) => return Err(format!("it redirects to {host}")),
            Some(Stop::Unsafe(why) | Stop::Invalid(why)) => {
                return Err(format!("its redirect leads nowhere: {}", excerpt(why, 120)));
            }
        }
        let host = last.host();
        if !site::is_same(&host, &self.host) {
            return Err(format!(
                "it redirects to another site, {}, whose headers are not this service's",
                excerpt(&host, 100)
            ));
        }
        if answer.header("cf-mitigated").is_some() || answer.header("x-amzn-waf-action").is_some() {
            return Err(format!("a firewall answers in its place ({})", answer.status));
        }
        match answer.status {
            // A firewall refuses with a page; what answers with data is the service.
            403 | 406 if answer.form() == Form::Data => Ok(answer),
            403 | 406 | 429 | 500.. => Err(format!(
                "it answers {}, which may come from something before the service",
                answer.status
            )),
            ..200 | 300..400 => Err(format!("it answers {}", answer.status)),
            _ => Ok(answer),
        }
    }

    /// Whether the document's redirects lead to somebody else's, as those of a login do.
    pub(super) fn leads_away(&self) -> bool {
        let last = self.document.last();
        last.answer.is_some() && !site::is_same(&last.host(), &self.host)
    }

    /// The document's policies.
    pub(super) fn policies(&self) -> &Policies {
        self.policies.get_or_init(|| {
            self.document.last().answer.as_ref().map(Answer::policies).unwrap_or_default()
        })
    }

    /// Every hop to the service's own site that was answered, each with a name for reports.
    pub(super) fn own_hops(&self) -> impl Iterator<Item = &Hop> {
        let chains = std::iter::once(&self.document).chain(&self.twin);
        chains
            .flat_map(|chain| &chain.hops)
            .chain(&self.again)
            .chain(&self.absent)
            .filter(|hop| hop.answer.is_some() && site::is_same(&hop.host(), &self.host))
    }
}

/// Of a body, so many bytes are asked for.
pub(super) const BODY: usize = page::LONGEST;

#[cfg(test)]
mod tests {
    use url::Url;

    use super::Hop;

    #[test]
    fn hosts_are_read_as_a_parser_of_urls_reads_them() {
        for written in [
            "https://Shop.Example.com/a:b?c#d",
            "http://shop.example:8080",
            "https://[2001:DB8::1]:8443/a",
            "https://[::1]?a=/b",
            "https://192.0.2.1:443/",
            "https://shop.example@evil.example:8443/a",
            "https://b\u{fc}cher.example/@a",
        ] {
            let url = Url::parse(written).unwrap();
            let hop = Hop { url: url.to_string(), answer: None, failure: None, distrust: None };
            assert_eq!(Some(hop.host().as_str()), url.host_str(), "{written}");
        }
        let odd = Hop { url: "no url".into(), answer: None, failure: None, distrust: None };
        assert_eq!(odd.host(), "");
    }
}
