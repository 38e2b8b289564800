//! How `remaining` goes, by requests that use at most half of the limit in any one window.

use super::session::Session;
use crate::blind::Blind;
use crate::rate_limit::RateLimit;
use crate::rate_limit::evidence::{Purpose, Stop, StopCause};
use crate::rate_limit::plan::{Differential, Step};
use crate::rate_limit::reading::{self, Reading};

/// Limits below this are only read: half of them tells nothing.
const SMALLEST: f64 = 6.0;

/// To look at one variant again, so many requests are needed: it, and one on each side. A header
/// goes with a query parameter, so that one is what stands before it.
const FOR_CONTROLS: usize = 3;

/// Watches how the limit counts.
pub(super) async fn run(session: &mut Session<'_>) -> Result<(), Blind> {
    if let Some(window) = session.check.window
        && !clear(session, window).await
    {
        let why = session.seen.left_out.last().map(|left| left.why.clone()).unwrap_or_default();
        let detail = format!("our own earlier runs used half of the limit, and {why}");
        session.seen.stopped = Some(Stop { cause: StopCause::Spent, detail });
        super::headers::sighted(session);
        return Ok(());
    }
    if !session.may_read() {
        session.seen.stopped = Some(super::headers::used_up());
        return Ok(());
    }
    if !session.send(Purpose::Plain).await? {
        return Ok(());
    }
    let counts = session.answers.first().is_some_and(|told| told.remaining.is_some());
    let (limit, window) = (session.limit(), session.window());
    match (counts, limit, window) {
        (true, Some(limit), Some(window)) if limit >= SMALLEST => {
            let half = RateLimit::half(limit);
            if !watch(session, half, window).await? {
                return Ok(());
            }
            escapes(session, half, window).await
        }
        (false, ..) => {
            let why = "no answer says how much is left; only `mode: exhaust` can look further";
            session.leave_out("counting", why);
            again(session).await
        }
        (_, Some(limit), _) if limit < SMALLEST => {
            let why = format!("a limit of {limit} leaves no room: it is only read");
            session.leave_out("counting", why);
            again(session).await
        }
        _ => {
            let why = "neither the answers nor `window` say how long a window is";
            session.leave_out("counting", why);
            session.send(Purpose::Plain).await.map(|_| ())
        }
    }
}

/// A second request shows whether the first one was counted; it would be refused after one of one.
pub(super) async fn again(session: &mut Session<'_>) -> Result<(), Blind> {
    if session.limit().is_none_or(|limit| limit > 1.5) && session.may_read() {
        session.send(Purpose::Plain).await?;
    }
    Ok(())
}

/// Waits until no earlier request of ours on the route counts any more. Where a window is longer
/// than a run waits, its schedule is left out anyway, and room for two requests is enough.
async fn clear(session: &mut Session<'_>, window: f64) -> bool {
    let half = session.check.limit.map_or(1, RateLimit::half);
    let is_long = window > session.cx.max_wait().as_secs_f64();
    if session.has_room(half.min(1), window)
        || is_long && session.has_room(half.saturating_sub(1), window)
    {
        return true;
    }
    if session.wait_until(window, "counting").await {
        session.seen.known_before = 0;
        return true;
    }
    false
}

/// Follows the schedule. `false` when the run is over.
async fn watch(session: &mut Session<'_>, half: usize, window: f64) -> Result<bool, Blind> {
    let reading = Reading {
        limit: session.limit(),
        window: session
            .answers
            .iter()
            .find_map(|t| t.declared.leading(session.check.limit, session.check.window)?.window),
        ..Reading::default()
    };
    let known = |session: &Session<'_>| {
        reading::knowledge(session.check, &session.seen, &reading, &session.answers)
    };
    let mut plan = Differential::new(half, window, known(session));
    if plan.longest_wait() > session.cx.max_wait().as_secs_f64() {
        let why = format!(
            "a window of {} is longer than a run waits for (--max-wait)",
            crate::duration::brief(
                std::time::Duration::try_from_secs_f64(window).unwrap_or_default()
            )
        );
        session.leave_out("the kind of limiter", why);
        return Ok(!session.has_room(half, window) || session.send(Purpose::Plain).await?);
    }
    loop {
        let seen = session.observations(&Purpose::Plain);
        let boundaries = known(session).boundaries;
        let Step::Send { at } = plan.next(&seen, &boundaries) else { return Ok(true) };
        if !session.wait_until(at, "the kind of limiter").await {
            return Ok(true);
        }
        if !session.has_room(half, window) {
            let why = "half of the limit is used up within the window";
            session.leave_out("the kind of limiter", why);
            return Ok(true);
        }
        if !session.send(Purpose::Plain).await? {
            return Ok(false);
        }
    }
}

/// Tries what a client could write to be counted anew, as far as there is room; the rest takes its
/// turn in later runs.
async fn escapes(session: &mut Session<'_>, half: usize, window: f64) -> Result<(), Blind> {
    let all = session.variants();
    let most = room(session, half, window).min(session.left().saturating_sub(2 + FOR_CONTROLS));
    let tried: Vec<Purpose> = all.iter().take(most).cloned().collect();
    if tried.len() < all.len() {
        let why = "half of the limit has no room for them; they take their turn in later runs";
        session.leave_out(format!("{} variants", all.len() - tried.len()), why);
    }
    let around = [Purpose::Control];
    let first: Vec<Purpose> = around.iter().chain(&tried).chain(&around).cloned().collect();
    if tried.is_empty() || !compare(session, first, half, window).await? {
        return Ok(());
    }
    // One that seems to be counted anew is looked at a second time.
    for variant in tried {
        if session.left() >= FOR_CONTROLS && is_fresh(session, &variant) {
            let before = match variant {
                Purpose::Forwarded(_) => Purpose::Query,
                _ => Purpose::Control,
            };
            if !compare(session, vec![before, variant, Purpose::Control], half, window).await? {
                break;
            }
        }
    }
    Ok(())
}

/// For how many variants half of the limit leaves room. Where a window is longer than a run waits,
/// what is used up already is gone, and a second look has to fit in as well.
fn room(session: &Session<'_>, half: usize, window: f64) -> usize {
    if window <= session.cx.max_wait().as_secs_f64() {
        return half.saturating_sub(2);
    }
    let left = half.saturating_sub(session.used(window));
    let one = usize::from(left > 2);
    left.saturating_sub(2 + FOR_CONTROLS).max(one)
}

/// Variants among ordinary requests, within one window. `false` when the run is over.
async fn compare(
    session: &mut Session<'_>,
    sequence: Vec<Purpose>,
    half: usize,
    window: f64,
) -> Result<bool, Blind> {
    let needed = sequence.len();
    if !session.has_room(half.saturating_sub(needed) + 1, window) {
        let at = session.now() + window;
        if !session.wait_until(at, "variants").await {
            return Ok(false);
        }
    }
    for purpose in sequence {
        if !session.send(purpose).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a variant seems to be counted anew.
fn is_fresh(session: &Session<'_>, variant: &Purpose) -> bool {
    session.seen.samples.iter().zip(&session.answers).any(|(sample, told)| {
        sample.purpose == *variant
            && matches!((told.remaining, told.limit), (Some(left), Some(limit)) if left + 1.5 > limit)
    })
}
