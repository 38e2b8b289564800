//! The format of configuration files: what may be written, before it is known to make sense.

pub(crate) mod address;
pub(crate) mod amount;
pub(crate) mod check;
pub(crate) mod entries;
pub(crate) mod label;
pub(crate) mod scalar;
pub(crate) mod service;
pub(crate) mod url;

use std::path::PathBuf;

use musterd_probes::impact::Impact;
use musterd_probes::net::target::HeaderText;
use musterd_probes::secret::SecretRef;
use musterd_probes::severity::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use self::url::{ExternalUrl, HookUrl, Reference};
use super::yaml::{Located, Raw};
use address::Address;
use amount::{Confirm, Interval, Stretch, Timeout};
use entries::Entries;
use scalar::{BasePath, Contact, Header, Location, Name, RuleId};
use service::{CertificateFiles, Profile, Service};

/// What musterd watches, how, and whom it tells.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "The configuration of musterd")]
pub(crate) struct File {
    /// Where the daemon listens: an address and a port; by default `127.0.0.1:9797`.
    pub(crate) listen: Option<Address>,
    /// The daemon's own server.
    pub(crate) server: Server,
    /// Whom the owners of a target may ask; a part of the `User-Agent` of every request.
    pub(crate) contact: Option<Contact>,
    /// Where this instance looks from, when there are several.
    pub(crate) location: Option<Location>,
    /// What holds for every check that does not say otherwise.
    pub(crate) defaults: Defaults,
    /// What services have in common, by name.
    #[schemars(with = "Entries<Name, Profile>")]
    pub(crate) profiles: Entries<Name, Raw>,
    /// What is watched.
    #[schemars(with = "Vec<Service>")]
    pub(crate) services: Vec<Raw>,
    /// More files, by patterns that start from this file's directory. Lists of several files are
    /// joined; any other key may stand in one file only. Included files include no others.
    pub(crate) include: Vec<Located<String>>,
    /// References: while none of them can be connected to, it is our own network that is down.
    pub(crate) uplink: Vec<Reference>,
    /// What survives a restart.
    pub(crate) state: Option<State>,
    /// How long runs are kept. Without effect in this version, which keeps the latest in memory.
    pub(crate) history: Option<Located<History>>,
    /// Who is told of changes.
    #[schemars(with = "Vec<Notifier>")]
    pub(crate) notify: Vec<Raw>,
    /// Trust the platform's roots beside the bundled ones.
    pub(crate) system_roots: bool,
}

/// The daemon's own server.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// What every path but `/livez` and `/readyz` asks for, as Bearer or as the password of Basic.
    pub(crate) token: Option<SecretRef>,
    /// What posting a report asks for.
    pub(crate) report_token: Option<SecretRef>,
    /// Serve HTTPS.
    pub(crate) tls: Option<CertificateFiles>,
    /// The path under which a proxy shows the server, such as `/musterd`.
    pub(crate) base_path: Option<BasePath>,
    /// Where people reach the server, such as `https://ops.example/musterd`: what notifications
    /// link to, and a name by which a daemon on loopback may be read.
    pub(crate) external_url: Option<Located<ExternalUrl>>,
    /// Show the status page without the token. Without effect in this version, which has none.
    pub(crate) public: Option<Located<bool>>,
}

/// What holds for every check that does not say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Defaults {
    /// How often checks run: from 1s to 366d; by default each as it suits its probe.
    pub(crate) interval: Option<Interval>,
    /// How long one exchange may take: from 10ms to 5m; by default 10s.
    pub(crate) timeout: Option<Located<Timeout>>,
    /// How many runs in a row must be bad before the status is: from 1 to 10; by default 2.
    pub(crate) confirm: Option<Confirm>,
    /// How soon a run that was worse than the status is repeated; by default 30s, or the interval
    /// where that is shorter.
    pub(crate) retry_interval: Option<Interval>,
    /// The most that checks may do: `passive`, `active` (the default) or `intrusive`.
    pub(crate) allow: Option<Impact>,
    /// Severities of rules, where they should differ from the rules' own.
    pub(crate) severity: Entries<RuleId, Severity>,
}

/// What survives a restart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// The directory of statuses, of what was notified and of the ledger of intrusive work.
    pub(crate) path: PathBuf,
}

/// How long runs are kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct History {
    /// The directory of the runs; by default `history` in the one of `state`.
    pub(crate) path: Option<PathBuf>,
    /// For how long: from 1h to 3660d; by default 30d.
    pub(crate) keep: Option<Stretch>,
}

/// Someone who is told of changes: by `alertmanager` or by `webhook`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notifier {
    /// What the receiver is called.
    pub(crate) name: Located<Name>,
    /// Prometheus' Alertmanager, through version 2 of its API.
    pub(crate) alertmanager: Option<Located<Alertmanager>>,
    /// Anything that takes a POST.
    pub(crate) webhook: Option<Located<Webhook>>,
}

/// Prometheus' Alertmanager.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alertmanager {
    /// Its base URL.
    pub(crate) url: HookUrl,
}

/// Anything that takes a POST.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    /// Where to.
    pub(crate) url: HookUrl,
    /// Headers of the request. What carries a credential is a secret.
    #[serde(default)]
    pub(crate) headers: Entries<Header, Located<HeaderText>>,
    /// A template of the body; by default musterd's own JSON.
    pub(crate) body: Option<String>,
}
