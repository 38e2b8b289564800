//! A service as it is written, and what a profile shares with it.

use std::path::PathBuf;

use musterd_probes::impact::Impact;
use musterd_probes::net::budget::{Budget, Rate};
use musterd_probes::net::target::{Auth, CaFile, HeaderText};
use musterd_probes::severity::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use super::address::{Peer, Range};
use super::amount::{Burst, Latency, Percent, Stretch};
use super::check::CheckItem;
use super::entries::Entries;
use super::label::Labels;
use super::scalar::{Day, Glob, Header, Name, RuleId, Subject, Words};
use super::url::{BaseUrl, HostName, PlainUrl, ProxyUrl};
use crate::config::yaml::{Located, Raw};

/// Something deployed, with a base URL.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    /// What the service is called, everywhere.
    #[schemars(required)]
    pub(crate) name: Option<Located<Name>>,
    /// Its base URL: http or https, with a path if there is one, without user, query and fragment.
    #[schemars(required)]
    pub(crate) url: Option<Located<BaseUrl>>,
    /// The same service without TLS, for what should redirect; by default the URL's host at port
    /// 80 where the URL's port is 443.
    pub(crate) http_url: Option<PlainUrl>,
    /// Labels of the service: at most 32, in every output.
    #[serde(default)]
    pub(crate) labels: Labels,
    /// The most that checks may do to it: `passive`, `active` or `intrusive`. For checks that come
    /// from profiles it is a ceiling.
    pub(crate) allow: Option<Impact>,
    /// Authorities to trust beside the bundled roots.
    pub(crate) ca: Option<CaFile>,
    /// Send credentials even where the certificate does not verify, or where there is none.
    #[serde(default)]
    pub(crate) insecure: bool,
    /// What to show to a server that asks for a certificate.
    pub(crate) client_certificate: Option<CertificateFiles>,
    /// The name to ask for and to verify, instead of the URL's host.
    pub(crate) server_name: Option<HostName>,
    /// Connect to this address, whatever the URL's host resolves to: `IP:PORT`.
    pub(crate) connect_to: Option<Peer>,
    /// An HTTP proxy on the way: `http://HOST:PORT`.
    pub(crate) proxy: Option<ProxyUrl>,
    /// A name server of the service's own: `IP:PORT`.
    pub(crate) resolver: Option<Peer>,
    /// Credentials for every request.
    pub(crate) auth: Option<Located<Auth>>,
    /// Headers for every request. What carries a credential is a secret.
    #[serde(default)]
    pub(crate) headers: Entries<Header, Located<HeaderText>>,
    /// Link-local and metadata addresses that may be connected to all the same.
    #[serde(default)]
    pub(crate) allow_addresses: Vec<Range>,
    /// What active work may ask of the service's origins.
    pub(crate) budget: Option<BudgetKeys>,
    /// Promises over time.
    #[serde(default)]
    #[schemars(with = "Vec<Objective>")]
    pub(crate) objectives: Vec<Raw>,
    /// Profiles to take over. Of two that say different things the later one counts, and what the
    /// service says itself counts most.
    #[serde(default, rename = "use")]
    pub(crate) profiles: Vec<Located<String>>,
    /// Severities of rules, where they should differ from the rules' own.
    #[serde(default)]
    pub(crate) severity: Entries<RuleId, Severity>,
    /// Findings that are accepted for a while.
    #[serde(default)]
    #[schemars(with = "Vec<Waiver>")]
    pub(crate) waivers: Vec<Raw>,
    /// What is checked.
    #[serde(default)]
    #[schemars(with = "Vec<CheckItem>")]
    pub(crate) checks: Vec<Raw>,
}

/// The way to a service.
pub(crate) struct Way {
    pub(crate) http_url: Option<PlainUrl>,
    pub(crate) ca: Option<CaFile>,
    pub(crate) insecure: bool,
    pub(crate) client_certificate: Option<CertificateFiles>,
    pub(crate) server_name: Option<HostName>,
    pub(crate) connect_to: Option<Peer>,
    pub(crate) proxy: Option<ProxyUrl>,
    pub(crate) resolver: Option<Peer>,
    pub(crate) auth: Option<Located<Auth>>,
    pub(crate) headers: Entries<Header, Located<HeaderText>>,
    pub(crate) allow_addresses: Vec<Range>,
}

/// What a service is made of.
pub(crate) struct Parts {
    pub(crate) name: Option<Located<String>>,
    pub(crate) url: Option<::url::Url>,
    pub(crate) profiles: Vec<Located<String>>,
    pub(crate) own: Profile,
    pub(crate) way: Way,
}

impl Service {
    /// Takes a service apart.
    pub(crate) fn split(self) -> Parts {
        let Self {
            name,
            url,
            http_url,
            labels,
            allow,
            ca,
            insecure,
            client_certificate,
            server_name,
            connect_to,
            proxy,
            resolver,
            auth,
            headers,
            allow_addresses,
            budget,
            objectives,
            profiles,
            severity,
            waivers,
            checks,
        } = self;
        Parts {
            name: name.map(|name| Located { value: name.value.0, at: name.at }),
            url: url.map(|url| url.value.0),
            profiles,
            own: Profile { labels, allow, severity, waivers, budget, objectives, checks },
            way: Way {
                http_url,
                ca,
                insecure,
                client_certificate,
                server_name,
                connect_to,
                proxy,
                resolver,
                auth,
                headers,
                allow_addresses,
            },
        }
    }
}

/// What services have in common: they take it over with `use`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Profile {
    /// Labels of the services.
    pub(crate) labels: Labels,
    /// The most that checks may do to the services.
    pub(crate) allow: Option<Impact>,
    /// Severities of rules, where they should differ from the rules' own.
    pub(crate) severity: Entries<RuleId, Severity>,
    /// Findings that are accepted for a while.
    #[schemars(with = "Vec<Waiver>")]
    pub(crate) waivers: Vec<Raw>,
    /// What active work may ask of the services' origins.
    pub(crate) budget: Option<BudgetKeys>,
    /// Promises over time.
    #[schemars(with = "Vec<Objective>")]
    pub(crate) objectives: Vec<Raw>,
    /// What is checked. A check of a service replaces the one of the same name.
    #[schemars(with = "Vec<CheckItem>")]
    pub(crate) checks: Vec<Raw>,
}

/// A certificate and its private key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateFiles {
    /// PEM: the certificate, and what leads to its root.
    pub(crate) cert: PathBuf,
    /// PEM: its private key.
    pub(crate) key: PathBuf,
}

/// What active work may ask of an origin. The lowest budget that services give to one wins.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BudgetKeys {
    /// Requests in the long run; by default `1/s`.
    rate: Option<Rate>,
    /// Requests at once: from 1 to 1000, by default 5.
    burst: Option<Burst>,
    /// Bare connections in the long run; by default `10/s`.
    connections: Option<Rate>,
}

impl From<BudgetKeys> for Budget {
    fn from(keys: BudgetKeys) -> Self {
        let BudgetKeys { rate, burst, connections } = keys;
        let default = Self::default();
        Self {
            rate: rate.unwrap_or(default.rate),
            burst: burst.map_or(default.burst, |burst| burst.0),
            connections: connections.unwrap_or(default.connections),
        }
    }
}

/// A finding that is accepted for a while. It counts in neither verdict nor score and stays listed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waiver {
    /// The rule that found it.
    pub(crate) rule: Located<RuleId>,
    /// The checks that it may come from, by name or id: a pattern such as `web-*`; by default all.
    pub(crate) check: Option<Located<Glob>>,
    /// What it may be about: a pattern such as `*.shop.example`, or `""` for the check
    /// itself; by default everything.
    pub(crate) subject: Option<Subject>,
    /// Why it is accepted, for those who read it later.
    pub(crate) reason: Words,
    /// The last day on which it is accepted, in UTC.
    pub(crate) until: Located<Day>,
}

/// A promise over time: so many percent of the runs of some checks are good.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Objective {
    /// What the promise is called within its service.
    pub(crate) name: Located<Name>,
    /// The checks that it speaks of, by name or id: patterns such as `web-*`.
    pub(crate) checks: Vec<Located<Glob>>,
    /// How many percent of the runs are good: more than 0 and less than 100.
    pub(crate) target: Percent,
    /// Over how long: from 1h to 3660d.
    pub(crate) window: Stretch,
    /// Makes it a promise of latency: a run is good when it took no longer.
    pub(crate) under: Option<Latency>,
}
