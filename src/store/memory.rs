//! The store in memory, bounded for any number of checks.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use indexmap::IndexMap;
use jiff::Timestamp;
use musterd_probes::impact::Impact;
use musterd_probes::net::origin::Origin;
use musterd_probes::severity::Verdict;
use tokio::sync::broadcast;

use super::moment::Moment;
use super::slot::Slot;
use super::state::Common;
use super::view::{Log, View};
use super::{CheckState, LastRun, News, Pause, RunSummary, Saved, Standing, Store, Watched};
use crate::config::{Check, Service};
use crate::damping::Step;
use crate::policy::{self, Idle};
use crate::runner::{Outcome, Record};
use crate::status::Status;

/// So many summaries of runs are kept for all checks together.
const SUMMARIES: usize = 500_000;

/// The evidence of so many checks is kept. Where there are more, what passed is not worth keeping,
/// and makes room for what did not.
const EVIDENCES: usize = 5_000;

/// A reader that is behind by more news than this has missed some.
const NEWS: usize = 4_096;

/// A reader that is behind by more changes than this looks at everything.
const CHANGES: usize = 16_384;

/// The store in memory.
pub(crate) struct Memory {
    slots: RwLock<IndexMap<Arc<str>, Arc<Slot>>>,
    changes: Mutex<Log>,
    standings: RwLock<Standings>,
    pauses: Mutex<BTreeMap<Arc<str>, Pause>>,
    news: broadcast::Sender<Arc<News>>,
    sequence: AtomicU64,
    common: Common,
    /// The checks whose evidence is kept, the oldest first.
    evidence: Mutex<VecDeque<Arc<Slot>>>,
}

/// What is known of each service, by its name.
type Standings = HashMap<String, (Arc<Service>, Arc<Standing>)>;

impl Memory {
    /// An empty store.
    pub(crate) fn new() -> Self {
        Self::with_changes(CHANGES)
    }

    /// An empty store of which readers can learn so many changes one by one.
    pub(super) fn with_changes(longest: usize) -> Self {
        Self {
            slots: RwLock::default(),
            changes: Mutex::new(Log::new(longest)),
            standings: RwLock::default(),
            pauses: Mutex::default(),
            news: broadcast::Sender::new(NEWS),
            sequence: AtomicU64::new(0),
            common: Common::default(),
            evidence: Mutex::default(),
        }
    }

    /// What is known of the services that are watched now: of those that stay, what was known.
    fn stand(&self, watched: &[Watched]) -> Standings {
        let before = self.standings.read().expect("no panic under this lock");
        let mut standings = Standings::new();
        for Watched { service, .. } in watched {
            if standings.contains_key(&service.name) {
                continue;
            }
            let standing = match before.get(&service.name) {
                None => Arc::<Standing>::default(),
                Some((known, standing)) => {
                    if known.target.url != service.target.url {
                        // That was another origin.
                        standing.block(None);
                    }
                    Arc::clone(standing)
                }
            };
            standing.keep(service);
            standings.insert(service.name.clone(), (Arc::clone(service), standing));
        }
        standings
    }

    /// Whoever changed a state says so before anybody else can hear of it.
    fn note_change(&self, slot: &Slot) {
        let mut changes = self.changes.lock().expect("no panic under this lock");
        changes.note(slot.place.load(Ordering::Relaxed));
    }

    /// What many checks have in common changed.
    fn note_turn(&self) {
        self.changes.lock().expect("no panic under this lock").turn();
    }

    fn news_of(
        &self,
        state: &CheckState,
        run: Option<RunSummary>,
        at: Timestamp,
        changed_from: Option<Status>,
    ) -> News {
        News {
            sequence: self.sequence.fetch_add(1, Ordering::Relaxed) + 1,
            service: Arc::clone(&state.service),
            check: Arc::clone(&state.check),
            run,
            at,
            changed_from,
            status: state.damped.status,
        }
    }

    fn slot(&self, check: &str) -> Option<Arc<Slot>> {
        self.slots.read().expect("no panic under this lock").get(check).cloned()
    }

    /// How many summaries each check keeps of its runs, and as many again of its failures.
    fn most_runs(&self) -> usize {
        let checks = self.slots.read().expect("no panic under this lock").len();
        (SUMMARIES / 2 / checks.max(1)).clamp(3, 100)
    }

    /// Whether what a run saw is kept: of more checks than fit, only what did not pass, and what
    /// later runs look at.
    fn is_worth_keeping(check: &Check, verdict: Verdict, checks: usize) -> bool {
        verdict != Verdict::Pass || check.probe.memory() > 0 || checks <= EVIDENCES
    }

    fn keep_evidence(&self, slot: &Arc<Slot>) {
        let oldest = {
            let mut kept = self.evidence.lock().expect("no panic under this lock");
            if slot.kept.swap(true, Ordering::Relaxed) {
                return;
            }
            kept.push_back(Arc::clone(slot));
            let oldest = if kept.len() > EVIDENCES { kept.pop_front() } else { None };
            if let Some(oldest) = &oldest {
                oldest.kept.store(false, Ordering::Relaxed);
            }
            oldest
        };
        if let Some(oldest) = oldest {
            oldest.forget_evidence();
            self.note_change(&oldest);
        }
    }
}

impl Store for Memory {
    fn adopt(&self, watched: &[Watched], at: Timestamp) {
        let mut slots = self.slots.write().expect("no panic under this lock");
        let mut before = std::mem::take(&mut *slots);
        slots.reserve_exact(watched.len());
        let standings = self.stand(watched);
        for Watched { service, check } in watched {
            let known = before.swap_remove(&check.id);
            let slot = match known {
                Some(slot) if slot.is_unchanged(check) => {
                    slot.follow(service, check, at);
                    slot
                }
                known => {
                    let mut state = CheckState::new(Arc::clone(service), Arc::clone(check), at);
                    if let Some((_, standing)) = standings.get(&service.name) {
                        state.standing = Arc::clone(standing);
                    }
                    Arc::new(Slot::after(known.as_deref(), state))
                }
            };
            slots.insert(Arc::clone(&check.id), slot);
        }
        let mut changes = self.changes.lock().expect("no panic under this lock");
        for (place, slot) in slots.values().enumerate() {
            slot.place.store(u32::try_from(place).unwrap_or(u32::MAX), Ordering::Relaxed);
        }
        changes.turn();
        drop(changes);
        // What is gone is not kept alive by its evidence.
        let stays = |slot: &Arc<Slot>| {
            slots.get(&slot.get().check.id).is_some_and(|known| Arc::ptr_eq(known, slot))
        };
        self.evidence.lock().expect("no panic under this lock").retain(stays);
        *self.standings.write().expect("no panic under this lock") = standings;
    }

    fn restore(&self, check: &str, saved: Saved) {
        let Some(slot) = self.slot(check) else { return };
        let mut guard = slot.state.lock().expect("no panic under this lock");
        let state = Arc::make_mut(&mut guard);
        state.last_pass = Moment::of(saved.last_pass);
        state.damped = saved.damped;
        drop(guard);
        self.note_change(&slot);
    }

    fn record(&self, record: &Record) -> Option<Step> {
        let slot = self.slot(&record.check.id)?;
        // Not under the lock of the state: whoever takes over a configuration holds both the other
        // way round.
        let checks = self.count();
        let mut guard = slot.state.lock().expect("no panic under this lock");
        if guard.check.identity != record.check.identity {
            return None;
        }
        let state = Arc::make_mut(&mut guard);
        let confirm = confirm(&state.check);
        let step = match &record.outcome {
            Outcome::Saw { ruling, .. } => {
                // What was consented to while it ran counts for it, too.
                let anew = (!Arc::ptr_eq(&record.check, &state.check)).then(|| {
                    policy::again(ruling, &state.check, &state.service.waivers, record.at)
                });
                let ruling = anew.as_ref().unwrap_or(ruling);
                state.standing.note(&state.service, &state.check, ruling, record.at);
                state.damped.looked(ruling, confirm, record.at)
            }
            Outcome::Blind(_) => state.damped.blind(confirm, record.at),
        };
        let summary = RunSummary::new(record.run, record.duration, step.verdict);
        state.count(step.verdict);
        state.remember(record);
        if step.verdict == Verdict::Pass {
            state.last_pass = Moment::of(Some(record.at));
        }
        let last = LastRun::of(record, summary, state.last.as_deref(), &self.common);
        let kept = Self::is_worth_keeping(&state.check, step.verdict, checks);
        state.last = Some(Arc::new(if kept { last } else { last.without_evidence() }));
        let news = self.news_of(state, Some(summary), record.at, step.changed_from);
        drop(guard);
        self.note_change(&slot);
        slot.remember(summary, self.most_runs());
        if kept {
            self.keep_evidence(&slot);
        }
        // Without a listener there is nobody to tell.
        let _listeners = self.news.send(Arc::new(news));
        Some(step)
    }

    fn miss(&self, check: &str, reason: &'static str, at: Timestamp) {
        let Some(slot) = self.slot(check) else { return };
        let mut guard = slot.state.lock().expect("no panic under this lock");
        let state = Arc::make_mut(&mut guard);
        let step = state.damped.blind(confirm(&state.check), at);
        state.last = Some(Arc::new(LastRun::missed(state.last.as_deref(), reason)));
        let news = step.changed_from.map(|from| self.news_of(state, None, at, Some(from)));
        drop(guard);
        self.note_change(&slot);
        if let Some(news) = news {
            let _listeners = self.news.send(Arc::new(news));
        }
    }

    fn rejudge(&self, service: &Service, at: Timestamp) {
        for slot in service.checks.iter().filter_map(|check| self.slot(&check.id)) {
            let Some((before, state)) = slot.rejudge(at) else { continue };
            self.note_change(&slot);
            if before != state.damped.status {
                let news = self.news_of(&state, None, at, Some(before));
                let _listeners = self.news.send(Arc::new(news));
            }
        }
    }

    fn schedule(&self, check: &str, next_run: Timestamp) {
        if let Some(slot) = self.slot(check) {
            let mut state = slot.state.lock().expect("no panic under this lock");
            Arc::make_mut(&mut state).next_run = Moment::of(Some(next_run));
            drop(state);
            self.note_change(&slot);
        }
    }

    fn block(&self, origin: &str, pause: Option<Pause>) {
        let since = pause.as_ref().map(|pause| pause.since);
        let mut pauses = self.pauses.lock().expect("no panic under this lock");
        match pause {
            Some(pause) => pauses.insert(origin.into(), pause),
            None => pauses.remove(origin),
        };
        drop(pauses);
        let mut is_news = false;
        for (service, standing) in self.standings.read().expect("no panic under this lock").values()
        {
            let own = Origin::of(&service.target.url);
            if own.is_some_and(|own| own.to_string() == origin) {
                is_news |= standing.block(since);
            }
        }
        if is_news {
            self.note_turn();
        }
    }

    fn pauses(&self) -> BTreeMap<Arc<str>, Pause> {
        self.pauses.lock().expect("no panic under this lock").clone()
    }

    fn standing(&self, service: &str) -> Option<(Arc<Service>, Arc<Standing>)> {
        self.standings.read().expect("no panic under this lock").get(service).cloned()
    }

    fn restore_waivers(&self, service: &str, waivers: BTreeMap<String, Idle>) {
        if let Some((service, standing)) = self.standing(service) {
            standing.restore(waivers);
            standing.keep(&service);
            self.note_turn();
        }
    }

    fn count(&self) -> usize {
        self.slots.read().expect("no panic under this lock").len()
    }

    fn renew(&self, view: &mut View) {
        // No configuration is taken over meanwhile, so that places and checks belong together.
        let slots = self.slots.read().expect("no panic under this lock");
        let news = view.read(&self.changes.lock().expect("no panic under this lock"));
        view.renew(news, slots.len(), |index| Some(slots.get_index(index)?.1.get()));
    }

    fn states(&self) -> Vec<Arc<CheckState>> {
        let slots = self.slots.read().expect("no panic under this lock");
        slots.values().map(|slot| slot.get()).collect()
    }

    fn state(&self, check: &str) -> Option<Arc<CheckState>> {
        self.slot(check).map(|slot| slot.get())
    }

    fn runs(&self, check: &str) -> Option<Vec<RunSummary>> {
        let slot = self.slot(check)?;
        let recent = slot.recent.lock().expect("no panic under this lock");
        Some(recent.all())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<News>> {
        self.news.subscribe()
    }
}

/// Active and intrusive runs confirm inside the run.
fn confirm(check: &Check) -> u32 {
    if check.impact() > Impact::Passive { 1 } else { check.terms.confirm }
}
