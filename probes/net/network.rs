//! What all runs of a process share on their way to the network.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::HeaderValue;
use tokio::sync::OwnedMutexGuard;

use crate::net::budget::Budgets;
use crate::net::origin::Origin;
use crate::net::resolve::Resolver;
use crate::net::traffic::Traffic;
use crate::net::trust::Roots;
use crate::net::uplink::Uplink;
use crate::secret::Vault;

/// What all runs share: roots, resolver, secrets, budgets, locks, and the name that we go by.
#[derive(Debug)]
pub struct Network {
    /// The roots that a service's own trust starts from.
    pub roots: Roots,
    /// The machine's resolver.
    pub resolver: Resolver,
    /// Secrets, and their removal from all that was seen.
    pub vault: Arc<Vault>,
    /// How much active work each origin bears.
    pub budgets: Budgets,
    /// What we ourselves sent lately.
    pub traffic: Arc<Traffic>,
    /// Whether we have a network at all.
    pub uplink: Uplink,
    /// `musterd/VERSION`, with a contact where one is configured.
    pub user_agent: HeaderValue,
    locks: Arc<Mutex<Locks>>,
    at_rest: Arc<AtomicUsize>,
}

/// A run that waits for a limiter's window, for as long as this lives.
#[derive(Debug)]
pub struct Rest(Arc<AtomicUsize>);

impl Drop for Rest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

type Locks = HashMap<Origin, Arc<tokio::sync::Mutex<()>>>;

impl Network {
    /// A network. A contact that is no header value is left out.
    pub fn new(
        roots: Roots,
        resolver: Resolver,
        vault: Arc<Vault>,
        budgets: Budgets,
        contact: Option<&str>,
    ) -> Self {
        const PLAIN: &str = concat!("musterd/", env!("CARGO_PKG_VERSION"));
        let user_agent = contact
            .and_then(|contact| HeaderValue::from_str(&format!("{PLAIN} (+{contact})")).ok())
            .unwrap_or(HeaderValue::from_static(PLAIN));
        let (traffic, uplink, locks) = (Arc::default(), Uplink::default(), Arc::default());
        let at_rest = Arc::default();
        Self { roots, resolver, vault, budgets, traffic, uplink, user_agent, locks, at_rest }
    }

    /// With references for whether we have a network at all.
    #[must_use]
    pub fn with_uplink(self, uplink: Uplink) -> Self {
        Self { uplink, ..self }
    }

    /// Which knows what we send to these origins.
    #[must_use]
    pub fn following(self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.traffic.follow(origins);
        self
    }

    /// In the place of another one, some of whose runs may go on: with what was taken from its
    /// budgets, with its locks, and with what it knows of our traffic.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let budgets = self.budgets.after(&before.budgets);
        before.traffic.follow(self.traffic.followed());
        let (traffic, locks) = (Arc::clone(&before.traffic), Arc::clone(&before.locks));
        Self { budgets, traffic, locks, at_rest: Arc::clone(&before.at_rest), ..self }
    }

    /// Counts a run as waiting for a limiter's window until what comes back is dropped.
    #[must_use = "the run waits until this is dropped"]
    pub fn rest(&self) -> Rest {
        self.at_rest.fetch_add(1, Ordering::Relaxed);
        Rest(Arc::clone(&self.at_rest))
    }

    /// How many runs wait for a limiter's window: they do nothing, and keep nobody's permit.
    pub fn at_rest(&self) -> usize {
        self.at_rest.load(Ordering::Relaxed)
    }

    /// Waits until no other active run is at work on this origin.
    pub async fn lock(&self, origin: &Origin) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().expect("no panic under this lock");
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(locks.entry(origin.clone()).or_default())
        };
        lock.lock_owned().await
    }
}
