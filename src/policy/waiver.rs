//! What a waiver covers, until when, and for how long it has covered nothing. Pure.

use jiff::{SignedDuration, Timestamp};
use musterd_probes::judgement::Finding;
use musterd_probes::rule::Tested;
use serde::{Deserialize, Serialize};

use super::Ruling;
use crate::config::{Check, Waiver};

/// A waiver that covered nothing for so many days of runs is not needed.
pub(crate) const IDLE_DAYS: u8 = 7;

/// A day of runs.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whether a waiver counts at this time.
pub(crate) fn counts(waiver: &Waiver, at: Timestamp) -> bool {
    waiver.end().is_none_or(|end| at < end)
}

/// Whether a waiver speaks of this finding.
pub(crate) fn covers(waiver: &Waiver, check: &Check, finding: &Finding) -> bool {
    waiver.rule == finding.about.id
        && speaks_of(waiver, check)
        && waiver.subject.as_ref().is_none_or(|glob| glob.matches(&finding.subject))
}

fn speaks_of(waiver: &Waiver, check: &Check) -> bool {
    waiver.check.as_ref().is_none_or(|glob| check.is_meant_by(glob))
}

/// What a waiver is called: the subject of findings about it.
pub(super) fn title(waiver: &Waiver) -> String {
    let parts = [
        Some(waiver.rule.as_str()),
        waiver.check.as_ref().map(glob::Pattern::as_str),
        waiver.subject.as_ref().map(glob::Pattern::as_str),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What tells a waiver from the others of its service, over restarts.
pub(crate) fn key(waiver: &Waiver) -> String {
    let glob = |glob: &Option<glob::Pattern>| {
        glob.as_ref().map(|glob| glob.as_str().to_owned()).unwrap_or_default()
    };
    [waiver.rule.clone(), glob(&waiver.check), glob(&waiver.subject)].join("\n")
}

/// Whether a run covered something by a waiver; `None` when it could not have, and says nothing.
pub(crate) fn matched(waiver: &Waiver, check: &Check, ruling: &Ruling) -> Option<bool> {
    if !speaks_of(waiver, check) {
        return None;
    }
    if ruling.findings.iter().any(|ruled| covers(waiver, check, &ruled.finding)) {
        return Some(true);
    }
    let (_, tested) = ruling.tested.iter().find(|(about, _)| about.id == waiver.rule)?;
    let looked = match (tested, &waiver.subject) {
        (Tested::No(_), _) => false,
        (Tested::All, _) => true,
        (Tested::Only(subjects), None) => !subjects.is_empty(),
        (Tested::Only(subjects), Some(glob)) => subjects.iter().any(|one| glob.matches(one)),
    };
    looked.then_some(false)
}

/// For how long a waiver has covered nothing, in days on which there were runs that looked: time
/// in which nothing ran is not held against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Idle {
    /// At most [`IDLE_DAYS`].
    pub(crate) days: u8,
    /// When the last of these days was over.
    pub(crate) since: Timestamp,
}

impl Idle {
    /// After a run that looked at `at`, and covered something or not.
    pub(crate) fn after(before: Option<Self>, matched: bool, at: Timestamp) -> Self {
        match before {
            // A time in the future is from before the clock was set back.
            Some(idle) if !matched && idle.since <= at => {
                if idle.is_over() || at.duration_since(idle.since) < DAY {
                    idle
                } else {
                    Self { days: idle.days + 1, since: at }
                }
            }
            Some(idle) if !matched => Self { since: at, ..idle },
            _ => Self { days: 0, since: at },
        }
    }

    /// Whether it has covered nothing for long enough to be told.
    pub(crate) fn is_over(&self) -> bool {
        self.days >= IDLE_DAYS
    }
}

#[cfg(test)]
mod tests {
    use musterd_probes::rule::About;
    use musterd_probes::severity::{Severity, Verdict};

    use super::*;
    use crate::policy::Ruled;
    use crate::testing;

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    /// Runs at these hours, `true` where something was covered.
    fn runs(runs: &[(i64, bool)]) -> Idle {
        let step =
            |before, (hour, matched): &(i64, bool)| Some(Idle::after(before, *matched, at(*hour)));
        runs.iter().fold(None, step).expect("there is a run")
    }

    #[test]
    fn seven_days_of_runs_without_a_match_are_told_and_a_match_begins_anew() {
        let hourly: Vec<(i64, bool)> = (0..=7 * 24).map(|hour| (hour, false)).collect();
        assert!(!runs(&hourly[..7 * 24]).is_over());
        assert_eq!(runs(&hourly), Idle { days: 7, since: at(7 * 24) });
        let later = runs(&[&hourly[..], &[(400, false)]].concat());
        assert_eq!(later.since, at(7 * 24), "it is known since when");
        assert!(!runs(&[&hourly[..], &[(400, true)]].concat()).is_over());
    }

    #[test]
    fn time_without_runs_and_a_clock_that_is_set_back_count_for_nothing() {
        let stopped: Vec<(i64, bool)> = [0, 24, 24 * 30].map(|hour| (hour, false)).into();
        assert_eq!(runs(&stopped).days, 2);
        assert_eq!(runs(&[(0, false), (24, false), (1, false), (20, false)]).days, 1);
        assert_eq!(runs(&[(0, false), (24, false), (1, false), (25, false)]).days, 2);
    }

    const RULE: About = About {
        id: "http.slow",
        severity: Severity::Medium,
        title: "",
        why: "",
        fix: "",
        references: &[],
    };

    #[test]
    fn only_a_run_that_looked_where_the_waiver_points_says_anything() {
        let http = musterd_probes::registry::find(musterd_probes::KINDS, "http").unwrap();
        let check = testing::check(http, &serde_json::json!({}));
        let glob = |text: &str| Some(glob::Pattern::new(text).unwrap());
        let waiver = |check: Option<&str>, subject: Option<&str>| Waiver {
            rule: RULE.id.to_owned(),
            check: check.and_then(glob),
            subject: subject.and_then(glob),
            reason: String::new(),
            until: "2026-12-01".parse().unwrap(),
        };
        let ruling = |subjects: &[&str], tested: Tested| Ruling {
            findings: subjects
                .iter()
                .map(|subject| Ruled {
                    finding: Finding {
                        about: &RULE,
                        subject: (*subject).to_owned(),
                        severity: RULE.severity,
                        saw: String::new(),
                        wanted: String::new(),
                    },
                    judged: RULE.severity,
                    waived: None,
                })
                .collect(),
            verdict: Verdict::Pass,
            tested: vec![(&RULE, tested)],
        };
        let only = |subject: &str| Tested::Only(vec![subject.to_owned()]);
        let no = || Tested::No("no answer".to_owned());
        for (waiver, ruling, said) in [
            (waiver(None, None), ruling(&["a"], Tested::All), Some(true)),
            (waiver(None, None), ruling(&[], Tested::All), Some(false)),
            (waiver(None, None), ruling(&[], no()), None),
            (waiver(None, None), ruling(&[], only("a")), Some(false)),
            (waiver(None, Some("b")), ruling(&["a"], Tested::All), Some(false)),
            (waiver(None, Some("b")), ruling(&["a"], only("a")), None),
            (waiver(None, Some("a*")), ruling(&[], only("ab")), Some(false)),
            (waiver(Some("tcp"), None), ruling(&["a"], Tested::All), None),
            (waiver(Some("shop/*"), None), ruling(&["a"], Tested::All), Some(true)),
            (waiver(None, None), Ruling { tested: Vec::new(), ..ruling(&[], no()) }, None),
        ] {
            assert_eq!(matched(&waiver, &check, &ruling), said, "{waiver:?} {ruling:?}");
        }
    }
}
