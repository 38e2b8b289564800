//! Every family of metrics that is written from checks and services, with its help and labels.

/// What a family's values mean over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Gauge,
    Counter,
}

impl Kind {
    /// The word for `# TYPE`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// One metric name. Names, kinds and labels are public and frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// One sentence for `# HELP`.
    pub(crate) help: &'static str,
    pub(crate) labels: &'static [&'static str],
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, help, labels }
}

const OF_CHECK: &[&str] = &["service", "check", "probe"];

pub(crate) const CHECK_STATUS: Family = gauge(
    "musterd_check_status",
    &["service", "check", "probe", "status"],
    "1 for the status that a check has, 0 for the others.",
);
pub(crate) const CHECK_LAST_RUN: Family = gauge(
    "musterd_check_last_run_timestamp_seconds",
    OF_CHECK,
    "Unix time at which the last run of a check began.",
);
pub(crate) const CHECK_LAST_PASS: Family = gauge(
    "musterd_check_last_pass_timestamp_seconds",
    OF_CHECK,
    "Unix time at which the last run of a check began that passed.",
);
pub(crate) const CHECK_INTERVAL: Family = gauge(
    "musterd_check_interval_seconds",
    OF_CHECK,
    "How often a check is due, from where this series comes.",
);
pub(crate) const CHECK_RUNS: Family = Family {
    name: "musterd_check_runs_total",
    kind: Kind::Counter,
    labels: &["service", "check", "probe", "verdict"],
    help: "Runs of a check by what they said, since the start or since the check was added.",
};
pub(crate) const FINDING: Family = gauge(
    "musterd_finding",
    &["service", "check", "rule", "severity", "waived"],
    "Subjects on which a rule is open; the check is empty for what policy itself found.",
);
pub(crate) const SERVICE_SCORE: Family = gauge(
    "musterd_service_score",
    &["service"],
    "0 to 100, from the open findings of a service; absent while nothing is known.",
);
pub(crate) const SERVICE_STATUS: Family = gauge(
    "musterd_service_status",
    &["service", "status"],
    "1 for the status that a service has, 0 for the others.",
);
/// Carries the service's own labels too.
pub(crate) const SERVICE_INFO: Family =
    gauge("musterd_service_info", &["service"], "1, with the labels of a service.");
pub(crate) const PROBE_SUCCESS: Family = gauge(
    "probe_success",
    OF_CHECK,
    "1 while a check passes or warns, 0 while it fails; absent while that is not known.",
);
pub(crate) const PROBE_DURATION: Family = gauge(
    "probe_duration_seconds",
    OF_CHECK,
    "Time that the last run of a check took, without waiting for its turn.",
);
pub(crate) const BUILD_INFO: Family =
    gauge("musterd_build_info", &["version"], "1, with the version of musterd.");

/// The families in the order in which they are written; measurements of probes follow.
#[cfg(test)]
pub(crate) const ALL: &[&Family] = &[
    &BUILD_INFO,
    &SERVICE_INFO,
    &SERVICE_STATUS,
    &SERVICE_SCORE,
    &CHECK_STATUS,
    &CHECK_RUNS,
    &CHECK_LAST_RUN,
    &CHECK_LAST_PASS,
    &CHECK_INTERVAL,
    &FINDING,
    &PROBE_SUCCESS,
    &PROBE_DURATION,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use musterd_probes::KINDS;

    use super::*;
    use crate::metrics::parse;

    #[test]
    fn every_name_is_well_formed_explained_and_given_once() {
        let mut names = BTreeSet::new();
        for family in ALL {
            assert!(parse::is_metric_name(family.name), "{}", family.name);
            assert!(family.help.ends_with('.'), "{}", family.name);
            assert_eq!(family.name.ends_with("_total"), family.kind == Kind::Counter);
            assert!(names.insert(family.name), "{} stands twice", family.name);
            assert!(family.labels.iter().all(|label| parse::is_label_name(label)));
        }
        for family in KINDS.iter().flat_map(|kind| kind.families) {
            assert!(!names.contains(family.name), "{} is one of ours", family.name);
            assert!(parse::is_metric_name(family.name), "{}", family.name);
            for label in family.labels {
                assert!(parse::is_label_name(label) && !OF_CHECK.contains(label), "{label}");
            }
        }
    }
}
