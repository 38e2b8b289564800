//! Settings that cannot work say so, and where.

use crate::contract::Kind;
use crate::impact::Impact;
use crate::testing;
use crate::webhook::Webhook;
use crate::webhook::case::Case;
use crate::webhook::crypto::Key;
use crate::webhook::scheme::tests::serde_names;

fn refused(settings: &str) -> (Option<&'static str>, String) {
    let settings = serde_json::from_str(settings).unwrap();
    let Err(error) = <Webhook as Kind>::new(settings) else { panic!("it is accepted") };
    (error.key, error.message)
}

#[test]
fn every_scheme_works_by_its_name_alone_but_the_one_that_has_to_be_described() {
    for name in serde_names() {
        if name == "hmac" {
            let (key, message) = refused(r#"{"scheme": "hmac"}"#);
            assert_eq!(key, Some("hmac"));
            assert!(message.contains("header: X-Signature"), "{message}");
        } else {
            testing::probe::<Webhook>(&format!(r#"{{"scheme": "{name}"}}"#));
        }
    }
}

#[test]
fn what_makes_no_sense_names_its_key_and_a_way_out() {
    for (settings, key, word) in [
        (r#"{"scheme": "github", "hmac": {"header": "x"}}"#, "hmac", "`github`"),
        (r#"{"scheme": "github", "method": "PUT"}"#, "method", "bearer"),
        (r#"{"scheme": "github", "header": "x"}"#, "header", "vapi"),
        (r#"{"scheme": "github", "key_id": "x"}"#, "key_id", "rfc9421"),
        (
            r#"{"scheme": "github", "signed_url": "https://a.example"}"#,
            "signed_url",
            "without their URL",
        ),
        (r#"{"scheme": "twilio", "signed_url": "shop.example/hook"}"#, "signed_url", "no URL"),
        (r#"{"scheme": "twilio", "signed_url": "ftp://a.example"}"#, "signed_url", "https://"),
        (
            r#"{"scheme": "twilio", "signed_url": "https://a:b@c.example"}"#,
            "signed_url",
            "no credentials",
        ),
        (r#"{"scheme": "bearer", "payload": {}}"#, "payload", "no body"),
        (r#"{"scheme": "github", "payload": 5}"#, "payload", "a text, a mapping or a list"),
        (r#"{"scheme": "twilio", "payload": {"a": []}}"#, "payload", "texts"),
        (r#"{"scheme": "twilio", "payload": [1]}"#, "payload", "mapping"),
        (r#"{"scheme": "mailgun", "payload": "hello"}"#, "payload", "JSON object"),
        (r#"{"scheme": "mailgun", "payload": [1]}"#, "payload", "JSON object"),
        (r#"{"scheme": "bearer", "method": "G T"}"#, "method", "no HTTP method"),
        (r#"{"scheme": "vapi", "header": "a b"}"#, "header", "no name"),
        (r#"{"scheme": "rfc9421", "key_id": "a\"b"}"#, "key_id", "quotes"),
        (r#"{"scheme": "hmac", "hmac": {"header": "a b"}}"#, "hmac.header", "no name"),
        (
            r#"{"scheme": "hmac", "hmac": {"header": "x", "template": "{boby}"}}"#,
            "hmac.template",
            "{boby}",
        ),
        (
            r#"{"scheme": "hmac", "hmac": {"header": "x", "template": "{body"}}"#,
            "hmac.template",
            "not closed",
        ),
        (
            r#"{"scheme": "hmac", "hmac": {"header": "x", "template": "v1"}}"#,
            "hmac.template",
            "{body}",
        ),
        (
            r#"{"scheme": "hmac", "hmac": {"header": "x", "template": "{timestamp}{body}"}}"#,
            "hmac.template",
            "timestamp_header",
        ),
        (
            r#"{"scheme": "hmac", "hmac": {"header": "x", "template": "{body}", "timestamp_header": "t"}}"#,
            "hmac.timestamp_header",
            "not signed",
        ),
        (
            r#"{"scheme": "hmac", "hmac": {"header": "x", "tolerance": "5m"}}"#,
            "hmac.tolerance",
            "timestamp_header",
        ),
    ] {
        let (at, message) = refused(settings);
        assert_eq!(at, Some(key), "{settings}: {message}");
        assert!(message.contains(word), "{settings}: {message}");
    }
}

#[test]
fn what_is_too_old_is_older_than_the_configured_tolerance() {
    let now = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    let url = "https://shop.example/hook".parse().unwrap();
    let key = Key::shared("secret");
    let time = |tolerance: &str, case| {
        let settings = format!(
            r#"{{"scheme": "hmac", "hmac": {{"header": "x", "timestamp_header": "t", "tolerance": "{tolerance}"}}}}"#
        );
        let forged = testing::probe::<Webhook>(&settings).forge(case, &url, Some(&key), now, 0)?;
        let (_, time) = forged.headers.into_iter().find(|(name, _)| name == "t")?;
        time.parse::<i64>().ok()
    };
    for (tolerance, seconds) in [("5m", 300), ("2h", 7_200), ("3days", 259_200)] {
        for case in [Case::Stale, Case::Future] {
            let away = time(tolerance, case).unwrap().abs_diff(now.as_second());
            assert!(away > seconds, "{case:?} is {away} s away, and {tolerance} are allowed");
        }
        assert_eq!(time(tolerance, Case::Control), Some(now.as_second()));
    }
    assert_eq!(time("100000years", Case::Stale), None, "there is no such time");
}

#[test]
fn a_payload_that_reads_the_same_when_written_anew_is_not_sent_as_a_forgery() {
    let url = "https://shop.example/hook".parse().unwrap();
    let forged = |payload: &str| {
        let settings = format!(r#"{{"scheme": "github", "payload": {payload}}}"#);
        let (now, key) = (jiff::Timestamp::UNIX_EPOCH, Key::shared("secret"));
        testing::probe::<Webhook>(&settings).forge(Case::Rewritten, &url, Some(&key), now, 0)
    };
    for payload in [r#""token=a&command=b""#, r#""hello: you""#, "{}"] {
        assert!(forged(payload).is_none(), "{payload}");
    }
    assert!(forged(r#"{"a": 1}"#).is_some());
}

#[test]
fn what_may_leave_traces_says_so_before_it_runs() {
    let impact = |settings| testing::probe::<Webhook>(settings).impact();
    assert_eq!(impact(r#"{"scheme": "discord"}"#), Impact::Active);
    for settings in [
        r#"{"scheme": "discord", "secret": {"env": "A"}}"#,
        r#"{"scheme": "github"}"#,
        r#"{"scheme": "bearer"}"#,
        r#"{"scheme": "twilio"}"#,
    ] {
        assert_eq!(impact(settings), Impact::Intrusive, "{settings}");
    }
}
