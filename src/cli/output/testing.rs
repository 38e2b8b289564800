//! Documents made by hand, for the tests of the outputs.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::measurement::{Family, Measurement};
use musterd_probes::severity::{Severity, Verdict};

use super::{Format, Guide, Report, Style, write};
use crate::config::Place;
use crate::report::{
    CheckStatus, Document, FindingStatus, ServiceStatus, Totals, Untested, WaivedStatus, document,
};
use crate::status::Status;

/// The time of everything.
pub(super) fn at() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().unwrap()
}

/// A finding in the making.
pub(super) fn finding(rule: &str, severity: Severity) -> FindingStatus {
    FindingStatus {
        rule: rule.to_owned(),
        severity,
        subject: String::new(),
        title: "something is not as it should be".to_owned(),
        saw: "one thing".to_owned(),
        wanted: "another thing".to_owned(),
        why: "Somebody has to get up at night.".to_owned(),
        fix: "Make it the other thing.".to_owned(),
        references: Vec::new(),
        opened_at: Some(at()),
        waived: None,
    }
}

impl FindingStatus {
    pub(super) fn on(mut self, subject: &str) -> Self {
        subject.clone_into(&mut self.subject);
        self
    }

    pub(super) fn says(mut self, title: &str, saw: &str, wanted: &str, fix: &str) -> Self {
        [&mut self.title, &mut self.saw, &mut self.wanted, &mut self.fix]
            .into_iter()
            .zip([title, saw, wanted, fix])
            .for_each(|(field, text)| text.clone_into(field));
        self
    }

    pub(super) fn see(mut self, reference: &str) -> Self {
        self.references.push(reference.to_owned());
        self
    }

    pub(super) fn waived(mut self, reason: &str) -> Self {
        self.waived =
            Some(WaivedStatus { reason: reason.to_owned(), until: "2027-01-31".parse().unwrap() });
        self
    }
}

/// A check in the making; its verdict comes from its findings.
pub(super) fn check(id: &str, probe: &str, findings: Vec<FindingStatus>) -> CheckStatus {
    let open = findings.iter().filter(|finding| finding.waived.is_none());
    let verdict = Verdict::of(open.map(|finding| finding.severity));
    CheckStatus {
        id: id.to_owned(),
        probe: probe.to_owned(),
        verdict: Some(verdict),
        status: verdict.into(),
        reason: None,
        since: None,
        last_run: Some(at()),
        next_run: None,
        interval_seconds: 60.0,
        duration_seconds: Some(0.043),
        findings,
        untested: Vec::new(),
        evidence: None,
    }
}

impl CheckStatus {
    pub(super) fn took(mut self, seconds: f64) -> Self {
        self.duration_seconds = Some(seconds);
        self
    }

    pub(super) fn blind(mut self, reason: Option<&str>) -> Self {
        self.verdict = Some(Verdict::Unknown);
        self.status = Status::Unknown;
        self.reason = reason.map(str::to_owned);
        self
    }

    pub(super) fn pending(mut self) -> Self {
        self.verdict = None;
        self.status = Status::Pending;
        self.last_run = None;
        self.duration_seconds = None;
        self
    }

    pub(super) fn untested(mut self, rules: &[&str], reason: &str) -> Self {
        self.untested.extend(
            rules
                .iter()
                .map(|rule| Untested { rule: (*rule).to_owned(), reason: reason.to_owned() }),
        );
        self
    }
}

/// A service in the making.
pub(super) fn service(name: &str, score: Option<u32>, checks: Vec<CheckStatus>) -> ServiceStatus {
    ServiceStatus {
        name: name.to_owned(),
        url: format!("https://{name}.example/"),
        labels: [("env", "production"), ("team", "core")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        status: Status::worst(checks.iter().map(|check| check.status)),
        score,
        since: None,
        findings: Vec::new(),
        checks,
    }
}

/// A report that owns what it is written from.
pub(super) struct Made {
    pub(super) document: Document,
    pub(super) places: HashMap<String, Place>,
    pub(super) measurements: HashMap<String, Vec<Measurement>>,
    pub(super) guide: Option<Guide>,
}

static CODE: Family =
    Family { name: "probe_http_status_code", help: "Status code of the last answer.", labels: &[] };
static PHASE: Family = Family {
    name: "probe_http_duration_seconds",
    help: "Time that each phase took.",
    labels: &["phase"],
};

impl Made {
    /// Every check stands in a line of its own, and those of HTTP measured something.
    pub(super) fn of(services: Vec<ServiceStatus>, location: &str) -> Self {
        let mut document = document(services, location.to_owned(), at());
        "0.1.0".clone_into(&mut document.version);
        let mut places = HashMap::new();
        let mut measurements = HashMap::new();
        let checks = document.services.iter().flat_map(|service| &service.checks);
        for (line, check) in (8..).step_by(2).zip(checks) {
            let file = "./config/my shop.yaml".into();
            places.insert(check.id.clone(), Place { file, line, column: 9 });
            if check.probe == "http" {
                let phase =
                    |name: &str, value| Measurement::labelled(&PHASE, vec![name.to_owned()], value);
                measurements.insert(
                    check.id.clone(),
                    vec![
                        phase("resolve", 0.004),
                        phase("connect", 0.012),
                        Measurement::new(&CODE, 200.0),
                        phase("resolve", 9.0),
                        phase("a \"quoted\"\nname\\", 0.0),
                    ],
                );
            }
        }
        Self { document, places, measurements, guide: None }
    }

    /// What is written to a device of this width, without colour.
    pub(super) fn written(&self, format: Format, width: usize) -> String {
        self.styled(format, Style { colour: false, width })
    }

    pub(super) fn styled(&self, format: Format, style: Style) -> String {
        let report = Report {
            document: &self.document,
            exit_code: match self.document.totals {
                Totals { fail: 1.., .. } => 1,
                Totals { unknown: 1.., .. } => 3,
                _ => 0,
            },
            duration: Duration::from_micros(1_234_567),
            places: &self.places,
            measurements: &self.measurements,
            guide: self.guide.as_ref(),
        };
        let mut out = Vec::new();
        write(format, &report, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}
