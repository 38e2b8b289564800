//! The status document, written anew only where something changed.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::answer::{Answer, Mark};
use super::everything::{Everything, MANY, Row, shell};
use super::reports::Posted;
use crate::report::{self, Document, ServiceStatus, Totals};
use crate::score;
use crate::status::Status;
use crate::store::CheckState;

/// A document is written anew after this time even when nothing changed: waivers run out.
const FRESH: SignedDuration = SignedDuration::from_secs(30);

/// The document as it was written last.
#[derive(Default)]
pub(super) struct Written {
    states: Vec<Arc<CheckState>>,
    posted: Vec<Arc<Posted>>,
    location: String,
    at: Timestamp,
    body: Bytes,
    mark: Mark,
    /// Where each check stands in the body.
    places: Vec<Range<usize>>,
}

/// A service with the place from which it is looked at.
#[derive(Serialize)]
pub(super) struct Placed<'a> {
    pub(super) location: &'a str,
    #[serde(flatten)]
    pub(super) service: &'a ServiceStatus,
}

impl Written {
    /// The document of this moment.
    pub(super) fn write(&mut self, now: Everything) -> serde_json::Result<Answer> {
        if self.is_still(&now) {
            return Ok(Answer::written(self.body.clone()).marked(self.mark.clone()));
        }
        let shells: Vec<ServiceStatus> =
            now.services().map(|states| shell(states, now.at, &now.vault)).collect();
        let mut body = Vec::with_capacity(self.body.len() + self.body.len() / 8);
        open(&mut body, &head(&now, &shells))?;
        let mut places = Vec::with_capacity(now.states.len());
        let mut first = true;
        for (states, shell) in now.services().zip(&shells) {
            separate(&mut body, &mut first);
            open(&mut body, &Placed { location: &now.location, service: shell })?;
            let (mut first, mut rest) = (true, states);
            while let [state, others @ ..] = rest {
                separate(&mut body, &mut first);
                let start = body.len();
                let same = self.unchanged(places.len(), rest);
                if let [one, .., last] | [one @ last] = same {
                    // All that did not change in a row is copied at once, with what separates it.
                    body.extend_from_slice(&self.body[one.start..last.end]);
                    let shift = |place: usize| place - one.start + start;
                    places.extend(same.iter().map(|old| shift(old.start)..shift(old.end)));
                    rest = &rest[same.len()..];
                } else {
                    let check = report::check_of_state(state, &now.vault);
                    serde_json::to_writer(&mut body, &check)?;
                    places.push(start..body.len());
                    rest = others;
                }
            }
            body.extend_from_slice(b"]}");
        }
        for Posted { location, service } in now.posted.iter().map(|one| &**one) {
            separate(&mut body, &mut first);
            serde_json::to_writer(&mut body, &Placed { location, service })?;
        }
        body.extend_from_slice(b"]}");
        let body = Bytes::from(body);
        let Everything { states, posted, location, at, vault: _ } = now;
        if states.len() > MANY {
            *self = Self::default();
            return Ok(Answer::written(body));
        }
        let mark = if body == self.body { self.mark.clone() } else { Mark::fresh() };
        let answer = Answer::written(body.clone()).marked(mark.clone());
        *self = Self { states, posted, location, at, body, mark, places };
        Ok(answer)
    }

    fn is_still(&self, now: &Everything) -> bool {
        let age = now.at.duration_since(self.at);
        !self.body.is_empty()
            && SignedDuration::ZERO <= age
            && age < FRESH
            && self.location == now.location
            && same(&self.states, &now.states)
            && same(&self.posted, &now.posted)
    }

    /// Where the checks of a service from `index` on stand, as far as they are as they were.
    fn unchanged(&self, index: usize, states: &[Arc<CheckState>]) -> &[Range<usize>] {
        let before = self.states.get(index..).unwrap_or_default();
        // What is held here is not written to: the same place in memory is the same state.
        let same = before.iter().zip(states).take_while(|(one, other)| Arc::ptr_eq(one, other));
        self.places.get(index..index + same.count()).unwrap_or_default()
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
fn head(now: &Everything, shells: &[ServiceStatus]) -> Document {
    let services = || shells.iter().chain(now.posted.iter().map(|one| &one.service));
    let totals = count(services().count(), now.rows().map(Row::status));
    Document {
        status: Status::worst(services().map(|service| service.status)),
        score: score::of_estate(services().map(|service| service.score)),
        totals,
        ..report::document(Vec::new(), now.location.clone(), now.at)
    }
}

/// How many checks stand how.
pub(super) fn count(services: usize, statuses: impl Iterator<Item = Status>) -> Totals {
    let mut totals = Totals { services, ..Totals::default() };
    for status in statuses {
        totals.checks += 1;
        *match status {
            Status::Pass => &mut totals.pass,
            Status::Warn => &mut totals.warn,
            Status::Fail => &mut totals.fail,
            Status::Unknown => &mut totals.unknown,
            Status::Pending => &mut totals.pending,
        } += 1;
    }
    totals
}
