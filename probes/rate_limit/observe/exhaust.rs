//! Beyond the limit, once: whether anything is refused, when it is let in again, and who gets round
//! it.

use super::session::Session;
use crate::blind::Blind;
use crate::rate_limit::evidence::Purpose;
use crate::rate_limit::infer::Outcome;
use crate::rate_limit::plan::{Exhaust, Step, whole};

/// Behind the limit, so many variants are tried at most.
const MOST_VARIANTS: usize = 14;

/// A look at one needs so many requests: it, and what comes after it.
const LOOK: usize = 2;

/// Goes over the limit.
pub(super) async fn run(session: &mut Session<'_>) -> Result<(), Blind> {
    let most = usize::try_from(session.check.max_requests).unwrap_or(usize::MAX);
    if !session.send(Purpose::Plain).await? {
        return Ok(());
    }
    let limit = session.check.limit.or(session.limit());
    let window = session.check.window.or(session.window());
    if limit.is_some_and(|limit| whole(limit) + 2 > most) {
        let why = format!(
            "going beyond a limit of {} needs more than max_requests ({most})",
            limit.map(crate::rate_limit::reading::amount).unwrap_or_default()
        );
        session.leave_out("enforcement", why);
        return Ok(());
    }
    let (needs, unlimited) = match (limit.map(whole), window) {
        (Some(limit), Some(window)) => {
            let needs = Exhaust::needs(limit, window);
            (needs, Exhaust::needs_unlimited(limit, window).unwrap_or(most).max(needs))
        }
        _ => (most, most),
    };
    let longest_wait = session.cx.max_wait().as_secs_f64();
    let mut plan = Exhaust::new(limit.map(whole), window, most.min(unlimited), longest_wait);
    loop {
        let seen = session.observations(&Purpose::Plain);
        let retry_after = session
            .seen
            .samples
            .iter()
            .zip(&session.answers)
            .rev()
            .find(|(sample, _)| sample.purpose == Purpose::Plain)
            .and_then(|(_, told)| told.retry_after);
        match plan.next(&seen, retry_after) {
            Step::Done => return Ok(()),
            Step::Exhausted => {
                note_exhaustion(session);
                let spare = most.saturating_sub(needs).min(session.left());
                if !behind(session, spare).await? {
                    return Ok(());
                }
            }
            Step::Send { at } => {
                if session.left() == 0 || !session.wait_until(at, "what comes back when").await {
                    return Ok(());
                }
                if !session.send(Purpose::Plain).await? {
                    return Ok(());
                }
            }
        }
    }
}

/// By a refusal alone, a limit is taken to be used up for no longer than its window or this.
const FOR_NOW: f64 = 600.0;

/// Passive checks of the service that are refused from here on are refused because of us.
fn note_exhaustion(session: &Session<'_>) {
    let window = session.window().unwrap_or(60.0);
    let longest = session.answers.iter().filter_map(|told| told.retry_after).fold(window, f64::max);
    // What it says may be wrong; when the run ends, it knows more.
    let longest = longest.min(window.max(FOR_NOW));
    let time = std::time::Duration::try_from_secs_f64(longest).unwrap_or_default();
    session.cx.traffic().exhaust(&session.origin, time);
}

/// Whether this became of the latest request.
fn was(session: &Session<'_>, outcome: Outcome) -> bool {
    session.answers.last().is_some_and(|told| told.outcome == Some(outcome))
}

/// While the limit is used up: who is let through all the same. `false` when the run is over.
async fn behind(session: &mut Session<'_>, spare: usize) -> Result<bool, Blind> {
    let all = session.variants();
    // The window must not end meanwhile, nor the look at what comes back begin late.
    let until = session.now() + 0.2 * session.window().unwrap_or(60.0);
    let wanted = all.len().min(MOST_VARIANTS).min(spare.saturating_sub(1) / 2);
    let began = session.seen.samples.len();
    if wanted > 0 && !session.send(Purpose::Control).await? {
        return Ok(false);
    }
    let mut tried = 0;
    for variant in all.iter().take(wanted) {
        if session.seen.samples.len() - began + 2 >= spare || session.now() > until {
            break;
        }
        tried += 1;
        // One that is let through is looked at twice, each time between two that are refused. With
        // a header goes a query parameter, which may be what lets it through.
        for look in 0..2 {
            if matches!(variant, Purpose::Forwarded(_)) && look > 0 {
                if session.left() < LOOK || !session.send(Purpose::Query).await? {
                    return Ok(!session.is_over());
                }
                if was(session, Outcome::Accepted) {
                    break;
                }
            }
            if session.left() < LOOK || !session.send(variant.clone()).await? {
                return Ok(!session.is_over());
            }
            if !was(session, Outcome::Accepted) {
                break;
            }
            if !session.send(Purpose::Control).await? {
                return Ok(false);
            }
            if !was(session, Outcome::Refused) {
                // The limit let us in again: nothing more can be told from here.
                session.leave_out("variants", "the limit gave requests back too soon to compare");
                return Ok(true);
            }
        }
    }
    if tried < all.len() {
        let why = "the window or max_requests leaves no room for them; they take their turn in later runs";
        session.leave_out(format!("{} variants", all.len() - tried), why);
    }
    Ok(true)
}
