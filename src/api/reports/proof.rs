//! Whether a report proves what it says: it is of our time, and its findings make its statuses.

use jiff::{SignedDuration, Timestamp};
use musterd_probes::severity::Verdict;

use super::KEEP;
use crate::report::{CheckStatus, ServiceStatus};
use crate::status::Status;

/// Clocks differ by no more than this.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Holds a report that was made at a time to ours; the error says what is wrong with it.
pub(super) fn timely(
    made_at: Timestamp,
    services: &[ServiceStatus],
    now: Timestamp,
) -> Result<(), String> {
    recent("`generated_at`", made_at, now)?;
    for service in services {
        let checks = service.checks.iter();
        let last_runs = checks.clone().filter_map(|check| check.last_run.map(|at| (check, at)));
        for (check, at) in last_runs {
            recent(&format!("the `last_run` of {}", check.id), at, now)?;
        }
        let findings = checks.clone().flat_map(|check| &check.findings).chain(&service.findings);
        let others = findings
            .map(|finding| ("opened_at", finding.opened_at))
            .chain(checks.map(|check| ("since", check.since)))
            .chain([("since", service.since)]);
        for (name, at) in others.filter_map(|(name, at)| Some((name, at?))) {
            past(&format!("a `{name}` of {}", service.name), at, now)?;
        }
    }
    Ok(())
}

fn recent(name: &str, at: Timestamp, now: Timestamp) -> Result<(), String> {
    past(name, at, now)?;
    if now.duration_since(at) > KEEP {
        let hours = KEEP.as_hours();
        return Err(format!("{name} is {at}: more than {hours} hours ago by our clock ({now})"));
    }
    Ok(())
}

fn past(name: &str, at: Timestamp, now: Timestamp) -> Result<(), String> {
    if at.duration_since(now) > AHEAD {
        return Err(format!("{name} is {at}, which has yet to come by our clock ({now})"));
    }
    Ok(())
}

/// Holds the status of a check to what a run would have made of its findings.
pub(super) fn consistent(check: &CheckStatus) -> Result<(), String> {
    let CheckStatus { id, status, .. } = check;
    if matches!(status, Status::Unknown | Status::Pending) {
        return Ok(());
    }
    let open = check.findings.iter().filter(|finding| finding.waived.is_none());
    let made = Status::from(Verdict::of(open.map(|finding| finding.severity)));
    if *status != made {
        return Err(format!("the `status` of {id} is {status}, but its findings make it {made}"));
    }
    if check.verdict.map(Status::from) != Some(*status) {
        return Err(format!("the `status` of {id} is {status}, but its `verdict` is another"));
    }
    if check.last_run.is_none() {
        return Err(format!("the `status` of {id} is {status}, but it has no `last_run`"));
    }
    Ok(())
}
