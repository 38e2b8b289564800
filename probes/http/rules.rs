//! The rules of `http`.

use std::time::Duration;

use jiff::Timestamp;

use super::Http;
use crate::contract::Seen;
use crate::duration::brief;
use crate::net::body::BodyEnd;
use crate::net::exchange::Answer;
use crate::net::redirect::Stop;
use crate::reach;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::{bytes, excerpt};

pub(super) const ALL: &[Rule<Http>] = &[
    Rule { about: UNREACHABLE, check: unreachable },
    Rule { about: TIMEOUT, check: timed_out },
    Rule { about: STATUS_UNEXPECTED, check: status_unexpected },
    Rule { about: HEADER_UNEXPECTED, check: header_unexpected },
    Rule { about: BODY_UNEXPECTED, check: body_unexpected },
    Rule { about: JSON_UNEXPECTED, check: json_unexpected },
    Rule { about: TOO_LARGE, check: too_large },
    Rule { about: VERSION_UNEXPECTED, check: version_unexpected },
    Rule { about: SLOW, check: slow },
];

type Evidence<'a> = Seen<'a, Http>;

const NO_ANSWER: &str = "no answer came";

fn answer<'a>(seen: &'a Evidence<'_>) -> Option<&'a Answer> {
    seen.now.last().answer.as_ref()
}

const UNREACHABLE: About = About {
    id: "http.unreachable",
    severity: Severity::Critical,
    title: "the service cannot be reached",
    why: "Every user sees an error page of the browser instead of the service.",
    fix: "See that the process runs, that DNS, firewalls and load balancers lead to it, and that its certificate verifies.",
    references: &["RFC 9110 section 3.3"],
};

fn unreachable(_: &Http, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    reach::unreachable(seen.now.last()).map(|saw| placed(saw, seen)).into()
}

/// With the URL, where it is not the one that was asked for.
fn placed(mut saw: Saw, seen: &Evidence<'_>) -> Saw {
    if seen.now.redirects() > 0 {
        let url = excerpt(&seen.now.last().url, 200);
        saw.saw = format!("{}, at {url} where a redirect leads", saw.saw);
    }
    saw
}

const TIMEOUT: About = About {
    id: "http.timeout",
    severity: Severity::Critical,
    title: "the service does not answer in time",
    why: "Users and callers hang until they give up, and hold connections meanwhile.",
    fix: "Look at the phase that is named: DNS, firewall, saturated workers, a slow dependency, or a stalled transfer.",
    references: &[],
};

fn timed_out(_: &Http, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    reach::timed_out(seen.now.last()).map(|saw| placed(saw, seen)).into()
}

const STATUS_UNEXPECTED: About = About {
    id: "http.status-unexpected",
    severity: Severity::High,
    title: "the status code is not the expected one",
    why: "Clients decide by the status code: this one tells them that the request failed, or that something else lives there.",
    fix: "Mend the service, or state the right codes in `expect.status`.",
    references: &["RFC 9110 section 15"],
};

fn status_unexpected(http: &Http, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let Some(answer) = answer(seen) else { return Looked::untested(NO_ANSWER) };
    if http.expect.status.contains(answer.status) {
        return Looked::silent();
    }
    let stopped = match &seen.now.stopped {
        None => String::new(),
        Some(Stop::Loop) => ", a redirect in a loop".to_owned(),
        Some(Stop::TooMany) => ", after ten redirects".to_owned(),
        Some(Stop::OtherHost(host)) => format!(", a redirect to the other host {host}"),
        Some(Stop::Unsafe(why)) => format!(", a redirect that is not followed: {why}"),
        Some(Stop::Invalid(why)) => format!(", a redirect that leads nowhere: {why}"),
    };
    let url = excerpt(&seen.now.last().url, 200);
    let place = if seen.now.redirects() > 0 { format!(" from {url}") } else { String::new() };
    Looked::fired(Saw::new(
        format!("{}{place}{stopped}", answer.status),
        http.expect.status.to_string(),
    ))
}

const HEADER_UNEXPECTED: About = About {
    id: "http.header-unexpected",
    severity: Severity::High,
    title: "a header is not as expected",
    why: "Caches, proxies and browsers act on headers; a wrong one changes what users get.",
    fix: "Mend the header at the service or at the proxy before it, or the expectation.",
    references: &["RFC 9110 section 5"],
};

fn header_unexpected(http: &Http, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let Some(answer) = answer(seen) else { return Looked::untested(NO_ANSWER) };
    let saw: Vec<Saw> = http
        .expect
        .headers
        .iter()
        .filter_map(|must| must.fault(&answer.all(must.name.as_str()).collect::<Vec<_>>()))
        .collect();
    saw.into()
}

const BODY_UNEXPECTED: About = About {
    id: "http.body-unexpected",
    severity: Severity::High,
    title: "the body is not as expected",
    why: "A status code alone does not show that the right page was delivered, or that it was delivered whole.",
    fix: "Compare the body with `expect.body` and `expect.not_body`; a body that breaks off points to the proxy or to a crash while it is made.",
    references: &["RFC 9112 section 8"],
};

fn body_unexpected(http: &Http, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let Some(answer) = answer(seen) else { return Looked::untested(NO_ANSWER) };
    let length = bytes(answer.body.length);
    if let BodyEnd::Broken(why) = &answer.body.end {
        if seen.now.last().failure.as_ref().is_some_and(crate::net::failure::Failure::is_timeout) {
            return Looked::untested("the body did not come in time");
        }
        return Looked::fired(Saw::new(
            format!("the body broke off after {length}: {why}"),
            "a whole body",
        ));
    }
    let text = answer.body.text();
    let cut = answer.body.end == BodyEnd::Cut;
    let saw = || {
        let beginning = excerpt(&text, 120);
        match (text.is_empty(), cut) {
            (true, _) => "an empty body".to_owned(),
            (false, false) => format!("{length}: {beginning}"),
            (false, true) => {
                format!("its first {length} (raise expect.max_bytes to read on): {beginning}")
            }
        }
    };
    if let Some(pattern) = http.expect.body.iter().find(|pattern| !pattern.is_match(&text)) {
        return Looked::fired(Saw::new(saw(), format!("a body that matches `{pattern}`")));
    }
    for pattern in &http.expect.not_body {
        if let Some(found) = pattern.find(&text) {
            return Looked::fired(Saw::new(
                format!("{:?}", excerpt(found.as_str(), 120)),
                format!("no match of `{pattern}`"),
            ));
        }
    }
    if cut && !http.expect.not_body.is_empty() {
        // What was not read cannot be vouched for.
        return Looked::fired(
            Saw::new(saw(), "the whole body, to see that nothing in it matches `not_body`")
                .graded(Severity::Low),
        );
    }
    Looked::silent()
}

const JSON_UNEXPECTED: About = About {
    id: "http.json-unexpected",
    severity: Severity::High,
    title: "a value in the JSON is not as expected",
    why: "The service answers, but not with what its callers rely on.",
    fix: "Compare the answer with `expect.json`.",
    references: &["RFC 8259", "RFC 6901"],
};

fn json_unexpected(http: &Http, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    if http.expect.json.is_empty() {
        return Looked::silent();
    }
    let Some(answer) = answer(seen) else { return Looked::untested(NO_ANSWER) };
    if let BodyEnd::Broken(_) = answer.body.end {
        return Looked::untested("the body broke off");
    }
    // RFC 8259 section 8.1: a mark of byte order may be there, and is no part of the text.
    let text = answer.body.bytes.0.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&answer.body.bytes.0);
    let body: serde_json::Value = match serde_json::from_slice(text) {
        Ok(body) => body,
        Err(error) => {
            let cut = if answer.body.is_complete() {
                String::new()
            } else {
                let length = bytes(answer.body.length);
                format!(" (only its first {length} were read: raise expect.max_bytes)")
            };
            let beginning = excerpt(&answer.body.text(), 80);
            let saw = format!("no JSON{cut}: {error}; it begins with {beginning:?}");
            return Looked::fired(Saw::new(saw, "a body in JSON"));
        }
    };
    let saw: Vec<Saw> = http
        .expect
        .json
        .iter()
        .filter_map(|(pointer, must)| {
            let (saw, wanted) = must.fault(body.pointer(pointer))?;
            Some(Saw::new(saw, wanted).on(pointer))
        })
        .collect();
    saw.into()
}

const TOO_LARGE: About = About {
    id: "http.too-large",
    severity: Severity::Medium,
    title: "the body is larger than it should be",
    why: "Pages that grow without bound cost users time and data, and often point to a missing limit in a query.",
    fix: "Find what grew, add paging or compression, or raise `expect.max_bytes`.",
    references: &[],
};

fn too_large(http: &Http, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let Some(bound) = http.expect.max_bytes else { return Looked::silent() };
    let Some(answer) = answer(seen) else { return Looked::untested(NO_ANSWER) };
    let fired = answer.body.end == BodyEnd::Cut;
    fired
        .then(|| {
            // Of a compressed body it is another length.
            let packed = answer.header("content-encoding").is_some();
            let announced = answer.header("content-length").filter(|_| !packed);
            let saw = match announced {
                Some(length) => format!("{length} bytes, as Content-Length says"),
                None => format!("more than {}", bytes(bound)),
            };
            Saw::new(saw, format!("at most {}", bytes(bound)))
        })
        .into()
}

const VERSION_UNEXPECTED: About = About {
    id: "http.version-unexpected",
    severity: Severity::Medium,
    title: "the HTTP version is not the expected one",
    why: "A proxy that falls back to an older version makes pages slower and may drop features that the service relies on.",
    fix: "See what ALPN offers at the load balancer or CDN.",
    references: &["RFC 9113 section 3.2", "RFC 7301"],
};

fn version_unexpected(http: &Http, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let Some(wanted) = http.expect.version else { return Looked::silent() };
    let Some(answer) = answer(seen) else { return Looked::untested(NO_ANSWER) };
    (answer.version != wanted)
        .then(|| Saw::new(format!("HTTP/{}", answer.version), format!("HTTP/{wanted}")))
        .into()
}

const SLOW: About = About {
    id: "http.slow",
    severity: Severity::Medium,
    title: "the exchange takes too long",
    why: "Users leave slow pages, and slow answers are often the first sign of an outage to come.",
    fix: "Look at the phase that takes longest, which the measurements tell.",
    references: &[],
};

fn slow(http: &Http, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    if answer(seen).is_none() {
        return Looked::untested(NO_ANSWER);
    }
    let seconds: f64 = seen.now.hops.iter().map(|hop| hop.phases().total()).sum();
    let took = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    http.slow
        .grade(took)
        .map(|(severity, bound)| {
            Saw::new(brief(took), format!("less than {bound}")).graded(severity)
        })
        .into()
}

#[cfg(test)]
mod tests;
