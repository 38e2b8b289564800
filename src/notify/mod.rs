//! Whom to tell of changes, and how.
//!
//! ```text
//! news -> told: what has to be told -> message: in what words -> line of each receiver
//!      -> worker -> channel: as what -> courier: over HTTP
//!      -> book: what the receiver knows -> record: what outlives a restart
//! ```

mod alertmanager;
mod book;
mod channel;
mod courier;
mod desk;
mod line;
mod message;
mod meters;
mod pace;
mod problem;
mod record;
mod stand;
mod template;
#[cfg(test)]
mod tests;
mod told;
mod trial;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use musterd_probes::net::trust::Roots;
use musterd_probes::secret::Vault;
use prometheus::Registry;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clock::Clock;
use crate::config::{Config, Notifier, Place};
use crate::store::{News, Store};
use channel::{Channel, Letter};
use courier::{Courier, Post};
pub(crate) use courier::{TIMEOUT, explain};
use desk::{Desk, Known, Snapshot};
use message::State;
use meters::Meters;
use pace::Pace;
use record::Record;
use trial::Labels;
use worker::Means;

/// Everything is looked at this often, whatever news say: a reload may change a status without a
/// run.
const LOOK_ROUND: Duration = Duration::from_mins(1);

/// What receivers learnt is written down so soon: the news of an outage come close together.
const WRITE_WITHIN: Duration = Duration::from_secs(1);

/// Tells receivers of changes.
pub(crate) struct Notify {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    clock: Clock,
    meters: Meters,
    pace: Pace,
    room: usize,
    /// Instead of HTTP.
    courier: Option<Arc<dyn Courier>>,
    /// What outlives a restart.
    record: Option<Record>,
    wanted: watch::Receiver<Arc<Wanted>>,
    replace: Notifiers,
}

/// Who is told, as the configuration says, and what all messages hold.
#[derive(Debug, Default)]
struct Wanted {
    receivers: Vec<(String, Channel)>,
    about_us: AboutUs,
    /// Whether the platform's roots are trusted beside the bundled ones.
    system_roots: bool,
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
        Arc::new(Self { receivers, about_us, system_roots: config.system_roots })
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
            store,
            vault,
            clock,
            meters: Meters::new().expect("the family's name and labels are well-formed"),
            pace: Pace::default(),
            room: line::MOST,
            courier: None,
            record: None,
            wanted,
            replace: Notifiers(Arc::new(sender)),
        }
    }

    /// Shows its counters in a registry.
    pub(crate) fn metered(self, registry: &Registry) -> prometheus::Result<Self> {
        self.meters.register(registry)?;
        Ok(self)
    }

    /// Keeps in this directory what was told, and goes on from what stands there.
    pub(crate) fn remembering(self, directory: Option<&Path>) -> Self {
        let location = Arc::clone(&self.wanted.borrow().about_us.location);
        let record =
            directory.map(|directory| Record::of(directory, &location, self.clock.clone()));
        Self { record, ..self }
    }

    /// A way to replace the receivers later.
    pub(crate) fn notifiers(&self) -> Notifiers {
        self.replace.clone()
    }

    /// Works until `stop`, and then tries once more what waits.
    pub(crate) async fn work(
        self,
        mut news: broadcast::Receiver<Arc<News>>,
        stop: CancellationToken,
    ) {
        let mut wanted = self.wanted;
        let first = Arc::clone(&wanted.borrow_and_update());
        let (over_http, mut system_roots) = (self.courier.is_none(), first.system_roots);
        let courier = match self.courier {
            Some(courier) => courier,
            None => match courier::post(system_roots, self.clock.clone()).await {
                Ok(post) => post,
                Err(error) => {
                    tracing::error!(error, "nobody can be notified: there is no HTTP client");
                    return;
                }
            },
        };
        let learnt = Arc::new(tokio::sync::Notify::new());
        let means = Means {
            store: self.store,
            vault: self.vault,
            clock: self.clock.clone(),
            courier,
            meters: self.meters,
            pace: self.pace,
            learnt: Arc::clone(&learnt),
        };
        let remembered = match &self.record {
            Some(record) => record.read().await,
            None => Known::new(),
        };
        let mut desk = Desk::new(means, self.room, remembered);
        let (known, to_write) = watch::channel(Snapshot::default());
        let keeping = self.record.map(|record| tokio::spawn(record.keep(to_write)));
        let mut write_at: Option<Instant> = None;
        // Held here as well, so that the channel stays open without a reload.
        let _replace = self.replace;
        desk.take_on(&first).await;
        let mut look_round = interval(LOOK_ROUND);
        look_round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = desk.gathering.next_due();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Ok(()) = wanted.changed() => {
                    let wanted = Arc::clone(&wanted.borrow_and_update());
                    if over_http && wanted.system_roots != system_roots {
                        match courier::post(wanted.system_roots, self.clock.clone()).await {
                            Ok(post) => {
                                system_roots = wanted.system_roots;
                                desk.employ(post);
                            }
                            Err(error) => {
                                tracing::error!(error, "receivers are trusted as before");
                            }
                        }
                    }
                    desk.take_on(&wanted).await;
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
                () = learnt.notified(), if keeping.is_some() => {
                    write_at.get_or_insert_with(|| Instant::now() + WRITE_WITHIN);
                }
                () = sleep_until(write_at.unwrap_or_else(Instant::now)), if write_at.is_some() => {
                    write_at = None;
                    known.send_replace(desk.snapshot());
                }
                _ = look_round.tick() => {
                    desk.revive().await;
                    desk.resynchronise();
                }
            }
        }
        known.send_replace(desk.close().await);
        drop(known);
        if let Some(keeping) = keeping
            && let Err(error) = keeping.await
        {
            tracing::error!(%error, "the task that keeps what was notified was lost");
        }
    }
}

/// Sends one thing once within `timeout`, to somebody who is no receiver: an error says what was
/// answered, without the URL.
pub(crate) async fn send(
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: String,
    roots: &Roots,
    timeout: Duration,
) -> Result<(), String> {
    let post = Post::patient(roots, timeout, Clock::system()).await?;
    post.send(method, Letter { url, headers, body }).await.map_err(|undelivered| undelivered.why)
}

/// What is wrong with the templates of a configuration's receivers, a line each; nothing when all
/// is well.
pub(crate) fn problems(config: &Config) -> Vec<String> {
    let labels = Labels::of(config);
    let wrong = |notifier: &Notifier| {
        let error = Channel::of(notifier).check(&labels).err()?;
        let Place { file, line, column } = &notifier.place;
        let name = &notifier.name;
        Some(format!(
            "{file}:{line}:{column}: error: the `body` of the receiver `{name}` is no template \
             that can be used: {error}"
        ))
    };
    config.notify.iter().filter_map(wrong).collect()
}

/// Sends a receiver a test message, first that something is wrong and then that it is over: how
/// both went, without any secret.
pub(crate) async fn try_out(
    notifier: &Notifier,
    config: &Config,
    roots: &Roots,
    vault: &Vault,
    clock: &Clock,
) -> [Result<(), String>; 2] {
    let post = match Post::new(roots, clock.clone()).await {
        Ok(post) => post,
        Err(error) => return [Err(error.clone()), Err(error)],
    };
    let (channel, labels) = (Channel::of(notifier), Labels::of(config));
    let location = config.location.as_str().into();
    let send = async |state| {
        let message = trial::message(&location, &labels, state, clock.now());
        let tried = worker::attempt(&channel, &message, vault, &post).await;
        tried.map_err(|undelivered| vault.redact(&undelivered.why).into_owned())
    };
    [send(State::Firing).await, send(State::Resolved).await]
}
