//! What one receiver was told, and what it was to be told and did not get. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::line::Lost;
use super::message::{Before, Change, Message, State};
use super::problem::{self, Problem, Problems, Whose};

/// What a receiver did not get is told it again after so long, while it still is so; what it would
/// not take, after twice as long each time...
const AGAIN: Duration = Duration::from_hours(1);

/// ...and at most so long.
const LONGEST: Duration = Duration::from_hours(24);

/// What one receiver knows.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// What arrived.
    delivered: Problems,
    /// What it will have been told when all that waits for it arrives.
    said: Problems,
    /// What it did not get the last time.
    lost: BTreeMap<Arc<str>, Missed>,
    /// What it may have been told to be wrong.
    perhaps: Problems,
}

#[derive(Debug, Clone, Copy)]
struct Missed {
    /// When it is told again.
    again: Instant,
    /// Its time came.
    retracted: bool,
    /// The receiver was there: that it takes another message says nothing of this one.
    answered: bool,
    /// It was the end of a problem.
    over: bool,
    /// How often it was tried and given up.
    tries: u32,
}

impl Missed {
    fn new(lost: Lost, over: bool, before: u32, now: Instant) -> Self {
        let answered = match lost {
            Lost::Refused | Lost::Failing | Lost::Unanswered => true,
            Lost::Unreached | Lost::Dropped => false,
        };
        let doublings = if answered { before.min(10) } else { 0 };
        let wait = AGAIN.saturating_mul(1 << doublings).min(LONGEST);
        let tries = before.saturating_add(u32::from(lost != Lost::Dropped));
        Self { again: now + wait, retracted: false, answered, over, tries }
    }
}

impl Book {
    /// What arrived before a restart.
    pub(crate) fn remembered(delivered: Problems) -> Self {
        Self { said: delivered.clone(), delivered, ..Self::default() }
    }

    pub(crate) fn delivered(&self) -> &Problems {
        &self.delivered
    }

    pub(crate) fn said(&self) -> &Problems {
        &self.said
    }

    /// A message waits for the receiver from now on.
    pub(super) fn say(&mut self, message: &Message) {
        problem::note(&mut self.said, message);
    }

    /// A message arrived. Whether the receiver learnt anything.
    pub(super) fn arrive(&mut self, message: &Message, now: Instant) -> bool {
        for change in &message.changes {
            self.lost.remove(&change.check);
            self.perhaps.remove(&change.check);
        }
        // The receiver is there again.
        for missed in self.lost.values_mut().filter(|missed| !missed.answered) {
            missed.again = missed.again.min(now);
        }
        problem::note(&mut self.delivered, message)
    }

    /// What the receiver had been said was said again and arrived. Whether it learnt anything.
    pub(super) fn repeat(&mut self, message: &Message, now: Instant) -> bool {
        problem::note(&mut self.said, message);
        self.arrive(message, now)
    }

    /// A message will not arrive.
    pub(super) fn lose(&mut self, message: &Message, lost: Lost, now: Instant) {
        let whose = Arc::new(Whose::told(message));
        for change in &message.changes {
            let over = change.state == State::Resolved;
            let before = self.lost.get(&change.check).map_or(0, |missed| missed.tries);
            self.lost.insert(Arc::clone(&change.check), Missed::new(lost, over, before, now));
            if lost == Lost::Unanswered
                && !over
                && let Some(problem) = Problem::of(change, &whose)
            {
                self.perhaps.insert(Arc::clone(&change.check), problem);
            }
        }
    }

    /// Whether all that a message speaks of was tried and given up the last time.
    pub(super) fn gave_up(&self, message: &Message) -> bool {
        let tried =
            |change: &Change| self.lost.get(&change.check).is_some_and(|missed| missed.tries > 0);
        message.changes.iter().all(tried)
    }

    /// Forgets that it was said what was lost and is due again; call it while nothing waits.
    pub(super) fn retract(&mut self, now: Instant) {
        // What was told again and not lost again was over: the next time is another matter.
        self.lost.retain(|_, missed| now < missed.again + LONGEST || !missed.retracted);
        self.perhaps.retain(|id, _| self.lost.contains_key(id));
        let due = self.lost.iter_mut().filter(|(_, missed)| missed.again <= now);
        for (id, missed) in due {
            if std::mem::replace(&mut missed.retracted, true) {
                continue;
            }
            let perhaps = || self.perhaps.get(id).filter(|_| missed.over);
            match self.delivered.get(id).or_else(perhaps) {
                Some(problem) => self.said.insert(Arc::clone(id), problem.clone()),
                None => self.said.remove(id),
            };
        }
    }

    /// What was lost is due again at once: the receiver is another one now.
    pub(super) fn hope(&mut self, now: Instant) {
        for missed in self.lost.values_mut() {
            missed.again = missed.again.min(now);
            missed.tries = 0;
        }
    }

    /// A message as it has to be for somebody who knows what arrived and nothing else: without the
    /// end of what was never told. `None` when nothing is left.
    pub(super) fn suit(&self, message: &Arc<Message>) -> Option<Arc<Message>> {
        let mut suited = Arc::clone(message);
        let untold = |change: &Change| {
            change.state == State::Resolved
                && !self.delivered.contains_key(&change.check)
                && !self.perhaps.contains_key(&change.check)
        };
        if message.changes.iter().any(untold) {
            let message = Arc::make_mut(&mut suited);
            message.changes.retain(|change| !untold(change));
            message.sum_up();
        }
        for (index, change) in Arc::clone(&suited).changes.iter().enumerate() {
            let before = match self.delivered.get(&change.check) {
                Some(told) => told.before(),
                None => Before { status: change.previous, ..Before::default() },
            };
            if before != change.before()
                && let Some(change) = Arc::make_mut(&mut suited).changes.get_mut(index)
            {
                change.follow(before);
            }
        }
        (!suited.changes.is_empty()).then_some(suited)
    }
}
