//! How badly a candidate explains what was seen.

use super::limiter::{Candidate, Family, Limiter, Reply, count};
use super::{Observation, Outcome};

/// A request that was refused where the candidate accepts, or the other way round.
pub(super) const WRONG_ANSWER: f64 = 3.0;

/// `remaining` that is off by more counts no more than this: it may be stale once.
const WORST_REMAINING: f64 = 2.0;

/// How exactly it is known when a request was counted, in tokens, beside the time it took.
const MOMENT: f64 = 0.2;

/// The same for whether a token was back already, which decides between an acceptance and a refusal,
const INSTANT: f64 = 0.05;
/// and what it costs that it must have been the other way.
const CONCEDED: f64 = 0.3;

/// A service without a limit that counts down all the same.
const IDLE_COUNT: f64 = 0.3;
/// All its counting together, where it let through more than it says.
const MOST_IDLE: f64 = 0.9;
/// All its counting together, where what it says stands still: more than a good candidate may be
/// off, because every answer may come from a bucket of its own, and less than the lead that a
/// family needs, because a bucket that fills as fast as we ask says the same.
const MOST_CONSTANT: f64 = 1.5;

/// A candidate that is further off than this explains nothing.
pub(super) const HOPELESS: f64 = 8.0;

/// Up to so many requests without an answer, each may have been counted or not.
const MOST_LOST: u32 = 3;

/// Up to so many, those before one of them may have been counted, or those after it.
const MOST_IN_PARTS: u32 = 16;

/// When the limiter saw a request: somewhere between its sending and its answer.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Sent,
    Middle,
    Answered,
}

/// The smallest score over what cannot be known: where within its exchange a request was counted,
/// and whether those without an answer were.
///
/// A score beyond `bound` is not worked out any further.
pub(super) fn score(candidate: Candidate, observations: &[Observation], bound: f64) -> f64 {
    if candidate.shape.family() == Family::Unlimited {
        return unlimited(candidate, observations);
    }
    let lost = observations.iter().filter(|o| o.outcome == Outcome::Lost).count();
    let lost = u32::try_from(lost).unwrap_or(u32::MAX);
    let patterns = patterns(lost);
    let mut best = f64::INFINITY;
    for pattern in patterns {
        for seen in [Seen::Middle, Seen::Sent, Seen::Answered] {
            let bound = best.min(bound);
            best = best.min(replay(candidate, observations, seen, pattern, bound));
            if best < 0.05 {
                return best;
            }
        }
    }
    best
}

/// Which of the requests without an answer were counted, a bit for each. Of many, all that came
/// before or after one of them: a service that fails does so in front of the limiter or behind it.
fn patterns(lost: u32) -> Vec<u32> {
    match lost {
        0..=MOST_LOST => (0..1 << lost).collect(),
        _ if lost <= MOST_IN_PARTS => {
            let first = |count: u32| (1 << count) - 1;
            let parts = (1..lost).flat_map(|count| [first(count), !first(count)]);
            [0, u32::MAX].into_iter().chain(parts).collect()
        }
        _ => vec![0, u32::MAX],
    }
}

fn replay(
    candidate: Candidate,
    observations: &[Observation],
    seen: Seen,
    counted: u32,
    bound: f64,
) -> f64 {
    let mut score = 0.0;
    for so_far in scores(candidate, observations, seen, counted) {
        score = so_far;
        if score > bound {
            break;
        }
    }
    score
}

/// The scores after each request, where each was counted in the midst of its exchange, and those
/// without an answer too.
pub(super) fn plain_scores(
    candidate: Candidate,
    observations: &[Observation],
) -> impl Iterator<Item = f64> {
    scores(candidate, observations, Seen::Middle, u32::MAX)
}

/// The scores after each request.
fn scores(
    candidate: Candidate,
    observations: &[Observation],
    seen: Seen,
    counted: u32,
) -> impl Iterator<Item = f64> {
    let mut limiter = Limiter::new(candidate);
    let mut score = 0.0;
    let mut lost = 0;
    observations.iter().map(move |observation| {
        let at = match seen {
            Seen::Sent => observation.sent,
            Seen::Middle => f64::midpoint(observation.sent, observation.answered),
            Seen::Answered => observation.answered,
        };
        if observation.outcome == Outcome::Lost {
            if counted.checked_shr(lost).is_none_or(|bits| bits & 1 == 1) {
                limiter.hit(at);
            }
            lost += 1;
            return score;
        }
        let reply = limiter.hit(at);
        let accepted = observation.outcome == Outcome::Accepted;
        if reply.accepted != accepted {
            let step = candidate.window / candidate.limit.max(1.0);
            let moment = INSTANT + (observation.answered - observation.sent) / step;
            score += if limiter.concedes(reply, moment) { CONCEDED } else { WRONG_ANSWER };
        } else if let Some(remaining) = observation.remaining {
            let step = candidate.window / candidate.limit.max(1.0);
            let moment = MOMENT + (observation.answered - observation.sent) / step;
            score += distance(reply, remaining, moment).min(WORST_REMAINING);
        }
        score
    })
}

/// How far what is left is from what the candidate has left. Just before a token comes back, a
/// moment decides whether it was counted already.
fn distance(reply: Reply, remaining: f64, moment: f64) -> f64 {
    match reply.exact {
        Some(exact) => {
            (remaining - exact - moment).max(exact - 1.0 - moment - remaining).max(0.0).ceil()
        }
        None => (reply.remaining - remaining).abs(),
    }
}

fn unlimited(candidate: Candidate, observations: &[Observation]) -> f64 {
    let refused = count(observations.iter().filter(|o| o.outcome == Outcome::Refused).count());
    let counted = count(observations.iter().filter(|o| o.remaining.is_some()).count());
    // A count that stands still, or that ran out and stopped nobody, is no argument for a limit.
    let most =
        if refused == 0.0 { most_idle(candidate.limit, observations) } else { f64::INFINITY };
    WRONG_ANSWER * refused + (IDLE_COUNT * counted).min(most)
}

/// The bound of what counting down in vain may cost.
fn most_idle(limit: f64, observations: &[Observation]) -> f64 {
    let shown = shown(observations);
    let stands = stands(&shown);
    let ran_out = shown.windows(3).any(|three| three.iter().all(|left| *left < 0.5));
    if ran_out || (stands && count(shown.len()) > limit + 1.0) {
        MOST_IDLE
    } else if stands {
        MOST_CONSTANT
    } else {
        f64::INFINITY
    }
}

/// Whether what is left was shown, and changed.
pub(super) fn counts_down(observations: &[Observation]) -> bool {
    !stands(&shown(observations))
}

/// What was left after each request that was let through.
fn shown(observations: &[Observation]) -> Vec<f64> {
    let accepted = observations.iter().filter(|o| o.outcome == Outcome::Accepted);
    accepted.filter_map(|o| o.remaining).collect()
}

fn stands(shown: &[f64]) -> bool {
    shown.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.5)
}
