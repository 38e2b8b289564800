//! What was seen: the state of every check, its last runs, and the news of each.
//!
//! The store is a trait, so that a history on disk or in a database can take the memory's place.
//! There is one writer, the scheduler; readers get immutable states and never wait for it.

mod measured;
mod memory;
mod moment;
mod pause;
pub(crate) mod saved;
mod shared;
mod slot;
mod standing;
mod state;
mod summary;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::broadcast;

pub(crate) use memory::Memory;
pub(crate) use pause::Pause;
pub(crate) use standing::Standing;
pub(crate) use state::{CheckState, LastRun, Saved};
pub(crate) use summary::RunSummary;
pub(crate) use view::View;

use crate::config::{Check, Service};
use crate::damping::Step;
use crate::policy::Idle;
use crate::runner::Record;
use crate::status::Status;

/// A check with its service, as the configuration of now has them.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) service: Arc<Service>,
    pub(crate) check: Arc<Check>,
}

/// Keeps what was seen.
pub(crate) trait Store: Send + Sync {
    /// Takes over a configuration: keeps what is unchanged, starts what is new, and forgets what
    /// is gone.
    fn adopt(&self, watched: &[Watched], at: Timestamp);
    /// Puts a check back to where it stood before a restart.
    fn restore(&self, check: &str, saved: Saved);
    /// For how long a service's waivers have covered nothing, from before a restart.
    fn restore_waivers(&self, service: &str, waivers: BTreeMap<String, Idle>);
    /// What is known of a service beside its checks; `None` when it has none.
    fn standing(&self, service: &str) -> Option<(Arc<Service>, Arc<Standing>)>;
    /// Notes a run. `None` when its check is gone, or is another one by now.
    fn record(&self, record: &Record) -> Option<Step>;
    /// Notes that runs of a check were due and not made, for so long that what is known of it may
    /// not stand for now.
    fn miss(&self, check: &str, reason: &'static str, at: Timestamp);
    /// Judges what is open of a service by the waivers that count at this time.
    fn rejudge(&self, service: &Service, at: Timestamp);
    /// Notes when a check runs next.
    fn schedule(&self, check: &str, next_run: Timestamp);
    /// Notes that an origin refuses us, or that it serves us again.
    fn block(&self, origin: &str, pause: Option<Pause>);
    /// The origins that refuse us.
    fn pauses(&self) -> BTreeMap<Arc<str>, Pause>;
    /// How many checks there are.
    fn count(&self) -> usize;
    /// Brings what a reader saw of all checks up to date, for the price of what changed since.
    fn renew(&self, view: &mut View);
    /// Every check, in the order of the configuration.
    fn states(&self) -> Vec<Arc<CheckState>>;
    /// One check.
    fn state(&self, check: &str) -> Option<Arc<CheckState>>;
    /// A check's last runs, the latest first; failures outlive the others.
    fn runs(&self, check: &str) -> Option<Vec<RunSummary>>;
    /// What happens from now on.
    fn subscribe(&self) -> broadcast::Receiver<Arc<News>>;
}

/// What a run did, or what changed without one.
#[derive(Debug, Clone)]
pub(crate) struct News {
    /// Counts up by one, so that a reader sees a gap.
    pub(crate) sequence: u64,
    pub(crate) service: Arc<Service>,
    pub(crate) check: Arc<Check>,
    pub(crate) run: Option<RunSummary>,
    /// When the run began, or the status changed without one.
    pub(crate) at: Timestamp,
    /// The status before, where it changed.
    pub(crate) changed_from: Option<Status>,
    pub(crate) status: Status,
}
