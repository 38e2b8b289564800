//! A time that may not have come yet, in little room: every check has several.

use jiff::Timestamp;

/// A time to the microsecond, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(i64);

/// No time is so early: the earliest that can be written is the year -9999.
const NONE: i64 = i64::MIN;

impl Moment {
    pub(super) fn of(time: Option<Timestamp>) -> Self {
        Self(time.map_or(NONE, Timestamp::as_microsecond))
    }

    pub(super) fn get(self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_and_none_come_back() {
        let now: Timestamp = "2026-11-20T12:00:00.123456Z".parse().unwrap();
        for time in [None, Some(Timestamp::UNIX_EPOCH), Some(Timestamp::MIN), Some(now)] {
            assert_eq!(Moment::of(time).get(), time);
        }
    }
}
