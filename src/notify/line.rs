//! The bounded line of messages that wait for one receiver.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use super::message::Message;

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
}

impl Line {
    /// An empty line with room for so many, at least two.
    pub(crate) fn new(most: usize) -> Self {
        Self { waiting: Mutex::default(), arrived: tokio::sync::Notify::new(), most: most.max(2) }
    }

    /// Puts a message at the end, and says how many made room for it: where it is full, messages
    /// whose every check it speaks of again, and else the oldest.
    pub(crate) fn push(&self, message: Arc<Message>) -> u64 {
        let mut waiting = self.waiting.lock().expect("no panic under this lock");
        let mut dropped = 0;
        if waiting.messages.len() >= self.most {
            dropped += waiting.supersede(&message);
        }
        while waiting.messages.len() >= self.most {
            let oldest = usize::from(waiting.in_hand);
            waiting.messages.remove(oldest);
            dropped += 1;
        }
        waiting.number += 1;
        let number = waiting.number;
        waiting.messages.push_back((number, message));
        drop(waiting);
        self.arrived.notify_one();
        dropped
    }

    /// The oldest one, which stays in the line until it is done.
    pub(crate) fn first(&self) -> Option<(u64, Arc<Message>)> {
        let mut waiting = self.waiting.lock().expect("no panic under this lock");
        let first = waiting.messages.front().cloned();
        waiting.in_hand = first.is_some();
        first
    }

    /// The oldest one, if it has this number, was delivered or given up.
    pub(crate) fn done(&self, number: u64) {
        let mut waiting = self.waiting.lock().expect("no panic under this lock");
        if waiting.messages.front().is_some_and(|(front, _)| *front == number) {
            waiting.messages.pop_front();
        }
        waiting.in_hand = false;
    }

    /// Empties the line and says how many were in it.
    pub(crate) fn clear(&self) -> u64 {
        let mut waiting = self.waiting.lock().expect("no panic under this lock");
        waiting.in_hand = false;
        waiting.messages.drain(..).map(|_| 1).sum()
    }

    /// Returns when a message arrived since this was awaited last.
    pub(crate) async fn arrival(&self) {
        self.arrived.notified().await;
    }
}

impl Waiting {
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
