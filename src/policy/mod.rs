//! What a service makes of findings: severities of its own, and waivers. Pure.

mod waiver;

use jiff::Timestamp;
use musterd_probes::judgement::{Finding, Judgement};
use musterd_probes::rule::{About, Tested};
use musterd_probes::severity::{Severity, Verdict};

use crate::config::{Check, Service, Waiver};
pub(crate) use waiver::{Idle, counts, covers, key, matched};

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
    let verdict =
        if findings.is_empty() && !looked { Verdict::Unknown } else { verdict(&findings) };
    Ruling { findings, verdict, tested: judgement.tested }
}

/// A ruling by the policy of now, where it changed since the run was judged.
pub(crate) fn again(before: &Ruling, check: &Check, waivers: &[Waiver], at: Timestamp) -> Ruling {
    let anew = |ruled: &Ruled| {
        let finding = Finding { severity: ruled.judged, ..ruled.finding.clone() };
        apply(finding, check, waivers, at)
    };
    let findings: Vec<Ruled> = before.findings.iter().map(anew).collect();
    let verdict = match before.verdict {
        Verdict::Unknown => Verdict::Unknown,
        _ => verdict(&findings),
    };
    Ruling { findings, verdict, tested: before.tested.clone() }
}

/// What findings make of a run that looked: those that are waived nothing.
fn verdict(findings: &[Ruled]) -> Verdict {
    let counted = findings.iter().filter(|ruled| ruled.waived.is_none());
    Verdict::of(counted.map(|ruled| ruled.finding.severity))
}

/// Applies a check's severities and a service's waivers to one finding.
pub(crate) fn apply(
    mut finding: Finding,
    check: &Check,
    waivers: &[Waiver],
    at: Timestamp,
) -> Ruled {
    let judged = finding.severity;
    finding.severity = check.terms.severity.of(finding.about.id).unwrap_or(finding.severity);
    let waived = waivers
        .iter()
        .find(|waiver| counts(waiver, at) && covers(waiver, check, &finding))
        .map(|waiver| Waived { reason: waiver.reason.clone(), until: waiver.until });
    Ruled { finding, judged, waived }
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

/// What is known of a service beside its checks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Known {
    /// Since when its origin refuses us after active work.
    pub(crate) blocked_since: Option<Timestamp>,
    /// For how long its waivers have covered nothing, in their order, as far as there were runs.
    pub(crate) idle: Vec<Option<Idle>>,
}

/// What policy itself finds on a service, each with the time since which it is so: waivers that
/// have run out or that nothing needs, and that the service's origin refuses us.
pub(crate) fn of_service(
    service: &Service,
    known: &Known,
    at: Timestamp,
) -> Vec<(Finding, Timestamp)> {
    let found = |rule: &str, subject: String, saw: String, wanted: &str| {
        let about = about(rule)?;
        let severity = service.severity.get(about.id).copied().unwrap_or(about.severity);
        Some(Finding { about, subject, severity, saw, wanted: wanted.to_owned() })
    };
    let expired = service.waivers.iter().filter(|waiver| !counts(waiver, at)).map(|waiver| {
        let saw = format!("accepted until {} ({})", waiver.until, waiver.reason);
        let wanted = "a waiver that is mended or renewed before it runs out";
        let since = waiver.end().unwrap_or(at);
        Some((found("policy.waiver-expired", waiver::title(waiver), saw, wanted)?, since))
    });
    let idle = service.waivers.iter().zip(&known.idle).map(|(waiver, idle)| {
        let idle = idle.filter(|idle| idle.is_over() && counts(waiver, at))?;
        let saw = format!("{} days of runs in which it covered nothing", waiver::IDLE_DAYS);
        let wanted = "a waiver that something needs";
        Some((found("policy.waiver-unmatched", waiver::title(waiver), saw, wanted)?, idle.since))
    });
    let blocked = known.blocked_since.map(|since| {
        let saw = format!(
            "since {since}, just after active checks, passive ones are answered 403, 406, 429 or \
             by resets; active work pauses"
        );
        let wanted = "the answers that any visitor gets";
        Some((found("policy.prober-blocked", String::new(), saw, wanted)?, since))
    });
    expired.chain(idle).chain(blocked).flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
        let found = |service: &Service, time| of_service(service, &Known::default(), at(time));
        assert!(found(&service, "2026-11-20T23:59:59Z").is_empty());
        let (expired, since) = found(&service, "2026-11-21T12:00:00Z").remove(0);
        assert_eq!((expired.severity, since), (Severity::Medium, at("2026-11-21T00:00:00Z")));
        service.severity.insert("policy.waiver-expired".to_owned(), Severity::High);
        let (expired, _) = found(&service, "2026-11-21T00:00:00Z").remove(0);
        assert_eq!(expired.severity, Severity::High);
        assert_eq!(expired.about.id, "policy.waiver-expired");
        assert_eq!(expired.subject, "http.unreachable");
    }

    #[test]
    fn a_waiver_that_nothing_needs_is_found_as_long_as_it_counts() {
        let mut service = testing::service(Vec::new());
        service.waivers =
            vec![waiver(None, None, "2026-11-20"), waiver(None, Some("a"), "2027-01-01")];
        let since = at("2026-11-01T00:00:00Z");
        let known = |days| Known {
            blocked_since: None,
            idle: vec![Some(Idle { days, since }), Some(Idle { days, since })],
        };
        let rules = |days, time| {
            let found = of_service(&service, &known(days), at(time));
            let rule = |(finding, _): &(Finding, _)| (finding.about.id, finding.subject.clone());
            found.iter().map(rule).collect::<Vec<_>>()
        };
        let unmatched = "policy.waiver-unmatched";
        let (first, second) = ("http.unreachable".to_owned(), "http.unreachable a".to_owned());
        assert_eq!(rules(6, "2026-11-10T00:00:00Z"), []);
        assert_eq!(
            rules(7, "2026-11-10T00:00:00Z"),
            [(unmatched, first.clone()), (unmatched, second.clone())]
        );
        assert_eq!(
            rules(7, "2026-12-01T00:00:00Z"),
            [("policy.waiver-expired", first), (unmatched, second)]
        );
    }

    #[test]
    fn a_services_own_severity_outweighs_the_rules() {
        let mut check = check();
        Arc::make_mut(&mut check.terms).severity.set(DOWN.id.to_owned(), Severity::Info);
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
