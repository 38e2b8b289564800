//! The scheduler: one task that knows when each check is due, and starts what may run.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::impact::Impact;
use musterd_probes::net::network::Network;
use musterd_probes::net::origin::Origin;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::admission::{Admission, Line};
use super::blocked::{Blocked, Change, Lookers};
use super::daily::Daily;
use super::meters::{Meters, Shed};
use super::missed;
use super::phase::Grid;
use super::slot::{Slot, Work};
use crate::clock::Clock;
use crate::commands::{Command, Refusal};
use crate::config::{Check, Config, Service};
use crate::heartbeat::Heartbeat;
use crate::ledger::Ledger;
use crate::runner::{self, Order, Outcome, Record};
use crate::store::{Store, Watched};

/// How much may run at once, and how fast the first round goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Runs at once.
    pub(crate) most: usize,
    /// Runs of one host at once.
    pub(crate) most_a_host: usize,
    /// Runs of the first round in a second.
    pub(crate) ramp: u32,
    /// How long runs in flight are awaited when the daemon stops.
    pub(crate) grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { most: 500, most_a_host: 8, ramp: 200, grace: Duration::from_secs(10) }
    }
}

/// The clocks are compared at least so often.
const CLOCK_CHECK: Duration = Duration::from_secs(10);

/// A wall clock that went another way than the monotonic one by this much was set.
const CLOCK_SET: SignedDuration = SignedDuration::from_secs(1);

/// A run that waited for its turn for longer than this is not made any more, whatever its interval.
const LATEST: Duration = Duration::from_mins(1);

/// What should have happened so long ago has been slept over: a machine that is too busy is late by
/// less.
const SLEPT: Duration = Duration::from_secs(5);

/// A run on the grid comes so long after one that stood beside it, or half an interval.
const APART: Duration = Duration::from_secs(10);

/// Makes the network of a configuration.
pub(crate) type MakeNetwork = Box<dyn Fn(&Config) -> Network + Send>;

/// The scheduler.
pub(crate) struct Engine {
    store: Arc<dyn Store>,
    daily: Arc<Daily>,
    meters: Meters,
    clock: Clock,
    bounds: Bounds,
    make_network: MakeNetwork,
    network: Arc<Network>,
    location: Arc<str>,
    /// In boxes: a table of them, which grows by doubling, would be half empty.
    slots: HashMap<Arc<str>, Box<Slot>>,
    /// What is due when; an entry whose turn number is not its slot's any more is void.
    due: BinaryHeap<Reverse<(Instant, u64, Arc<str>)>>,
    turns: u64,
    admission: Admission<Waiting>,
    blocked: Blocked,
    /// The origins that active work is done on.
    worked_on: HashSet<Arc<str>>,
    running: JoinSet<Record>,
    /// Whose run each task is, so that a task that is lost frees its place all the same.
    in_flight: HashMap<Id, InFlight>,
    /// Wall and monotonic time when they were last compared.
    compared: (Timestamp, Instant),
    heart: Heartbeat,
}

/// A run that waits for its turn.
#[derive(Debug)]
struct Waiting {
    check: Arc<str>,
    line: Arc<Line>,
    due: Instant,
    /// Since when it waits: lost time that is our own counts against nobody.
    since: Instant,
}

/// A run waits for a limiter's window for a part of its check's interval, and no longer than this.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// A run that goes on.
struct InFlight {
    check: Arc<str>,
    line: Arc<Line>,
}

impl Engine {
    /// A scheduler that has nothing to do yet.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        ledger: Ledger,
        meters: Meters,
        clock: Clock,
        bounds: Bounds,
        make_network: MakeNetwork,
    ) -> Self {
        let network = Arc::new(make_network(&Config::default()));
        let compared = (clock.now(), Instant::now());
        let blocked = Blocked::restored(store.pauses(), compared.0);
        Self {
            store,
            daily: Arc::new(Daily::new(ledger)),
            meters,
            clock,
            bounds,
            make_network,
            network,
            location: "".into(),
            slots: HashMap::new(),
            due: BinaryHeap::new(),
            turns: 0,
            admission: Admission::new(bounds.most, bounds.most_a_host),
            blocked,
            worked_on: HashSet::new(),
            running: JoinSet::new(),
            in_flight: HashMap::new(),
            compared,
            heart: Heartbeat::new(),
        }
    }

    /// Lets others see whether it goes round.
    #[must_use]
    pub(crate) fn beating(self, heart: Heartbeat) -> Self {
        Self { heart, ..self }
    }

    /// Works until `stop`, then awaits what is in flight, for as long as the grace lasts.
    pub(crate) async fn work(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        stop: CancellationToken,
    ) {
        loop {
            self.heart.beat();
            self.start_what_may();
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => {
                    self.end(ended);
                }
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                () = sleep_until(wake) => self.wake(),
            }
        }
        let until = Instant::now() + self.bounds.grace;
        while let Ok(Some(ended)) = timeout_at(until, self.running.join_next_with_id()).await {
            self.end(ended);
        }
        let left = self.running.len();
        if left > 0 {
            tracing::warn!(runs = left, "runs did not end within the grace period");
        }
        self.running.shutdown().await;
    }

    fn next_wake(&self) -> Instant {
        let check_clock = self.compared.1 + CLOCK_CHECK;
        self.due.peek().map_or(check_clock, |Reverse((due, ..))| (*due).min(check_clock))
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Run { check, reply } => {
                // Whoever asked may have gone.
                let _gone = reply.send(self.run_now(&check));
            }
            Command::Adopt { config, reply } => {
                self.adopt(&config);
                let _gone = reply.send(());
            }
        }
    }

    fn run_now(&mut self, check: &str) -> Result<(), Refusal> {
        let slot = self.slots.get_mut(check).ok_or(Refusal::Unknown)?;
        if slot.is_active() {
            return Err(Refusal::Limited);
        }
        if slot.work != Work::Idle {
            return Err(Refusal::Busy);
        }
        line_up(&mut self.admission, slot, Instant::now());
        Ok(())
    }

    /// Takes over a configuration: checks that stay keep their place on the grid and what is in
    /// flight; new ones join with a ramp.
    fn adopt(&mut self, config: &Config) {
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
        let running = self.in_flight.values().map(|run| (Arc::clone(&run.check), Work::Runs));
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

    /// The first runs come soon, but not all at once: each at its turn on the ramp, or at its own
    /// place on the grid where that comes first.
    fn ramp(&mut self, mut new: Vec<Arc<str>>, now: Timestamp) {
        // By their places on the grid, so that the checks of one service do not come in a row.
        new.sort_by_key(|id| self.slots[id].grid.next(now));
        let step = Duration::from_secs(1) / self.bounds.ramp.max(1);
        let started = Instant::now();
        for (index, id) in new.into_iter().enumerate() {
            let on_ramp = step.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
            let on_grid = until(now, self.slots[&id].grid.next(now));
            self.plan(&id, started + on_ramp.min(on_grid), now, on_grid <= on_ramp);
        }
    }

    fn plan(&mut self, id: &Arc<str>, at: Instant, now: Timestamp, on_grid: bool) {
        self.turns += 1;
        if let Some(slot) = self.slots.get_mut(id) {
            slot.turn = self.turns;
            slot.on_grid = on_grid;
            self.due.push(Reverse((at, self.turns, Arc::clone(id))));
            let away = at.saturating_duration_since(Instant::now());
            let next_run =
                SignedDuration::try_from(away).ok().and_then(|away| now.checked_add(away).ok());
            self.store.schedule(id, next_run.unwrap_or(now));
        }
    }

    fn wake(&mut self) {
        let (wall, now) = (self.clock.now(), Instant::now());
        self.compare_clocks(wall, now);
        let mut slept_over = Vec::new();
        while let Some(Reverse((due, ..))) = self.due.peek()
            && *due <= now
        {
            let Some(Reverse((due, turn, id))) = self.due.pop() else { return };
            let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.turn == turn) else {
                continue;
            };
            if now - due > SLEPT {
                slept_over.push(id);
                continue;
            }
            match slot.work {
                Work::Idle => line_up(&mut self.admission, slot, due),
                Work::Waits => shed(&self.meters, &*self.store, &id, Shed::Overlap, wall),
                Work::Runs => self.meters.shed(Shed::Overlap),
            }
            let next = if slot.on_grid {
                slot.last_due = Some(wall);
                slot.grid.next_due(slot.last_due, wall)
            } else {
                let apart = APART.min(slot.check.interval / 2);
                slot.grid.next(wall + SignedDuration::try_from(apart).unwrap_or_default())
            };
            self.plan(&id, now + until(wall, next), wall, true);
        }
        if !slept_over.is_empty() {
            tracing::warn!(checks = slept_over.len(), "nothing happened for a while");
            self.ramp(slept_over, wall);
        }
    }

    /// A wall clock that was set, or a machine that slept, moves every check to its place on the
    /// grid. What would have been due meanwhile runs soon.
    fn compare_clocks(&mut self, wall: Timestamp, now: Instant) {
        if now < self.compared.1 + CLOCK_CHECK / 2 {
            return;
        }
        let (wall_before, before) = self.compared;
        self.compared = (wall, now);
        let passed = SignedDuration::try_from(now - before).unwrap_or_default();
        let drift = wall.duration_since(wall_before) - passed;
        if drift.abs() < CLOCK_SET {
            return;
        }
        tracing::warn!(drift_seconds = drift.as_secs_f64(), "the wall clock was set");
        let mut slept_over = Vec::new();
        for Reverse((due, turn, id)) in std::mem::take(&mut self.due).into_vec() {
            let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.turn == turn) else {
                continue;
            };
            if !slot.on_grid {
                // A first run or another look comes after a time, whatever the clock says.
                self.due.push(Reverse((due, turn, id)));
                continue;
            }
            if drift.is_negative() {
                // In terms of the new clock: what was just done is not done again.
                slot.last_due = slot.last_due.and_then(|last| last.checked_add(drift).ok());
                let next = slot.grid.next_due(slot.last_due, wall);
                self.plan(&id, now + until(wall, next), wall, true);
                continue;
            }
            match due.saturating_duration_since(now).checked_sub(drift.unsigned_abs()) {
                Some(away) if !away.is_zero() => self.plan(&id, now + away, wall, true),
                _ => slept_over.push(id),
            }
        }
        self.ramp(slept_over, wall);
    }

    fn start_what_may(&mut self) {
        while let Some(Waiting { check: id, line, due, since }) =
            self.admission.start(self.network.at_rest())
        {
            let now = Instant::now();
            let Some(slot) = self.slots.get_mut(&id) else {
                self.admission.ended(&line);
                continue;
            };
            let paused = match &*line {
                Line::Alone(origin) if slot.is_active() => {
                    !self.blocked.may_work(origin, self.clock.now())
                }
                Line::Alone(_) | Line::Host(_) => false,
            };
            if paused {
                slot.work = Work::Idle;
                shed(&self.meters, &*self.store, &id, Shed::Blocked, self.clock.now());
                self.admission.ended(&line);
                continue;
            }
            let waited = now.saturating_duration_since(since);
            if waited > patience(slot) && !slot.patient {
                shed(&self.meters, &*self.store, &id, Shed::Deadline, self.clock.now());
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
                at,
                location: Arc::clone(&self.location),
            };
            let earlier = self.store.state(&id).map(|state| state.earlier.clone());
            let task = self.running.spawn(async move {
                let claimed = daily.claim(due_daily, &check.id, at).await;
                order.daily = claimed.is_some();
                let earlier = earlier.unwrap_or_default();
                let record = runner::run(&network, &service, &check, &earlier, &order).await;
                daily.give_back_untouched(claimed, &record).await;
                record
            });
            self.in_flight.insert(task.id(), InFlight { check: id, line });
        }
    }

    fn end(&mut self, ended: Result<(Id, Record), JoinError>) {
        let task = match &ended {
            Ok((task, _)) => *task,
            Err(error) => error.id(),
        };
        let Some(InFlight { check: id, line }) = self.in_flight.remove(&task) else {
            return;
        };
        self.admission.ended(&line);
        self.meters.running(self.admission.running());
        let slot = self.slots.get_mut(&id);
        let record = match ended {
            Ok((_, record)) => record,
            Err(error) => {
                tracing::error!(check = %id, %error, "a run was lost");
                let Some(slot) = slot.as_deref() else { return };
                Record::lost(&slot.check, self.clock.millisecond())
            }
        };
        self.meters.ended(record.check.kind.name, record.duration);
        if let Some(slot) = slot.as_deref() {
            note_refusals(&mut self.blocked, &self.worked_on, &*self.store, slot, &record);
        }
        let step = self.store.record(&record);
        let now = Instant::now();
        let Some(slot) = slot else { return };
        slot.work = Work::Idle;
        self.meters.sent(&slot.service.name, record.requests);
        if let Some(step) = &step {
            self.meters.hold(&slot.service, &slot.check, step.verdict, record.duration);
        }
        if record.check.identity != slot.check.identity {
            // It was asked something else meanwhile, and of that nothing is known yet.
            self.plan(&id, now, self.clock.now(), false);
            return;
        }
        let passive = !slot.is_active();
        let retry = slot.check.terms.retry_interval;
        if step.is_some_and(|step| step.unconfirmed) && passive && retry < slot.check.interval {
            let wall = self.clock.now();
            let next = slot.grid.next_due(slot.last_due, wall);
            if retry < until(wall, next) {
                self.plan(&id, now + retry, wall, false);
            }
        }
    }
}

/// Puts a check at the end of its line.
fn line_up(admission: &mut Admission<Waiting>, slot: &mut Slot, due: Instant) {
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
fn shed(meters: &Meters, store: &dyn Store, check: &str, why: Shed, at: Timestamp) {
    meters.shed(why);
    let state = store.state(check);
    if let Some(record) = state.and_then(|state| missed::of(&state, why, at)) {
        // The step is of no concern: nothing is to be confirmed sooner.
        let _step = store.record(&record);
    }
}

/// Notes what a run says of whether its origin turned against us.
fn note_refusals(
    blocked: &mut Blocked,
    worked_on: &HashSet<Arc<str>>,
    store: &dyn Store,
    slot: &Slot,
    record: &Record,
) {
    let Some(origin) = Origin::of(&slot.service.target.url) else { return };
    let origin = Arc::<str>::from(origin.to_string());
    if record.check.probe.impact() > Impact::Passive {
        blocked.active(&origin, record.at);
        return;
    }
    // Without active work no origin can turn against us.
    let concerned = worked_on.contains(&origin) || blocked.knows(&origin);
    if !concerned || matches!(record.outcome, Outcome::Blind(_)) {
        return;
    }
    let change = blocked.passive(&origin, &record.check.id, record.refused, record.at);
    match change {
        Some(Change::Opened) => {
            tracing::warn!(%origin, "the origin refuses us after active work, which pauses");
        }
        Some(Change::Closed) => tracing::info!(%origin, "the origin serves us again"),
        Some(Change::Lapsed) => {
            tracing::info!(%origin, "active work goes on: no check that was refused is left");
        }
        Some(Change::Moved) | None => {}
    }
    if change.is_some() {
        store.block(&origin, blocked.pause(&origin).cloned());
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
            Some(origin) if runner::goes_alone(check, check.probe.impact()) => {
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

fn until(now: Timestamp, then: Timestamp) -> Duration {
    then.duration_since(now).try_into().unwrap_or_default()
}
