//! Numbers of a limit: what is declared, what was seen, and how sure that is.

use super::RateLimit;
use super::evidence::Evidence;
use super::plan::window_tolerance;
use crate::measurement::{Family, Measurement};

const LIMIT: Family = Family {
    name: "musterd_rate_limit_limit_requests",
    help: "Requests that a window admits: as configured, declared by headers, or inferred.",
    labels: &["source"],
};
const WINDOW: Family = Family {
    name: "musterd_rate_limit_window_seconds",
    help: "Length of the window: as configured, declared by headers, or inferred.",
    labels: &["source"],
};
const REMAINING: Family = Family {
    name: "musterd_rate_limit_remaining_requests",
    help: "Requests that are left by the latest answer.",
    labels: &[],
};
const CONFIDENCE: Family = Family {
    name: "musterd_rate_limit_confidence_ratio",
    help: "How far the inferred family leads before the next one; 0 while it is undetermined.",
    labels: &[],
};
const FAMILY: Family = Family {
    name: "musterd_rate_limit_family_info",
    help: "1, with the family of limiter that was inferred.",
    labels: &["family"],
};

pub(super) const FAMILIES: &[Family] = &[LIMIT, WINDOW, REMAINING, CONFIDENCE, FAMILY];

pub(super) fn measure(check: &RateLimit, seen: &Evidence) -> Vec<Measurement> {
    let reading = seen.reading(check);
    let inference = &reading.inference;
    let best = inference.family.and_then(|_| inference.fits.first());
    let window = best.map(|fit| fit.candidate.window).filter(|window| {
        let told = || reading.told.iter().any(|told| (told - window).abs() < 1e-6);
        // Where windows of other lengths explain the same, nobody knows which one it is.
        let sure = |(least, most): (f64, f64)| most - least <= window_tolerance(*window);
        *window > 0.0 && (told() || inference.window.is_some_and(sure))
    });
    let mut all = Vec::new();
    for (family, configured, declared, inferred) in [
        (&LIMIT, check.limit, reading.limit, inference.limit),
        (&WINDOW, check.window, reading.window, window),
    ] {
        for (source, value) in
            [("configured", configured), ("declared", declared), ("inferred", inferred)]
        {
            if let Some(value) = value {
                all.push(Measurement::labelled(family, vec![source.to_owned()], value));
            }
        }
    }
    if let Some(remaining) = reading.remaining {
        all.push(Measurement::new(&REMAINING, remaining));
    }
    if !inference.fits.is_empty() {
        all.push(Measurement::new(&CONFIDENCE, inference.confidence()));
        let family = inference.family.map_or("undetermined", super::infer::limiter::Family::label);
        all.push(Measurement::labelled(&FAMILY, vec![family.to_owned()], 1.0));
    }
    all
}
