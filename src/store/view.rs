//! What a reader saw of all checks, and the log by which it learns what changed since.
//!
//! A reader that looks at ten thousand checks each second would touch all of them each time. With
//! the log it touches those alone that changed.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::state::CheckState;

/// All checks, as a reader saw them last.
#[derive(Default)]
pub(crate) struct View {
    states: Vec<Arc<CheckState>>,
    changed: Changed,
    place: Option<Place>,
}

/// What changed between two looks.
#[derive(Default)]
enum Changed {
    #[default]
    Everything,
    /// Indices of checks, each once, in their order.
    Only(Vec<usize>),
}

/// How far a reader has read the log.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Counts the times that everything changed.
    era: u64,
    /// How many entries of this era were read.
    read: u64,
}

/// Which checks changed, the latest last. It is bounded: who reads it seldom looks at everything.
pub(super) struct Log {
    latest: VecDeque<u32>,
    longest: usize,
    end: Place,
}

impl View {
    /// Every check, in the order of the configuration.
    pub(crate) fn states(&self) -> &[Arc<CheckState>] {
        &self.states
    }

    /// Whether other checks than before are looked at, or nothing is known of what changed.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self.changed, Changed::Everything)
    }

    /// Which of these checks the last look found changed, in their order.
    pub(crate) fn changed(&self, among: Range<usize>) -> impl Iterator<Item = usize> {
        let (all, some) = match &self.changed {
            Changed::Everything => (among.start..among.end.min(self.states.len()), &[][..]),
            Changed::Only(indices) => {
                let start = indices.partition_point(|index| *index < among.start);
                let end = indices.partition_point(|index| *index < among.end);
                (0..0, indices.get(start..end).unwrap_or_default())
            }
        };
        all.chain(some.iter().copied())
    }

    /// What the log says since the last look; `None` where everything may have changed.
    pub(super) fn read(&mut self, log: &Log) -> Option<Vec<u32>> {
        let since = self.place.replace(log.end)?;
        log.since(since).map(Iterator::collect)
    }

    /// Brings it up to date with what was read, and only then: what is noted meanwhile is read next
    /// time. `state` gives the check that stands somewhere in the order.
    pub(super) fn renew(
        &mut self,
        news: Option<Vec<u32>>,
        checks: usize,
        state: impl Fn(usize) -> Option<Arc<CheckState>>,
    ) {
        let news = news.filter(|_| self.states.len() == checks);
        let Some(news) = news else {
            self.states.clear();
            self.states.extend((0..checks).filter_map(state));
            self.changed = Changed::Everything;
            return;
        };
        let mut indices: Vec<usize> =
            news.into_iter().filter_map(|index| usize::try_from(index).ok()).collect();
        indices.sort_unstable();
        indices.dedup();
        indices.retain(|index| match (self.states.get_mut(*index), state(*index)) {
            (Some(known), Some(now)) => {
                *known = now;
                true
            }
            _ => false,
        });
        self.changed = Changed::Only(indices);
    }
}

impl Log {
    /// Empty; of so many changes the readers can learn one by one.
    pub(super) fn new(longest: usize) -> Self {
        Self { latest: VecDeque::new(), longest, end: Place { era: 0, read: 0 } }
    }

    /// The check that stands there changed.
    pub(super) fn note(&mut self, index: u32) {
        while self.latest.len() >= self.longest {
            self.latest.pop_front();
        }
        self.latest.push_back(index);
        self.end.read += 1;
    }

    /// Everything changed: what was noted so far stands for other places.
    pub(super) fn turn(&mut self) {
        self.latest.clear();
        self.end = Place { era: self.end.era + 1, read: 0 };
    }

    /// What was noted since; `None` when nobody knows any more.
    fn since(&self, place: Place) -> Option<impl Iterator<Item = u32>> {
        let missed = self.end.read.checked_sub(place.read).filter(|_| place.era == self.end.era)?;
        let start = self.latest.len().checked_sub(usize::try_from(missed).ok()?)?;
        Some(self.latest.range(start..).copied())
    }
}
