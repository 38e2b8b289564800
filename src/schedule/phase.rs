//! When a check is due: its own place on the wall clock's grid. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::hash::stable_hash;

/// A check's place within its interval: the same after every restart, on every machine of its
/// location, and independent of all other checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// In nanoseconds, and never zero.
    interval: u64,
    /// In nanoseconds, and less than the interval.
    phase: u64,
}

impl Grid {
    /// The grid of a check in a location.
    pub(crate) fn new(check: &str, location: &str, interval: Duration) -> Self {
        let interval = interval.max(Duration::from_millis(1));
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        Self { interval, phase: stable_hash([location, check]) % interval }
    }

    /// The first point of the grid that is later than `after`.
    pub(crate) fn next(&self, after: Timestamp) -> Timestamp {
        let (interval, phase) = (i128::from(self.interval), i128::from(self.phase));
        let since_phase = after.as_nanosecond() - phase;
        let next = (since_phase.div_euclid(interval) + 1) * interval + phase;
        Timestamp::from_nanosecond(next).unwrap_or(Timestamp::MAX)
    }

    /// The next due time of a check that was last due at `last`: on the grid, later than `now`,
    /// and not so soon after `last` that a clock that was set makes it run twice.
    pub(crate) fn next_due(&self, last: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let half = Duration::from_nanos(self.interval / 2);
        let half = SignedDuration::try_from(half).unwrap_or_default();
        match last {
            // A last time in the future is from before the clock was set back.
            Some(last) if last <= now => {
                let earliest = last.checked_add(half).unwrap_or(now);
                self.next(now.max(earliest))
            }
            _ => self.next(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn a_phase_is_the_same_for_ever() {
        let grid = Grid::new("storefront/health", "", Duration::from_secs(30));
        assert_eq!(grid.next(at(0)).as_millisecond(), 661);
    }

    #[test]
    fn the_checks_of_one_host_are_spread_over_the_interval() {
        let minute = Duration::from_mins(1);
        let mut tenths = [0; 10];
        for check in 0..1000 {
            let grid = Grid::new(&format!("shop/check-{check}"), "", minute);
            tenths[usize::try_from(grid.phase / 6_000_000_000).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (60..140).contains(count)), "{tenths:?}");
    }

    #[test]
    fn another_location_looks_at_another_time() {
        let minute = Duration::from_mins(1);
        assert_ne!(Grid::new("a/b", "eu", minute), Grid::new("a/b", "us", minute));
    }

    proptest! {
        #[test]
        fn the_next_point_is_later_and_at_most_an_interval_away(
            name in "[a-z]{1,10}/[a-z]{1,10}",
            interval in 1_u64..100_000_000,
            now in -1_000_000_000_000_i64..4_000_000_000_000,
        ) {
            let grid = Grid::new(&name, "", Duration::from_millis(interval));
            let next = grid.next(at(now));
            let away = next.duration_since(at(now));
            prop_assert!(away > SignedDuration::ZERO);
            prop_assert!(away <= SignedDuration::from_millis(i64::try_from(interval).unwrap()));
            let following = next.duration_since(grid.next(next)).abs();
            prop_assert_eq!(following.as_millis(), i128::from(interval));
        }

        #[test]
        fn whatever_the_clock_does_the_next_run_comes_soon_but_not_at_once(
            interval in 10_u64..10_000_000,
            last in 0_i64..2_000_000_000_000,
            jump in -10_000_000_000_i64..10_000_000_000,
        ) {
            let grid = Grid::new("a/b", "", Duration::from_millis(interval));
            let (last, now) = (grid.next(at(last)), at(last + jump));
            let next = grid.next_due(Some(last), now);
            let interval = i64::try_from(interval).unwrap();
            prop_assert!(next > now);
            prop_assert!(next.duration_since(now).as_millis() <= i128::from(interval) * 2);
            if last <= now {
                prop_assert!(next.duration_since(last).as_millis() >= i128::from(interval / 2));
            }
        }
    }
}
