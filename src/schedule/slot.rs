//! A check in the scheduler.

use std::sync::Arc;

use jiff::Timestamp;
use musterd_probes::impact::Impact;

use super::admission::Line;
use super::phase::Grid;
use crate::config::{Check, Service};

/// A check in the scheduler.
pub(super) struct Slot {
    pub(super) service: Arc<Service>,
    pub(super) check: Arc<Check>,
    pub(super) grid: Grid,
    /// One for all checks that wait in it.
    pub(super) line: Arc<Line>,
    /// The due time on the grid that came last.
    pub(super) last_due: Option<Timestamp>,
    /// Number of the entry among what is due that counts.
    pub(super) turn: u64,
    pub(super) work: Work,
    /// Whether it is due at its place on the grid next, and not for a first run or another look.
    pub(super) on_grid: bool,
    /// Its latest run was shed by its deadline: the next one waits until it has its turn, or a
    /// check with short patience among many would never have one.
    pub(super) patient: bool,
}

/// What a check is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Idle,
    /// It stands in its line.
    Waits,
    Runs,
}

impl Slot {
    /// Of a check that was not known, or had other settings.
    pub(super) fn new(
        service: Arc<Service>,
        check: Arc<Check>,
        grid: Grid,
        line: Arc<Line>,
        work: Work,
    ) -> Self {
        Self {
            service,
            check,
            grid,
            line,
            last_due: None,
            turn: 0,
            work,
            on_grid: false,
            patient: false,
        }
    }

    /// Whether its runs change what the target knows of us.
    pub(super) fn is_active(&self) -> bool {
        self.check.impact() > Impact::Passive
    }
}
