//! Tests of telling: what is told, in what words, how often, and over HTTP.

mod messages;
mod post;
mod restart;
mod told;
mod work;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::judgement::Finding;
use musterd_probes::rule::About;
use musterd_probes::run_id::RunId;
use musterd_probes::secret::{SecretRef, Vault};
use musterd_probes::severity::{Severity, Verdict};

use super::message::{Message, Writer};
use super::problem::Whose;
use super::stand::Stand;
use crate::config::{Check, Service};
use crate::damping::{Damped, Open};
use crate::policy::Waived;
use crate::status::Status;
use crate::store::{CheckState, News, RunSummary};
use crate::testing;

const EXPIRED: About = About {
    id: "tls.expired",
    severity: Severity::Critical,
    title: "the certificate has expired",
    why: "Clients refuse to connect.",
    fix: "Renew the certificate.",
    references: &[],
};
const SOON: About = About {
    id: "tls.expires-soon",
    severity: Severity::Medium,
    title: "the certificate expires soon",
    fix: "Renew the certificate.",
    ..EXPIRED
};
static ABOUTS: [About; 2] = [EXPIRED, SOON];

/// The second after the start of tests.
fn at(second: i64) -> Timestamp {
    "2026-01-02T03:04:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

fn open(about: &'static About, subject: &str, waived: bool) -> Open {
    Open {
        finding: Finding {
            about,
            subject: subject.to_owned(),
            severity: about.severity,
            saw: "it ended on 2026-01-01".to_owned(),
            wanted: "a date to come".to_owned(),
        },
        judged: about.severity,
        waived: waived.then(|| Waived {
            reason: "it goes away".to_owned(),
            until: "2026-06-30".parse().unwrap(),
        }),
        opened_at: at(7),
    }
}

/// What a status comes from.
fn findings(status: Status) -> Vec<Open> {
    match status {
        Status::Fail => vec![open(&ABOUTS[0], "CN=shop.example", false)],
        Status::Warn => vec![open(&ABOUTS[1], "CN=shop.example", false)],
        Status::Pass | Status::Unknown | Status::Pending => Vec::new(),
    }
}

/// A service with checks of these names.
fn service(name: &str, checks: &[&str]) -> Arc<Service> {
    let kind = musterd_probes::KINDS.iter().find(|kind| kind.name == "tcp").unwrap();
    let check = |check: &&str| {
        Arc::new(Check {
            id: format!("{name}/{check}").into(),
            ..testing::check(kind, &serde_json::json!({}))
        })
    };
    let mut service = testing::service(checks.iter().map(check).collect());
    name.clone_into(&mut service.name);
    service.labels = [("env", "production"), ("team", "core")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    Arc::new(service)
}

/// How the first check of a service stands.
fn state(service: &Arc<Service>, status: Status, since: i64) -> CheckState {
    let mut state = CheckState::new(Arc::clone(service), Arc::clone(&service.checks[0]), at(since));
    state.damped = Damped::restored(status, at(since), findings(status));
    state
}

/// What a run of a check did.
fn news(
    service: &Arc<Service>,
    check: usize,
    from: Option<Status>,
    status: Status,
    when: i64,
) -> News {
    News {
        sequence: 1,
        service: Arc::clone(service),
        check: Arc::clone(&service.checks[check]),
        run: Some(RunSummary::new(RunId::new(at(when), 0), Duration::ZERO, Verdict::Pass)),
        at: at(when),
        changed_from: from,
        status,
    }
}

/// A vault that has read the secret `hunter2hunter2`.
async fn vault() -> Arc<Vault> {
    let vault = Vault::new(|name| (name == "TOKEN").then(|| "hunter2hunter2".to_owned()));
    vault.read(&SecretRef::Env("TOKEN".into())).await.unwrap();
    Arc::new(vault)
}

fn writer(vault: Arc<Vault>) -> Writer {
    let external_url = Some("https://status.shop.example".into());
    Writer { vault, location: "berlin".into(), external_url }
}

/// A message of one change to a failure.
fn message(vault: Arc<Vault>) -> Message {
    let (writer, shop) = (writer(vault), service("shop", &["tls"]));
    let change = writer
        .change(&Stand::of(&state(&shop, Status::Fail, 7)), super::message::Before::default());
    writer.message(&Whose::of(&shop), Status::Fail, vec![change], at(12))
}
