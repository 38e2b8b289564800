//! What was told last of each check and of each service's policy, and what is to be told next.
//! Pure: time is an argument.
//!
//! News only says where to look. What is told follows from comparing how something stands with
//! what was told of it, so that nothing is lost when news are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::severity::Verdict;
use tokio::time::Instant;

use super::message::{Before, Change, Urgency, Writer};
use super::stand::{Stand, Topic};
use crate::config::Service;
use crate::status::Status;
use crate::store::{CheckState, News};

/// Changes of one service within so long go together.
pub(crate) const WINDOW: Duration = Duration::from_secs(5);

/// Everything that was told to be wrong and not yet to be over.
pub(crate) type Problems = BTreeMap<Arc<str>, Problem>;

/// What was told to be anything but well.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: Status,
    pub(crate) urgency: Urgency,
    pub(crate) since: Timestamp,
    pub(crate) service: Arc<Service>,
    pub(crate) topic: Topic,
}

impl Problem {
    fn of(stand: &Stand) -> Self {
        Self {
            status: stand.status,
            urgency: Urgency::of(stand.status, &stand.open),
            since: stand.since,
            service: Arc::clone(&stand.service),
            topic: stand.topic.clone(),
        }
    }

    /// A check that was restored with what was open, but whose status was too old to be believed:
    /// it was told before the restart.
    fn before_restart(state: &CheckState) -> Option<Self> {
        let stand = Stand::of(state);
        let counted = stand.open.iter().filter(|open| open.waived.is_none());
        let status = Verdict::of(counted.clone().map(|open| open.finding.severity)).into();
        if stand.status != Status::Pending || !is_problem(status) {
            return None;
        }
        let since = counted.map(|open| open.opened_at).min().unwrap_or(stand.since);
        Some(Self::of(&Stand { status, since, ..stand }))
    }

    /// It as what came before something else.
    pub(crate) fn before(&self) -> Before {
        Before { status: Some(self.status), urgency: Some(self.urgency), since: Some(self.since) }
    }
}

/// What was told before a restart although its status is not known any more.
pub(crate) fn before_restart(states: &[Arc<CheckState>]) -> Problems {
    let problem = |state: &Arc<CheckState>| {
        Some((Arc::clone(&state.check.id), Problem::before_restart(state)?))
    };
    states.iter().filter_map(problem).collect()
}

/// What of one service has to be looked at.
#[derive(Debug, Default)]
struct Group {
    /// With the status before, where news told it.
    topics: BTreeMap<Arc<str>, Option<Status>>,
}

/// What is gathered until its window is over.
#[derive(Debug)]
pub(crate) struct Gathering {
    /// What began before it had begun before a restart, and was told then.
    started: Timestamp,
    groups: BTreeMap<String, Group>,
    /// When each group's window is over, the next one first.
    due: VecDeque<(Instant, String)>,
}

/// What is to be told of one service.
#[derive(Debug)]
pub(crate) struct Telling {
    pub(crate) service: Arc<Service>,
    pub(crate) changes: Vec<Change>,
}

/// Whether a status is something to tell of.
const fn is_problem(status: Status) -> bool {
    match status {
        Status::Warn | Status::Fail | Status::Unknown => true,
        Status::Pass | Status::Pending => false,
    }
}

impl Gathering {
    /// Nothing yet.
    pub(crate) fn new(started: Timestamp) -> Self {
        Self { started, groups: BTreeMap::new(), due: VecDeque::new() }
    }

    /// Notes what a run did.
    pub(crate) fn hear(&mut self, news: &News, problems: &mut Problems, now: Instant) {
        let (id, service) = (&news.check.id, &news.service.name);
        // The first run after a start speaks of a problem that was told before it.
        let known = problems.contains_key(id) || self.is_gathered(service, id);
        let before = news.changed_from.unwrap_or(news.status);
        if !known && is_problem(before) {
            let problem = Problem {
                status: before,
                urgency: Urgency::of(before, &[]),
                since: news.run.at(),
                service: Arc::clone(&news.service),
                topic: Topic::Check(Arc::clone(&news.check)),
            };
            problems.insert(Arc::clone(id), problem);
        }
        if let Some(from) = news.changed_from {
            self.look_at(service, id, Some(from), now);
        }
    }

    /// Looks at everything: after a start, a reload, or when news were missed.
    pub(crate) fn resynchronise(
        &mut self,
        states: &[Arc<CheckState>],
        policies: &[Stand],
        problems: &mut Problems,
        now: Instant,
    ) {
        let mut gone: BTreeMap<Arc<str>, String> = problems
            .iter()
            .map(|(id, problem)| (Arc::clone(id), problem.service.name.clone()))
            .collect();
        for state in states {
            gone.remove(&state.check.id);
            let glance = Glance {
                service: &state.service.name,
                id: &state.check.id,
                status: state.damped.status,
                since: state.damped.since,
            };
            self.compare(&glance, || Problem::of(&Stand::of(state)), problems, now);
        }
        for stand in policies {
            let id = stand.topic.id();
            gone.remove(id);
            let glance = Glance {
                service: &stand.service.name,
                id,
                status: stand.status,
                since: stand.since,
            };
            self.compare(&glance, || Problem::of(stand), problems, now);
        }
        for (id, service) in gone {
            self.look_at(&service, &id, None, now);
        }
    }

    /// Looks closer where something does not stand as it was told.
    fn compare(
        &mut self,
        glance: &Glance<'_>,
        problem: impl FnOnce() -> Problem,
        problems: &mut Problems,
        now: Instant,
    ) {
        let Glance { service, id, status, since } = *glance;
        match problems.get_mut(id) {
            // Labels, or what is waived, may have changed with a reload.
            Some(told) if told.status == status => *told = problem(),
            None if !is_problem(status) || self.is_gathered(service, id) => {}
            None if since < self.started => {
                problems.insert(Arc::clone(id), problem());
            }
            Some(_) | None => self.look_at(service, id, None, now),
        }
    }

    fn is_gathered(&self, service: &str, id: &str) -> bool {
        self.groups.get(service).is_some_and(|group| group.topics.contains_key(id))
    }

    fn look_at(&mut self, service: &str, id: &Arc<str>, from: Option<Status>, now: Instant) {
        if !self.groups.contains_key(service) {
            self.due.push_back((now + WINDOW, service.to_owned()));
        }
        let group = self.groups.entry(service.to_owned()).or_default();
        group.topics.entry(Arc::clone(id)).or_insert(from);
    }

    /// When the next window is over.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.front().map(|(due, _)| *due)
    }

    /// What is to be told of the next service whose window is over, all of them when `now` is
    /// `None`. It counts as told with this.
    pub(crate) fn next(
        &mut self,
        now: Option<Instant>,
        problems: &mut Problems,
        look: impl Fn(&str) -> Option<Stand>,
        writer: &Writer,
        at: Timestamp,
    ) -> Option<Telling> {
        loop {
            let due = self.next_due()?;
            if now.is_some_and(|now| due > now) {
                return None;
            }
            let (_, name) = self.due.pop_front()?;
            let group = self.groups.remove(&name).unwrap_or_default();
            let mut telling: Option<Telling> = None;
            for (id, from) in group.topics {
                let stand = look(&id);
                let told = problems.get(&id).cloned();
                let service = stand.as_ref().map(|stand| Arc::clone(&stand.service));
                let service = service.or(told.as_ref().map(|told| Arc::clone(&told.service)));
                let change = tell(&id, stand.as_ref(), told, from, problems, writer, at);
                if let (Some(change), Some(service)) = (change, service) {
                    let telling =
                        telling.get_or_insert_with(|| Telling { service, changes: Vec::new() });
                    telling.changes.push(change);
                }
            }
            if telling.is_some() {
                return telling;
            }
        }
    }
}

/// How something stands, in short.
#[derive(Clone, Copy)]
struct Glance<'a> {
    service: &'a str,
    id: &'a Arc<str>,
    status: Status,
    since: Timestamp,
}

/// What is to be told of something: nothing when it stands as it was told.
fn tell(
    id: &Arc<str>,
    stand: Option<&Stand>,
    told: Option<Problem>,
    from: Option<Status>,
    problems: &mut Problems,
    writer: &Writer,
    at: Timestamp,
) -> Option<Change> {
    let Some(stand) = stand else {
        let told = told?;
        problems.remove(id);
        return Some(writer.gone(&told.topic, told.before(), at.max(told.since)));
    };
    match (told, stand.status) {
        (_, Status::Pending) | (None, Status::Pass) => None,
        (Some(told), Status::Pass) => {
            problems.remove(id);
            Some(writer.change(stand, told.before()))
        }
        (Some(told), status) if told.status == status => None,
        (told, Status::Warn | Status::Fail | Status::Unknown) => {
            problems.insert(Arc::clone(id), Problem::of(stand));
            let from = from.filter(|from| *from != Status::Pending);
            let unknown = Before { status: from, ..Before::default() };
            Some(writer.change(stand, told.map_or(unknown, |told| told.before())))
        }
    }
}
