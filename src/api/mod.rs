//! The HTTP API: what it knows, what it may do, and who may ask.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use musterd_probes::secret::{Secret, Vault};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use self::everything::Everything;
use self::problem::Problem;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::heartbeat::Heartbeat;
use crate::store::Store;

mod answer;
mod checks;
mod conduct;
mod daemon;
mod estate;
mod events;
mod everything;
mod findings;
mod guard;
mod metrics;
mod openapi;
mod problem;
mod query;
mod readiness;
mod reports;
mod routes;
mod services;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use reports::{ANSWERED_WITHIN as REPORT_ANSWERED_WITHIN, Reports};

/// What every request may use.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) commands: Commands,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Clock,
    /// The daemon's own metric families.
    pub(crate) registry: prometheus::Registry,
    /// What changes with a reload.
    pub(crate) settings: watch::Receiver<Arc<Settings>>,
    /// Whether the daemon is ready to be asked.
    pub(crate) ready: watch::Receiver<bool>,
    pub(crate) stop: CancellationToken,
    /// Whether the scheduler goes round.
    pub(crate) heart: Heartbeat,
    /// Whether it listens where only this machine can connect.
    pub(crate) loopback: bool,
    /// What others posted.
    pub(crate) reports: Reports,
}

/// What of the configuration the API follows.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where this instance looks from; empty when there is one only.
    pub(crate) location: String,
    /// What every path but the daemon's own health asks for.
    pub(crate) token: Option<Secret>,
    /// What posting a report asks for.
    pub(crate) report_token: Option<Secret>,
    /// Under which path it stands behind a proxy; empty, or with a leading and no trailing `/`.
    pub(crate) base_path: String,
    /// By which name people reach it, where that is configured.
    pub(crate) name: Option<String>,
    /// Whether the page is shown without a token.
    #[expect(dead_code, reason = "only the page asks for it")]
    pub(crate) public: bool,
}

impl Settings {
    /// Whether who may ask is the same as by others.
    pub(crate) fn has_secrets_of(&self, others: &Self) -> bool {
        self.secrets() == others.secrets()
    }

    fn secrets(&self) -> [Option<&str>; 2] {
        [&self.token, &self.report_token].map(|secret| secret.as_ref().map(Secret::expose))
    }
}

/// What the API keeps besides.
struct Api {
    shared: Arc<Shared>,
    /// The status document and the page of metrics as they were written last.
    status: Mutex<status::Written>,
    metrics: Mutex<metrics::Written>,
    listeners: Arc<Semaphore>,
    /// Whether there were many checks when somebody looked at them last.
    many: AtomicBool,
}

/// Does what may take longer than a millisecond away from the threads that serve connections.
async fn off<T: Send + 'static>(
    long: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    if !long {
        return Ok(work());
    }
    // A panic is in the log already.
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::fault())
}

/// Looks at everything, away from the threads that serve connections where that is much.
async fn look<T: Send + 'static>(
    api: Arc<Api>,
    work: impl FnOnce(&Everything) -> T + Send + 'static,
) -> Result<T, Problem> {
    let many = api.many.load(Ordering::Relaxed);
    off(many, move || {
        let now = Everything::of(&api.shared);
        api.many.store(!now.is_small(0), Ordering::Relaxed);
        work(&now)
    })
    .await
}

/// As [`look`], for pages that are kept and look at what changed alone: they are given what others
/// reported, and how many checks run here.
async fn renew<T: Send + 'static>(
    api: Arc<Api>,
    work: impl FnOnce(&Api, Everything, usize) -> T + Send + 'static,
) -> Result<T, Problem> {
    let many = api.many.load(Ordering::Relaxed);
    off(many, move || {
        let (others, checks) = (Everything::of_others(&api.shared), api.shared.store.count());
        api.many.store(!others.is_small(checks), Ordering::Relaxed);
        work(&api, others, checks)
    })
    .await
}

/// What is kept, or nothing where somebody panicked in the middle of writing it.
fn kept<T: Default>(page: &Mutex<T>) -> MutexGuard<'_, T> {
    page.lock().unwrap_or_else(|poisoned| {
        page.clear_poison();
        let mut page = poisoned.into_inner();
        *page = T::default();
        page
    })
}

/// The API. The server hands in the peer's address as `ConnectInfo<SocketAddr>`
/// (`into_make_service_with_connect_info`); without it a peer counts as far away.
pub(crate) fn router(shared: Arc<Shared>) -> axum::Router {
    let api = Arc::new(Api {
        shared,
        status: Mutex::default(),
        metrics: Mutex::default(),
        listeners: Arc::new(Semaphore::new(events::MOST)),
        many: AtomicBool::new(false),
    });
    conduct::around(routes::router(Arc::clone(&api)), api)
}
