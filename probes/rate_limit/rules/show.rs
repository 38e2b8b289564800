//! The work behind a finding, in words: what was sent, what was answered, and which limiter fits.

use std::fmt::Write as _;

use crate::rate_limit::evidence::{Evidence, Purpose};
use crate::rate_limit::fingerprint;
use crate::rate_limit::infer::{Fit, Outcome};
use crate::rate_limit::reading::{Reading, amount};

/// Of a long sequence, so many groups are shown.
const MOST: usize = 12;

/// The sequence, the model that fits, and the one that came second.
pub(super) fn work(seen: &Evidence, reading: &Reading) -> String {
    let mut text = sequence(seen, reading);
    if let Some(best) = reading.inference.fits.first() {
        let name =
            if reading.inference.family.is_some() { "fits" } else { "fits best, not beyond doubt" };
        let _written = write!(text, "; {name}: {}", fit(best));
    }
    if let Some(second) = reading.inference.fits.get(1) {
        let _written = write!(text, "; second: {}", fit(second));
    }
    if let Some(library) = fingerprint::library(seen) {
        let _written = write!(text, "; it looks like {library}");
    }
    text
}

fn fit(fit: &Fit) -> String {
    let family = fit.candidate.shape.family();
    let size = if fit.candidate.window > 0.0 {
        let window = amount((fit.candidate.window * 10.0).round() / 10.0);
        format!(" of {} in {window} s", amount(fit.candidate.limit))
    } else {
        String::new()
    };
    format!("{}{size} (off by {})", family.as_str(), amount(fit.score))
}

/// Requests in groups of the same moment: `at 0 s 3 accepted (59 to 57 left)`.
fn sequence(seen: &Evidence, reading: &Reading) -> String {
    struct Group {
        at: f64,
        outcome: Option<Outcome>,
        status: Option<u16>,
        count: usize,
        first: Option<f64>,
        last: Option<f64>,
    }
    let mut groups: Vec<Group> = Vec::new();
    let plain = reading.each(seen).filter(|(sample, _)| sample.purpose == Purpose::Plain);
    for (sample, told) in plain {
        match groups.last_mut() {
            Some(group)
                if group.outcome == told.outcome
                    && group.status == sample.status
                    && sample.sent - group.at
                        < 0.2 + 0.15 * super::super::reading::as_count(group.count) =>
            {
                group.count += 1;
                group.last = told.remaining;
            }
            _ => groups.push(Group {
                at: sample.sent,
                outcome: told.outcome,
                status: sample.status,
                count: 1,
                first: told.remaining,
                last: told.remaining,
            }),
        }
    }
    let more = groups.len().saturating_sub(MOST);
    let mut parts: Vec<String> = groups
        .iter()
        .take(MOST)
        .map(|group| {
            let what = match (group.outcome, group.status) {
                (Some(Outcome::Refused), Some(status)) => format!("refused ({status})"),
                (Some(Outcome::Lost) | None, None) => "without an answer".to_owned(),
                (_, Some(status)) => format!("answered {status}"),
                _ => "accepted".to_owned(),
            };
            let left = match (group.first, group.last) {
                (Some(first), Some(last)) if (first - last).abs() > 0.5 => {
                    format!(", {} to {} left", amount(first), amount(last))
                }
                (Some(first), _) => format!(", {} left", amount(first)),
                _ => String::new(),
            };
            format!(
                "at {} s {} {what}{left}",
                amount((group.at * 10.0).round() / 10.0),
                group.count
            )
        })
        .collect();
    if more > 0 {
        parts.push(format!("and {more} more steps"));
    }
    parts.join("; ")
}
