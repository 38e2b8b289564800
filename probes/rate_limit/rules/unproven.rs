//! What was tried and could not be settled, and why.

use jiff::Timestamp;

use super::beyond::{Beyond, beyond, disguised};
use super::{enforcement, figures, refusal};
use crate::contract::Seen;
use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::{Evidence, Mode, Purpose, StopCause};
use crate::rate_limit::plan::{Exhaust, whole, window_tolerance};
use crate::rate_limit::reading::{Reading, amount};
use crate::rule::{About, Looked, Saw, Tested};
use crate::severity::Severity;

pub(super) const UNPROVEN: About = About {
    id: "rate_limit.unproven",
    severity: Severity::Low,
    title: "whether the limit holds could not be shown",
    why: "A limit that nobody saw at work may not be there.",
    fix: "What was seen says what is missing: headers on the limit, a request that changes nothing, a key that only this check uses, or a mode that looks more closely.",
    references: &[],
};

pub(super) fn unproven(check: &RateLimit, seen: &Seen<'_, RateLimit>, _: Timestamp) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    if evidence.is_between() || evidence.spent().is_some() {
        return between(evidence);
    }
    let Some(why) = why(check, evidence, reading) else { return Looked::silent() };
    let why = match (evidence.withheld(), &evidence.stopped) {
        (Some(withheld), None) => format!("{why}, and {withheld}"),
        _ => why,
    };
    Looked::fired(Saw::new(why, "a limit that is seen to hold"))
}

/// Between two runs beyond the limit, and while our own runs have used it up, what others could not
/// show stays as it was, and that nothing is declared says nothing. What ends such a run early passes
/// with the next one.
fn between(evidence: &Evidence) -> Looked {
    const READING: &str = "reading";
    let stopped = evidence.stopped.as_ref().filter(|stop| {
        // One is a finding of its own, the other is ours.
        !matches!(stop.cause, StopCause::Shared | StopCause::Spent)
    });
    let saw =
        stopped.map(|stop| Saw::new(&stop.detail, "a limit that is seen to hold").on(READING));
    Looked { saw: saw.into_iter().collect(), tested: Tested::Only(vec![READING.to_owned()]) }
}

fn why(check: &RateLimit, evidence: &Evidence, reading: &Reading) -> Option<String> {
    if let Some(stop) = &evidence.stopped {
        let shaped = refusal::delayed(evidence, reading).is_some();
        return match stop.cause {
            // A finding of its own.
            StopCause::Shared => None,
            StopCause::Slow if shaped => None,
            _ => Some(stop.detail.clone()),
        };
    }
    match evidence.mode {
        Mode::Exhaust => exhausted(check, evidence, reading),
        Mode::Headers | Mode::Differential => declared(evidence, reading),
    }
}

fn declared(evidence: &Evidence, reading: &Reading) -> Option<String> {
    let cached = evidence.samples.iter().any(super::super::evidence::Sample::is_cached);
    if !reading.declares() {
        let detail = if cached { ": the answers come out of a cache" } else { "" };
        return Some(format!("no answer names a limit{detail}"));
    }
    let left: Vec<_> = reading
        .each(evidence)
        .filter(|(sample, _)| sample.purpose == Purpose::Plain)
        .filter_map(|(sample, told)| Some((sample, told.remaining?)))
        .collect();
    // More than two are judged by rules of their own. A bucket may have given the first one back.
    if let [(first, left), (second, then)] = left.as_slice()
        && (left - then).abs() < 0.5
        && reading.step.is_none_or(|step| second.answered - first.sent < 0.9 * step)
    {
        return Some(format!(
            "{} left after the first request and after the second: one was not counted, a cache answers, or several instances do",
            amount(*left)
        ));
    }
    None
}

fn exhausted(check: &RateLimit, evidence: &Evidence, reading: &Reading) -> Option<String> {
    if refusal::delayed(evidence, reading).is_some() {
        return None;
    }
    if !enforcement::refused(reading) && reading.failed {
        return Some("the service answered 503 in the midst of the run, and no limit of this size would have".to_owned());
    }
    if !enforcement::refused(reading) {
        return match beyond(check, evidence, reading) {
            // A finding of its own.
            Some(Beyond::Proven { .. }) => None,
            Some(Beyond::Doubtful { limit, accepted }) => Some(format!(
                "{} requests in one go were let through where {} are admitted; a window that ended or a memory that was lost in their midst would do the same{}",
                amount(accepted),
                amount(limit),
                would_tell(check, reading, limit),
            )),
            None => {
                let left_out = evidence.left_out.iter().map(|left| left.why.clone()).next();
                let sent = evidence.samples.len();
                disguised(evidence, reading).or(left_out).or_else(|| {
                    let why = "requests at ten a second at most did not go beyond the limit";
                    Some(format!("{sent} {why}"))
                })
            }
        };
    }
    if let Some(why) = figures::doubt(check, evidence, reading) {
        return Some(why);
    }
    let configured = check.window?;
    if reading.window.is_some() {
        return None;
    }
    if reading.inference.forgot {
        let why = "a limiter that began to count anew in the midst of the run, as after a deploy, answers as this one did";
        return Some(why.to_owned());
    }
    let tolerance = window_tolerance(configured);
    match reading.inference.window {
        Some((least, most))
            if most - least > 2.0 * tolerance && reading.inference.family.is_none() =>
        {
            Some(format!(
                "limiters with windows from {} to {} s would have answered the same",
                amount((least * 10.0).round() / 10.0),
                amount((most * 10.0).round() / 10.0)
            ))
        }
        Some(_) => None,
        None => Some("no limiter that is known answers as this one did".to_owned()),
    }
}

/// How many requests would tell, where a run may not send so many.
fn would_tell(check: &RateLimit, reading: &Reading, limit: f64) -> String {
    let window = check.window.or(reading.window).unwrap_or(60.0);
    let needed = Exhaust::needs_unlimited(whole(limit), window);
    let more = needed.filter(|needed| {
        u32::try_from(*needed).is_ok_and(|needed| (check.max_requests..=1000).contains(&needed))
    });
    more.map(|needed| format!("; `max_requests: {needed}` would tell")).unwrap_or_default()
}
