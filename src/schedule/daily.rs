//! The parts of a check that run at most once a day: when they are due, and their entry in the ledger.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::impact::Impact;
use tokio::time::Instant;

use super::phase::Grid;
use crate::config::{Check, Service};
use crate::ledger::{Due, Ledger, Route};
use crate::runner::{self, Record};
use crate::store::Store;

/// What runs at most once a day waits so long.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A ledger that cannot be written stays so for long, and concerns many checks.
const COMPLAIN: Duration = Duration::from_mins(10);

/// The parts that run at most once a day.
pub(super) struct Daily {
    ledger: Ledger,
    complained: Mutex<Option<Instant>>,
}

impl Daily {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, complained: Mutex::default() }
    }

    /// What a check would work on, where the time of such parts has come: never in its first round,
    /// and without a ledger that outlives the process only at the check's own time of the day.
    pub(super) fn due(
        &self,
        store: &dyn Store,
        service: &Service,
        check: &Check,
        at: Timestamp,
    ) -> Option<Route> {
        if !runner::is_daily(check, Impact::Intrusive) {
            return None;
        }
        let first = store.state(&check.id).is_none_or(|state| state.last_run().is_none());
        if first && !self.ledger.is_hasty() {
            return None;
        }
        let route = Route::of(service, check);
        let due = match self.ledger.due(&route, at) {
            Due::Now => true,
            Due::Later => false,
            Due::Unknown => {
                let interval = SignedDuration::try_from(check.interval).unwrap_or(DAY);
                let grid = Grid::new(&check.id, "daily", DAY.unsigned_abs());
                at.checked_sub(interval).is_ok_and(|before| grid.next(before) <= at)
            }
        };
        due.then_some(route)
    }

    /// Enters what is due into the ledger, and gives it back where it may be worked on. This is
    /// awaited by the run alone, because the ledger's file may hang.
    pub(super) async fn claim(
        &self,
        due: Option<Route>,
        check: &str,
        at: Timestamp,
    ) -> Option<Route> {
        let route = due?;
        match self.ledger.claim(&route, at).await {
            Ok(claimed) => claimed.then_some(route),
            Err(error) => {
                if self.may_complain() {
                    tracing::error!(check, %error, "the ledger cannot be written: what runs at most once a day does not run");
                }
                None
            }
        }
    }

    /// Takes the entry of a run back that did not touch the target.
    pub(super) async fn give_back_untouched(&self, claimed: Option<Route>, record: &Record) {
        if let Some(route) = claimed.filter(|_| record.untouched)
            && let Err(error) = self.ledger.give_back(&route, record.at).await
        {
            tracing::warn!(check = %record.check.id, %error, "the ledger cannot be written: the check waits a day");
        }
    }

    fn may_complain(&self) -> bool {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        let may = complained.is_none_or(|last| last.elapsed() >= COMPLAIN);
        if may {
            *complained = Some(Instant::now());
        }
        may
    }
}
