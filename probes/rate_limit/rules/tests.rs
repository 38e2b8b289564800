//! Each rule with evidence that it fires on, and evidence that it is silent on.

use super::testing::{findings, judged, run, stopped, tests, untested};
use crate::net::origin::Origin;
use crate::net::sighting::Sighting;
use crate::rate_limit::evidence::Mode::{Differential, Exhaust, Headers};
use crate::rate_limit::evidence::{Evidence, LeftOut, NOT_ITS_TIME, StopCause};

const SIX: &str = r#"{"limit": 6, "window": "6s", "mode": "exhaust"}"#;
const LOGIN: &str = r#"{"request": {"method": "POST", "path": "/api/login"}, "limit": 6, "window": "6s", "mode": "exhaust"}"#;
const SIXTY: &str = r#"{"limit": 60, "window": "1m", "mode": "differential"}"#;
const READ: &str = r#"{"limit": 60, "window": "1m"}"#;

fn has(settings: &str, evidence: impl std::borrow::Borrow<Evidence>, rule: &str) -> bool {
    judged(settings, evidence.borrow()).iter().any(|found| found.starts_with(rule))
}

/// A fixed window of six in six seconds that is honest, taken over its limit.
fn honest() -> Evidence {
    run(
        Exhaust,
        &[
            "0.0 200 left=5/6 reset=6",
            "0.1 200 left=4/6 reset=6",
            "0.2 200 left=3/6 reset=6",
            "3.0 200 left=2/6 reset=3",
            "3.1 200 left=1/6 reset=3",
            "3.2 200 left=0/6 reset=3",
            "3.3 429 left=0/6 reset=3 ra=3",
            "3.4 429 control left=0/6 reset=3 ra=3",
            "3.5 429 xff=x-forwarded-for left=0/6 reset=3 ra=3",
            "4.6 429 left=0/6 reset=2 ra=2",
            "6.4 200 left=5/6 reset=6",
            "6.5 200 left=4/6 reset=6",
            "6.6 200 left=3/6 reset=6",
            "6.7 200 left=2/6 reset=6",
        ],
    )
}

/// Half of a limit of sixty a minute, counted honestly in a fixed window.
fn counted() -> Evidence {
    run(
        Differential,
        &[
            "0.0 200 left=59/60 reset=60 h:ratelimit-policy=60;w=60",
            "0.1 200 left=58/60 reset=60",
            "21 200 left=57/60 reset=39",
            "21.1 200 left=56/60 reset=39",
            "21.2 200 left=55/60 reset=39",
            "21.3 200 left=54/60 reset=39",
            "63.6 200 left=59/60 reset=60",
            "63.7 200 left=58/60 reset=60",
            "88 200 left=57/60 reset=36",
            "88.1 200 left=56/60 reset=36",
            "88.2 200 control left=55/60 reset=36",
            "88.3 200 xff=x-forwarded-for left=54/60 reset=36",
            "88.4 200 path=case left=53/60 reset=36",
            "88.5 200 control left=52/60 reset=36",
        ],
    )
}

#[test]
fn an_honest_limit_is_silent_in_every_mode() {
    assert_eq!(judged(SIX, &honest()), [""; 0]);
    assert_eq!(judged(SIXTY, &counted()), [""; 0]);
    let read = run(Headers, &["0.0 200 left=59/60 reset=60", "0.1 200 left=58/60 reset=60"]);
    assert_eq!(judged(READ, &read), [""; 0]);
}

/// More than enough requests, and all of them accepted.
fn unlimited(path: &str) -> Evidence {
    let lines: Vec<String> =
        (0..17).map(|index| format!("{}.{} 401{path}", index / 10, index % 10)).collect();
    run(Exhaust, &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn not_enforced_is_critical_where_it_guards_credentials() {
    let at = |path: &str| LOGIN.replace("/api/login", path);
    for (settings, severity) in [
        (SIX.to_owned(), "high"),
        (LOGIN.to_owned(), "critical"),
        (at("/oauth2/authorize"), "critical"),
        (at("/api/authors/7"), "high"),
    ] {
        let found = findings(&settings, &unlimited(""), "rate_limit.not-enforced");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1, severity);
        assert!(found[0].0.starts_with("17 requests and none was refused"), "{}", found[0].0);
    }
    assert!(!has(SIX, honest(), "rate_limit.not-enforced"));
    let few = run(Exhaust, &["0.0 200", "0.1 200"]);
    assert!(untested(SIX, &few, "rate_limit.not-enforced").is_some());
    assert_eq!(judged(SIX, &few), ["rate_limit.unproven"]);
    let why = untested(READ, &run(Headers, &["0.0 200"]), "rate_limit.not-enforced");
    assert!(why.unwrap().contains("mode: exhaust"));
}

#[test]
fn what_is_accepted_over_many_windows_is_not_beyond_the_limit() {
    let lines: Vec<String> = (0..14).map(|index| format!("{index} 200")).collect();
    let slowly = run(Exhaust, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(!has(SIX, slowly, "rate_limit.not-enforced"));
}

#[test]
fn fails_open_on_a_limit_of_nothing_and_on_nothing_left() {
    let nothing = run(Headers, &["0.0 200 left=0/0", "0.1 200 left=0/0"]);
    assert!(has("{}", nothing, "rate_limit.fails-open"));
    let on = run(
        Differential,
        &["0.0 200 left=1/60", "0.1 200 left=0/60", "0.2 200 left=0/60", "0.3 200 left=0/60"],
    );
    assert!(has(SIXTY, on, "rate_limit.fails-open"));
    assert!(!has(SIX, honest(), "rate_limit.fails-open"));
}

#[test]
fn failures_uncounted_needs_three_that_do_not_count() {
    let login = r#"{"request": {"method": "POST", "path": "/api/login"}, "mode": "differential"}"#;
    let forgiven =
        run(Differential, &["0.0 401 left=59/60", "0.1 401 left=59/60", "0.2 401 left=59/60"]);
    let found = findings(login, &forgiven, "rate_limit.failures-uncounted");
    assert_eq!(found[0].1, "high");
    assert!(!has(login, forgiven, "rate_limit.headers-contradict"));
    let counted =
        run(Differential, &["0.0 401 left=59/60", "0.1 401 left=58/60", "0.2 401 left=57/60"]);
    assert!(!has(login, counted, "rate_limit.failures-uncounted"));
    let two = run(Headers, &["0.0 401 left=59/60", "0.1 401 left=59/60"]);
    assert!(untested(login, &two, "rate_limit.failures-uncounted").is_some());
    // A bucket of six hundred a minute gives one back in the time that a request takes.
    let fast = login.replace("\"mode\"", r#""limit": 600, "window": "1m", "mode""#);
    for (status, rule) in
        [(401, "rate_limit.failures-uncounted"), (200, "rate_limit.headers-contradict")]
    {
        let lines = ["0.0", "0.15", "0.3"].map(|at| format!("{at} {status} left=599/600"));
        let evidence = run(Differential, &lines.each_ref().map(String::as_str));
        assert!(!has(&fast, &evidence, rule), "{rule}");
        let lines = ["0.0", "0.02", "0.04"].map(|at| format!("{at} {status} left=599/600"));
        let evidence = run(Differential, &lines.each_ref().map(String::as_str));
        assert!(has(&fast, &evidence, rule), "{rule}");
    }
}

#[test]
fn limit_differs_by_declaration_and_by_what_is_admitted() {
    let declared = run(Headers, &["0.0 200 left=99/100", "0.1 200 left=98/100"]);
    let found = findings(READ, &declared, "rate_limit.limit-differs");
    assert_eq!(found[0].0, "headers declare 100");
    let ten = r#"{"limit": 10, "window": "6s", "mode": "exhaust"}"#;
    let evidence = without_headers(honest());
    let found = findings(ten, &evidence, "rate_limit.limit-differs");
    assert!(
        found[0].0.contains("6 ") && found[0].0.contains("(at 0 s 3 answered 200;"),
        "{}",
        found[0].0
    );
    assert!(found[0].0.contains("fits") && found[0].0.contains("second:"), "{}", found[0].0);
    assert!(!has(SIX, without_headers(honest()), "rate_limit.limit-differs"));
    // Another limit that is declared refuses first.
    let policies = "h:ratelimit-policy=\"burst\";q=5;w=1,\"all\";q=20;w=20";
    let left =
        |n: u32| format!("h:ratelimit=\"burst\";r={};t=1,\"all\";r={};t=20", 4 - n.min(4), 19 - n);
    let status = |n: u32| if n < 5 { 200 } else { 429 };
    let line = |n: u32| format!("0.{n} {} {policies} {}", status(n), left(n));
    let lines: Vec<String> = (0..6).map(line).collect();
    let burst = run(Exhaust, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    let twenty = r#"{"limit": 20, "window": "20s", "mode": "exhaust"}"#;
    assert!(!has(twenty, &burst, "rate_limit.limit-differs"));
    assert!(findings(twenty, &burst, "rate_limit.unproven")[0].0.contains("of 5, refuses first"));
    // One of several policies is the one that was meant.
    let both = run(
        Headers,
        &[
            "0.0 200 h:ratelimit-policy=\"burst\";q=60;w=60,\"daily\";q=1000;w=86400 h:ratelimit=\"burst\";r=59;t=60",
        ],
    );
    assert!(!has(READ, both, "rate_limit.limit-differs"));
}

fn without_headers(mut evidence: Evidence) -> Evidence {
    for sample in &mut evidence.samples {
        sample.headers.retain(|(name, _)| name == "retry-after");
    }
    evidence
}

#[test]
fn window_differs_by_declaration_and_by_what_comes_back() {
    let declared = run(
        Headers,
        &[
            "0.0 200 left=59/60 h:ratelimit-policy=60;w=900",
            "0.1 200 left=58/60 h:ratelimit-policy=60;w=900",
        ],
    );
    let found = findings(READ, &declared, "rate_limit.window-differs");
    assert_eq!(found[0].0, "headers declare 900 s");
    // Nothing comes back after twenty seconds, where six were meant.
    let locked = run(
        Exhaust,
        &[
            "0.0 200", "0.1 200", "0.2 200", "3.0 200", "3.1 200", "3.2 200", "3.3 429", "4.6 429",
            "6.4 429", "12.5 429", "18.5 429", "20.5 200", "20.6 200", "20.7 200",
        ],
    );
    assert!(has(SIX, locked, "rate_limit.window-differs"));
    assert!(!has(SIX, honest(), "rate_limit.window-differs"));
    assert!(!has(SIXTY, counted(), "rate_limit.window-differs"));
    let ahead = run(Headers, &["0.0 200 left=59/60 reset=900", "0.1 200 left=58/60 reset=900"]);
    assert!(has(READ, ahead, "rate_limit.window-differs"));
}

#[test]
fn retry_after_is_too_early_zero_too_late_or_no_number() {
    let rule = "rate_limit.retry-after-wrong";
    let early = run(Exhaust, &["0.0 200", "0.1 429 ra=1", "2.2 429 ra=1", "9 200"]);
    assert!(findings(SIX, &early, rule)[0].0.starts_with("still refused"));
    let zero = run(Exhaust, &["0.0 200", "0.1 429 ra=0", "0.2 429 ra=0", "9 200"]);
    assert!(has(SIX, zero, rule));
    let late = run(Exhaust, &["0.0 200", "0.1 429 ra=60", "6.4 200"]);
    assert_eq!(findings(SIX, &late, rule)[0].1, "low");
    let decimal = run(Exhaust, &["0.0 200", "0.1 429 ra=5.811", "6.4 200"]);
    assert!(has(SIX, decimal, "rate_limit.retry-after-wrong notation"));
    assert!(!has(SIX, honest(), rule));
    let epoch = run(Exhaust, &["0.0 200", "0.1 429 ra=1758369610", "9.9 429", "12 200"]);
    assert!(has(SIX, epoch, rule));
    // Two instances, whose windows began apart: what one of them says is not of the other.
    let two = [
        "0.0 200 left=5/6",
        "0.1 200 left=5/6",
        "0.2 200 left=4/6",
        "0.3 200 left=4/6",
        "0.4 200 left=3/6",
        "0.5 200 left=3/6",
        "0.6 200 left=2/6",
        "0.7 200 left=2/6",
        "0.8 200 left=1/6",
        "0.9 200 left=1/6",
        "1.0 200 left=0/6",
        "1.1 200 left=0/6",
        "1.2 429 left=0/6 ra=1",
        "3.4 429 left=0/6 ra=1",
        "6.5 200 left=5/6",
    ];
    assert!(!has(SIX, run(Exhaust, &two), rule));
    let one = two.map(|line| line.split(" left").next().unwrap().to_owned() + " ra=1");
    let one: Vec<&str> = one.iter().map(String::as_str).collect();
    assert!(has(SIX, run(Exhaust, &one), rule), "of one it would be wrong");
}

#[test]
fn headers_contradict_each_other_or_what_happens() {
    let rule = "rate_limit.headers-contradict";
    let on = |line: &str| {
        let evidence = run(Differential, &[line, "0.1 200 left=58/60"]);
        judged(SIXTY, &evidence)
            .into_iter()
            .filter(|found| found.starts_with(rule))
            .collect::<Vec<_>>()
    };
    for (line, subject) in [
        ("0.0 200 left=59/60 h:ratelimit-limit=100 h:ratelimit-remaining=99", "limit"),
        ("0.0 200 left=70/60", "remaining"),
        (
            "0.0 200 left=59/60 h:ratelimit-policy=60;w=60 h:ratelimit-limit=60 h:ratelimit-remaining=59 h:ratelimit-reset=300",
            "reset",
        ),
        ("0.0 200 left=many/60", "syntax"),
    ] {
        assert_eq!(on(line), [format!("{rule} {subject}")], "{line}");
    }
    let stands =
        run(Differential, &["0.0 200 left=59/60", "0.1 200 left=59/60", "0.2 200 left=59/60"]);
    assert!(has(SIXTY, stands, rule));
    let early =
        run(Exhaust, &["0.0 200 left=0/1 reset=60", "0.1 429 left=0/1 reset=60 ra=1", "9 200"]);
    assert!(has(SIX, early, "rate_limit.headers-contradict retry-after"));
    // Of two limits, the one that is used up is over in a second.
    let policies = "h:ratelimit-policy=\"a\";q=10;w=1,\"b\";q=6;w=60";
    let other = format!("0.1 429 {policies} h:ratelimit=\"a\";r=0;t=1,\"b\";r=4;t=50 ra=1");
    assert!(!has(SIX, run(Exhaust, &["0.0 200", &other, "9 200"]), rule));
    assert_eq!(on("0.0 200 left=59/60"), [""; 0]);
    assert!(!has(SIX, honest(), rule));
}

#[test]
fn what_other_checks_saw_may_contradict_itself_too() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let seen = Sighting {
        origin: Origin { scheme: "http".into(), host: "a".into(), port: 80 },
        method: "GET".into(),
        path: "/".into(),
        status: 200,
        headers: vec![header("x-ratelimit-limit", "60"), header("x-ratelimit-remaining", "90")],
        at: "2025-09-20T11:59:00Z".parse().unwrap(),
    };
    let evidence = Evidence { sightings: vec![seen], ..run(Headers, &[]) };
    assert_eq!(judged(READ, &evidence), ["rate_limit.headers-contradict remaining"]);
}

#[test]
fn a_header_that_gives_a_fresh_bucket_twice_is_a_way_round() {
    let rule = "rate_limit.key-spoofable x-forwarded-for";
    let spoofed = run(
        Differential,
        &[
            "0.0 200 left=59/60",
            "0.1 200 left=58/60",
            "0.2 200 xff=x-forwarded-for left=59/60",
            "0.3 200 xff=x-real-ip left=57/60",
            "0.4 200 control left=56/60",
            "0.5 200 xff=x-forwarded-for left=59/60",
            "0.6 200 control left=55/60",
        ],
    );
    assert_eq!(judged(SIXTY, &spoofed), [rule]);
    // Once may have been the end of a window.
    let once = run(
        Differential,
        &[
            "0.0 200 left=50/60",
            "0.1 200 xff=x-forwarded-for left=59/60",
            "0.2 200 control left=58/60",
        ],
    );
    assert!(!has(SIXTY, once, rule));
    assert!(!has(SIXTY, counted(), rule));
    // Behind the limit: let through twice between refusals.
    let behind = |second: &str| {
        run(
            Exhaust,
            &[
                "0.0 401",
                "0.1 401",
                "0.2 401",
                "0.3 401",
                "0.4 401",
                "0.5 401",
                "0.6 429",
                "0.7 429 control",
                "0.8 401 xff=x-forwarded-for",
                "0.9 429 control",
                second,
                "1.1 429 control",
                "6.4 401",
            ],
        )
    };
    let found = findings(LOGIN, &behind("1.0 401 xff=x-forwarded-for"), "rate_limit.key-spoofable");
    assert_eq!(found[0].1, "critical");
    assert!(!has(LOGIN, behind("1.0 429 xff=x-forwarded-for"), rule), "a bucket gave one back");
}

#[test]
fn a_variant_escapes_when_it_does_the_same_and_is_counted_anew() {
    let with = |status: u16| {
        let line = format!("0.2 {status} path=trailing-slash left=59/60");
        let again = format!("0.4 {status} path=trailing-slash left=59/60");
        run(
            Differential,
            &[
                "0.0 200 left=59/60",
                "0.1 200 left=58/60",
                &line,
                "0.3 200 control left=57/60",
                &again,
                "0.5 200 control left=56/60",
            ],
        )
    };
    assert_eq!(judged(SIXTY, &with(200)), ["rate_limit.variant-escapes trailing-slash"]);
    assert_eq!(judged(SIXTY, &with(404)), [""; 0], "what is not found is no way round");
    assert!(!has(SIXTY, counted(), "rate_limit.variant-escapes"));
}

#[test]
fn a_page_that_answers_every_path_is_no_way_round() {
    let rule = "rate_limit.variant-escapes";
    let behind = |usual: &str, other: &str| {
        let mut lines: Vec<String> = (0..6).map(|n| format!("0.{n} 200 {usual}")).collect();
        lines.extend(["0.6 429".to_owned(), "0.7 429 control".to_owned()]);
        lines.extend([format!("0.8 200 path=case {other}"), "0.9 429 control".to_owned()]);
        lines.extend([format!("1.0 200 path=case {other}"), "1.1 429 control".to_owned()]);
        lines.push(format!("6.4 200 {usual}"));
        run(Exhaust, &lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let page = behind("h:content-type=application/json", "h:content-type=text/html;_charset=x");
    assert!(!has(SIX, &page, rule));
    assert_eq!(untested(SIX, &page, rule), None, "it is another page");
    let other = behind("hash=1", "hash=2");
    assert!(!has(SIX, &other, rule));
    assert!(untested(SIX, &other, rule).is_some(), "it may be the same in other words");
    for (usual, same) in [("hash=1", "hash=1"), ("h:content-type=a/b", "h:content-type=A/b;_c=d")] {
        assert!(has(SIX, behind(usual, same), rule), "{usual}");
    }
}

#[test]
fn a_bucket_is_shared_when_it_falls_faster_than_we_ask_or_is_keyed_by_a_constant() {
    let rule = "rate_limit.bucket-shared";
    let falls = stopped(
        run(Differential, &["0.0 200 left=59/60", "1.0 200 left=40/60"]),
        StopCause::Shared,
        "59 were left, and after 1 request of our own 40",
    );
    assert_eq!(judged(SIXTY, &falls), [rule]);
    assert!(!has(SIXTY, counted(), rule));
}

#[test]
fn instances_that_take_turns_are_counted() {
    let rule = "rate_limit.instances-separate";
    let two = run(
        Differential,
        &[
            "0.0 200 left=59/60",
            "0.1 200 left=59/60",
            "0.2 200 left=58/60",
            "0.3 200 left=58/60",
            "0.4 200 left=57/60",
        ],
    );
    let found = findings(SIXTY, &two, rule);
    assert!(found[0].0.starts_with("2 counters take turns"), "{}", found[0].0);
    assert!(!has(SIXTY, counted(), rule));
    // A window that ends in the middle is one counter.
    let ended = run(
        Differential,
        &[
            "0.0 200 left=50/60",
            "0.1 200 left=49/60",
            "0.2 200 left=59/60",
            "0.3 200 left=58/60",
            "0.4 200 left=57/60",
        ],
    );
    assert!(!has(SIXTY, ended, rule));
}

#[test]
fn address_families_are_separate_when_the_other_one_starts_anew() {
    let rule = "rate_limit.address-families-separate";
    let run = |first: &str, second: &str| {
        run(
            Differential,
            &[
                "0.0 200 left=59/60",
                "0.1 200 left=58/60",
                first,
                "0.3 200 control left=56/60",
                second,
                "0.5 200 control left=54/60",
            ],
        )
    };
    assert!(has(SIXTY, run("0.2 200 v6 left=59/60", "0.4 200 v6 left=59/60"), rule));
    assert!(!has(SIXTY, run("0.2 200 v6 left=57/60", "0.4 200 v6 left=55/60"), rule));
}

#[test]
fn a_status_other_than_429_is_unusual_where_it_passes_with_time() {
    let rule = "rate_limit.status-unusual";
    let nginx = run(
        Exhaust,
        &["0.0 200", "0.1 200", "0.2 503", "3.2 200", "3.3 503", "9.4 200", "9.5 200", "9.6 503"],
    );
    assert!(has(SIX, nginx, rule));
    let broken = run(Exhaust, &["0.0 200", "0.1 200", "0.2 503", "1.3 503", "6.4 503"]);
    assert!(!has(SIX, broken, rule));
    let banned = run(Exhaust, &["0.0 200", "0.1 429", "0.2 403", "6.4 403"]);
    assert!(has(SIX, banned, rule));
    assert!(!has(SIX, honest(), rule));
}

#[test]
fn a_refusal_without_a_hint_is_told() {
    let rule = "rate_limit.hint-missing";
    let bare = run(Exhaust, &["0.0 200", "0.1 429", "6.4 200"]);
    assert!(has(SIX, bare, rule));
    let odd = run(Exhaust, &["0.0 200", "0.1 429 h:retry-after-short=1", "6.4 200"]);
    assert!(findings(SIX, &odd, rule)[0].0.contains("retry-after-short"));
    assert!(!has(SIX, honest(), rule));
}

#[test]
fn a_limiter_that_delays_is_one() {
    let rule = "rate_limit.delays";
    let lines: Vec<String> = (0..8)
        .map(|index| format!("{index} 200 took={}", if index == 0 { "0.01" } else { "0.99" }))
        .collect();
    let shaped = run(Exhaust, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    let found = judged(SIX, &shaped);
    assert_eq!(found, [rule], "it limits, and nothing is unproven");
    assert!(!has(SIX, honest(), rule));
}

#[test]
fn what_could_not_be_settled_says_why() {
    let rule = "rate_limit.unproven";
    let bare = run(Headers, &["0.0 200", "0.1 200"]);
    assert_eq!(findings(READ, &bare, rule)[0].0, "no answer names a limit");
    let equal = run(Headers, &["0.0 200 left=59/60", "0.1 200 left=59/60"]);
    assert!(findings(READ, &equal, rule)[0].0.contains("not counted"));
    let filled_up = run(Headers, &["0.0 200 left=599/600", "0.15 200 left=599/600"]);
    assert!(!has(r#"{"limit": 600, "window": "1m"}"#, filled_up, rule));
    for cause in [
        StopCause::NotInert,
        StopCause::Limited,
        StopCause::StartsLower,
        StopCause::OwnTraffic,
        StopCause::Errors,
        StopCause::Slow,
        StopCause::Cached,
        StopCause::Resting,
        StopCause::Daily,
    ] {
        let evidence = stopped(run(Headers, &["0.0 200 left=59/60"]), cause, "so it is");
        assert_eq!(judged(READ, &evidence), [rule], "{cause:?}");
    }
    assert!(!has(READ, run(Headers, &["0.0 200 left=59/60", "0.1 200 left=58/60"]), rule));
    let ours = stopped(run(Headers, &[]), StopCause::Spent, "we did it");
    assert_eq!(judged(READ, &ours), [""; 0]);
    let enforced = untested(READ, &ours, "rate_limit.not-enforced");
    assert_eq!(enforced.as_deref(), Some("we did it"));
    assert!(!tests(READ, &ours, rule, ""), "what was not proven stays so");
    assert!(tests(READ, &ours, rule, "reading"), "or the run would be unknown");
}

#[test]
fn what_may_not_be_done_or_not_today_says_so() {
    let withheld = |why: &str| {
        let mut bare = run(Headers, &["0.0 200", "0.1 200"]);
        bare.left_out.push(LeftOut { what: "enforcement".to_owned(), why: why.to_owned() });
        bare
    };
    let rule = "rate_limit.unproven";
    let never = withheld("it needs consent");
    assert_eq!(findings(SIX, &never, rule)[0].0, "no answer names a limit, and it needs consent");
    let later = withheld(NOT_ITS_TIME);
    assert_eq!(judged(SIX, &later), [""; 0], "today's run beyond the limit may have shown it");
    let down = stopped(later, StopCause::Errors, "the service answers 502");
    assert_eq!(judged(SIX, &down), ["rate_limit.unproven reading"]);
    for (evidence, why) in [(never, "it needs consent"), (down, NOT_ITS_TIME)] {
        let untested = untested(SIX, &evidence, "rate_limit.not-enforced");
        assert_eq!(untested.as_deref(), Some(why));
    }
}
