//! Whether what the limiter says of itself is true, and agrees with the rest of what it says.

use jiff::Timestamp;

use super::{enforcement, isolation, show};
use crate::contract::Seen;
use crate::rate_limit::RateLimit;
use crate::rate_limit::declared::{Declared, Generation, Notation, Policy};
use crate::rate_limit::evidence::{Evidence, Purpose};
use crate::rate_limit::infer::Outcome;
use crate::rate_limit::reading::{Reading, Told, amount};
use crate::rule::{About, Looked, Saw, Tested};
use crate::severity::Severity;

pub(super) const RETRY_AFTER_WRONG: About = About {
    id: "rate_limit.retry-after-wrong",
    severity: Severity::Medium,
    title: "Retry-After does not name the time to try again",
    why: "Clients that do as they are told are refused again, or wait for longer than they have to.",
    fix: "Send whole seconds until the next request is accepted, rounded up.",
    references: &["RFC 9110 section 10.2.3", "RFC 6585 section 4"],
};

/// Headers round to seconds, and answers take a moment.
const ROUNDING: f64 = 1.0;

pub(super) fn retry_after_wrong(
    check: &RateLimit,
    seen: &Seen<'_, RateLimit>,
    _: Timestamp,
) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    let refusals: Vec<&Told> = reading
        .answers
        .iter()
        .filter(|told| told.outcome == Some(Outcome::Refused) && told.retry_after.is_some())
        .collect();
    let Some(first) = refusals.first() else {
        return Looked::untested("no refusal came with Retry-After");
    };
    let wanted = "whole seconds until the next request is accepted";
    let mut saw = Vec::new();
    // Each of several instances speaks of its own counter, and the next request may meet another.
    let is_one = isolation::lanes(evidence, reading).is_none_or(|lanes| lanes == 1);
    let kept = |pair: Option<(f64, f64)>| pair.filter(|_| is_one);
    if let Some((said, took)) = kept(too_early(evidence, reading)) {
        saw.push(Saw::new(
            format!(
                "still refused {} s after a refusal that said {} s ({})",
                amount((took * 100.0).round() / 100.0),
                amount(said),
                show::work(evidence, reading)
            ),
            wanted,
        ));
    } else if refusals.iter().any(|told| told.retry_after.is_some_and(|wait| wait < 0.001)) {
        let text = "a refusal that says to try again after 0 s";
        saw.push(Saw::new(text, "at least 1 s, or no refusal"));
    } else if let Some((said, took)) = kept(too_late(evidence, reading)) {
        let text = format!(
            "accepted {} s after a refusal that said {} s",
            amount((took * 10.0).round() / 10.0),
            amount(said)
        );
        saw.push(Saw::new(text, wanted).graded(Severity::Low));
    }
    let notation = first.declared.retry_after.map(|delay| delay.notation);
    if let Some(Notation::Decimal | Notation::Epoch | Notation::EpochMillis) = notation {
        let text = match notation {
            Some(Notation::Decimal) => "seconds with a fraction, which clients need not understand",
            _ => "a time since 1970, which clients take for a wait of decades",
        };
        saw.push(
            Saw::new(text, "whole seconds or an HTTP date").on("notation").graded(Severity::Low),
        );
    }
    if saw.is_empty() && !is_one {
        return Looked::untested("several counters take turns, and each speaks of its own");
    }
    Looked { saw, tested: Tested::All }
}

/// A request that came when it was told to and was refused all the same: what the refusal before
/// it said, and how long it waited.
fn too_early(evidence: &Evidence, reading: &Reading) -> Option<(f64, f64)> {
    pairs(evidence, reading).find_map(|(refusal, said, next, outcome)| {
        let waited = next.sent - refusal.answered;
        (outcome == Outcome::Refused && waited >= said + ROUNDING - 0.02 && said >= 0.0)
            .then_some((said, waited))
    })
}

/// A request that was accepted well before it was told to come.
fn too_late(evidence: &Evidence, reading: &Reading) -> Option<(f64, f64)> {
    pairs(evidence, reading).find_map(|(refusal, said, next, outcome)| {
        let waited = next.answered - refusal.sent;
        (outcome == Outcome::Accepted && waited + ROUNDING + 0.05 < said).then_some((said, waited))
    })
}

/// Each refusal with a hint, and the ordinary request that followed it.
fn pairs<'a>(
    evidence: &'a Evidence,
    reading: &'a Reading,
) -> impl Iterator<
    Item = (&'a super::super::evidence::Sample, f64, &'a super::super::evidence::Sample, Outcome),
> {
    let plain: Vec<_> = reading.each(evidence).filter(|(sample, _)| sample.is_plain()).collect();
    let pairs: Vec<_> = plain
        .windows(2)
        .filter_map(|pair| {
            let ((refusal, told), (next, then)) = (pair[0], pair[1]);
            let said = told.retry_after.filter(|_| told.outcome == Some(Outcome::Refused))?;
            Some((refusal, said, next, then.outcome?))
        })
        .collect();
    pairs.into_iter()
}

pub(super) const HEADERS_CONTRADICT: About = About {
    id: "rate_limit.headers-contradict",
    severity: Severity::Medium,
    title: "the headers on the limit contradict each other, or what happens",
    why: "Clients that pace themselves by these headers go too fast and are refused, or too slowly.",
    fix: "Write one generation of the headers, from the counter that decides; see that no proxy caches or rewrites them.",
    references: &["draft-ietf-httpapi-ratelimit-headers-10"],
};

pub(super) fn headers_contradict(
    check: &RateLimit,
    seen: &Seen<'_, RateLimit>,
    _: Timestamp,
) -> Looked {
    let evidence = seen.now;
    let reading = evidence.reading(check);
    let own = || reading.answers.iter().map(|told| &told.declared);
    let all = || own().chain(&reading.sighted);
    let malformed = || all().flat_map(|declared| &declared.malformed);
    if !reading.declares() && malformed().next().is_none() {
        return Looked::untested("no answer declares a limit");
    }
    let mut saw = Vec::new();
    saw.extend(malformed().next().map(|name| {
        Saw::new(format!("{name} that cannot be read"), "what its specification says")
            .on("syntax")
            .graded(Severity::Low)
    }));
    saw.extend(all().find_map(generations));
    saw.extend(all().find_map(beyond_limit));
    saw.extend(all().find_map(reset_beyond_window));
    saw.extend(reading.answers.iter().find_map(retry_before_reset));
    saw.extend(stands_still(evidence, reading));
    let mut tested = vec!["syntax", "limit", "remaining", "reset"];
    if enforcement::refused(reading) {
        tested.push("retry-after");
    }
    if enforcement::falling(evidence, reading) || saw.iter().any(|saw| saw.subject == COUNTING) {
        tested.push(COUNTING);
    }
    Looked { saw, tested: Tested::Only(tested.into_iter().map(str::to_owned).collect()) }
}

/// Whether what is left goes down, which a run of one request does not see.
const COUNTING: &str = "counting";

/// Two generations that name different limits.
fn generations(declared: &Declared) -> Option<Saw> {
    let named: Vec<(Generation, f64)> = declared
        .policies
        .iter()
        .filter(|policy| policy.counts_requests && policy.remaining.is_some())
        .filter_map(|policy| Some((policy.generation, policy.limit?)))
        .collect();
    let one_each = |generation| named.iter().filter(|(g, _)| *g == generation).count() == 1;
    let (first, limit) = named.first().copied().filter(|(g, _)| one_each(*g))?;
    let (other, differing) = named
        .iter()
        .copied()
        .find(|(g, l)| *g != first && one_each(*g) && (l - limit).abs() > 0.5)?;
    let saw = format!(
        "{} says {}, {} says {}",
        first.as_str(),
        amount(limit),
        other.as_str(),
        amount(differing)
    );
    Some(Saw::new(saw, "one limit").on("limit"))
}

fn beyond_limit(declared: &Declared) -> Option<Saw> {
    let policy = declared.policies.iter().find(|policy| {
        matches!((policy.remaining, policy.limit), (Some(left), Some(limit)) if left > limit + 0.5 && limit > 0.5)
    })?;
    let saw = format!(
        "{} left of {}",
        amount(policy.remaining.unwrap_or_default()),
        amount(policy.limit.unwrap_or_default())
    );
    Some(Saw::new(saw, "at most the limit").on("remaining"))
}

/// The draft wants `Retry-After` not to lie before the reset: of several limits, before that of the
/// one that is used up.
fn retry_before_reset(told: &Told) -> Option<Saw> {
    if told.outcome != Some(Outcome::Refused) {
        return None;
    }
    let of = |policy: &Policy| policy.reset.filter(|_| policy.counts_requests);
    let policies = &told.declared.policies;
    let used_up = || policies.iter().filter(|p| p.remaining.is_some_and(|left| left < 0.5));
    let soonest = used_up().filter_map(of).map(|reset| reset.seconds).reduce(f64::min);
    let (retry, reset) =
        (told.retry_after?, soonest.or(told.reset.filter(|_| policies.len() == 1))?);
    (retry + 1.5 < reset).then(|| {
        let saw = format!("Retry-After {} s, reset in {} s", amount(retry), amount(reset));
        Saw::new(saw, "no retry before the reset").on("retry-after").graded(Severity::Low)
    })
}

fn reset_beyond_window(declared: &Declared) -> Option<Saw> {
    declared.policies.iter().find_map(|policy| {
        let (reset, window) = (policy.reset?.seconds, policy.window?);
        (reset > window + (0.02 * window).max(2.0)).then(|| {
            let saw =
                format!("a reset {} s ahead in a window of {} s", amount(reset), amount(window));
            Saw::new(saw, "a reset within the window").on("reset")
        })
    })
}

fn stands_still(evidence: &Evidence, reading: &Reading) -> Option<Saw> {
    let succeeds = reading
        .each(evidence)
        .filter(|(sample, _)| sample.purpose == Purpose::Plain)
        .all(|(sample, _)| sample.status.is_some_and(|status| status < 400));
    if !succeeds || isolation::lanes(evidence, reading).is_some_and(|lanes| lanes > 1) {
        return None;
    }
    let (count, left) = enforcement::standing(evidence, reading)?;
    let saw = format!("{} left after each of {count} requests", amount(left));
    Some(Saw::new(saw, "one less after each").on(COUNTING))
}
