//! The scheduler: one task that knows when each check is due, and starts what may run.

mod due;
mod refusals;
mod runs;
mod takeover;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::net::network::Network;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::admission::Admission;
use super::blocked::Blocked;
use super::daily::Daily;
use super::meters::Meters;
use super::slot::{Slot, Work};
use super::waivers::Waivers;
use crate::clock::Clock;
use crate::commands::{Command, Refusal};
use crate::config::Config;
use crate::heartbeat::Heartbeat;
use crate::ledger::Ledger;
use crate::runner::Record;
use crate::store::Store;
use due::until;
use runs::{InFlight, Waiting, line_up};

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
    waivers: Waivers,
    /// The origins that active work is done on.
    worked_on: HashSet<Arc<str>>,
    running: JoinSet<Record>,
    /// Whose run each task is, so that a task that is lost frees its place all the same.
    in_flight: HashMap<Id, InFlight>,
    /// Before that nobody could have looked.
    began: Timestamp,
    /// Wall and monotonic time when they were last compared.
    compared: (Timestamp, Instant),
    heart: Heartbeat,
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
            waivers: Waivers::of(&[], compared.0),
            worked_on: HashSet::new(),
            running: JoinSet::new(),
            in_flight: HashMap::new(),
            began: compared.0,
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
        let due = self.due.peek().map(|Reverse((due, ..))| *due);
        let end = self.waivers.next_end();
        let end = end.map(|end| Instant::now() + until(self.clock.now(), end).min(CLOCK_CHECK));
        due.into_iter().chain(end).fold(check_clock, Instant::min)
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
}
