//! Which variants of a request were counted in a bucket of their own, and how many buckets there
//! are for one client.

use super::likeness::{self, Likeness};
use crate::rate_limit::evidence::{Evidence, Mode, Purpose};
use crate::rate_limit::infer::Outcome;
use crate::rate_limit::infer::limiter::Family;
use crate::rate_limit::reading::{Reading, Told};

/// What became of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// In the same bucket as the ordinary request.
    Together,
    /// In another one, and answered like the ordinary request: twice.
    Apart,
    /// In another one or in none, and it does something else.
    Elsewhere,
    /// That cannot be told from what was seen.
    Unknown,
}

/// Every variant that was tried, in the order of the run, each once.
pub(super) fn variants(evidence: &Evidence, reading: &Reading) -> Vec<(Purpose, Counted)> {
    // Where several instances answer in turn, or nobody knows who does, a fresh bucket may be the
    // next instance's.
    let in_turn = lanes(evidence, reading).is_some_and(|lanes| lanes > 1)
        || (!reading.inference.fits.is_empty() && !reading.explained());
    let mut variants: Vec<Purpose> = Vec::new();
    for sample in evidence.samples.iter().filter(|sample| !sample.is_plain()) {
        if !variants.contains(&sample.purpose) {
            variants.push(sample.purpose.clone());
        }
    }
    // With a header goes a query parameter. Where that alone is counted anew, nobody knows what the
    // header does.
    let by_url = (0..evidence.samples.len()).any(|index| {
        evidence.samples[index].purpose == Purpose::Query && is_apart(index, evidence, reading)
    });
    variants
        .into_iter()
        .map(|variant| {
            let counted = counted(&variant, evidence, reading);
            let in_turn = in_turn && evidence.mode != Mode::Exhaust;
            let by_url = by_url && matches!(variant, Purpose::Forwarded(_));
            let doubtful = (in_turn || by_url) && counted == Counted::Apart;
            (variant, if doubtful { Counted::Unknown } else { counted })
        })
        .collect()
}

/// What became of one variant, where it was tried.
pub(super) fn of(variant: &Purpose, evidence: &Evidence, reading: &Reading) -> Option<Counted> {
    let mut all = variants(evidence, reading).into_iter();
    all.find(|(purpose, _)| purpose == variant).map(|(_, counted)| counted)
}

fn counted(variant: &Purpose, evidence: &Evidence, reading: &Reading) -> Counted {
    let indexes: Vec<usize> = (0..evidence.samples.len())
        .filter(|index| evidence.samples[*index].purpose == *variant)
        .collect();
    let likenesses: Vec<Likeness> =
        indexes.iter().map(|index| likeness::of(&evidence.samples[*index], evidence)).collect();
    let same_effect = !likenesses.contains(&Likeness::Other);
    let apart: Vec<usize> =
        indexes.iter().copied().filter(|index| is_apart(*index, evidence, reading)).collect();
    let together = indexes.iter().any(|index| is_together(*index, evidence, reading));
    match (apart.as_slice(), together) {
        ([first, .., last], false) if same_effect => {
            if likenesses.contains(&Likeness::Doubtful) {
                return Counted::Unknown;
            }
            if evidence.mode == Mode::Exhaust && !is_quick(*first, *last, evidence, reading) {
                return Counted::Unknown;
            }
            Counted::Apart
        }
        (_, true) => Counted::Together,
        _ if !same_effect => Counted::Elsewhere,
        _ => Counted::Unknown,
    }
}

/// Two requests so soon after a refusal that no limiter gave one back to each, nor one that is a
/// little faster than it was said to be.
fn is_quick(first: usize, last: usize, evidence: &Evidence, reading: &Reading) -> bool {
    match reading.inference.family {
        // They give nothing back for a while, or to whoever comes next as well.
        Some(Family::FixedWindow | Family::SlidingLog | Family::Penalty | Family::Unlimited) => {
            return true;
        }
        Some(Family::TokenBucket | Family::SlidingCounter) | None => {}
    }
    let refused = (0..first).rev().find(|index| evidence.samples[*index].is_plain());
    let since = refused.map_or(0.0, |index| evidence.samples[index].sent);
    reading.step.is_none_or(|step| evidence.samples[last].sent - since < 0.95 * step)
}

fn neighbours<'a>(
    index: usize,
    evidence: &'a Evidence,
    reading: &'a Reading,
) -> (Option<(usize, &'a Told)>, Option<&'a Told>) {
    let plain = |index: &usize| evidence.samples[*index].is_plain();
    let before = (0..index).rev().find(plain).map(|at| (at, &reading.answers[at]));
    let after = (index + 1..evidence.samples.len()).find(plain).map(|at| &reading.answers[at]);
    (before, after)
}

/// Counted in a fresh bucket, while the ordinary one stood lower before and after; or let through
/// while ordinary requests were refused before and after.
fn is_apart(index: usize, evidence: &Evidence, reading: &Reading) -> bool {
    let told = &reading.answers[index];
    let (Some((at, before)), Some(after)) = neighbours(index, evidence, reading) else {
        return false;
    };
    if told.outcome != Some(Outcome::Accepted) {
        return false;
    }
    if before.outcome == Some(Outcome::Refused) && after.outcome == Some(Outcome::Refused) {
        return true;
    }
    match (told.remaining, told.limit, before.remaining, after.remaining) {
        (Some(left), Some(limit), Some(before), Some(after)) => {
            // Whoever is no new one each time uses its own bucket up as well.
            let purpose = &evidence.samples[index].purpose;
            let earlier = evidence.samples[..index].iter().filter(|s| s.purpose == *purpose);
            let own = match purpose {
                Purpose::Forwarded(_) | Purpose::Query => 0.0,
                _ => crate::rate_limit::reading::as_count(earlier.count()),
            };
            // A bucket may have given some back since.
            let gap = evidence.samples[index].sent - evidence.samples[at].sent;
            let back = reading.step.map_or(0.0, |step| gap / step);
            let unexplained = left - (before - 1.0) > back + 0.5;
            left + own + 1.5 > limit && unexplained && after < before - 0.5 && after < left - 0.5
        }
        _ => false,
    }
}

/// Counted down with the ordinary request, or refused with it.
fn is_together(index: usize, evidence: &Evidence, reading: &Reading) -> bool {
    let told = &reading.answers[index];
    let (Some((at, before)), _) = neighbours(index, evidence, reading) else { return false };
    if told.outcome == Some(Outcome::Refused) {
        return before.outcome == Some(Outcome::Refused);
    }
    // Other variants between may have been counted too.
    let between = crate::rate_limit::reading::as_count(index - at);
    match (told.remaining, before.remaining) {
        (Some(left), Some(before)) => left < before - 0.5 && left > before - between - 0.5,
        _ => false,
    }
}

/// How many buckets the same client has, where `remaining` tells: each falls by one at a time, and
/// requests meet them in turn. `None` where too little was seen.
pub(super) fn lanes(evidence: &Evidence, reading: &Reading) -> Option<usize> {
    const MOST: usize = 8;
    /// Once may be chance, or a token that came back.
    const SWITCHES: usize = 2;
    let plain: Vec<(f64, f64)> = reading
        .each(evidence)
        .filter(|(s, _)| s.purpose == Purpose::Plain && !s.is_cached())
        .take_while(|(_, told)| told.outcome != Some(Outcome::Refused))
        .filter_map(|(sample, told)| Some((sample.sent, told.remaining?)))
        .collect();
    // A run at ten a second meets every instance often; a limiter that fits is one.
    let thorough = evidence.mode == Mode::Exhaust && !reading.explained();
    let mut lanes: Vec<f64> = Vec::new();
    let mut hits: Vec<usize> = Vec::new();
    let (mut seen, mut switches, mut latest) = (0, 0, 0);
    let mut began: Option<f64> = None;
    for (sent, left) in plain {
        // What a bucket gives back meanwhile looks like another bucket.
        let burst = if thorough {
            f64::INFINITY
        } else {
            reading.step.map_or(1.0, |step| 0.8 * step).max(0.02)
        };
        if began.is_none_or(|began| sent - began > burst) {
            if switches >= SWITCHES {
                break;
            }
            lanes.clear();
            hits.clear();
            (began, switches, latest) = (Some(sent), 0, 0);
        }
        seen += 1;
        let follows = |lane: &usize| (lanes[*lane] - 1.0 - left).abs() < 0.5;
        // In a long run who counted last goes on: a counter that began anew falls past where an
        // older one stood.
        let lane = Some(latest).filter(|lane| thorough && *lane < lanes.len() && follows(lane));
        if let Some(lane) = lane.or_else(|| (0..lanes.len()).find(follows)) {
            lanes[lane] = left;
            hits[lane] += 1;
            switches += usize::from(lane != latest);
            latest = lane;
        } else if lanes.len() < MOST {
            lanes.push(left);
            hits.push(1);
            latest = lanes.len() - 1;
        } else {
            return None;
        }
    }
    // Counters that instances keep fall all along; what comes back makes ever new beginnings.
    let least = if thorough { 3 } else { 1 };
    let steady = hits.iter().all(|hits| *hits >= least);
    let several = lanes.len() > 1 && switches >= SWITCHES && steady;
    match (several && !reading.explained(), seen) {
        (true, _) => Some(lanes.len()),
        (false, 0..=1) => None,
        (false, _) => Some(1),
    }
}
