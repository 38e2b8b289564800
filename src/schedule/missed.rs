//! Runs that were due and were not made: what is known of their checks grows old, and what is too
//! old proves nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::blind::{Blind, Cause};
use musterd_probes::run_id::RunId;

use super::meters::Shed;
use crate::config::Check;
use crate::runner::{Outcome, Record};
use crate::store::CheckState;

/// So many intervals without a look are borne.
const INTERVALS: u32 = 3;

/// A check that looks often is not called blind for being slow to have its turn.
const AT_LEAST: Duration = Duration::from_mins(2);

/// The record of a run that was not made, where the last look is so long ago that its result may
/// not stand for now.
pub(super) fn of(state: &CheckState, why: Shed, at: Timestamp) -> Option<Record> {
    let check = &state.check;
    is_too_old(state, check, at).then(|| Record {
        run: RunId::new(at, fastrand::u128(..)),
        check: Arc::clone(check),
        at,
        duration: Duration::ZERO,
        outcome: Outcome::Blind(Blind::new(Cause::Exhausted, reason(why))),
        requests: [0; 3],
        untouched: true,
        refused: false,
    })
}

fn is_too_old(state: &CheckState, check: &Check, at: Timestamp) -> bool {
    let borne = check.interval.saturating_mul(INTERVALS).max(AT_LEAST);
    let borne = SignedDuration::try_from(borne).unwrap_or(SignedDuration::MAX);
    let looked = match &state.last {
        // It could not look then, and cannot now.
        Some(last) if last.reason().is_some() => return true,
        Some(last) => {
            let took = SignedDuration::try_from(last.summary.duration()).unwrap_or_default();
            last.summary.at().checked_add(took).unwrap_or(at)
        }
        None => state.damped.since,
    };
    at.duration_since(looked) >= borne
}

const fn reason(why: Shed) -> &'static str {
    match why {
        Shed::Deadline | Shed::Overlap => {
            "its turn does not come in time: too much else is to be asked of this host"
        }
        Shed::Blocked => "active work pauses here, because the origin refuses us",
    }
}
