//! Header fields as they are found, and as nobody should write them.

use jiff::Timestamp;
use proptest::prelude::*;

use super::cache::{self, Shared};
use super::cookie::Cookie;
use super::framing::{self, Framing};
use super::{hsts, isolation, permissions, referrer};

#[test]
fn hsts_is_read_as_browsers_do() {
    for (line, age, below, preload) in [
        ("max-age=31536000", 31_536_000, false, false),
        ("max-age=\"31536000\"; includeSubDomains", 31_536_000, true, false),
        ("MAX-AGE = 10 ;INCLUDESUBDOMAINS; PreLoad", 10, true, true),
        (" ; max-age=0 ;; ", 0, false, false),
        ("includeSubDomains; max-age=1", 1, true, false),
        ("max-age=1; foo=\"a;b,c\"", 1, false, false),
        ("max-age=99999999999999999999999", u64::MAX, false, false),
    ] {
        let hsts = hsts::parse(line).expect(line);
        assert_eq!((hsts.max_age, hsts.include_sub_domains, hsts.preload), (age, below, preload));
    }
    for line in [
        "",
        "includeSubDomains",
        "max-age",
        "max-age=",
        "max-age=abc",
        "max-age=-1",
        "max-age=1.5",
        "max-age=1; max-age=2",
        "max-age=1; includeSubDomains; includeSubDomains",
        "max-age=1; includeSubDomains=1",
        "max-age=1, max-age=1",
        "max-age=\"1",
        "max-age=1; foo bar",
        "max-age=31536000 includeSubDomains",
    ] {
        assert!(hsts::parse(line).is_err(), "{line}");
    }
    assert_eq!(hsts::parse("max-age=1; preload; preload; foo").unwrap().oddities.len(), 2);
}

#[test]
fn cookies_keep_everything_but_their_value() {
    let cookie =
        Cookie::parse(" sid = s3cr3t ;Secure; HTTPONLY ;SameSite=Lax; Path=/; Domain=.A.Example");
    assert_eq!((cookie.name.as_str(), cookie.length, cookie.jwt), ("sid", 6, false));
    assert!(cookie.is_secure() && cookie.is_http_only());
    assert_eq!(cookie.domain().as_deref(), Some("a.example"));
    assert_eq!(cookie.attribute("samesite"), Some("Lax"));
    let written = format!("{cookie} {}", serde_json::to_string(&cookie).unwrap());
    assert!(!written.contains("s3cr3t"), "{written}");
    assert!(Cookie::parse("a=eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln").jwt);
    assert!(!Cookie::parse("a=eyJhbGciOiJub25lIn0").jwt);
    assert_eq!(Cookie::parse("value").name, "");
    assert_eq!(Cookie::parse("a=1; Path=/x; Path=/y").attribute("path"), Some("/y"));
}

#[test]
fn a_removal_is_told_from_a_cookie() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for (line, removal) in [
        ("a=; Max-Age=0", true),
        ("a=; Max-Age=-1", true),
        ("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", true),
        ("a=; Expires=Thu, 01-Jan-1970 00:00:01 GMT", true),
        ("a=; Expires=Wed, 31 Dec 2025 00:00:00 GMT", true),
        ("a=; Expires=Mon, 31 Dec 2025 00:00:00 GMT", true),
        ("a=; Expires=Saturday, 01-Jan-00 00:00:00 GMT", true),
        ("a=b; Expires=Friday, 02-Jan-26 00:00:00 GMT", false),
        ("a=b; Expires=Fri, 02 Jan 2026 00:00:00 GMT", false),
        ("a=b; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", false),
        ("a=b; Expires=whenever", false),
        ("a=b", false),
    ] {
        assert_eq!(Cookie::parse(line).is_removal(now), removal, "{line}");
    }
}

#[test]
fn caches_are_told_what_to_keep() {
    let said = |line: &'static str, authorized| cache::shared([line].into_iter(), authorized);
    for line in [
        "no-store",
        "private",
        "private, max-age=60",
        "no-cache",
        "max-age=0",
        "public, s-maxage=0",
        "max-age=60, NO-STORE",
    ] {
        assert_eq!(said(line, false), Shared::Forbidden, "{line}");
    }
    for line in ["public", "max-age=60", "s-maxage=60", "private=\"x\", max-age=60"] {
        assert!(matches!(said(line, false), Shared::Allowed(_)), "{line}");
    }
    for line in ["", "must-revalidate", "max-age=x"] {
        assert_eq!(said(line, false), Shared::Unsaid, "{line}");
    }
    assert_eq!(said("max-age=60", true), Shared::Unsaid);
    assert!(matches!(said("public, max-age=60", true), Shared::Allowed(_)));
    let hit = [("vary", "origin"), ("x-cache", "HIT")];
    assert_eq!(cache::hit(hit.into_iter()).as_deref(), Some("x-cache: HIT"));
}

#[test]
fn framing_is_read_as_the_standard_says() {
    let read = |lines: &[&'static str]| framing::parse(lines.iter().copied());
    assert_eq!(read(&[]), Framing::Absent);
    for lines in
        [&["DENY"][..], &["SameOrigin"], &["SAMEORIGIN, SAMEORIGIN"], &["SAMEORIGIN", "sameorigin"]]
    {
        assert_eq!(read(lines), Framing::Fenced, "{lines:?}");
    }
    for lines in [&["DENY, SAMEORIGIN"][..], &["DENY", "SAMEORIGIN"], &["ALLOWALL", "x"]] {
        assert!(matches!(read(lines), Framing::Contradictory(_)), "{lines:?}");
    }
    for lines in
        [&[""][..], &["ALLOW-FROM https://a.example"], &["ALLOWALL"], &["'DENY'"], &["a, b"]]
    {
        assert!(matches!(read(lines), Framing::Ignored(_)), "{lines:?}");
    }
}

#[test]
fn of_several_referrer_policies_the_last_known_wins() {
    for (text, policy) in [
        ("no-referrer", Some("no-referrer")),
        ("No-Referrer, strict-origin-when-cross-origin", Some("strict-origin-when-cross-origin")),
        ("unsafe-url, whatever", Some("unsafe-url")),
        ("whatever", None),
        ("", None),
    ] {
        assert_eq!(referrer::last_known(text), policy, "{text}");
    }
}

#[test]
fn permissions_are_structured_fields() {
    for text in [
        "camera=()",
        "camera=(), microphone=(self)",
        "geolocation=(self \"https://a.example\")",
        "fullscreen=*",
        "camera=self",
        "interest-cohort=()",
        "camera=();report-to=x",
        "",
    ] {
        assert_eq!(permissions::parse(text), Ok(permissions::Reading::default()), "{text}");
    }
    for text in [
        "camera 'none'",
        "camera 'none'; microphone 'self'",
        "camera=('self')",
        "camera=(",
        "Camera=()",
        "camera=(),",
    ] {
        assert!(permissions::parse(text).is_err(), "{text}");
    }
    let reading = permissions::parse(
        "camera=*, usb=(self *), midi=none, serial, hid=1, payment=(https://a.example)",
    )
    .unwrap();
    assert_eq!(reading.given_away, ["camera", "usb"]);
    let ignored: Vec<&str> = reading.ignored.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(ignored, ["midi", "serial", "hid", "payment"]);
}

#[test]
fn isolation_takes_tokens() {
    assert_eq!(isolation::token("same-origin; report-to=\"a\"").as_deref(), Some("same-origin"));
    for text in ["\"same-origin\"", "same-origin, same-origin", "", "a b", "1"] {
        assert_eq!(isolation::token(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,200}") {
        read(&text);
    }

    #[test]
    fn nothing_that_resembles_a_field_is_too_odd(
        words in proptest::collection::vec(
            prop_oneof![
                Just("max-age"), Just("="), Just(";"), Just(","), Just("\""), Just("\\"), Just("("),
                Just(")"), Just("camera"), Just("9999999999999999999999"), Just(" "), Just("ä"),
                Just("Expires"), Just("-1"), Just("domain"), Just("."), Just("*"), Just("?1"),
            ],
            0..50,
        ),
    ) {
        read(&words.concat());
    }
}

fn read(text: &str) {
    let cookie = Cookie::parse(text);
    let _unused = (
        hsts::parse(text),
        cookie.is_removal(Timestamp::UNIX_EPOCH),
        cookie.domain(),
        crate::headers::session::purpose(&cookie),
        crate::headers::session::subject(&cookie.name),
        permissions::parse(text),
        isolation::token(text),
        referrer::last_known(text),
        framing::parse([text].into_iter()),
        cache::shared([text].into_iter(), false),
    );
}
