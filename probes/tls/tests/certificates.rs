//! Rules of the certificate and its chain: each fires on its case, and on its case alone.

use serde_json::{Value, json};

use super::samples::{
    DAY, at, but, findings, intermediate, judge, measured, set, sound, untested, with,
};

const LEAF: &str = "CN=shop.example";

fn assert_fires(evidence: &Value, expected: &[&str]) {
    assert_eq!(findings("{}", evidence), expected, "{evidence:#}");
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_fires(&sound(), &[]);
    let judgement = judge("{}", &sound());
    let untested: Vec<_> = judgement.untested().map(|(about, _)| about.id).collect();
    assert_eq!(
        untested,
        ["tls.revoked", "tls.caa-excludes-issuer", "tls.addresses-differ", "tls.clock-skewed"]
    );
}

#[test]
fn life_is_judged_by_its_length_and_short_ones_do_not_cry_wolf() {
    // Days of life, days left, what is to be said.
    for (life, left, severity) in [
        (90.0, 31.0, None),
        (90.0, 29.0, Some("medium")),
        (90.0, 16.0, Some("medium")),
        (90.0, 14.0, Some("high")),
        (398.0, 140.0, None),
        (398.0, 100.0, Some("medium")),
        (398.0, 60.0, Some("high")),
        (3650.0, 600.0, None),
        (3650.0, 120.0, Some("medium")),
        (3650.0, 60.0, Some("high")),
        (47.0, 16.0, None),
        (47.0, 15.0, Some("medium")),
        (47.0, 7.0, Some("high")),
        (45.0, 15.5, None),
        (30.0, 10.5, None),
        (30.0, 6.5, Some("high")),
        (12.0, 4.5, None),
        (12.0, 3.0, Some("medium")),
        (12.0, 1.9, Some("high")),
        (6.7, 3.0, None),
        (6.7, 1.2, None),
        (6.7, 0.9, Some("high")),
        (2.0, 0.5, None),
        (2.0, 0.3, Some("high")),
        (1.0, 0.1, None),
    ] {
        let seconds = |days: f64| jiff::SignedDuration::from_secs_f64(days * 86_400.0).as_secs();
        let evidence = but(|evidence| {
            set(evidence, "/looks/0/chain/0/not_before", json!(at(seconds(left - life))));
            set(evidence, "/looks/0/chain/0/not_after", json!(at(seconds(left))));
            set(evidence, "/looks/0/chain/0/timestamps", json!(3));
            set(evidence, "/looks/0/chain/1/under_public_root", json!(false));
        });
        let expected = severity.map(|level| format!("expires-soon [{LEAF}] {level}"));
        assert_eq!(findings("{}", &evidence), expected.as_slice(), "{left} of {life} days");
    }
}

fn distrusted(kind: &str) -> Value {
    json!({"kind": kind, "detail": "it does not verify"})
}

#[test]
fn an_end_and_a_beginning_are_told_apart() {
    let expired = but(|evidence| {
        set(evidence, "/looks/0/chain/0/not_after", json!(at(-DAY)));
        set(evidence, "/looks/0/distrust", distrusted("expired"));
    });
    assert_fires(&expired, &["expired [CN=shop.example] critical"]);
    let early = but(|evidence| {
        set(evidence, "/looks/0/chain/0/not_before", json!(at(3600)));
        set(evidence, "/looks/0/distrust", distrusted("not_yet_valid"));
    });
    assert_fires(&early, &["not-yet-valid [CN=shop.example] critical"]);
    // Whoever verifies names another fault first; the end is found all the same.
    let behind = but(|evidence| {
        set(evidence, "/looks/0/chain/0/not_after", json!(at(-DAY)));
        set(evidence, "/looks/0/distrust", distrusted("unknown_issuer"));
    });
    assert_fires(
        &behind,
        &["expired [CN=shop.example] critical", "untrusted [CN=shop.example] high"],
    );
}

#[test]
fn a_clock_that_is_wrong_is_not_held_against_the_certificate() {
    let early = |change: fn(&mut Value)| {
        but(|evidence| {
            set(evidence, "/looks/0/chain/0/not_before", json!(at(3600)));
            set(evidence, "/looks/0/distrust", distrusted("not_yet_valid"));
            change(evidence);
        })
    };
    let skewed = early(|e| set(e, "/clock", json!({"theirs": at(7200), "ours": at(0)})));
    assert_fires(&skewed, &["clock-skewed [] medium"]);
    assert!(untested(&skewed, "not-yet-valid").unwrap().contains("another clock"));
    assert_eq!(untested(&early(|_| ()), "clock-skewed").unwrap(), "the server told no time");
    let logged = early(|e| set(e, "/looks/0/chain/0/last_timestamp", json!(at(3000))));
    assert_fires(&logged, &["clock-skewed [] medium"]);
    let agreed = early(|e| set(e, "/clock", json!({"theirs": at(30), "ours": at(0)})));
    assert_fires(&agreed, &["not-yet-valid [CN=shop.example] critical"]);
    let not_enough = early(|e| set(e, "/clock", json!({"theirs": at(600), "ours": at(0)})));
    let both = ["not-yet-valid [CN=shop.example] critical", "clock-skewed [] medium"];
    assert_fires(&not_enough, &both);
}

#[test]
fn keys_uses_and_signatures_are_held_to_what_clients_accept() {
    for (pointer, value, expected) in [
        (
            "/looks/0/chain/0/key",
            json!({"kind": "rsa", "bits": 1024}),
            vec!["key-weak [CN=shop.example] high"],
        ),
        ("/looks/0/chain/0/key", json!({"kind": "rsa", "bits": 2048}), vec![]),
        (
            "/looks/0/chain/0/key",
            json!({"kind": "rsa", "bits": 8192}),
            vec!["key-weak [CN=shop.example] info"],
        ),
        (
            "/looks/0/chain/0/key",
            json!({"kind": "rsa", "bits": 2048, "exponent_broken": true}),
            vec!["key-weak [CN=shop.example] high"],
        ),
        (
            "/looks/0/chain/0/key",
            json!({"kind": "ecdsa", "bits": 224, "curve": "secp224r1"}),
            vec!["key-weak [CN=shop.example] high"],
        ),
        (
            "/looks/0/chain/0/key",
            json!({"kind": "ed25519", "bits": 256}),
            vec!["key-weak [CN=shop.example] medium"],
        ),
        (
            "/looks/0/chain/0/key",
            json!({"kind": "dsa", "bits": 0}),
            vec!["key-weak [CN=shop.example] high"],
        ),
        (
            "/looks/0/chain/1/key",
            json!({"kind": "rsa", "bits": 1024}),
            vec!["key-weak [CN=Issuing CA] high"],
        ),
        ("/looks/0/chain/1/key", json!({"kind": "rsa", "bits": 8192}), vec![]),
        (
            "/looks/0/chain/0/signature",
            json!("sha1WithRSAEncryption"),
            vec!["signature-weak [CN=shop.example] high"],
        ),
        (
            "/looks/0/chain/1/signature",
            json!("md5WithRSAEncryption"),
            vec!["signature-weak [CN=Issuing CA] high"],
        ),
        (
            "/looks/0/chain/0/purposes",
            json!(["clientAuth"]),
            vec!["key-usage-wrong [CN=shop.example] high"],
        ),
        (
            "/looks/0/chain/0/purposes",
            json!(["clientAuth", "serverAuth"]),
            vec!["key-usage-wrong [CN=shop.example] info"],
        ),
        ("/looks/0/chain/0/purposes", Value::Null, vec![]),
        (
            "/looks/0/chain/0/is_authority",
            json!(true),
            vec!["key-usage-wrong [CN=shop.example] high"],
        ),
        (
            "/looks/0/chain/0/may_sign",
            json!(false),
            vec!["key-usage-wrong [CN=shop.example] medium"],
        ),
        ("/looks/0/chain/0/may_sign", Value::Null, vec![]),
        ("/looks/0/chain/1/may_issue", json!(false), vec!["key-usage-wrong [CN=Issuing CA] high"]),
        ("/looks/0/chain/0/may_issue", json!(false), vec![]),
        ("/looks/0/chain/0/timestamps", json!(1), vec!["sct-missing [CN=shop.example] high"]),
        (
            "/looks/0/chain/0/must_staple",
            json!(true),
            vec!["staple-missing [CN=shop.example] high"],
        ),
    ] {
        assert_eq!(findings("{}", &with(pointer, value.clone())), expected, "{pointer} {value}");
    }
}

#[test]
fn a_fault_that_explains_distrust_is_not_found_twice() {
    for (pointer, value, expected) in [
        (
            "/looks/0/chain/0/purposes",
            json!(["clientAuth"]),
            "key-usage-wrong [CN=shop.example] high",
        ),
        (
            "/looks/0/chain/0/signature",
            json!("ecdsa-with-SHA1"),
            "signature-weak [CN=shop.example] high",
        ),
    ] {
        let evidence = but(|evidence| {
            set(evidence, pointer, value);
            set(evidence, "/looks/0/distrust", distrusted("other"));
        });
        assert_fires(&evidence, &[expected]);
    }
}

#[test]
fn timestamps_and_staples_may_come_on_other_ways() {
    let beside = but(|evidence| {
        set(evidence, "/looks/0/chain/0/timestamps", json!(0));
        set(evidence, "/survey/done/attempts/1/answer/offered/timestamps", json!(true));
    });
    assert_fires(&beside, &[]);
    let stapled = but(|evidence| {
        set(evidence, "/looks/0/chain/0/must_staple", json!(true));
        set(evidence, "/looks/0/stapled", json!(true));
    });
    assert_fires(&stapled, &[]);
    let private = but(|evidence| {
        set(evidence, "/looks/0/chain/0/timestamps", json!(0));
        set(evidence, "/looks/0/chain/1/under_public_root", json!(false));
    });
    assert_fires(&private, &[]);
}

#[test]
fn the_longest_life_depends_on_the_day_of_issue_and_on_a_public_root() {
    for (issued, days, fires) in [
        ("2026-03-14T12:00:00Z", 398, false),
        ("2026-03-14T12:00:00Z", 399, true),
        ("2026-03-15T00:00:00Z", 200, false),
        ("2026-03-15T00:00:00Z", 201, true),
        ("2027-03-15T00:00:00Z", 101, true),
        ("2029-03-15T00:00:00Z", 48, true),
        ("2029-03-15T00:00:00Z", 47, false),
    ] {
        for public in [true, false] {
            let from: jiff::Timestamp = issued.parse().unwrap();
            let to = from + jiff::SignedDuration::from_hours(24 * days);
            let evidence = but(|evidence| {
                set(evidence, "/looks/0/chain/0/not_before", json!(from));
                set(evidence, "/looks/0/chain/0/not_after", json!(to));
                set(evidence, "/looks/0/chain/1/under_public_root", json!(public));
            });
            let found =
                findings("{}", &evidence).contains(&format!("lifetime-too-long [{LEAF}] high"));
            assert_eq!(found, fires && public, "{issued} {days} public: {public}");
        }
    }
}

#[test]
fn a_certificate_without_a_subject_is_named_by_its_first_name() {
    let evidence = but(|evidence| {
        set(evidence, "/looks/0/chain/0/subject", json!(""));
        set(evidence, "/looks/0/chain/0/not_after", json!(at(-DAY)));
    });
    assert_fires(&evidence, &["expired [SAN=shop.example] critical"]);
}

fn chain_expiry(evidence: &Value) -> Option<jiff::Timestamp> {
    let name = "probe_ssl_last_chain_expiry_timestamp_seconds";
    let found = measured(evidence).into_iter().find(|one| one.family.name == name)?;
    let seconds = jiff::SignedDuration::from_secs_f64(found.value);
    jiff::Timestamp::UNIX_EPOCH.checked_add(seconds).ok()
}

#[test]
fn a_verified_chain_ends_with_the_way_that_lasts_longest() {
    let ends = |first: i64, changes: fn(&mut Value)| {
        let evidence = but(|evidence| {
            set(evidence, "/looks/0/chain/1/not_after", json!(at(first * DAY)));
            set(evidence, "/looks/0/chain/1/under_public_root", json!(false));
            changes(evidence);
        });
        chain_expiry(&evidence)
    };
    let days = |days: i64| at(days * DAY).parse().ok();
    assert_eq!(ends(20, |_| ()), days(20));
    // What is over is on no way that verifies.
    assert_eq!(ends(-1, |_| ()), days(60));
    // Where a root that is trusted has issued it, nobody goes further up.
    assert_eq!(
        ends(20, |evidence| set(evidence, "/looks/0/chain/0/under_public_root", json!(true))),
        days(60)
    );
    // Another certificate of the same authority stands beside it.
    assert_eq!(
        ends(20, |evidence| {
            let other = intermediate();
            evidence["looks"][0]["chain"].as_array_mut().unwrap().push(other);
            set(evidence, "/looks/0/chain/2/fingerprint", json!("f3"));
        }),
        days(60)
    );
}

#[test]
fn certificates_are_measured_under_the_names_that_dashboards_know() {
    let value = |name: &str, evidence: &Value| {
        let found = measured(evidence).into_iter().find(|one| one.family.name == name);
        found.map(|one| (one.labels, one.value))
    };
    let (_, left) = value("musterd_tls_life_left_ratio", &sound()).unwrap();
    assert!((left - 2.0 / 3.0).abs() < 1e-9, "{left}");
    let (_, length) = value("musterd_tls_chain_length", &sound()).unwrap();
    assert!((length - 2.0).abs() < f64::EPSILON);
    let (labels, _) = value("probe_ssl_last_chain_info", &sound()).unwrap();
    assert_eq!(labels, ["f1", LEAF, "CN=Issuing CA", "shop.example", "0a"]);
    assert_eq!(chain_expiry(&sound()), at(60 * DAY).parse().ok());
    let broken = with("/looks/0/distrust", distrusted("unknown_issuer"));
    assert_eq!(chain_expiry(&broken), None);
    let (labels, _) = value("probe_tls_version_info", &sound()).unwrap();
    assert_eq!(labels, ["TLS 1.3"]);
    let offered: Vec<_> = measured(&sound())
        .into_iter()
        .filter(|one| one.family.name == "musterd_tls_protocol_offered" && one.value > 0.5)
        .map(|one| one.labels[0].clone())
        .collect();
    assert_eq!(offered, ["TLS 1.3", "TLS 1.2"]);
    assert!(measured(&sound()).len() < 30);
}
