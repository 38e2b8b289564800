//! What is configured here against what is declared there and what was seen.

use jiff::Timestamp;

use super::show;
use crate::contract::Seen;
use crate::rate_limit::RateLimit;
use crate::rate_limit::declared::Declared;
use crate::rate_limit::evidence::{Evidence, Mode};
use crate::rate_limit::infer::Outcome;
use crate::rate_limit::infer::limiter::Family;
use crate::rate_limit::plan::window_tolerance;
use crate::rate_limit::reading::{Reading, amount, as_count};
use crate::rule::{About, Looked, Saw, Tested};
use crate::severity::Severity;

pub(super) const LIMIT_DIFFERS: About = About {
    id: "rate_limit.limit-differs",
    severity: Severity::High,
    title: "the limit is not the one that was meant",
    why: "A higher limit protects less than was promised; a lower one refuses clients that keep to it.",
    fix: "Compare the limiter's configuration of this route with `limit`; an environment that overrides it and a second limiter in front are the usual causes.",
    references: &[],
};

pub(super) fn limit_differs(check: &RateLimit, seen: &Seen<'_, RateLimit>, _: Timestamp) -> Looked {
    let evidence = seen.now;
    let Some(configured) = check.limit else { return Looked::untested("`limit` is not given") };
    let reading = evidence.reading(check);
    let wanted = format!("{} requests", amount(configured));
    let declared = limits(evidence, reading);
    let near = |limit: &f64| (limit - configured).abs() <= (0.02 * configured).max(0.5);
    if !declared.is_empty() && !declared.iter().any(near) {
        let saw = format!(
            "headers declare {}",
            crate::text::list(&declared.iter().map(|limit| amount(*limit)).collect::<Vec<_>>())
        );
        return of_headers(Some(Saw::new(saw, wanted)));
    }
    match seen_limit(evidence, reading) {
        Some(limit) if (limit - configured).abs() > slip(configured) => {
            if same_rate(check, reading) {
                return Looked::silent();
            }
            if let Some(why) = doubt(check, evidence, reading) {
                return Looked::untested(why);
            }
            let saw = format!("{} are admitted ({})", amount(limit), show::work(evidence, reading));
            Looked::fired(Saw::new(saw, wanted).on(ADMITTED))
        }
        Some(_) => Looked::silent(),
        None => match refused_after(evidence, reading, check.window) {
            Some(count) if count < configured - slip(configured) => {
                if let Some(why) = doubt(check, evidence, reading) {
                    return Looked::untested(why);
                }
                let saw = format!(
                    "a refusal after {} requests ({})",
                    amount(count),
                    show::work(evidence, reading)
                );
                Looked::fired(Saw::new(saw, wanted).on(ADMITTED))
            }
            Some(_) => Looked::silent(),
            None if declared.is_empty() => {
                Looked::untested("neither headers nor refusals tell the limit")
            }
            None => of_headers(None),
        },
    }
}

/// What a limiter does, beside what it says: a run that only reads says nothing of that.
const ADMITTED: &str = "admitted";

/// What headers declare was looked at, and nothing else.
fn of_headers(saw: Option<Saw>) -> Looked {
    Looked { saw: saw.into_iter().collect(), tested: Tested::Only(vec![String::new()]) }
}

/// How far a limit may be off.
fn slip(limit: f64) -> f64 {
    (0.02 * limit).max(1.0)
}

/// Why a refusal that came early does not tell the limit: another one that was declared refuses
/// first, or, where no header says what is left, our own other checks used up what is missing.
pub(super) fn doubt(check: &RateLimit, evidence: &Evidence, reading: &Reading) -> Option<String> {
    let configured = check.limit?;
    let seen = seen_limit(evidence, reading)
        .or_else(|| refused_after(evidence, reading, check.window))
        .filter(|seen| *seen < configured - slip(configured))?;
    let first = refused_after(evidence, reading, None).unwrap_or(seen);
    let is_seen = |limit: &f64| [seen, first].iter().any(|seen| (seen - limit).abs() <= 1.0);
    let declared = limits(evidence, reading);
    let declares_it = declared.iter().any(|limit| (limit - configured).abs() <= slip(configured));
    if let Some(other) = declared.into_iter().find(is_seen).filter(|_| declares_it) {
        return Some(format!(
            "another limit that is declared, of {}, refuses first",
            amount(other)
        ));
    }
    if reading.remaining.is_some() {
        return None;
    }
    let own = f64::from(evidence.known_before) + f64::from(evidence.others);
    (seen + own >= configured - slip(configured)).then(|| {
        format!(
            "a refusal after {} requests, while {} of our own other checks may have been counted too",
            amount(seen),
            amount(own)
        )
    })
}

/// How many requests of any kind came before the first refusal, where all came within one window.
fn refused_after(evidence: &Evidence, reading: &Reading, window: Option<f64>) -> Option<f64> {
    let all: Vec<_> = reading.each(evidence).collect();
    let refusal = all
        .iter()
        .position(|(sample, told)| sample.is_plain() && told.outcome == Some(Outcome::Refused))
        .filter(|at| *at > 0)?;
    let passed = all[refusal].0.sent - all[0].0.sent;
    (evidence.mode == Mode::Exhaust && window.is_none_or(|window| passed < window))
        .then(|| as_count(refusal))
}

/// The limits that answers declare, each once.
fn limits(evidence: &Evidence, reading: &Reading) -> Vec<f64> {
    let mut limits = of_policies(evidence, reading, |policy| policy.limit);
    // A limit of nothing is how limiters say that they could not count.
    limits.retain(|limit| *limit > 0.5);
    limits
}

fn of_policies(
    evidence: &Evidence,
    reading: &Reading,
    value: fn(&crate::rate_limit::declared::Policy) -> Option<f64>,
) -> Vec<f64> {
    let own = reading.each(evidence).filter(|(sample, _)| sample.is_plain() && !sample.is_cached());
    let own = own.map(|(_, told)| &told.declared);
    let policies = own.chain(&reading.sighted).flat_map(|declared: &Declared| &declared.policies);
    let mut values: Vec<f64> =
        policies.filter(|policy| policy.counts_requests).filter_map(value).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// The limit that was seen, where a run went up to it.
fn seen_limit(evidence: &Evidence, reading: &Reading) -> Option<f64> {
    let went = evidence.mode == Mode::Exhaust && super::enforcement::refused(reading);
    reading.inference.limit.filter(|_| went)
}

/// Of a bucket, depth and rate are two things: it may be as fast as was meant and only less deep.
fn same_rate(check: &RateLimit, reading: &Reading) -> bool {
    let best = reading.inference.fits.first();
    let (Some(best), Some(limit), Some(window)) = (best, check.limit, check.window) else {
        return false;
    };
    let (seen, meant) = (best.candidate.window / best.candidate.limit, window / limit);
    best.candidate.shape.family() == Family::TokenBucket
        && best.candidate.limit <= limit
        && (seen - meant).abs() <= 0.05 * meant
}

pub(super) const WINDOW_DIFFERS: About = About {
    id: "rate_limit.window-differs",
    severity: Severity::High,
    title: "the window is not the one that was meant",
    why: "The same limit over a shorter window admits more; over a longer one it locks clients out for longer.",
    fix: "Compare the limiter's configuration of this route with `window`; seconds and milliseconds are easily mistaken for each other.",
    references: &[],
};

pub(super) fn window_differs(
    check: &RateLimit,
    seen: &Seen<'_, RateLimit>,
    _: Timestamp,
) -> Looked {
    let evidence = seen.now;
    let Some(configured) = check.window else { return Looked::untested("`window` is not given") };
    let reading = evidence.reading(check);
    let wanted = format!("{} s", amount(configured));
    let declared = of_policies(evidence, reading, |policy| policy.window);
    let near = |window: &f64| (window - configured).abs() <= (0.02 * configured).max(0.5);
    if !declared.is_empty() && !declared.iter().any(near) {
        let saw = format!(
            "headers declare {} s",
            crate::text::list(&declared.iter().map(|window| amount(*window)).collect::<Vec<_>>())
        );
        return of_headers(Some(Saw::new(saw, wanted)));
    }
    let tolerance = window_tolerance(configured);
    // Where answers say what is left, only a limiter that is beyond doubt has another window: else
    // some window that nobody meant explains most of it by luck.
    let sure = reading.inference.family.is_some()
        || (evidence.mode == Mode::Exhaust && declared.is_empty() && reading.remaining.is_none());
    let moved = reading.inference.window.filter(|_| sure && !is_bucket(reading));
    match moved {
        Some((least, most)) if configured + tolerance < least || configured - tolerance > most => {
            let saw = format!(
                "a window of {} to {} s ({})",
                amount((least * 10.0).round() / 10.0),
                amount((most * 10.0).round() / 10.0),
                show::work(evidence, reading)
            );
            Looked::fired(Saw::new(saw, wanted).on(ADMITTED))
        }
        Some((least, most)) if most - least <= 2.0 * tolerance => Looked::silent(),
        _ if is_bucket(reading) => bucket(check, evidence, reading, configured),
        _ if !declared.is_empty() => of_headers(None),
        _ => match overlong_reset(evidence, reading, configured) {
            Some(reset) => {
                of_headers(Some(Saw::new(format!("a reset {} s ahead", amount(reset)), wanted)))
            }
            None => Looked::untested("the window could not be told apart from others"),
        },
    }
}

fn is_bucket(reading: &Reading) -> bool {
    reading.inference.family == Some(Family::TokenBucket)
}

/// A bucket has a rate instead of a window.
fn bucket(check: &RateLimit, evidence: &Evidence, reading: &Reading, configured: f64) -> Looked {
    let (Some(best), Some(limit)) = (reading.inference.fits.first(), check.limit) else {
        return Looked::untested("`limit` is not given, which the rate follows from");
    };
    let (seen, meant) = (best.candidate.window / best.candidate.limit, configured / limit);
    if (seen - meant).abs() <= (0.05 * meant).max(window_tolerance(configured) / limit) {
        return Looked::silent();
    }
    let saw =
        format!("one request comes back every {seen:.2} s ({})", show::work(evidence, reading));
    Looked::fired(Saw::new(saw, format!("one every {meant:.2} s")).on(ADMITTED))
}

/// A reset that lies further ahead than the window is long.
fn overlong_reset(evidence: &Evidence, reading: &Reading, window: f64) -> Option<f64> {
    let resets = reading.each(evidence).filter(|(sample, _)| sample.is_plain());
    let most = resets.filter_map(|(_, told)| told.reset).fold(0.0, f64::max);
    (most > window + window_tolerance(window).max(2.0)).then_some(most)
}
