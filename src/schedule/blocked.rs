//! Whether a target turned against us: it answered well, we did active work, and now it refuses
//! what any visitor gets. Pure.

use std::collections::{HashMap, HashSet};
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

#[derive(Debug, Default)]
struct Conduct {
    /// The checks that were served when they last looked. One that is always refused, as it may be
    /// meant to be, is never among them.
    well: HashSet<Arc<str>>,
    /// The checks that were well and are refused now.
    refused: HashSet<Arc<str>>,
    last_active: Option<Timestamp>,
    pause: Option<Pause>,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    since: Timestamp,
    until: Timestamp,
    length: SignedDuration,
}

/// The passive checks that look at each origin.
pub(crate) type Lookers = HashMap<Arc<str>, HashSet<Arc<str>>>;

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

    /// A passive run of a check has ended: `refused` when it was answered 403, 406, 429 or by
    /// resets. Server errors, refused connections and silence are outages and say nothing here.
    pub(crate) fn passive(
        &mut self,
        origin: &Arc<str>,
        check: &Arc<str>,
        refused: bool,
        at: Timestamp,
    ) -> Option<Change> {
        let conduct = self.0.entry(Arc::clone(origin)).or_default();
        if !refused {
            conduct.well.insert(Arc::clone(check));
            conduct.refused.remove(check);
            let served = conduct.refused.is_empty();
            return conduct.pause.take_if(|_| served).map(|_| Change::Closed);
        }
        if !conduct.well.remove(check) && !conduct.refused.contains(check) {
            // Whoever was refused is gone with a reload, and this one may be meant to be refused:
            // the pause ends in its time at the latest.
            let orphaned = conduct.refused.is_empty();
            let over = conduct.pause.take_if(|pause| orphaned && at >= pause.until);
            return over.map(|_| Change::Closed);
        }
        let suspicious = conduct.last_active.is_some_and(|last| {
            let since = at.duration_since(last);
            since >= SignedDuration::ZERO && since <= SUSPICION
        });
        match &mut conduct.pause {
            Some(pause) => {
                conduct.refused.insert(Arc::clone(check));
                if at >= pause.until {
                    pause.length = (pause.length * 2).min(LONGEST_PAUSE);
                    pause.until = after(at, pause.length);
                }
                None
            }
            None if suspicious => {
                conduct.refused.insert(Arc::clone(check));
                let pause = Pause { since: at, until: after(at, FIRST_PAUSE), length: FIRST_PAUSE };
                conduct.pause = Some(pause);
                Some(Change::Opened)
            }
            None => None,
        }
    }

    /// Whether active work may be done on an origin.
    pub(crate) fn may_work(&self, origin: &str, at: Timestamp) -> bool {
        let pause = self.0.get(origin).and_then(|conduct| conduct.pause);
        pause.is_none_or(|pause| at >= pause.until)
    }

    /// Whether anything is known of an origin.
    pub(crate) fn knows(&self, origin: &str) -> bool {
        self.0.contains_key(origin)
    }

    /// The origins that refuse us, and since when.
    pub(crate) fn origins(&self) -> impl Iterator<Item = (&Arc<str>, Timestamp)> {
        self.0.iter().filter_map(|(origin, conduct)| Some((origin, conduct.pause?.since)))
    }

    /// Forgets the origins that are not among these any more, and the checks that do not look at
    /// theirs any more. Gives back the origins whose pause ended with that, because nobody is left
    /// who could see them serve us.
    pub(crate) fn keep(&mut self, lookers: &Lookers) -> Vec<Arc<str>> {
        let mut ended = Vec::new();
        self.0.retain(|origin, conduct| {
            let Some(checks) = lookers.get(origin) else {
                ended.extend(conduct.pause.map(|_| Arc::clone(origin)));
                return false;
            };
            conduct.well.retain(|check| checks.contains(check));
            conduct.refused.retain(|check| checks.contains(check));
            if conduct.pause.take_if(|_| checks.is_empty()).is_some() {
                ended.push(Arc::clone(origin));
            }
            true
        });
        ended
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

    fn names() -> (Arc<str>, Arc<str>) {
        ("https://a".into(), "a/http".into())
    }

    #[test]
    fn a_refusal_counts_only_after_good_answers_and_active_work() {
        let (origin, check) = names();
        for (well, active, refused_at, change) in [
            (true, Some(10), 11, Some(Change::Opened)),
            (true, Some(10), 13, None),
            (true, None, 11, None),
            (false, Some(10), 11, None),
        ] {
            let mut blocked = Blocked::default();
            assert_eq!(blocked.passive(&origin, &check, !well, at(0)), None);
            if let Some(active) = active {
                blocked.active(&origin, at(active));
            }
            assert_eq!(blocked.passive(&origin, &check, true, at(refused_at)), change);
            assert_eq!(blocked.may_work(&origin, at(refused_at)), change.is_none());
        }
    }

    #[test]
    fn a_check_that_is_meant_to_be_refused_raises_no_alarm_among_others_that_are_served() {
        let (origin, served) = names();
        let refused: Arc<str> = "a/admin".into();
        let mut blocked = Blocked::default();
        for minute in 0..30 {
            blocked.active(&origin, at(minute));
            assert_eq!(blocked.passive(&origin, &served, false, at(minute)), None);
            assert_eq!(blocked.passive(&origin, &refused, true, at(minute)), None);
        }
    }

    #[test]
    fn the_pause_doubles_to_a_day_and_ends_when_we_are_served_again() {
        let (origin, check) = names();
        let mut blocked = Blocked::default();
        blocked.passive(&origin, &check, false, at(0));
        blocked.active(&origin, at(1));
        assert_eq!(blocked.passive(&origin, &check, true, at(2)), Some(Change::Opened));
        let mut now = 2;
        for hours in [1, 2, 4, 8, 16, 24, 24] {
            assert!(!blocked.may_work(&origin, at(now + hours * 60 - 1)), "{hours}");
            now += hours * 60;
            assert!(blocked.may_work(&origin, at(now)), "{hours}");
            assert_eq!(blocked.passive(&origin, &check, true, at(now)), None);
        }
        assert_eq!(blocked.origins().count(), 1);
        assert_eq!(blocked.passive(&origin, &check, false, at(now + 1)), Some(Change::Closed));
        assert!(blocked.may_work(&origin, at(now + 1)));
    }

    #[test]
    fn an_origin_that_nobody_looks_at_is_forgotten() {
        let mut blocked = Blocked::default();
        blocked.active(&names().0, at(0));
        assert_eq!(blocked.keep(&Lookers::new()), []);
        assert!(blocked.0.is_empty());
    }

    fn lookers(checks: &[&str]) -> Lookers {
        let checks = checks.iter().map(|check| Arc::from(*check)).collect();
        [(names().0, checks)].into()
    }

    /// An origin that refuses this check since minute 2, and serves another one.
    fn refusing(check: &str) -> Blocked {
        let (origin, served) = names();
        let mut blocked = Blocked::default();
        for check in [served, check.into()] {
            blocked.passive(&origin, &check, false, at(0));
        }
        blocked.active(&origin, at(1));
        assert_eq!(blocked.passive(&origin, &check.into(), true, at(2)), Some(Change::Opened));
        blocked
    }

    #[test]
    fn a_refused_check_that_is_gone_leaves_the_end_of_the_pause_to_whoever_still_looks() {
        let (origin, served) = names();
        for (next, refused, minute, change) in [
            (&*served, false, 3, Some(Change::Closed)),
            ("a/new-name", false, 3, Some(Change::Closed)),
            ("a/new-name", true, 61, None),
            ("a/new-name", true, 62, Some(Change::Closed)),
        ] {
            let mut blocked = refusing("a/old-name");
            assert_eq!(blocked.keep(&lookers(&["a/http", "a/new-name"])), []);
            assert!(!blocked.may_work(&origin, at(3)), "{next} {refused}");
            assert_eq!(blocked.passive(&origin, &next.into(), refused, at(minute)), change);
            assert_eq!(blocked.origins().count(), usize::from(change.is_none()), "{next}");
        }
    }

    #[test]
    fn a_pause_lasts_over_a_reload_but_not_when_nobody_looks_any_more() {
        let (origin, served) = names();
        let mut blocked = refusing("a/x");
        assert_eq!(blocked.keep(&lookers(&["a/http", "a/x"])), []);
        assert_eq!(blocked.passive(&origin, &served, false, at(62)), None, "a/x is still refused");
        assert_eq!(blocked.passive(&origin, &"a/x".into(), true, at(62)), None);
        assert!(!blocked.may_work(&origin, at(62 + 119)), "it doubled");
        assert_eq!(blocked.keep(&lookers(&[])), [Arc::clone(&origin)]);
        assert!(blocked.may_work(&origin, at(63)));
        assert_eq!(refusing("a/x").keep(&Lookers::new()), [origin]);
    }

    #[test]
    fn names_that_come_and_go_leave_nothing_behind() {
        let (origin, _) = names();
        let mut blocked = Blocked::default();
        for name in 0..100 {
            let check = format!("a/{name}");
            blocked.passive(&origin, &check.as_str().into(), false, at(0));
            blocked.keep(&lookers(&[&check]));
        }
        assert_eq!(blocked.0[&origin].well.len(), 1);
    }
}
