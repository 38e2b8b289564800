//! What a service makes of findings: severities of its own, and waivers. Pure.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use musterd_probes::judgement::{Finding, Judgement};
use musterd_probes::rule::About;
use musterd_probes::severity::{Severity, Verdict};

use crate::config::{Check, Waiver};

/// A judgement after a service's policy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ruling {
    /// In the order of the rules, the waived ones too.
    pub(crate) findings: Vec<Ruled>,
    /// What they make of the run.
    pub(crate) verdict: Verdict,
    /// The rules that could not look, with the reason.
    pub(crate) untested: Vec<(&'static str, String)>,
}

/// A finding after a service's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ruled {
    /// The finding, with the severity that counts.
    pub(crate) finding: Finding,
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
    let untested = judgement.untested().map(|(about, why)| (about.id, why.to_owned())).collect();
    let looked = judgement.looked();
    let findings: Vec<Ruled> = judgement
        .findings
        .into_iter()
        .map(|mut finding| {
            if let Some(own) = check.severity.get(finding.about.id) {
                finding.severity = *own;
            }
            let waived = waivers
                .iter()
                .find(|waiver| counts(waiver, at) && covers(waiver, check, &finding))
                .map(|waiver| Waived { reason: waiver.reason.clone(), until: waiver.until });
            Ruled { finding, waived }
        })
        .collect();
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
    Ruling { findings, verdict, untested }
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

/// The waivers of a service that have run out.
pub(crate) fn expired(waivers: &[Waiver], at: Timestamp) -> Vec<Finding> {
    let about = &ABOUTS[0];
    waivers
        .iter()
        .filter(|waiver| !counts(waiver, at))
        .map(|waiver| Finding {
            about,
            subject: subject(waiver),
            severity: about.severity,
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
