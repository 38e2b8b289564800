//! A configuration is taken over.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use musterd_probes::net::origin::Origin;
use tokio::time::Instant;

use super::Engine;
use super::due::until;
use crate::config::{Check, Config, Service};
use crate::runner;
use crate::schedule::admission::Line;
use crate::schedule::blocked::Lookers;
use crate::schedule::phase::Grid;
use crate::schedule::slot::{Slot, Work};
use crate::schedule::waivers::Waivers;
use crate::store::Watched;

impl Engine {
    /// Takes over a configuration: checks that stay keep their place on the grid and what is in
    /// flight; new ones join with a ramp.
    pub(super) fn adopt(&mut self, config: &Config) {
        let now = self.clock.now();
        self.network = Arc::new((self.make_network)(config).after(&self.network));
        let moved = *self.location != *config.location;
        self.location = config.location.as_str().into();
        let watched: Vec<Watched> = config
            .checks()
            .map(|(service, check)| Watched {
                service: Arc::clone(service),
                check: Arc::clone(check),
            })
            .collect();
        self.store.adopt(&watched, now);

        // Of a check that was gone for a while, a run may still go on.
        let mut at_work: HashMap<Arc<str>, Work> = HashMap::new();
        let running = self.in_flight.values().map(|run| (Arc::clone(&run.check.id), Work::Runs));
        let waiting = self.admission.waiting().map(|run| (Arc::clone(&run.check), Work::Waits));
        at_work.extend(waiting.chain(running));
        let mut before = std::mem::take(&mut self.slots);
        let (mut new, mut busy, mut lines) = (Vec::new(), Vec::new(), Lines::default());
        self.slots.reserve(watched.len());
        for Watched { service, check } in watched {
            let grid = Grid::new(&check.id, &self.location, check.interval);
            let line = lines.of(&service, &check);
            let id = Arc::clone(&check.id);
            if let Some(old) = before.get(&id) {
                service.target.follow(&old.service.target);
            }
            let slot = match before.remove(&id) {
                Some(old) if !moved && old.grid == grid && old.check.identity == check.identity => {
                    Slot { service, check, line, ..*old }
                }
                _ => {
                    let work = at_work.get(&id).copied().unwrap_or(Work::Idle);
                    // What is at work for it already is awaited.
                    if work == Work::Idle { &mut new } else { &mut busy }.push(Arc::clone(&id));
                    Slot::new(service, check, grid, line, work)
                }
            };
            self.slots.insert(id, Box::new(slot));
        }
        self.waivers = Waivers::of(&config.services, now);
        self.meters.adopt(&config.services);
        let worked_on = self.slots.values().filter_map(|slot| match &*slot.line {
            Line::Alone(origin) if slot.is_active() => Some(Arc::clone(origin)),
            Line::Alone(_) | Line::Host(_) => None,
        });
        self.worked_on = worked_on.collect();
        for origin in self.blocked.keep(&self.lookers()) {
            tracing::info!(%origin, "nobody looks any more whether the origin refuses us");
            self.store.block(&origin, None);
        }
        for (origin, pause) in self.blocked.pauses() {
            self.store.block(origin, Some(pause.clone()));
        }
        self.ramp(new, now);
        for id in busy {
            let on_grid = until(now, self.slots[&id].grid.next(now));
            self.plan(&id, Instant::now() + on_grid, now, true);
        }
    }

    /// Who can tell of the origins that something is known of whether they refuse us.
    fn lookers(&self) -> Lookers {
        let mut lookers = Lookers::new();
        for slot in self.slots.values() {
            let Some(origin) = Origin::of(&slot.service.target.url) else { continue };
            let origin = origin.to_string();
            if self.blocked.knows(&origin) {
                let checks = lookers.entry(origin.into()).or_default();
                if !slot.is_active() {
                    checks.insert(Arc::clone(&slot.check.id));
                }
            }
        }
        lookers
    }
}

/// The lines of a configuration, each held once.
#[derive(Default)]
struct Lines(HashSet<Arc<Line>>);

impl Lines {
    /// Where a check's runs wait: what is not to be disturbed goes one at a time for each origin, in
    /// a line of its own, because it may wait for long and keeps no permit of its host meanwhile.
    fn of(&mut self, service: &Service, check: &Check) -> Arc<Line> {
        let url = &service.target.url;
        let line = match Origin::of(url) {
            Some(origin) if runner::goes_alone(check, check.impact()) => {
                Line::Alone(origin.to_string().into())
            }
            _ => Line::Host(url.host_str().unwrap_or_default().into()),
        };
        if let Some(known) = self.0.get(&line) {
            return Arc::clone(known);
        }
        let line = Arc::new(line);
        self.0.insert(Arc::clone(&line));
        line
    }
}
