//! The page of metrics: the series of checks, written anew only where something changed, and the
//! daemon's own families.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use musterd_probes::measurement;
use prometheus::TextEncoder;

use super::everything::{Everything, shell};
use crate::metrics::catalogue::{
    CHECK_LAST_PASS, CHECK_LAST_RUN, CHECK_RUNS, CHECK_STATUS, FINDING, Family, Kind,
    PROBE_DURATION, PROBE_SUCCESS,
};
use crate::metrics::checks;
use crate::metrics::exposition::{Exposition, Samples, Scope};
use crate::report::{self, CheckStatus, ServiceStatus};
use crate::store::CheckState;

/// What Prometheus 3 wants to read before anything else.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// No longer page is kept.
const LONGEST_KEPT: usize = 64 * 1024 * 1024;

/// The page as it was written last.
#[derive(Default)]
pub(super) struct Written {
    states: Vec<Arc<CheckState>>,
    page: Bytes,
    /// Where the lines of each check begin on the page, family by family, and where the last end.
    places: HashMap<&'static str, Vec<usize>>,
}

/// A check whose lines are written anew.
struct Fresh {
    scope: Scope,
    check: CheckStatus,
}

/// A page in the making.
struct Writing<'a> {
    before: &'a Written,
    now: &'a Everything,
    /// `None` for what is as it was.
    fresh: Vec<Option<Fresh>>,
    page: Exposition,
    places: HashMap<&'static str, Vec<usize>>,
}

impl Written {
    /// The page of this moment.
    pub(super) fn write(&mut self, now: Everything, registry: &prometheus::Registry) -> Bytes {
        let shells: Vec<ServiceStatus> =
            now.services().map(|states| shell(states, now.at, &now.vault)).collect();
        let mut writing = Writing::of(self, &now);
        writing.services(&shells);
        writing.checks(&shells);
        writing.measured();
        let Writing { mut page, places, .. } = writing;
        own_families(&mut page, registry);
        let page = Bytes::from(page.finish());
        *self = if page.len() > LONGEST_KEPT {
            Self::default()
        } else {
            Self { states: now.states, page: page.clone(), places }
        };
        page
    }
}

impl<'a> Writing<'a> {
    fn of(before: &'a Written, now: &'a Everything) -> Self {
        let fresh = |(index, state): (usize, &Arc<CheckState>)| {
            // What is held here is not written to: the same place in memory is the same state.
            if before.states.get(index).is_some_and(|before| Arc::ptr_eq(before, state)) {
                return None;
            }
            let check = report::check_of_state(state, &now.vault);
            Some(Fresh { scope: checks::scope(&state.service.name, &check), check })
        };
        Self {
            fresh: now.states.iter().enumerate().map(fresh).collect(),
            page: Exposition::with_capacity(before.page.len() + before.page.len() / 8),
            places: HashMap::new(),
            before,
            now,
        }
    }

    fn services(&mut self, shells: &[ServiceStatus]) {
        checks::build_info(&mut self.page);
        checks::of_services(&mut self.page, shells);
    }

    fn checks(&mut self, shells: &[ServiceStatus]) {
        self.family(CHECK_STATUS, |samples, _, fresh| {
            checks::status(samples, &fresh.scope, &fresh.check);
        });
        self.family(CHECK_RUNS, |samples, state, fresh| {
            checks::runs(samples, &fresh.scope, state.runs);
        });
        self.family(CHECK_LAST_RUN, |samples, _, fresh| {
            checks::last_run(samples, &fresh.scope, &fresh.check);
        });
        self.family(CHECK_LAST_PASS, |samples, state, fresh| {
            checks::last_pass(samples, &fresh.scope, state.last_pass);
        });
        let of_policy = |samples: &mut Samples<'_>| {
            for shell in shells {
                checks::counted(samples, &shell.name, "", &shell.findings);
            }
        };
        self.family_after(FINDING, of_policy, |samples, state, Fresh { check, .. }| {
            checks::counted(samples, &state.service.name, &check.id, &check.findings);
        });
        self.family(PROBE_SUCCESS, |samples, _, fresh| {
            checks::success(samples, &fresh.scope, &fresh.check);
        });
        self.family(PROBE_DURATION, |samples, _, fresh| {
            checks::duration(samples, &fresh.scope, &fresh.check);
        });
    }

    /// What the probes measured, in the order of the families' names.
    fn measured(&mut self) {
        let mut kinds: Vec<&'static musterd_probes::registry::Registration> = Vec::new();
        for state in &self.now.states {
            if !kinds.iter().any(|kind| std::ptr::eq(*kind, state.check.kind)) {
                kinds.push(state.check.kind);
            }
        }
        let mut families: Vec<&'static measurement::Family> =
            kinds.iter().flat_map(|kind| kind.families).collect();
        families.sort_by_key(|family| family.name);
        families.dedup_by_key(|family| family.name);
        for family in families {
            let measurement::Family { name, help, labels } = *family;
            self.family(
                Family { name, kind: Kind::Gauge, help, labels },
                |samples, state, fresh| {
                    let all = state.last.as_deref().map_or(&[][..], |last| &last.measurements);
                    let of_family = all.iter().filter(|one| one.family.name == name);
                    checks::measurement(samples, &fresh.scope, of_family);
                },
            );
        }
    }

    fn family(&mut self, family: Family, write: impl Fn(&mut Samples<'_>, &CheckState, &Fresh)) {
        self.family_after(family, |_| {}, write);
    }

    /// Writes a family: first what stands before the checks, then each check's lines, or what
    /// they were.
    fn family_after(
        &mut self,
        family: Family,
        first: impl FnOnce(&mut Samples<'_>),
        write: impl Fn(&mut Samples<'_>, &CheckState, &Fresh),
    ) {
        let Self { before, now, fresh, page, places } = self;
        let old = before.places.get(family.name).map_or(&[][..], Vec::as_slice);
        let mut new = Vec::with_capacity(fresh.len() + 1);
        page.filled(family, |samples| {
            first(samples);
            new.push(samples.place());
            let mut index = 0;
            while index < fresh.len() {
                if let Some(one) = &fresh[index] {
                    write(samples, &now.states[index], one);
                    new.push(samples.place());
                    index += 1;
                    continue;
                }
                // All that did not change in a row is copied at once.
                let rest = &fresh[index..];
                let end = index + rest.iter().position(Option::is_some).unwrap_or(rest.len());
                let start = samples.place();
                if let Some(old) = old.get(index..=end) {
                    let lines = before.page.get(old[0]..old[old.len() - 1]).unwrap_or_default();
                    samples.copy(std::str::from_utf8(lines).unwrap_or_default());
                    new.extend(old[1..].iter().map(|place| place - old[0] + start));
                } else {
                    new.extend(std::iter::repeat_n(start, end - index));
                }
                index = end;
            }
        });
        places.insert(family.name, new);
    }
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
