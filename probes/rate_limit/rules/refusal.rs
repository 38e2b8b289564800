//! How the limiter refuses: by which status, with which hint, or by delay.

use jiff::Timestamp;

use crate::contract::Seen;
use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::{Evidence, Mode, Purpose, Sample};
use crate::rate_limit::infer::Outcome;
use crate::rate_limit::reading::{Reading, Told, amount};
use crate::rule::{About, Looked, Saw};
use crate::severity::Severity;

pub(super) const STATUS_UNUSUAL: About = About {
    id: "rate_limit.status-unusual",
    severity: Severity::Medium,
    title: "the limiter does not refuse with 429",
    why: "Monitoring counts 503 as an outage and 403 as a lost permission, and clients do not know that waiting helps.",
    fix: "Answer 429: `limit_req_status 429` in nginx, `RejectionStatusCode` in ASP.NET Core, a handler for `Ratelimited` in Django.",
    references: &["RFC 6585 section 4"],
};

fn refusals<'a>(
    evidence: &'a Evidence,
    reading: &'a Reading,
) -> impl Iterator<Item = (&'a Sample, &'a Told)> {
    reading
        .each(evidence)
        .filter(|(sample, told)| sample.is_plain() && told.outcome == Some(Outcome::Refused))
}

pub(super) fn status_unusual(
    check: &RateLimit,
    seen: &Seen<'_, RateLimit>,
    _: Timestamp,
) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    let mut statuses: Vec<u16> =
        refusals(evidence, reading).filter_map(|(sample, _)| sample.status).collect();
    statuses.dedup();
    let Some(status) = statuses.iter().copied().find(|status| *status != 429) else {
        return if statuses.is_empty() {
            Looked::untested("nothing was refused")
        } else {
            Looked::silent()
        };
    };
    // What does not pass with time is no limit.
    let passed = reading.each(evidence).any(|(sample, told)| {
        let first = refusals(evidence, reading).next().map_or(f64::INFINITY, |(s, _)| s.sent);
        sample.purpose == Purpose::Plain
            && told.outcome == Some(Outcome::Accepted)
            && sample.sent > first
    });
    let banned = statuses.contains(&429);
    if passed || banned {
        return Looked::fired(Saw::new(format!("refused with {status}"), "429"));
    }
    Looked::untested(format!("{status} did not pass within the run, so it may be no limit"))
}

pub(super) const HINT_MISSING: About = About {
    id: "rate_limit.hint-missing",
    severity: Severity::Low,
    title: "a refusal does not say when to try again",
    why: "Clients guess, and most guess too soon: they make the load worse that the limit is there for.",
    fix: "Send Retry-After with every 429.",
    references: &["RFC 6585 section 4", "RFC 9110 section 10.2.3"],
};

pub(super) fn hint_missing(check: &RateLimit, seen: &Seen<'_, RateLimit>, _: Timestamp) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    let mut refused = refusals(evidence, reading).peekable();
    if refused.peek().is_none() {
        return Looked::untested("nothing was refused");
    }
    let without = refused.find(|(_, told)| told.retry_after.is_none() && told.reset.is_none());
    let Some((_, told)) = without else { return Looked::silent() };
    let saw = match told.declared.odd_hints.as_slice() {
        [] => "no Retry-After".to_owned(),
        odd => format!("no Retry-After, only {}, which no client knows", crate::text::list(odd)),
    };
    Looked::fired(Saw::new(saw, "Retry-After"))
}

pub(super) const DELAYS: About = About {
    id: "rate_limit.delays",
    severity: Severity::Low,
    title: "the limiter delays instead of refusing",
    why: "Waiting requests hold connections and workers, and clients see a slow service and not a limit.",
    fix: "Refuse with 429 and Retry-After what goes beyond the burst: `nodelay` in nginx.",
    references: &["nginx: ngx_http_limit_req_module"],
};

pub(super) fn delays(check: &RateLimit, seen: &Seen<'_, RateLimit>, _: Timestamp) -> Looked {
    let evidence = seen.now;
    if evidence.mode != Mode::Exhaust {
        return Looked::untested("only `mode: exhaust` goes as fast as it takes");
    }
    let reading = evidence.reading(check);
    match delayed(evidence, reading) {
        Some((count, fast, slow)) => Looked::fired(Saw::new(
            format!(
                "the first request took {} s, and {count} after it {} s each",
                amount((fast * 100.0).round() / 100.0),
                amount((slow * 100.0).round() / 100.0)
            ),
            "answers as fast as at first, or refusals",
        )),
        None => Looked::silent(),
    }
}

/// How many requests were held back after a fast first one: and what both took, in seconds.
pub(super) fn delayed(evidence: &Evidence, reading: &Reading) -> Option<(usize, f64, f64)> {
    let took: Vec<f64> = reading
        .each(evidence)
        .filter(|(sample, told)| {
            sample.purpose == Purpose::Plain && told.outcome == Some(Outcome::Accepted)
        })
        .map(|(sample, _)| sample.took())
        .collect();
    let fast = took.iter().copied().fold(f64::INFINITY, f64::min);
    let mut held: Vec<f64> =
        took.iter().copied().filter(|took| *took > 4.0 * fast + 0.15).collect();
    held.sort_by(f64::total_cmp);
    let middle = *held.get(held.len() / 2)?;
    // A limiter holds every request for as long as its rate says; load is not so even.
    let even = held.iter().filter(|took| (*took - middle).abs() < 0.25 * middle).count();
    (even >= 3 && 4 * even >= 3 * held.len() && 2 * held.len() >= took.len()).then_some((
        held.len(),
        fast,
        middle,
    ))
}
