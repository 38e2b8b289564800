//! What a service makes of findings: severities of its own, and waivers. Pure.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use musterd_probes::judgement::{Finding, Judgement};
use musterd_probes::rule::{About, Tested};
use musterd_probes::severity::{Severity, Verdict};

use crate::config::{Check, Service, Waiver};

/// A judgement after a service's policy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ruling {
    /// In the order of the rules, the waived ones too.
    pub(crate) findings: Vec<Ruled>,
    /// What they make of the run.
    pub(crate) verdict: Verdict,
    /// How far each rule could look.
    pub(crate) tested: Vec<(&'static About, Tested)>,
}

impl Ruling {
    /// The rules that could not look, with the reason.
    pub(crate) fn untested(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.tested.iter().filter_map(|(about, tested)| match tested {
            Tested::No(why) => Some((about.id, why.as_str())),
            Tested::All | Tested::Only(_) => None,
        })
    }
}

/// A finding after a service's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ruled {
    /// The finding, with the severity that counts.
    pub(crate) finding: Finding,
    /// Its severity as it was judged, before the service's own.
    pub(crate) judged: Severity,
    /// Why it counts in nothing.
    pub(crate) waived: Option<Waived>,
}

/// The waiver that a finding falls under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waived {
    pub(crate) reason: String,
    pub(crate) until: jiff::civil::Date,
}

/// Applies severities and waivers to what a check's rules found.
pub(crate) fn rule(
    judgement: Judgement,
    check: &Check,
    waivers: &[Waiver],
    at: Timestamp,
) -> Ruling {
    let looked = judgement.looked();
    let findings: Vec<Ruled> =
        judgement.findings.into_iter().map(|finding| apply(finding, check, waivers, at)).collect();
    let verdict = if findings.is_empty() && !looked {
        Verdict::Unknown
    } else {
        Verdict::of(
            findings
                .iter()
                .filter(|ruled| ruled.waived.is_none())
                .map(|ruled| ruled.finding.severity),
        )
    };
    Ruling { findings, verdict, tested: judgement.tested }
}

/// Applies a check's severities and a service's waivers to one finding.
pub(crate) fn apply(
    mut finding: Finding,
    check: &Check,
    waivers: &[Waiver],
    at: Timestamp,
) -> Ruled {
    let judged = finding.severity;
    finding.severity = check.severity.of(finding.about.id).unwrap_or(finding.severity);
    let waived = waivers
        .iter()
        .find(|waiver| counts(waiver, at) && covers(waiver, check, &finding))
        .map(|waiver| Waived { reason: waiver.reason.clone(), until: waiver.until });
    Ruled { finding, judged, waived }
}

/// A waiver counts through its last day, in UTC.
pub(crate) fn counts(waiver: &Waiver, at: Timestamp) -> bool {
    end(waiver).is_none_or(|end| at < end)
}

fn end(waiver: &Waiver) -> Option<Timestamp> {
    let next_day = waiver.until.checked_add(1.day()).ok()?;
    next_day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Whether a waiver speaks of this finding.
pub(crate) fn covers(waiver: &Waiver, check: &Check, finding: &Finding) -> bool {
    waiver.rule == finding.about.id
        && waiver
            .check
            .as_ref()
            .is_none_or(|glob| glob.matches(&check.name) || glob.matches(&check.id))
        && waiver.subject.as_ref().is_none_or(|glob| glob.matches(&finding.subject))
}

/// What policy itself finds; these stand in the service's own findings.
pub(crate) const ABOUTS: &[About] = &[
    About {
        id: "policy.waiver-expired",
        severity: Severity::Medium,
        title: "a waiver has expired",
        why: "What was accepted for a time counts again, and somebody meant to have mended it by now.",
        fix: "Mend what was waived and delete the waiver, or accept it again with a new date and reason.",
        references: &[],
    },
    About {
        id: "policy.waiver-unmatched",
        severity: Severity::Low,
        title: "a waiver has matched nothing for a week",
        why: "It hides the fault again when it comes back, and nobody remembers why.",
        fix: "Delete the waiver.",
        references: &[],
    },
    About {
        id: "policy.prober-blocked",
        severity: Severity::Medium,
        title: "the service blocks musterd",
        why: "Its answers to musterd no longer tell what users get, and active checks prove nothing.",
        fix: "Let musterd's User-Agent or address through the firewall, or lower the budget of the origin.",
        references: &[],
    },
];

/// The description of one of policy's own rules.
pub(crate) fn about(id: &str) -> Option<&'static About> {
    ABOUTS.iter().find(|about| about.id == id)
}

/// What policy itself finds on a service: waivers that have run out, and that the service's
/// origin refuses us since `blocked_since`.
pub(crate) fn of_service(
    service: &Service,
    blocked_since: Option<Timestamp>,
    at: Timestamp,
) -> Vec<Finding> {
    let mut findings = expired(service, at);
    findings.extend(blocked_since.map(|since| {
        let about = &ABOUTS[2];
        Finding {
            about,
            subject: String::new(),
            severity: service.severity.get(about.id).copied().unwrap_or(about.severity),
            saw: format!(
                "since {since}, just after active checks, passive ones are answered 403, 406, \
                 429 or by resets; active work pauses"
            ),
            wanted: "the answers that any visitor gets".to_owned(),
        }
    }));
    findings
}

/// The waivers of a service that have run out, with the service's own severity of that.
fn expired(service: &Service, at: Timestamp) -> Vec<Finding> {
    let about = &ABOUTS[0];
    let severity = service.severity.get(about.id).copied().unwrap_or(about.severity);
    service
        .waivers
        .iter()
        .filter(|waiver| !counts(waiver, at))
        .map(|waiver| Finding {
            about,
            subject: subject(waiver),
            severity,
            saw: format!("accepted until {} ({})", waiver.until, waiver.reason),
            wanted: "a waiver that is mended or renewed before it runs out".to_owned(),
        })
        .collect()
}

fn subject(waiver: &Waiver) -> String {
    let parts = [
        Some(waiver.rule.as_str()),
        waiver.check.as_ref().map(glob::Pattern::as_str),
        waiver.subject.as_ref().map(glob::Pattern::as_str),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const DOWN: About = About {
        id: "http.unreachable",
        severity: Severity::Critical,
        title: "",
        why: "",
        fix: "",
        references: &[],
    };

    fn judgement(subjects: &[&str]) -> Judgement {
        let finding = |subject: &&str| Finding {
            about: &DOWN,
            subject: (*subject).to_owned(),
            severity: DOWN.severity,
            saw: String::new(),
            wanted: String::new(),
        };
        Judgement {
            findings: subjects.iter().map(finding).collect(),
            tested: vec![(&DOWN, Tested::All)],
        }
    }

    fn check() -> Check {
        let http = musterd_probes::registry::find(musterd_probes::KINDS, "http").unwrap();
        testing::check(http, &serde_json::json!({}))
    }

    fn waiver(check: Option<&str>, subject: Option<&str>, until: &str) -> Waiver {
        let glob = |text: &str| glob::Pattern::new(text).unwrap();
        Waiver {
            rule: DOWN.id.to_owned(),
            check: check.map(glob),
            subject: subject.map(glob),
            reason: "known".to_owned(),
            until: until.parse().unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_waived_finding_stays_listed_and_counts_in_no_verdict() {
        let now = at("2026-11-20T12:00:00Z");
        for (check_glob, subject, until, verdict) in [
            (None, None, "2026-12-01", Verdict::Pass),
            (Some("http"), None, "2026-12-01", Verdict::Pass),
            (Some("shop/*"), Some("a*"), "2026-12-01", Verdict::Pass),
            (Some("tcp"), None, "2026-12-01", Verdict::Fail),
            (None, Some("b"), "2026-12-01", Verdict::Fail),
            (None, None, "2026-11-19", Verdict::Fail),
        ] {
            let waivers = [waiver(check_glob, subject, until)];
            let ruling = rule(judgement(&["a1"]), &check(), &waivers, now);
            assert_eq!(ruling.verdict, verdict, "{check_glob:?} {subject:?} {until}");
            assert_eq!(ruling.findings.len(), 1);
            assert_eq!(ruling.findings[0].waived.is_some(), verdict == Verdict::Pass);
        }
    }

    #[test]
    fn a_waiver_counts_through_its_last_day_in_utc_and_is_a_finding_from_then_on() {
        let mut service = testing::service(Vec::new());
        service.waivers = vec![waiver(None, None, "2026-11-20")];
        assert!(expired(&service, at("2026-11-20T23:59:59Z")).is_empty());
        let found = expired(&service, at("2026-11-21T00:00:00Z"));
        assert_eq!(found[0].severity, Severity::Medium);
        service.severity.insert("policy.waiver-expired".to_owned(), Severity::High);
        let expired = expired(&service, at("2026-11-21T00:00:00Z"));
        assert_eq!(expired[0].severity, Severity::High);
        assert_eq!(expired[0].about.id, "policy.waiver-expired");
        assert_eq!(expired[0].subject, "http.unreachable");
    }

    #[test]
    fn a_services_own_severity_outweighs_the_rules() {
        let mut check = check();
        check.severity.set(DOWN.id.to_owned(), Severity::Info);
        let ruling = rule(judgement(&[""]), &check, &[], Timestamp::UNIX_EPOCH);
        assert_eq!(ruling.verdict, Verdict::Pass);
        assert_eq!(ruling.findings[0].finding.severity, Severity::Info);
    }

    #[test]
    fn when_no_rule_looked_the_verdict_is_unknown() {
        let judgement = Judgement {
            findings: Vec::new(),
            tested: vec![(&DOWN, Tested::No("no answer".to_owned()))],
        };
        let ruling = rule(judgement, &check(), &[], Timestamp::UNIX_EPOCH);
        assert_eq!(ruling.verdict, Verdict::Unknown);
        assert_eq!(ruling.untested().collect::<Vec<_>>(), [(DOWN.id, "no answer")]);
    }
}
