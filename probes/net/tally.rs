//! How much happened within a time that ends now, roughly and for long, in little memory.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Counts by the minute for an hour, and by the hour for a month.
#[derive(Debug)]
pub(super) struct Tally {
    minutes: Slots,
    hours: Slots,
}

impl Default for Tally {
    fn default() -> Self {
        Self { minutes: Slots::new(MINUTE, 61), hours: Slots::new(HOUR, 31 * 24 + 1) }
    }
}

impl Tally {
    pub(super) fn note(&mut self, now: Instant) {
        self.minutes.note(now);
        self.hours.note(now);
    }

    /// How often it happened within the last `window`: too many by what happened in a part of a
    /// slot at most, and never too few.
    pub(super) fn within(&self, now: Instant, window: Duration) -> u32 {
        let slots = if window <= HOUR { &self.minutes } else { &self.hours };
        slots.within(now, window)
    }
}

#[derive(Debug)]
struct Slots {
    length: Duration,
    most: usize,
    /// When each began, and how often it happened in it.
    counts: VecDeque<(Instant, u32)>,
}

impl Slots {
    const fn new(length: Duration, most: usize) -> Self {
        Self { length, most, counts: VecDeque::new() }
    }

    fn note(&mut self, now: Instant) {
        match self.counts.back_mut() {
            Some((began, count)) if now.saturating_duration_since(*began) < self.length => {
                *count = count.saturating_add(1);
            }
            _ => {
                if self.counts.len() == self.most {
                    self.counts.pop_front();
                }
                self.counts.push_back((now, 1));
            }
        }
    }

    fn within(&self, now: Instant, window: Duration) -> u32 {
        let reach = window.saturating_add(self.length);
        let recent = self.counts.iter().rev();
        let recent = recent.take_while(|(at, _)| now.saturating_duration_since(*at) < reach);
        recent.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_happened_is_counted_for_a_month_and_hardly_too_much() {
        const DAY: Duration = Duration::from_hours(24);
        let mut tally = Tally::default();
        for _ in 0..40 * 24 * 6 {
            tally.note(Instant::now());
            tokio::time::advance(10 * MINUTE).await;
        }
        let within = |window| tally.within(Instant::now(), window);
        for (window, times) in [(HOUR, 6), (DAY, 24 * 6), (31 * DAY, 31 * 24 * 6)] {
            let counted = within(window);
            assert!((times..=times + 6).contains(&counted), "{window:?}: {counted}");
        }
        assert!(tally.minutes.counts.len() <= 61 && tally.hours.counts.len() <= 745);
    }
}
