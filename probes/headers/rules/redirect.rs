//! The way from plain HTTP to the page, and redirects on the way.

use jiff::Timestamp;

use super::{Now, shown};
use crate::headers::Headers;
use crate::headers::evidence::{Chain, Evidence, Hop};
use crate::headers::site;
use crate::net::failure::FailureKind;
use crate::net::redirect::{MOST, Stop, shown as url_text};
use crate::rule::{About, Looked, Rule, Saw, Tested};
use crate::severity::Severity;

/// The way that starts without TLS: the twin's, or the service's own where it is plain.
fn plain(evidence: &Evidence) -> Result<&Chain, String> {
    match &evidence.twin {
        Some(twin) => Ok(twin),
        None if !evidence.document.hops[0].is_https() => {
            Err("the service itself is configured over plain HTTP".to_owned())
        }
        None => Err("the service has no plain twin (`http_url`)".to_owned()),
    }
}

/// A closed port is as good as a redirect; silence says nothing.
fn unanswered(chain: &Chain) -> Option<Looked> {
    let first = &chain.hops[0];
    if first.answer.is_some() {
        return None;
    }
    let failure = first.failure.as_ref()?;
    Some(match failure.kind {
        FailureKind::Refused | FailureKind::Reset | FailureKind::HostUnreachable => {
            Looked::silent()
        }
        _ => Looked::untested(format!("plain HTTP is not answered: {}", failure.detail)),
    })
}

/// Looks at the plain way, where it is answered.
fn on_plain(seen: &Now<'_>, look: impl FnOnce(&Chain) -> Looked) -> Looked {
    match plain(seen.now) {
        Ok(chain) => unanswered(chain).unwrap_or_else(|| look(chain)),
        Err(why) => Looked::untested(why),
    }
}

fn place(hop: &Hop) -> String {
    shown(&hop.url)
}

pub(super) const MISSING: Rule<Headers> = Rule {
    about: About {
        id: "headers.redirect-missing",
        severity: Severity::High,
        title: "plain HTTP does not lead to TLS",
        why: "Who comes without https stays without it: everything is readable and can be changed on the way.",
        fix: "Answer every plain request with a 301 or 308 to the same URL with https. nginx: `return 301 https://$host$request_uri;`; Django: `SECURE_SSL_REDIRECT`; or close port 80.",
        references: &["RFC 6797 section 7.2", "RFC 9110 section 15.4.9"],
    },
    check: missing,
};

fn missing(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_plain(seen, |chain| {
        let last = chain.last();
        if chain.hops.iter().any(Hop::is_https) {
            return Looked::silent();
        }
        if matches!(chain.stopped, Some(Stop::Loop | Stop::TooMany)) {
            return Looked::untested("its redirects never end");
        }
        if !site::is_same(&last.host(), &seen.now.host) {
            return Looked::untested("it leads to another site");
        }
        let Some(answer) = &last.answer else {
            return Looked::untested("a redirect leads to where nothing answers");
        };
        match answer.status {
            status @ (..200 | 300..400 | 408 | 429 | 500..) => {
                Looked::untested(format!("plain HTTP answers {status}"))
            }
            // What is refused without TLS is not served without it, but a password that is asked
            // for is given.
            400 | 402..500 => Looked::silent(),
            status => Looked::fired(Saw::new(
                format!("{} answers {status} without TLS", place(last)),
                "a redirect to https, or a closed port",
            )),
        }
    })
}

pub(super) const OTHER_HOST: Rule<Headers> = Rule {
    about: About {
        id: "headers.redirect-other-host",
        severity: Severity::Medium,
        title: "the first redirect does not lead to https on the same host",
        why: "Browsers never get to see Strict-Transport-Security from the name that was typed, so each visit by it begins unprotected.",
        fix: "Redirect to https on the same host first, and only from there to another name.",
        references: &["RFC 6797 section 8.1", "hstspreload.org submission requirements"],
    },
    check: other_host,
};

fn other_host(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    on_plain(seen, |chain| {
        let first = &chain.hops[0];
        let Some(target) = first.target() else { return Looked::silent() };
        // A way that never comes to https is another finding.
        if !chain.hops.iter().any(Hop::is_https) || first.is_https() {
            return Looked::silent();
        }
        let host = first.host();
        let to = target.host_str().unwrap_or_default();
        let insecure = target.scheme() != "https" && to.eq_ignore_ascii_case(&host);
        if to.eq_ignore_ascii_case(&host) && !insecure {
            return Looked::silent();
        }
        // A parent that includes its subdomains covers the name that was left.
        let covers = host.to_ascii_lowercase().ends_with(&format!(".{}", to.to_ascii_lowercase()))
            && target.scheme() == "https"
            && chain.hops.iter().any(|hop| hop.host() == to && includes_sub_domains(hop));
        if covers {
            return Looked::silent();
        }
        Looked::fired(Saw::new(
            format!("{} redirects to {}", place(first), shown(&url_text(&target))),
            format!("https://{host}"),
        ))
    })
}

fn includes_sub_domains(hop: &Hop) -> bool {
    let line = hop.answer.as_ref().and_then(|answer| answer.header("strict-transport-security"));
    line.and_then(|line| crate::headers::field::hsts::parse(line).ok())
        .is_some_and(|hsts| hsts.include_sub_domains && hsts.max_age > 0)
}

/// The ways with their names as subjects.
fn chains(evidence: &Evidence) -> impl Iterator<Item = (&'static str, &Chain)> {
    let twin = evidence.twin.iter().map(|chain| ("plain HTTP", chain));
    std::iter::once(("", &evidence.document)).chain(twin)
}

/// Whether every way there is was answered, so that a redirect would have been seen.
fn answered(evidence: &Evidence, saw: Vec<Saw>) -> Looked {
    let document = evidence.document.hops[0].answer.is_some();
    let twin = evidence.twin.as_ref().is_some_and(|twin| {
        twin.hops[0].answer.is_some()
            || matches!(unanswered(twin), Some(looked) if looked.tested == Tested::All)
    });
    let tested = match (document, twin || evidence.twin.is_none()) {
        (true, true) => Tested::All,
        (true, false) => Tested::Only(vec![String::new()]),
        (false, true) if evidence.twin.is_some() => Tested::Only(vec!["plain HTTP".to_owned()]),
        (false, _) => Tested::No("no answer came".to_owned()),
    };
    Looked { saw, tested }
}

pub(super) const DOWNGRADE: Rule<Headers> = Rule {
    about: About {
        id: "headers.redirect-downgrade",
        severity: Severity::High,
        title: "a redirect leads from TLS to plain HTTP",
        why: "The user's next request, with its cookies, can be read and answered by anybody on the way.",
        fix: "Make the Location start with https://. Behind a proxy that ends TLS, tell the service so: X-Forwarded-Proto with Express's `trust proxy`, Django's `SECURE_PROXY_SSL_HEADER`, uvicorn's `--proxy-headers`.",
        references: &["RFC 9110 section 10.2.2"],
    },
    check: downgrade,
};

fn downgrade(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    let mut saw = Vec::new();
    for (subject, chain) in chains(seen.now) {
        let found = chain.hops.iter().find_map(|hop| {
            let target = hop.target().filter(|_| hop.is_https())?;
            let own = site::is_same(&hop.host(), &seen.now.host);
            (own && target.scheme() == "http").then_some((hop, target))
        });
        if let Some((hop, target)) = found {
            let text = format!("{} redirects to {}", place(hop), shown(&url_text(&target)));
            saw.push(Saw::new(text, "a redirect to https").on(subject));
        }
    }
    answered(seen.now, saw)
}

pub(super) const LOOP: Rule<Headers> = Rule {
    about: About {
        id: "headers.redirect-loop",
        severity: Severity::High,
        title: "redirects never end",
        why: "Browsers give up and show an error instead of the page.",
        fix: "Follow the redirects one by one; often a proxy that ends TLS and a service that wants TLS send requests to each other.",
        references: &["RFC 9110 section 15.4"],
    },
    check: endless,
};

/// More redirects than this make the first visit slow.
const MANY: usize = 5;

fn endless(_: &Headers, seen: &Now<'_>, _: Timestamp) -> Looked {
    let mut saw = Vec::new();
    for (subject, chain) in chains(seen.now) {
        let redirects = chain.hops.len() - 1;
        let sets_cookies = chain
            .hops
            .iter()
            .any(|hop| hop.answer.as_ref().is_some_and(|answer| !answer.cookies.is_empty()));
        let found = match &chain.stopped {
            // Some pages set a cookie and redirect to themselves: a browser gets past that.
            Some(Stop::Loop | Stop::TooMany) if sets_cookies => {
                return Looked::untested("the redirects may end for who brings the cookies back");
            }
            Some(Stop::Loop) => Saw::new(
                format!("{} leads back to where it came from", place(chain.last())),
                WANTED,
            ),
            Some(Stop::TooMany) => Saw::new(format!("more than {MOST} redirects"), WANTED),
            _ if redirects > MANY => {
                Saw::new(format!("{redirects} redirects"), WANTED).graded(Severity::Medium)
            }
            _ => continue,
        };
        saw.push(found.on(subject));
    }
    answered(seen.now, saw)
}

const WANTED: &str = "a page after five redirects at most";
