//! How long to wait before another try. Pure: randomness and time are arguments.

use std::time::Duration;

use jiff::Timestamp;

/// A receiver that asks for a longer pause than this does not get it.
const LONGEST_ASKED: Duration = Duration::from_mins(30);

/// How tries follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Before the second try.
    pub(crate) first: Duration,
    /// At most.
    pub(crate) most: Duration,
    /// A message is given up when so long has passed since its first try.
    pub(crate) give_up: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            most: Duration::from_mins(5),
            give_up: Duration::from_hours(1),
        }
    }
}

impl Pace {
    /// The wait after so many failed tries: twice as long each time, less up to a half that
    /// `random`, from 0 to 1, decides, so that many do not come back at once. Never less than
    /// what the receiver asked for.
    pub(crate) fn wait(&self, failed: u32, asked: Option<Duration>, random: f64) -> Duration {
        let doublings = failed.saturating_sub(1).min(30);
        let full = self.first.saturating_mul(1 << doublings).min(self.most);
        let own = full.mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0);
        own.max(asked.unwrap_or_default().min(LONGEST_ASKED))
    }
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.
pub(crate) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Duration::try_from(date.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_random_takes_up_to_half() {
        let pace = Pace::default();
        for (failed, random, seconds) in [
            (1, 0.0, 1.0),
            (1, 1.0, 0.5),
            (2, 0.0, 2.0),
            (5, 0.0, 16.0),
            (5, 0.5, 12.0),
            (9, 0.0, 256.0),
            (10, 0.0, 300.0),
            (10, 1.0, 150.0),
            (u32::MAX, 0.0, 300.0),
        ] {
            let wait = pace.wait(failed, None, random);
            assert_eq!(wait, Duration::from_secs_f64(seconds), "{failed} {random}");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_longer_but_not_for_ever() {
        let pace = Pace::default();
        let asks = |seconds| pace.wait(1, Some(Duration::from_secs(seconds)), 0.0);
        assert_eq!(asks(0), Duration::from_secs(1));
        assert_eq!(asks(30), Duration::from_secs(30));
        assert_eq!(asks(u64::MAX), Duration::from_mins(30));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        for (text, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Fri, 02 Jan 2026 03:05:05 GMT", Some(60)),
            ("Fri, 02 Jan 2026 03:04:00 GMT", None),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
