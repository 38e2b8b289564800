//! Whether an origin turned against us.

use std::collections::HashSet;
use std::sync::Arc;

use musterd_probes::impact::Impact;
use musterd_probes::net::origin::Origin;

use crate::runner::{Outcome, Record};
use crate::schedule::blocked::{Blocked, Change};
use crate::schedule::slot::Slot;
use crate::store::Store;

/// Notes what a run says of whether its origin turned against us.
pub(super) fn note_refusals(
    blocked: &mut Blocked,
    worked_on: &HashSet<Arc<str>>,
    store: &dyn Store,
    slot: &Slot,
    record: &Record,
) {
    let Some(origin) = Origin::of(&slot.service.target.url) else { return };
    let origin = Arc::<str>::from(origin.to_string());
    if record.check.probe.impact() > Impact::Passive {
        blocked.active(&origin, record.at);
        return;
    }
    // Without active work no origin can turn against us.
    let concerned = worked_on.contains(&origin) || blocked.knows(&origin);
    if !concerned || matches!(record.outcome, Outcome::Blind(_)) {
        return;
    }
    let change = blocked.passive(&origin, &record.check.id, record.refused, record.at);
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
        store.block(&origin, blocked.pause(&origin).cloned());
    }
}
