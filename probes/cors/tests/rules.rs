//! Each rule where it fires and where it is silent.

use super::scene::{APP, DECLARED, Scene, closed, fenced, grants, scene};
use crate::cors::evidence::Reached;
use crate::cors::mutation::{Class, Reach};

const NOTHING: &str = "{}";
const PUBLIC: &str = r#"{"public": true}"#;
const ECHO: [&str; 3] =
    ["access-control-allow-origin: {}", "access-control-allow-credentials: true", "vary: Origin"];
const ECHO_ALONE: [&str; 2] = ["access-control-allow-origin: {}", "vary: Origin"];

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_fence_that_stands_is_silent() {
    assert_eq!(fenced().fired(DECLARED), none());
    assert_eq!(closed().fired(NOTHING), none());
    let credentials_alone = ["access-control-allow-credentials: true", "vary: Origin"];
    let scene = scene(200, &credentials_alone)
        .guest(
            APP,
            200,
            &ECHO.map(|line| {
                if line.contains("{}") {
                    "access-control-allow-origin: https://app.example.com"
                } else {
                    line
                }
            }),
        )
        .stranger(200, &credentials_alone)
        .null(200, &credentials_alone);
    assert_eq!(scene.fired(DECLARED), none(), "credentials without an origin mean nothing");
}

#[test]
fn a_fixed_origin_is_no_reflection() {
    let lines = grants(APP);
    let fixed: Vec<&str> = lines.iter().map(String::as_str).collect();
    let scene = scene(200, &fixed).guest(APP, 200, &fixed).stranger(200, &fixed).null(200, &fixed);
    assert_eq!(scene.fired(DECLARED), none());
    assert_eq!(scene.fired(NOTHING), none());
}

#[test]
fn reflection_is_graded_by_what_it_opens() {
    let reflecting = |status, lines: &[&str]| {
        scene(status, &["vary: Origin"]).stranger(status, lines).stranger(status, lines)
    };
    for (scene, settings, says) in [
        (reflecting(200, &ECHO), NOTHING, &["critical"][..]),
        (reflecting(200, &ECHO), PUBLIC, &["critical"]),
        (reflecting(200, &ECHO_ALONE), NOTHING, &["medium"]),
        (reflecting(200, &ECHO_ALONE), PUBLIC, &[]),
        (reflecting(401, &ECHO), NOTHING, &["high"]),
        (closed(), NOTHING, &[]),
        (fenced(), DECLARED, &[]),
        (scene(200, &[]), NOTHING, &["untested"]),
    ] {
        assert_eq!(scene.says(settings, "origin-reflected"), says, "{settings}");
    }
    let saw = reflecting(200, &ECHO).saw(NOTHING, "origin-reflected");
    assert!(
        saw.contains("https://evil.example, can read answers with the user's cookies"),
        "{saw}"
    );
    assert!(!saw.contains("stranger"), "what is random stays out: {saw}");
}

#[test]
fn one_stranger_of_two_is_a_change_and_no_reflection() {
    let scene = scene(200, &[]).stranger(200, &ECHO).stranger(200, &[]);
    assert_eq!(scene.says(NOTHING, "origin-reflected"), ["untested"]);
    assert!(scene.saw(NOTHING, "undetermined").contains("changed in mid-run"));
}

#[test]
fn a_preflight_alone_lets_requests_out_but_no_answers_in() {
    let allow = "access-control-allow-methods: PUT";
    let names = "access-control-allow-headers: content-type";
    let with = |lines: &[&str]| closed().stranger_asks(204, lines);
    let rule = "origin-reflected";
    assert_eq!(with(&[ECHO[0], ECHO[1], allow, names]).says(NOTHING, rule), ["medium preflight"]);
    assert_eq!(with(&[ECHO[0], allow, names]).says(NOTHING, rule), ["info preflight"]);
    assert_eq!(with(&[ECHO[0], allow, names]).says(PUBLIC, rule), none());
    assert_eq!(with(&[ECHO[0], ECHO[1]]).says(NOTHING, rule), none(), "the method is not allowed");
    assert_eq!(with(&["access-control-allow-origin: *", allow, names]).says(NOTHING, rule), none());
    assert_eq!(with(&[]).says(NOTHING, rule), none());
}

#[test]
fn null_is_everybody() {
    let with = |lines: &[&str]| scene(200, &[]).stranger(200, &[]).null(200, lines);
    assert_eq!(with(&ECHO).says(NOTHING, "null-allowed"), ["high"]);
    assert_eq!(with(&ECHO_ALONE).says(NOTHING, "null-allowed"), ["low"]);
    assert_eq!(with(&ECHO_ALONE).says(PUBLIC, "null-allowed"), none());
    assert_eq!(with(&["access-control-allow-origin: *"]).says(NOTHING, "null-allowed"), none());
    assert_eq!(with(&[]).says(NOTHING, "null-allowed"), none());
    assert_eq!(scene(200, &[]).stranger(200, &[]).says(NOTHING, "null-allowed"), ["untested"]);
}

/// A rule on look-alikes, an origin of its class, and its severity with cookies and without.
const LOOKALIKES: [(&str, Class, Reach, &str, &str, &str); 13] = [
    (
        "prefix-allowed",
        Class::Prefix,
        Reach::Open,
        "https://app.example.com.evil.example",
        "high",
        "medium",
    ),
    ("suffix-allowed", Class::Suffix, Reach::Open, "https://evilexample.com", "high", "medium"),
    (
        "suffix-allowed",
        Class::Suffix,
        Reach::Narrow,
        "https://evilapp.example.com",
        "medium",
        "info",
    ),
    (
        "subdomain-allowed",
        Class::Subdomain,
        Reach::Narrow,
        "https://evil.app.example.com",
        "medium",
        "info",
    ),
    ("pattern-loose", Class::Pattern, Reach::Open, "https://appxexample.com", "high", "medium"),
    ("pattern-loose", Class::Pattern, Reach::Narrow, "https://app.examplexcom", "medium", "info"),
    (
        "special-character-allowed",
        Class::Special,
        Reach::Open,
        "https://app.example.com_.evil.example",
        "high",
        "medium",
    ),
    (
        "special-character-allowed",
        Class::Special,
        Reach::Narrow,
        "https://app.example.com`.evil.example",
        "medium",
        "info",
    ),
    ("port-ignored", Class::Port, Reach::Narrow, "https://app.example.com:8443", "medium", "info"),
    ("http-allowed", Class::Http, Reach::Wire, "http://app.example.com", "high", "info"),
    (
        "platform-allowed",
        Class::Platform,
        Reach::Open,
        "https://musterd.github.io",
        "high",
        "medium",
    ),
    (
        "development-origin-allowed",
        Class::Development,
        Reach::Narrow,
        "http://localhost:3000",
        "medium",
        "info",
    ),
    ("development-origin-allowed", Class::Development, Reach::Narrow, "file://", "medium", "info"),
];

#[test]
fn look_alikes_that_get_in_are_told_with_what_they_can_read() {
    for (rule, class, reach, origin, with, without) in LOOKALIKES {
        let tried = |lines: &[&str]| fenced().mutated(class, reach, origin, lines);
        let said = |lines: &[&str]| tried(lines).says(DECLARED, rule);
        assert_eq!(said(&ECHO), [format!("{with} {origin}")], "{rule}");
        assert_eq!(said(&ECHO_ALONE), [format!("{without} {origin}")], "{rule}");
        assert_eq!(said(&["vary: Origin"]), none(), "{rule}");
        assert_eq!(said(&["access-control-allow-origin: *"]), none(), "{rule}");
        assert_eq!(
            said(&["access-control-allow-origin: https://app.example.com"]),
            none(),
            "{rule}"
        );
        assert_eq!(fenced().says(DECLARED, rule), ["untested"], "{rule}");
        let saw = tried(&ECHO).saw(DECLARED, rule);
        assert!(saw.starts_with(&format!("a page at {origin} can read answers with")), "{saw}");
        // Nothing else speaks of it.
        assert_eq!(tried(&ECHO).fired(DECLARED).len(), 1, "{rule}");
    }
}

#[test]
fn what_everybody_can_read_is_told_once() {
    let tried = |lines: &[&str]| {
        let (class, origin) = (Class::Prefix, "https://app.example.com.evil.example");
        scene(200, &["vary: Origin"])
            .stranger(200, &ECHO_ALONE)
            .stranger(200, &ECHO_ALONE)
            .null(200, lines)
            .mutated(class, Reach::Open, origin, lines)
    };
    assert_eq!(tried(&ECHO_ALONE).fired(NOTHING), ["origin-reflected medium"]);
    assert_eq!(tried(&ECHO_ALONE).fired(PUBLIC), none());
    assert_eq!(
        tried(&ECHO).fired(NOTHING),
        [
            "origin-reflected medium",
            "null-allowed high",
            "prefix-allowed high https://app.example.com.evil.example"
        ]
    );
}

#[test]
fn where_the_service_itself_is_plain_the_network_reads_anyhow() {
    let (class, reach) = (Class::Http, Reach::Wire);
    let scene = fenced().own("http://api.example.com").mutated(
        class,
        reach,
        "http://app.example.com",
        &ECHO,
    );
    assert_eq!(scene.says(DECLARED, "http-allowed"), ["info http://app.example.com"]);
}

#[test]
fn a_wildcard_is_judged_by_whom_it_is_for() {
    let star = ["access-control-allow-origin: *"];
    let open = scene(200, &star).stranger(200, &star).null(200, &star);
    assert_eq!(open.fired(NOTHING), ["wildcard-on-private info"]);
    assert_eq!(open.fired(PUBLIC), none());
    let guest = scene(200, &star).guest(APP, 200, &star).stranger(200, &star);
    let declared = r#"{"allowed_origins": ["https://app.example.com"]}"#;
    assert_eq!(guest.fired(declared), ["wildcard-on-private medium"]);
    let public = r#"{"allowed_origins": ["https://app.example.com"], "public": true}"#;
    assert_eq!(guest.fired(public), none());
    assert_eq!(
        guest.fired(DECLARED),
        ["wildcard-on-private medium", "allowed-origin-refused high https://app.example.com"]
    );
}

#[test]
fn a_wildcard_with_credentials_contradicts_itself() {
    let both = ["access-control-allow-origin: *", "access-control-allow-credentials: true"];
    let other = ["access-control-allow-origin: *", "access-control-allow-credentials: false"];
    let with = |lines: &[&str]| scene(200, lines).stranger(200, lines);
    assert_eq!(with(&both).says(NOTHING, "wildcard-with-credentials"), ["medium"]);
    assert_eq!(with(&both).says(PUBLIC, "wildcard-with-credentials"), ["low"]);
    assert_eq!(with(&other).says(NOTHING, "wildcard-with-credentials"), none());
    assert_eq!(with(&both[1..]).says(NOTHING, "wildcard-with-credentials"), none());
}

#[test]
fn values_that_no_browser_matches_are_told() {
    let with = |value: &str| {
        let line = format!("access-control-allow-origin: {value}");
        scene(200, &[&line]).guest(APP, 200, &[&line]).stranger(200, &[&line])
    };
    let rule = "allow-origin-invalid";
    for value in [
        "https://app.example.com, https://b.example",
        "https://app.example.com/",
        "https://*.example.com",
        "app.example.com",
    ] {
        assert_eq!(with(value).says(DECLARED, rule), ["high"], "{value}");
        assert_eq!(with(value).says(NOTHING, rule), ["medium"], "{value}");
    }
    for value in ["https://app.example.com", "*", "null", "https://other.example", ""] {
        assert_eq!(with(value).says(DECLARED, rule), none(), "{value}");
    }
    let twice = ["access-control-allow-origin: *", "access-control-allow-origin: *"];
    assert_eq!(scene(200, &twice).stranger(200, &twice).says(NOTHING, rule), ["medium"]);
}

#[test]
fn an_allowed_page_that_is_kept_out_is_an_outage() {
    let guest = |status, lines: &[&str]| {
        scene(status, &["vary: Origin"])
            .guest(APP, status, lines)
            .stranger(status, &["vary: Origin"])
    };
    let rule = "allowed-origin-refused";
    let refused = format!("high {APP}");
    let (origin, credentials) = (
        "access-control-allow-origin: https://app.example.com",
        "access-control-allow-credentials: true",
    );
    for (lines, says) in [
        (&[][..], Some("there is no Access-Control-Allow-Origin")),
        (&["access-control-allow-origin:"][..], Some("there is no Access-Control-Allow-Origin")),
        (
            &["access-control-allow-origin: https://www.example.com"],
            Some("`https://www.example.com`"),
        ),
        (&["access-control-allow-origin: *"], Some("`*`, which browsers refuse")),
        (&[origin], Some("there is no Access-Control-Allow-Credentials")),
        (
            &[origin, "access-control-allow-credentials: True"],
            Some("`True`, and only `true` counts"),
        ),
        (
            &[origin, origin, credentials],
            Some("`https://app.example.com, https://app.example.com`"),
        ),
        (&[origin, credentials], None),
    ] {
        let scene = guest(200, lines);
        match says {
            None => assert_eq!(scene.says(DECLARED, rule), none()),
            Some(words) => {
                assert_eq!(scene.says(DECLARED, rule), [refused.as_str()], "{lines:?}");
                assert!(scene.saw(DECLARED, rule).contains(words), "{}", scene.saw(DECLARED, rule));
            }
        }
    }
    let plain = r#"{"allowed_origins": ["https://app.example.com"]}"#;
    assert_eq!(guest(200, &["access-control-allow-origin: *"]).says(plain, rule), none());
    // A page must be able to read that it is not signed in.
    assert_eq!(guest(401, &[]).says(DECLARED, rule), [format!("medium {APP}")]);
    // A page that is not there is nobody's outage.
    assert_eq!(guest(404, &[]).says(DECLARED, rule), ["untested"]);
    assert_eq!(guest(503, &[]).says(DECLARED, rule), ["untested"]);
    assert_eq!(closed().says(NOTHING, rule), ["untested"]);
}

const METHODS: &str = r#"{"allowed_origins": ["https://app.example.com"], "credentials": true,
    "methods": ["GET", "PUT", "PATCH"], "headers": ["Content-Type"]}"#;

fn preflight(status: u16, methods: &str, headers: &str) -> Scene {
    let mut lines = grants(APP);
    lines.push(format!("access-control-allow-methods: {methods}"));
    lines.push(format!("access-control-allow-headers: {headers}"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    fenced().preflight("PUT", status, &lines)
}

#[test]
fn a_preflight_is_judged_for_what_is_declared() {
    let rule = "preflight-refused";
    let put = format!("high {APP} PUT");
    for (scene, says) in [
        (preflight(204, "PUT, PATCH, GET", "content-type, authorization"), vec![]),
        (preflight(200, "PUT, PATCH, GET", "Content-Type"), vec![]),
        // Whether PATCH is allowed was not asked, and is not said.
        (preflight(204, "PUT", "content-type"), vec![]),
        (preflight(204, "GET, POST", "content-type"), vec![put.clone()]),
        (preflight(204, "put", "content-type"), vec![put.clone()]),
        (preflight(204, "PUT", "authorization"), vec![put.clone()]),
        (preflight(204, "*", "*"), vec![put.clone()]),
        (preflight(405, "PUT", "content-type"), vec![put.clone()]),
        (preflight(302, "PUT", "content-type"), vec![put.clone()]),
        (preflight(500, "PUT", "content-type"), vec![put.clone()]),
        (fenced().preflight("PUT", 204, &[]), vec![put.clone()]),
        (fenced(), vec!["untested".to_owned()]),
    ] {
        assert_eq!(scene.says(METHODS, rule), says);
    }
    assert_eq!(fenced().says(DECLARED, rule), ["untested"], "a GET needs none");
    let saw = preflight(204, "GET", "content-type").saw(METHODS, rule);
    assert!(
        saw.contains("may not send PUT with content-type: Access-Control-Allow-Methods"),
        "{saw}"
    );
}

#[test]
fn what_one_preflight_lists_another_need_not_ask_for() {
    let judgement = preflight(204, "PUT, PATCH", "content-type").judged(METHODS);
    let tested = judgement.tested.iter().find(|(about, _)| about.id == "cors.preflight-refused");
    // A GET without a body has no content type to ask for.
    let both = vec![format!("{APP} PUT"), format!("{APP} PATCH")];
    assert_eq!(tested.map(|(_, tested)| tested), Some(&crate::rule::Tested::Only(both)));
}

#[test]
fn caches_must_be_told_where_answers_differ() {
    let allow = "access-control-allow-origin: https://app.example.com";
    let credentials = "access-control-allow-credentials: true";
    let with = |guest: &[&str], other: &[&str]| {
        let guest = [&[allow, credentials], guest].concat();
        scene(200, other).guest(APP, 200, &guest).stranger(200, other)
    };
    let vary = "vary: Accept-Encoding, origin";
    let rule = "vary-missing";
    for (guest, other, says) in [
        (&[vary][..], &[vary][..], &[][..]),
        (&["vary: *"], &["vary: *"], &[]),
        (&[], &[], &["medium"]),
        (&["vary: Accept-Encoding"], &["vary: Accept-Encoding"], &["medium"]),
        // The refusal that a cache keeps shuts the allowed page out.
        (&[vary], &[], &["medium"]),
        (&[vary], &["cache-control: public, max-age=60"], &["high"]),
        (&[vary], &["cache-control: no-store"], &[]),
        (&[vary], &["cache-control: private"], &[]),
        (&["cache-control: no-store"], &["cache-control: no-store"], &[]),
        (&["age: 30"], &[vary], &["high"]),
    ] {
        assert_eq!(with(guest, other).says(DECLARED, rule), says, "{guest:?} {other:?}");
    }
    // What is the same for everybody depends on nobody.
    assert_eq!(closed().says(NOTHING, rule), none());
    let fixed = scene(200, &[allow]).guest(APP, 200, &[allow]).stranger(200, &[allow]);
    assert_eq!(fixed.says(DECLARED, rule), none());
    assert_eq!(scene(200, &[]).says(NOTHING, rule), ["untested"]);
}

#[test]
fn an_error_for_a_stranger_is_no_outage_but_a_nuisance() {
    let rule = "error-on-refusal";
    let stranger = |status| fenced().stranger(status, &[]);
    assert_eq!(stranger(500).fired(DECLARED), ["error-on-refusal low"]);
    for status in [200, 400, 403] {
        assert_eq!(stranger(status).says(DECLARED, rule), none(), "{status}");
    }
    assert_eq!(scene(200, &[]).stranger(500, &[]).void().says(NOTHING, rule), ["untested"]);
    assert_eq!(scene(500, &[]).stranger(500, &[]).says(NOTHING, rule), ["untested"]);
}

#[test]
fn what_was_not_tried_in_a_canary_is_listed_and_opens_nothing() {
    for (reach, why) in [
        (Reached::Canary, "only `depth: full` tries it"),
        (Reached::NotDue, "it is tried once a day"),
        (Reached::Needless, "every origin is allowed as it is"),
        (Reached::Pointless, "what answered was not the endpoint, or not well"),
        (Reached::Full { left: 7 }, "it waits for the next run of full depth"),
    ] {
        let judgement = fenced().reach(reach).judged(DECLARED);
        assert!(judgement.findings.is_empty());
        let untested = judgement.untested().find(|(about, _)| about.id == "cors.prefix-allowed");
        assert_eq!(untested.map(|(_, why)| why), Some(why));
    }
}

#[test]
fn a_look_alike_that_was_not_tried_again_stays_as_it_was() {
    let (class, reach) = (Class::Prefix, Reach::Open);
    let scene = fenced().mutated(class, reach, "https://app.example.com.evil.example", &[]);
    let judgement = scene.judged(DECLARED);
    let tested = judgement.tested.iter().find(|(about, _)| about.id == "cors.prefix-allowed");
    let tried = vec!["https://app.example.com.evil.example".to_owned()];
    assert_eq!(tested.map(|(_, tested)| tested), Some(&crate::rule::Tested::Only(tried)));
}
