//! How much is kept of reports: what is too much gives way, the longest ago first.

use std::collections::BTreeSet;

use super::{Kept, Key};

/// How much is kept at most.
pub(super) struct Room {
    pub(super) services: usize,
    /// Counted as they were posted.
    pub(super) bytes: usize,
}

impl Room {
    /// Makes room among some services, but never at the cost of those that were just `added`.
    pub(super) fn make(
        &self,
        kept: &mut Kept,
        added: &BTreeSet<Key>,
        is_among: impl Fn(&Key) -> bool,
    ) {
        loop {
            let among = || kept.iter().filter(|(key, _)| is_among(key));
            let bytes: usize = among().map(|(_, entry)| entry.bytes).sum();
            if among().count() <= self.services && bytes <= self.bytes {
                return;
            }
            let old = among().filter(|(key, _)| !added.contains(*key));
            let oldest = old.min_by_key(|(_, entry)| entry.times.iter().max().copied());
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            kept.remove(&oldest);
        }
    }
}
