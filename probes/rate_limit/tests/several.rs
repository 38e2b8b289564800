//! Several limits of one route, of which one is meant.

use super::*;

/// Three a second and twenty in twenty seconds, each named, as the throttlers of Nest are.
#[tokio::test(start_paused = true)]
async fn a_shorter_limit_is_kept_to() {
    for mode in ["differential", "exhaust"] {
        let short = Wall::new(Shape::SlidingLog { counts_refused: false }, 3.0, 1.0);
        let long = Wall::new(Shape::SlidingLog { counts_refused: false }, 20.0, 20.0);
        let settings = format!(r#"{{"limit": 20, "window": "20s", "mode": "{mode}"}}"#);
        let refused = Arc::new(Mutex::new(0));
        let by_short = Arc::clone(&refused);
        let bench = Bench::new(&settings, move |_| {
            let (first, second) = (short.hit("one"), long.hit("one"));
            if !first.accepted {
                *by_short.lock().unwrap() += 1;
            }
            let reply = Reply::new(if first.accepted && second.accepted { 200 } else { 429 });
            [("short", 3, 1, first), ("long", 20, 20, second)].iter().fold(
                reply,
                |reply, (name, limit, window, answer)| {
                    reply
                        .header(&format!("x-ratelimit-limit-{name}"), &limit.to_string())
                        .header(
                            &format!("x-ratelimit-remaining-{name}"),
                            &format!("{:.0}", answer.remaining),
                        )
                        .header(&format!("x-ratelimit-reset-{name}"), &window.to_string())
                },
            )
        })
        .await;
        let evidence = bench.run().await;
        assert_eq!(bench.found(&evidence), [""; 0], "{mode}");
        assert_eq!(*refused.lock().unwrap(), 0, "{mode}");
        let beyond = evidence.samples.iter().any(|sample| sample.status == Some(429));
        assert_eq!(beyond, mode == "exhaust");
    }
}
