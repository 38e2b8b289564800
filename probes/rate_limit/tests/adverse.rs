//! Honest limiters that are met at a bad moment: what is said of them is never false, and where
//! nothing can be said, the run says why.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const SHAPES: [(Shape, &str); 5] = [
    (Shape::FixedFromFirstHit, "fixed_window"),
    (Shape::FixedAt { phase: 1.3 }, "fixed_window"),
    (Shape::SlidingLog { counts_refused: false }, "sliding_log"),
    (Shape::Bucket, "token_bucket"),
    (Shape::Penalty, "penalty"),
];

const MODES: [&str; 2] = ["differential", "exhaust"];

fn settings(limit: u32, window: &str, mode: &str) -> String {
    format!(r#"{{"limit": {limit}, "window": "{window}", "mode": "{mode}"}}"#)
}

/// What a run said of an honest limiter must be true: these would not be.
fn falsehoods(found: &[String]) -> Vec<&String> {
    const TRUE: [&str; 2] = ["rate_limit.unproven", "rate_limit.hint-missing"];
    found.iter().filter(|rule| !TRUE.contains(&rule.as_str())).collect()
}

/// Whether the limiter that a run is taken for is of the size that was named and begins its windows
/// where one can know it: then it would have answered the very same, and no run could tell.
fn is_the_very_same(bench: &Bench, evidence: &Evidence) -> bool {
    let best = evidence.reading(&bench.probe).inference.fits[0];
    let Candidate { shape, limit, window } = best.candidate;
    let by_clock = |phase: f64| {
        let clock = evidence.started.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64();
        let past = (clock + phase).rem_euclid(window);
        past.min(window - past) < 0.6
    };
    let known = match shape {
        Shape::FixedAt { phase } | Shape::SlidingCounter { phase } => by_clock(phase),
        _ => true,
    };
    best.score < 0.05
        && bench.probe.limit == Some(limit)
        && bench.probe.window == Some(window)
        && known
}

/// One run: whatever false is said of the limiter.
async fn look(
    settings: &str,
    family: &str,
    scene: &str,
    handler: impl Fn(Request) -> Reply + Send + Sync + 'static,
) -> Vec<String> {
    let bench = Bench::new(settings, handler).await;
    let began = Instant::now();
    let evidence = bench.run().await;
    let found = bench.found(&evidence);
    let told = bench.family(&evidence);
    // A log looks like one with a lock-out to whoever does not go over the limit.
    let near = family == "penalty" && told == "sliding_log";
    let mut wrong: Vec<String> = falsehoods(&found).into_iter().cloned().collect();
    let honest = [family, "undetermined"].contains(&told) || near;
    if !honest && !is_the_very_same(&bench, &evidence) {
        wrong.push(told.to_owned());
    }
    if began.elapsed() > Duration::from_mins(5) {
        wrong.push(format!("took {:?}", began.elapsed()));
    }
    if bench.sent() > 100 {
        wrong.push(format!("{} requests", bench.sent()));
    }
    let unproven = found.iter().any(|rule| rule == "rate_limit.unproven");
    if unproven && bench.unproven(&evidence).is_empty() {
        wrong.push("no reason".to_owned());
    }
    let show = super::super::rules::shown(&bench.probe, &evidence);
    wrong.iter().map(|wrong| format!("{scene} {settings}: {wrong}: {show}")).collect()
}

/// Counts the requests that arrive, from 0.
fn counter() -> impl Fn() -> u32 + Send + Sync + 'static {
    let number = AtomicU32::new(0);
    move || number.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_forgets_all_counts_says_nothing_false() {
    let mut wrong = Vec::new();
    for (shape, family) in SHAPES {
        for mode in MODES {
            for at in 0..30 {
                for with_headers in [true, false] {
                    let (before, after) =
                        (Wall::new(shape, 8.0, 20.0), Wall::new(shape, 8.0, 20.0));
                    let next = counter();
                    let handler = move |_: Request| {
                        let wall = if next() < at { &before } else { &after };
                        if with_headers { wall.told("one") } else { wall.bare("one") }
                    };
                    let scene = format!("{shape:?} restarted at request {at}, {with_headers}");
                    wrong.extend(look(&settings(8, "20s", mode), family, &scene, handler).await);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
}
