//! Evidence of a sound service, to be spoilt one fact at a time.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::contract::{Kind, Probe, Seen};
use crate::judgement::Judgement;
use crate::measurement::Measurement;
use crate::testing;
use crate::tls::{Evidence, Tls};

/// The day of every table: a third of the sample's life is over.
pub(super) const NOW: &str = "2026-11-01T00:00:00Z";

pub(super) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// So many seconds from now.
pub(super) fn at(seconds: i64) -> String {
    (now() + jiff::SignedDuration::from_secs(seconds)).to_string()
}

pub(super) const DAY: i64 = 86_400;

pub(super) fn leaf() -> Value {
    json!({
        "subject": "CN=shop.example", "issuer": "CN=Issuing CA", "serial": "0a", "fingerprint": "f1",
        "not_before": at(-30 * DAY), "not_after": at(60 * DAY), "names": ["shop.example"],
        "key": {"kind": "ecdsa", "bits": 256, "curve": "secp256r1"},
        "signature": "ecdsa-with-SHA256", "may_sign": true, "purposes": ["serverAuth"],
        "timestamps": 2, "issued_by": 1,
    })
}

pub(super) fn intermediate() -> Value {
    json!({
        "subject": "CN=Issuing CA", "issuer": "CN=Root", "serial": "0b", "fingerprint": "f2",
        "not_before": at(-300 * DAY), "not_after": at(600 * DAY),
        "key": {"kind": "rsa", "bits": 2048}, "signature": "sha256WithRSAEncryption",
        "is_authority": true, "under_public_root": true,
    })
}

fn offered(ask: &Value, version: &str, suite: &str) -> Value {
    let chosen =
        json!({"suite": suite, "renegotiation_info": true, "extended_master_secret": true});
    json!({"ask": ask, "version": version, "answer": {"offered": chosen}})
}

fn refused(ask: &Value, version: &str) -> Value {
    json!({"ask": ask, "version": version, "answer": {"refused": "the alert handshake_failure"}})
}

pub(super) fn survey() -> Value {
    let sound = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    let mut attempts = vec![
        offered(&json!({"version": "TLS 1.3"}), "TLS 1.3", "TLS_AES_128_GCM_SHA256"),
        offered(&json!({"version": "TLS 1.2"}), "TLS 1.2", sound),
    ];
    for version in ["TLS 1.1", "TLS 1.0", "SSLv3", "SSLv2"] {
        attempts.push(refused(&json!({"version": version}), version));
    }
    for group in [0x11EC, 0x1D, 0x17] {
        let ask = json!({"group": group});
        attempts.push(offered(&ask, "TLS 1.3", "TLS_AES_128_GCM_SHA256"));
    }
    for class in ["unprotected", "export", "rc4", "block64", "cbc", "static_rsa"] {
        attempts.push(refused(&json!({"class": class}), "TLS 1.2"));
    }
    attempts.push(refused(&json!("dhe"), "TLS 1.2"));
    attempts.push(refused(&json!("compression"), "TLS 1.2"));
    json!({"attempts": attempts, "connections": 17})
}

pub(super) fn look() -> Value {
    json!({
        "connection": {
            "phases": {}, "addresses": ["192.0.2.1"], "peer": "192.0.2.1:443",
            "tls": {
                "server_name": "shop.example", "version": "TLS 1.3",
                "cipher": "TLS_AES_128_GCM_SHA256", "group": "X25519MLKEM768", "chain": [],
            },
        },
        "chain": [leaf(), intermediate()], "sent": 2, "verified": true,
    })
}

/// A service that nothing is wrong with.
pub(super) fn sound() -> Value {
    json!({
        "at": NOW, "port": 443, "server_name": "shop.example", "looks": [look()],
        "survey": {"done": survey()},
    })
}

/// The same after a change.
pub(super) fn but(change: impl FnOnce(&mut Value)) -> Value {
    let mut evidence = sound();
    change(&mut evidence);
    evidence
}

/// Sets what a JSON pointer names, making it where it is not there.
pub(super) fn set(evidence: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = evidence.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    match parent {
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        other => other[key] = value,
    }
}

/// The sound service with one fact changed.
pub(super) fn with(pointer: &str, value: Value) -> Value {
    but(|evidence| set(evidence, pointer, value))
}

/// Replaces the answer to a question of the survey.
pub(super) fn answering(evidence: &mut Value, ask: &Value, answer: Value) {
    let attempts = evidence.pointer_mut("/survey/done/attempts").unwrap().as_array_mut().unwrap();
    let attempt = attempts.iter_mut().find(|attempt| attempt["ask"] == *ask);
    attempt.unwrap_or_else(|| panic!("{ask} was not asked"))["answer"] = answer;
}

pub(super) fn judge(settings: &str, evidence: &Value) -> Judgement {
    let probe = testing::probe::<Tls>(settings);
    let evidence: Evidence = serde_json::from_value(evidence.clone()).unwrap();
    let again = serde_json::to_value(&evidence).unwrap();
    let evidence: Evidence = serde_json::from_value(again).unwrap();
    Kind::judge(&probe, &Seen { now: &evidence, earlier: &[] }, now())
}

/// What fires: rule, subject where there is one, severity; less what is only for information.
pub(super) fn findings(settings: &str, evidence: &Value) -> Vec<String> {
    judge(settings, evidence)
        .findings
        .iter()
        .filter(|finding| finding.about.id != "tls.profile-missed")
        .map(|finding| {
            let id = finding.about.id.strip_prefix("tls.").unwrap();
            let subject = &finding.subject;
            format!("{id} [{subject}] {}", finding.severity)
        })
        .collect()
}

/// Why a rule did not look; `None` when it did.
pub(super) fn untested(evidence: &Value, rule: &str) -> Option<String> {
    let judgement = judge("{}", evidence);
    let id = format!("tls.{rule}");
    let found = judgement.untested().find(|(about, _)| about.id == id);
    found.map(|(_, why)| why.to_owned())
}

pub(super) fn measured(evidence: &Value) -> Vec<Measurement> {
    let probe = testing::probe::<Tls>("{}");
    let evidence = Probe::parse(&probe, evidence.clone()).unwrap();
    Probe::measure(&probe, &evidence)
}
