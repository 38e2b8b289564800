//! Tables of rules, and whole runs against servers that listen.

mod live;
mod plan;
mod rules;
mod settings;

use jiff::Timestamp;

use super::Webhook;
use super::case::Case;
use super::evidence::{Evidence, Signing, Trial};
use super::reply;
use crate::contract::Probe;
use crate::net::body::{Body, Bytes};
use crate::net::connection::Connection;
use crate::net::exchange::{Answer, Exchange};
use crate::net::failure::{Failure, FailureKind};
use crate::net::phase::Phase;
use crate::rule::Tested;
use crate::severity::Severity;
use crate::testing;

/// An answer: status, body, headers.
type Said<'a> = (u16, &'a str, &'a [(&'a str, &'a str)]);

/// Where nothing is.
pub(super) const NOTHING: Said<'static> = (404, "Cannot POST", &[]);
pub(super) const REFUSED: Said<'static> = (400, "Invalid signature", &[]);
pub(super) const TAKEN: Said<'static> = (200, r#"{"received":true}"#, &[]);

/// A request and its answer, read as in a run. Status 0 is a reset.
pub(super) fn trial(case: Case, (status, body, headers): Said<'_>) -> Trial {
    let url = "https://shop.example/hook".parse().unwrap();
    let answer = (status > 0).then(|| Answer {
        version: "1.1".to_owned(),
        status,
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        body: Body { bytes: Bytes(body.into()), length: body.len(), ..Body::default() },
        trailers: Vec::new(),
    });
    let failure = answer.is_none().then(|| {
        Failure::new(Phase::Processing, FailureKind::Reset, "connection reset by the peer")
    });
    let exchange = Exchange {
        method: "POST".to_owned(),
        url: "https://shop.example/hook".to_owned(),
        connection: Connection::default(),
        answer,
        failure,
    };
    Trial { case, reply: reply::of(&exchange, case, &url, &url, Timestamp::UNIX_EPOCH) }
}

/// A run that meant to try what it tried, and could sign.
pub(super) fn seen(trials: &[(Case, Said<'_>)]) -> Evidence {
    let trials: Vec<Trial> = trials.iter().map(|(case, said)| trial(*case, *said)).collect();
    let mut planned: Vec<Case> = Vec::new();
    for case in trials.iter().map(|trial| trial.case) {
        if !(case.is_control() || case == Case::Sibling || planned.contains(&case)) {
            planned.push(case);
        }
    }
    Evidence {
        signing: Signing::Ready,
        withheld: None,
        deep: true,
        planned,
        refuting: None,
        genuine: None,
        trials,
    }
}

/// What is found: rule, subject, severity.
pub(super) fn found(settings: &str, seen: &Evidence) -> Vec<(String, Severity)> {
    let probe: Webhook = testing::probe(settings);
    let evidence = Probe::parse(&probe, serde_json::to_value(seen).unwrap()).unwrap();
    let judgement = Probe::judge(&probe, &evidence, &[], Timestamp::UNIX_EPOCH);
    judgement
        .findings
        .iter()
        .map(|finding| {
            let id = format!("{} {}", finding.about.id, finding.subject).trim().to_owned();
            (id.trim_start_matches("webhook.").to_owned(), finding.severity)
        })
        .collect()
}

/// What a rule says: what was there.
pub(super) fn words(settings: &str, seen: &Evidence, rule: &str) -> String {
    let probe: Webhook = testing::probe(settings);
    let evidence = Probe::parse(&probe, serde_json::to_value(seen).unwrap()).unwrap();
    let judgement = Probe::judge(&probe, &evidence, &[], Timestamp::UNIX_EPOCH);
    let said = judgement.findings.iter().find(|finding| finding.about.id == rule);
    let untested = judgement.untested().find(|(about, _)| about.id == rule);
    said.map(|finding| finding.saw.clone())
        .or_else(|| untested.map(|(_, why)| format!("untested: {why}")))
        .unwrap_or_else(|| "silent".to_owned())
}

/// The subjects that a rule looked at.
pub(super) fn tested(settings: &str, seen: &Evidence, rule: &str) -> Vec<String> {
    let probe: Webhook = testing::probe(settings);
    let evidence = Probe::parse(&probe, serde_json::to_value(seen).unwrap()).unwrap();
    let judgement = Probe::judge(&probe, &evidence, &[], Timestamp::UNIX_EPOCH);
    let of_rule = judgement.tested.into_iter().find(|(about, _)| about.id == rule);
    match of_rule {
        Some((_, Tested::Only(subjects))) => subjects,
        other => panic!("{other:?}"),
    }
}
