//! The HTTP API: what it knows, what it may do, and who may ask.

use std::net::SocketAddr;
use std::sync::Arc;

use musterd_probes::secret::{Secret, Vault};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::commands::Commands;
use crate::store::Store;

mod reports;

pub(crate) use reports::Reports;

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
    /// What others posted.
    pub(crate) reports: Reports,
}

/// What of the configuration the API follows.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where the daemon listens: one of the hosts under which it is asked.
    pub(crate) listen: SocketAddr,
    /// Where this instance looks from; empty when there is one only.
    pub(crate) location: String,
    /// What every path but the daemon's own health asks for.
    pub(crate) token: Option<Secret>,
    /// What posting a report asks for.
    pub(crate) report_token: Option<Secret>,
    /// Under which path it stands behind a proxy; empty, or with a leading and no trailing `/`.
    pub(crate) base_path: String,
    /// Whether the page is shown without a token.
    pub(crate) public: bool,
}

/// The API. The server hands in the peer's address as `ConnectInfo<SocketAddr>`
/// (`into_make_service_with_connect_info`); without it a peer counts as far away.
pub(crate) fn router(shared: Arc<Shared>) -> axum::Router {
    axum::Router::new().with_state(shared)
}
