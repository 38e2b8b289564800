//! The rules that a log's results name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use musterd_probes::KINDS;
use musterd_probes::registry::Registration;
use musterd_probes::severity::Severity;

use super::log::{Configuration, Rule, RuleProperties, Text};
use super::{capitalised, level};
use crate::policy;
use crate::report::FindingStatus;

/// Probes whose findings tell of security, unless the rule only says that nothing is known.
const OF_SECURITY: [&str; 8] =
    ["tls", "headers", "cors", "webhook", "rate_limit", "access", "exposure", "input"];
const OF_AVAILABILITY: [&str; 5] =
    ["unreachable", "timeout", "undetermined", "unproven", "enforcement-unproven"];

/// One finding a rule, in the order of the ids.
pub(super) struct Rules<'a>(BTreeMap<&'a str, &'a FindingStatus>);

impl<'a> Rules<'a> {
    pub(super) fn of(findings: impl Iterator<Item = &'a FindingStatus>) -> Self {
        let mut rules: BTreeMap<&str, &FindingStatus> = BTreeMap::new();
        for finding in findings {
            let worst = rules.entry(&finding.rule).or_insert(finding);
            if finding.severity > worst.severity {
                *worst = finding;
            }
        }
        Self(rules)
    }

    /// Where a rule stands in the list.
    pub(super) fn index(&self, id: &str) -> usize {
        self.0.range(..id).count()
    }

    pub(super) fn describe(&self) -> Vec<Rule<'a>> {
        self.0.values().map(|finding| describe(finding)).collect()
    }
}

fn describe(finding: &FindingStatus) -> Rule<'_> {
    let severity = usual_severity(&finding.rule).unwrap_or(finding.severity);
    let is_url = |text: &&String| text.starts_with("https://") || text.starts_with("http://");
    Rule {
        id: &finding.rule,
        name: pascal_case(&finding.rule),
        short_description: Text { text: format!("{}.", capitalised(&finding.title)).into() },
        full_description: Text { text: Cow::Borrowed(&finding.why) },
        help: Text { text: Cow::Borrowed(&finding.fix) },
        help_uri: finding.references.iter().find(is_url).map(String::as_str),
        default_configuration: Configuration { level: level(severity) },
        properties: properties(&finding.rule, severity),
    }
}

/// The severity that a rule has before a case or a service changes it.
fn usual_severity(id: &str) -> Option<Severity> {
    let mut abouts = KINDS.iter().flat_map(Registration::abouts);
    abouts.find(|about| about.id == id).or_else(|| policy::about(id)).map(|about| about.severity)
}

fn properties(id: &str, severity: Severity) -> RuleProperties<'_> {
    let (probe, topic) = id.split_once('.').unwrap_or((id, ""));
    let security = OF_SECURITY.contains(&probe) && !OF_AVAILABILITY.contains(&topic);
    let area = match probe {
        "policy" => "maintainability",
        _ if security => "security",
        _ => "availability",
    };
    let security_severity = match severity {
        _ if !security => None,
        Severity::Critical => Some("9.5"),
        Severity::High => Some("8.0"),
        Severity::Medium => Some("5.5"),
        Severity::Low => Some("3.0"),
        Severity::Info => None,
    };
    RuleProperties { tags: vec![area, probe], security_severity }
}

/// `tls.expires-soon` is `TlsExpiresSoon`.
fn pascal_case(id: &str) -> String {
    id.split(['.', '-', '_']).map(capitalised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_names() {
        assert_eq!(pascal_case("rate_limit.retry-after-wrong"), "RateLimitRetryAfterWrong");
    }

    #[test]
    fn only_what_tells_of_security_is_graded_as_security() {
        for (id, grade) in [
            ("cors.origin-reflected", Some("9.5")),
            ("cors.undetermined", None),
            ("tls.unreachable", None),
            ("health.down", None),
            ("policy.waiver-expired", None),
        ] {
            assert_eq!(properties(id, Severity::Critical).security_severity, grade, "{id}");
        }
    }
}
