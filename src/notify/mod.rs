//! Whom to tell of changes, and how.
//!
//! ```text
//! news -> told: what has to be told -> message: in what words -> line of each receiver
//!      -> worker -> channel: as what -> courier: over HTTP
//! ```

mod alertmanager;
mod channel;
mod courier;
mod line;
mod message;
mod meters;
mod pace;
mod stand;
mod template;
#[cfg(test)]
mod tests;
mod told;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Method};
use musterd_probes::net::trust::Roots;
use musterd_probes::secret::Vault;
use prometheus::Registry;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clock::Clock;
use crate::config::{self, Config, Notifier, Place};
use crate::status::Status;
use crate::store::{News, Store};
use channel::{Channel, Letter};
pub(crate) use courier::explain;
use courier::{Courier, Post};
use line::Line;
use message::{State, Writer};
use meters::{Meters, Outcome};
use pace::Pace;
use stand::Stand;
use told::{Gathering, Problems, Telling};
use worker::{Means, Worker};

/// Everything is looked at this often, whatever news say: a reload may change a status without a
/// run.
const LOOK_ROUND: Duration = Duration::from_mins(1);

/// So many changes stand in one message.
const MOST_CHANGES: usize = 50;

/// Tells receivers of changes.
pub(crate) struct Notify {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    clock: Clock,
    roots: Roots,
    meters: Meters,
    pace: Pace,
    room: usize,
    courier: Option<Arc<dyn Courier>>,
    gathering: Gathering,
    problems: Problems,
    wanted: watch::Receiver<Arc<Wanted>>,
    replace: Notifiers,
}

/// Who is told, as the configuration says, and what all messages hold.
#[derive(Debug, Default)]
struct Wanted {
    receivers: Vec<(String, Channel)>,
    about_us: AboutUs,
}

/// What messages say of this instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct AboutUs {
    /// Where it looks from; empty when there is one only.
    location: Arc<str>,
    /// Where people reach it, without a closing slash.
    external_url: Option<Arc<str>>,
}

impl Wanted {
    fn new(config: &Config) -> Arc<Self> {
        let receivers = config
            .notify
            .iter()
            .map(|notifier| (notifier.name.clone(), Channel::of(notifier)))
            .collect();
        let about_us = AboutUs {
            location: config.location.as_str().into(),
            external_url: config.server.external_url.as_deref().map(Arc::from),
        };
        Arc::new(Self { receivers, about_us })
    }
}

/// Replaces the receivers of a [`Notify`] that is at work.
#[derive(Debug, Clone)]
pub(crate) struct Notifiers(Arc<watch::Sender<Arc<Wanted>>>);

impl Notifiers {
    /// Tells these from now on; call it when the store has adopted the configuration. Receivers
    /// of the same name keep what waits for them, and one that is gone gets it no more. What the
    /// new configuration itself changed is told.
    pub(crate) fn replace(&self, config: &Config) {
        self.0.send_replace(Wanted::new(config));
    }
}

/// A receiver at work.
struct Receiver {
    channel: Channel,
    about_us: AboutUs,
    line: Arc<Line>,
    task: JoinHandle<()>,
}

impl Notify {
    /// Tells the receivers of a configuration. The store has been restored already.
    pub(crate) fn new(
        config: &Config,
        store: Arc<dyn Store>,
        vault: Arc<Vault>,
        clock: Clock,
    ) -> Self {
        let (sender, wanted) = watch::channel(Wanted::new(config));
        Self {
            gathering: Gathering::new(clock.now()),
            problems: told::before_restart(&store.states()),
            store,
            vault,
            clock,
            roots: Roots::new(false).0,
            meters: Meters::new().expect("the family's name and labels are well-formed"),
            pace: Pace::default(),
            room: line::MOST,
            courier: None,
            wanted,
            replace: Notifiers(Arc::new(sender)),
        }
    }

    /// Trusts these roots instead of the bundled ones alone.
    pub(crate) fn trusting(self, roots: Roots) -> Self {
        Self { roots, ..self }
    }

    /// Shows its counters in a registry.
    pub(crate) fn metered(self, registry: &Registry) -> prometheus::Result<Self> {
        self.meters.register(registry)?;
        Ok(self)
    }

    /// A way to replace the receivers later.
    pub(crate) fn notifiers(&self) -> Notifiers {
        self.replace.clone()
    }

    /// Works until `stop`, and then tries once more what waits.
    pub(crate) async fn work(
        mut self,
        mut news: broadcast::Receiver<Arc<News>>,
        stop: CancellationToken,
    ) {
        let courier = match self.courier.take() {
            Some(courier) => courier,
            None => match Post::new(&self.roots, self.clock.clone()).await {
                Ok(post) => Arc::new(post),
                Err(error) => {
                    tracing::error!(error, "nobody can be notified: there is no HTTP client");
                    return;
                }
            },
        };
        let mut desk = Desk {
            means: Means {
                store: self.store,
                vault: self.vault,
                clock: self.clock,
                courier,
                meters: self.meters,
                pace: self.pace,
                problems: Arc::new(Mutex::new(self.problems)),
            },
            about_us: AboutUs::default(),
            room: self.room,
            gathering: self.gathering,
            receivers: BTreeMap::new(),
            end: CancellationToken::new(),
        };
        let mut wanted = self.wanted;
        // Held here as well, so that the channel stays open without a reload.
        let _replace = self.replace;
        let first = Arc::clone(&wanted.borrow_and_update());
        desk.take_on(&first);
        let mut look_round = interval(LOOK_ROUND);
        look_round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = desk.gathering.next_due();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Ok(()) = wanted.changed() => {
                    let wanted = Arc::clone(&wanted.borrow_and_update());
                    desk.take_on(&wanted);
                    desk.resynchronise();
                }
                heard = news.recv() => match heard {
                    Ok(news) => desk.hear(&news),
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        tracing::debug!(missed, "news were missed; everything is looked at");
                        desk.resynchronise();
                    }
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    desk.tell(Some(Instant::now()));
                }
                _ = look_round.tick() => desk.resynchronise(),
            }
        }
        desk.close().await;
    }
}

/// Where what is gathered becomes messages, which go to the receivers' lines.
struct Desk {
    means: Means,
    about_us: AboutUs,
    room: usize,
    gathering: Gathering,
    receivers: BTreeMap<String, Receiver>,
    /// Ends the receivers' tasks.
    end: CancellationToken,
}

impl Desk {
    fn hear(&mut self, news: &News) {
        let mut problems = self.means.problems.lock().expect("no panic under this lock");
        self.gathering.hear(news, &mut problems, Instant::now());
    }

    fn resynchronise(&mut self) {
        let states = self.means.store.states();
        let at = self.means.clock.now();
        let services = states.chunk_by(|one, next| one.service.name == next.service.name);
        let policies: Vec<Stand> = services
            .map(|states| Stand::of_policy(&states[0].service, &states[0].standing, at))
            .collect();
        let mut problems = self.means.problems.lock().expect("no panic under this lock");
        self.gathering.resynchronise(&states, &policies, &mut problems, Instant::now());
    }

    fn writer(&self) -> Writer {
        Writer {
            vault: Arc::clone(&self.means.vault),
            location: Arc::clone(&self.about_us.location),
            external_url: self.about_us.external_url.clone(),
        }
    }

    /// Tells everybody what is due; everything that is gathered when `now` is `None`.
    fn tell(&mut self, now: Option<Instant>) {
        let (writer, at) = (self.writer(), self.means.clock.now());
        let look = |id: &str| self.means.look(id);
        loop {
            let telling = {
                let mut problems = self.means.problems.lock().expect("no panic under this lock");
                self.gathering.next(now, &mut problems, look, &writer, at)
            };
            let Some(Telling { service, mut changes }) = telling else { return };
            let checks =
                service.checks.iter().filter_map(|check| self.means.store.state(&check.id));
            // That policy finds nothing shows nothing of the service.
            let policy = look(&service.name).map(|stand| stand.status);
            let policy = policy.filter(|status| *status != Status::Pass);
            let status = Status::worst(checks.map(|check| check.damped.status).chain(policy));
            while !changes.is_empty() {
                let rest = changes.split_off(changes.len().min(MOST_CHANGES));
                let message = Arc::new(writer.message(&service, status, changes, at));
                changes = rest;
                for (name, receiver) in &self.receivers {
                    let dropped = receiver.line.push(Arc::clone(&message));
                    self.means.meters.count(name, Outcome::Dropped, dropped);
                    if dropped > 0 {
                        tracing::warn!(
                            notifier = name,
                            messages = dropped,
                            "notifications were dropped: too many wait for their receiver"
                        );
                    }
                }
            }
        }
    }

    /// Starts, keeps and ends receivers, so that they are as wanted.
    fn take_on(&mut self, wanted: &Wanted) {
        self.about_us = wanted.about_us.clone();
        let mut before = std::mem::take(&mut self.receivers);
        for (name, channel) in &wanted.receivers {
            let receiver = match before.remove(name) {
                Some(receiver)
                    if receiver.channel == *channel && receiver.about_us == wanted.about_us =>
                {
                    receiver
                }
                old => {
                    // What it had in hand is still in its line.
                    if let Some(old) = &old {
                        old.task.abort();
                    }
                    let line = old.map_or_else(|| Arc::new(Line::new(self.room)), |old| old.line);
                    self.start(name, channel, line)
                }
            };
            self.receivers.insert(name.clone(), receiver);
        }
        for gone in before.values() {
            gone.task.abort();
        }
        let gone: BTreeSet<String> = before.into_keys().collect();
        self.means.meters.forget(&gone);
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
        let about_us = self.about_us.clone();
        Receiver { channel: channel.clone(), about_us, line, task }
    }

    /// Tells what is gathered without waiting for its window, and lets the receivers end.
    async fn close(mut self) {
        self.tell(None);
        self.end.cancel();
        for (name, receiver) in self.receivers {
            if let Err(error) = receiver.task.await {
                tracing::error!(notifier = name, %error, "a receiver's task was lost");
            }
        }
    }
}

/// Sends one thing once, to somebody who is no receiver: an error says what was answered, without
/// the URL.
pub(crate) async fn send(
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: String,
    roots: &Roots,
) -> Result<(), String> {
    let post = Post::new(roots, Clock::system()).await?;
    post.send(method, Letter { url, headers, body }).await.map_err(|undelivered| undelivered.why)
}

/// What is wrong with the templates of these receivers, a line each; nothing when all is well.
pub(crate) fn problems(notifiers: &[Notifier]) -> Vec<String> {
    let wrong = |notifier: &Notifier| {
        let config::Channel::Webhook { body: Some(body), .. } = &notifier.channel else {
            return None;
        };
        let error = template::check_template(body).err()?;
        let Place { file, line, column } = &notifier.place;
        let name = &notifier.name;
        Some(format!(
            "{file}:{line}:{column}: error: the `body` of the receiver `{name}` is no template \
             that can be used: {error}"
        ))
    };
    notifiers.iter().filter_map(wrong).collect()
}

/// Sends a receiver a test message, first that something is wrong and then that it is over: how
/// both went, without any secret.
pub(crate) async fn try_out(
    notifier: &Notifier,
    location: &str,
    roots: &Roots,
    vault: &Vault,
    clock: &Clock,
) -> [Result<(), String>; 2] {
    let post = match Post::new(roots, clock.clone()).await {
        Ok(post) => post,
        Err(error) => return [Err(error.clone()), Err(error)],
    };
    let (channel, location) = (Channel::of(notifier), location.into());
    let send = async |state| {
        let message = message::trial(&location, state, clock.now());
        let tried = worker::attempt(&channel, &message, vault, &post).await;
        tried.map_err(|undelivered| vault.redact(&undelivered.why).into_owned())
    };
    [send(State::Firing).await, send(State::Resolved).await]
}
