//! Which limiter was seen: candidates are simulated at the real send times, the one with the
//! smallest mismatch wins, and its lead over the next family is the confidence.
//!
//! Pure: the same observations always give the same answer, so stored evidence can be judged again.

mod candidates;
pub(super) mod limiter;
pub(super) mod named;
mod refine;
mod restart;
mod score;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use limiter::{Candidate, Family, Shape};

/// What became of a request that counts for the limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted,
    Refused,
    /// No answer came: it may have been counted.
    Lost,
}

/// One request under the own key, in seconds since the run began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Observation {
    pub(super) sent: f64,
    pub(super) answered: f64,
    pub(super) outcome: Outcome,
    pub(super) remaining: Option<f64>,
}

/// What is known besides the requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Knowledge {
    /// Limits that were declared or configured.
    pub(super) limits: Vec<f64>,
    /// Windows that were declared or configured, in seconds.
    pub(super) windows: Vec<f64>,
    /// Whether the service itself told its window: then no other one is thought of while that
    /// explains what was seen.
    pub(super) told: bool,
    /// Seconds that one more request costs on average, where limit and window were declared.
    pub(super) steps: Vec<f64>,
    /// Ends of windows that headers told, in seconds since the run began.
    pub(super) boundaries: Vec<f64>,
    /// Between which two values the server's clock stood when the run began, in seconds since 1970.
    pub(super) server_clock: (f64, f64),
}

impl Knowledge {
    /// Whether a boundary is one of those that were told, which are rounded.
    fn agrees(&self, phase: f64, window: f64) -> bool {
        const ROUNDED: f64 = 1.2;
        self.boundaries.iter().any(|end| {
            let apart = (end - phase).rem_euclid(window);
            apart.min(window - apart) <= ROUNDED
        })
    }
}

/// The candidate of a family that explains most, and how badly it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    pub(super) candidate: Candidate,
    pub(super) score: f64,
}

/// What the requests say of the limiter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Inference {
    /// The best candidate of each family, the best first.
    pub(super) fits: Vec<Fit>,
    /// The family, if it is beyond doubt.
    pub(super) family: Option<Family>,
    /// The limit that every good candidate agrees on.
    pub(super) limit: Option<f64>,
    /// Between which two values the window lies by every good candidate.
    pub(super) window: Option<(f64, f64)>,
    /// Whether a limiter of the named size that forgot its counts in the midst of the run explains
    /// it as well: then neither family nor size is told.
    pub(super) forgot: bool,
}

/// A family is reported when its best candidate is at most so far off,
const GOOD: f64 = 1.0;
/// and every other family is further off by at least this.
const LEAD: f64 = 2.0;
/// Where windows were guessed, a candidate may come close by luck, and the lead has to be greater.
const LEAD_AMONG_GUESSES: f64 = 3.0;

impl Inference {
    /// How far the best family leads, from 0 to 1; 0 while it is undetermined.
    pub(super) fn confidence(&self) -> f64 {
        if self.family.is_none() {
            return 0.0;
        }
        let lead = self.lead();
        lead / (lead + LEAD)
    }

    fn lead(&self) -> f64 {
        match self.fits.as_slice() {
            [] => 0.0,
            [_] => score::HOPELESS,
            [best, second, ..] => (second.score - best.score).min(score::HOPELESS),
        }
    }
}

/// Which limiter it was.
pub(super) fn infer(observations: &[Observation], knowledge: &Knowledge) -> Inference {
    let answered = observations.iter().filter(|o| o.outcome != Outcome::Lost).count();
    if answered < 3 {
        return Inference::default();
    }
    let mut limits = limits(observations, knowledge);
    let ladder = candidates::ladder(observations, &knowledge.windows, candidates::COARSE);
    let mut inference = if knowledge.told {
        survey(observations, knowledge, &limits, &[])
    } else {
        Inference::default()
    };
    let explained =
        |inference: &Inference| inference.fits.first().is_some_and(|best| best.score <= GOOD);
    if !explained(&inference) {
        inference = survey(observations, knowledge, &limits, &ladder);
    }
    if !explained(&inference) {
        limits.extend(candidates::counted_limits(observations));
        inference = survey(observations, knowledge, &limits, &ladder);
    }
    let best = inference.fits.first().filter(|best| best.score <= GOOD).copied();
    if best.is_some_and(|best| named::was_replaced(&best, observations, knowledge)) {
        return Inference { family: None, forgot: true, ..inference };
    }
    size(&mut inference, observations, knowledge, &ladder);
    let shown = observations.iter().any(|o| o.remaining.is_some());
    let odd = best.filter(|best| !named::has_limit(best.candidate, knowledge));
    if let Some(odd) = odd.filter(|_| !shown && !knowledge.limits.is_empty()) {
        // A smaller limit without headers may as well be one that others use too, at their own
        // times.
        inference.family = None;
        // One answer that went astray is no proof of another size.
        let near = odd.score + score::WRONG_ANSWER;
        let rival = |fit: &Fit| {
            fit.candidate.shape != Shape::Unlimited
                && fit.score <= near
                && named::has_limit(fit.candidate, knowledge)
        };
        if inference.fits.iter().any(rival) {
            (inference.limit, inference.window) = (None, None);
        }
    }
    inference
}

fn limits(observations: &[Observation], knowledge: &Knowledge) -> Vec<f64> {
    let mut limits = knowledge.limits.clone();
    if limits.is_empty() {
        let most = observations.iter().filter_map(|o| o.remaining).reduce(f64::max);
        limits.extend(most.map(|most| most + 1.0));
        limits.extend(candidates::counted_limits(observations));
    }
    limits
}

/// The best candidate of every family, and the family if it is beyond doubt. Beside the windows
/// that are known, those of a ladder are tried.
fn survey(
    observations: &[Observation],
    knowledge: &Knowledge,
    limits: &[f64],
    ladder: &[f64],
) -> Inference {
    let fine = if ladder.is_empty() {
        Vec::new()
    } else {
        candidates::ladder(observations, &knowledge.windows, candidates::FINE)
    };
    let has_refusals = observations.iter().any(|o| o.outcome == Outcome::Refused);
    let mut tried = Vec::new();
    for limit in limits {
        for window in knowledge.windows.iter().chain(ladder) {
            candidates::of_size(*limit, *window, knowledge, observations, &mut tried);
        }
        for window in &fine {
            candidates::without_phase(*limit, *window, has_refusals, &mut tried);
        }
        // A bucket's depth and its rate are two settings of one limiter.
        for step in &knowledge.steps {
            let window = step * limit;
            tried.push(Candidate { shape: Shape::Bucket, limit: *limit, window });
        }
    }
    if let Some(limit) = limits.first() {
        tried.push(Candidate { shape: Shape::Unlimited, limit: *limit, window: 0.0 });
    }
    let mut best: BTreeMap<Family, Fit> = BTreeMap::new();
    for candidate in &tried {
        let family = candidate.shape.family();
        let bound = best.get(&family).map_or(f64::INFINITY, |fit| fit.score);
        let score = score::score(*candidate, observations, bound.min(score::HOPELESS));
        if score < bound {
            best.insert(family, Fit { candidate: *candidate, score });
        }
    }
    let guessed = !ladder.is_empty();
    let lead = if guessed { LEAD_AMONG_GUESSES } else { LEAD };
    let (mut fits, mut family) = verdict(&best, lead);
    // Whoever has another window than the one that was named stands against buckets of that window,
    // which give several tokens back at once.
    if guessed {
        let mut in_parts = Vec::new();
        for limit in limits {
            for window in &knowledge.windows {
                candidates::in_parts(*limit, *window, &mut in_parts);
            }
        }
        for candidate in in_parts {
            let score = score::score(candidate, observations, score::HOPELESS);
            let known = best.get(&Family::TokenBucket).map_or(f64::INFINITY, |fit| fit.score);
            if score < known {
                best.insert(Family::TokenBucket, Fit { candidate, score });
            }
        }
        (fits, family) = verdict(&best, lead);
    }
    // Among guesses, whoever loses gets a closer look before the winner is named.
    for suspect in [Family::SlidingCounter, Family::FixedWindow] {
        let Some(named) = family.filter(|named| guessed && *named != suspect) else {
            continue;
        };
        let mut of_suspect = tried.clone();
        for limit in limits {
            for window in &fine {
                candidates::with_phase(*limit, *window, knowledge, &mut of_suspect);
            }
        }
        of_suspect.retain(|candidate| candidate.shape.family() == suspect);
        let wanted = best[&named].score + lead;
        if let Some(fit) = refine::refine(&of_suspect, observations, wanted) {
            best.insert(suspect, fit);
            (fits, family) = verdict(&best, lead);
        }
    }
    // A boundary that none of the told ones is, and that explains everything, does so by luck.
    if family == Some(Family::FixedWindow) && !knowledge.boundaries.is_empty() {
        let mut told = tried.iter().filter(|candidate| match candidate.shape {
            Shape::FixedFromFirstHit => true,
            Shape::FixedAt { phase } => knowledge.agrees(phase, candidate.window),
            _ => false,
        });
        family = family
            .filter(|_| told.any(|candidate| score::score(*candidate, observations, GOOD) <= GOOD));
    }
    if score::counts_down(observations) && !exceeded(observations, knowledge, limits) {
        family = family.filter(|named| *named != Family::Unlimited);
    }
    Inference { fits, family, ..Inference::default() }
}

/// Whether more was let through within a window that the service told than any limiter of that size
/// would. A count that stays at nothing proves less: it stays there too while requests come back as
/// fast as we ask.
fn exceeded(observations: &[Observation], knowledge: &Knowledge, limits: &[f64]) -> bool {
    let accepted: Vec<f64> = observations
        .iter()
        .filter(|o| o.outcome == Outcome::Accepted)
        .map(|o| f64::midpoint(o.sent, o.answered))
        .collect();
    let most_within = |window: f64| {
        accepted
            .iter()
            .enumerate()
            .map(|(index, first)| {
                accepted[index..].iter().take_while(|at| **at < first + window).count()
            })
            .max()
            .map_or(0.0, limiter::count)
    };
    let limit = limits.iter().copied().fold(0.0, f64::max);
    knowledge.told
        && knowledge.windows.iter().any(|window| most_within(*window) > 1.1 * limit + 3.0)
}

/// The fits, the best first, and the family that leads them all by enough.
fn verdict(best: &BTreeMap<Family, Fit>, lead: f64) -> (Vec<Fit>, Option<Family>) {
    let mut fits: Vec<Fit> = best.values().copied().collect();
    fits.sort_by(|a, b| a.score.total_cmp(&b.score));
    let family = match fits.as_slice() {
        [best, second, ..] if best.score <= GOOD && second.score - best.score >= lead => {
            Some(best.candidate.shape.family())
        }
        _ => None,
    };
    (fits, family)
}

/// The limit and the window that all good candidates agree on.
fn size(
    inference: &mut Inference,
    observations: &[Observation],
    knowledge: &Knowledge,
    ladder: &[f64],
) {
    let Some(best) = inference.fits.first().copied().filter(|best| best.score <= GOOD) else {
        return;
    };
    // Where nothing was refused and nothing counts, any size that is large enough would do.
    let told = observations.iter().any(|o| o.outcome == Outcome::Refused || o.remaining.is_some());
    if best.candidate.shape == Shape::Unlimited || !told {
        return;
    }
    let families: Vec<Family> = inference
        .fits
        .iter()
        .filter(|fit| fit.score <= best.score + LEAD)
        .map(|fit| fit.candidate.shape.family())
        .collect();
    let mut limits = knowledge.limits.clone();
    limits.extend(candidates::counted_limits(observations));
    limits.push(best.candidate.limit);
    limits.sort_by(f64::total_cmp);
    limits.dedup();
    let mut windows = ladder.to_vec();
    windows.extend(&knowledge.windows);
    windows.push(best.candidate.window);
    let mut tried = Vec::new();
    for limit in &limits {
        for window in &windows {
            candidates::of_size(*limit, *window, knowledge, observations, &mut tried);
        }
    }
    let good: Vec<Candidate> = tried
        .into_iter()
        .filter(|candidate| families.contains(&candidate.shape.family()))
        .filter(|candidate| {
            let bound = best.score + GOOD / 2.0;
            score::score(*candidate, observations, bound) <= bound
        })
        .chain([best.candidate])
        .collect();
    let range = |value: fn(&Candidate) -> f64| {
        good.iter().map(value).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let (least, most) = range(|candidate| candidate.limit);
    if most - least <= (0.02 * most).max(1.0) {
        inference.limit = Some(best.candidate.limit);
    }
    inference.window = Some(range(|candidate| candidate.window));
}
