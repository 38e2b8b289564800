//! Whether the limit limits at all, and everybody.

use jiff::Timestamp;

use super::beyond::{Beyond, beyond, disguised};
use super::{isolation, show};
use crate::contract::Seen;
use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::{Evidence, Mode, Purpose, StopCause};
use crate::rate_limit::infer::Outcome;
use crate::rate_limit::reading::{Reading, amount};
use crate::rule::{About, Looked, Saw, Tested};
use crate::severity::Severity;

pub(super) const NOT_ENFORCED: About = About {
    id: "rate_limit.not-enforced",
    severity: Severity::High,
    title: "nothing is refused beyond the limit",
    why: "One client can use up what all of them share, guess passwords without end, or run up costs.",
    fix: "See that the limiter runs in front of this route, in the process that serves it, and that it counts requests such as this one.",
    references: &["OWASP API4:2023", "CWE-770"],
};

pub(super) fn not_enforced(check: &RateLimit, seen: &Seen<'_, RateLimit>, _: Timestamp) -> Looked {
    let evidence = seen.now;
    let spent = evidence.spent().filter(|_| evidence.withheld().is_none());
    if let Some(why) = spent {
        return Looked::untested(why);
    }
    if evidence.mode != Mode::Exhaust {
        let why = evidence.withheld().unwrap_or("only `mode: exhaust` goes beyond the limit");
        return Looked::untested(why);
    }
    let reading = evidence.reading(check);
    if refused(reading) {
        return Looked::silent();
    }
    if super::refusal::delayed(evidence, reading).is_some() {
        return Looked::silent();
    }
    match beyond(check, evidence, reading) {
        None => {
            let few = "not enough requests were answered to go beyond the limit";
            Looked::untested(disguised(evidence, reading).unwrap_or_else(|| few.to_owned()))
        }
        Some(Beyond::Doubtful { .. }) => {
            Looked::untested("a window that ended in the midst of the run would look the same")
        }
        Some(Beyond::Proven { limit, accepted }) => {
            let severity =
                if check.guards_credentials() { Severity::Critical } else { Severity::High };
            Looked::fired(
                Saw::new(
                    format!(
                        "{} requests and none was refused ({})",
                        amount(accepted),
                        show::work(evidence, reading)
                    ),
                    format!("a refusal after {} requests", amount(limit)),
                )
                .graded(severity),
            )
        }
    }
}

/// Whether the limiter refused any ordinary request.
pub(super) fn refused(reading: &Reading) -> bool {
    reading.answers.iter().any(|told| told.outcome == Some(Outcome::Refused))
}

pub(super) const FAILS_OPEN: About = About {
    id: "rate_limit.fails-open",
    severity: Severity::High,
    title: "the limiter lets everything through when it cannot count",
    why: "While its store is slow or away there is no limit, which is when one is needed most.",
    fix: "Decide what happens without the store: refuse (503) on routes that guard credentials or cost money, fall back to a counter in memory elsewhere.",
    references: &["CWE-636"],
};

pub(super) fn fails_open(check: &RateLimit, seen: &Seen<'_, RateLimit>, _: Timestamp) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    if !reading.declares() {
        return Looked::untested("no answer says how much is left");
    }
    let zero = |value: Option<f64>| value.is_some_and(|value| value < 0.5);
    let own = reading.each(evidence).filter(|(sample, _)| sample.is_plain());
    let accepted = own.clone().filter(|(_, told)| told.outcome == Some(Outcome::Accepted));
    let without_limit = accepted.clone().any(|(_, told)| zero(told.limit))
        || reading.sighted.iter().zip(&evidence.sightings).any(|(declared, sighting)| {
            sighting.status < 400
                && declared
                    .policies
                    .iter()
                    .any(|policy| policy.counts_requests && zero(policy.limit))
        });
    if without_limit {
        return Looked::fired(Saw::new(
            "an accepted request under a limit of 0, which limiters write when they could not count",
            "a limit, or a refusal",
        ));
    }
    let (mut row, mut longest) = (0, 0);
    for (_, told) in own {
        row = if told.outcome == Some(Outcome::Accepted) && zero(told.remaining) {
            row + 1
        } else {
            0
        };
        longest = longest.max(row);
    }
    // Each of several instances may have one last request.
    let lanes = isolation::lanes(evidence, reading).unwrap_or(1);
    // A limiter that refuses does count: what expires meanwhile lets others in one by one.
    if longest > lanes.max(1) && !refused(reading) {
        let saw = Saw::new(
            format!(
                "{longest} requests in a row were accepted while nothing was left ({})",
                show::work(evidence, reading)
            ),
            "a refusal as soon as nothing is left",
        );
        return Looked::fired(saw.on("nothing-left"));
    }
    if longest > 0 || refused(reading) {
        return Looked::silent();
    }
    // What becomes of those that come when nothing is left was not seen.
    Looked { saw: Vec::new(), tested: Tested::Only(vec![String::new()]) }
}

pub(super) const FAILURES_UNCOUNTED: About = About {
    id: "rate_limit.failures-uncounted",
    severity: Severity::Medium,
    title: "requests that fail are not counted",
    why: "Whoever guesses fails nearly always: a limit that forgives failures does not slow guessing.",
    fix: "Count every request before it is handled; do not skip failed ones (`skipFailedRequests` and the like).",
    references: &["OWASP API2:2023", "CWE-307"],
};

pub(super) fn failures_uncounted(
    check: &RateLimit,
    seen: &Seen<'_, RateLimit>,
    _: Timestamp,
) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    let fails = |status: Option<u16>| {
        status.is_some_and(|status| (400..500).contains(&status) && status != 429)
    };
    let plain =
        || reading.each(evidence).filter(|(s, _)| s.purpose == Purpose::Plain && !s.is_cached());
    if !plain().any(|(sample, _)| fails(sample.status)) {
        return Looked::untested("no request failed");
    }
    if plain().any(|(_, told)| told.outcome == Some(Outcome::Refused)) {
        return Looked::silent();
    }
    match standing(evidence, reading) {
        Some((count, left)) => {
            let severity =
                if check.guards_credentials() { Severity::High } else { Severity::Medium };
            Looked::fired(
                Saw::new(
                    format!("{} left after each of {count} requests that failed", amount(left)),
                    "one less after each",
                )
                .graded(severity),
            )
        }
        None if falling(evidence, reading) => Looked::silent(),
        None => Looked::untested("too few answers say how much is left"),
    }
}

/// What `remaining` stands at, where it does not move over at least three requests.
pub(super) fn standing(evidence: &Evidence, reading: &Reading) -> Option<(usize, f64)> {
    let left: Vec<f64> = reading
        .each(evidence)
        .filter(|(s, _)| s.purpose == Purpose::Plain && !s.is_cached())
        .filter_map(|(_, told)| told.remaining)
        .collect();
    let first = *left.first()?;
    let window = reading.window.unwrap_or(f64::INFINITY);
    let spread = evidence.samples.last()?.sent - evidence.samples.first()?.sent;
    // Over several windows a count of one each would stand too, unless some came in one go; and so
    // would a bucket that gives one back for each.
    let in_one_go = 0.05 * window.min(spread.max(60.0)).max(1.0);
    let in_one_go = reading.step.map_or(in_one_go, |step| in_one_go.min(0.9 * step));
    let together =
        evidence.samples.windows(3).any(|three| three[2].answered - three[0].sent < in_one_go);
    let stands = left.len() >= 3 && left.iter().all(|value| (value - first).abs() < 0.5);
    (stands && together && first > 0.5).then_some((left.len(), first))
}

/// Whether `remaining` went down by one request.
pub(super) fn falling(evidence: &Evidence, reading: &Reading) -> bool {
    let plain: Vec<_> = reading
        .each(evidence)
        .filter(|(sample, _)| sample.purpose == Purpose::Plain)
        .map(|(_, told)| told.remaining)
        .collect();
    plain.windows(2).any(|pair| matches!((pair[0], pair[1]), (Some(a), Some(b)) if b + 0.5 < a))
        || evidence.stopped.as_ref().is_some_and(|stop| stop.cause == StopCause::Shared)
}
