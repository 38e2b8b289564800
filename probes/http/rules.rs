//! The rules of `http`.

use std::time::Duration;

use jiff::Timestamp;

use super::Http;
use super::expect::HeaderMust;
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
    reach::unreachable(seen.now.last()).into()
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
    reach::timed_out(seen.now.last()).into()
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
    let fault = |name: &http::HeaderName, must: &HeaderMust| {
        let values: Vec<&str> = answer.all(name.as_str()).collect();
        let shown = || match values.as_slice() {
            [] => "it is absent".to_owned(),
            values => excerpt(&values.join(" | "), 160),
        };
        let wanted = match must {
            HeaderMust::Exist => values.is_empty().then(|| "it is present".to_owned()),
            HeaderMust::BeAbsent => (!values.is_empty()).then(|| "it is absent".to_owned()),
            HeaderMust::Match(pattern) => (!values.iter().any(|value| pattern.is_match(value)))
                .then(|| format!("a value that matches `{pattern}`")),
        };
        wanted.map(|wanted| Saw::new(shown(), wanted).on(name.as_str()))
    };
    let saw: Vec<Saw> =
        http.expect.headers.iter().filter_map(|(name, must)| fault(name, must)).collect();
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
    let body: serde_json::Value = match serde_json::from_slice(&answer.body.bytes.0) {
        Ok(body) => body,
        Err(error) => {
            let cut = match answer.body.end {
                BodyEnd::Complete => String::new(),
                BodyEnd::Cut => format!(
                    " (only its first {} were read: raise expect.max_bytes)",
                    bytes(answer.body.length)
                ),
                BodyEnd::Broken(_) => " (it broke off)".to_owned(),
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
            let announced = answer.header("content-length").filter(|_| answer.body.wire > bound);
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
mod tests {
    use serde_json::{Value, json};

    use super::super::Http;
    use crate::testing::judged;

    fn hop(status: u16, headers: &[(&str, &str)], body: &str) -> Value {
        json!({
            "method": "GET", "url": "http://a.example/x",
            "connection": {"phases": {"connect": 0.1, "processing": 0.2, "transfer": 0.1}},
            "answer": {
                "version": "1.1", "status": status, "headers": headers,
                "body": {"bytes": {"text": body}, "length": body.len(), "wire": body.len(),
                         "end": "complete"},
            },
        })
    }

    fn failed(phase: &str, kind: &str) -> Value {
        json!({"hops": [{
            "method": "GET", "url": "http://a.example/", "connection": {"phases": {}},
            "failure": {"phase": phase, "kind": kind, "detail": "it failed"},
        }]})
    }

    fn rules(settings: Value, evidence: Value) -> Vec<String> {
        judged::<Http>(&settings.to_string(), evidence)
    }

    #[test]
    fn without_an_answer_only_availability_is_judged() {
        let settings = json!({"expect": {"body": "x", "json": {"/a": 1}, "version": "2"}});
        for (phase, kind, rule) in [
            ("resolve", "name_unknown", "http.unreachable"),
            ("connect", "refused", "http.unreachable"),
            ("tls", "untrusted", "http.unreachable"),
            ("tls", "not_tls", "http.unreachable"),
            ("processing", "closed", "http.unreachable"),
            ("processing", "protocol", "http.unreachable"),
            ("connect", "timeout", "http.timeout"),
            ("processing", "timeout", "http.timeout"),
        ] {
            assert_eq!(rules(settings.clone(), failed(phase, kind)), [rule], "{phase} {kind}");
        }
    }

    #[test]
    fn each_expectation_fires_on_its_own_and_is_silent_when_met() {
        let ok = || json!({"hops": [hop(200, &[("x-a", "b")], r#"{"a": 1}"#)]});
        for (expect, rule) in [
            (json!({"status": 204}), "http.status-unexpected"),
            (json!({"headers": {"x-a": "^c"}}), "http.header-unexpected x-a"),
            (json!({"headers": {"x-a": false}}), "http.header-unexpected x-a"),
            (json!({"headers": {"x-b": true}}), "http.header-unexpected x-b"),
            (json!({"body": "nope"}), "http.body-unexpected"),
            (json!({"not_body": "a"}), "http.body-unexpected"),
            (json!({"json": {"/a": 2}}), "http.json-unexpected /a"),
            (json!({"version": "2"}), "http.version-unexpected"),
        ] {
            assert_eq!(rules(json!({"expect": expect}), ok()), [rule], "{expect}");
        }
        let met = json!({
            "status": ["2xx"], "headers": {"x-a": "^b$", "x-b": false}, "body": ["a", "1"],
            "not_body": "error", "json": {"/a": 1}, "version": "1.1", "max_bytes": 100,
        });
        assert!(rules(json!({"expect": met, "slow": {"warn": "1s"}}), ok()).is_empty());
        assert!(rules(json!({}), ok()).is_empty());
    }

    #[test]
    fn a_redirect_is_no_success_unless_it_is_not_to_be_followed() {
        let evidence = |stopped: Value| json!({"hops": [hop(302, &[("location", "/x")], "")], "stopped": stopped});
        assert_eq!(rules(json!({}), evidence(json!("loop"))), ["http.status-unexpected"]);
        let rules = rules(json!({"redirects": "none"}), evidence(Value::Null));
        assert!(rules.is_empty(), "{rules:?}");
    }

    #[test]
    fn time_is_graded() {
        let ok = || json!({"hops": [hop(200, &[], "")]});
        assert_eq!(rules(json!({"slow": {"warn": "300ms"}}), ok()), ["http.slow"]);
        assert!(rules(json!({"slow": {"warn": "500ms", "fail": "1s"}}), ok()).is_empty());
    }

    #[test]
    fn a_body_that_was_not_read_whole_is_never_vouched_for() {
        let ended = |end: Value| {
            let mut hop = hop(200, &[], "abc");
            hop["answer"]["body"]["end"] = end;
            json!({"hops": [hop]})
        };
        let broken = || ended(json!({"broken": "reset"}));
        assert_eq!(rules(json!({}), broken()), ["http.body-unexpected"]);
        let cut = || ended(json!("cut"));
        assert!(rules(json!({}), cut()).is_empty());
        assert_eq!(rules(json!({"expect": {"max_bytes": 3}}), cut()), ["http.too-large"]);
        assert_eq!(rules(json!({"expect": {"not_body": "x"}}), cut()), ["http.body-unexpected"]);
        assert_eq!(rules(json!({"expect": {"json": {"/a": 1}}}), cut()), ["http.json-unexpected"]);
        assert!(rules(json!({"expect": {"body": "abc"}}), cut()).is_empty());
    }
}
