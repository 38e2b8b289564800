//! JUnit's XML: a suite a service, a case a check.
//!
//! `fail` is a failure, `unknown` an error, `pending` skipped; a warning is a case that passes and
//! says so in its output.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::severity::Verdict;
use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::human::{not_tested, open_finding, waived_finding, worst_first};
use super::page::{PLAIN, Page};
use super::text::{headline, legible};
use super::{Report, Style, why_unknown};
use crate::config::Place;
use crate::report::{CheckStatus, FindingStatus, ServiceStatus, Untested};
use crate::status::Status;

/// How the texts inside are set.
const STYLE: Style = Style { colour: false, width: 100 };

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let document = report.document;
    let mut junit = quick_junit::Report::new("musterd");
    junit.timestamp = date(document.generated_at);
    junit.set_time(report.duration);
    for service in &document.services {
        junit.add_test_suite(suite(report, service)?);
    }
    junit.serialize(out).map_err(io::Error::other)
}

fn suite(report: &Report<'_>, service: &ServiceStatus) -> io::Result<TestSuite> {
    let mut suite = TestSuite::new(legible(&service.name));
    suite.timestamp = date(report.document.generated_at);
    suite.set_time(service.checks.iter().filter_map(duration).sum());
    suite.add_property(Property::new("url", legible(&service.url)));
    if let Some(score) = service.score {
        suite.add_property(Property::new("score", score.to_string()));
    }
    for (key, value) in &service.labels {
        suite.add_property(Property::new(format!("label.{}", legible(key)), legible(value)));
    }
    if !service.findings.is_empty() {
        let severities = service.findings.iter().map(|finding| finding.severity);
        let policy = Source {
            name: "policy",
            status: Verdict::of(severities).into(),
            why_unknown: "",
            findings: &service.findings,
            untested: &[],
            place: report.places.get(&service.name),
        };
        suite.add_test_case(case(service, &policy)?);
    }
    for check in &service.checks {
        let source = Source {
            name: check.id.split_once('/').map_or(check.id.as_str(), |(_, name)| name),
            status: check.status,
            why_unknown: why_unknown(check),
            findings: &check.findings,
            untested: &check.untested,
            place: report.places.get(&check.id),
        };
        let mut case = case(service, &source)?;
        case.time = duration(check);
        suite.add_test_case(case);
    }
    Ok(suite)
}

/// What a case is written from: a check, or what policy found.
struct Source<'a> {
    name: &'a str,
    status: Status,
    why_unknown: &'a str,
    findings: &'a [FindingStatus],
    untested: &'a [Untested],
    place: Option<&'a Place>,
}

fn case(service: &ServiceStatus, source: &Source<'_>) -> io::Result<TestCase> {
    let open = worst_first(source.findings);
    let mut said = open_text(&open, source.place)?;
    let status = match source.status {
        Status::Pass | Status::Warn => TestCaseStatus::success(),
        Status::Fail => failure(&open, std::mem::take(&mut said)),
        Status::Unknown => {
            let mut error = TestCaseStatus::non_success(NonSuccessKind::Error);
            error.set_type("unknown").set_message(legible(source.why_unknown));
            error
        }
        Status::Pending => TestCaseStatus::skipped(),
    };
    said += &set(|page| {
        source.findings.iter().try_for_each(|finding| waived_finding(page, 0, finding))?;
        not_tested(page, 0, source.untested)
    })?;
    let mut case = TestCase::new(legible(source.name), status);
    case.set_classname(legible(&service.name));
    if !said.is_empty() {
        case.set_system_out(said);
    }
    Ok(case)
}

fn failure(open: &[&FindingStatus], text: String) -> TestCaseStatus {
    let mut failure = TestCaseStatus::non_success(NonSuccessKind::Failure);
    if let Some((worst, others)) = open.split_first() {
        let mut message = legible(&worst.title);
        if !worst.subject.is_empty() {
            message = format!("{message} ({})", headline(&worst.subject));
        }
        if !others.is_empty() {
            message = format!("{message}, and {} more", others.len());
        }
        failure.set_type(worst.rule.as_str()).set_message(message);
    }
    failure.set_description(text);
    failure
}

fn open_text(open: &[&FindingStatus], place: Option<&Place>) -> io::Result<String> {
    set(|page| {
        open.iter().try_for_each(|finding| open_finding(page, 0, finding, false))?;
        match place {
            Some(Place { file, line, .. }) if !open.is_empty() => {
                page.row(2, &[(PLAIN, &format!("at {}:{line}", legible(file)))])
            }
            _ => Ok(()),
        }
    })
}

fn set(fill: impl FnOnce(&mut Page<'_>) -> io::Result<()>) -> io::Result<String> {
    let mut text = Vec::new();
    fill(&mut Page::new(&mut text, STYLE))?;
    String::from_utf8(text).map_err(io::Error::other)
}

fn duration(check: &CheckStatus) -> Option<Duration> {
    Duration::try_from_secs_f64(check.duration_seconds?).ok()
}

/// The same instant in the type of the library, which is not ours to name.
fn date<T: std::str::FromStr>(at: Timestamp) -> Option<T> {
    at.to_string().parse().ok()
}
