//! What the scheduler tells of itself, in the daemon's own metric families.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use musterd_probes::severity::Verdict;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry,
};

use crate::config::{Check, Service};

/// The scheduler's own metrics.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    lateness: Histogram,
    durations: HistogramVec,
    shed: IntCounterVec,
    in_flight: IntGauge,
    requests: IntCounterVec,
    objectives: IntCounterVec,
    targets: GaugeVec,
    /// Service and name of every objective that has series.
    promised: Arc<Mutex<BTreeSet<(String, String)>>>,
}

/// Why a run was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shed {
    /// Its turn came too late.
    Deadline,
    /// The run before it had not ended.
    Overlap,
    /// Active work pauses, because the origin refuses us.
    Blocked,
}

impl Shed {
    const ALL: [Self; 3] = [Self::Deadline, Self::Overlap, Self::Blocked];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Overlap => "overlap",
            Self::Blocked => "blocked",
        }
    }
}

/// What a run is to an objective.
const OUTCOMES: [&str; 2] = ["good", "bad"];

impl Meters {
    /// The families in a registry, every series that is known from 0.
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let lateness = Histogram::with_opts(
            HistogramOpts::new(
                "musterd_schedule_lateness_seconds",
                "How long after its due time a run started",
            )
            .buckets(vec![0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0]),
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "musterd_run_duration_seconds",
                "How long runs took, without their time in queues",
            )
            .buckets(vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]),
            &["probe"],
        )?;
        let shed = IntCounterVec::new(
            Opts::new("musterd_runs_shed_total", "Runs that were due and were not made"),
            &["reason"],
        )?;
        let in_flight =
            IntGauge::new("musterd_runs_in_flight", "Runs that have started and not ended")?;
        let requests = IntCounterVec::new(
            Opts::new("musterd_requests_sent_total", "Requests that were sent to a service"),
            &["service", "impact"],
        )?;
        registry.register(Box::new(lateness.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        registry.register(Box::new(shed.clone()))?;
        registry.register(Box::new(in_flight.clone()))?;
        let objectives = IntCounterVec::new(
            Opts::new("musterd_objective_events_total", "Runs that an objective counts"),
            &["service", "objective", "outcome"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(objectives.clone()))?;
        let targets = GaugeVec::new(
            Opts::new(
                "musterd_objective_target_ratio",
                "Which part of the runs that an objective counts has to be good",
            ),
            &["service", "objective"],
        )?;
        registry.register(Box::new(targets.clone()))?;
        for reason in Shed::ALL {
            shed.with_label_values(&[reason.as_str()]).reset();
        }
        let promised = Arc::default();
        Ok(Self { lateness, durations, shed, in_flight, requests, objectives, targets, promised })
    }

    pub(super) fn started(&self, late: Duration, in_flight: usize) {
        self.lateness.observe(late.as_secs_f64());
        self.running(in_flight);
    }

    pub(super) fn running(&self, in_flight: usize) {
        self.in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
    }

    pub(super) fn ended(&self, probe: &str, took: Duration) {
        self.durations.with_label_values(&[probe]).observe(took.as_secs_f64());
    }

    pub(super) fn sent(&self, service: &str, requests: [u32; 3]) {
        for (impact, count) in ["passive", "active", "intrusive"].into_iter().zip(requests) {
            if count > 0 {
                self.requests.with_label_values(&[service, impact]).inc_by(count.into());
            }
        }
    }

    pub(super) fn shed(&self, reason: Shed) {
        self.shed.with_label_values(&[reason.as_str()]).inc();
    }

    /// Takes over the objectives of all services: both outcomes of each are there from 0, and
    /// those of objectives that are gone are there no more.
    pub(super) fn promise(&self, services: &[Arc<Service>]) {
        let mut now = BTreeSet::new();
        for service in services {
            for objective in &service.objectives {
                let labels = [service.name.as_str(), &objective.name];
                self.targets.with_label_values(&labels).set(objective.target / 100.0);
                for outcome in OUTCOMES {
                    self.objectives.with_label_values(&[labels[0], labels[1], outcome]).inc_by(0);
                }
                now.insert((service.name.clone(), objective.name.clone()));
            }
        }
        let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        for (service, objective) in promised.difference(&now) {
            // What was promised has all of its series.
            let _there = self.targets.remove_label_values(&[service, objective]);
            for outcome in OUTCOMES {
                let _there = self.objectives.remove_label_values(&[service, objective, outcome]);
            }
        }
        *promised = now;
    }

    /// Counts a run for each objective that speaks of its check. What could not look is neither
    /// good nor bad.
    pub(super) fn hold(&self, service: &Service, check: &Check, verdict: Verdict, took: Duration) {
        for objective in &service.objectives {
            let named = objective.checks.iter().any(|glob| check.is_meant_by(glob));
            let in_time = objective.under.is_none_or(|under| took < under);
            let outcome = match verdict {
                Verdict::Unknown => continue,
                Verdict::Pass | Verdict::Warn if in_time => OUTCOMES[0],
                Verdict::Pass | Verdict::Warn | Verdict::Fail => OUTCOMES[1],
            };
            if named {
                self.objectives.with_label_values(&[&service.name, &objective.name, outcome]).inc();
            }
        }
    }

    /// Services that are gone have no series any more.
    pub(super) fn forget_services(&self, gone: impl IntoIterator<Item = Arc<Service>>) {
        for service in gone {
            let service = &service.name;
            for impact in ["passive", "active", "intrusive"] {
                // A service that sent nothing of this impact has no such series.
                let _absent = self.requests.remove_label_values(&[service, impact]);
            }
        }
    }
}
