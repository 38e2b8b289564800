//! For people: a heading a service, a line a check, and beneath it what was found.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::Style as Ansi;
use musterd_probes::duration::brief;
use musterd_probes::severity::{Severity, Verdict};
use serde_json::Value;

use super::page::{ALARM, BLUE, BOLD, DIM, GREEN, LABEL, MAGENTA, PLAIN, Page, RED, YELLOW};
use super::text::{columns, count, headline, legible};
use super::{Report, Style, guide, why_unknown};
use crate::report::{CheckStatus, Document, FindingStatus, ServiceStatus, Totals, Untested};
use crate::status::Status;

/// A check's id is not padded beyond this.
const LONGEST_ID: usize = 48;

/// So many rules are named beside a common reason; more are counted.
const NAMED: usize = 3;

pub(super) fn write(report: &Report<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let document = report.document;
    let columns = Columns::of(document);
    let mut page = Page::new(out, style);
    for service in &document.services {
        service_block(&mut page, &columns, report, service)?;
        page.blank()?;
    }
    if let Some(guide) = report.guide {
        guide::write(guide, document, &mut page)?;
    }
    page.row(0, &[(BOLD, &summary(&document.totals, document.score))])
}

/// How wide the columns of the checks' lines are, the same for every service.
struct Columns {
    status: usize,
    id: usize,
    duration: usize,
}

impl Columns {
    fn of(document: &Document) -> Self {
        let checks = || document.services.iter().flat_map(|service| &service.checks);
        let most = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
        Self {
            status: most(&mut checks().map(|check| check.status.as_str().len())).max(4),
            id: most(&mut checks().map(|check| columns(&check.id))).min(LONGEST_ID),
            duration: most(&mut checks().map(|check| columns(&took(check)))),
        }
    }

    fn details(&self, page: &Page<'_>) -> usize {
        if page.narrow() { 4 } else { self.status + 4 }
    }
}

fn service_block(
    page: &mut Page<'_>,
    columns: &Columns,
    report: &Report<'_>,
    service: &ServiceStatus,
) -> io::Result<()> {
    let score = service.score.map_or_else(String::new, |score| format!("score {score}"));
    page.row(0, &[(BOLD, &service.name), (DIM, &legible(&service.url)), (PLAIN, &score)])?;
    if service.checks.is_empty() {
        page.row(2, &[(DIM, "no checks")])?;
    }
    let mut detailed = false;
    if !service.findings.is_empty() {
        let severities = service.findings.iter().map(|finding| finding.severity);
        let status = Status::from(Verdict::of(severities));
        line(page, columns, status, "policy", "", &fact(&service.findings))?;
        detailed = details(page, columns, report, &service.findings, &[])?;
    }
    for check in &service.checks {
        // Air between what has a paragraph and what follows.
        if detailed {
            page.blank()?;
        }
        detailed = check_block(page, columns, report, check)?;
    }
    Ok(())
}

/// Writes a check; tells whether more than its line was written.
fn check_block(
    page: &mut Page<'_>,
    columns: &Columns,
    report: &Report<'_>,
    check: &CheckStatus,
) -> io::Result<bool> {
    let fact = match check.status {
        Status::Unknown => "could not look".to_owned(),
        Status::Pending if check.last_run.is_none() => "has not run yet".to_owned(),
        Status::Pending => "is not confirmed yet".to_owned(),
        Status::Pass | Status::Warn | Status::Fail => {
            let facts = [note(report, check), fact(&check.findings)];
            facts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
        }
    };
    line(page, columns, check.status, &check.id, &took(check), &fact)?;
    let mut detailed = false;
    if check.status == Status::Unknown {
        page.item(columns.details(page), (PLAIN, "why"), LABEL, &[(PLAIN, why_unknown(check))])?;
        detailed = true;
    }
    detailed |= details(page, columns, report, &check.findings, &check.untested)?;
    if let Some(evidence) = &check.evidence {
        evidence_block(page, columns.details(page), evidence)?;
        detailed = true;
    }
    Ok(detailed)
}

/// What was seen, as it is kept: not wrapped, so that it can be copied.
fn evidence_block(page: &mut Page<'_>, indent: usize, evidence: &Value) -> io::Result<()> {
    page.row(indent, &[(DIM, "evidence")])?;
    for line in format!("{evidence:#}").lines() {
        let text = line.trim_start();
        let indent = indent + 2 + line.len() - text.len();
        page.row(indent, &[(DIM, &legible(text))])?;
    }
    Ok(())
}

fn line(
    page: &mut Page<'_>,
    columns: &Columns,
    status: Status,
    id: &str,
    took: &str,
    fact: &str,
) -> io::Result<()> {
    let status_cell = padded(status.as_str(), columns.status);
    let id = padded(&legible(id), columns.id);
    let took =
        format!("{:gap$}{took}", "", gap = columns.duration.saturating_sub(self::columns(took)));
    page.row(2, &[(of_status(status), &status_cell), (PLAIN, &id), (DIM, &took), (PLAIN, fact)])
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{:gap$}", "", gap = width.saturating_sub(columns(text)))
}

fn took(check: &CheckStatus) -> String {
    check
        .duration_seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map_or_else(String::new, brief)
}

/// What was measured in one word: the grade of a page, the version of TLS.
fn note(report: &Report<'_>, check: &CheckStatus) -> String {
    let Some(measured) = report.measurements.get(&check.id) else { return String::new() };
    let find = |name: &str| measured.iter().find(|one| one.family.name == name);
    let label = |name: &str| find(name).and_then(|one| one.labels.first());
    if let Some(grade) = label("musterd_headers_observatory_grade_info") {
        let score = find("musterd_headers_observatory_score").map_or(0.0, |one| one.value);
        return format!("grade {grade} ({score})");
    }
    match (check.probe.as_str(), label("probe_tls_version_info")) {
        ("tls", Some(version)) => version.clone(),
        _ => String::new(),
    }
}

/// `1 critical, 2 medium, 1 waived`.
fn fact(findings: &[FindingStatus]) -> String {
    let open = |severity| {
        findings.iter().filter(|one| one.waived.is_none() && one.severity == severity).count()
    };
    let waived = findings.iter().filter(|finding| finding.waived.is_some()).count();
    Severity::ALL
        .into_iter()
        .map(|severity| (open(severity), severity.as_str()))
        .chain([(waived, "waived")])
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Writes findings and untested rules; tells whether there were any.
fn details(
    page: &mut Page<'_>,
    columns: &Columns,
    report: &Report<'_>,
    findings: &[FindingStatus],
    untested: &[Untested],
) -> io::Result<bool> {
    let indent = columns.details(page);
    for finding in worst_first(findings) {
        open_finding(page, indent, finding, report.guide.is_some())?;
    }
    for finding in findings {
        waived_finding(page, indent, finding)?;
    }
    not_tested(page, indent, untested)?;
    Ok(!findings.is_empty() || !untested.is_empty())
}

/// The findings that count, the worst first and otherwise in the order of the rules.
pub(super) fn worst_first(findings: &[FindingStatus]) -> Vec<&FindingStatus> {
    let mut open: Vec<_> = findings.iter().filter(|finding| finding.waived.is_none()).collect();
    open.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    open
}

/// A finding with what it saw, what it wanted, why it matters where that is asked for, and how to
/// mend it.
pub(super) fn open_finding(
    page: &mut Page<'_>,
    indent: usize,
    finding: &FindingStatus,
    explain: bool,
) -> io::Result<()> {
    let label = (of_severity(finding.severity), finding.severity.as_str());
    let (rule, subject, title) = (&finding.rule, &finding.subject, &finding.title);
    if subject.is_empty() {
        page.item(indent, label, LABEL, &[(BOLD, &format!("{rule}:")), (PLAIN, title)])?;
    } else {
        let subject = format!("on {}:", headline(subject));
        page.item(indent, label, LABEL, &[(BOLD, rule), (PLAIN, &subject), (PLAIN, title)])?;
    }
    let why = if explain { finding.why.as_str() } else { "" };
    for (label, text) in [
        ("saw", finding.saw.as_str()),
        ("wanted", &finding.wanted),
        ("why", why),
        ("fix", &finding.fix),
    ] {
        if !text.is_empty() {
            page.item(indent + 2, (DIM, label), LABEL - 2, &[(PLAIN, text)])?;
        }
    }
    Ok(())
}

/// A waived finding in one paragraph; nothing for one that is open.
pub(super) fn waived_finding(
    page: &mut Page<'_>,
    indent: usize,
    finding: &FindingStatus,
) -> io::Result<()> {
    let Some(waived) = &finding.waived else { return Ok(()) };
    let subject = match finding.subject.as_str() {
        "" => String::new(),
        subject => format!(" on {}", headline(subject)),
    };
    let text = format!("{}{subject} until {}: {}", finding.rule, waived.until, waived.reason);
    page.item(indent, (DIM, "waived"), LABEL, &[(DIM, &text)])
}

/// The rules that could not look, in one paragraph.
pub(super) fn not_tested(
    page: &mut Page<'_>,
    indent: usize,
    untested: &[Untested],
) -> io::Result<()> {
    if untested.is_empty() {
        return Ok(());
    }
    page.item(indent, (DIM, "untested"), LABEL, &[(DIM, &why_untested(untested))])
}

/// Rules by their common reason, in the order in which the reasons come up.
fn why_untested(untested: &[Untested]) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for Untested { rule, reason } in untested {
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, rules)) => rules.push(rule),
            None => reasons.push((reason, vec![rule])),
        }
    }
    let groups = reasons.iter().map(|(reason, rules)| {
        if rules.len() > NAMED {
            format!("{} ({reason})", count(rules.len(), "rule"))
        } else {
            format!("{} ({reason})", rules.join(", "))
        }
    });
    groups.collect::<Vec<_>>().join("; ")
}

/// `11 of 14 checks pass, 2 warn, 1 fails; score 84`.
pub(super) fn summary(totals: &Totals, score: Option<u32>) -> String {
    let Totals { services: _, checks, pass, warn, fail, unknown, pending } = *totals;
    if checks == 0 {
        return "no checks".to_owned();
    }
    let noun = if checks == 1 { "check" } else { "checks" };
    let verb = if pass == 1 || checks == 1 { "passes" } else { "pass" };
    let standings = [
        (warn, "warns", "warn"),
        (fail, "fails", "fail"),
        (unknown, "is unknown", "are unknown"),
        (pending, "is pending", "are pending"),
    ];
    let parts: Vec<String> = std::iter::once(format!("{pass} of {checks} {noun} {verb}"))
        .chain(standings.into_iter().filter(|(number, ..)| *number > 0).map(
            |(number, one, many)| format!("{number} {}", if number == 1 { one } else { many }),
        ))
        .collect();
    let score = score.map_or_else(String::new, |score| format!("; score {score}"));
    format!("{}{score}", parts.join(", "))
}

fn of_status(status: Status) -> Ansi {
    match status {
        Status::Pass => GREEN,
        Status::Warn => YELLOW,
        Status::Fail => ALARM,
        Status::Unknown => MAGENTA,
        Status::Pending => DIM,
    }
}

fn of_severity(severity: Severity) -> Ansi {
    match severity {
        Severity::Critical => ALARM,
        Severity::High => RED,
        Severity::Medium => YELLOW,
        Severity::Low => BLUE,
        Severity::Info => DIM,
    }
}
