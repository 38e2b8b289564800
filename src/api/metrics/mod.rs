//! The page of metrics: the series of services and checks, and the daemon's own families.
//!
//! A page of a usual estate is kept, and only what changed of it is written anew. A very large
//! one is never held as a whole, but written while it is read.

mod kept;
mod streamed;

use std::sync::Arc;

use musterd_probes::measurement;
use musterd_probes::registry::Registration;
use prometheus::TextEncoder;

pub(super) use kept::Written;
pub(super) use streamed::stream;

use super::everything::{Everything, shell};
use crate::metrics::catalogue::{
    CHECK_INTERVAL, CHECK_LAST_PASS, CHECK_LAST_RUN, CHECK_RUNS, CHECK_STATUS, FINDING, Family,
    Kind, PROBE_DURATION, PROBE_SUCCESS,
};
use crate::metrics::checks;
use crate::metrics::exposition::{Exposition, Samples, Scope};
use crate::report::ServiceStatus;
use crate::store::CheckState;

/// What Prometheus 3 wants to read before anything else.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A family of checks, and how its lines are written.
#[derive(Clone, Copy)]
struct Column {
    family: Family,
    write: Write,
}

/// How the lines of a check are written.
#[derive(Clone, Copy)]
enum Write {
    /// From its state.
    State(OfState),
    /// From what it measured.
    Measured,
}

type OfState = fn(&mut Samples<'_>, &Scope, &CheckState);

impl Column {
    fn write(&self, samples: &mut Samples<'_>, scope: &Scope, state: &CheckState) {
        match self.write {
            Write::State(write) => write(samples, scope, state),
            Write::Measured => {
                let all = state.last.as_deref().into_iter().flat_map(|last| last.measured.iter());
                let of_family = all.filter(|(family, ..)| family.name == self.family.name);
                checks::measurement(samples, scope, of_family);
            }
        }
    }

    /// What stands in the family before the lines of checks: what policy itself found.
    fn begin(&self, samples: &mut Samples<'_>, shells: &[ServiceStatus]) {
        if self.family == FINDING {
            for shell in shells {
                let findings = shell.findings.iter().map(checks::kind);
                checks::counted(samples, &shell.name, "", findings);
            }
        }
    }
}

/// The families of checks, in the order of the page.
fn columns(states: &[Arc<CheckState>]) -> Vec<Column> {
    const OWN: [(Family, OfState); 8] = [
        (CHECK_STATUS, |samples, scope, state| {
            checks::statuses(samples, scope, state.damped.status);
        }),
        (CHECK_RUNS, |samples, scope, state| checks::runs(samples, scope, state.runs)),
        (CHECK_LAST_RUN, |samples, scope, state| {
            checks::time(samples, scope, state.last_run().map(|run| run.at()));
        }),
        (CHECK_LAST_PASS, |samples, scope, state| checks::time(samples, scope, state.last_pass())),
        (CHECK_INTERVAL, |samples, scope, state| {
            checks::duration(samples, scope, Some(state.check.interval.as_secs_f64()));
        }),
        (FINDING, |samples, _, state| {
            let open = state.damped.open.iter();
            let findings = open
                .map(|open| (open.finding.about.id, open.finding.severity, open.waived.is_some()));
            checks::counted(samples, &state.service.name, &state.check.id, findings);
        }),
        (PROBE_SUCCESS, |samples, scope, state| {
            checks::success(samples, scope, state.damped.status);
        }),
        (PROBE_DURATION, |samples, scope, state| {
            let took = state.last_run().map(|run| run.duration().as_secs_f64());
            checks::duration(samples, scope, took);
        }),
    ];
    let own = OWN.map(|(family, write)| Column { family, write: Write::State(write) });
    own.into_iter().chain(measured(states)).collect()
}

/// The families of measurements, in the order of their names.
fn measured(states: &[Arc<CheckState>]) -> impl Iterator<Item = Column> + use<> {
    let mut kinds: Vec<&'static Registration> = Vec::new();
    for state in states {
        if !kinds.iter().any(|kind| std::ptr::eq(*kind, state.check.kind)) {
            kinds.push(state.check.kind);
        }
    }
    let mut families: Vec<&'static measurement::Family> =
        kinds.iter().flat_map(|kind| kind.families).collect();
    families.sort_by_key(|family| family.name);
    families.dedup_by_key(|family| family.name);
    families.into_iter().map(|family| {
        let measurement::Family { name, help, labels } = *family;
        Column { family: Family { name, kind: Kind::Gauge, help, labels }, write: Write::Measured }
    })
}

fn scope(state: &CheckState) -> Scope {
    checks::scope(&state.service.name, &state.check.id, state.check.kind.name)
}

/// The services without their checks.
fn shells(now: &Everything) -> Vec<ServiceStatus> {
    now.services().map(|states| shell(states, now.at, &now.vault)).collect()
}

/// What stands before the families of checks.
fn head(page: &mut Exposition, shells: &[ServiceStatus]) {
    checks::build_info(page);
    checks::of_services(page, shells);
}

/// The families that the registry holds. One that stands on the page already is left out: a page
/// with both would be refused as a whole.
fn own_families(page: &mut Exposition, registry: &prometheus::Registry) {
    let mut families = registry.gather();
    families.retain(|family| !page.has(family.name()));
    match TextEncoder::new().encode_to_string(&families) {
        Ok(text) => page.append(&text),
        Err(error) => tracing::error!(%error, "the daemon's own metrics cannot be written"),
    }
}
