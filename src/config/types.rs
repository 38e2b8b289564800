//! A configuration that is known to make sense: what every other part of the daemon works from.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use musterd_probes::contract::Probe;
use musterd_probes::impact::Impact;
use musterd_probes::net::budget::Budget;
use musterd_probes::net::origin::Origin;
use musterd_probes::net::target::Target;
use musterd_probes::registry::Registration;
use musterd_probes::secret::SecretRef;
use musterd_probes::severity::Severity;
use url::Url;

use super::read::Read;

/// A whole configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the daemon listens.
    pub(crate) listen: SocketAddr,
    /// How the daemon's own server works.
    pub(crate) server: Server,
    /// Whom the owners of a target may ask, in every request's `User-Agent`.
    pub(crate) contact: Option<String>,
    /// Where this instance looks from; empty when there is one only.
    pub(crate) location: String,
    /// Trust the platform's roots beside the bundled ones.
    pub(crate) system_roots: bool,
    /// References whose common failure means that we are cut off.
    pub(crate) uplink: Vec<Uplink>,
    /// Where statuses and the ledger survive a restart.
    pub(crate) state: Option<PathBuf>,
    /// How long runs are kept.
    pub(crate) history: Option<History>,
    /// Who is told of changes.
    pub(crate) notify: Vec<Notifier>,
    /// What is watched, in the order of the files.
    pub(crate) services: Vec<Arc<Service>>,
    /// What was read for it, for reloading.
    pub(crate) read: Read,
}

/// How the daemon's own server works.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// What every path but the daemon's own health asks for.
    pub(crate) token: Option<SecretRef>,
    /// What posting a report asks for.
    pub(crate) report_token: Option<SecretRef>,
    /// Certificate and key of the server.
    pub(crate) tls: Option<ServerTls>,
    /// Under which path it stands behind a proxy; empty, or with a leading and no trailing `/`.
    pub(crate) base_path: String,
    /// Where people reach it, without a closing `/`.
    pub(crate) external_url: Option<String>,
    /// Whether the page is shown without a token.
    pub(crate) public: bool,
}

/// Certificate and key of the daemon's own server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerTls {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// A reference that is reachable whenever we have a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uplink {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// How long runs are kept.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "checked now, obeyed with the long history"))]
pub(crate) struct History {
    pub(crate) path: PathBuf,
    pub(crate) keep: Duration,
}

/// Someone who is told of changes.
#[derive(Debug)]
pub(crate) struct Notifier {
    pub(crate) name: String,
    pub(crate) channel: Channel,
    /// Where it stands, for what is found out about it later.
    pub(crate) place: Place,
}

/// How someone is told.
#[derive(Debug)]
pub(crate) enum Channel {
    /// Prometheus' Alertmanager, API v2.
    Alertmanager { url: Url },
    /// Any receiver of a POST.
    Webhook {
        url: Url,
        headers: Vec<(http::HeaderName, musterd_probes::net::target::HeaderText)>,
        /// A template; `None` for our own JSON.
        body: Option<String>,
    },
}

/// Something deployed, with a base URL.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// How probes reach it.
    pub(crate) target: Arc<Target>,
    /// What active work may ask of its origins.
    pub(crate) budget: Option<Budget>,
    /// In the order of the file.
    pub(crate) checks: Vec<Arc<Check>>,
    pub(crate) waivers: Vec<Waiver>,
    pub(crate) objectives: Vec<Objective>,
    /// Severities of rules, by id, where they differ from the rules' own.
    pub(crate) severity: IndexMap<String, Severity>,
    /// Where it stands, for reports.
    pub(crate) place: Place,
}

/// One configured use of a probe on one service.
pub(crate) struct Check {
    /// `service/name`.
    pub(crate) id: Arc<str>,
    pub(crate) kind: &'static Registration,
    pub(crate) probe: Arc<dyn Probe>,
    pub(crate) interval: Duration,
    /// One for all checks of a service that have the same.
    pub(crate) terms: Arc<Terms>,
    /// The same as long as the check asks the same of the same target: not its interval, severities,
    /// labels or place.
    pub(crate) identity: u64,
    /// Where it stands, for reports.
    pub(crate) place: Place,
}

/// What is said of a check beside what it is and when it runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Terms {
    /// The probe's settings as they were written, for evidence files. Secrets are references.
    pub(crate) settings: Arc<serde_json::Value>,
    /// Bounds one exchange.
    pub(crate) timeout: Duration,
    /// Runs in a row that make a worse status.
    pub(crate) confirm: u32,
    pub(crate) retry_interval: Duration,
    /// The highest impact that was consented to.
    pub(crate) allow: Impact,
    /// Severities of rules, by id, where they differ from the rules' own.
    pub(crate) severity: Severities,
    pub(crate) labels: BTreeMap<String, String>,
}

/// Severities of rules, by id. Most checks have none of their own, which then takes no room.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Severities(Option<Box<IndexMap<String, Severity>>>);

impl Severities {
    /// A rule's, where it is not its own.
    pub(crate) fn of(&self, rule: &str) -> Option<Severity> {
        self.0.as_ref()?.get(rule).copied()
    }

    /// Sets a rule's.
    pub(crate) fn set(&mut self, rule: String, severity: Severity) {
        self.0.get_or_insert_default().insert(rule, severity);
    }
}

impl Check {
    /// What it is called within its service.
    pub(crate) fn name(&self) -> &str {
        self.id.split_once('/').map_or(&*self.id, |(_, name)| name)
    }

    /// The highest impact that a run of it can have: what its probe does, as far as that was
    /// consented to.
    pub(crate) fn impact(&self) -> Impact {
        self.probe.impact().min(self.terms.allow)
    }

    /// Whether a glob over names or ids of checks speaks of it.
    pub(crate) fn is_meant_by(&self, glob: &glob::Pattern) -> bool {
        glob.matches(self.name()) || glob.matches(&self.id)
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Check({})", self.id)
    }
}

/// A line of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Arc<str>,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// An accepted finding.
#[derive(Debug, Clone)]
pub(crate) struct Waiver {
    pub(crate) rule: String,
    /// A glob over check ids or names of the service; `None`: every check.
    pub(crate) check: Option<glob::Pattern>,
    /// A glob over subjects; `None`: every subject.
    pub(crate) subject: Option<glob::Pattern>,
    pub(crate) reason: String,
    /// The last day on which it counts, in UTC.
    pub(crate) until: Date,
}

impl Waiver {
    /// When its last day is over; `None` when time itself ends before.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        let next_day = self.until.checked_add(1.day()).ok()?;
        next_day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    }
}

/// A promise over time.
#[derive(Debug)]
pub(crate) struct Objective {
    pub(crate) name: String,
    /// Globs over the service's checks.
    pub(crate) checks: Vec<glob::Pattern>,
    /// In percent: more than 0 and less than 100.
    pub(crate) target: f64,
    /// Over which the target holds.
    pub(crate) window: Duration,
    /// Makes it an objective of latency.
    pub(crate) under: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9797)),
            server: Server::default(),
            contact: None,
            location: String::new(),
            system_roots: false,
            uplink: Vec::new(),
            state: None,
            history: None,
            notify: Vec::new(),
            services: Vec::new(),
            read: Read::default(),
        }
    }
}

impl Config {
    /// Every check, with its service.
    pub(crate) fn checks(&self) -> impl Iterator<Item = (&Arc<Service>, &Arc<Check>)> {
        self.services
            .iter()
            .flat_map(|service| service.checks.iter().map(move |check| (service, check)))
    }

    /// The budgets that services give to their origins.
    pub(crate) fn budgets(&self) -> impl Iterator<Item = (Origin, Budget)> {
        self.services.iter().flat_map(|service| {
            let target = &service.target;
            let urls = std::iter::once(&target.url).chain(target.http_url.as_ref());
            urls.filter_map(move |url| Some((Origin::of(url)?, service.budget?)))
        })
    }
}
