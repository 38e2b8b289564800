//! What has to be looked at, and what is to be told of it to somebody who was told something
//! before. Pure: time is an argument.
//!
//! News only says where to look. What is told follows from comparing how something stands with
//! what a receiver was told of it, so that nothing is lost when news or messages are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::message::{Before, Change, Writer};
use super::problem::{Problem, Problems, Whose};
use super::stand::{Stand, is_from_before};
use crate::status::Status;
use crate::store::{CheckState, News};

/// Changes of one service within so long go together.
pub(crate) const WINDOW: Duration = Duration::from_secs(5);

/// What of one service has to be looked at, with the status before where news told it.
pub(crate) type Topics = BTreeMap<Arc<str>, Option<Status>>;

/// What is gathered until its window is over.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    groups: BTreeMap<String, Topics>,
    /// When each group's window is over, the next one first.
    due: VecDeque<(Instant, String)>,
}

/// What is to be told of one service.
#[derive(Debug)]
pub(crate) struct Telling {
    pub(crate) whose: Arc<Whose>,
    pub(crate) changes: Vec<Change>,
}

impl Gathering {
    /// Notes what a run did.
    pub(crate) fn hear(&mut self, news: &News, now: Instant) {
        if let Some(from) = news.changed_from {
            self.look_at(&news.service.name, &news.check.id, Some(from), now);
        }
    }

    /// Looks at everything that does not stand as somebody was told: after a start, a reload, or
    /// when news or messages were lost.
    pub(crate) fn resynchronise(
        &mut self,
        states: &[Arc<CheckState>],
        policies: &[Stand],
        said: &Problems,
        now: Instant,
    ) {
        let mut gone: BTreeMap<&Arc<str>, &Problem> = said.iter().collect();
        for state in states {
            let id = &state.check.id;
            let told = gone.remove(id);
            let glance = Glance {
                status: state.damped.status,
                since: state.damped.since,
                from_before: is_from_before(state),
            };
            if glance.differs(told) {
                self.look_at(&state.service.name, id, None, now);
            }
        }
        for stand in policies {
            let id = stand.topic.id();
            let told = gone.remove(id);
            if Glance::of(stand).differs(told) {
                self.look_at(&stand.service.name, id, None, now);
            }
        }
        for (id, problem) in gone {
            self.look_at(&problem.whose.service, id, None, now);
        }
    }

    fn look_at(&mut self, service: &str, id: &Arc<str>, from: Option<Status>, now: Instant) {
        if !self.groups.contains_key(service) {
            self.due.push_back((now + WINDOW, service.to_owned()));
        }
        let group = self.groups.entry(service.to_owned()).or_default();
        group.entry(Arc::clone(id)).or_insert(from);
    }

    /// When the next window is over.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.front().map(|(due, _)| *due)
    }

    /// The next service whose window is over, any of them when `now` is `None`, and what of it has
    /// to be looked at.
    pub(crate) fn next(&mut self, now: Option<Instant>) -> Option<(String, Topics)> {
        let due = self.next_due()?;
        if now.is_some_and(|now| due > now) {
            return None;
        }
        let (_, name) = self.due.pop_front()?;
        let topics = self.groups.remove(&name).unwrap_or_default();
        Some((name, topics))
    }
}

/// How something stands, in short.
#[derive(Clone, Copy)]
struct Glance {
    status: Status,
    since: Timestamp,
    from_before: bool,
}

impl Glance {
    fn of(stand: &Stand) -> Self {
        Self { status: stand.status, since: stand.since, from_before: stand.from_before }
    }

    /// Whether something stands otherwise than it was told.
    fn differs(self, told: Option<&Problem>) -> bool {
        match (told, self.status) {
            (_, Status::Pending) | (None, Status::Pass) => false,
            (None, Status::Warn | Status::Fail | Status::Unknown) => true,
            // A crash keeps what was told and loses the last statuses: how something stood
            // before a problem is not its end.
            (Some(told), _) if self.from_before && self.since < told.since => false,
            (Some(told), status) => told.status != status,
        }
    }
}

/// What of a service is to be told to somebody who was said so much: nothing when everything
/// stands as it was told.
pub(crate) fn telling(
    topics: &Topics,
    stands: &BTreeMap<Arc<str>, Stand>,
    said: &Problems,
    writer: &Writer,
    at: Timestamp,
) -> Option<Telling> {
    let mut telling: Option<Telling> = None;
    for (id, from) in topics {
        let (stand, told) = (stands.get(id), said.get(id));
        let Some(change) = change(id, stand, told, *from, writer, at) else { continue };
        let whose = || match (stand, told) {
            (Some(stand), _) => Some(Arc::new(Whose::of(&stand.service))),
            (None, told) => told.map(|told| Arc::clone(&told.whose)),
        };
        match &mut telling {
            Some(telling) => telling.changes.push(change),
            None => telling = whose().map(|whose| Telling { whose, changes: vec![change] }),
        }
    }
    telling
}

fn change(
    id: &Arc<str>,
    stand: Option<&Stand>,
    told: Option<&Problem>,
    from: Option<Status>,
    writer: &Writer,
    at: Timestamp,
) -> Option<Change> {
    let Some(stand) = stand else {
        let told = told?;
        return Some(writer.gone(&told.topic(id), told.before(), at.max(told.since)));
    };
    let known =
        Before { status: from.filter(|from| *from != Status::Pending), ..Before::default() };
    let before = told.map_or(known, Problem::before);
    Glance::of(stand).differs(told).then(|| writer.change(stand, before))
}
