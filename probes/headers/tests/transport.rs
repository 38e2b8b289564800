//! Rules of HSTS and redirects, one table each.

use super::scene::{Scene, chain, helmet, hop, page, silent};
use crate::net::failure::FailureKind;
use crate::net::redirect::Stop;

const SECURE: &str = "https://shop.example.com/";
const PLAIN: &str = "http://shop.example.com/";

fn hsts(lines: &[&str]) -> Scene {
    let lines: Vec<String> =
        lines.iter().map(|line| format!("strict-transport-security: {line}")).collect();
    page(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn to(location: &str) -> String {
    format!("location: {location}")
}

#[test]
fn hsts_missing() {
    assert_eq!(hsts(&[]).says("hsts-missing"), ["high"]);
    assert_eq!(hsts(&["max-age=0"]).says("hsts-missing"), ["high"]);
    for scene in [
        hsts(&["max-age=31536000"]),
        hsts(&["max-age=60"]),
        // What cannot be read is another finding.
        hsts(&["nonsense"]),
    ] {
        assert_eq!(scene.says("hsts-missing"), [""; 0]);
    }
    for scene in [
        hsts(&[]).at("shop.example.com", PLAIN),
        hsts(&[]).at("10.0.0.1", "https://10.0.0.1/"),
        hsts(&[]).at("[::1]", "https://[::1]/"),
        hsts(&[]).status(503),
        hsts(&[]).status(403),
        hsts(&[]).at("shop.example.com", "https://login.other.example/"),
    ] {
        assert_eq!(scene.says("hsts-missing"), ["untested"]);
    }
    // An answer of any kind counts, also one that is refused.
    assert_eq!(hsts(&[]).status(401).says("hsts-missing"), ["high"]);
    assert_eq!(super::scene::other("application/json", &[]).says("hsts-missing"), ["high"]);
}

#[test]
fn hsts_short() {
    for (line, says) in [
        ("max-age=60", vec!["medium"]),
        ("max-age=2592000", vec!["medium"]),
        ("max-age=15551999", vec!["medium"]),
        ("max-age=15552000", vec!["low"]),
        ("max-age=31535999; includeSubDomains", vec!["low"]),
        ("max-age=31536000", vec![]),
        ("max-age=\"63072000\"", vec![]),
        ("max-age=0", vec![]),
        ("max-age=abc", vec![]),
    ] {
        assert_eq!(hsts(&[line]).says("hsts-short"), says, "{line}");
    }
}

#[test]
fn hsts_invalid() {
    for (lines, says) in [
        (&["max-age=abc"][..], vec!["high"]),
        (&["includeSubDomains"], vec!["high"]),
        (&["max-age=31536000, max-age=31536000"], vec!["high"]),
        (&["max-age=31536000; max-age=1"], vec!["high"]),
        (&["max-age=31536000 includeSubDomains"], vec!["high"]),
        (&[""], vec!["high"]),
        (&["max-age=31536000; preload; preload"], vec!["info"]),
        (&["max-age=31536000; includeSubdomain"], vec!["info"]),
        (&["max-age=31536000", "max-age=60"], vec!["medium repeated"]),
        (&["max-age=31536000", "max-age=31536000"], vec![]),
        (&["max-age=31536000; includeSubDomains; preload"], vec![]),
        (&[" MAX-AGE=\"31536000\" ;"], vec![]),
        (&[], vec![]),
    ] {
        assert_eq!(hsts(lines).says("hsts-invalid"), says, "{lines:?}");
    }
}

#[test]
fn hsts_preload_ineligible() {
    let apex = |line: &str| hsts(&[line]).at("example.com", "https://example.com/").twin(vec![]);
    for line in [
        "max-age=31535999; includeSubDomains; preload",
        "max-age=31536000; preload",
        "max-age=60; preload",
    ] {
        assert_eq!(apex(line).says("hsts-preload-ineligible"), ["medium"], "{line}");
    }
    let crooked = apex("max-age=31536000; includeSubDomains; preload").twin(vec![hop(
        "http://example.com/",
        301,
        &[&to("http://www.example.com/")],
    )]);
    assert_eq!(crooked.says("hsts-preload-ineligible"), ["medium"]);
    for line in ["max-age=31536000; includeSubDomains; preload", "max-age=60", "max-age=0; preload"]
    {
        assert_eq!(apex(line).says("hsts-preload-ineligible"), [""; 0], "{line}");
    }
    assert_eq!(hsts(&["max-age=60; preload"]).says("hsts-preload-ineligible"), [""; 0]);
}

#[test]
fn redirect_missing() {
    let served = |status| page(&[]).twin(vec![hop(PLAIN, status, &[])]);
    assert_eq!(served(200).says("redirect-missing"), ["high"]);
    assert_eq!(served(204).says("redirect-missing"), ["high"]);
    assert_eq!(served(401).says("redirect-missing"), ["high"]);
    let inner = vec![hop(PLAIN, 302, &[&to("/in")]), hop(&format!("{PLAIN}in"), 200, &[])];
    assert_eq!(page(&[]).twin(inner).says("redirect-missing"), ["high"]);
    for status in [400, 403, 404, 421, 426] {
        assert_eq!(served(status).says("redirect-missing"), [""; 0], "{status}");
    }
    assert_eq!(page(&[]).says("redirect-missing"), [""; 0]);
    let closed = page(&[]).twin(vec![silent(PLAIN, FailureKind::Refused)]);
    assert_eq!(closed.says("redirect-missing"), [""; 0]);
    let elsewhere = vec![
        hop(PLAIN, 301, &[&to("http://other.example/")]),
        hop("http://other.example/", 200, &[]),
    ];
    for scene in [
        page(&[]).twin(vec![silent(PLAIN, FailureKind::Timeout)]),
        page(&[]).twin(vec![]),
        page(&[]).twin(elsewhere),
        served(502),
        served(429),
        served(304),
        page(&[]).twin(vec![hop(PLAIN, 301, &[])]).stopped(Stop::Loop),
    ] {
        assert_eq!(scene.says("redirect-missing"), ["untested"]);
    }
    assert_eq!(
        page(&[]).twin(vec![]).at("a.example", PLAIN).says("redirect-missing"),
        ["untested"]
    );
}

#[test]
fn redirect_other_host() {
    let way = |first: &str, then: &str, hsts: &str| {
        let lines: Vec<String> = [hsts]
            .iter()
            .filter(|h| !h.is_empty())
            .map(|h| format!("strict-transport-security: {h}"))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        page(&[]).twin(vec![hop(first, 301, &[&to(then)]), hop(then, 200, &lines)])
    };
    let rule = "redirect-other-host";
    let www = "http://www.shop.example.com/";
    assert_eq!(way(PLAIN, "https://www.shop.example.com/", "").says(rule), ["medium"]);
    assert_eq!(way(www, SECURE, "").says(rule), ["medium"]);
    assert_eq!(way(www, SECURE, "max-age=31536000").says(rule), ["medium"]);
    let late = vec![
        hop(PLAIN, 301, &[&to("http://shop.example.com/x")]),
        hop("http://shop.example.com/x", 301, &[&to(SECURE)]),
        hop(SECURE, 200, &[]),
    ];
    assert_eq!(page(&[]).twin(late).says(rule), ["medium"]);
    assert_eq!(way(www, SECURE, "max-age=31536000; includeSubDomains").says(rule), [""; 0]);
    assert_eq!(way(PLAIN, SECURE, "").says(rule), [""; 0]);
    assert_eq!(way(PLAIN, "https://shop.example.com:8443/", "").says(rule), [""; 0]);
    assert_eq!(page(&[]).twin(vec![hop(PLAIN, 200, &[])]).says(rule), [""; 0]);
    assert_eq!(page(&[]).twin(vec![]).says(rule), ["untested"]);
}

#[test]
fn redirect_downgrade() {
    let rule = "redirect-downgrade";
    let down = || vec![hop(SECURE, 302, &[&to(PLAIN)]), hop(PLAIN, 200, &[])];
    assert_eq!(page(&[]).document_is(down(), None).twin(vec![]).says(rule), ["high"]);
    let mut twin = vec![hop(PLAIN, 301, &[&to(SECURE)])];
    twin.extend(down());
    assert_eq!(page(&[]).twin(twin).says(rule), ["high plain HTTP"]);
    assert_eq!(page(&[]).says(rule), [""; 0]);
    assert_eq!(helmet(&[]).by(vec![hop(SECURE, 302, &[&to("/in")])]).says(rule), [""; 0]);
    let nothing = vec![silent(SECURE, FailureKind::Refused)];
    assert_eq!(page(&[]).document_is(nothing, None).twin(vec![]).says(rule), ["untested"]);
}

#[test]
fn redirect_loop() {
    let rule = "redirect-loop";
    let around = || {
        vec![hop(SECURE, 302, &[&to("/a")]), hop("https://shop.example.com/a", 302, &[&to("/")])]
    };
    assert_eq!(page(&[]).document_is(around(), Some(Stop::Loop)).says(rule), ["high"]);
    assert_eq!(page(&[]).document_is(around(), Some(Stop::TooMany)).says(rule), ["high"]);
    let twin = page(&[]).twin(vec![hop(PLAIN, 301, &[&to(PLAIN)])]).stopped(Stop::Loop);
    assert_eq!(twin.says(rule), ["high plain HTTP"]);
    let many: Vec<_> = (0..6).map(|n| hop(&format!("{SECURE}{n}"), 302, &[&to("/x")])).collect();
    assert_eq!(page(&[]).by(many).says(rule), ["medium"]);
    let few: Vec<_> = (0..5).map(|n| hop(&format!("{SECURE}{n}"), 302, &[&to("/x")])).collect();
    assert_eq!(page(&[]).by(few).says(rule), [""; 0]);
    assert_eq!(page(&[]).says(rule), [""; 0]);
    let mut cookies = around();
    cookies[0].answer.as_mut().unwrap().cookies =
        super::scene::answer(302, &["set-cookie: seen=1"]).cookies;
    assert_eq!(page(&[]).document_is(cookies, Some(Stop::Loop)).says(rule), ["untested"]);
    let mut broken = page(&[]);
    broken.evidence.document = chain(vec![silent(SECURE, FailureKind::Timeout)]);
    broken.evidence.twin = None;
    assert_eq!(broken.says(rule), ["untested"]);
}
