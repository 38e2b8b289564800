//! Targets of which nothing can be proven: never green, and it is said why.

use super::scene::{APP, DECLARED, Scene, closed, fenced, grants, scene};
use crate::cors::evidence::{Reached, Stop};
use crate::severity::Verdict;

const NOTHING: &str = "{}";

/// Everywhere the same answer without any header of CORS.
fn everywhere(status: u16, lines: &[&str]) -> Scene {
    scene(status, lines).stranger(status, lines).null(status, lines)
}

#[test]
fn nothing_is_green_that_was_not_proven() {
    let login = ["location: https://login.example.com/?next=/api"];
    for (scene, settings, says) in [
        (everywhere(404, &[]), NOTHING, "it answers 404: set `path`"),
        (everywhere(410, &[]), NOTHING, "it answers 410"),
        (everywhere(500, &[]), NOTHING, "it answers 500"),
        (everywhere(503, &[]), DECLARED, "it answers 503"),
        (everywhere(302, &login), NOTHING, "leads to https://login.example.com/"),
        (everywhere(401, &[]), NOTHING, "give the service credentials"),
        (everywhere(403, &[]), NOTHING, "give the service credentials"),
        (scene(403, &[]).blocked_by("Cloudflare"), NOTHING, "a firewall (Cloudflare)"),
        (scene(200, &[]).blocked_by("Cloudflare"), NOTHING, "a firewall (Cloudflare)"),
        (scene(429, &[]), NOTHING, "it answers 429"),
        (scene(200, &[]).silent(), NOTHING, "no answer came: it is closed"),
        (closed().alike(true), NOTHING, "answers every path"),
        (
            closed().stopped(Stop::Cached { header: "age: 3".into() }),
            NOTHING,
            "a shared cache answered",
        ),
        (
            closed().stopped(Stop::Worse { saw: "200, then 503".into() }),
            NOTHING,
            "with a query of our own against caches, the request is answered worse than at the start (200, then 503)",
        ),
        (
            closed().stopped(Stop::Refused { saw: "429 Too Many Requests".into() }),
            NOTHING,
            "refused with 429",
        ),
        (closed().stopped(Stop::Lost), NOTHING, "three requests in a row"),
        (
            scene(201, &[]).stopped(Stop::NotInert { status: 201 }),
            r#"{"method": "POST"}"#,
            "not inert: POST without a body was answered 201",
        ),
        (scene(200, &[]).stranger(200, &[]).silent(), NOTHING, "foreign origin had no answer"),
    ] {
        let judgement = scene.judged(settings);
        assert_ne!(judgement.verdict(), Verdict::Pass, "{says}");
        let saw = scene.saw(settings, "undetermined");
        assert!(saw.contains(says), "{says}: {saw}");
    }
}

#[test]
fn what_is_proven_is_not_undetermined() {
    for (scene, settings) in [
        (closed(), NOTHING),
        (closed().alike(false), NOTHING),
        (fenced(), DECLARED),
        (scene(200, &[]).passive(), NOTHING),
    ] {
        assert!(scene.says(settings, "undetermined").is_empty());
    }
}

#[test]
fn at_a_door_that_is_shut_the_fence_can_still_be_seen() {
    let lines = grants(APP);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let door = |status| {
        scene(status, &["vary: Origin"])
            .guest(APP, status, &lines)
            .stranger(status, &["vary: Origin"])
    };
    for status in [400, 401, 403, 405, 422] {
        assert!(door(status).fired(DECLARED).is_empty(), "{status}");
    }
    assert_eq!(door(404).fired(DECLARED), ["undetermined low"]);
    let judgement = door(401).reach(Reached::Canary).judged(DECLARED);
    let (_, why) = judgement.untested().find(|(about, _)| about.id == "cors.vary-missing").unwrap();
    assert!(why.starts_with("it answers 401"), "{why}");
}

#[test]
fn answers_that_change_in_mid_run_prove_nothing() {
    let lines = grants(APP);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let scene = scene(200, &["vary: Origin"])
        .guest(APP, 200, &["vary: Origin"])
        .guest(APP, 200, &lines)
        .stranger(200, &["vary: Origin"]);
    assert_eq!(scene.fired(DECLARED), ["undetermined low"]);
    assert!(scene.saw(DECLARED, "undetermined").contains("allowed once, and once not"));
}

#[test]
fn a_finding_does_not_close_while_the_target_is_not_well() {
    for scene in [everywhere(503, &[]), everywhere(302, &[]), scene(200, &[]).silent()] {
        let judgement = scene.judged(DECLARED);
        let untested: Vec<&str> = judgement.untested().map(|(about, _)| about.id).collect();
        for rule in
            ["origin-reflected", "null-allowed", "wildcard-on-private", "allowed-origin-refused"]
        {
            assert!(untested.contains(&format!("cors.{rule}").as_str()), "{rule}: {untested:?}");
        }
    }
}

#[test]
fn a_target_that_breaks_down_is_not_said_to_refuse_its_pages() {
    let scene = scene(200, &[])
        .guest(APP, 500, &[])
        .guest(APP, 500, &[])
        .stranger(500, &[])
        .void()
        .stopped(Stop::Worse { saw: "200, then 500".into() });
    assert_eq!(scene.fired(DECLARED), ["undetermined low"]);
}

#[test]
fn a_cache_that_ignores_the_query_is_told_and_graded() {
    let stop = || Stop::Cached { header: "x-cache: HIT".into() };
    let plain = closed().stopped(stop());
    assert_eq!(plain.says(NOTHING, "shared-cache-hit"), ["low"]);
    let lines = grants(APP);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let named = scene(200, &[]).guest(APP, 200, &lines).stranger(200, &lines).stopped(stop());
    assert_eq!(named.says(DECLARED, "shared-cache-hit"), ["high"]);
    // What comes back of a made-up origin was not kept for anybody.
    let echo = ["access-control-allow-origin: {}"];
    let fresh = scene(200, &[]).stranger(200, &echo).stopped(stop());
    assert_eq!(fresh.says(NOTHING, "shared-cache-hit"), ["low"]);
    assert!(closed().says(NOTHING, "shared-cache-hit").is_empty());
    assert_eq!(scene(200, &[]).says(NOTHING, "shared-cache-hit"), ["untested"]);
}

#[test]
fn without_consent_foreign_origins_are_untested_and_nothing_opens() {
    let lines = grants(APP);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let scene = scene(200, &["vary: Origin"]).guest(APP, 200, &lines).passive();
    let judgement = scene.judged(DECLARED);
    assert_eq!(judgement.verdict(), Verdict::Pass);
    let why = judgement.untested().find(|(about, _)| about.id == "cors.origin-reflected");
    assert!(why.is_some_and(|(_, why)| why.contains("not consented to")));
}
