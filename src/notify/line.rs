//! The bounded line of messages that wait for one receiver, and what it was told so far.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::time::Instant;

use super::book::Book;
use super::message::Message;
use super::problem::Problems;

/// So many messages wait for one receiver.
pub(crate) const MOST: usize = 1_000;

/// Messages that wait, the oldest first.
#[derive(Debug)]
pub(crate) struct Line {
    waiting: Mutex<Waiting>,
    arrived: tokio::sync::Notify,
    most: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<(u64, Arc<Message>)>,
    /// The number of the latest one.
    number: u64,
    /// The oldest one is being delivered.
    in_hand: bool,
    book: Book,
}

/// A message that its receiver did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It was refused for good.
    Refused,
    /// The receiver answered that it could not take it.
    Failing,
    /// The receiver was not reached.
    Unreached,
    /// There was no room for it: it was not tried.
    Dropped,
    /// The receiver gave no answer in time: it may have it.
    Unanswered,
}

impl Line {
    /// An empty line with room for so many, at least two, to somebody who knows so much.
    pub(crate) fn new(most: usize, book: Book) -> Self {
        let waiting = Mutex::new(Waiting { book, ..Waiting::default() });
        Self { waiting, arrived: tokio::sync::Notify::new(), most: most.max(2) }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no panic under this lock")
    }

    /// Puts a message at the end, and says how many made room for it: where it is full, messages
    /// whose every check it speaks of again, and else the oldest.
    pub(crate) fn push(&self, message: Arc<Message>, now: Instant) -> u64 {
        let mut waiting = self.lock();
        waiting.book.say(&message);
        let mut dropped = 0;
        if waiting.messages.len() >= self.most {
            dropped += waiting.supersede(&message);
        }
        while waiting.messages.len() >= self.most {
            let oldest = usize::from(waiting.in_hand);
            if let Some((_, lost)) = waiting.messages.remove(oldest) {
                waiting.book.lose(&lost, Lost::Dropped, now);
            }
            dropped += 1;
        }
        waiting.number += 1;
        let number = waiting.number;
        waiting.messages.push_back((number, message));
        drop(waiting);
        self.arrived.notify_one();
        dropped
    }

    /// The oldest one as it suits what was told so far; it stays in the line until it is done.
    pub(crate) fn first(&self) -> Option<(u64, Arc<Message>)> {
        let mut waiting = self.lock();
        waiting.in_hand = false;
        while let Some((number, message)) = waiting.messages.front() {
            if let Some(suited) = waiting.book.suit(message) {
                let number = *number;
                waiting.in_hand = true;
                return Some((number, suited));
            }
            waiting.messages.pop_front();
        }
        None
    }

    /// The oldest one arrived. Whether its receiver learnt anything.
    pub(crate) fn arrived(&self, number: u64, message: &Message, now: Instant) -> bool {
        let mut waiting = self.lock();
        waiting.done(number);
        waiting.book.arrive(message, now)
    }

    /// The oldest one was given up.
    pub(crate) fn lost(&self, number: u64, message: &Message, lost: Lost, now: Instant) {
        let mut waiting = self.lock();
        waiting.done(number);
        waiting.book.lose(message, lost, now);
    }

    /// Whether all that a message speaks of was tried and given up the last time.
    pub(crate) fn gave_up(&self, message: &Message) -> bool {
        self.lock().book.gave_up(message)
    }

    /// What was said before was said again, and arrived. Whether the receiver learnt anything.
    pub(crate) fn repeated(&self, message: &Message, now: Instant) -> bool {
        self.lock().book.repeat(message, now)
    }

    /// Lets what was lost be told again, where it is due and nothing else waits.
    pub(crate) fn retract(&self, now: Instant) {
        let mut waiting = self.lock();
        if waiting.messages.is_empty() {
            waiting.book.retract(now);
        }
    }

    /// The receiver stands elsewhere now, where nobody was told anything: what waits is the first
    /// that it hears.
    pub(crate) fn begin_anew(&self) {
        let mut waiting = self.lock();
        let mut book = Book::default();
        for (_, message) in &waiting.messages {
            book.say(message);
        }
        waiting.book = book;
    }

    /// What was lost is due at once: the receiver is spoken to otherwise now.
    pub(crate) fn hope(&self, now: Instant) {
        self.lock().book.hope(now);
    }

    /// Reads what the receiver was told, and is to be told by what waits.
    pub(crate) fn said<T>(&self, read: impl FnOnce(&Problems) -> T) -> T {
        read(self.lock().book.said())
    }

    /// What the receiver knows to be wrong.
    pub(crate) fn delivered(&self) -> Problems {
        self.lock().book.delivered().clone()
    }

    /// Empties the line and says how many were in it.
    pub(crate) fn clear(&self) -> u64 {
        let mut waiting = self.lock();
        waiting.in_hand = false;
        waiting.messages.drain(..).map(|_| 1).sum()
    }

    /// Returns when a message arrived since this was awaited last.
    pub(crate) async fn arrival(&self) {
        self.arrived.notified().await;
    }
}

impl Waiting {
    /// Takes the oldest one out, if it has this number.
    fn done(&mut self, number: u64) {
        if self.messages.front().is_some_and(|(front, _)| *front == number) {
            self.messages.pop_front();
            self.in_hand = false;
        }
    }

    /// Takes out what a newer message says anew; the count of messages of which nothing was left.
    fn supersede(&mut self, newer: &Message) -> u64 {
        let anew: HashSet<&str> = newer.changes.iter().map(|change| &*change.check).collect();
        let (mut place, mut dropped) = (usize::from(self.in_hand), 0);
        while let Some((_, message)) = self.messages.get_mut(place) {
            if message.changes.iter().all(|change| anew.contains(&*change.check)) {
                self.messages.remove(place);
                dropped += 1;
                continue;
            }
            if message.changes.iter().any(|change| anew.contains(&*change.check)) {
                let message = Arc::make_mut(message);
                message.changes.retain(|change| !anew.contains(&*change.check));
                message.sum_up();
            }
            place += 1;
        }
        dropped
    }
}
