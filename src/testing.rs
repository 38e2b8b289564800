//! What unit tests of several parts need.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::impact::Impact;
use musterd_probes::net::budget::Budgets;
use musterd_probes::net::network::Network;
use musterd_probes::net::resolve::Resolver;
use musterd_probes::net::target::Target;
use musterd_probes::net::trust::Roots;
use musterd_probes::registry::Registration;
use musterd_probes::secret::Vault;

use crate::config::{Check, Place, Service, Severities, Terms};
use crate::store::Pause;

/// A line of a file that does not exist.
pub(crate) fn place() -> Place {
    Place { file: "musterd.yaml".into(), line: 7, column: 9 }
}

/// A check of this kind on the service `shop`, named after its probe.
pub(crate) fn check(kind: &'static Registration, settings: &serde_json::Value) -> Check {
    Check {
        id: format!("shop/{}", kind.name).into(),
        kind,
        probe: kind.build_json(settings).expect("settings that make a probe"),
        interval: Duration::from_secs(30),
        terms: Arc::new(Terms {
            settings: Arc::new(settings.clone()),
            timeout: Duration::from_secs(1),
            confirm: 2,
            retry_interval: Duration::from_secs(30),
            allow: Impact::Active,
            severity: Severities::default(),
            labels: BTreeMap::new(),
        }),
        identity: 0,
        place: place(),
    }
}

/// The service `shop` with these checks.
pub(crate) fn service(checks: Vec<Arc<Check>>) -> Service {
    let url = "http://127.0.0.1:9/".parse().expect("a URL");
    Service {
        name: "shop".to_owned(),
        labels: BTreeMap::new(),
        target: Arc::new(Target::new("shop", url)),
        budget: None,
        checks,
        waivers: Vec::new(),
        objectives: Vec::new(),
        severity: indexmap::IndexMap::new(),
        place: place(),
    }
}

/// A pause of an hour since then, because a check of the service `shop` is refused.
pub(crate) fn pause(since: Timestamp) -> Pause {
    let length = SignedDuration::from_hours(1);
    Pause { since, until: since + length, length, refused: ["shop/http".into()].into() }
}

/// A network without a name server and with an empty environment.
pub(crate) fn network() -> Arc<Network> {
    Arc::new(bare_network())
}

/// The same, for whoever adds to it.
pub(crate) fn bare_network() -> Network {
    Network::new(
        Roots::new(false).0,
        Resolver::fixed([]),
        Arc::new(Vault::new(|_| None)),
        Budgets::default(),
        None,
    )
}

/// Compares a text with a golden file below `tests/golden`; `BLESS=1` writes it anew.
#[track_caller]
pub(crate) fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    musterd_test_support::golden::golden(&path, actual);
}
