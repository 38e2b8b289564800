//! What limits are counted by, seen from both families of addresses and with every header.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

const LIMIT: &str =
    r#"{"request": {"path": "/api"}, "limit": 60, "window": "1day", "mode": "differential"}"#;

/// The same server on both addresses of `localhost`.
async fn both(handler: impl Fn(Request) -> Reply + Clone + Send + Sync + 'static) -> Both {
    let four = HttpServer::start_at((Ipv4Addr::LOCALHOST, 0), handler.clone()).await;
    let port = four.addr().port();
    let six = HttpServer::start_at((Ipv6Addr::LOCALHOST, port), handler).await;
    let bench = Bench::over(LIMIT, four, &format!("http://localhost:{port}"));
    Both { bench, six }
}

struct Both {
    bench: Bench,
    six: HttpServer,
}

impl Both {
    /// What is found, where both families were asked.
    async fn found(&self) -> Vec<String> {
        let evidence = self.bench.run().await;
        let found = self.bench.found(&evidence);
        assert!(self.bench.sent() > 0 && !self.six.requests().is_empty(), "{found:?}");
        found
    }
}

fn wall() -> Wall {
    Wall::new(Shape::FixedFromFirstHit, 60.0, 86_400.0)
}

#[tokio::test(start_paused = true)]
async fn families_of_addresses_that_are_counted_apart_are_found() {
    let wall = wall();
    let by_address = both(move |request| wall.told(&request.peer.ip().to_string())).await;
    assert_eq!(by_address.found().await, ["rate_limit.address-families-separate"]);
}

#[tokio::test(start_paused = true)]
async fn families_of_addresses_that_are_counted_together_are_not_apart() {
    let wall = wall();
    let for_all = both(move |_| wall.told("everybody")).await;
    assert_eq!(for_all.found().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn whoever_names_no_address_shares_a_bucket_where_a_constant_stands_for_it() {
    let wall = wall();
    let by_header =
        both(move |request| wall.told(request.header("x-forwarded-for").unwrap_or("unknown")))
            .await;
    assert_eq!(
        by_header.found().await,
        ["rate_limit.key-spoofable x-forwarded-for", "rate_limit.bucket-shared without-header"]
    );
}

/// With the partition key of draft 8, no second address is needed.
#[tokio::test(start_paused = true)]
async fn the_partition_key_of_a_constant_is_known() {
    // The first twelve digits of the hash of `unknown`, and of `127.0.0.1`, which is our own here.
    for (key, wanted) in [("YjIzYTZhODQzOWMw", 1), ("MTJjYTE3YjQ5YWYy", 0), ("c29tZWJvZHkhIQ==", 0)]
    {
        let wall = wall();
        let bench = Bench::new(LIMIT, move |_| {
            let left = wall.hit("one").remaining;
            Reply::new(200)
                .header("ratelimit-policy", &format!("\"a\"; q=60; w=86400; pk=:{key}:"))
                .header("ratelimit", &format!("\"a\"; r={left:.0}; t=86400"))
        })
        .await;
        let found = bench.found(&bench.run().await);
        let shared = found.iter().filter(|rule| *rule == "rate_limit.bucket-shared").count();
        assert_eq!(shared, wanted, "{key}: {found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_by_the_whole_url_is_not_counted_by_a_header() {
    let differential = wall();
    let by_url =
        Bench::new(LIMIT, move |request| differential.told(&request.uri.to_string())).await;
    let found = by_url.found(&by_url.run().await);
    assert!(!found.iter().any(|rule| rule.contains("key-spoofable")), "{found:?}");
    let exhausted = Wall::new(Shape::FixedFromFirstHit, 6.0, 86_400.0);
    let settings =
        r#"{"request": {"path": "/api"}, "limit": 6, "window": "1day", "mode": "exhaust"}"#;
    let by_url =
        Bench::new(settings, move |request| exhausted.bare(&request.uri.to_string())).await;
    let found = by_url.found(&by_url.run().await);
    assert!(!found.iter().any(|rule| rule.contains("key-spoofable")), "{found:?}");
    assert!(found.contains(&"rate_limit.variant-escapes query".to_owned()), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_path_that_is_written_differently_and_counted_apart_is_found_by_headers_too() {
    let wall = wall();
    let by_path = Bench::new(LIMIT, move |request| wall.told(request.path())).await;
    let found = by_path.found(&by_path.run().await);
    assert!(found.iter().any(|rule| rule.starts_with("rate_limit.variant-escapes")), "{found:?}");
}
