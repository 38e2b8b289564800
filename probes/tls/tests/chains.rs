//! Rules of reach, trust and order: who vouches for whom, and in which words it is told.

use serde_json::{Value, json};

use super::samples::{
    DAY, at, but, findings, intermediate, judge, leaf, look, set, sound, untested, with,
};

type Change = fn(&mut Value);

const LEAF: &str = "CN=shop.example";

fn assert_fires(evidence: &Value, expected: &[&str]) {
    assert_eq!(findings("{}", evidence), expected, "{evidence:#}");
}

fn distrusted(kind: &str) -> Value {
    json!({"kind": kind, "detail": "it does not verify"})
}

#[test]
fn names_are_matched_as_clients_match_them() {
    let cases: &[(&str, &[&str], bool)] = &[
        ("shop.example", &["SHOP.example"], true),
        ("www.shop.example", &["*.shop.example"], true),
        ("shop.example", &["*.shop.example"], false),
        ("a.b.shop.example", &["*.shop.example"], false),
        ("shop.example", &["*.example"], false),
        ("xn--mnchen-3ya.example", &["xn--mnchen-3ya.example"], true),
        ("xn--mnchen-3ya.example", &["münchen.example"], false),
        ("192.0.2.1", &["192.0.2.1"], true),
        ("192.0.2.1", &["*.0.2.1"], false),
        ("2001:db8::1", &["2001:db8:0::1"], true),
        ("shop.example", &[], false),
    ];
    for (name, names, matches) in cases {
        // Another fault came first, so the names have to be matched here.
        let evidence = but(|evidence| {
            set(evidence, "/server_name", json!(name));
            set(evidence, "/looks/0/chain/0/names", json!(names));
            set(evidence, "/looks/0/distrust", distrusted("unknown_issuer"));
        });
        let found = findings("{}", &evidence).contains(&format!("host-mismatch [{LEAF}] high"));
        assert_eq!(found, !matches, "{name} {names:?}");
    }
    // What verifies is never doubted, and what the verifier says is believed.
    assert_fires(&with("/looks/0/chain/0/names", json!([])), &[]);
    let told = with("/looks/0/distrust", distrusted("host_mismatch"));
    assert_fires(&told, &["host-mismatch [CN=shop.example] high"]);
}

#[test]
fn reasons_for_distrust_are_told_apart() {
    let alone = |change: fn(&mut Value)| {
        but(|evidence| {
            set(evidence, "/looks/0/chain", json!([leaf()]));
            set(evidence, "/looks/0/sent", json!(1));
            set(evidence, "/looks/0/chain/0/issued_by", Value::Null);
            set(evidence, "/looks/0/distrust", distrusted("unknown_issuer"));
            change(evidence);
        })
    };
    let fetchable = alone(|e| {
        set(e, "/looks/0/chain/0/issuer_urls", json!(["http://ca.example/issuing.crt"]));
    });
    assert_fires(&fetchable, &["chain-incomplete [CN=shop.example] high"]);
    let private = alone(|e| set(e, "/own_authority", json!(true)));
    assert_fires(&private, &["chain-incomplete [CN=shop.example] high"]);
    assert_fires(&alone(|_| ()), &["untrusted [CN=shop.example] high"]);
    let own = alone(|e| {
        set(e, "/looks/0/chain/0/self_signed", json!(true));
        set(e, "/looks/0/chain/0/self_issued", json!(true));
    });
    assert_fires(&own, &["self-signed [CN=shop.example] high"]);
    // `openssl req -x509` makes authorities, which fail for another reason.
    let authority = alone(|e| {
        set(e, "/looks/0/chain/0/self_signed", json!(true));
        set(e, "/looks/0/chain/0/self_issued", json!(true));
        set(e, "/looks/0/chain/0/is_authority", json!(true));
        set(e, "/looks/0/distrust", distrusted("other"));
    });
    assert_fires(&authority, &["self-signed [CN=shop.example] high"]);
    // An intermediate was sent, and its root is nobody's.
    let stranger = with("/looks/0/distrust", distrusted("unknown_issuer"));
    assert_fires(&stranger, &["untrusted [CN=shop.example] high"]);
    let unexplained = with("/looks/0/distrust", distrusted("other"));
    assert_fires(&unexplained, &["untrusted [CN=shop.example] high"]);
}

#[test]
fn a_chain_that_nobody_verified_is_neither_trusted_nor_distrusted() {
    let old = |own: bool| {
        but(|evidence| {
            let failure = json!({"phase": "tls", "kind": "tls_alert", "detail": "it failed"});
            set(evidence, "/looks/0/failure", failure);
            set(evidence, "/looks/0/verified", json!(false));
            set(evidence, "/looks/0/chain/0/self_signed", json!(own));
        })
    };
    assert_fires(&old(false), &["handshake-refused [] high"]);
    for rule in ["self-signed", "untrusted", "chain-incomplete"] {
        assert!(untested(&old(false), rule).unwrap().contains("verified"), "{rule}");
    }
    let expected = ["handshake-refused [] high", "self-signed [CN=shop.example] high"];
    assert_fires(&old(true), &expected);
}

#[test]
fn what_is_sent_beside_the_certificate_has_an_order() {
    let root = json!({
        "subject": "CN=Root", "issuer": "CN=Root", "serial": "0c", "fingerprint": "f3",
        "not_before": at(-3000 * DAY), "not_after": at(3000 * DAY), "self_issued": true,
        "key": {"kind": "rsa", "bits": 4096}, "signature": "sha1WithRSAEncryption",
        "is_authority": true, "self_signed": true, "under_public_root": true,
    });
    let above = |mut certificate: Value, issuer: usize| {
        certificate["issued_by"] = json!(issuer);
        certificate
    };
    let mut stranger = root.clone();
    stranger["subject"] = json!("CN=Stranger");
    stranger["issuer"] = json!("CN=Stranger");
    stranger["fingerprint"] = json!("f9");
    let mut crossed = intermediate();
    crossed["fingerprint"] = json!("f8");
    crossed["issuer"] = json!("CN=Old Root");
    for (chain, expected) in [
        (vec![leaf(), intermediate()], None),
        (vec![leaf(), above(intermediate(), 2), root.clone()], Some("info")),
        (vec![above(leaf(), 2), root.clone(), above(intermediate(), 1)], Some("medium")),
        (vec![leaf(), intermediate(), stranger], Some("low")),
        (vec![leaf(), intermediate(), intermediate()], Some("low")),
        (vec![leaf(), intermediate(), crossed], None),
    ] {
        let evidence = with("/looks/0/chain", json!(chain));
        let expected = expected.map(|level| format!("chain-order [{LEAF}] {level}"));
        assert_eq!(findings("{}", &evidence), expected.as_slice(), "{chain:#?}");
    }
}

#[test]
fn an_authority_that_ends_first_is_found_before_it_ends() {
    for (left, trusted_above, expected) in
        [(600, true, None), (20, false, Some("medium")), (50, false, Some("medium"))]
    {
        let evidence = but(|evidence| {
            set(evidence, "/looks/0/chain/1/not_after", json!(at(left * DAY)));
            set(evidence, "/looks/0/chain/0/under_public_root", json!(trusted_above));
        });
        let expected =
            expected.map(|level| format!("intermediate-expires-soon [CN=Issuing CA] {level}"));
        assert_eq!(findings("{}", &evidence), expected.as_slice(), "{left}");
    }
    // A cross-signature that ended while another way is open is no outage.
    let crossed = with("/looks/0/chain/1/not_after", json!(at(-DAY)));
    assert_fires(&crossed, &["intermediate-expires-soon [CN=Issuing CA] info"]);
    // Another certificate of the same authority, which was sent too, goes on for longer.
    for (left, expected) in
        [(600, None), (25, Some("intermediate-expires-soon [CN=Issuing CA] medium"))]
    {
        let beside = but(|evidence| {
            let mut other = intermediate();
            other["fingerprint"] = json!("f3");
            other["not_after"] = json!(at(left * DAY));
            evidence["looks"][0]["chain"].as_array_mut().unwrap().push(other);
            set(evidence, "/looks/0/chain/1/not_after", json!(at(20 * DAY)));
            set(evidence, "/looks/0/chain/1/under_public_root", json!(false));
        });
        assert_eq!(findings("{}", &beside), Vec::from_iter(expected), "{left}");
    }
    for (left, expected) in [
        (600, None),
        (20, Some("intermediate-expires-soon [CN=Own Root] medium")),
        (-1, Some("expired [CN=Own Root] high")),
    ] {
        let own = but(|evidence| {
            let mut root = intermediate();
            root["subject"] = json!("CN=Own Root");
            root["fingerprint"] = json!("f4");
            root["not_after"] = json!(at(left * DAY));
            set(evidence, "/looks/0/root", root);
        });
        assert_eq!(findings("{}", &own), Vec::from_iter(expected), "{left}");
    }
    let ended = but(|evidence| {
        set(evidence, "/looks/0/chain/1/not_after", json!(at(-DAY)));
        set(evidence, "/looks/0/distrust", distrusted("expired"));
    });
    assert_fires(&ended, &["expired [CN=Issuing CA] critical"]);
}

#[test]
fn addresses_are_held_against_the_first() {
    let second = |change: fn(&mut Value)| {
        but(|evidence| {
            let mut other = look();
            set(&mut other, "/connection/peer", json!("192.0.2.2:443"));
            change(&mut other);
            evidence["looks"].as_array_mut().unwrap().push(other);
        })
    };
    let cases: [(Change, Option<&str>); 5] = [
        (|_| (), None),
        (|look| set(look, "/chain/0/fingerprint", json!("ff")), Some("info")),
        (
            |look| {
                set(look, "/chain/0/fingerprint", json!("ff"));
                set(look, "/chain/0/not_after", json!(at(25 * DAY)));
                set(look, "/chain/0/not_before", json!(at(-20 * DAY)));
            },
            Some("medium"),
        ),
        (|look| set(look, "/connection/tls/version", json!("TLS 1.2")), Some("low")),
        (
            |look| {
                set(look, "/chain/0/fingerprint", json!("ff"));
                set(look, "/chain/0/names", json!(["shop.example", "old.example"]));
            },
            Some("medium"),
        ),
    ];
    for (change, expected) in cases {
        let found = findings(r#"{"addresses": "all"}"#, &second(change));
        let expected = expected.map(|level| format!("addresses-differ [192.0.2.2] {level}"));
        assert_eq!(found, expected.as_slice());
    }
    // Behind a proxy nobody knows how many addresses there are.
    let proxied = with("/looks/0/connection/addresses", json!([]));
    let judgement = judge(r#"{"addresses": "all"}"#, &proxied);
    let mut untested = judgement.untested().map(|(about, why)| (about.id, why));
    let why = untested.find(|(id, _)| *id == "tls.addresses-differ");
    assert_eq!(why, Some(("tls.addresses-differ", "the proxy chooses the address")));
    let down = but(|evidence| {
        let failure = json!({"phase": "connect", "kind": "refused", "detail": "refused"});
        let peer = json!({"phases": {}, "peer": "192.0.2.2:443"});
        let other = json!({"connection": peer, "failure": failure});
        evidence["looks"].as_array_mut().unwrap().push(other);
    });
    let expected = ["unreachable [192.0.2.2] critical", "addresses-differ [192.0.2.2] medium"];
    assert_eq!(findings(r#"{"addresses": "all"}"#, &down), expected);
}

#[test]
fn a_server_that_declines_is_a_finding_of_its_own() {
    let evidence = but(|evidence| {
        let look = json!({"connection": {"phases": {}}, "declined": "502 no"});
        set(evidence, "/looks/0", look);
        set(evidence, "/starttls", json!("smtp"));
        set(evidence, "/survey", json!({"no": "there is no TLS to ask"}));
    });
    assert_fires(&evidence, &["starttls-missing [] high"]);
    assert_eq!(untested(&sound(), "starttls-missing"), None);
}

#[test]
fn each_failure_is_one_finding() {
    for (phase, kind, rule) in [
        ("resolve", "name_unknown", "unreachable [] critical"),
        ("connect", "refused", "unreachable [] critical"),
        ("connect", "reset", "unreachable [] critical"),
        ("connect", "timeout", "timeout [] critical"),
        ("tls", "timeout", "timeout [] critical"),
        ("processing", "closed", "unreachable [] critical"),
        ("tls", "not_tls", "not-tls [] high"),
        ("tls", "tls_alert", "handshake-refused [] high"),
        ("tls", "reset", "handshake-refused [] high"),
        ("tls", "closed", "handshake-refused [] high"),
        ("tls", "tls_fault", "handshake-refused [] high"),
        ("tls", "untrusted", "untrusted [] high"),
    ] {
        let evidence = but(|evidence| {
            let failure = json!({"phase": phase, "kind": kind, "detail": "it failed"});
            set(evidence, "/looks/0", json!({"connection": {"phases": {}}, "failure": failure}));
            set(evidence, "/survey", json!({"no": "there is no TLS to ask"}));
        });
        assert_fires(&evidence, &[rule]);
    }
}
