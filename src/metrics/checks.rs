//! The series of services and checks, rendered from a status document.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use musterd_probes::measurement::{self, Measurement};
use musterd_probes::severity::{Severity, Verdict};

use super::catalogue::{
    BUILD_INFO, CHECK_LAST_PASS, CHECK_LAST_RUN, CHECK_STATUS, FINDING, Family, PROBE_DURATION,
    PROBE_SUCCESS, SERVICE_INFO, SERVICE_SCORE, SERVICE_STATUS,
};
use super::exposition::{Exposition, Samples, Scope};
use crate::report::{CheckStatus, Document, FindingStatus, ServiceStatus};
use crate::status::Status;

/// Writes every family that a document and the measurements of its checks fill.
pub(crate) fn write(
    page: &mut Exposition,
    document: &Document,
    measurements: &HashMap<String, Vec<Measurement>>,
) {
    build_info(page);
    of_services(page, &document.services);
    let checks: Vec<(Scope, &CheckStatus)> = document
        .services
        .iter()
        .flat_map(|service| service.checks.iter().map(move |check| (service, check)))
        .map(|(service, check)| (scope(&service.name, &check.id, &check.probe), check))
        .collect();
    let each = |page: &mut Exposition, family: Family, write: Write| {
        let mut samples = page.family(family);
        for (scope, check) in &checks {
            write(&mut samples, scope, check);
        }
    };
    each(page, CHECK_STATUS, |samples, scope, check| statuses(samples, scope, check.status));
    each(page, CHECK_LAST_RUN, |samples, scope, check| time(samples, scope, check.last_run));
    each(page, CHECK_LAST_PASS, |samples, scope, check| {
        let passed = check.verdict == Some(Verdict::Pass);
        time(samples, scope, check.last_run.filter(|_| passed));
    });
    of_findings(page, &document.services);
    each(page, PROBE_SUCCESS, |samples, scope, check| success(samples, scope, check.status));
    each(page, PROBE_DURATION, |samples, scope, check| {
        duration(samples, scope, check.duration_seconds);
    });
    measured(page, &checks, measurements);
}

/// Writes what one family says of a check.
type Write = fn(&mut Samples<'_>, &Scope, &CheckStatus);

/// The labels of a check.
pub(crate) fn scope(service: &str, check: &str, probe: &str) -> Scope {
    Scope::new([("service", service), ("check", check), ("probe", probe)])
}

/// Which musterd this is.
pub(crate) fn build_info(page: &mut Exposition) {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    page.family(BUILD_INFO).sample(&Scope::default(), version, 1.0);
}

/// The families of services, without their findings.
pub(crate) fn of_services(page: &mut Exposition, services: &[ServiceStatus]) {
    let scopes: Vec<Scope> =
        services.iter().map(|service| Scope::new([("service", service.name.as_str())])).collect();
    let mut samples = page.family(SERVICE_INFO);
    for (service, scope) in services.iter().zip(&scopes) {
        let names = label_names(service.labels.keys());
        let values = service.labels.values().map(String::as_str);
        samples.sample(scope, names.iter().map(String::as_str).zip(values), 1.0);
    }
    let mut samples = page.family(SERVICE_STATUS);
    for (service, scope) in services.iter().zip(&scopes) {
        statuses(&mut samples, scope, service.status);
    }
    let mut samples = page.family(SERVICE_SCORE);
    for (service, scope) in services.iter().zip(&scopes) {
        if let Some(score) = service.score {
            samples.sample(scope, [], f64::from(score));
        }
    }
}

/// A time, where there is one.
pub(crate) fn time(samples: &mut Samples<'_>, scope: &Scope, at: Option<Timestamp>) {
    if let Some(at) = at {
        samples.sample(scope, [], at.as_duration().as_secs_f64());
    }
}

/// How many seconds something took, if it happened.
pub(crate) fn duration(samples: &mut Samples<'_>, scope: &Scope, seconds: Option<f64>) {
    if let Some(seconds) = seconds {
        samples.sample(scope, [], seconds);
    }
}

/// Whether a check is well, where that is known.
pub(crate) fn success(samples: &mut Samples<'_>, scope: &Scope, status: Status) {
    match status {
        Status::Pass | Status::Warn => samples.sample(scope, [], 1.0),
        Status::Fail => samples.sample(scope, [], 0.0),
        Status::Unknown | Status::Pending => {}
    }
}

/// How many runs of a check said what, in the order of [`Verdict::ALL`].
pub(crate) fn runs(samples: &mut Samples<'_>, scope: &Scope, runs: [u32; 4]) {
    for (verdict, count) in Verdict::ALL.into_iter().zip(runs) {
        samples.sample(scope, [("verdict", verdict.as_str())], f64::from(count));
    }
}

fn of_findings(page: &mut Exposition, services: &[ServiceStatus]) {
    let mut samples = page.family(FINDING);
    for service in services {
        counted(&mut samples, &service.name, "", service.findings.iter().map(kind));
        for check in &service.checks {
            counted(&mut samples, &service.name, &check.id, check.findings.iter().map(kind));
        }
    }
}

/// What findings are counted by: rule, severity, and whether they are waived.
pub(crate) type Counted<'a> = (&'a str, Severity, bool);

/// What a finding is counted by.
pub(crate) fn kind(finding: &FindingStatus) -> Counted<'_> {
    (&finding.rule, finding.severity, finding.waived.is_some())
}

/// One sample a status.
pub(crate) fn statuses(samples: &mut Samples<'_>, scope: &Scope, status: Status) {
    for each in Status::ALL {
        let value = if each == status { 1.0 } else { 0.0 };
        samples.sample(scope, [("status", each.as_str())], value);
    }
}

/// One sample for each rule, severity and waiver: how many subjects it is open on.
pub(crate) fn counted<'a>(
    samples: &mut Samples<'_>,
    service: &str,
    check: &str,
    findings: impl Iterator<Item = Counted<'a>>,
) {
    let mut open: Vec<(Counted<'a>, u32)> = Vec::new();
    for finding in findings {
        match open.iter_mut().find(|(known, _)| *known == finding) {
            Some((_, subjects)) => *subjects += 1,
            None => open.push((finding, 1)),
        }
    }
    if open.is_empty() {
        return;
    }
    let scope = Scope::new([("service", service), ("check", check)]);
    for ((rule, severity, waived), subjects) in open {
        let waived = if waived { "true" } else { "false" };
        let labels = [("rule", rule), ("severity", severity.as_str()), ("waived", waived)];
        samples.sample(&scope, labels, f64::from(subjects));
    }
}

/// What the probes measured, family by family.
fn measured(
    page: &mut Exposition,
    checks: &[(Scope, &CheckStatus)],
    measurements: &HashMap<String, Vec<Measurement>>,
) {
    let mut all: Vec<(usize, &Measurement)> = checks
        .iter()
        .enumerate()
        .filter_map(|(index, (_, check))| Some((index, measurements.get(&check.id)?)))
        .flat_map(|(index, measured)| measured.iter().map(move |one| (index, one)))
        .collect();
    all.sort_by_key(|(_, one)| one.family.name);
    for family in all.chunk_by(|(_, a), (_, b)| a.family.name == b.family.name) {
        let mut samples = page.measured(family[0].1.family);
        for check in family.chunk_by(|(a, _), (b, _)| a == b) {
            let (scope, _) = &checks[check[0].0];
            let of_check = check.iter().map(|(_, one)| (one.family, &*one.labels, one.value));
            measurement(&mut samples, scope, of_check);
        }
    }
}

/// What a check measured in one family. Of two values with the same labels the first counts: a
/// page with both would be refused as a whole.
pub(crate) fn measurement<'a>(
    samples: &mut Samples<'_>,
    scope: &Scope,
    of_family: impl Iterator<Item = (&'static measurement::Family, &'a [String], f64)> + Clone,
) {
    let all = of_family.clone();
    for (position, (family, labels, value)) in of_family.enumerate() {
        if all.clone().take(position).any(|(_, before, _)| before == labels) {
            continue;
        }
        let names = family.labels.iter().copied();
        samples.sample(scope, names.zip(labels.iter().map(String::as_str)), value);
    }
}

/// A service's labels as Prometheus takes them: other characters become `_`, and what would
/// meet a name that is taken gets `_` behind it until it is free.
pub(crate) fn label_names<'a>(keys: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut taken: BTreeSet<String> = BTreeSet::from(["service".to_owned()]);
    keys.map(|key| {
        let mut name: String =
            key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        // Names that begin with `__` are Prometheus' own.
        if name.starts_with("__")
            || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        {
            name.insert_str(0, "label_");
        }
        while !taken.insert(name.clone()) {
            name.push('_');
        }
        name
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_services_become_names_that_prometheus_takes() {
        let keys = ["a.b", "a_b", "app.kubernetes.io/name", "service", "1st", "__name__", "ü", ""];
        let keys = keys.map(str::to_owned);
        let names = label_names(keys.iter());
        assert_eq!(
            names,
            [
                "a_b",
                "a_b_",
                "app_kubernetes_io_name",
                "service_",
                "label_1st",
                "label___name__",
                "_",
                "label_"
            ]
        );
    }
}
