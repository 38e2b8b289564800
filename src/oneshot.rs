//! Every selected check once, in parallel, and the document that comes of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::contract::Earlier;
use musterd_probes::impact::Impact;
use musterd_probes::net::budget::Budgets;
use musterd_probes::net::network::Network;
use musterd_probes::net::origin::Origin;
use musterd_probes::net::resolve::Resolver;
use musterd_probes::net::trust::Roots;
use musterd_probes::net::uplink::Uplink;
use musterd_probes::secret::Vault;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::config::{Check, Config, Service};
use crate::ledger::{Ledger, Route};
use crate::report::{self, Document};
use crate::runner::{self, Order, Record};

/// At most so many checks run at once.
const AT_ONCE: usize = 64;

/// Of one host, at most so many checks run at once: a host that hangs keeps no one else waiting.
const AT_ONCE_A_HOST: usize = 8;

/// A check that was selected, with its service.
pub(crate) type Selected = (Arc<Service>, Arc<Check>);

/// The network of a configuration.
pub(crate) fn network(config: &Config, vault: Arc<Vault>) -> Network {
    let (roots, errors) = Roots::new(config.system_roots);
    for error in errors {
        tracing::warn!(%error, "a part of the platform's root certificates cannot be read");
    }
    let budgets = Budgets::new(config.budgets());
    let uplink = config.uplink.iter().map(|uplink| (uplink.host.clone(), uplink.port));
    let contact = config.contact.as_deref();
    let counted = config
        .checks()
        .filter(|(_, check)| check.probe.counts_traffic())
        .filter_map(|(service, _)| Origin::of(&service.target.url));
    Network::new(roots, Resolver::system(), vault, budgets, contact)
        .with_uplink(Uplink::new(uplink))
        .following(counted)
}

/// What holds for every check of a one-shot run.
pub(crate) struct Terms<'a> {
    /// A ceiling on what checks may do.
    pub(crate) ceiling: Impact,
    /// The longest wait for a limiter's window.
    pub(crate) max_wait: Duration,
    /// Where we look from.
    pub(crate) location: &'a str,
    /// Obeyed and written, where the configuration has a place for one.
    pub(crate) ledger: Option<Ledger>,
}

impl Terms<'_> {
    /// Everything at once: nobody else uses the demo's specimens.
    pub(crate) fn of_specimens() -> Self {
        let max_wait = Duration::from_secs(10);
        Self { ceiling: Impact::Intrusive, max_wait, location: "", ledger: None }
    }
}

/// Runs every selected check once. Records come back in the order of the selection; `done` hears
/// of each as it ends.
pub(crate) async fn run(
    network: &Arc<Network>,
    selected: &[Selected],
    terms: Terms<'_>,
    mut done: impl FnMut(&Record),
) -> Vec<Record> {
    let Terms { ceiling, max_wait, location, ledger } = terms;
    let location: Arc<str> = location.into();
    let global = Arc::new(Semaphore::new(AT_ONCE));
    let mut hosts: HashMap<String, Arc<Semaphore>> = HashMap::new();
    let mut running = JoinSet::new();
    for (index, (service, check)) in selected.iter().enumerate() {
        let host = service.target.url.host_str().unwrap_or_default().to_owned();
        let host = Arc::clone(
            hosts.entry(host).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE_A_HOST))),
        );
        let (network, global) = (Arc::clone(network), Arc::clone(&global));
        let (service, check) = (Arc::clone(service), Arc::clone(check));
        let (location, ledger) = (Arc::clone(&location), ledger.clone());
        running.spawn(async move {
            // The host's turn comes first, so that its queue holds no global permit.
            let _host = host.acquire_owned().await;
            let _global = global.acquire_owned().await;
            let at = Timestamp::now();
            let claim = claim(ledger.as_ref(), &service, &check, ceiling, at).await;
            let daily = !matches!(claim, Claim::Refused);
            let confirms = false;
            let order = Order { ceiling, daily, max_wait, confirms, at, location };
            let record = runner::run(&network, &service, &check, &Earlier::default(), &order).await;
            if let (Claim::Entered(ledger, route), true) = (claim, record.untouched)
                && let Err(error) = ledger.give_back(&route, at).await
            {
                tracing::warn!(check = %check.id, %error, "the ledger cannot be written");
            }
            (index, record)
        });
    }
    let mut records: Vec<Option<Record>> = selected.iter().map(|_| None).collect();
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok((index, record)) => {
                done(&record);
                records[index] = Some(record);
            }
            Err(error) => tracing::error!(%error, "a run was lost"),
        }
    }
    complete(selected, records, Timestamp::now())
}

/// What the ledger says to the parts of a check that run at most once a day.
enum Claim<'a> {
    /// They run, and nothing is entered: the check has none, or there is no ledger.
    Free,
    /// They run, and are entered.
    Entered(&'a Ledger, Route),
    /// They ran within the last day, or cannot be entered.
    Refused,
}

async fn claim<'a>(
    ledger: Option<&'a Ledger>,
    service: &Service,
    check: &Check,
    ceiling: Impact,
    at: Timestamp,
) -> Claim<'a> {
    let Some(ledger) = ledger.filter(|_| runner::is_daily(check, ceiling)) else {
        return Claim::Free;
    };
    let route = Route::of(service, check);
    match ledger.claim(&route, at).await {
        Ok(true) => Claim::Entered(ledger, route),
        Ok(false) => {
            tracing::info!(check = %check.id, "what runs at most once a day ran within the last one");
            Claim::Refused
        }
        Err(error) => {
            tracing::error!(check = %check.id, %error, "the ledger cannot be written: what runs at most once a day does not run");
            Claim::Refused
        }
    }
}

/// A record for each check: a run that was lost proves nothing, and must not be missing from the
/// report as if there had been nothing to look at.
fn complete(selected: &[Selected], records: Vec<Option<Record>>, at: Timestamp) -> Vec<Record> {
    selected
        .iter()
        .zip(records)
        .map(|((_, check), record)| record.unwrap_or_else(|| Record::lost(check, at)))
        .collect()
}

/// The document of a one-shot run: what was selected, in the order of the configuration.
pub(crate) fn document(
    selected: &[Selected],
    records: &[Record],
    vault: &Vault,
    location: &str,
    at: Timestamp,
) -> Document {
    let mut services: Vec<(&Arc<Service>, Vec<report::CheckStatus>)> = Vec::new();
    for ((service, _), record) in selected.iter().zip(records) {
        let status = report::check_of_record(record, vault);
        match services.iter_mut().find(|(present, _)| Arc::ptr_eq(present, service)) {
            Some((_, checks)) => checks.push(status),
            None => services.push((service, vec![status])),
        }
    }
    let services = services
        .into_iter()
        .map(|(service, checks)| {
            report::service_of(service, &report::Known::default(), checks, at, vault)
        })
        .collect();
    report::document(services, location.to_owned(), at)
}

#[cfg(test)]
mod tests {
    use musterd_probes::KINDS;
    use musterd_probes::severity::Verdict;

    use super::*;
    use crate::testing;

    #[test]
    fn a_run_that_was_lost_is_unknown_and_stands_at_its_own_check() {
        let checks: Vec<Arc<Check>> = KINDS
            .iter()
            .take(3)
            .map(|kind| Arc::new(testing::check(kind, &serde_json::json!({}))))
            .collect();
        let service = Arc::new(testing::service(checks.clone()));
        let selected: Vec<Selected> =
            checks.iter().map(|check| (Arc::clone(&service), Arc::clone(check))).collect();
        let records = complete(&selected, vec![None, None, None], Timestamp::UNIX_EPOCH);
        let ids: Vec<&str> = records.iter().map(|record| &*record.check.id).collect();
        assert_eq!(ids, ["shop/tcp", "shop/http", "shop/health"]);
        assert!(records.iter().all(|record| record.verdict() == Verdict::Unknown));
    }
}
