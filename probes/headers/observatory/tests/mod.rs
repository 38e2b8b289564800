//! Header sets with the result and score that algorithm 6 gives them, worked out by hand.

mod policies;
mod words;

use super::transport::Preload;
use super::{Scan, scan};
use crate::headers::evidence::Hop;
use crate::headers::tests::scene::{HELMET, Scene, helmet, hop, page, silent};
use crate::net::failure::FailureKind;

const CSP: usize = 0;
const COOKIES: usize = 1;
const REDIRECTION: usize = 3;
const REFERRER: usize = 4;
const HSTS: usize = 5;
const SCRIPTS: usize = 6;
const SNIFF: usize = 7;
const FRAME: usize = 8;
const RESOURCE: usize = 9;
const EMBEDDER: usize = 10;
const OPENER: usize = 11;

fn scanned(scene: &Scene) -> Scan {
    scan(&scene.evidence, &Preload::default()).expect("a grade")
}

/// The modifier of one test.
fn modifier(scene: &Scene, test: usize) -> i32 {
    scanned(scene).results[test].modifier
}

fn result(scene: &Scene, test: usize) -> (&'static str, i32) {
    let outcome = scanned(scene).results[test];
    (outcome.result, outcome.modifier)
}

#[test]
fn helmets_defaults_score_130() {
    let scan = scanned(&page(&HELMET));
    let modifiers: Vec<i32> = scan.results.iter().map(|result| result.modifier).collect();
    // CSP with unsafe inline styles alone; a bonus each for the referrer, framing, CORP and COOP.
    assert_eq!(modifiers, [0, 0, 0, 0, 5, 0, 0, 0, 5, 10, 0, 10]);
    assert_eq!((scan.score(), scan.grade()), (130, "A+"));
}

#[test]
fn whole_sets_score_as_the_algorithm_adds_them_up() {
    // Without anything: CSP -25, HSTS -20, sniffing -5, framing -20.
    let bare = page(&[]);
    for (scene, score, grade) in [
        (bare, 30, "D"),
        (page(&["strict-transport-security: max-age=31536000"]), 50, "C"),
        (page(&["x-content-type-options: nosniff", "x-frame-options: DENY"]), 55, "C"),
        (page(&["content-security-policy: default-src 'none'"]), 55, "C"),
        // 100 and no bonus below 90 uncurved: -10 for a short HSTS still leaves 90.
        (helmet(&["strict-transport-security: max-age=86400"]), 120, "A+"),
        // -20 for no HSTS leaves 80, and bonuses no longer count.
        (helmet(&["strict-transport-security:"]), 80, "B+"),
        (helmet(&["content-security-policy:"]), 75, "B"),
        (helmet(&["x-content-type-options:"]), 125, "A+"),
        // CSP by then says frame-ancestors still.
        (helmet(&["x-frame-options:"]), 130, "A+"),
        (helmet(&["referrer-policy:"]), 125, "A+"),
        (helmet(&["referrer-policy: unsafe-url"]), 120, "A+"),
        (helmet(&["cross-origin-opener-policy:"]), 120, "A+"),
        (helmet(&["cross-origin-resource-policy:"]), 120, "A+"),
        (helmet(&["cross-origin-embedder-policy: require-corp"]), 140, "A+"),
        (
            helmet(&[
                "content-security-policy: default-src 'none'; frame-ancestors 'none'",
                "cross-origin-embedder-policy: require-corp",
            ]),
            150,
            "A+",
        ),
        (helmet(&["content-security-policy: default-src 'self' 'unsafe-inline'"]), 80, "B+"),
        (helmet(&["set-cookie: sessionid=abcdefghijklmnop; Secure"]), 70, "B"),
        (
            helmet(&["set-cookie: sessionid=abcdefghijklmnop; Secure; HttpOnly; SameSite=Lax"]),
            135,
            "A+",
        ),
    ] {
        let scan = scanned(&scene);
        assert_eq!((scan.score(), scan.grade()), (score, grade), "{:?}", scan.results);
    }
    let floor = page(&["set-cookie: sessionid=abcdefghijklmnop"])
        .html("<script src=http://a.example/x.js></script>")
        .twin(vec![hop("http://shop.example.com/", 200, &[])]);
    assert_eq!((scanned(&floor).score(), scanned(&floor).grade()), (0, "F"));
}

#[test]
fn grades_follow_the_score() {
    for (score, grade) in [
        (165, "A+"),
        (100, "A+"),
        (99, "A"),
        (90, "A"),
        (89, "A-"),
        (85, "A-"),
        (84, "B+"),
        (80, "B+"),
        (79, "B"),
        (70, "B"),
        (69, "B-"),
        (65, "B-"),
        (64, "C+"),
        (60, "C+"),
        (59, "C"),
        (50, "C"),
        (49, "C-"),
        (45, "C-"),
        (44, "D+"),
        (40, "D+"),
        (39, "D"),
        (30, "D"),
        (29, "D-"),
        (25, "D-"),
        (24, "F"),
        (0, "F"),
    ] {
        let results = vec![super::outcome("test", score - 100)];
        assert_eq!(Scan { results }.grade(), grade, "{score}");
    }
}

#[test]
fn cookies() {
    const HSTS_LINE: &str = "strict-transport-security: max-age=31536000";
    for (line, without, with) in [
        ("a=b; Secure; SameSite=Lax", 5, 5),
        ("a=b; Secure; SameSite=None", 5, 5),
        ("sessionid=b; Secure; HttpOnly; SameSite=Strict", 5, 5),
        ("a=b; Secure", 0, 0),
        ("sessionid=b; Secure; HttpOnly", 0, 0),
        ("auth_token=b; Secure; SameSite=Lax", 5, 5),
        ("connect.sid=b; Secure; SameSite=Lax", 5, 5),
        ("a=b", -20, -5),
        ("sessionid=b; HttpOnly", -40, -10),
        ("login=b; HttpOnly", -40, -10),
        ("sessionid=b; Secure", -30, -30),
        ("assessment_id=b; Secure", -30, -30),
        ("sessionid=b", -40, -30),
        ("a=b; Secure; SameSite=Sometimes", -20, -20),
        ("a=b; Secure; SameSite", -20, -20),
        ("a=b; Secure; SameSite=", -20, -20),
        ("a=b; SameSite=None", -20, -20),
        ("csrftoken=b; Secure", -20, -20),
        ("csrftoken=b; Secure; SameSite=Lax", 5, 5),
        ("heroku-session-affinity=b", 0, 0),
        ("a=b; Domain=other.example", 0, 0),
        ("__Host-a=b; Secure", 0, 0),
        ("__Host-a=b; Secure; Path=/; SameSite=Lax", 5, 5),
        ("__Secure-a=b; SameSite=Lax", 0, 0),
        ("novalue", 0, 0),
    ] {
        let line_of = format!("set-cookie: {line}");
        assert_eq!(modifier(&page(&[&line_of]), COOKIES), without, "{line}");
        assert_eq!(modifier(&page(&[&line_of, HSTS_LINE]), COOKIES), with, "{line} with HSTS");
    }
    assert_eq!(result(&page(&[]), COOKIES), ("cookies-not-found", 0));
    // The jar keeps what redirects set, and the last of one name.
    let before = hop("https://shop.example.com/in", 302, &["set-cookie: a=b"]);
    assert_eq!(modifier(&page(&[]).by(vec![before.clone()]), COOKIES), -20);
    let again = page(&["set-cookie: a=b; Secure; SameSite=Lax"]).by(vec![before]);
    assert_eq!(modifier(&again, COOKIES), 5);
}

#[test]
fn hsts() {
    for (lines, modifier_of) in [
        (vec![], -20),
        (vec!["max-age=31536000"], 0),
        (vec!["max-age=15552000"], 0),
        (vec!["max-age=15551999"], -10),
        (vec!["max-age=0"], -10),
        (vec!["MAX-AGE=31536000; includeSubDomains"], 0),
        (vec!["max-age=abc"], 0),
        (vec!["max-age=\"100\""], 0),
        (vec!["max-age=31536000x"], 0),
        (vec!["max-age= 100"], -10),
        (vec!["max-age=-1"], -10),
        (vec!["max-age = 31536000"], -20),
        (vec!["includeSubDomains"], -20),
        (vec![""], -20),
        (vec!["max-age=31536000, max-age=31536000"], -20),
        (vec!["max-age=31536000", "max-age=31536000"], -20),
        (vec!["max-age=31536000; max-age=1"], -10),
    ] {
        let lines: Vec<String> =
            lines.iter().map(|line| format!("strict-transport-security: {line}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(modifier(&page(&lines), HSTS), modifier_of, "{lines:?}");
    }
    let mut untrusted = page(&["strict-transport-security: max-age=31536000"]);
    untrusted.evidence.document.hops[0].distrust = Some("it expired".into());
    assert_eq!(result(&untrusted, HSTS), ("hsts-invalid-cert", -20));
    let plain = page(&["strict-transport-security: max-age=31536000"])
        .at("shop.example.com", "http://shop.example.com/");
    assert_eq!(result(&plain, HSTS), ("hsts-not-implemented-no-https", -20));
}

#[test]
fn a_preload_list_that_is_given_counts() {
    for (name, below, bonus) in [
        ("shop.example.com", false, 5),
        ("example.com", true, 5),
        ("example.com", false, -20),
        ("com", true, 5),
        ("other.example", true, -20),
    ] {
        let preload = Preload([(name.to_owned(), below)].into());
        let scan = scan(&page(&[]).evidence, &preload).unwrap();
        assert_eq!(scan.results[HSTS].modifier, bonus, "{name} {below}");
    }
    let preload = Preload([("example.com".to_owned(), true)].into());
    let never = page(&[]).twin(vec![hop("http://shop.example.com/", 200, &[])]);
    let scan = scan(&never.evidence, &preload).unwrap();
    assert_eq!(scan.results[REDIRECTION].result, "redirection-all-redirects-preloaded");
}

#[test]
fn redirection() {
    let to = |url: &str| hop(url, 301, &[]);
    let end = |url: &str| hop(url, 200, &[]);
    let mut untrusted = end("https://shop.example.com/");
    untrusted.distrust = Some("it expired".into());
    let plain = "http://shop.example.com/";
    let secure = "https://shop.example.com/";
    let rows: Vec<(Vec<Hop>, i32)> = vec![
        (vec![to(plain), end(secure)], 0),
        (vec![to(plain), to(secure), end("https://www.example.com/")], 0),
        (vec![end(plain)], -20),
        (vec![end("http://shop.example.com/a")], -20),
        (vec![to(plain), end("http://shop.example.com/b")], -20),
        (vec![to(plain), to(secure), end(plain)], -20),
        (vec![to(plain), to("http://www.example.com/"), end(secure)], -10),
        (vec![to(plain), end("https://www.example.com/")], -5),
        (vec![to(plain), untrusted], -20),
        (vec![silent(plain, FailureKind::Refused)], 0),
        (vec![silent(plain, FailureKind::Timeout)], 0),
        (vec![to(plain), silent(secure, FailureKind::Timeout)], 0),
        (vec![], 0),
    ];
    for (hops, modifier_of) in rows {
        let shown = format!("{hops:?}");
        assert_eq!(modifier(&page(&[]).twin(hops), REDIRECTION), modifier_of, "{shown}");
    }
}

#[test]
fn some_answers_get_no_grade() {
    for (status, graded) in
        [(200, true), (301, true), (401, true), (403, true), (404, false), (500, false)]
    {
        let scene = page(&HELMET).status(status);
        assert_eq!(scan(&scene.evidence, &Preload::default()).is_some(), graded, "{status}");
    }
}
