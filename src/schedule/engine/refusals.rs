//! Whether an origin turned against us.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::runner::{Outcome, Reception, Record};
use crate::schedule::blocked::{Blocked, Change};
use crate::store::Store;

/// Notes what a passive run that ended now says of whether its origin turned against us.
pub(super) fn note_refusals(
    blocked: &mut Blocked,
    worked_on: &HashSet<Arc<str>>,
    store: &dyn Store,
    origin: &Arc<str>,
    record: &Record,
    at: Timestamp,
) {
    // Without active work no origin can turn against us.
    let concerned = worked_on.contains(origin) || blocked.knows(origin);
    let says_nothing =
        matches!(record.outcome, Outcome::Blind(_)) || record.reception == Reception::Unheard;
    if !concerned || says_nothing {
        return;
    }
    let refused = record.reception == Reception::Refused;
    let change = blocked.passive(origin, &record.check.id, refused, at);
    match change {
        Some(Change::Opened) => {
            tracing::warn!(%origin, "the origin refuses us after active work, which pauses");
        }
        Some(Change::Closed) => tracing::info!(%origin, "the origin serves us again"),
        Some(Change::Lapsed) => {
            tracing::info!(%origin, "active work goes on: no check that was refused is left");
        }
        Some(Change::Moved) | None => {}
    }
    if change.is_some() {
        store.block(origin, blocked.pause(origin).cloned());
    }
}
