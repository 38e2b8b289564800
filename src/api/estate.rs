//! What a page that is kept knows of all services, renewed only where something changed.

use std::ops::Range;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::secret::Vault;

use super::everything::{self, by_service};
use crate::report::{ServiceStatus, Totals};
use crate::store::{CheckState, Store, View};

/// Services are looked at anew after this time even when no check changed: waivers run out.
const FRESH: SignedDuration = SignedDuration::from_secs(30);

/// All services, as a page was written of them last.
#[derive(Default)]
pub(super) struct Estate {
    view: View,
    parts: Vec<Part>,
    shells: Vec<ServiceStatus>,
    /// When all services were looked at.
    at: Timestamp,
}

/// The checks of one service.
pub(super) struct Part {
    /// Where they stand among all checks.
    pub(super) checks: Range<usize>,
    pub(super) totals: Totals,
    /// Whether the service or any of them changed.
    pub(super) changed: bool,
}

impl Estate {
    /// Brings it up to date, and says whether anything changed.
    pub(super) fn renew(&mut self, store: &dyn Store, at: Timestamp, vault: &Vault) -> bool {
        let Self { view, parts, shells, at: looked } = self;
        store.renew(view);
        let age = at.duration_since(*looked);
        let mut all = age < SignedDuration::ZERO || age >= FRESH;
        if view.is_new() {
            all = true;
            shells.clear();
            parts.clear();
            let mut end = 0;
            parts.extend(by_service(view.states()).map(|states| {
                let start = end;
                end += states.len();
                Part { checks: start..end, totals: Totals::default(), changed: true }
            }));
        }
        if all {
            *looked = at;
        }
        for (index, part) in parts.iter_mut().enumerate() {
            part.changed = all || view.changed(part.checks.clone()).next().is_some();
            if !part.changed {
                continue;
            }
            let states = &view.states()[part.checks.clone()];
            part.totals = Totals::of(1, states.iter().map(|state| state.damped.status));
            let shell = everything::shell(states, at, vault);
            match shells.get_mut(index) {
                Some(known) => *known = shell,
                None => shells.push(shell),
            }
        }
        view.is_new() || parts.iter().any(|part| part.changed)
    }

    /// Whether other checks are looked at than before, or all of them may have changed.
    pub(super) fn is_new(&self) -> bool {
        self.view.is_new()
    }

    /// Every check, in the order of the configuration.
    pub(super) fn states(&self) -> &[Arc<CheckState>] {
        self.view.states()
    }

    /// Which of these checks changed.
    pub(super) fn changed(&self, among: Range<usize>) -> impl Iterator<Item = usize> {
        self.view.changed(among)
    }

    /// The services without their checks.
    pub(super) fn shells(&self) -> &[ServiceStatus] {
        &self.shells
    }

    /// The checks of each service.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}
