//! One receiver's task: takes its line message by message, off the path of probing.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::secret::Vault;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::alertmanager;
use super::channel::{self, Channel, Unwritten};
use super::courier::{Courier, Undelivered};
use super::line::{Line, Lost};
use super::message::{Before, Message, Writer};
use super::meters::{Meters, Outcome};
use super::pace::Pace;
use super::problem::{Problem, Whose};
use super::stand::Stand;
use crate::clock::Clock;
use crate::store::Store;

/// When the daemon stops, what waits is tried once more, within so long for all of it.
pub(crate) const LAST_TRY: Duration = Duration::from_secs(5);

/// What was given up before is tried again for so long: a receiver that fails at one message, and
/// at nothing else, gets the others.
const TRY_AGAIN: Duration = Duration::from_mins(1);

/// What every receiver's task needs.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Clock,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) meters: Meters,
    pub(crate) pace: Pace,
    /// Hears when a receiver learnt something.
    pub(crate) learnt: Arc<tokio::sync::Notify>,
}

impl Means {
    /// How a check, or the policy of a service, stands now.
    pub(crate) fn look(&self, id: &str) -> Option<Stand> {
        if let Some(state) = self.store.state(id) {
            return Some(Stand::of(&state));
        }
        let (service, standing) = self.store.standing(id)?;
        Some(Stand::of_policy(&service, &standing, self.clock.now()))
    }
}

/// One receiver's task.
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) channel: Channel,
    pub(crate) line: Arc<Line>,
    pub(crate) means: Means,
    pub(crate) writer: Writer,
}

/// How the delivery of one message ended.
enum Ended {
    Sent,
    Failed(Lost),
    /// There is no time left for it.
    Late,
}

impl Worker {
    /// Delivers until `stop`, and then tries once more what waits.
    pub(crate) async fn work(self, stop: CancellationToken) {
        let mut late = pin!(async {
            stop.cancelled().await;
            sleep(LAST_TRY).await;
        });
        let mut repeat = Instant::now();
        loop {
            if self.channel.forgets() && Instant::now() >= repeat && !stop.is_cancelled() {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = self.repeat() => {}
                }
                repeat = Instant::now() + alertmanager::REPEAT;
            }
            if let Some((number, message)) = self.line.first() {
                let ended = self.deliver(&message, &stop, late.as_mut()).await;
                let outcome = match ended {
                    Ended::Sent => {
                        self.note(self.line.arrived(number, &message, Instant::now()));
                        Outcome::Sent
                    }
                    Ended::Failed(lost) => {
                        self.line.lost(number, &message, lost, Instant::now());
                        Outcome::Failed
                    }
                    Ended::Late => break,
                };
                self.means.meters.count(&self.name, outcome, 1);
                continue;
            }
            tokio::select! {
                biased;
                () = self.line.arrival() => {}
                () = stop.cancelled() => return,
                () = sleep_until(repeat), if self.channel.forgets() => {}
            }
        }
        let dropped = self.line.clear();
        self.means.meters.count(&self.name, Outcome::Dropped, dropped);
        tracing::warn!(
            notifier = self.name,
            messages = dropped,
            "notifications were not delivered before the stop"
        );
    }

    async fn deliver(
        &self,
        message: &Message,
        stop: &CancellationToken,
        mut late: Pin<&mut impl Future<Output = ()>>,
    ) -> Ended {
        let give_up = Instant::now() + self.give_up(message);
        let (mut failed, mut perhaps, mut answered) = (0_u32, false, false);
        loop {
            let last = stop.is_cancelled();
            let tried = tokio::select! {
                biased;
                tried = self.attempt(message) => tried,
                () = late.as_mut() => return Ended::Late,
            };
            let undelivered = match tried {
                Ok(()) => {
                    tracing::debug!(notifier = self.name, told = message.summary, "notified");
                    return Ended::Sent;
                }
                Err(undelivered) => undelivered,
            };
            perhaps |= undelivered.perhaps;
            answered |= undelivered.answered;
            let Undelivered { for_good, why, wait, .. } = undelivered;
            failed = failed.saturating_add(1);
            let wait = self.means.pace.wait(failed, wait, fastrand::f64());
            if for_good || last || Instant::now() + wait > give_up {
                tracing::error!(
                    notifier = self.name,
                    told = message.summary,
                    tries = failed,
                    error = why,
                    "a notification was given up"
                );
                return Ended::Failed(match (perhaps, for_good, answered) {
                    (true, _, _) => Lost::Unanswered,
                    (false, true, _) => Lost::Refused,
                    (false, false, true) => Lost::Failing,
                    (false, false, false) => Lost::Unreached,
                });
            }
            tracing::warn!(
                notifier = self.name,
                told = message.summary,
                error = why,
                retry_seconds = wait.as_secs_f64(),
                "a notification was not delivered"
            );
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = sleep(wait) => {}
            }
        }
    }

    fn note(&self, learnt: bool) {
        if learnt {
            self.means.learnt.notify_one();
        }
    }

    /// What is said again anyway need not be tried for long: meanwhile nothing else is said again,
    /// and what is not would be over.
    fn give_up(&self, message: &Message) -> Duration {
        let most = self.means.pace.give_up;
        let most = if self.channel.forgets() { most.min(alertmanager::TRY) } else { most };
        if self.line.gave_up(message) { most.min(TRY_AGAIN) } else { most }
    }

    async fn attempt(&self, message: &Message) -> Result<(), Undelivered> {
        let (vault, courier) = (&self.means.vault, &*self.means.courier);
        let letter = match self.channel.letter(message, vault).await {
            Err(Unwritten::Template(error)) => {
                tracing::error!(
                    notifier = self.name,
                    told = message.summary,
                    error,
                    "the template `body` makes no body of this message: it is sent as \
                     musterd's own JSON"
                );
                self.channel.without_template().letter(message, vault).await?
            }
            letter => letter?,
        };
        courier.carry(letter).await
    }

    /// Says everything again that is wrong.
    async fn repeat(&self) {
        let Channel::Alertmanager { endpoint } = &self.channel else { return };
        let problems: Vec<(Arc<str>, Problem)> = self.line.said(|said| {
            said.iter().map(|(id, problem)| (Arc::clone(id), problem.clone())).collect()
        });
        let at = self.means.clock.now();
        for batch in problems.chunks(alertmanager::BATCH) {
            let messages: Vec<Message> =
                batch.iter().filter_map(|(id, problem)| self.again(id, problem, at)).collect();
            let alerts: Vec<_> = messages.iter().flat_map(alertmanager::alerts).collect();
            if alerts.is_empty() {
                continue;
            }
            let sent = match channel::alerts(endpoint, &alerts) {
                Ok(letter) => self.means.courier.carry(letter).await,
                Err(unwritten) => Err(unwritten.into()),
            };
            if let Err(Undelivered { for_good, why, .. }) = sent {
                tracing::warn!(
                    notifier = self.name,
                    error = why,
                    "what is wrong could not be said again; the next try is in a minute"
                );
                // A batch that is refused says nothing of the others.
                if for_good {
                    continue;
                }
                return;
            }
            for message in &messages {
                self.note(self.line.repeated(message, Instant::now()));
            }
        }
    }

    /// A problem as it stands now. One that is changing has a message of its own coming.
    fn again(&self, id: &str, problem: &Problem, at: Timestamp) -> Option<Message> {
        let stand = self.means.look(id)?;
        if stand.status != problem.status {
            return None;
        }
        // What was told before a restart may have begun before what is known of it.
        let change = self.writer.change(&stand, Before::default());
        Some(self.writer.message(&Whose::of(&stand.service), problem.status, vec![change], at))
    }
}

/// Writes a message for a channel and carries it, once.
pub(crate) async fn attempt(
    channel: &Channel,
    message: &Message,
    vault: &Vault,
    courier: &dyn Courier,
) -> Result<(), Undelivered> {
    courier.carry(channel.letter(message, vault).await?).await
}
