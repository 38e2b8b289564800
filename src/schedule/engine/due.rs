//! What is due when, and what a clock that is set does to it.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::runs::{line_up, shed};
use super::{CLOCK_CHECK, Engine};
use crate::schedule::meters::Shed;
use crate::schedule::slot::Work;

/// A wall clock that went another way than the monotonic one by this much was set.
const CLOCK_SET: SignedDuration = SignedDuration::from_secs(1);

/// What should have happened so long ago has been slept over: a machine that is too busy is late by
/// less.
const SLEPT: Duration = Duration::from_secs(5);

/// A run on the grid comes so long after one that stood beside it, or half an interval.
const APART: Duration = Duration::from_secs(10);

/// So few entries that are void are not worth a look at all of them.
const FEW: usize = 64;

impl Engine {
    /// The first runs come soon, but not all at once: each at its turn on the ramp, or at its own
    /// place on the grid where that comes first.
    pub(super) fn ramp(&mut self, mut new: Vec<Arc<str>>, now: Timestamp) {
        // By their places on the grid, so that the checks of one service do not come in a row.
        new.sort_by_key(|id| self.slots[id].grid.next(now));
        let step = Duration::from_secs(1) / self.bounds.ramp.max(1);
        let started = Instant::now();
        for (index, id) in new.into_iter().enumerate() {
            let on_ramp = step.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
            let on_grid = until(now, self.slots[&id].grid.next(now));
            self.plan(&id, started + on_ramp.min(on_grid), now, on_grid <= on_ramp);
        }
    }

    /// Plans the next run of a check; what was planned for it before is void.
    pub(super) fn plan(&mut self, id: &Arc<str>, at: Instant, now: Timestamp, on_grid: bool) {
        self.turns += 1;
        if let Some(slot) = self.slots.get_mut(id) {
            slot.turn = self.turns;
            slot.on_grid = on_grid;
            self.due.push(Reverse((at, self.turns, Arc::clone(id))));
            let away = at.saturating_duration_since(Instant::now());
            let next_run =
                SignedDuration::try_from(away).ok().and_then(|away| now.checked_add(away).ok());
            self.store.schedule(id, next_run.unwrap_or(now));
        }
        self.drop_void();
    }

    /// Entries that are void go when they outnumber the others. Their own time may be far off, and
    /// with each reload there may be more of them.
    fn drop_void(&mut self) {
        if self.due.len() > 2 * self.slots.len() + FEW {
            let Self { due, slots, .. } = self;
            due.retain(|Reverse((_, turn, id))| {
                slots.get(id).is_some_and(|slot| slot.turn == *turn)
            });
        }
    }

    pub(super) fn wake(&mut self) {
        let (wall, now) = (self.clock.now(), Instant::now());
        self.compare_clocks(wall, now);
        for service in self.waivers.turned(wall) {
            self.store.rejudge(&service, wall);
        }
        let mut slept_over = Vec::new();
        while let Some(Reverse((due, ..))) = self.due.peek()
            && *due <= now
        {
            let Some(Reverse((due, turn, id))) = self.due.pop() else { return };
            let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.turn == turn) else {
                continue;
            };
            if now - due > SLEPT {
                slept_over.push(id);
                continue;
            }
            match slot.work {
                Work::Idle => line_up(&mut self.admission, slot, due),
                Work::Waits => {
                    shed(&self.meters, &*self.store, self.began, &id, Shed::Overlap, wall);
                }
                Work::Runs => self.meters.shed(Shed::Overlap),
            }
            let next = if slot.on_grid {
                slot.last_due = Some(wall);
                slot.grid.next_due(slot.last_due, wall)
            } else {
                let apart = APART.min(slot.check.interval / 2);
                slot.grid.next(wall + SignedDuration::try_from(apart).unwrap_or_default())
            };
            self.plan(&id, now + until(wall, next), wall, true);
        }
        if !slept_over.is_empty() {
            tracing::warn!(checks = slept_over.len(), "nothing happened for a while");
            self.ramp(slept_over, wall);
        }
    }

    /// A wall clock that was set, or a machine that slept, moves every check to its place on the
    /// grid. What would have been due meanwhile runs soon.
    fn compare_clocks(&mut self, wall: Timestamp, now: Instant) {
        if now < self.compared.1 + CLOCK_CHECK / 2 {
            return;
        }
        let (wall_before, before) = self.compared;
        self.compared = (wall, now);
        let passed = SignedDuration::try_from(now - before).unwrap_or_default();
        let drift = wall.duration_since(wall_before) - passed;
        if drift.abs() < CLOCK_SET {
            return;
        }
        tracing::warn!(drift_seconds = drift.as_secs_f64(), "the wall clock was set");
        self.blocked.clock_was_set(wall);
        let mut slept_over = Vec::new();
        for Reverse((due, turn, id)) in std::mem::take(&mut self.due).into_vec() {
            let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.turn == turn) else {
                continue;
            };
            if !slot.on_grid {
                // A first run or another look comes after a time, whatever the clock says.
                self.due.push(Reverse((due, turn, id)));
                continue;
            }
            if drift.is_negative() {
                // In terms of the new clock: what was just done is not done again.
                slot.last_due = slot.last_due.and_then(|last| last.checked_add(drift).ok());
                let next = slot.grid.next_due(slot.last_due, wall);
                self.plan(&id, now + until(wall, next), wall, true);
                continue;
            }
            match due.saturating_duration_since(now).checked_sub(drift.unsigned_abs()) {
                Some(away) if !away.is_zero() => self.plan(&id, now + away, wall, true),
                _ => slept_over.push(id),
            }
        }
        self.ramp(slept_over, wall);
    }
}

pub(super) fn until(now: Timestamp, then: Timestamp) -> Duration {
    then.duration_since(now).try_into().unwrap_or_default()
}
