//! Whether a target turned against us: it answered well, we did active work, and now it refuses
//! what any visitor gets. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::store::Pause;

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
    /// So many active runs go on.
    at_work: u32,
    /// When one of them began or ended last.
    last_active: Option<Timestamp>,
    pause: Option<Pause>,
}

/// The passive checks that look at each origin.
pub(crate) type Lookers = HashMap<Arc<str>, HashSet<Arc<str>>>;

/// What a passive run changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The origin began to refuse us.
    Opened,
    /// It refuses us for longer, or refuses other checks.
    Moved,
    /// It serves us again.
    Closed,
    /// The pause ran out, and nobody looks any more who was refused.
    Lapsed,
}

impl Blocked {
    /// What each origin did before a restart. Whoever looks after it is to be heard before anybody
    /// works, and no clock that was set makes a pause longer than it can be.
    pub(crate) fn restored(pauses: BTreeMap<Arc<str>, Pause>, now: Timestamp) -> Self {
        let conduct = |pause: Pause| {
            let length = pause.length.clamp(FIRST_PAUSE, LONGEST_PAUSE);
            let until = pause.until.clamp(after(now, SUSPICION), after(now, length));
            Conduct { pause: Some(Pause { until, length, ..pause }), ..Conduct::default() }
        };
        Self(pauses.into_iter().map(|(origin, pause)| (origin, conduct(pause))).collect())
    }

    /// The clock was set: no pause becomes longer by that than it can be.
    pub(crate) fn clock_was_set(&mut self, now: Timestamp) {
        for pause in self.0.values_mut().filter_map(|conduct| conduct.pause.as_mut()) {
            pause.until = pause.until.min(after(now, pause.length));
        }
    }

    /// An active run on an origin begins.
    pub(crate) fn begin(&mut self, origin: &Arc<str>, at: Timestamp) {
        let conduct = self.0.entry(Arc::clone(origin)).or_default();
        (conduct.at_work, conduct.last_active) = (conduct.at_work + 1, Some(at));
    }

    /// An active run on an origin has ended.
    pub(crate) fn end(&mut self, origin: &Arc<str>, at: Timestamp) {
        // One that is not watched any more is not kept in mind.
        if let Some(conduct) = self.0.get_mut(origin) {
            (conduct.at_work, conduct.last_active) = (conduct.at_work.saturating_sub(1), Some(at));
        }
    }

    /// A passive run of a check has ended: `refused` when it was answered 403, 406, 429 or by
    /// resets. Server errors, refused connections and silence are outages and do not belong here.
    pub(crate) fn passive(
        &mut self,
        origin: &Arc<str>,
        check: &Arc<str>,
        refused: bool,
        at: Timestamp,
    ) -> Option<Change> {
        let conduct = self.0.entry(Arc::clone(origin)).or_default();
        if refused { conduct.refused(check, at) } else { conduct.served(check) }
    }

    /// Whether active work may be done on an origin.
    pub(crate) fn may_work(&self, origin: &str, at: Timestamp) -> bool {
        let pause = self.0.get(origin).and_then(|conduct| conduct.pause.as_ref());
        pause.is_none_or(|pause| at >= pause.until)
    }

    /// Whether anything is known of an origin.
    pub(crate) fn knows(&self, origin: &str) -> bool {
        self.0.contains_key(origin)
    }

    /// Why active work on an origin pauses; `None` when it does not refuse us.
    pub(crate) fn pause(&self, origin: &str) -> Option<&Pause> {
        self.0.get(origin)?.pause.as_ref()
    }

    /// The origins that refuse us.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = (&Arc<str>, &Pause)> {
        self.0.iter().filter_map(|(origin, conduct)| Some((origin, conduct.pause.as_ref()?)))
    }

    /// Forgets the origins that are not among these any more, and the checks that do not look at
    /// theirs any more. Gives back the origins whose pause ended with that, because nobody is left
    /// who could see them serve us.
    pub(crate) fn keep(&mut self, lookers: &Lookers) -> Vec<Arc<str>> {
        let mut ended = Vec::new();
        self.0.retain(|origin, conduct| {
            let Some(checks) = lookers.get(origin) else {
                ended.extend(conduct.pause.take().map(|_| Arc::clone(origin)));
                conduct.well.clear();
                // What goes on there ends still, and may be counted with another reload before that.
                return conduct.at_work > 0;
            };
            conduct.well.retain(|check| checks.contains(check));
            if let Some(pause) = &mut conduct.pause {
                pause.refused.retain(|check| checks.contains(check));
            }
            if conduct.pause.take_if(|_| checks.is_empty()).is_some() {
                ended.push(Arc::clone(origin));
            }
            true
        });
        ended
    }
}

impl Conduct {
    fn served(&mut self, check: &Arc<str>) -> Option<Change> {
        self.well.insert(Arc::clone(check));
        let moved = self.pause.as_mut()?.refused.remove(check);
        let over = self.pause.take_if(|pause| pause.refused.is_empty());
        over.map(|_| Change::Closed).or(moved.then_some(Change::Moved))
    }

    fn refused(&mut self, check: &Arc<str>, at: Timestamp) -> Option<Change> {
        let was_well = self.well.remove(check);
        let Some(pause) = &mut self.pause else {
            if !was_well || !self.is_suspicious(at) {
                return None;
            }
            let (until, refused) = (after(at, FIRST_PAUSE), [Arc::clone(check)].into());
            self.pause = Some(Pause { since: at, until, length: FIRST_PAUSE, refused });
            return Some(Change::Opened);
        };
        if !was_well && !pause.refused.contains(check) {
            // Whoever was refused is gone with a reload, and this one may be meant to be refused:
            // the pause ends in its time at the latest.
            let orphaned = pause.refused.is_empty();
            let over = self.pause.take_if(|pause| orphaned && at >= pause.until);
            return over.map(|_| Change::Lapsed);
        }
        let joins = pause.refused.insert(Arc::clone(check));
        let longer = at >= pause.until;
        if longer {
            pause.length = (pause.length * 2).min(LONGEST_PAUSE);
            pause.until = after(at, pause.length);
        }
        (joins || longer).then_some(Change::Moved)
    }

    /// Whether active work goes on, or has ended only just before.
    fn is_suspicious(&self, at: Timestamp) -> bool {
        self.at_work > 0
            || self.last_active.is_some_and(|last| {
                let since = at.duration_since(last);
                since >= SignedDuration::ZERO && since <= SUSPICION
            })
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

    /// An active run that takes no time.
    fn worked(blocked: &mut Blocked, origin: &Arc<str>, at: Timestamp) {
        blocked.begin(origin, at);
        blocked.end(origin, at);
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
                worked(&mut blocked, &origin, at(active));
            }
            assert_eq!(blocked.passive(&origin, &check, true, at(refused_at)), change);
            assert_eq!(blocked.may_work(&origin, at(refused_at)), change.is_none());
        }
    }

    #[test]
    fn a_refusal_counts_while_active_work_goes_on_and_for_two_minutes_after_it() {
        let (origin, check) = names();
        for (ended, refused_at, change) in [
            (None, 20, Some(Change::Opened)),
            (Some(20), 21, Some(Change::Opened)),
            (Some(20), 23, None),
        ] {
            let mut blocked = Blocked::default();
            blocked.passive(&origin, &check, false, at(0));
            blocked.begin(&origin, at(1));
            if let Some(ended) = ended {
                blocked.end(&origin, at(ended));
            }
            assert_eq!(blocked.passive(&origin, &check, true, at(refused_at)), change);
        }
    }

    #[test]
    fn a_check_that_is_meant_to_be_refused_raises_no_alarm_among_others_that_are_served() {
        let (origin, served) = names();
        let refused: Arc<str> = "a/admin".into();
        let mut blocked = Blocked::default();
        for minute in 0..30 {
            worked(&mut blocked, &origin, at(minute));
            assert_eq!(blocked.passive(&origin, &served, false, at(minute)), None);
            assert_eq!(blocked.passive(&origin, &refused, true, at(minute)), None);
        }
    }

    #[test]
    fn the_pause_doubles_to_a_day_and_ends_when_we_are_served_again() {
        let (origin, check) = names();
        let mut blocked = Blocked::default();
        blocked.passive(&origin, &check, false, at(0));
        worked(&mut blocked, &origin, at(1));
        assert_eq!(blocked.passive(&origin, &check, true, at(2)), Some(Change::Opened));
        let mut now = 2;
        for hours in [1, 2, 4, 8, 16, 24, 24] {
            assert!(!blocked.may_work(&origin, at(now + hours * 60 - 1)), "{hours}");
            now += hours * 60;
            assert!(blocked.may_work(&origin, at(now)), "{hours}");
            assert_eq!(blocked.passive(&origin, &check, true, at(now)), Some(Change::Moved));
        }
        assert_eq!(blocked.pauses().count(), 1);
        assert_eq!(blocked.passive(&origin, &check, false, at(now + 1)), Some(Change::Closed));
        assert!(blocked.may_work(&origin, at(now + 1)));
    }

    #[test]
    fn an_origin_that_nobody_looks_at_is_forgotten() {
        let mut blocked = Blocked::default();
        worked(&mut blocked, &names().0, at(0));
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
        worked(&mut blocked, &origin, at(1));
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
            ("a/new-name", true, 62, Some(Change::Lapsed)),
        ] {
            let mut blocked = refusing("a/old-name");
            assert_eq!(blocked.keep(&lookers(&["a/http", "a/new-name"])), []);
            assert!(!blocked.may_work(&origin, at(3)), "{next} {refused}");
            assert_eq!(blocked.passive(&origin, &next.into(), refused, at(minute)), change);
            assert_eq!(blocked.pauses().count(), usize::from(change.is_none()), "{next}");
        }
    }

    #[test]
    fn a_pause_lasts_over_a_reload_but_not_when_nobody_looks_any_more() {
        let (origin, served) = names();
        let mut blocked = refusing("a/x");
        assert_eq!(blocked.keep(&lookers(&["a/http", "a/x"])), []);
        assert_eq!(blocked.passive(&origin, &served, false, at(62)), None, "a/x is still refused");
        assert_eq!(blocked.passive(&origin, &"a/x".into(), true, at(62)), Some(Change::Moved));
        assert!(!blocked.may_work(&origin, at(62 + 119)), "it doubled");
        assert_eq!(blocked.keep(&lookers(&[])), [Arc::clone(&origin)]);
        assert!(blocked.may_work(&origin, at(63)));
        assert_eq!(refusing("a/x").keep(&Lookers::new()), [origin]);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_pause_longer() {
        let origin = names().0;
        let mut blocked = refusing("a/x");
        blocked.clock_was_set(at(-10_000));
        assert!(!blocked.may_work(&origin, at(-9_941)) && blocked.may_work(&origin, at(-9_940)));
        blocked.clock_was_set(at(-9_990));
        assert!(blocked.may_work(&origin, at(-9_940)), "nor does one that is set forward");
    }

    /// What is known after a restart.
    fn restarted(blocked: &Blocked, minute: i64) -> Blocked {
        let pauses = blocked.pauses().map(|(origin, pause)| (Arc::clone(origin), pause.clone()));
        Blocked::restored(pauses.collect(), at(minute))
    }

    #[test]
    fn a_pause_goes_on_after_a_restart() {
        let (origin, served) = names();
        let (x, y): (Arc<str>, Arc<str>) = ("a/x".into(), "a/y".into());
        let mut blocked = refusing("a/x");
        blocked.passive(&origin, &y, false, at(3));
        assert_eq!(blocked.passive(&origin, &y, true, at(4)), Some(Change::Moved));
        let mut blocked = restarted(&blocked, 5);
        assert!(!blocked.may_work(&origin, at(61)));
        assert_eq!(blocked.passive(&origin, &served, false, at(61)), None);
        assert_eq!(blocked.passive(&origin, &x, true, at(62)), Some(Change::Moved));
        let mut blocked = restarted(&blocked, 63);
        assert!(!blocked.may_work(&origin, at(62 + 119)), "it knows that it doubled");
        assert_eq!(blocked.passive(&origin, &x, false, at(64)), Some(Change::Moved));
        assert_eq!(blocked.passive(&origin, &y, false, at(64)), Some(Change::Closed));
    }

    #[test]
    fn after_a_restart_a_pause_is_neither_over_before_anybody_looked_nor_longer_than_it_was() {
        let origin = names().0;
        for (minute, until) in [(5, 62), (61, 63), (10_000, 10_002), (-10_000, -9_940)] {
            let blocked = restarted(&refusing("a/x"), minute);
            assert!(!blocked.may_work(&origin, at(until - 1)), "{minute}");
            assert!(blocked.may_work(&origin, at(until)), "{minute}");
        }
    }

    #[test]
    fn work_that_outlasts_its_configuration_is_counted_once() {
        let (origin, check) = names();
        let mut blocked = Blocked::default();
        blocked.begin(&origin, at(0));
        blocked.keep(&Lookers::new());
        blocked.keep(&lookers(&["a/http"]));
        blocked.passive(&origin, &check, false, at(1));
        blocked.begin(&origin, at(2));
        blocked.end(&origin, at(3));
        let refused = |blocked: &mut Blocked, minute| {
            let changed = blocked.passive(&origin, &check, true, at(minute));
            blocked.passive(&origin, &check, false, at(minute));
            changed
        };
        assert_eq!(refused(&mut blocked, 10), Some(Change::Opened), "the first still goes on");
        blocked.end(&origin, at(11));
        assert_eq!(refused(&mut blocked, 20), None);
        blocked.keep(&Lookers::new());
        assert!(!blocked.knows(&origin));
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
