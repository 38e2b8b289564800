//! Where what is gathered becomes messages, which go to the receivers' lines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::book::Book;
use super::channel::Channel;
use super::courier::Courier;
use super::line::Line;
use super::message::Writer;
use super::meters::Outcome;
use super::problem::Problems;
use super::stand::Stand;
use super::told::{self, Gathering, Telling};
use super::worker::{Means, Worker};
use super::{AboutUs, Wanted};
use crate::status::Status;
use crate::store::News;

/// So many changes stand in one message.
const MOST_CHANGES: usize = 50;

/// What each receiver knows to be wrong.
pub(super) type Known = BTreeMap<String, Problems>;

/// What is known, and where it was seen from.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) location: Arc<str>,
    pub(super) known: Known,
}

/// A receiver at work.
struct Receiver {
    channel: Channel,
    about_us: AboutUs,
    courier: Arc<dyn Courier>,
    line: Arc<Line>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Ends its task: when this returns, nothing of it goes on.
    async fn dismiss(&mut self) {
        self.task.abort();
        let _cancelled = (&mut self.task).await;
    }
}

/// Turns what is gathered into messages, and has the receivers at work.
pub(super) struct Desk {
    means: Means,
    about_us: AboutUs,
    room: usize,
    pub(super) gathering: Gathering,
    receivers: BTreeMap<String, Receiver>,
    /// What receivers that do not work yet were told before a restart.
    remembered: Known,
    /// Ends the receivers' tasks.
    end: CancellationToken,
}

impl Desk {
    /// Without any receiver.
    pub(super) fn new(means: Means, room: usize, remembered: Known) -> Self {
        Self {
            means,
            about_us: AboutUs::default(),
            room,
            gathering: Gathering::default(),
            receivers: BTreeMap::new(),
            remembered,
            end: CancellationToken::new(),
        }
    }

    pub(super) fn hear(&mut self, news: &News) {
        self.gathering.hear(news, Instant::now());
    }

    pub(super) fn resynchronise(&mut self) {
        let states = self.means.store.states();
        let at = self.means.clock.now();
        let services = states.chunk_by(|one, next| one.service.name == next.service.name);
        let policies: Vec<Stand> = services
            .map(|states| Stand::of_policy(&states[0].service, &states[0].standing, at))
            .collect();
        let now = Instant::now();
        for Receiver { line, .. } in self.receivers.values() {
            line.retract(now);
            line.said(|said| self.gathering.resynchronise(&states, &policies, said, now));
        }
    }

    fn writer(&self) -> Writer {
        Writer {
            vault: Arc::clone(&self.means.vault),
            location: Arc::clone(&self.about_us.location),
            external_url: self.about_us.external_url.clone(),
        }
    }

    /// How the checks of a service stand together, and what policy finds of it.
    fn status(&self, service: &str) -> Status {
        let Some((known, _)) = self.means.store.standing(service) else { return Status::Pending };
        let checks = known.checks.iter().filter_map(|check| self.means.store.state(&check.id));
        // That policy finds nothing shows nothing of the service.
        let policy = self.means.look(service).map(|stand| stand.status);
        let policy = policy.filter(|status| *status != Status::Pass);
        Status::worst(checks.map(|check| check.damped.status).chain(policy))
    }

    /// Tells everybody what is due; everything that is gathered when `now` is `None`.
    pub(super) fn tell(&mut self, now: Option<Instant>) {
        let (writer, at) = (self.writer(), self.means.clock.now());
        while let Some((service, topics)) = self.gathering.next(now) {
            let stand = |id: &Arc<str>| Some((Arc::clone(id), self.means.look(id)?));
            let stands: BTreeMap<Arc<str>, Stand> = topics.keys().filter_map(stand).collect();
            let status = self.status(&service);
            for (name, receiver) in &self.receivers {
                let line = &receiver.line;
                let telling = line.said(|said| told::telling(&topics, &stands, said, &writer, at));
                let Some(Telling { whose, mut changes }) = telling else { continue };
                while !changes.is_empty() {
                    let rest = changes.split_off(changes.len().min(MOST_CHANGES));
                    let message = writer.message(&whose, status, changes, at);
                    changes = rest;
                    self.count_dropped(name, line.push(Arc::new(message), Instant::now()));
                }
            }
        }
    }

    fn count_dropped(&self, name: &str, dropped: u64) {
        self.means.meters.count(name, Outcome::Dropped, dropped);
        if dropped > 0 {
            tracing::warn!(
                notifier = name,
                messages = dropped,
                "notifications were dropped: too many wait for their receiver"
            );
        }
    }

    /// Starts, keeps and ends receivers, so that they are as wanted.
    pub(super) async fn take_on(&mut self, wanted: &Wanted) {
        self.about_us = wanted.about_us.clone();
        let mut before = std::mem::take(&mut self.receivers);
        for (name, channel) in &wanted.receivers {
            let receiver = match before.remove(name) {
                Some(receiver)
                    if receiver.channel == *channel
                        && receiver.about_us == wanted.about_us
                        && Arc::ptr_eq(&receiver.courier, &self.means.courier) =>
                {
                    receiver
                }
                mut old => {
                    // What it had in hand is still in its line.
                    if let Some(old) = &mut old {
                        old.dismiss().await;
                        if old.channel.endpoint() == channel.endpoint() {
                            old.line.hope(Instant::now());
                        } else {
                            old.line.begin_anew();
                        }
                    }
                    let line = old.map_or_else(|| self.line(name), |old| old.line);
                    self.start(name, channel, line)
                }
            };
            self.receivers.insert(name.clone(), receiver);
        }
        for gone in before.values_mut() {
            gone.dismiss().await;
        }
        let gone: BTreeSet<String> = before.into_keys().collect();
        self.means.meters.forget(&gone);
        // Who is not wanted now is a new one when it is wanted again.
        self.remembered.clear();
        self.means.learnt.notify_one();
    }

    /// The line of a new receiver.
    fn line(&mut self, name: &str) -> Arc<Line> {
        let known = self.remembered.remove(name).unwrap_or_default();
        Arc::new(Line::new(self.room, Book::remembered(known)))
    }

    fn start(&self, name: &str, channel: &Channel, line: Arc<Line>) -> Receiver {
        self.means.meters.start(name);
        let worker = Worker {
            name: name.to_owned(),
            channel: channel.clone(),
            line: Arc::clone(&line),
            means: self.means.clone(),
            writer: self.writer(),
        };
        let task = tokio::spawn(worker.work(self.end.clone()));
        let (about_us, courier) = (self.about_us.clone(), Arc::clone(&self.means.courier));
        Receiver { channel: channel.clone(), about_us, courier, line, task }
    }

    /// Has letters carried by another one from the next [`Desk::take_on`] on.
    pub(super) fn employ(&mut self, courier: Arc<dyn Courier>) {
        self.means.courier = courier;
    }

    /// Starts receivers again whose task was lost, with all that waits for them.
    pub(super) async fn revive(&mut self) {
        for (name, mut receiver) in std::mem::take(&mut self.receivers) {
            if receiver.task.is_finished() {
                if let Err(error) = (&mut receiver.task).await {
                    tracing::error!(notifier = name, %error, "a receiver's task was lost: it starts again");
                }
                receiver = self.start(&name, &receiver.channel, receiver.line);
            }
            self.receivers.insert(name, receiver);
        }
    }

    /// What each receiver knows to be wrong.
    pub(super) fn snapshot(&self) -> Snapshot {
        let known =
            |(name, receiver): (&String, &Receiver)| (name.clone(), receiver.line.delivered());
        let location = Arc::clone(&self.about_us.location);
        Snapshot { location, known: self.receivers.iter().map(known).collect() }
    }

    /// Tells what is gathered without waiting for its window, and lets the receivers end. What
    /// each of them knows then.
    pub(super) async fn close(mut self) -> Snapshot {
        self.tell(None);
        self.end.cancel();
        for (name, receiver) in &mut self.receivers {
            if let Err(error) = (&mut receiver.task).await {
                tracing::error!(notifier = name, %error, "a receiver's task was lost");
            }
        }
        self.snapshot()
    }
}
