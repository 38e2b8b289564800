//! When a run ends early, so that nobody is locked out and nothing is harmed. Pure: it sees the
//! samples and says stop.

use crate::duration::brief;
use crate::rate_limit::evidence::{Mode, Purpose, Sample, Stop, StopCause};
use crate::rate_limit::infer::Outcome;
use crate::rate_limit::reading::{Told, amount, as_count, base_status};

/// What a run may do, and what is known of the time before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) mode: Mode,
    /// Whether a request that is accepted may change something.
    pub(super) changes_things: bool,
    /// Whether that was consented to.
    pub(super) may_intrude: bool,
    /// Our own requests to the origin in the window before.
    pub(super) known_before: u32,
    /// Whether that is all: whoever has just been started knows of nothing before.
    pub(super) knows_all: bool,
    /// Our own requests to it from other checks while the run goes on.
    pub(super) others: u32,
    /// In seconds, as far as it is known.
    pub(super) window: Option<f64>,
}

/// Looks for one thing that ends a run: why, and what was seen.
type Guard = fn(&[Sample], &[Told], &Terms) -> Option<(StopCause, String)>;

/// After so many connections in a row that did not come about, a run ends.
const FAILURES: usize = 3;

/// Why the run must end now, if it must.
pub(super) fn stop(samples: &[Sample], answers: &[Told], terms: &Terms) -> Option<Stop> {
    const GUARDS: [Guard; 7] =
        [not_inert, cached, limited, starts_lower, falls_faster, errors, slow];
    GUARDS
        .iter()
        .find_map(|guard| guard(samples, answers, terms))
        .map(|(cause, detail)| Stop { cause, detail })
}

fn not_inert(samples: &[Sample], _: &[Told], terms: &Terms) -> Option<(StopCause, String)> {
    if !terms.changes_things || terms.may_intrude {
        return None;
    }
    // What a browser asks beforehand changes nothing, whatever the answer.
    let last = samples.last().filter(|sample| sample.purpose != Purpose::Preflight)?;
    let status = last.status.filter(|status| (200..300).contains(status))?;
    let detail = format!(
        "the request is not inert: it was answered {status}; choose one that the service refuses, or consent with `allow: intrusive`"
    );
    Some((StopCause::NotInert, detail))
}

fn cached(samples: &[Sample], _: &[Told], _: &Terms) -> Option<(StopCause, String)> {
    let last = samples.last().filter(|sample| sample.is_cached())?;
    let what = match &last.purpose {
        Purpose::Forwarded(name) => format!("an answer to a request with {name}"),
        _ => "an answer".to_owned(),
    };
    Some((StopCause::Cached, format!("{what} came out of a cache, which counts nothing")))
}

fn limited(_: &[Sample], answers: &[Told], terms: &Terms) -> Option<(StopCause, String)> {
    let last = answers.last().filter(|told| told.outcome == Some(Outcome::Refused))?;
    if terms.mode == Mode::Exhaust && answers.len() > 1 {
        return None;
    }
    let wait = match last.retry_after {
        Some(wait) => format!(", to be tried again after {} s", amount(wait)),
        None => String::new(),
    };
    let sent = answers.len();
    let detail =
        format!("request {sent} of this run was refused{wait}: the limit was used up before");
    Some((StopCause::Limited, detail))
}

/// What is left after the first request is explained by our own requests, or others share the key.
fn starts_lower(
    samples: &[Sample],
    answers: &[Told],
    terms: &Terms,
) -> Option<(StopCause, String)> {
    if samples.len() != 1 {
        return None;
    }
    let first = &answers[0];
    let (limit, remaining) = (first.limit?, first.remaining?);
    let known = f64::from(terms.known_before) + f64::from(terms.others) + 1.0;
    if first.outcome != Some(Outcome::Accepted) || limit < 1.0 || limit - remaining <= known + 0.5 {
        return None;
    }
    let before = if terms.knows_all { "" } else { "an earlier run of ours did, " };
    let detail = format!(
        "{} of {} were left after {} of our own: somebody else counts on the same key, {before}or one request counts as several",
        amount(remaining),
        amount(limit),
        requests(known),
    );
    Some((StopCause::StartsLower, detail))
}

fn falls_faster(
    samples: &[Sample],
    answers: &[Told],
    terms: &Terms,
) -> Option<(StopCause, String)> {
    let last = answers.len().checked_sub(1)?;
    let (now, limit) = (answers[last].remaining?, answers[last].limit);
    if !samples[last].is_plain() {
        return None;
    }
    let since = samples[last].sent - terms.window.unwrap_or(f64::INFINITY);
    // The lowest count of before, because several instances may answer in turn.
    let before = |index: &usize| {
        samples[*index].is_plain() && samples[*index].sent > since && answers[*index].limit == limit
    };
    let (lowest, index) = (0..last)
        .filter(before)
        .filter_map(|index| Some((answers[index].remaining?, index)))
        .min_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?;
    let own = as_count(last - index);
    let excess = lowest - now - own;
    if excess < 0.5 {
        return None;
    }
    let seen = format!(
        "{} were left, and after {} of our own {}",
        amount(lowest),
        requests(own),
        amount(now)
    );
    if excess <= f64::from(terms.others) + 0.5 {
        let detail = format!("{seen}: other checks of ours use the same bucket");
        return Some((StopCause::OwnTraffic, detail));
    }
    Some((StopCause::Shared, seen))
}

fn errors(samples: &[Sample], answers: &[Told], terms: &Terms) -> Option<(StopCause, String)> {
    let base = base_status(samples);
    let last = samples.last()?;
    let unreached = samples.iter().rev().take_while(|sample| sample.status.is_none()).count();
    if unreached >= FAILURES || unreached == samples.len() {
        let mut detail = last.failure.clone().unwrap_or_else(|| "no answer came".to_owned());
        let answered = as_count(samples.len() - unreached);
        if terms.mode == Mode::Exhaust && answered > 0.5 {
            let after = format!(", after answers to {}", requests(answered));
            detail.push_str(&after);
            detail.push_str(": a limiter that hangs up, or that never answers, does the same");
        }
        return Some((StopCause::Errors, detail));
    }
    let fails = |(sample, told): (&Sample, &Told)| {
        told.outcome != Some(Outcome::Refused)
            && sample.status.is_some_and(|status| status >= 500 && Some(status) != base)
    };
    let failing = samples.iter().zip(answers).rev().take_while(|pair| fails(*pair)).count();
    // The second one is the plain control after an error; a base that fails is one from the start.
    let broken = base.is_some_and(|base| base >= 500 && base != 501);
    if (failing >= 2 || broken)
        && let Some(status) = last.status
    {
        return Some((StopCause::Errors, format!("the service answers {status}")));
    }
    None
}

fn slow(samples: &[Sample], _: &[Told], _: &Terms) -> Option<(StopCause, String)> {
    let took: Vec<f64> =
        samples.iter().filter(|sample| sample.is_plain()).map(Sample::took).collect();
    let (first, last) = (took.get(..3)?, took.get(took.len().checked_sub(3)?..)?);
    if took.len() < 6 {
        return None;
    }
    let usual = first.iter().copied().fold(0.0, f64::max);
    let lately = last.iter().copied().fold(f64::INFINITY, f64::min);
    if lately <= 3.0 * usual + 0.3 {
        return None;
    }
    let show =
        |seconds: f64| brief(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let detail = format!("answers took {} at first and {} at last", show(usual), show(lately));
    Some((StopCause::Slow, detail))
}

fn requests(count: f64) -> String {
    let word = if count < 1.5 { "request" } else { "requests" };
    format!("{} {word}", amount(count))
}
