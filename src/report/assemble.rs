//! From records and configuration to the status document.

use jiff::Timestamp;
use musterd_probes::judgement::Finding;
use musterd_probes::secret::Vault;
use musterd_probes::severity::Verdict;

use super::{CheckStatus, Document, FindingStatus, ServiceStatus, Totals, Untested, WaivedStatus};
use crate::config::Service;
use crate::policy::{self, Known, Waived};
use crate::runner::{Outcome, Record};
use crate::score;
use crate::status::Status;
use crate::store::CheckState;

/// A check after one run, without any damping: its status is its verdict.
pub(crate) fn check_of_record(record: &Record, vault: &Vault) -> CheckStatus {
    let (findings, untested) = match &record.outcome {
        Outcome::Blind(_) => (Vec::new(), Vec::new()),
        Outcome::Saw { ruling, .. } => (
            ruling
                .findings
                .iter()
                .map(|ruled| finding(&ruled.finding, ruled.waived.as_ref(), record.at, vault))
                .collect(),
            ruling
                .untested()
                .map(|(rule, reason)| Untested {
                    rule: rule.to_owned(),
                    reason: vault.redact(reason).into_owned(),
                })
                .collect(),
        ),
    };
    CheckStatus {
        id: record.check.id.to_string(),
        probe: record.check.kind.name.to_owned(),
        verdict: Some(record.verdict()),
        status: record.verdict().into(),
        reason: record.reason().map(|reason| vault.redact(reason).into_owned()),
        since: None,
        last_run: Some(record.at),
        next_run: None,
        interval_seconds: record.check.interval.as_secs_f64(),
        duration_seconds: Some(record.duration.as_secs_f64()),
        findings,
        untested,
        evidence: None,
    }
}

/// A check as the store knows it.
pub(crate) fn check_of_state(state: &CheckState, vault: &Vault) -> CheckStatus {
    let (last, run) = (state.last.as_deref(), state.last_run());
    let redacted = |text: &str| vault.redact(text).into_owned();
    CheckStatus {
        id: state.check.id.to_string(),
        probe: state.check.kind.name.to_owned(),
        verdict: run.map(|run| run.verdict),
        status: state.damped.status,
        reason: last.and_then(|last| last.reason()).map(redacted),
        since: Some(state.damped.since),
        last_run: run.map(|run| run.at()),
        next_run: state.next_run(),
        interval_seconds: state.check.interval.as_secs_f64(),
        duration_seconds: run.map(|run| run.duration().as_secs_f64()),
        findings: state
            .damped
            .open
            .iter()
            .map(|open| finding(&open.finding, open.waived.as_ref(), open.opened_at, vault))
            .collect(),
        untested: last
            .map(|last| {
                last.untested
                    .iter()
                    .map(|(rule, reason)| Untested {
                        rule: (*rule).to_owned(),
                        reason: redacted(reason),
                    })
                    .collect()
            })
            .unwrap_or_default(),
        evidence: None,
    }
}

/// The whole document from the states of all checks, which stand in the configuration's order.
#[cfg(test)]
pub(crate) fn estate(
    states: &[std::sync::Arc<CheckState>],
    location: &str,
    at: Timestamp,
    vault: &Vault,
) -> Document {
    let services = states
        .chunk_by(|one, next| one.service.name == next.service.name)
        .map(|states| {
            let checks: Vec<CheckStatus> =
                states.iter().map(|state| check_of_state(state, vault)).collect();
            let mut service = service_of(&states[0].service, &known(&states[0]), checks, at, vault);
            let checks = states.iter().map(|state| (state.damped.status, state.damped.since));
            service.since = since(service.status, checks, &service.findings);
            service
        })
        .collect();
    document(services, location.to_owned(), at)
}

fn finding(
    finding: &Finding,
    waived: Option<&Waived>,
    opened_at: Timestamp,
    vault: &Vault,
) -> FindingStatus {
    let Finding { about, subject, severity, saw, wanted } = finding;
    FindingStatus {
        rule: about.id.to_owned(),
        severity: *severity,
        subject: vault.redact(subject).into_owned(),
        title: about.title.to_owned(),
        saw: vault.redact(saw).into_owned(),
        wanted: vault.redact(wanted).into_owned(),
        why: about.why.to_owned(),
        fix: about.fix.to_owned(),
        references: about.references.iter().map(|text| (*text).to_owned()).collect(),
        opened_at: Some(opened_at),
        waived: waived
            .map(|waived| WaivedStatus { reason: waived.reason.clone(), until: waived.until }),
    }
}

/// What is known of the service of a check.
pub(crate) fn known(state: &CheckState) -> Known {
    state.standing.known(&state.service)
}

/// Since when a service stands as it does: it is well since all of its checks are, and as bad as
/// it is since one of them, or something that policy finds, is so bad without a break.
pub(crate) fn since(
    status: Status,
    checks: impl Iterator<Item = (Status, Timestamp)>,
    of_policy: &[FindingStatus],
) -> Option<Timestamp> {
    if status == Status::Pass {
        return checks.map(|(_, since)| since).max();
    }
    let found = of_policy
        .iter()
        .filter_map(|finding| Some((Verdict::of([finding.severity]).into(), finding.opened_at?)));
    checks.chain(found).filter(|(one, _)| *one == status).map(|(_, since)| since).min()
}

/// What policy itself finds of a service at `at`.
pub(crate) fn of_policy(
    service: &Service,
    known: &Known,
    at: Timestamp,
    vault: &Vault,
) -> Vec<FindingStatus> {
    let found = policy::of_service(service, known, at);
    found.iter().map(|(found, since)| finding(found, None, *since, vault)).collect()
}

/// A service from its checks, with what policy itself finds at `at`.
pub(crate) fn service_of(
    service: &Service,
    known: &Known,
    checks: Vec<CheckStatus>,
    at: Timestamp,
    vault: &Vault,
) -> ServiceStatus {
    let findings = of_policy(service, known, at, vault);
    let policy_status = Verdict::of(findings.iter().map(|finding| finding.severity));
    // Policy can only make a service worse: alone it shows nothing of the service.
    let status = Status::worst(
        checks
            .iter()
            .map(|check| check.status)
            .chain((!findings.is_empty()).then(|| policy_status.into())),
    );
    let known =
        checks.iter().any(|check| !matches!(check.status, Status::Unknown | Status::Pending));
    let open = checks
        .iter()
        .flat_map(|check| check.findings.iter().map(move |finding| (check.id.as_str(), finding)))
        .chain(findings.iter().map(|finding| ("", finding)))
        .filter(|(_, finding)| finding.waived.is_none())
        .map(|(check, finding)| (check, finding.rule.as_str(), finding.severity));
    let score = known.then(|| score::of_service(open));
    ServiceStatus {
        name: service.name.clone(),
        url: service.target.url.to_string(),
        labels: service.labels.clone(),
        status,
        score,
        since: None,
        findings,
        checks,
    }
}

/// The whole document.
pub(crate) fn document(
    services: Vec<ServiceStatus>,
    location: String,
    generated_at: Timestamp,
) -> Document {
    let statuses = services.iter().flat_map(|service| &service.checks).map(|check| check.status);
    let totals = Totals::of(services.len(), statuses);
    Document {
        status: Status::worst(services.iter().map(|service| service.status)),
        score: score::of_estate(services.iter().map(|service| service.score)),
        generated_at,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        location,
        totals,
        services,
    }
}
