//! Variants that do not fit into one run.

use std::collections::HashSet;

use super::*;
use crate::contract;

/// Each run has room for one variant beside what tells the kind of limiter.
#[tokio::test(start_paused = true)]
async fn every_variant_has_its_turn_in_some_run() {
    let settings =
        r#"{"request": {"path": "/api"}, "limit": 20, "window": "20s", "mode": "differential"}"#;
    let wall = Wall::new(Shape::FixedFromFirstHit, 20.0, 20.0);
    let bench = Bench::new(settings, move |_| wall.told("one")).await;
    let mut earlier = Earlier::default();
    let mut tried = HashSet::new();
    let mut runs = 0;
    while runs < 18 {
        // What a run that only reads has seen does not make it forget.
        let consent = if runs == 3 { Impact::Passive } else { Impact::Active };
        let evidence = bench.run_after(earlier.clone(), consent, Duration::from_secs(30)).await;
        let variants = evidence.samples.iter().filter(|sample| !sample.is_plain());
        tried.extend(variants.map(|sample| format!("{:?}", sample.purpose)));
        let evidence: contract::Evidence = Arc::new(evidence);
        earlier = earlier.with(STARTED.parse().unwrap(), evidence, RateLimit::MEMORY);
        tokio::time::advance(Duration::from_mins(1)).await;
        runs += 1;
    }
    assert_eq!(tried.len(), 15, "{tried:?}");
}

/// A sign-in that admits twenty in an hour, which is longer than any run waits.
#[tokio::test(start_paused = true)]
async fn variants_fit_into_half_of_a_long_window() {
    let settings =
        r#"{"request": {"path": "/api"}, "limit": 20, "window": "1h", "mode": "differential"}"#;
    let wall = Wall::new(Shape::FixedFromFirstHit, 20.0, 3600.0);
    let by_header =
        move |request: Request| wall.told(request.header("x-forwarded-for").unwrap_or("one"));
    let bench = Bench::new(settings, by_header).await;
    let evidence = bench.run().await;
    assert!(bench.sent() <= 10, "{}", bench.sent());
    assert_eq!(bench.found(&evidence), ["rate_limit.key-spoofable x-forwarded-for"]);
}
