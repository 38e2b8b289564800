//! Whether a target turned against us: it answered well, we did active work, and now it refuses
//! what any visitor gets. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

/// Refusals count as ours when they begin so soon after active work.
const SUSPICION: SignedDuration = SignedDuration::from_mins(2);

/// Active work pauses so long at first.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// And so long at the most.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// What each origin did.
#[derive(Debug, Default)]
pub(crate) struct Blocked(HashMap<Arc<str>, Conduct>);

#[derive(Debug, Default, Clone, Copy)]
struct Conduct {
    /// Its last passive answer was no refusal.
    was_well: bool,
    last_active: Option<Timestamp>,
    pause: Option<Pause>,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Timestamp,
    length: SignedDuration,
}

/// What a passive run changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The origin began to refuse us.
    Opened,
    /// It serves us again.
    Closed,
}

impl Blocked {
    /// An active run on an origin has ended.
    pub(crate) fn active(&mut self, origin: &Arc<str>, at: Timestamp) {
        self.0.entry(Arc::clone(origin)).or_default().last_active = Some(at);
    }

    /// A passive run on an origin has ended: `refused` when it was answered 403, 406, 429 or by
    /// resets. Server errors, refused connections and silence are outages and say nothing here.
    pub(crate) fn passive(
        &mut self,
        origin: &Arc<str>,
        refused: bool,
        at: Timestamp,
    ) -> Option<Change> {
        let conduct = self.0.entry(Arc::clone(origin)).or_default();
        let was_well = std::mem::replace(&mut conduct.was_well, !refused);
        match (&mut conduct.pause, refused) {
            (Some(_), false) => {
                conduct.pause = None;
                Some(Change::Closed)
            }
            (Some(pause), true) => {
                if at >= pause.until {
                    pause.length = (pause.length * 2).min(LONGEST_PAUSE);
                    pause.until = after(at, pause.length);
                }
                None
            }
            (None, true) => {
                let suspicious = conduct.last_active.is_some_and(|last| {
                    let since = at.duration_since(last);
                    since >= SignedDuration::ZERO && since <= SUSPICION
                });
                if !(was_well && suspicious) {
                    return None;
                }
                let pause = Pause { until: after(at, FIRST_PAUSE), length: FIRST_PAUSE };
                conduct.pause = Some(pause);
                Some(Change::Opened)
            }
            (None, false) => None,
        }
    }

    /// Whether active work may be done on an origin.
    pub(crate) fn may_work(&self, origin: &str, at: Timestamp) -> bool {
        self.0.get(origin).and_then(|conduct| conduct.pause).is_none_or(|pause| at >= pause.until)
    }

    /// Forgets origins that no check looks at any more.
    pub(crate) fn keep(&mut self, kept: impl Fn(&str) -> bool) {
        self.0.retain(|origin, _| kept(origin));
    }
}

fn after(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_refusal_counts_only_after_good_answers_and_active_work() {
        let origin: Arc<str> = "https://a".into();
        for (well, active, refused_at, change) in [
            (true, Some(10), 11, Some(Change::Opened)),
            (true, Some(10), 13, None),
            (true, None, 11, None),
            (false, Some(10), 11, None),
        ] {
            let mut blocked = Blocked::default();
            assert_eq!(blocked.passive(&origin, !well, at(0)), None);
            if let Some(active) = active {
                blocked.active(&origin, at(active));
            }
            assert_eq!(blocked.passive(&origin, true, at(refused_at)), change);
            assert_eq!(blocked.may_work(&origin, at(refused_at)), change.is_none());
        }
    }

    #[test]
    fn the_pause_doubles_to_a_day_and_ends_when_we_are_served_again() {
        let origin: Arc<str> = "https://a".into();
        let mut blocked = Blocked::default();
        blocked.passive(&origin, false, at(0));
        blocked.active(&origin, at(1));
        assert_eq!(blocked.passive(&origin, true, at(2)), Some(Change::Opened));
        let mut now = 2;
        for hours in [1, 2, 4, 8, 16, 24, 24] {
            assert!(!blocked.may_work(&origin, at(now + hours * 60 - 1)), "{hours}");
            now += hours * 60;
            assert!(blocked.may_work(&origin, at(now)), "{hours}");
            assert_eq!(blocked.passive(&origin, true, at(now)), None);
        }
        assert_eq!(blocked.passive(&origin, false, at(now + 1)), Some(Change::Closed));
        assert!(blocked.may_work(&origin, at(now + 1)));
    }

    #[test]
    fn an_origin_that_nobody_looks_at_is_forgotten() {
        let origin: Arc<str> = "https://a".into();
        let mut blocked = Blocked::default();
        blocked.active(&origin, at(0));
        blocked.keep(|_| false);
        assert!(blocked.0.is_empty());
    }
}
