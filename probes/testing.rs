//! What tests of kinds need: a context to loopback, and judging evidence written as JSON.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::context::{Context, Limits, Run};
use crate::contract::{Kind, Probe};
use crate::impact::Impact;
use crate::net::budget::Budgets;
use crate::net::network::Network;
use crate::net::resolve::Resolver;
use crate::net::target::Target;
use crate::net::trust::Roots;
use crate::run_id::RunId;
use crate::secret::Vault;

/// A probe from settings as JSON.
pub(crate) fn probe<K: Kind>(settings: &str) -> K {
    match K::new(serde_json::from_str(settings).expect("settings of the right shape")) {
        Ok(probe) => probe,
        Err(error) => panic!("{settings}: {error}"),
    }
}

/// The ids of the rules that fire on evidence, with their subjects where they have one.
pub(crate) fn judged<K: Kind>(settings: &str, evidence: serde_json::Value) -> Vec<String> {
    let probe = probe::<K>(settings);
    let evidence = Probe::parse(&probe, evidence).expect("evidence of the right shape");
    Probe::judge(&probe, &evidence, &[], Timestamp::UNIX_EPOCH)
        .findings
        .iter()
        .map(|finding| match finding.subject.as_str() {
            "" => finding.about.id.to_owned(),
            subject => format!("{} {subject}", finding.about.id),
        })
        .collect()
}

/// A network without a name server, with an environment that holds `TOKEN=s3cr3t-t0k3n`.
pub(crate) fn network() -> Network {
    Network::new(
        Roots::new(false).0,
        Resolver::fixed([]),
        Arc::new(Vault::new(|name| (name == "TOKEN").then(|| "s3cr3t-t0k3n".to_owned()))),
        Budgets::default(),
        None,
    )
}

/// One run that may take two seconds an exchange.
pub(crate) fn run(consent: Impact) -> Run {
    Run {
        id: RunId::new(Timestamp::UNIX_EPOCH, 1),
        at: Timestamp::UNIX_EPOCH,
        timeout: Duration::from_secs(2),
        consent,
        deep: false,
        max_wait: Duration::from_secs(30),
        limits: Limits::of(consent, false),
    }
}

/// A context to a URL.
pub(crate) fn context(url: &str) -> Context {
    context_to(Target::new("test", url.parse().expect("a URL")))
}

/// A context to a target.
pub(crate) fn context_to(target: Target) -> Context {
    Context::new(Arc::new(network()), Arc::new(target), run(Impact::Active))
}
