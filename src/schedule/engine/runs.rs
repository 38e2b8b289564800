//! Runs wait for their turn, start and end.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::impact::Impact;
use musterd_probes::net::origin::Origin;
use tokio::task::{Id, JoinError};
use tokio::time::Instant;

use super::Engine;
use super::due::until;
use super::refusals::note_refusals;
use crate::config::Check;
use crate::runner::{self, Order, Record};
use crate::schedule::admission::{Admission, Line};
use crate::schedule::meters::{Meters, Shed};
use crate::schedule::missed;
use crate::schedule::slot::{Slot, Work};
use crate::store::Store;

/// A run that waited for its turn for longer than this is not made any more, whatever its interval.
const LATEST: Duration = Duration::from_mins(1);

/// A run waits for a limiter's window for a part of its check's interval, and no longer than this.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// A run that waits for its turn.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) check: Arc<str>,
    line: Arc<Line>,
    due: Instant,
    /// Since when it waits: lost time that is our own counts against nobody.
    since: Instant,
}

/// A run that goes on.
pub(super) struct InFlight {
    /// As it was when the run began.
    pub(super) check: Arc<Check>,
    line: Arc<Line>,
    origin: Option<Arc<str>>,
    /// Whether it changes what the target knows of us.
    is_active: bool,
}

impl Engine {
    pub(super) fn start_what_may(&mut self) {
        while let Some(Waiting { check: id, line, due, since }) =
            self.admission.start(self.network.at_rest())
        {
            let now = Instant::now();
            let Some(slot) = self.slots.get_mut(&id) else {
                self.admission.ended(&line);
                continue;
            };
            if *slot.line != *line {
                // Its service has moved, or it was told to do more: it waits with others now.
                self.admission.ended(&line);
                line_up(&mut self.admission, slot, due);
                continue;
            }
            let paused = match &*line {
                Line::Alone(origin) if slot.is_active() => {
                    !self.blocked.may_work(origin, self.clock.now())
                }
                Line::Alone(_) | Line::Host(_) => false,
            };
            if paused {
                slot.work = Work::Idle;
                shed(&self.meters, &*self.store, self.began, &id, Shed::Blocked, self.clock.now());
                self.admission.ended(&line);
                continue;
            }
            let waited = now.saturating_duration_since(since);
            if waited > patience(slot) && !slot.patient {
                shed(&self.meters, &*self.store, self.began, &id, Shed::Deadline, self.clock.now());
                self.admission.ended(&line);
                slot.patient = true;
                line_up(&mut self.admission, slot, now);
                continue;
            }
            slot.patient = false;
            slot.work = Work::Runs;
            let late = now.saturating_duration_since(due);
            self.meters.started(late, self.admission.running());
            let (service, check) = (Arc::clone(&slot.service), Arc::clone(&slot.check));
            let network = Arc::clone(&self.network);
            let at = self.clock.millisecond();
            let daily = Arc::clone(&self.daily);
            let due_daily = daily.due(&*self.store, &service, &check, at);
            let mut order = Order {
                ceiling: Impact::Intrusive,
                daily: false,
                max_wait: (slot.check.interval / 4).min(LONGEST_WAIT),
                confirms: true,
                at,
                location: Arc::clone(&self.location),
            };
            let origin = Origin::of(&service.target.url).map(|origin| origin.to_string().into());
            let run =
                InFlight { check: Arc::clone(&check), line, origin, is_active: slot.is_active() };
            if let (Some(origin), true) = (&run.origin, run.is_active) {
                self.blocked.begin(origin, at);
            }
            let earlier = self.store.state(&id).map(|state| state.earlier.clone());
            let task = self.running.spawn(async move {
                let claimed = daily.claim(due_daily, &check.id, at).await;
                order.daily = claimed.is_some();
                let earlier = earlier.unwrap_or_default();
                let record = runner::run(&network, &service, &check, &earlier, &order).await;
                daily.give_back_untouched(claimed, &record).await;
                record
            });
            self.in_flight.insert(task.id(), run);
        }
    }

    pub(super) fn end(&mut self, ended: Result<(Id, Record), JoinError>) {
        let task = match &ended {
            Ok((task, _)) => *task,
            Err(error) => error.id(),
        };
        let Some(InFlight { check, line, origin, is_active }) = self.in_flight.remove(&task) else {
            return;
        };
        let id = Arc::clone(&check.id);
        self.admission.ended(&line);
        self.meters.running(self.admission.running());
        let record = match ended {
            Ok((_, record)) => record,
            Err(error) => {
                tracing::error!(check = %id, %error, "a run was lost");
                Record::lost(&check, self.clock.millisecond())
            }
        };
        self.meters.ended(record.check.kind.name, record.duration);
        let (blocked, wall) = (&mut self.blocked, self.clock.now());
        match &origin {
            Some(origin) if is_active => blocked.end(origin, wall),
            Some(origin) => {
                note_refusals(blocked, &self.worked_on, &*self.store, origin, &record, wall);
            }
            None => {}
        }
        let step = self.store.record(&record);
        let now = Instant::now();
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.work = Work::Idle;
        // It was judged as of its beginning.
        if self.waivers.turned_since(record.at, &slot.service.name) {
            self.store.rejudge(&slot.service, wall);
        }
        self.meters.sent(&slot.service.name, record.requests);
        if let Some(step) = &step {
            self.meters.hold(&slot.service, &slot.check, step.verdict, record.duration);
        }
        if record.check.identity != slot.check.identity {
            // It was asked something else meanwhile, and of that nothing is known yet.
            self.plan(&id, now, wall, false);
            return;
        }
        let passive = !slot.is_active();
        let retry = slot.check.terms.retry_interval;
        if step.is_some_and(|step| step.unconfirmed) && passive && retry < slot.check.interval {
            let next = slot.grid.next_due(slot.last_due, wall);
            if retry < until(wall, next) {
                self.plan(&id, now + retry, wall, false);
            }
        }
    }
}

/// Puts a check at the end of its line.
pub(super) fn line_up(admission: &mut Admission<Waiting>, slot: &mut Slot, due: Instant) {
    slot.work = Work::Waits;
    let (check, line) = (Arc::clone(&slot.check.id), Arc::clone(&slot.line));
    admission.wait(&slot.line, Waiting { check, line, due, since: Instant::now() });
}

/// How long a run waits for its turn. Who waits for one after the other waits for longer.
fn patience(slot: &Slot) -> Duration {
    let half = slot.check.interval / 2;
    let most = match &*slot.line {
        Line::Host(_) => half.min(LATEST),
        Line::Alone(_) => half,
    };
    most.max(Duration::from_secs(1))
}

/// A run of a check is not made: what it saw last grows old.
pub(super) fn shed(
    meters: &Meters,
    store: &dyn Store,
    began: Timestamp,
    check: &str,
    why: Shed,
    at: Timestamp,
) {
    meters.shed(why);
    if store.state(check).is_some_and(|state| missed::is_too_old(&state, began, at)) {
        store.miss(check, missed::reason(why), at);
    }
}
