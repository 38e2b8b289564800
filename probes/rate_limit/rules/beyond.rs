//! How far beyond the limit a run was let through, and whether that proves anything.

use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::{Evidence, Purpose};
use crate::rate_limit::infer::Outcome;
use crate::rate_limit::plan::DOUBT;
use crate::rate_limit::reading::{REFUSING, Reading, as_count, base_status, server_clock};

/// How far a run went without any refusal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Beyond {
    /// So many requests were let through in one go that no limiter of this limit explains it.
    Proven { limit: f64, accepted: f64 },
    /// More than the limit, but a window that ended or a memory that was lost in their midst
    /// explains it.
    Doubtful { limit: f64, accepted: f64 },
}

/// Why answers that were taken for acceptances may be refusals: by a status that limiters refuse
/// with from the first request on, or by another one than before, such as a redirect to a challenge.
pub(super) fn disguised(evidence: &Evidence, reading: &Reading) -> Option<String> {
    let base = base_status(&evidence.samples)?;
    if REFUSING.contains(&base) {
        return Some(format!(
            "every request was answered {base}, which a limiter may refuse with as well; choose one that is answered otherwise"
        ));
    }
    if let Some((first, _)) = other_words(evidence) {
        return Some(format!(
            "from request {} on the answers are {base} in other words than before, which may be refusals",
            first + 1
        ));
    }
    let mut plain = reading.each(evidence).filter(|(s, _)| s.purpose == Purpose::Plain);
    let odd = plain.position(|(sample, told)| {
        told.outcome == Some(Outcome::Accepted) && sample.status != Some(base)
    })?;
    let status = evidence.samples.iter().filter(|s| s.purpose == Purpose::Plain).nth(odd)?.status?;
    Some(format!(
        "request {} was answered {status} instead of {base}, which may be a refusal",
        odd + 1
    ))
}

/// Where one body takes the place of the usual one, as in services that refuse with 200: from which
/// request on, and the usual one.
fn other_words(evidence: &Evidence) -> Option<(usize, &str)> {
    /// So many in a row are no chance.
    const ROW: usize = 3;
    let plain = evidence.samples.iter().filter(|sample| sample.purpose == Purpose::Plain);
    let bodies: Vec<&str> = plain.map_while(|sample| sample.body.as_deref()).collect();
    let usual = *bodies.first()?;
    let first = bodies.iter().position(|body| *body != usual).filter(|first| *first >= ROW)?;
    let other = bodies[first];
    let settled = bodies.get(first..first + ROW)?.iter().all(|body| *body == other);
    let two = bodies.iter().all(|body| [usual, other].contains(body));
    (settled && two).then_some((first, usual))
}

/// How far beyond the limit requests were accepted in one go, where there were so many.
pub(super) fn beyond(check: &RateLimit, evidence: &Evidence, reading: &Reading) -> Option<Beyond> {
    let base = base_status(&evidence.samples).filter(|status| !REFUSING.contains(status))?;
    let usual = other_words(evidence).map(|(_, usual)| usual);
    let accepted: Vec<f64> = reading
        .each(evidence)
        .filter(|(sample, told)| {
            sample.purpose == Purpose::Plain
                && told.outcome == Some(Outcome::Accepted)
                && sample.status == Some(base)
                && usual.is_none_or(|usual| sample.body.as_deref() == Some(usual))
        })
        .map(|(sample, _)| sample.sent)
        .collect();
    let limit = check.limit.or(reading.limit);
    let Some(limit) = limit else {
        // Nobody says what the limit is: whatever a run may send is beyond it.
        let (most, accepted) = (f64::from(check.max_requests), as_count(accepted.len()));
        return (accepted >= most).then_some(Beyond::Proven { limit: most, accepted });
    };
    let window = check.window.or(reading.window).unwrap_or(60.0);
    // The densest burst: what a bucket gives back in its course does not count.
    let burst = |lives: f64| {
        (0..accepted.len()).find_map(|first| {
            (first..accepted.len()).rev().find_map(|last| {
                let count = as_count(last - first + 1);
                let back = (accepted[last] - accepted[first]) * limit / window;
                (count > lives * limit + back + DOUBT).then_some((first, last, count))
            })
        })
    };
    if let Some((.., accepted)) = burst(2.0) {
        return Some(Beyond::Proven { limit, accepted });
    }
    let (first, last, count) = burst(1.0)?;
    // Where no more may be sent, a boundary that can be thought of is what keeps it in doubt.
    let used_up = as_count(evidence.samples.len()) >= f64::from(check.max_requests);
    let doubtful = !used_up
        || restarts(evidence, reading)
        || on_the_hour(evidence, window, (accepted[first], accepted[last]));
    Some(if doubtful {
        Beyond::Doubtful { limit, accepted: count }
    } else {
        Beyond::Proven { limit, accepted: count }
    })
}

/// Whether what is left rose in the midst of the run.
fn restarts(evidence: &Evidence, reading: &Reading) -> bool {
    let left: Vec<f64> = reading
        .each(evidence)
        .filter(|(sample, _)| sample.purpose == Purpose::Plain && !sample.is_cached())
        .filter_map(|(_, told)| told.remaining)
        .collect();
    left.windows(2).any(|pair| pair[1] > pair[0] + 0.5)
}

/// Whether a window that is counted from 1970 on ends between two moments of the run.
fn on_the_hour(evidence: &Evidence, window: f64, (from, to): (f64, f64)) -> bool {
    let (earliest, latest) = server_clock(&evidence.samples, evidence.started);
    let (from, to) = (earliest + from - 1.0, latest + to + 1.0);
    (from / window).floor() < (to / window).floor()
}
