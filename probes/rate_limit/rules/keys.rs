//! What the limit is counted by, and who can choose that.

use jiff::Timestamp;

use super::isolation::{self, Counted};
use super::show;
use crate::contract::Seen;
use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::{Evidence, Mode, Purpose};
use crate::rate_limit::reading::{Reading, amount};
use crate::rule::{About, Looked, Saw, Tested};
use crate::severity::Severity;

pub(super) const KEY_SPOOFABLE: About = About {
    id: "rate_limit.key-spoofable",
    severity: Severity::High,
    title: "a client chooses by a header what it is counted as",
    why: "Whoever writes another address into each request is never limited, and can use up the limit of somebody else's address.",
    fix: "Take the client's address from the connection, or from the hop that your own proxy wrote: `trust proxy` as the number of proxies, never `true`; the proxy overwrites what clients send.",
    references: &["CWE-348", "OWASP API4:2023"],
};

pub(super) fn key_spoofable(check: &RateLimit, seen: &Seen<'_, RateLimit>, _: Timestamp) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    let headers = subjects(evidence, reading, |purpose| match purpose {
        Purpose::Forwarded(name) => Some(name.clone()),
        _ => None,
    });
    let severity = if check.guards_credentials() { Severity::Critical } else { Severity::High };
    judged(&headers, evidence, |header| {
        let saw = match evidence.mode {
            Mode::Exhaust => format!(
                "with another {header} a request is let through twice, while the same without it is refused"
            ),
            _ => format!(
                "with another {header} a request is counted anew ({})",
                values(evidence, reading, header)
            ),
        };
        Saw::new(saw, "the same bucket, whatever the header says").on(header).graded(severity)
    })
}

/// What was left around a header that is counted anew.
fn values(evidence: &Evidence, reading: &Reading, header: &str) -> String {
    let left: Vec<String> = reading
        .each(evidence)
        .filter(|(sample, _)| match &sample.purpose {
            Purpose::Forwarded(name) => name == header,
            Purpose::Control => true,
            _ => false,
        })
        .filter_map(|(sample, told)| {
            let with = if sample.is_plain() { "without" } else { "with" };
            Some(format!("{} left {with} it", amount(told.remaining?)))
        })
        .take(5)
        .collect();
    crate::text::list(&left)
}

pub(super) const VARIANT_ESCAPES: About = About {
    id: "rate_limit.variant-escapes",
    severity: Severity::High,
    title: "the same request written differently is not counted",
    why: "A slash or a capital letter more is all that it takes to go on beyond the limit.",
    fix: "Limit by the route that was matched instead of by the path as it was written, or normalise the path before the limiter.",
    references: &["CWE-178", "CWE-647"],
};

pub(super) fn variant_escapes(
    check: &RateLimit,
    seen: &Seen<'_, RateLimit>,
    _: Timestamp,
) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    let variants = subjects(evidence, reading, |purpose| match purpose {
        Purpose::Path(how) => Some(how.clone()),
        Purpose::Query => Some("query".to_owned()),
        Purpose::Method(method) => Some(format!("method-{}", method.to_ascii_lowercase())),
        _ => None,
    });
    let mut looked = judged(&variants, evidence, |variant| {
        let saw = format!("{variant}: answered like the request itself, and counted anew");
        Saw::new(saw, "the same bucket, however it is written").on(variant)
    });
    if let Some(counted) = preflight(evidence, reading) {
        let saw = "a preflight is counted like the request itself, which a browser pays for twice";
        let saw = Saw::new(saw, "preflights that are not counted").on(PREFLIGHT);
        looked.saw.extend(counted.then(|| saw.graded(Severity::Info)));
        looked.tested = match looked.tested {
            Tested::Only(subjects) => {
                Tested::Only(subjects.into_iter().chain([PREFLIGHT.to_owned()]).collect())
            }
            Tested::All => Tested::All,
            Tested::No(_) => Tested::Only(vec![PREFLIGHT.to_owned()]),
        };
    }
    looked
}

const PREFLIGHT: &str = "preflight";

/// Whether preflights are counted, where the service answers them.
fn preflight(evidence: &Evidence, reading: &Reading) -> Option<bool> {
    let answered = evidence.samples.iter().any(|sample| {
        sample.purpose == Purpose::Preflight
            && sample.header("access-control-allow-methods").is_some()
    });
    match isolation::of(&Purpose::Preflight, evidence, reading)? {
        Counted::Together => answered.then_some(true),
        Counted::Apart | Counted::Elsewhere => Some(false),
        Counted::Unknown => None,
    }
}

fn subjects(
    evidence: &Evidence,
    reading: &Reading,
    subject: fn(&Purpose) -> Option<String>,
) -> Vec<(String, Counted)> {
    isolation::variants(evidence, reading)
        .into_iter()
        .filter_map(|(purpose, counted)| Some((subject(&purpose)?, counted)))
        .collect()
}

/// Fires on what was counted apart; what could not be told stays as it was.
fn judged(
    subjects: &[(String, Counted)],
    evidence: &Evidence,
    saw: impl Fn(&str) -> Saw,
) -> Looked {
    let tested: Vec<String> = subjects
        .iter()
        .filter(|(_, counted)| *counted != Counted::Unknown)
        .map(|(subject, _)| subject.clone())
        .collect();
    if tested.is_empty() {
        let why = match (evidence.mode, subjects.is_empty()) {
            (Mode::Headers, _) => "`mode: headers` sends nothing but the request itself",
            (_, true) => "no variant had its turn in this run",
            (_, false) => "how the variants were counted could not be told",
        };
        return Looked::untested(why);
    }
    let apart = subjects.iter().filter(|(_, counted)| *counted == Counted::Apart);
    Looked { saw: apart.map(|(subject, _)| saw(subject)).collect(), tested: Tested::Only(tested) }
}

pub(super) const INSTANCES_SEPARATE: About = About {
    id: "rate_limit.instances-separate",
    severity: Severity::Medium,
    title: "instances count separately",
    why: "The limit is multiplied by the number of instances and grows whenever the service is scaled.",
    fix: "Count in a store that all instances share, such as Redis; or divide the limit by their number.",
    references: &[],
};

pub(super) fn instances_separate(
    check: &RateLimit,
    seen: &Seen<'_, RateLimit>,
    _: Timestamp,
) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    match isolation::lanes(evidence, reading) {
        None => Looked::untested("no answers in a row say how much is left"),
        Some(1) if evidence.mode == Mode::Headers => {
            Looked::untested("two requests are too few to meet another instance")
        }
        Some(1) => Looked::silent(),
        Some(lanes) => Looked::fired(Saw::new(
            format!("{lanes} counters take turns ({})", show::work(evidence, reading)),
            "one counter",
        )),
    }
}

pub(super) const ADDRESS_FAMILIES_SEPARATE: About = About {
    id: "rate_limit.address-families-separate",
    severity: Severity::Low,
    title: "IPv4 and IPv6 are counted separately",
    why: "A client that has both has twice the limit.",
    fix: "That can hardly be helped for addresses; where it matters, count by user or key as well, and IPv6 by its /64.",
    references: &["RFC 6177"],
};

pub(super) fn address_families_separate(
    check: &RateLimit,
    seen: &Seen<'_, RateLimit>,
    _: Timestamp,
) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    match isolation::of(&Purpose::OtherFamily, evidence, reading) {
        None => {
            Looked::untested("the host has no addresses of both families, or it was not their turn")
        }
        Some(Counted::Apart) => Looked::fired(Saw::new("a bucket for each", "one for both")),
        Some(Counted::Together) => Looked::silent(),
        Some(_) => Looked::untested("how the other family was counted could not be told"),
    }
}
