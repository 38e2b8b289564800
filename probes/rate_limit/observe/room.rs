//! How much of the limit a run may still use.

use super::session::Session;
use crate::rate_limit::RateLimit;
use crate::rate_limit::plan::whole;

impl Session<'_> {
    /// Whether half of the limit leaves room for one more request in the window that ends now.
    pub(super) fn has_room(&self, half: usize, window: f64) -> bool {
        self.used(window) < half
    }

    /// Whether one more request is too few to use the limit up, by what is known of it: half of it
    /// may be used in a window, or as much as it takes to read it.
    pub(super) fn may_read(&self) -> bool {
        let size = self.limit().zip(self.window());
        size.or(self.seen.size).is_none_or(|(limit, window)| {
            let most = RateLimit::half(limit).max(2).min(whole(limit).max(1));
            self.has_room(most, window)
        })
    }

    /// How many requests took the route in the window that ends now.
    pub(super) fn used(&self, window: f64) -> usize {
        usize::try_from(self.sent_within(Some(window)).1).unwrap_or(usize::MAX)
    }
}
