//! Which limiters are tried: every family at every size and phase that could be meant.

use super::limiter::{Candidate, Shape};
use super::{Knowledge, Observation, Outcome};

/// Around a boundary that headers tell, which round to whole seconds, phases are tried so closely.
const GRID: [f64; 9] = [-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0];

/// Of windows whose boundaries nothing tells, so many phases are tried.
const BLIND_PHASES: u32 = 16;

/// From one window of the coarse ladder to the next, for shapes that have a phase too.
pub(super) const COARSE: f64 = 1.08;

/// From one window of the fine ladder to the next.
pub(super) const FINE: f64 = 1.006;

/// A window that is not the named one is sought within this factor of it.
const BEYOND: f64 = 4.0;

/// A ladder has at most so many rungs.
const MOST_RUNGS: usize = 600;

/// Every shape for one size.
pub(super) fn of_size(
    limit: f64,
    window: f64,
    knowledge: &Knowledge,
    observations: &[Observation],
    into: &mut Vec<Candidate>,
) {
    let has_refusals = observations.iter().any(|o| o.outcome == Outcome::Refused);
    without_phase(limit, window, has_refusals, into);
    let mut add = |shape| into.push(Candidate { shape, limit, window });
    let named = knowledge.windows.iter().any(|known| (known - window).abs() < 1e-9);
    let mut phases = epoch_phases(window, knowledge);
    // A window that is only guessed is never exact enough for the phase that would follow from it.
    if !(named && knowledge.told) {
        phases.extend(blind_phases(window));
    }
    for phase in phases.iter().chain(&knowledge.boundaries) {
        add(Shape::SlidingCounter { phase: *phase, locks: false });
        if has_refusals && named {
            add(Shape::SlidingCounter { phase: *phase, locks: true });
        }
    }
    if named {
        phases.extend(between(observations, window));
    }
    phases.extend(knowledge.boundaries.iter().flat_map(|end| GRID.iter().map(move |by| end + by)));
    for phase in phases {
        add(Shape::FixedAt { phase });
    }
}

/// The shapes that have a phase, for one size that nobody named.
pub(super) fn with_phase(
    limit: f64,
    window: f64,
    knowledge: &Knowledge,
    into: &mut Vec<Candidate>,
) {
    for phase in epoch_phases(window, knowledge).into_iter().chain(blind_phases(window)) {
        let counter = Shape::SlidingCounter { phase, locks: false };
        into.push(Candidate { shape: counter, limit, window });
        into.push(Candidate { shape: Shape::FixedAt { phase }, limit, window });
    }
}

/// Every boundary that makes a difference: seen modulo the window, requests leave gaps, and where
/// in a gap the boundary lies changes nothing.
fn between(observations: &[Observation], window: f64) -> Vec<f64> {
    let mut moments: Vec<f64> =
        observations.iter().map(|o| f64::midpoint(o.sent, o.answered).rem_euclid(window)).collect();
    moments.sort_by(f64::total_cmp);
    let around = moments.first().map(|first| first + window);
    let next: Vec<f64> = moments.iter().skip(1).copied().chain(around).collect();
    moments
        .iter()
        .zip(next)
        .filter(|(from, to)| to - **from >= 0.01)
        .map(|(from, to)| f64::midpoint(*from, to))
        .collect()
}

/// Every shape that has no phase, for one size.
pub(super) fn without_phase(
    limit: f64,
    window: f64,
    has_refusals: bool,
    into: &mut Vec<Candidate>,
) {
    let mut add = |shape| into.push(Candidate { shape, limit, window });
    add(Shape::FixedFromFirstHit);
    add(Shape::SlidingLog { counts_refused: false });
    add(Shape::Bucket);
    add(Shape::SteppedBucket { tokens: 1.0, forgets: false });
    if has_refusals {
        add(Shape::SlidingLog { counts_refused: true });
        add(Shape::Penalty);
    }
}

/// Whether a window that begins so follows from what headers or the server's clock tell.
pub(super) fn is_told(phase: f64, window: f64, knowledge: &Knowledge) -> bool {
    let by_clock = epoch_phases(window, knowledge);
    let near = |boundary: f64| {
        let apart = (phase - boundary).rem_euclid(window);
        apart.min(window - apart) < 1e-6
    };
    by_clock.into_iter().any(near)
        || knowledge.boundaries.iter().flat_map(|end| GRID.map(|by| end + by)).any(near)
}

/// Buckets of one size that give several tokens back at once.
pub(super) fn in_parts(limit: f64, window: f64, into: &mut Vec<Candidate>) {
    for parts in [2.0, 3.0, 4.0, 5.0, 6.0, 10.0] {
        let tokens = limit / parts;
        if tokens >= 2.0 {
            for forgets in [false, true] {
                let shape = Shape::SteppedBucket { tokens, forgets };
                into.push(Candidate { shape, limit, window });
            }
        }
    }
}

/// Boundaries that nothing tells of.
fn blind_phases(window: f64) -> impl Iterator<Item = f64> {
    (0..BLIND_PHASES).map(move |index| window * f64::from(index) / f64::from(BLIND_PHASES))
}

/// Boundaries at multiples of the window since 1970, as far as the server's clock is known.
fn epoch_phases(window: f64, knowledge: &Knowledge) -> Vec<f64> {
    let (earliest, latest) = knowledge.server_clock;
    let mut phases = Vec::new();
    let mut clock = earliest;
    while clock <= latest + 1e-9 && phases.len() < 16 {
        phases.push(-clock.rem_euclid(window));
        clock += 0.25;
    }
    phases
}

/// Windows that the run itself could tell apart, the smallest first. Around a window that somebody
/// named, only those within a factor of four: an even smaller one explains everything by luck.
pub(super) fn ladder(observations: &[Observation], named: &[f64], rung: f64) -> Vec<f64> {
    let (Some(first), Some(last)) = (observations.first(), observations.last()) else {
        return Vec::new();
    };
    let span = (last.answered - first.sent).max(0.5);
    let (mut window, mut widest) = ((span / 40.0).max(0.25), span * 1.6);
    if let Some(smallest) = named.iter().copied().reduce(f64::min) {
        window = window.max(smallest / BEYOND);
        widest = named.iter().copied().fold(0.0, f64::max) * BEYOND;
    }
    let mut ladder = Vec::new();
    while window < widest && ladder.len() < MOST_RUNGS {
        ladder.push(window);
        window *= rung;
    }
    ladder
}

/// Limits that what was accepted before the first refusal allows for.
pub(super) fn counted_limits(observations: &[Observation]) -> Vec<f64> {
    if !observations.iter().any(|o| o.outcome == Outcome::Refused) {
        return Vec::new();
    }
    let accepted = observations.iter().take_while(|o| o.outcome != Outcome::Refused).count();
    let accepted = u32::try_from(accepted).map_or(0.0, f64::from);
    [0.0, -1.0, 1.0, -2.0, -3.0]
        .iter()
        .map(|change| accepted + change)
        .filter(|limit| *limit >= 1.0)
        .collect()
}
