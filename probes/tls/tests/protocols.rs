//! Rules of protocols and ciphers: offered, refused, and what nobody can tell.

use serde_json::{Value, json};

use super::samples::{answering, but, findings, judge, measured, set, sound, untested, with};

fn version(name: &str) -> Value {
    json!({"version": name})
}

fn class(name: &str) -> Value {
    json!({"class": name})
}

fn offer(suite: &str) -> Value {
    json!({"offered": {"suite": suite, "renegotiation_info": true}})
}

fn asked(ask: &Value, answer: Value) -> Value {
    but(|evidence| answering(evidence, ask, answer))
}

#[test]
fn old_versions_are_found_one_by_one_and_may_be_declared() {
    let rsa = "TLS_RSA_WITH_AES_128_CBC_SHA";
    let cases = [
        ("SSLv2", "{}", Some("high")),
        ("SSLv3", "{}", Some("high")),
        ("TLS 1.0", "{}", Some("high")),
        ("TLS 1.1", "{}", Some("high")),
        ("TLS 1.0", r#"{"min_version": 1.0}"#, Some("medium")),
        ("TLS 1.1", r#"{"min_version": "1.1"}"#, Some("medium")),
        ("TLS 1.0", r#"{"min_version": "1.1"}"#, Some("high")),
        ("SSLv3", r#"{"min_version": 1.0}"#, Some("high")),
        ("TLS 1.2", "{}", None),
        ("TLS 1.2", r#"{"min_version": 1.3}"#, Some("high")),
    ];
    for (name, settings, severity) in cases {
        let evidence = asked(&version(name), offer(if name == "SSLv2" { "" } else { rsa }));
        let found: Vec<_> = findings(settings, &evidence)
            .into_iter()
            .filter(|finding| finding.contains(&format!("[{name}]")))
            .collect();
        let expected = severity.map(|level| format!("protocol-obsolete [{name}] {level}"));
        assert_eq!(found, expected.as_slice(), "{name} {settings}");
    }
}

#[test]
fn a_server_without_the_newest_version_is_told_so() {
    let evidence = but(|evidence| {
        answering(evidence, &version("TLS 1.3"), json!({"refused": "it answered with TLS 1.2"}));
        set(evidence, "/looks/0/connection/tls/version", json!("TLS 1.2"));
    });
    assert_eq!(findings("{}", &evidence), ["protocol-obsolete [TLS 1.3] low"]);
}

#[test]
fn silence_is_neither_yes_nor_no() {
    let evidence = asked(&version("TLS 1.0"), json!({"undetermined": "no answer within 10 s"}));
    assert_eq!(findings("{}", &evidence), ["undetermined [TLS 1.0] low"]);
    let judgement = judge("{}", &evidence);
    let obsolete = judgement.tested.iter().find(|(about, _)| about.id == "tls.protocol-obsolete");
    let crate::rule::Tested::Only(subjects) = &obsolete.unwrap().1 else { panic!("all or none") };
    assert!(!subjects.contains(&"TLS 1.0".to_owned()) && subjects.len() == 5, "{subjects:?}");
    let offered: Vec<_> = measured(&evidence)
        .into_iter()
        .filter(|one| one.family.name == "musterd_tls_protocol_offered")
        .map(|one| one.labels[0].clone())
        .collect();
    assert!(!offered.contains(&"TLS 1.0".to_owned()), "{offered:?}");
}

#[test]
fn weak_suites_are_graded_by_kind_and_by_what_stands_beside_them() {
    for (name, suite, subject, severity) in [
        ("unprotected", "TLS_DH_anon_WITH_AES_128_CBC_SHA", "NULL or anonymous", "high"),
        ("unprotected", "TLS_RSA_WITH_NULL_SHA256", "NULL or anonymous", "high"),
        ("export", "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "export, DES or RC2", "high"),
        ("export", "TLS_RSA_WITH_DES_CBC_SHA", "export, DES or RC2", "high"),
        ("rc4", "TLS_RSA_WITH_RC4_128_SHA", "RC4", "high"),
        ("block64", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "64-bit blocks", "medium"),
        ("cbc", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "CBC", "info"),
        ("static_rsa", "TLS_RSA_WITH_AES_128_GCM_SHA256", "RSA key exchange", "low"),
    ] {
        let found = findings("{}", &asked(&class(name), offer(suite)));
        assert_eq!(found, [format!("cipher-weak [{subject}] {severity}")], "{suite}");
    }
}

/// A server of TLS 1.2 with RSA and CBC alone.
fn last_century() -> Value {
    but(|evidence| {
        let suite = "TLS_RSA_WITH_AES_128_CBC_SHA";
        answering(evidence, &version("TLS 1.3"), json!({"refused": "the alert protocol_version"}));
        answering(evidence, &version("TLS 1.2"), offer(suite));
        answering(evidence, &class("static_rsa"), offer(suite));
        let attempts = evidence.pointer_mut("/survey/done/attempts").unwrap();
        let attempts = attempts.as_array_mut().unwrap();
        attempts.retain(|attempt| attempt["ask"].get("group").is_none());
        for ask in ["forward_secret", "aead"] {
            let answer = json!({"refused": "the alert handshake_failure"});
            attempts.push(json!({"ask": ask, "version": "TLS 1.2", "answer": answer}));
        }
        let failure = json!({"phase": "tls", "kind": "tls_alert", "detail": "HandshakeFailure"});
        set(evidence, "/looks/0/failure", failure);
        set(evidence, "/looks/0/connection/tls", Value::Null);
    })
}

#[test]
fn without_forward_secrecy_the_past_is_open() {
    let expected = [
        "handshake-refused [] high",
        "protocol-obsolete [TLS 1.3] low",
        "cipher-weak [RSA key exchange] medium",
        "forward-secrecy-missing [] high",
    ];
    assert_eq!(findings("{}", &last_century()), expected);
}

#[test]
fn small_groups_are_graded_by_size_and_by_who_shares_them() {
    let dhe = "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256";
    for (bits, common, severity) in [
        (768, false, Some("high")),
        (1024, false, Some("medium")),
        (1024, true, Some("high")),
        (2048, false, None),
        (4096, false, None),
    ] {
        let chosen = json!({"suite": dhe, "prime_bits": bits, "prime_common": common});
        let evidence = asked(&json!("dhe"), json!({"offered": chosen}));
        let expected = severity.map(|level| format!("dh-weak [] {level}"));
        assert_eq!(findings("{}", &evidence), expected.as_slice(), "{bits} {common}");
    }
    let hidden = asked(&json!("dhe"), offer(dhe));
    assert_eq!(untested(&hidden, "dh-weak").unwrap(), "the server did not show its group");
}

#[test]
fn compression_and_old_renegotiation_are_found() {
    let suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    let squeezed =
        asked(&json!("compression"), json!({"offered": {"suite": suite, "compressed": true}}));
    assert_eq!(findings("{}", &squeezed), ["compression [] high"]);
    let unbound = asked(&version("TLS 1.2"), json!({"offered": {"suite": suite}}));
    assert_eq!(findings("{}", &unbound), ["renegotiation-insecure [] high"]);
}

#[test]
fn a_server_of_tls_1_3_alone_has_none_of_the_old_faults() {
    let evidence = but(|evidence| {
        answering(evidence, &version("TLS 1.2"), json!({"refused": "the alert protocol_version"}));
        let attempts = evidence.pointer_mut("/survey/done/attempts").unwrap();
        attempts.as_array_mut().unwrap().truncate(9);
    });
    assert_eq!(findings(r#"{"min_version": 1.3}"#, &evidence), [""; 0]);
    for rule in ["dh-weak", "compression", "renegotiation-insecure", "forward-secrecy-missing"] {
        assert_eq!(untested(&evidence, rule), None, "{rule}");
    }
}

#[test]
fn what_only_passive_work_cannot_tell_is_untested_and_opens_nothing() {
    let evidence = with("/survey", json!({"no": "only passive work is allowed here"}));
    assert_eq!(findings("{}", &evidence), [""; 0]);
    for rule in ["cipher-weak", "dh-weak", "compression", "renegotiation-insecure"] {
        assert_eq!(untested(&evidence, rule).unwrap(), "only passive work is allowed here");
    }
    // An ordinary handshake settles these alone.
    assert_eq!(untested(&evidence, "forward-secrecy-missing"), None);
}

#[test]
fn a_listing_names_the_suites_and_what_cut_it_short() {
    let listing = |cut: Value| {
        but(|evidence| {
            let suites = [
                "TLS_RSA_WITH_RC4_128_SHA",
                "TLS_RSA_WITH_RC4_128_MD5",
                "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
            ];
            let listing = json!({"TLS 1.2": {"suites": suites, "cut": cut}});
            set(evidence, "/survey/done/listings", listing);
        })
    };
    let expected = ["cipher-weak [RC4] high", "cipher-weak [CCM_8] low"];
    assert_eq!(findings("{}", &listing(Value::Null)), expected);
    let cut = findings("{}", &listing(json!("one run asks at most 400 times")));
    assert_eq!(cut[2], "undetermined [suites of TLS 1.2] low");
}

#[test]
fn a_survey_that_ended_early_says_so() {
    let evidence = with("/survey/done/stopped", json!("3 hellos in a row were not answered"));
    assert_eq!(findings("{}", &evidence), ["undetermined [survey] low"]);
}

#[test]
fn a_profile_is_for_information_until_it_is_chosen() {
    let missed = |settings: &str, evidence: &Value| {
        let found = judge(settings, evidence).findings;
        let found = found.into_iter().filter(|finding| finding.about.id == "tls.profile-missed");
        found
            .map(|one| format!("{} {}: {}", one.subject, one.severity, one.saw))
            .collect::<Vec<_>>()
    };
    assert_eq!(missed("{}", &sound()), [""; 0]);
    let modern = missed(r#"{"profile": "modern"}"#, &sound());
    assert_eq!(modern.len(), 2, "{modern:?}");
    assert_eq!(modern[0], "protocols low: TLS 1.2 is spoken");
    assert!(modern[1].starts_with("suites low: TLS_ECDHE_ECDSA"), "{modern:?}");
    let group = asked(&json!({"group": 0x11EC}), json!({"refused": "the alert"}));
    assert_eq!(missed("{}", &group), ["groups info: without X25519MLKEM768"]);
    assert_eq!(judge("{}", &group).verdict(), crate::severity::Verdict::Pass);
}
