//! What is let through beyond a limit is no proof while a window that ended, or a memory that was
//! lost, explains it.

use super::testing::{findings, judged, run, untested};
use crate::rate_limit::evidence::{Evidence, Mode};

const RULE: &str = "rate_limit.not-enforced";

fn settings(most: u32) -> String {
    format!(r#"{{"limit": 6, "window": "6s", "mode": "exhaust", "max_requests": {most}}}"#)
}

/// So many requests in one go, ten a second from this second on, all let through.
fn let_through(count: u32, from: f64, words: impl Fn(u32) -> String) -> Evidence {
    let line = |index: u32| format!("{:.1} 200 {}", from + f64::from(index) / 10.0, words(index));
    let lines: Vec<String> = (0..count).map(line).collect();
    run(Mode::Exhaust, &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn bare(count: u32, from: f64) -> Evidence {
    let_through(count, from, |_| String::new())
}

#[test]
fn twice_the_limit_is_proof_and_once_is_not() {
    assert_eq!(findings(&settings(100), &bare(17, 2.0), RULE).len(), 1);
    let once = bare(14, 2.0);
    assert_eq!(judged(&settings(100), &once), ["rate_limit.unproven"]);
    assert!(untested(&settings(100), &once, RULE).unwrap().contains("window that ended"));
    let why = &findings(&settings(100), &once, "rate_limit.unproven")[0].0;
    assert!(why.starts_with("14 requests in one go were let through where 6 are"), "{why}");
}

#[test]
fn what_may_be_a_refusal_in_disguise_is_no_proof() {
    let answered = |status: fn(u32) -> u16| {
        let line = |n: u32| format!("{:.1} {}", f64::from(n) / 10.0, status(n));
        let lines: Vec<String> = (0..20).map(line).collect();
        run(Mode::Exhaust, &lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let challenged = answered(|n| if n < 6 { 200 } else { 302 });
    let forbidden = answered(|_| 403);
    for (evidence, why) in [
        (challenged, "request 7 was answered 302 instead of 200"),
        (forbidden, "every request was answered 403"),
    ] {
        assert_eq!(judged(&settings(100), &evidence), ["rate_limit.unproven"]);
        assert!(findings(&settings(100), &evidence, "rate_limit.unproven")[0].0.starts_with(why));
        assert!(untested(&settings(100), &evidence, RULE).unwrap().starts_with(why), "{why}");
    }
    assert_eq!(judged(&settings(100), &answered(|_| 302)), [RULE]);
}

#[test]
fn a_refusal_with_200_and_other_words_is_one_perhaps() {
    let bodies = |body: fn(u32) -> u32| {
        let line = |n: u32| format!("{:.1} 200 hash={}", f64::from(n) / 10.0, body(n));
        let lines: Vec<String> = (0..20).map(line).collect();
        run(Mode::Exhaust, &lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let refused = bodies(|n| u32::from(n >= 6));
    assert_eq!(judged(&settings(100), &refused), ["rate_limit.unproven"]);
    let why = &findings(&settings(100), &refused, "rate_limit.unproven")[0].0;
    assert!(why.starts_with("from request 7 on the answers are 200 in other words"), "{why}");
    // What is answered anew each time, by turns, or late, says nothing.
    for other in [|n| n, |n| n % 2, |_| 0, |n| u32::from(n >= 18)] {
        assert_eq!(judged(&settings(100), &bodies(other)), [RULE]);
    }
}

#[test]
fn where_no_more_may_be_sent_only_what_is_likely_keeps_it_in_doubt() {
    assert_eq!(judged(&settings(14), &bare(14, 2.0)), [RULE]);
    // Windows of six seconds that are counted from 1970 on end here.
    let ended = bare(14, 5.5);
    assert_eq!(judged(&settings(14), &ended), ["rate_limit.unproven"]);
    let why = &findings(&settings(14), &ended, "rate_limit.unproven")[0].0;
    assert!(why.contains("`max_requests: "), "{why}");
    let anew = let_through(14, 2.0, |index| format!("left={}/6", 5 - (index + 1) % 6));
    assert!(!judged(&settings(14), &anew).contains(&RULE.to_owned()));
}
