//! Honest limiters that are met at a bad moment: what is said of them is never false, and where
//! nothing can be said, the run says why.

mod clocks;
mod gradual;
mod outages;
mod restarts;
mod sizes;
mod strangers;

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const SHAPES: [(Shape, &str); 5] = [
    (Shape::FixedFromFirstHit, "fixed_window"),
    (Shape::FixedAt { phase: 1.3 }, "fixed_window"),
    (Shape::SlidingLog { counts_refused: false }, "sliding_log"),
    (Shape::Bucket, "token_bucket"),
    (Shape::Penalty, "penalty"),
];

/// Modes, and whether the limiter writes headers: without them only the last one has anything to
/// look at.
const MODES: [(&str, bool); 3] = [("differential", true), ("exhaust", true), ("exhaust", false)];

fn settings(limit: u32, window: &str, mode: &str) -> String {
    format!(r#"{{"limit": {limit}, "window": "{window}", "mode": "{mode}"}}"#)
}

/// How a limiter is met.
struct Scene<'a> {
    what: String,
    settings: String,
    family: &'a str,
    /// Beginnings of findings that are true here.
    may: &'a [&'a str],
}

impl Scene<'_> {
    /// What was found that is not true.
    fn falsehoods(&self, found: &[String]) -> Vec<String> {
        const TRUE: [&str; 2] = ["rate_limit.unproven", "rate_limit.hint-missing"];
        let is_true =
            |rule: &&String| TRUE.iter().chain(self.may).any(|prefix| rule.starts_with(prefix));
        found.iter().filter(|rule| !is_true(rule)).cloned().collect()
    }
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
        Shape::FixedAt { phase } | Shape::SlidingCounter { phase, .. } => by_clock(phase),
        _ => true,
    };
    best.score < 0.05
        && bench.probe.limit == Some(limit)
        && bench.probe.window == Some(window)
        && known
}

/// One run: whatever false is said of the limiter.
async fn look(
    scene: &Scene<'_>,
    handler: impl Fn(Request) -> Reply + Send + Sync + 'static,
) -> Vec<String> {
    let bench = Bench::new(&scene.settings, handler).await;
    let began = Instant::now();
    let evidence = bench.run().await;
    judge(scene, &bench, &evidence, began.elapsed())
}

fn judge(scene: &Scene<'_>, bench: &Bench, evidence: &Evidence, took: Duration) -> Vec<String> {
    let (family, found, told) = (scene.family, bench.found(evidence), bench.family(evidence));
    let mut wrong = scene.falsehoods(&found);
    // A log looks like one with a lock-out to whoever does not go over the limit.
    let near = family == "penalty" && told == "sliding_log";
    let honest = [family, "undetermined"].contains(&told) || near;
    if !honest && !is_the_very_same(bench, evidence) {
        wrong.push(told.to_owned());
    }
    if took > Duration::from_mins(5) {
        wrong.push(format!("took {took:?}"));
    }
    if bench.sent() > 100 {
        wrong.push(format!("{} requests", bench.sent()));
    }
    let unproven = found.iter().any(|rule| rule == "rate_limit.unproven");
    if unproven && bench.unproven(evidence).is_empty() {
        wrong.push("no reason".to_owned());
    }
    let (what, settings) = (&scene.what, &scene.settings);
    let show = super::super::rules::shown(&bench.probe, evidence);
    wrong.iter().map(|wrong| format!("{what} {settings}: {wrong}: {show}")).collect()
}

/// Nothing false was said.
fn expect_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Counts the requests that arrive, from 0.
fn counter() -> impl Fn() -> u32 + Send + Sync + 'static {
    let number = AtomicU32::new(0);
    move || number.fetch_add(1, Ordering::Relaxed)
}
