//! Each flaw of the specimen makes its own findings, and mending it takes away no other one.

use std::collections::BTreeSet;
use std::sync::Arc;

use musterd_probes::secret::Vault;

use super::{Demo, Flaw};
use crate::oneshot::{self, Terms};
use crate::status::Status;

type Found = BTreeSet<(String, String, String)>;

/// Everything that is found on the specimens with these flaws.
async fn found(flaws: &[Flaw]) -> Found {
    let demo = Demo::start(flaws).await.expect("the specimens start");
    let vault = Arc::new(Vault::default());
    let network = Arc::new(oneshot::network(&demo.config, Arc::clone(&vault)));
    let selected: Vec<_> = demo
        .config
        .checks()
        .map(|(service, check)| (Arc::clone(service), Arc::clone(check)))
        .collect();
    let records = oneshot::run(&network, &selected, Terms::of_specimens(), |_| ()).await;
    let at = jiff::Timestamp::now();
    let document = oneshot::document(&selected, &records, &vault, "", at);
    for check in document.services.iter().flat_map(|service| &service.checks) {
        assert_ne!(check.status, Status::Unknown, "{}: {:?}", check.id, check.reason);
    }
    document
        .services
        .iter()
        .flat_map(|service| &service.checks)
        .flat_map(|check| {
            check
                .findings
                .iter()
                .map(|finding| (check.id.clone(), finding.rule.clone(), finding.subject.clone()))
        })
        .collect()
}

fn expected(flaws: &[Flaw]) -> Found {
    flaws
        .iter()
        .flat_map(|flaw| flaw.findings())
        .map(|(check, rule, subject)| {
            ((*check).to_owned(), (*rule).to_owned(), (*subject).to_owned())
        })
        .collect()
}

#[tokio::test]
async fn without_flaws_nothing_is_found_on_either_specimen() {
    assert_eq!(found(&[]).await, Found::new());
}

#[tokio::test]
async fn all_flaws_together_are_found_and_nothing_is_found_on_the_hardened_specimen() {
    assert_eq!(found(&Flaw::ALL).await, expected(&Flaw::ALL));
}

#[tokio::test]
async fn mending_one_flaw_takes_away_exactly_its_findings() {
    for mended in Flaw::ALL {
        let left: Vec<Flaw> = Flaw::ALL.into_iter().filter(|flaw| *flaw != mended).collect();
        assert_eq!(found(&left).await, expected(&left), "after mending {mended:?}");
    }
}
