//! Runs that were due and were not made: what is known of their checks grows old, and what is too
//! old proves nothing.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::meters::Shed;
use crate::status::Status;
use crate::store::CheckState;

/// So many intervals without a look are borne.
const INTERVALS: u32 = 3;

/// A check that looks often is not called blind for being slow to have its turn.
const AT_LEAST: Duration = Duration::from_mins(2);

/// Whether what is known of a check may not stand for now: it was last looked at too long ago, or
/// never since `began`.
pub(super) fn is_too_old(state: &CheckState, began: Timestamp, at: Timestamp) -> bool {
    let borne = state.check.interval.saturating_mul(INTERVALS).max(AT_LEAST);
    let borne = SignedDuration::try_from(borne).unwrap_or(SignedDuration::MAX);
    let was_missed = state.last.as_ref().is_some_and(|last| last.was_missed());
    if was_missed || state.damped.status == Status::Unknown {
        return true;
    }
    let looked = match state.last_run() {
        Some(run) => {
            let took = SignedDuration::try_from(run.duration()).unwrap_or_default();
            run.at().checked_add(took).unwrap_or(at)
        }
        None => state.damped.since.max(began),
    };
    at.duration_since(looked) >= borne
}

pub(super) const fn reason(why: Shed) -> &'static str {
    match why {
        Shed::Deadline | Shed::Overlap => {
            "its turn does not come in time: too much else is to be asked of this host"
        }
        Shed::Blocked => "active work pauses here, because the origin refuses us",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use musterd_probes::blind::{Blind, Cause};
    use musterd_probes::run_id::RunId;

    use super::*;
    use crate::runner::{Outcome, Reception, Record};
    use crate::store::{Memory, Store, Watched};
    use crate::testing;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    /// A check every minute that is known since the beginning of time.
    fn store() -> (Memory, Watched) {
        let http = musterd_probes::registry::find(musterd_probes::KINDS, "http").unwrap();
        let check = testing::check(http, &serde_json::json!({}));
        let check = Arc::new(crate::config::Check { interval: Duration::from_mins(1), ..check });
        let service = Arc::new(testing::service(vec![Arc::clone(&check)]));
        let (store, watched) = (Memory::new(), Watched { service, check });
        store.adopt(std::slice::from_ref(&watched), at(0));
        (store, watched)
    }

    fn blind(watched: &Watched, second: i64) -> Record {
        Record {
            run: RunId::new(at(second), 0),
            check: Arc::clone(&watched.check),
            at: at(second),
            duration: Duration::ZERO,
            outcome: Outcome::Blind(Blind::new(Cause::Resolver, "no answer")),
            requests: [0; 3],
            untouched: false,
            reception: Reception::Unheard,
        }
    }

    #[test]
    fn three_intervals_without_a_look_are_borne() {
        let (store, watched) = store();
        let is_too_old = |began, second| {
            is_too_old(&store.state(&watched.check.id).unwrap(), at(began), at(second))
        };
        assert!(!is_too_old(0, 179) && is_too_old(0, 180), "it was never looked at");
        assert!(!is_too_old(100, 279) && is_too_old(100, 280), "and nobody was there to look");
        store.record(&blind(&watched, 500));
        assert!(!is_too_old(0, 679) && is_too_old(0, 680), "one that could not look is one");
        store.miss(&watched.check.id, reason(Shed::Deadline), at(680));
        assert!(is_too_old(0, 681), "nobody has looked since");
        let state = store.state(&watched.check.id).unwrap();
        assert_eq!(state.last_run().unwrap().at(), at(500), "that was the last run");
        assert_eq!(state.last.as_ref().unwrap().reason(), Some(reason(Shed::Deadline)));
        assert_eq!(store.runs(&watched.check.id).unwrap().len(), 1, "and no other was made");
    }
}
