//! What makes a run stop, each counted at the server: without its guard the run would go on.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::rate_limit::evidence::StopCause;

const SIXTY: &str = r#"{"limit": 60, "window": "1m", "mode": "differential"}"#;

/// A handler that is told the number of the request, from 0.
fn numbered(
    handler: impl Fn(u32, &Request) -> Reply + Send + Sync + 'static,
) -> impl Fn(Request) -> Reply + Send + Sync + 'static {
    let number = AtomicU32::new(0);
    move |request| handler(number.fetch_add(1, Ordering::Relaxed), &request)
}

fn left(status: u16, remaining: u32, limit: u32) -> Reply {
    Reply::new(status)
        .header("ratelimit-policy", &format!("{limit};w=60"))
        .header("ratelimit-limit", &limit.to_string())
        .header("ratelimit-remaining", &remaining.to_string())
}

/// Why a run stopped, and after how many requests.
async fn stop(
    settings: &str,
    handler: impl Fn(u32, &Request) -> Reply + Send + Sync + 'static,
) -> (Option<StopCause>, usize, Vec<String>) {
    let bench = Bench::new(settings, numbered(handler)).await;
    let evidence = bench.run().await;
    let cause = evidence.stopped.as_ref().map(|stop| stop.cause);
    (cause, bench.sent(), bench.found(&evidence))
}

#[tokio::test]
async fn a_bucket_that_falls_faster_than_we_ask_ends_the_run() {
    let (cause, sent, found) = stop(SIXTY, |n, _| left(200, 59 - 7 * n, 60)).await;
    assert_eq!((cause, sent), (Some(StopCause::Shared), 2));
    assert_eq!(found, ["rate_limit.bucket-shared"]);
}

#[tokio::test]
async fn a_bucket_that_others_use_already_is_left_alone() {
    let (cause, sent, found) = stop(SIXTY, |n, _| left(200, 30 - n, 60)).await;
    assert_eq!((cause, sent), (Some(StopCause::StartsLower), 1));
    assert_eq!(found, ["rate_limit.unproven"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_was_just_started_may_have_used_a_bucket_before() {
    for (minutes, may) in [(0, true), (2, false)] {
        let bench = Bench::new(SIXTY, numbered(|n, _| left(200, 30 - n, 60))).await;
        tokio::time::advance(Duration::from_mins(minutes)).await;
        let why = bench.unproven(&bench.run().await);
        assert_eq!(why.contains("an earlier run of ours did"), may, "{why}");
    }
}

#[tokio::test]
async fn a_request_that_changes_something_is_sent_once() {
    let settings = r#"{"request": {"method": "POST", "path": "/orders"}, "limit": 60, "window": "1m", "mode": "differential"}"#;
    let (cause, sent, found) = stop(settings, |n, _| left(201, 59 - n, 60)).await;
    assert_eq!((cause, sent), (Some(StopCause::NotInert), 1));
    assert_eq!(found, ["rate_limit.unproven"]);
}

#[tokio::test]
async fn a_preflight_that_is_answered_changes_nothing() {
    let settings =
        r#"{"request": {"method": "POST"}, "limit": 60, "window": "1day", "mode": "differential"}"#;
    let (cause, _, found) = stop(settings, |n, request| {
        if request.method == http::Method::OPTIONS {
            return left(204, 59 - n, 60);
        }
        left(401, 59 - n, 60)
    })
    .await;
    assert_eq!(cause, None);
    assert!(!found.contains(&"rate_limit.unproven".to_owned()), "{found:?}");
}

#[tokio::test]
async fn a_service_that_fails_gets_one_control_and_no_more() {
    let failing = |n: u32, _: &Request| {
        if n < 1 { left(200, 59, 60) } else { left(500, 59 - n, 60) }
    };
    let (cause, sent, found) = stop(SIXTY, failing).await;
    assert_eq!((cause, sent), (Some(StopCause::Errors), 3));
    assert_eq!(found, ["rate_limit.unproven"]);
}

#[tokio::test]
async fn a_service_that_grows_slow_under_an_exhausting_run_is_let_be() {
    let slow = |n: u32, _: &Request| {
        let reply = Reply::text(200, "ok");
        // Uneven, as load is and a limiter that delays is not.
        if n < 6 { reply } else { reply.after(Duration::from_millis(350 + 450 * u64::from(n % 3))) }
    };
    let settings = r#"{"limit": 60, "window": "10s", "mode": "exhaust"}"#;
    let (cause, sent, found) = stop(settings, slow).await;
    assert_eq!(cause, Some(StopCause::Slow));
    assert!(sent <= 10, "{sent}");
    assert_eq!(found, ["rate_limit.unproven"]);
}

#[tokio::test]
async fn answers_from_a_cache_end_the_run() {
    for (name, value) in [
        ("age", "7"),
        ("cf-cache-status", "STALE"),
        ("x-cache-status", "HIT"),
        ("cache-status", "a; hit"),
    ] {
        let cached = move |_: u32, _: &Request| left(200, 59, 60).header(name, value);
        let (cause, sent, found) = stop(SIXTY, cached).await;
        assert_eq!((cause, sent), (Some(StopCause::Cached), 1), "{name}");
        assert_eq!(found, ["rate_limit.unproven"]);
    }
}

#[tokio::test]
async fn a_refusal_that_we_did_not_provoke_is_obeyed_by_the_next_run_too() {
    let bench = Bench::new(SIXTY, |_| Reply::new(429).header("retry-after", "120")).await;
    let evidence = bench.run().await;
    assert_eq!(evidence.stopped.as_ref().unwrap().cause, StopCause::Limited);
    assert_eq!(bench.sent(), 1);
    let evidence = bench.run().await;
    assert_eq!(evidence.stopped.as_ref().unwrap().cause, StopCause::Resting);
    assert_eq!(bench.sent(), 1, "the route is left alone for as long as it asked");
    assert!(bench.unproven(&evidence).contains("left alone for"), "{}", bench.unproven(&evidence));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_shown_to_be_wrong_is_not_kept_to() {
    let wall = Wall::new(Shape::FixedFromFirstHit, 6.0, 6.0);
    let settings = r#"{"limit": 6, "window": "6s", "mode": "exhaust"}"#;
    // Milliseconds in the place of seconds.
    let bench =
        Bench::new(settings, move |_| wall.bare("one").header("retry-after", "600000")).await;
    let evidence = bench.run().await;
    assert_eq!(bench.found(&evidence), ["rate_limit.retry-after-wrong"]);
    let sent = bench.sent();
    tokio::time::advance(Duration::from_mins(11)).await;
    let again = bench.run().await;
    assert_eq!(again.stopped, None);
    assert!(bench.sent() > sent);
}

#[tokio::test(start_paused = true)]
async fn what_our_own_run_used_up_is_left_alone_and_no_fault_of_the_service() {
    let wall = Wall::new(Shape::FixedFromFirstHit, 6.0, 86_400.0);
    let settings = r#"{"limit": 6, "window": "1day", "mode": "exhaust"}"#;
    let bench = Bench::new(settings, move |_| wall.told("everybody")).await;
    bench.run().await;
    let sent = bench.sent();
    let evidence = bench.run().await;
    assert_eq!(evidence.stopped.as_ref().unwrap().cause, StopCause::Spent);
    assert_eq!((bench.found(&evidence), bench.sent()), (Vec::new(), sent));
    // The same bucket, by another route.
    let other =
        r#"{"request": {"path": "/other"}, "limit": 6, "window": "1day", "mode": "exhaust"}"#;
    let other = Bench { probe: testing::probe(other), ..bench };
    let evidence = other.run().await;
    assert_eq!(evidence.stopped.as_ref().unwrap().cause, StopCause::Spent);
    assert_eq!(other.sent(), sent + 1);
    let found = other.found(&evidence);
    assert!(!found.contains(&"rate_limit.unproven".to_owned()), "{found:?}");
}

#[tokio::test]
async fn a_route_bears_a_bounded_number_of_requests_a_day() {
    let bench = Bench::new(SIXTY, |_| Reply::text(200, "ok")).await;
    let origin = Origin::of(&bench.target.url).unwrap();
    let route = crate::net::traffic::Route::of(&http::Method::GET, &bench.target.url);
    while bench.network.traffic.take_daily(&origin, route) {}
    let evidence = bench.run().await;
    assert_eq!(evidence.stopped.as_ref().unwrap().cause, StopCause::Daily);
    assert_eq!(bench.sent(), 0);
}

#[tokio::test]
async fn passive_checks_that_our_own_exhausting_run_locks_out_know_that_it_was_us() {
    let bench = Bench::new(SIXTY, |_| Reply::new(429)).await;
    let origin = Origin::of(&bench.target.url).unwrap();
    bench.network.traffic.exhaust(&origin, Duration::from_mins(1));
    let run = testing::run(Impact::Passive);
    let cx = Context::new(Arc::clone(&bench.network), Arc::clone(&bench.target), run);
    let request = crate::net::request::Request::get(bench.target.url.clone());
    let blind = cx.exchange(&request).await.unwrap_err();
    assert!(blind.reason.contains("our own test"), "{blind}");
}

#[tokio::test]
async fn another_check_whose_request_is_still_under_way_is_not_somebody_else() {
    // As if what was sent before the run were counted after its first request.
    let late = |n: u32, _: &Request| left(200, 59 - n - u32::from(n > 0), 60);
    for (is_ours, cause) in [(true, StopCause::OwnTraffic), (false, StopCause::Shared)] {
        let bench = Bench::new(SIXTY, numbered(late)).await;
        let (origin, url) = (Origin::of(&bench.target.url).unwrap(), bench.target.url.join("/a"));
        let under_way = bench.network.traffic.note(&origin, &http::Method::GET, &url.unwrap());
        let _under_way = under_way.filter(|_| is_ours);
        let evidence = bench.run().await;
        assert_eq!(evidence.stopped.as_ref().unwrap().cause, cause);
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_is_left_alone_for_as_long_as_it_asked_and_no_longer() {
    for (status, asked) in [(429, 120), (429, 7200)] {
        let reply = move |n: u32, _: &Request| {
            let refused = Reply::new(status).header("retry-after", &asked.to_string());
            if n == 0 { refused } else { left(200, 59, 60) }
        };
        let bench = Bench::new(SIXTY, numbered(reply)).await;
        bench.run().await;
        tokio::time::advance(Duration::from_secs(asked - 1)).await;
        assert_eq!(bench.run().await.stopped.unwrap().cause, StopCause::Resting);
        assert_eq!(bench.sent(), 1);
        tokio::time::advance(Duration::from_secs(2)).await;
        bench.run().await;
        assert!(bench.sent() > 1, "after {asked} s it is looked at again");
    }
}

#[tokio::test]
async fn no_more_than_half_of_the_limit_is_used_in_any_window() {
    let wall = Wall::new(Shape::FixedFromFirstHit, 6.0, 2.0);
    let hits = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&hits);
    let settings = r#"{"limit": 6, "window": "2s", "mode": "differential"}"#;
    let bench = Bench::new(settings, move |_| {
        noted.lock().unwrap().push(Instant::now());
        wall.told("one")
    })
    .await;
    // Twice in a row: the second run waits until the first one counts no more.
    bench.run().await;
    bench.run().await;
    let hits = hits.lock().unwrap().clone();
    for first in &hits {
        // What a request takes to arrive does not count.
        let window = Duration::from_millis(1950);
        let within = hits.iter().filter(|at| *at >= first && **at - *first < window).count();
        assert!(within <= 3, "{within} requests in one window");
    }
    assert!(hits.len() >= 8, "{} requests", hits.len());
}

#[tokio::test]
async fn small_limits_are_only_read_and_absent_ones_named() {
    for (settings, limit, sent) in [
        (r#"{"limit": 5, "window": "1m", "mode": "differential"}"#, 5, 2),
        (r#"{"limit": 2, "window": "1m", "mode": "differential"}"#, 2, 2),
        (r#"{"limit": 1, "window": "1m", "mode": "headers"}"#, 1, 1),
    ] {
        let (cause, seen, found) =
            stop(settings, move |n, _| left(200, limit - 1 - n, limit)).await;
        assert_eq!((cause, seen, found), (None, sent, Vec::new()), "{settings}");
    }
    let (cause, sent, found) = stop(SIXTY, |_, _| Reply::text(200, "ok")).await;
    assert_eq!((cause, sent), (None, 2));
    assert_eq!(found, ["rate_limit.unproven"]);
}

#[tokio::test]
async fn a_limit_of_one_is_shown_to_hold() {
    let wall = Wall::new(Shape::FixedFromFirstHit, 1.0, 2.0);
    let settings = r#"{"limit": 1, "window": "2s", "mode": "exhaust"}"#;
    let bench = Bench::new(settings, move |_| wall.bare("one")).await;
    let evidence = bench.run().await;
    let found = bench.found(&evidence);
    assert!(found.contains(&"rate_limit.hint-missing".to_owned()), "{found:?}");
    assert!(
        !found.iter().any(|f| f.contains("not-enforced") || f.contains("differs")),
        "{found:?}"
    );
}

#[tokio::test]
async fn what_is_too_large_to_be_tried_is_left_out_with_its_reason() {
    // A day is longer than a run waits, and a million more than it sends.
    let settings = r#"{"limit": 1000000, "window": "1day", "mode": "differential"}"#;
    let bench = Bench::new(
        settings,
        numbered(|n, _| {
            Reply::new(200)
                .header("ratelimit-policy", "1000000;w=86400")
                .header("ratelimit-limit", "1000000")
                .header("ratelimit-remaining", &(999_999 - n).to_string())
        }),
    )
    .await;
    let evidence = bench.run().await;
    assert_eq!(bench.found(&evidence), [""; 0]);
    assert!(evidence.left_out.iter().any(|left| left.why.contains("--max-wait")));
    assert!(bench.sent() <= 16, "{}", bench.sent());
}

/// A reading an hour, of a limit for a day.
#[tokio::test(start_paused = true)]
async fn reading_alone_uses_no_limit_up() {
    for (settings, limit, most) in [
        (r#"{"limit": 20, "window": "1day"}"#, 20.0, 10),
        (r#"{"limit": 20, "window": "1day", "mode": "differential"}"#, 20.0, 10),
        ("{}", 20.0, 10),
        (r#"{"mode": "differential"}"#, 20.0, 10),
        (r#"{"limit": 2, "window": "1day"}"#, 2.0, 2),
        (r#"{"limit": 1, "window": "1day"}"#, 1.0, 1),
    ] {
        let wall = Wall::new(Shape::FixedFromFirstHit, limit, 86_400.0);
        let mut bench = Bench::new(settings, move |_| wall.told("one")).await;
        let mut earlier = Earlier::default();
        for _ in 0..23 {
            let wait = Duration::from_secs(30);
            let evidence = bench.run_after(earlier.clone(), Impact::Active, wait).await;
            assert_eq!(bench.found(&evidence), [""; 0], "{settings}");
            let evidence: crate::contract::Evidence = Arc::new(evidence);
            earlier = earlier.with(bench.at, evidence, RateLimit::MEMORY);
            bench.at += jiff::SignedDuration::from_hours(1);
            tokio::time::advance(Duration::from_hours(1)).await;
        }
        assert!(bench.sent() <= most, "{settings}: {} requests", bench.sent());
        tokio::time::advance(Duration::from_hours(2)).await;
        bench.at += jiff::SignedDuration::from_hours(2);
        bench.run_after(earlier, Impact::Active, Duration::from_secs(30)).await;
        assert!(bench.sent() > most.min(9), "{settings}: the next day it is read again");
    }
}

/// Nobody waits for a day between two runs, and each has its own look.
#[tokio::test(start_paused = true)]
async fn runs_within_one_long_window_use_half_of_its_limit_together() {
    let settings = r#"{"limit": 60, "window": "1day", "mode": "differential"}"#;
    let wall = Wall::new(Shape::FixedFromFirstHit, 60.0, 86_400.0);
    let bench = Bench::new(settings, move |_| wall.told("one")).await;
    let mut looked = 0;
    for _ in 0..10 {
        let evidence = bench.run().await;
        let found = bench.found(&evidence);
        assert_eq!(found, [""; 0], "what we ourselves used up is nobody's fault");
        if let Some(stop) = &evidence.stopped {
            assert!(stop.cause == StopCause::Spent && stop.detail.contains("--max-wait"));
        } else {
            looked += 1;
        }
        tokio::time::advance(Duration::from_mins(5)).await;
    }
    assert!(looked > 1, "{looked} runs looked");
    assert!(bench.sent() <= 30, "{} requests", bench.sent());
}

#[tokio::test]
async fn headers_that_jump_prove_nothing_and_harm_nobody() {
    let (_, sent, found) =
        stop(r#"{"limit": 60, "window": "3s", "mode": "differential"}"#, |n, _| {
            left(200, (n * 37 + 11) % 60, 60)
        })
        .await;
    assert!(sent <= 16, "{sent}");
    assert!(!found.is_empty());
}
