//! Runs against real limiters of 12 requests in 4 seconds that were misjudged once, as they were
//! seen; times since 1970 are moved to the run's beginning.

use super::testing::{judged, run};
use crate::contract::Kind as _;
use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::Evidence;
use crate::rate_limit::evidence::Mode::{Differential, Exhaust};
use crate::rate_limit::infer::limiter::Family;
use crate::testing;

const WATCHED: &str = r#"{"limit": 12, "window": "4s", "mode": "differential"}"#;
const EXHAUSTED: &str = r#"{"limit": 12, "window": "4s", "mode": "exhaust"}"#;

fn family(settings: &str, evidence: &Evidence) -> Option<Family> {
    evidence.reading(&testing::probe::<RateLimit>(settings)).inference.family
}

/// The window that is measured, where one is.
fn window(settings: &str, evidence: &Evidence) -> Option<f64> {
    let measured = testing::probe::<RateLimit>(settings).measure(evidence);
    let inferred = measured.into_iter().find(|measured| {
        measured.family.name == "musterd_rate_limit_window_seconds"
            && measured.labels == ["inferred"]
    });
    inferred.map(|measured| measured.value)
}

/// nginx's `limit_req` with `nodelay`: what came back behind the limit went to a variant.
#[test]
fn a_token_that_a_variant_was_given_is_missing_afterwards() {
    let seen = run(
        Exhaust,
        &[
            "0.004 200",
            "0.108 200",
            "0.205 200",
            "0.304 200",
            "0.408 200",
            "0.504 200",
            "2.006 200",
            "2.103 200",
            "2.204 200",
            "2.304 200",
            "2.405 200",
            "2.505 200",
            "2.604 200",
            "2.704 200",
            "2.804 200",
            "2.905 200",
            "3.004 200",
            "3.104 200",
            "3.203 200",
            "3.304 200",
            "3.404 200",
            "3.504 200",
            "3.603 503",
            "3.704 200 control",
            "3.804 503 xff=x-forwarded-for",
            "3.904 503 xff=x-real-ip",
            "4.004 503 path=trailing-slash",
            "4.104 404 path=case",
            "4.203 503 control",
            "4.304 503 path=case",
            "4.405 200 xff=forwarded",
            "4.504 503 control",
            "4.604 503 xff=forwarded",
            "4.706 200",
            "4.804 503",
            "4.904 503",
            "7.908 200",
        ],
    );
    assert_eq!(family(EXHAUSTED, &seen), Some(Family::TokenBucket));
    assert_eq!(window(EXHAUSTED, &seen), Some(4.0));
    assert_eq!(judged(EXHAUSTED, &seen), ["rate_limit.status-unusual", "rate_limit.hint-missing"]);
}

/// `tokenBucket(3, "1 s", 12)` of @upstash/ratelimit.
#[test]
fn a_bucket_that_gives_three_back_at_once_is_neither_a_window_nor_several_counters() {
    let watched = run(
        Differential,
        &[
            "0.004 200 left=11/12 reset=1758369601038 took=0.093",
            "0.100 200 left=10/12 reset=1758369601038 took=0.029",
            "1.404 200 left=11/12 reset=1758369602410",
            "1.419 200 left=10/12 reset=1758369602410",
            "1.436 200 left=9/12 reset=1758369602410",
            "1.444 200 left=8/12 reset=1758369602410",
            "5.114 200 left=11/12 reset=1758369606117 took=0.023",
            "5.149 200 left=10/12 reset=1758369606117",
            "5.886 200 left=9/12 reset=1758369606117 took=0.033",
            "5.921 200 left=8/12 reset=1758369606117 took=0.02",
        ],
    );
    let named = family(WATCHED, &watched);
    assert!(named.is_none_or(|named| named == Family::TokenBucket), "{named:?}");
    let exhausted = run(
        Exhaust,
        &[
            "0.017 200 left=11/12",
            "0.104 200 left=10/12",
            "0.205 200 left=9/12",
            "0.305 200 left=8/12",
            "0.410 200 left=7/12",
            "0.504 200 left=6/12",
            "2.005 200 left=8/12",
            "2.106 200 left=10/12",
            "2.205 200 left=9/12",
            "2.307 200 left=8/12",
            "2.411 200 left=7/12",
            "2.511 200 left=6/12",
            "2.606 200 left=5/12",
            "2.705 200 left=4/12",
            "2.813 200 left=3/12",
            "2.905 200 left=2/12",
            "3.011 200 left=4/12",
            "3.108 200 left=3/12",
            "3.206 200 left=2/12",
            "3.306 200 left=1/12",
            "3.406 200 left=0/12",
            "3.505 429 left=0/12",
            "3.606 429 control left=0/12",
            "4.105 200 xff=forwarded left=2/12",
            "4.206 200 control left=1/12",
            "4.304 200 left=0/12",
            "4.407 429 left=0/12",
            "4.505 429 left=0/12",
            "7.818 200 left=8/12",
        ],
    );
    let named = family(EXHAUSTED, &exhausted);
    assert!(named.is_none_or(|named| named == Family::TokenBucket), "{named:?}");
    let found = judged(EXHAUSTED, &exhausted);
    assert!(!found.iter().any(|found| found.contains("instances")), "{found:?}");
}

/// `slidingWindow(12, "4 s")` of @upstash/ratelimit, which remembers whom it refused until when.
#[test]
fn two_counters_that_refuse_until_the_window_ends_are_no_log() {
    let seen = run(
        Exhaust,
        &[
            "0.015 200 left=11/12",
            "0.105 200 left=10/12",
            "0.202 200 left=9/12",
            "0.303 200 left=8/12",
            "0.404 200 left=7/12",
            "0.503 200 left=6/12",
            "2.004 200 left=5/12",
            "2.104 200 left=4/12",
            "2.205 200 left=3/12",
            "2.308 200 left=2/12",
            "2.404 200 left=1/12",
            "2.504 200 left=0/12",
            "2.604 429 left=0/12 reset=1758369602888 took=0.029",
            "2.704 429 control left=0/12 reset=1758369602888",
            "2.804 429 xff=x-forwarded-for left=0/12 reset=1758369602888",
            "2.904 200 xff=x-real-ip left=0/12 reset=1758369606888",
            "3.004 429 control left=0/12 reset=1758369606888",
            "3.106 429 xff=x-real-ip left=0/12 reset=1758369606888",
            "3.208 429 path=case left=0/12 reset=1758369606888",
            "3.605 429 left=0/12 reset=1758369606888",
            "4.306 429 left=0/12 reset=1758369606888",
            "6.939 200 left=11/12 reset=1758369610888",
        ],
    );
    let named = family(EXHAUSTED, &seen);
    assert!(named.is_none_or(|named| named == Family::SlidingCounter), "{named:?}");
}

/// The same without that memory, and with requests at the very ends of windows.
#[test]
fn boundaries_that_were_told_are_those_of_two_counters_too() {
    let seen = run(
        Differential,
        &[
            "0.004 200 left=11/12 reset=1758369601435 took=0.016",
            "0.034 200 left=10/12 reset=1758369601435 took=0.012",
            "1.405 200 left=9/12 reset=1758369601435 took=0.011",
            "1.424 200 left=8/12 reset=1758369601435 took=0.013",
            "1.441 200 left=8/12 reset=1758369605435 took=0.004",
            "1.448 200 left=7/12 reset=1758369605435 took=0.004",
            "5.083 200 left=9/12 reset=1758369605435 took=0.005",
            "5.101 200 left=8/12 reset=1758369605435 took=0.015",
            "5.886 200 left=8/12 reset=1758369609435 took=0.021",
            "5.913 200 left=7/12 reset=1758369609435 took=0.005",
        ],
    );
    let named = family(WATCHED, &seen);
    assert!(named.is_none_or(|named| named == Family::SlidingCounter), "{named:?}");
    assert_eq!(judged(WATCHED, &seen), [""; 0]);
}

/// @nestjs/throttler that locks out for a millisecond, and then forgets what it counted.
#[test]
fn a_boundary_that_no_header_names_makes_no_window() {
    let seen = run(
        Exhaust,
        &[
            "0.003 200 left=11/12 reset=4 took=0.02",
            "0.102 200 left=10/12 reset=4",
            "0.204 200 left=9/12 reset=4",
            "0.303 200 left=8/12 reset=4",
            "0.403 200 left=7/12 reset=4",
            "0.503 200 left=6/12 reset=4",
            "2.004 200 left=5/12 reset=3",
            "2.106 200 left=4/12 reset=2",
            "2.205 200 left=3/12 reset=2",
            "2.305 200 left=2/12 reset=2",
            "2.405 200 left=1/12 reset=2",
            "2.504 200 left=0/12 reset=2",
            "2.605 429 ra=1",
            "2.705 200 control left=11/12 reset=2",
            "2.805 200 xff=x-forwarded-for left=10/12 reset=2",
            "2.912 200 control left=9/12 reset=2",
            "3.040 200 left=8/12 reset=1",
            "3.141 200 left=7/12 reset=1",
            "3.241 200 left=6/12 reset=1",
            "3.341 200 left=5/12 reset=1",
            "4.305 200 left=4/12 reset=4",
            "4.405 200 left=3/12 reset=4",
            "4.505 200 left=2/12 reset=4",
            "4.608 200 left=1/12 reset=4",
            "4.705 200 left=0/12 reset=4",
            "4.808 429 ra=1",
        ],
    );
    assert_eq!(family(EXHAUSTED, &seen), None);
}

/// Two memories in turn, on a machine so busy that every answer took a while.
#[test]
fn counters_that_take_turns_are_no_bucket_that_gives_back_fast() {
    let seen = run(
        Differential,
        &[
            "0.00 200 left=11/12 h:ratelimit-policy=12;w=4",
            "0.08 200 left=11/12",
            "1.40 200 left=10/12",
            "1.48 200 left=10/12",
            "1.56 200 left=9/12",
            "1.64 200 left=9/12",
            "5.10 200 left=11/12",
            "5.18 200 left=11/12",
            "5.90 200 left=10/12",
            "5.98 200 left=10/12",
        ],
    );
    assert_eq!(family(WATCHED, &seen), None);
    assert_eq!(judged(WATCHED, &seen), ["rate_limit.instances-separate"]);
}

/// `fixedWindow(12, "4 s")` of @upstash/ratelimit: the first window had two more seconds to go.
#[test]
fn what_is_left_of_the_first_window_is_not_its_length() {
    let seen = run(
        Differential,
        &[
            "0.01 200 left=11/12 reset=1758369602000",
            "0.03 200 left=10/12 reset=1758369602000",
            "1.40 200 left=9/12 reset=1758369602000",
            "1.42 200 left=8/12 reset=1758369602000",
            "1.44 200 left=7/12 reset=1758369602000",
            "1.46 200 left=6/12 reset=1758369602000",
            "5.01 200 left=11/12 reset=1758369606000",
            "5.03 200 left=10/12 reset=1758369606000",
            "5.88 200 left=9/12 reset=1758369606000",
            "5.90 200 left=8/12 reset=1758369606000",
        ],
    );
    assert_eq!(family(WATCHED, &seen), Some(Family::FixedWindow));
    assert_eq!(window(WATCHED, &seen), Some(4.0));
    // Before a second window is seen, nobody knows how long they are.
    let early = Evidence { samples: seen.samples[..6].to_vec(), ..run(Differential, &[]) };
    assert_eq!(window(WATCHED, &early), None);
}
