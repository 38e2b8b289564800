//! The page that is kept, and written anew only where something changed.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;

use super::{Column, columns, head, own_families, scope, shells};
use crate::api::answer::{Answer, Mark};
use crate::api::everything::Everything;
use crate::metrics::exposition::{Exposition, Scope};
use crate::report::ServiceStatus;
use crate::store::CheckState;

/// The page as it was written last.
#[derive(Default)]
pub(in crate::api) struct Written {
    states: Vec<Arc<CheckState>>,
    page: Bytes,
    mark: Mark,
    /// Where the lines of each check begin on the page, family by family, and where the last end.
    places: HashMap<&'static str, Vec<usize>>,
}

impl Written {
    /// The page of this moment.
    pub(in crate::api) fn write(
        &mut self,
        now: Everything,
        registry: &prometheus::Registry,
    ) -> Answer {
        let mut page = Exposition::with_capacity(self.page.len() + self.page.len() / 8);
        let shells = shells(&now);
        head(&mut page, &shells);
        let fresh = self.fresh(&now);
        let mut places = HashMap::new();
        for column in columns(&now) {
            let new = self.column(&column, &now, &shells, &fresh, &mut page);
            places.insert(column.family.name, new);
        }
        own_families(&mut page, registry);
        let page = Bytes::from(page.finish());
        let mark = if page == self.page { self.mark.clone() } else { Mark::fresh() };
        let answer = Answer::written(page.clone()).marked(mark.clone());
        *self = Self { states: now.states, page, mark, places };
        answer
    }

    /// The labels of what is written anew; `None` for what is as it was.
    fn fresh(&self, now: &Everything) -> Vec<Option<Scope>> {
        let fresh = |(index, state): (usize, &Arc<CheckState>)| {
            // What is held here is not written to: the same place in memory is the same state.
            let same = self.states.get(index).is_some_and(|before| Arc::ptr_eq(before, state));
            (!same).then(|| scope(state))
        };
        now.states.iter().enumerate().map(fresh).collect()
    }

    /// Writes a family, and says where the lines of each check stand.
    fn column(
        &self,
        column: &Column,
        now: &Everything,
        shells: &[ServiceStatus],
        fresh: &[Option<Scope>],
        page: &mut Exposition,
    ) -> Vec<usize> {
        let old = self.places.get(column.family.name).map_or(&[][..], Vec::as_slice);
        let mut new = Vec::with_capacity(fresh.len() + 1);
        page.filled(column.family, |samples| {
            column.begin(samples, shells);
            new.push(samples.place());
            let mut index = 0;
            while index < fresh.len() {
                if let Some(scope) = &fresh[index] {
                    column.write(samples, scope, &now.states[index]);
                    new.push(samples.place());
                    index += 1;
                    continue;
                }
                // All that did not change in a row is copied at once.
                let rest = &fresh[index..];
                let end = index + rest.iter().position(Option::is_some).unwrap_or(rest.len());
                let start = samples.place();
                if let Some(old @ [first, others @ ..]) = old.get(index..=end) {
                    let lines = self.page.get(*first..old[old.len() - 1]).unwrap_or_default();
                    samples.copy(std::str::from_utf8(lines).unwrap_or_default());
                    new.extend(others.iter().map(|place| place - first + start));
                } else {
                    new.extend(std::iter::repeat_n(start, end - index));
                }
                index = end;
            }
        });
        new
    }
}
