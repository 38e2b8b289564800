//! SARIF 2.1.0, for code scanning: findings stand at the lines of the configuration that ask for
//! the checks.

mod log;
mod rules;

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use musterd_probes::severity::Severity;

use self::log::{
    ArtifactLocation, AutomationDetails, Driver, Fingerprints, Invocation, Location, Log,
    LogicalLocation, Notification, PhysicalLocation, Properties, Region, Run, SarifResult,
    Suppression, Text, Tool,
};
use self::rules::Rules;
use super::text::{headline, legible};
use super::{Report, why_unknown};
use crate::config::Place;
use crate::report::{CheckStatus, FindingStatus, ServiceStatus};
use crate::status::Status;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let document = report.document;
    let rules = Rules::of(document.services.iter().flat_map(findings).map(|(_, finding)| finding));
    let results = document
        .services
        .iter()
        .flat_map(|service| {
            findings(service).map(move |(check, finding)| (service, check, finding))
        })
        .map(|(service, check, finding)| result(report, &rules, service, check, finding))
        .collect();
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "musterd",
                    semantic_version: &document.version,
                    rules: rules.describe(),
                },
            },
            automation_details: (!document.location.is_empty())
                .then(|| AutomationDetails { id: format!("musterd/{}/", document.location) }),
            column_kind: "unicodeCodePoints",
            invocations: [invocation(report)],
            results,
        }],
    };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

/// What policy found on a service, then what its checks found.
fn findings(
    service: &ServiceStatus,
) -> impl Iterator<Item = (Option<&CheckStatus>, &FindingStatus)> {
    let own = service.findings.iter().map(|finding| (None, finding));
    own.chain(
        service
            .checks
            .iter()
            .flat_map(|check| check.findings.iter().map(move |finding| (Some(check), finding))),
    )
}

fn result<'a>(
    report: &Report<'_>,
    rules: &Rules<'_>,
    service: &'a ServiceStatus,
    check: Option<&'a CheckStatus>,
    finding: &'a FindingStatus,
) -> SarifResult<'a> {
    let FindingStatus { rule, severity, subject, saw, wanted, .. } = finding;
    let id = check.map_or(service.name.as_str(), |check| check.id.as_str());
    let suppressions = finding.waived.iter().map(|waived| Suppression {
        kind: "external",
        status: "accepted",
        justification: format!("{} (until {})", legible(&waived.reason), waived.until),
    });
    SarifResult {
        rule_id: rule,
        rule_index: rules.index(rule),
        level: level(*severity),
        message: Text { text: Cow::Owned(message(finding)) },
        locations: [match check {
            Some(check) => of_check(report, check),
            None => of_service(report, service),
        }],
        partial_fingerprints: Fingerprints { finding: fingerprint(&[id, rule, subject]) },
        suppressions: suppressions.collect(),
        properties: Properties {
            service: &service.name,
            check: check.map(|check| check.id.as_str()),
            subject,
            severity: severity.as_str(),
            saw,
            wanted,
        },
    }
}

/// `The certificate expires soon (CN=shop.example): saw 25 days left; wanted at least 30 days.`
fn message(finding: &FindingStatus) -> String {
    let title = capitalised(&legible(&finding.title));
    let subject = match finding.subject.as_str() {
        "" => String::new(),
        subject => format!(" ({})", headline(subject)),
    };
    let (saw, wanted) = (legible(&finding.saw), legible(&finding.wanted));
    format!("{title}{subject}: saw {saw}; wanted {}.", wanted.trim_end_matches('.'))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Low => "warning",
        Severity::Info => "note",
    }
}

fn invocation(report: &Report<'_>) -> Invocation {
    let checks = report.document.services.iter().flat_map(|service| &service.checks);
    let notifications: Vec<Notification> = checks
        .filter(|check| check.status == Status::Unknown)
        .map(|check| Notification {
            level: "error",
            message: Text {
                text: format!(
                    "musterd could not look at {}: {}.",
                    check.id,
                    legible(why_unknown(check))
                )
                .into(),
            },
            time_utc: check.last_run.map(|at| at.to_string()),
            locations: [of_check(report, check)],
        })
        .collect();
    Invocation {
        execution_successful: notifications.is_empty(),
        exit_code: report.exit_code,
        end_time_utc: report.document.generated_at.to_string(),
        tool_execution_notifications: notifications,
    }
}

fn of_check(report: &Report<'_>, check: &CheckStatus) -> Location {
    location(report.places.get(&check.id), &check.id)
}

/// A service's own place, or that of its first check.
fn of_service(report: &Report<'_>, service: &ServiceStatus) -> Location {
    let place = report
        .places
        .get(&service.name)
        .or_else(|| service.checks.iter().find_map(|check| report.places.get(&check.id)));
    location(place, &service.name)
}

fn location(place: Option<&Place>, name: &str) -> Location {
    Location {
        physical_location: place.map(|Place { file, line, column }| PhysicalLocation {
            artifact_location: ArtifactLocation { uri: uri(file) },
            region: Region { start_line: (*line).max(1), start_column: (*column).max(1) },
        }),
        logical_locations: [LogicalLocation {
            fully_qualified_name: name.to_owned(),
            kind: "resource",
        }],
    }
}

/// A file as a reference: relative as it was given, absolute with its scheme.
fn uri(file: &str) -> String {
    if let Ok(url) = url::Url::from_file_path(Path::new(file)) {
        return url.into();
    }
    file.trim_start_matches("./")
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// FNV-1a of 128 bits over the parts of an identity: the same on every machine and release.
fn fingerprint(parts: &[&str]) -> String {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            hash ^= u128::from(byte);
            hash = hash.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_references() {
        for (file, reference) in [
            ("musterd.yaml", "musterd.yaml"),
            ("./config/my shop.yaml", "config/my%20shop.yaml"),
            ("c:\\x", "c%3A%5Cx"),
            ("/etc/musterd/a b.yaml", "file:///etc/musterd/a%20b.yaml"),
        ] {
            assert_eq!(uri(file), reference);
        }
    }

    #[test]
    fn a_fingerprint_keeps_the_parts_apart_and_never_changes() {
        assert_ne!(fingerprint(&["a", "bc"]), fingerprint(&["ab", "c"]));
        assert_eq!(fingerprint(&[]), "6c62272e07bb014262b821756295c58d");
    }
}
