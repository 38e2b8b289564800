//! The page that is kept, and written anew only where something changed.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;

use super::{Column, columns, head, own_families, scope};
use crate::api::answer::{Answer, Mark};
use crate::api::estate::Estate;
use crate::api::everything::Everything;
use crate::metrics::exposition::{Exposition, Scope};
use crate::store::Store;

/// The page as it was written last.
#[derive(Default)]
pub(in crate::api) struct Written {
    estate: Estate,
    columns: Vec<Column>,
    page: Page,
    mark: Mark,
    /// Where the lines of each check begin on the page, family by family, and where the last end.
    places: HashMap<&'static str, Vec<usize>>,
}

/// A text that is served as it stands, without a copy.
#[derive(Clone, Default, PartialEq)]
struct Page(Arc<String>);

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Written {
    /// The page of this moment; `now` is asked for the time alone.
    pub(in crate::api) fn write(
        &mut self,
        now: &Everything,
        store: &dyn Store,
        registry: &prometheus::Registry,
    ) -> Answer {
        self.estate.renew(store, now.at, &now.vault);
        if self.estate.is_new() {
            self.columns = columns(self.estate.states());
            self.places.clear();
        }
        let mut page = Exposition::with_capacity(self.page.0.len() + self.page.0.len() / 8);
        head(&mut page, self.estate.shells());
        let changed = self.changed();
        let mut places = HashMap::new();
        for column in &self.columns {
            let new = self.column(column, &changed, &mut page);
            places.insert(column.family.name, new);
        }
        own_families(&mut page, registry);
        let page = Page(Arc::new(page.finish()));
        if page != self.page {
            self.mark = Mark::fresh();
        }
        (self.page, self.places) = (page.clone(), places);
        Answer::written(Bytes::from_owner(page)).marked(self.mark.clone())
    }

    /// The checks that are written anew, and their labels.
    fn changed(&self) -> Vec<(usize, Scope)> {
        let states = self.estate.states();
        self.estate.changed(0..states.len()).map(|index| (index, scope(&states[index]))).collect()
    }

    /// Writes a family, and says where the lines of each check stand.
    fn column(
        &self,
        column: &Column,
        changed: &[(usize, Scope)],
        page: &mut Exposition,
    ) -> Vec<usize> {
        let states = self.estate.states();
        let old = self.places.get(column.family.name).map_or(&[][..], Vec::as_slice);
        let mut new = Vec::with_capacity(states.len() + 1);
        page.filled(column.family, |samples| {
            column.begin(samples, self.estate.shells());
            new.push(samples.place());
            let mut next = 0;
            let end = states.len();
            let changed = changed.iter().map(|(index, scope)| (*index, Some(scope)));
            for (index, scope) in changed.chain([(end, None)]) {
                // All that did not change in a row is copied at once.
                if let Some(old @ [first, others @ ..]) = old.get(next..=index) {
                    let start = samples.place();
                    let lines = self.page.0.get(*first..old[old.len() - 1]);
                    samples.copy(lines.unwrap_or_default());
                    new.extend(others.iter().map(|place| place - first + start));
                }
                if let Some(scope) = scope {
                    column.write(samples, scope, &states[index]);
                    new.push(samples.place());
                }
                next = index + 1;
            }
        });
        new
    }
}
