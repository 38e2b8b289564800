//! One function runs one check once, for everybody: the daemon, the command line and the demo.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use musterd_probes::blind::{Blind, Cause};
use musterd_probes::context::{Context, Limits, Run, Terms};
use musterd_probes::contract::{Earlier, Evidence};
use musterd_probes::impact::Impact;
use musterd_probes::measurement::Measurement;
use musterd_probes::net::network::Network;
use musterd_probes::net::origin::Origin;
use musterd_probes::run_id::RunId;
use musterd_probes::severity::Verdict;
use tokio::time::{Instant, sleep_until};

use crate::config::{Check, Service};
use crate::policy::{self, Ruling};

/// Beyond what a probe says that it may take, so much is granted before it counts as hanging.
const GRACE: Duration = Duration::from_secs(5);

/// What a run may look at and do besides its configuration.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// A ceiling on what the check consents to.
    pub(crate) ceiling: Impact,
    /// Whether the parts that run at most once a day join: full depth, and intrusive work where it
    /// is consented to.
    pub(crate) daily: bool,
    /// The longest wait for a limiter's window.
    pub(crate) max_wait: Duration,
    /// Whether an active run confirms an outage before it tells of it.
    pub(crate) confirms: bool,
    /// The time of now.
    pub(crate) at: Timestamp,
    /// Where we look from.
    pub(crate) location: Arc<str>,
}

/// What one run was and saw.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) run: RunId,
    pub(crate) check: Arc<Check>,
    pub(crate) at: Timestamp,
    /// Without the time in queues.
    pub(crate) duration: Duration,
    pub(crate) outcome: Outcome,
    /// Requests of each impact: passive, active, intrusive.
    pub(crate) requests: [u32; 3],
    /// Whether nothing at all was sent to the target.
    pub(crate) untouched: bool,
    pub(crate) reception: Reception,
}

/// How the target took a run's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reception {
    /// Nothing came back, or nothing but errors of a server that is ill.
    Unheard,
    /// As any visitor's.
    Served,
    /// Some answer was 403, 406, 429 or a reset.
    Refused,
}

/// What came of a run.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// It looked.
    Saw { evidence: Evidence, ruling: Ruling, measurements: Vec<Measurement> },
    /// It could not look.
    Blind(Blind),
}

impl Record {
    /// A run of which nothing is known but that it was made: it proves nothing.
    pub(crate) fn lost(check: &Arc<Check>, at: Timestamp) -> Self {
        Self {
            run: RunId::new(at, fastrand::u128(..)),
            check: Arc::clone(check),
            at,
            duration: Duration::ZERO,
            outcome: Outcome::Blind(Blind::new(Cause::Internal, "the run was lost")),
            requests: [0; 3],
            untouched: false,
            reception: Reception::Unheard,
        }
    }

    /// What the run says.
    pub(crate) fn verdict(&self) -> Verdict {
        match &self.outcome {
            Outcome::Saw { ruling, .. } => ruling.verdict,
            Outcome::Blind(_) => Verdict::Unknown,
        }
    }

    /// Why it could not look.
    pub(crate) fn reason(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Saw { .. } => None,
            Outcome::Blind(blind) => Some(&blind.reason),
        }
    }
}

/// Runs a check once: waits for its turn, observes under a deadline and a panic guard, judges,
/// measures, and applies the service's policy.
pub(crate) async fn run(
    network: &Arc<Network>,
    service: &Service,
    check: &Arc<Check>,
    earlier: &Earlier,
    order: &Order,
) -> Record {
    let began = Instant::now();
    let daily = order.daily && is_daily(check, order.ceiling);
    let ceiling = if daily { order.ceiling } else { order.ceiling.min(Impact::Active) };
    let consent = check.terms.allow.min(ceiling);
    let impact = check.impact().min(ceiling);
    let deep = daily && check.probe.has_deep_part();
    let id = RunId::new(order.at, fastrand::u128(..));
    let _alone = match Origin::of(&service.target.url) {
        Some(origin) if goes_alone(check, impact) => Some(network.lock(&origin).await),
        _ => None,
    };
    let context = Context::new(
        Arc::clone(network),
        Arc::clone(&service.target),
        Run {
            id,
            at: order.at,
            timeout: check.terms.timeout,
            consent,
            deep,
            max_wait: order.max_wait,
            limits: limits(check, impact, deep),
        },
    )
    .after(earlier.clone())
    .under(Terms {
        configured: check.terms.allow,
        ceiling: order.ceiling,
        began,
        // Passive runs are repeated early instead.
        confirm: if order.confirms && impact > Impact::Passive { check.terms.confirm } else { 1 },
        pause: check.terms.retry_interval.min(order.max_wait),
    });
    let started = Instant::now();
    let observed = observe(check, &context, started).await;
    let duration = started.elapsed().saturating_sub(context.waited());
    // While we are cut off, an outage that we see is our own.
    let cut_off =
        observed.is_ok() && context.missed() && network.uplink.is_down(&network.resolver).await;
    let outcome = match observed {
        Ok(_) if cut_off => Outcome::Blind(Blind::new(
            Cause::Network,
            "every uplink reference fails: this machine is cut off from the network",
        )),
        Ok(evidence) => {
            match guarded(|| look(check, service, &evidence, earlier.as_slice(), order.at)) {
                Ok((ruling, measurements)) => Outcome::Saw { evidence, ruling, measurements },
                Err(blind) => Outcome::Blind(blind),
            }
        }
        Err(blind) => Outcome::Blind(blind),
    };
    let took = duration.as_secs_f64();
    tracing::debug!(check = %check.id, run = %id, location = &*order.location, took, "a run has ended");
    if let Outcome::Blind(Blind { cause: Cause::Internal, reason }) = &outcome {
        tracing::error!(check = %check.id, %reason, "a run failed by a fault of musterd itself");
    }
    Record {
        run: id,
        check: Arc::clone(check),
        at: order.at,
        duration,
        outcome,
        requests: context.requests_sent(),
        untouched: context.sent_nothing(),
        reception: reception(&context),
    }
}

fn reception(context: &Context) -> Reception {
    match (context.was_refused(), context.was_served()) {
        (true, _) => Reception::Refused,
        (false, true) => Reception::Served,
        (false, false) => Reception::Unheard,
    }
}

/// Whether no other such run may be at work on the same origin: two active ones would disturb each
/// other's counting, and so would two that count what is left.
pub(crate) fn goes_alone(check: &Check, impact: Impact) -> bool {
    impact > Impact::Passive || check.probe.counts_traffic()
}

/// How much a run may send: an exhausting one as much as its check says.
fn limits(check: &Check, impact: Impact, deep: bool) -> Limits {
    let limits = Limits::of(impact, deep);
    let own = check.probe.max_requests().filter(|_| impact == Impact::Intrusive);
    Limits { requests: own.unwrap_or(limits.requests), ..limits }
}

/// Whether a check has parts that run at most once a day, and may run them.
pub(crate) fn is_daily(check: &Check, ceiling: Impact) -> bool {
    match check.impact().min(ceiling) {
        Impact::Passive => false,
        Impact::Active => check.probe.has_deep_part(),
        Impact::Intrusive => true,
    }
}

/// Judges evidence and measures it: what a run does after it looked, and what happens again when
/// only the policy changed.
pub(crate) fn look(
    check: &Check,
    service: &Service,
    evidence: &Evidence,
    earlier: &[(Timestamp, Evidence)],
    at: Timestamp,
) -> (Ruling, Vec<Measurement>) {
    let judgement = check.probe.judge(evidence, earlier, at);
    (policy::rule(judgement, check, &service.waivers, at), check.probe.measure(evidence))
}

async fn observe(check: &Check, context: &Context, started: Instant) -> Result<Evidence, Blind> {
    let longest = check.probe.max_duration(check.terms.timeout) + GRACE;
    let mut observing =
        std::pin::pin!(AssertUnwindSafe(check.probe.observe(context)).catch_unwind());
    loop {
        // Time in queues is granted on top; it grows while the run goes on.
        let until = started + longest + context.waited();
        tokio::select! {
            biased;
            observed = &mut observing => {
                return observed.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
            }
            () = sleep_until(until) => {
                if until >= started + longest + context.waited() {
                    let reason = format!("the run did not end within {longest:?}");
                    return Err(Blind::new(Cause::Internal, reason));
                }
            }
        }
    }
}

fn guarded<T>(judging: impl FnOnce() -> T) -> Result<T, Blind> {
    std::panic::catch_unwind(AssertUnwindSafe(judging)).map_err(|panic| panicked(panic.as_ref()))
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Blind {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message");
    Blind::new(Cause::Internal, format!("musterd's own code panicked: {words}"))
}

#[cfg(test)]
mod tests;
