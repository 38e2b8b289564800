//! Full depth: every allowed origin, and the ways around each, as far as one run goes.

use jiff::Timestamp;

use super::conduct::Prober;
use super::evidence::{Role, Shot};
use super::fetch::Power;
use super::mutation::{self, Mutation};
use super::observe;
use super::origin::WebOrigin;
use crate::blind::Blind;

/// One thing to try.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// An allowed origin.
    Allowed(String),
    /// What a page at an allowed origin may send.
    Preflights(String),
    /// A sandboxed frame.
    Null,
    /// An origin that resembles an allowed one.
    Mutated(Mutation),
}

/// Walks on where the last such run ended. Returns how many steps wait for the next one.
pub(super) async fn walk(prober: &mut Prober<'_>) -> Result<usize, Blind> {
    let steps = steps(prober);
    let start = prober
        .place
        .step
        .filter(|step| *step < steps.len())
        .unwrap_or_else(|| start(steps.len(), prober.room(), prober.cx.started()));
    let (mut walked, mut unsettled) = (0, 0);
    // One place is kept for the control at the end.
    while walked < steps.len() && prober.room() > 1 {
        let Some(step) = steps.get((start + walked) % steps.len()) else { break };
        take(prober, step).await?;
        walked += 1;
        unsettled = usize::from(prober.stopped.is_some());
    }
    prober.reassure(true).await?;
    // The step that ended a run would end the next one too: it comes after all others.
    prober.place.step = Some((start + walked).checked_rem(steps.len()).unwrap_or_default());
    Ok(steps.len() - walked + unsettled)
}

/// Where a run begins that knows of none before it: elsewhere every day, so that runs which share
/// no memory see everything in the end.
fn start(steps: usize, room: usize, now: Timestamp) -> usize {
    if steps < room {
        return 0;
    }
    let day = usize::try_from(now.as_second().max(0) / 86_400).unwrap_or_default();
    day.wrapping_mul(room.saturating_sub(1).max(1)) % steps.max(1)
}

async fn take(prober: &mut Prober<'_>, step: &Step) -> Result<(), Blind> {
    match step {
        Step::Allowed(origin) => observe::welcome(prober, origin).await,
        Step::Preflights(origin) => observe::preflights(prober, origin).await,
        Step::Null => prober.stranger(Role::Null, "null").await,
        Step::Mutated(mutation) => {
            let known = |shot: &Shot| {
                shot.origin == mutation.follows_from && shot.power() == Power::Credentialed
            };
            if mutation.follows_from.is_some() && prober.shots.iter().any(known) {
                return Ok(());
            }
            prober.stranger(Role::Mutated(mutation.clone()), &mutation.origin).await
        }
    }
}

/// Everything that full depth tries and the canary of this run did not.
fn steps(prober: &Prober<'_>) -> Vec<Step> {
    let cors = prober.cors;
    let samples: Vec<String> =
        cors.allowed.iter().map(|origin| origin.sample().to_string()).collect();
    let sent = |step: &Step| prober.shots.iter().any(|shot| step.is(shot));
    let mut steps: Vec<Step> = samples.iter().cloned().map(Step::Allowed).collect();
    if !cors.preflights.is_empty() {
        steps.extend(samples.into_iter().map(Step::Preflights));
    }
    steps.push(Step::Null);
    let mut seeds = cors.allowed.clone();
    let own = WebOrigin::of(&prober.cx.target().url);
    seeds.extend(own.filter(|own| !cors.allowed.contains(own)));
    steps.extend(mutation::all(&seeds, &cors.allowed).into_iter().map(Step::Mutated));
    // The list stays the same from day to day only if what the canary tried is no part of it.
    if steps.len() < prober.room() {
        steps.retain(|step| !sent(step));
    }
    steps
}

impl Step {
    fn is(&self, shot: &Shot) -> bool {
        let origin = shot.origin.as_deref();
        match self {
            Self::Allowed(own) => {
                shot.role == Role::Allowed && !shot.is_preflight() && origin == Some(own)
            }
            Self::Null => shot.role == Role::Null,
            // What its answers say already is not asked again.
            Self::Preflights(_) | Self::Mutated(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_memory_every_day_begins_where_the_day_before_ended() {
        let day = |n: i64| Timestamp::from_second(n * 86_400).unwrap();
        assert_eq!(start(50, 58, day(20_000)), 0);
        let (steps, room) = (200, 59);
        let seen: std::collections::BTreeSet<usize> = (0..4)
            .flat_map(|n| {
                let first = start(steps, room, day(20_000 + n));
                (0..room - 1).map(move |index| (first + index) % steps)
            })
            .collect();
        assert_eq!(seen.len(), steps);
    }
}
