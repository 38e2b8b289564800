//! The status document, written anew only where something changed.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Bytes;
use serde::Serialize;

use super::answer::{Answer, Mark};
use super::estate::{Estate, Part};
use super::everything::{Everything, MANY, Row};
use super::reports::Posted;
use crate::report::{self, Document, ServiceStatus, Totals};
use crate::score;
use crate::status::Status;
use crate::store::Store;

/// The document as it was written last.
#[derive(Default)]
pub(super) struct Written {
    estate: Estate,
    posted: Vec<Arc<Posted>>,
    location: String,
    text: Text,
    mark: Mark,
}

/// A text, and where everything stands in it.
#[derive(Default)]
struct Text {
    body: Bytes,
    /// Each service.
    services: Vec<Range<usize>>,
    /// Each check, from where its service begins.
    checks: Vec<Range<usize>>,
}

/// A text that is being written, from the one before as far as that still holds.
struct Writer<'a> {
    before: Option<&'a Text>,
    estate: &'a Estate,
    now: &'a Everything,
    body: Vec<u8>,
    services: Vec<Range<usize>>,
    checks: Vec<Range<usize>>,
}

/// A service with the place from which it is looked at.
#[derive(Serialize)]
pub(super) struct Placed<'a> {
    pub(super) location: &'a str,
    #[serde(flatten)]
    pub(super) service: &'a ServiceStatus,
}

impl Written {
    /// The document of this moment; `now` has what others posted.
    pub(super) fn write(
        &mut self,
        now: Everything,
        store: &dyn Store,
    ) -> serde_json::Result<Answer> {
        let changed = self.estate.renew(store, now.at, &now.vault);
        let same_place = self.location == now.location;
        if !changed && same_place && same(&self.posted, &now.posted) {
            return Ok(Answer::written(self.text.body.clone()).marked(self.mark.clone()));
        }
        let before = (same_place && !self.estate.is_new()).then_some(&self.text);
        let text = match Writer::new(before, &self.estate, &now).write() {
            Ok(text) => text,
            Err(error) => {
                // What was found changed is not found again.
                *self = Self::default();
                return Err(error);
            }
        };
        if self.estate.states().len() > MANY {
            *self = Self::default();
            return Ok(Answer::written(text.body));
        }
        let Everything { posted, location, .. } = now;
        (self.posted, self.location, self.text, self.mark) =
            (posted, location, text, Mark::fresh());
        Ok(Answer::written(self.text.body.clone()).marked(self.mark.clone()))
    }
}

impl<'a> Writer<'a> {
    /// With the text before, where it is of the same checks.
    fn new(before: Option<&'a Text>, estate: &'a Estate, now: &'a Everything) -> Self {
        let room = before.map_or(0, |before| before.body.len());
        Self {
            before,
            estate,
            now,
            body: Vec::with_capacity(room + room / 8),
            services: Vec::with_capacity(estate.parts().len()),
            checks: Vec::with_capacity(estate.states().len()),
        }
    }

    fn write(mut self) -> serde_json::Result<Text> {
        open(&mut self.body, &head(self.now, self.estate))?;
        let mut first = true;
        for (index, part) in self.estate.parts().iter().enumerate() {
            separate(&mut self.body, &mut first);
            match self.before {
                Some(before) if !part.changed => self.copy_service(before, index, part),
                _ => self.service(index, part)?,
            }
        }
        for Posted { location, service } in self.now.posted.iter().map(|one| &**one) {
            separate(&mut self.body, &mut first);
            serde_json::to_writer(&mut self.body, &Placed { location, service })?;
        }
        self.body.extend_from_slice(b"]}");
        Ok(Text { body: self.body.into(), services: self.services, checks: self.checks })
    }

    /// A service of which nothing changed.
    fn copy_service(&mut self, before: &Text, index: usize, part: &Part) {
        let start = self.body.len();
        self.body.extend_from_slice(&before.body[before.services[index].clone()]);
        self.services.push(start..self.body.len());
        self.checks.extend_from_slice(&before.checks[part.checks.clone()]);
    }

    fn service(&mut self, index: usize, part: &Part) -> serde_json::Result<()> {
        let start = self.body.len();
        let Everything { location, vault, .. } = self.now;
        open(&mut self.body, &Placed { location, service: &self.estate.shells()[index] })?;
        let mut first = true;
        let mut next = part.checks.start;
        let changed: Vec<usize> = match self.before {
            Some(_) => self.estate.changed(part.checks.clone()).collect(),
            None => part.checks.clone().collect(),
        };
        for check in changed {
            self.copy_checks(start, index, next..check, &mut first);
            separate(&mut self.body, &mut first);
            let place = self.body.len();
            let status = report::check_of_state(&self.estate.states()[check], vault);
            serde_json::to_writer(&mut self.body, &status)?;
            self.checks.push(place - start..self.body.len() - start);
            next = check + 1;
        }
        self.copy_checks(start, index, next..part.checks.end, &mut first);
        self.body.extend_from_slice(b"]}");
        self.services.push(start..self.body.len());
        Ok(())
    }

    /// Checks in a row that did not change, at once with what separates them.
    fn copy_checks(&mut self, start: usize, service: usize, row: Range<usize>, first: &mut bool) {
        let Some(before) = self.before else { return };
        let places = &before.checks[row];
        let [Range { start: begin, .. }, ..] = *places else { return };
        let end = places[places.len() - 1].end;
        separate(&mut self.body, first);
        let place = self.body.len() - start;
        let text = &before.body[before.services[service].clone()];
        self.body.extend_from_slice(&text[begin..end]);
        let shifted = places.iter().map(|old| old.start - begin + place..old.end - begin + place);
        self.checks.extend(shifted);
    }
}

fn same<T>(one: &[Arc<T>], other: &[Arc<T>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(one, other))
}

fn separate(out: &mut Vec<u8>, first: &mut bool) {
    if !std::mem::take(first) {
        out.push(b',');
    }
}

/// Writes something that ends with an empty list, and leaves the list open.
fn open<T: Serialize>(out: &mut Vec<u8>, value: &T) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    debug_assert!(out.ends_with(b"[]}"), "what is filled stands last");
    out.truncate(out.len() - 2);
    Ok(())
}

/// The document without its services.
fn head(now: &Everything, estate: &Estate) -> Document {
    let services = || estate.shells().iter().chain(now.posted.iter().map(|one| &one.service));
    let others = Totals::of(now.posted.len(), now.rows().map(Row::status));
    let totals = estate.parts().iter().fold(others, |sum, part| sum + part.totals);
    Document {
        status: Status::worst(services().map(|service| service.status)),
        score: score::of_estate(services().map(|service| service.score)),
        totals,
        ..report::document(Vec::new(), now.location.clone(), now.at)
    }
}
