//! Evidence for tables, built by hand.

use std::sync::OnceLock;

use jiff::Timestamp;

use crate::contract::{Kind as _, Seen};
use crate::headers::Headers;
use crate::headers::evidence::{Answer, Chain, Evidence, Hop};
use crate::headers::field::cookie::Cookie;
use crate::headers::page::Page;
use crate::headers::preload::Preloaded;
use crate::judgement::Judgement;
use crate::net::failure::{Failure, FailureKind};
use crate::net::phase::Phase;
use crate::net::redirect::Stop;
use crate::testing::probe;

/// The host of every scene.
pub(in crate::headers) const HOST: &str = "shop.example.com";

/// What helmet 8 sends by default.
pub(in crate::headers) const HELMET: [&str; 12] = [
    "content-security-policy: default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
    "cross-origin-opener-policy: same-origin",
    "cross-origin-resource-policy: same-origin",
    "origin-agent-cluster: ?1",
    "referrer-policy: no-referrer",
    "strict-transport-security: max-age=31536000; includeSubDomains",
    "x-content-type-options: nosniff",
    "x-dns-prefetch-control: off",
    "x-download-options: noopen",
    "x-frame-options: SAMEORIGIN",
    "x-permitted-cross-domain-policies: none",
    "x-xss-protection: 0",
];

/// A service under construction.
pub(in crate::headers) struct Scene {
    pub(in crate::headers) evidence: Evidence,
}

/// An answer with these header lines.
pub(in crate::headers) fn answer(status: u16, lines: &[&str]) -> Answer {
    let mut answer = Answer { status, ..Answer::default() };
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header line");
        match name.trim() {
            "set-cookie" => answer.cookies.push(Cookie::parse(value.trim())),
            name => answer.headers.push((name.to_owned(), value.trim().to_owned())),
        }
    }
    answer
}

/// A hop that was answered.
pub(in crate::headers) fn hop(url: &str, status: u16, lines: &[&str]) -> Hop {
    let answer = Some(answer(status, lines));
    Hop { url: url.to_owned(), answer, failure: None, distrust: None }
}

/// A hop that was not.
pub(in crate::headers) fn silent(url: &str, kind: FailureKind) -> Hop {
    let failure = Some(Failure::new(Phase::Connect, kind, "it failed"));
    Hop { url: url.to_owned(), answer: None, failure, distrust: None }
}

pub(in crate::headers) fn chain(hops: Vec<Hop>) -> Chain {
    Chain { hops, stopped: None }
}

fn url(path: &str) -> String {
    format!("https://{HOST}{path}")
}

/// An answer of any type at `/`, its plain twin that redirects, and no page that is not there.
pub(in crate::headers) fn other(media: &str, lines: &[&str]) -> Scene {
    let mut page = hop(&url("/"), 200, lines);
    if let Some(answer) = page.answer.as_mut().filter(|_| !media.is_empty()) {
        answer.headers.insert(0, ("content-type".to_owned(), media.to_owned()));
    }
    let plain = format!("http://{HOST}/");
    let location = format!("location: {}", url("/"));
    let twin = chain(vec![hop(&plain, 301, &[&location]), page.clone()]);
    let absent = hop(&url("/musterd-absent"), 404, lines);
    Scene {
        evidence: Evidence {
            host: HOST.to_owned(),
            credentialed: false,
            authorized: false,
            document: chain(vec![page]),
            again: None,
            twin: Some(twin),
            absent: Some(absent),
            preload: Preloaded::NotAsked,
            policies: OnceLock::new(),
        },
    }
}

/// A page.
pub(in crate::headers) fn page(lines: &[&str]) -> Scene {
    other("text/html; charset=utf-8", lines)
}

/// A page with helmet's headers, of which these lines replace those of the same name. A line
/// without a value takes its header away.
pub(in crate::headers) fn helmet(lines: &[&str]) -> Scene {
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let replaced: Vec<String> = lines.iter().map(|line| name(line)).collect();
    let mut all: Vec<&str> =
        HELMET.into_iter().filter(|line| !replaced.contains(&name(line))).collect();
    all.extend(lines.iter().filter(|line| !line.ends_with(':')));
    page(&all)
}

impl Scene {
    pub(in crate::headers) fn document(&mut self) -> &mut Answer {
        let last = self.evidence.document.hops.last_mut().expect("a hop");
        last.answer.as_mut().expect("an answer")
    }

    pub(in crate::headers) fn html(mut self, markup: &str) -> Self {
        self.document().page = Some(Page::read(markup.as_bytes()));
        self
    }

    pub(in crate::headers) fn status(mut self, status: u16) -> Self {
        self.document().status = status;
        self
    }

    pub(in crate::headers) fn at(mut self, host: &str, url: &str) -> Self {
        host.clone_into(&mut self.evidence.host);
        let last = self.evidence.document.hops.last_mut().expect("a hop");
        url.clone_into(&mut last.url);
        self
    }

    pub(in crate::headers) fn by(mut self, hops: Vec<Hop>) -> Self {
        let last = self.evidence.document.hops.pop().expect("a hop");
        self.evidence.document.hops = hops;
        self.evidence.document.hops.push(last);
        self
    }

    pub(in crate::headers) fn document_is(mut self, hops: Vec<Hop>, stopped: Option<Stop>) -> Self {
        self.evidence.document = Chain { hops, stopped };
        self
    }

    pub(in crate::headers) fn twin(mut self, hops: Vec<Hop>) -> Self {
        self.evidence.twin = (!hops.is_empty()).then(|| chain(hops));
        self
    }

    pub(in crate::headers) fn stopped(mut self, stop: Stop) -> Self {
        self.evidence.twin.as_mut().expect("a twin").stopped = Some(stop);
        self
    }

    pub(in crate::headers) fn absent(mut self, hop: Option<Hop>) -> Self {
        self.evidence.absent = hop;
        self
    }

    pub(in crate::headers) fn again(mut self, lines: &[&str]) -> Self {
        self.evidence.again = Some(hop(&url("/"), 200, lines));
        self
    }

    pub(in crate::headers) fn credentialed(mut self, authorized: bool) -> Self {
        self.evidence.credentialed = true;
        self.evidence.authorized = authorized;
        self
    }

    pub(in crate::headers) fn judged(&self, settings: &str) -> Judgement {
        let seen = Seen { now: &self.evidence, earlier: &[] };
        let at = "2026-01-01T12:00:00Z".parse::<Timestamp>().unwrap();
        probe::<Headers>(settings).judge(&seen, at)
    }

    /// What fires, as `rule severity subject`, without the probe's name.
    pub(in crate::headers) fn fired(&self, settings: &str) -> Vec<String> {
        let findings = self.judged(settings).findings;
        let line = |finding: &crate::judgement::Finding| {
            let id = finding.about.id.trim_start_matches("headers.");
            format!("{id} {} {}", finding.severity, finding.subject).trim_end().to_owned()
        };
        findings.iter().map(line).collect()
    }

    /// What one rule says: its findings as `severity subject`, or that it could not look.
    pub(in crate::headers) fn says(&self, rule: &str) -> Vec<String> {
        let judgement = self.judged("{}");
        if judgement.untested().any(|(about, _)| about.id.ends_with(&format!(".{rule}"))) {
            return vec!["untested".to_owned()];
        }
        let start = format!("{rule} ");
        let fired = self.fired("{}");
        fired.iter().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
    }
}
