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
    /// Every service that has series.
    services: Arc<Mutex<BTreeSet<String>>>,
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

/// What requests may do, the least first.
const IMPACTS: [&str; 3] = ["passive", "active", "intrusive"];

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
        Ok(Self {
            lateness,
            durations,
            shed,
            in_flight,
            requests,
            objectives,
            targets,
            promised: Arc::default(),
            services: Arc::default(),
        })
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
        for (impact, count) in IMPACTS.into_iter().zip(requests) {
            self.requests.with_label_values(&[service, impact]).inc_by(count.into());
        }
    }

    pub(super) fn shed(&self, reason: Shed) {
        self.shed.with_label_values(&[reason.as_str()]).inc();
    }

    /// Takes over all services: a first request is an increase too, so their series are there from
    /// 0, and those of services that are gone are there no more.
    pub(super) fn adopt(&self, services: &[Arc<Service>]) {
        let now: BTreeSet<String> = services.iter().map(|service| service.name.clone()).collect();
        for service in &now {
            self.sent(service, [0; 3]);
        }
        let mut before = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        for service in before.difference(&now) {
            for impact in IMPACTS {
                // What was adopted has all of its series.
                let _there = self.requests.remove_label_values(&[service, impact]);
            }
        }
        *before = now;
        drop(before);
        self.promise(services);
    }

    /// Takes over the objectives of all services: both outcomes of each are there from 0, and
    /// those of objectives that are gone are there no more.
    fn promise(&self, services: &[Arc<Service>]) {
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
}

#[cfg(test)]
mod tests {
    use prometheus::proto::{LabelPair, MetricFamily};

    use super::*;
    use crate::testing;

    fn named(name: &str) -> Arc<Service> {
        Arc::new(Service { name: name.to_owned(), ..testing::service(Vec::new()) })
    }

    #[test]
    fn requests_of_a_service_are_counted_from_0_until_it_is_gone() {
        let registry = Registry::new();
        let meters = Meters::register(&registry).unwrap();
        let counted = || {
            let families = registry.gather();
            let sent = families.iter().find(|it| it.name() == "musterd_requests_sent_total");
            let series = sent.into_iter().flat_map(MetricFamily::get_metric);
            let text = series.map(|metric| {
                let labels: Vec<_> = metric.get_label().iter().map(LabelPair::value).collect();
                format!("{} {}", labels.join(" "), metric.get_counter().get_value())
            });
            text.collect::<Vec<_>>()
        };
        meters.adopt(&[named("shop"), named("mail")]);
        meters.sent("shop", [3, 0, 0]);
        let mail = ["active mail 0", "intrusive mail 0", "passive mail 0"];
        let shop = ["active shop 0", "intrusive shop 0", "passive shop 3"];
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        let all = sorted([mail, shop].concat().into_iter().map(str::to_owned).collect());
        assert_eq!(sorted(counted()), all);
        meters.adopt(&[named("shop"), named("mail")]);
        assert_eq!(sorted(counted()), all, "a reload counts on");
        meters.adopt(&[named("shop")]);
        assert_eq!(sorted(counted()), shop);
        meters.adopt(&[]);
        assert_eq!(counted(), Vec::<String>::new());
    }
}
