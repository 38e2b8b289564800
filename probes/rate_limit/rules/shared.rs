//! Who shares a bucket with whom, and what a preflight costs.

use super::testing::{findings, judged, run, tests, untested};
use crate::rate_limit::evidence::{Evidence, LeftOut, Mode, NOT_ITS_TIME};

const SIXTY: &str = r#"{"limit": 60, "window": "1m", "mode": "differential"}"#;

fn between(variants: &[&str]) -> Evidence {
    let mut lines = vec!["0.0 200 left=59/60", "0.1 200 left=58/60"];
    lines.extend(variants);
    run(Mode::Differential, &lines)
}

#[test]
fn addresses_of_both_families_in_one_bucket_are_nobodys_own() {
    let rule = "rate_limit.bucket-shared";
    let shared = |found: Vec<String>| found.iter().any(|found| found.starts_with(rule));
    let together = between(&[
        "0.2 200 v6 left=57/60",
        "0.3 200 xff=x-forwarded-for left=59/60",
        "0.4 200 control left=56/60",
        "0.5 200 xff=x-forwarded-for left=59/60",
        "0.6 200 control left=55/60",
    ]);
    let found = findings(SIXTY, &together, rule);
    assert!(found[0].0.starts_with("with another x-forwarded-for"), "{found:?}");
    assert!(shared(judged(SIXTY, &together)));
    // Who is signed in may come from anywhere.
    let by_user = SIXTY.replace("60,", r#"60, "key": "user","#);
    assert!(!shared(judged(&by_user, &together)));
    // No header is what addresses are taken from.
    let by_all = between(&["0.2 200 v6 left=57/60", "0.3 200 control left=56/60"]);
    assert!(!shared(judged(SIXTY, &by_all)));
}

#[test]
fn what_our_own_other_checks_used_up_is_not_missing_from_the_limit() {
    let rule = "rate_limit.limit-differs";
    let minute = r#"{"limit": 60, "window": "1m", "mode": "exhaust"}"#;
    let refused_after = |count: u32, own: u32| {
        let at = |n: u32| f64::from(n) / 10.0 + if n < 30 { 0.0 } else { 27.0 };
        let status = |n: u32| if n < count { 200 } else { 429 };
        let lines: Vec<String> =
            (0..=count).map(|n| format!("{:.1} {}", at(n), status(n))).collect();
        let mut run = run(Mode::Exhaust, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        (run.known_before, run.others) = (own / 2, own - own / 2);
        run
    };
    let ours = refused_after(48, 12);
    assert!(!judged(minute, &ours).contains(&rule.to_owned()));
    assert!(untested(minute, &ours, rule).unwrap().contains("12 of our own other checks"));
    let why = &findings(minute, &ours, "rate_limit.unproven")[0].0;
    assert!(why.starts_with("a refusal after 48 requests"), "{why}");
    assert_eq!(findings(minute, &refused_after(48, 5), rule).len(), 1, "not by so few");
    assert!(!judged(minute, &refused_after(60, 12)).contains(&rule.to_owned()));
}

#[test]
fn a_run_that_only_reads_takes_nothing_back_of_what_one_beyond_the_limit_found() {
    let six = r#"{"limit": 6, "window": "6s", "mode": "exhaust"}"#;
    let line =
        |n: u32| format!("{:.1} 200 left={}/6", f64::from(n) / 10.0, 5_u32.saturating_sub(n));
    let lines: Vec<String> = (0..12).map(line).collect();
    let open = run(Mode::Exhaust, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(judged(six, &open).contains(&"rate_limit.fails-open nothing-left".to_owned()));
    let ten = six.replace("6,", "10,");
    let less = ["0.0 200", "0.1 200", "0.2 200", "0.3 200", "0.4 200", "0.5 200", "0.6 429"];
    let found = judged(&ten, &run(Mode::Exhaust, &less));
    assert!(found.contains(&"rate_limit.limit-differs admitted".to_owned()), "{found:?}");

    let mut read = run(Mode::Headers, &["0.0 200 left=5/6", "0.1 200 left=4/6"]);
    read.left_out.push(LeftOut { what: "enforcement".to_owned(), why: NOT_ITS_TIME.to_owned() });
    assert_eq!(judged(six, &read), [""; 0]);
    for (rule, subject) in [
        ("rate_limit.fails-open", "nothing-left"),
        ("rate_limit.limit-differs", "admitted"),
        ("rate_limit.window-differs", "admitted"),
        ("rate_limit.headers-contradict", "retry-after"),
        ("rate_limit.unproven", ""),
    ] {
        assert!(!tests(six, &read, rule, subject), "{rule} {subject}");
    }
    assert!(tests(six, &read, "rate_limit.fails-open", ""));
    assert!(tests(six, &read, "rate_limit.limit-differs", ""));
}

#[test]
fn a_constant_is_known_by_its_partition_key() {
    let line = |key: &str| {
        format!("0.0 200 h:ratelimit-policy=\"a\";q=60;w=60;pk=:{key}: h:ratelimit=\"a\";r=59;t=60")
    };
    // The first twelve digits of the hashes of `unknown`, of `anonymous`, and of a client.
    for (key, fires) in
        [("YjIzYTZhODQzOWMw", true), ("MmYxODNhNGU2NDQ5", true), ("c29tZWJvZHkhIQ==", false)]
    {
        let found = judged(SIXTY, &run(Mode::Headers, &[&line(key)]));
        assert_eq!(found.contains(&"rate_limit.bucket-shared".to_owned()), fires, "{key}");
    }
}

#[test]
fn a_preflight_that_is_counted_is_mentioned_where_it_is_answered() {
    let rule = "rate_limit.variant-escapes";
    let counted = |words: &str| {
        between(&[&format!("0.2 204 preflight left=57/60 {words}"), "0.3 200 control left=56/60"])
    };
    let answered = counted("h:access-control-allow-methods=GET");
    assert_eq!(judged(SIXTY, &answered), [format!("{rule} preflight")]);
    assert_eq!(findings(SIXTY, &answered, rule)[0].1, "info");
    assert_eq!(judged(SIXTY, &counted("")), [""; 0], "nobody sends preflights there");
    let apart = between(&[
        "0.2 200 preflight left=59/60 h:access-control-allow-methods=GET",
        "0.3 200 control left=57/60",
        "0.4 200 preflight left=59/60 h:access-control-allow-methods=GET",
        "0.5 200 control left=56/60",
    ]);
    assert_eq!(judged(SIXTY, &apart), [""; 0], "a preflight is no way round");
    assert_eq!(untested(SIXTY, &apart, rule), None);
}
