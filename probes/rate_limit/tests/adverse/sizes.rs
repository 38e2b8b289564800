//! Limits that are tiny, huge, or last for a day.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_limit_of_any_size_is_judged_truly_and_soon() {
    let mut wrong = Vec::new();
    for (limit, window, seconds) in [
        (1, "1s", 1.0),
        (1, "20s", 20.0),
        (1, "1day", 86_400.0),
        (2, "20s", 20.0),
        (3, "1h", 3_600.0),
        (5, "15m", 900.0),
        (20, "1day", 86_400.0),
        (1_000, "1s", 1.0),
        (1_000_000, "20s", 20.0),
        (1_000_000, "31days", 2_678_400.0),
    ] {
        for (shape, family) in SHAPES {
            for (mode, with_headers) in [("headers", true)].into_iter().chain(MODES) {
                if mode == "exhaust" && limit > 98 {
                    continue;
                }
                let wall = Wall::new(shape, f64::from(limit), seconds);
                let handler = move |_: Request| {
                    if with_headers { wall.told("one") } else { wall.bare("one") }
                };
                let scene = Scene {
                    what: format!("{shape:?}, {with_headers}"),
                    settings: settings(limit, window, mode),
                    family,
                    may: &[],
                };
                wrong.extend(look(&scene, handler).await);
            }
        }
    }
    expect_none(&wrong);
}

/// Times that no clock reaches.
#[tokio::test(start_paused = true)]
async fn a_reset_in_ten_thousand_ages_is_no_reset() {
    for far in ["10000000000000000000000", "99999999999999999999999", "9999-12-31T23:59:59Z"] {
        for mode in ["differential", "exhaust"] {
            let handler = move |_: Request| {
                Reply::new(200)
                    .header("x-ratelimit-limit", "20")
                    .header("x-ratelimit-remaining", "19")
                    .header("x-ratelimit-reset", far)
                    .header("retry-after", far)
            };
            let bench = Bench::new(&format!(r#"{{"limit": 20, "mode": "{mode}"}}"#), handler).await;
            let found = bench.found(&bench.run().await);
            let malformed = "rate_limit.headers-contradict syntax".to_owned();
            assert!(found.contains(&malformed), "{far} {mode}: {found:?}");
        }
    }
}

/// A sign-in that admits five in a quarter of an hour: no run waits for so long, and none needs to.
#[tokio::test(start_paused = true)]
async fn that_a_limit_refuses_is_shown_without_waiting_for_its_window() {
    for (window, seconds) in [("15m", 900.0), ("1day", 86_400.0)] {
        let wall = Wall::new(Shape::FixedFromFirstHit, 5.0, seconds);
        let bench = Bench::new(&settings(5, window, "exhaust"), move |_| wall.told("one")).await;
        let evidence = bench.run().await;
        assert!(evidence.samples.iter().any(|sample| sample.status == Some(429)), "{window}");
        let unlimited = |_: Request| Reply::new(401);
        let bench = Bench::new(&settings(5, window, "exhaust"), unlimited).await;
        let found = bench.found(&bench.run().await);
        assert_eq!(found, ["rate_limit.not-enforced"], "{window}");
    }
}
