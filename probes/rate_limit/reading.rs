//! What the samples of a run say, read once for all rules: what was accepted and refused, what was
//! declared, and which limiter fits.

use jiff::Timestamp;

use super::RateLimit;
use super::declared::{Declared, Generation, Notation};
use super::evidence::{Evidence, Mode, Purpose, Sample, is_cached};
use super::infer::limiter::{Shape, count};
use super::infer::{Inference, Knowledge, Observation, Outcome, infer};
use super::outage;
use super::plan::window_tolerance;

/// What the samples of a run say.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// One for each sample.
    pub(super) answers: Vec<Told>,
    /// What earlier exchanges of other checks declared.
    pub(super) sighted: Vec<Declared>,
    /// The limit that is declared, by the policy that was configured or binds.
    pub(super) limit: Option<f64>,
    /// The window that is declared, in seconds.
    pub(super) window: Option<f64>,
    /// The windows that headers tell, if by nothing but their ends.
    pub(super) told: Vec<f64>,
    /// Seconds in which a bucket of the declared or configured limit gives one request back.
    pub(super) step: Option<f64>,
    /// What is left by the latest answer.
    pub(super) remaining: Option<f64>,
    /// Which limiter fits.
    pub(super) inference: Inference,
    /// Whether the service failed in the midst, with a status that limiters refuse with too.
    pub(super) failed: bool,
}

/// What one answer says.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) declared: Declared,
    pub(super) outcome: Option<Outcome>,
    /// By the leading policy.
    pub(super) remaining: Option<f64>,
    pub(super) limit: Option<f64>,
    /// Seconds until there is more again, by the leading policy.
    pub(super) reset: Option<f64>,
    /// Seconds to wait, by `Retry-After`.
    pub(super) retry_after: Option<f64>,
}

impl Evidence {
    /// What the samples say to this check.
    pub(super) fn reading(&self, check: &RateLimit) -> &Reading {
        self.reading.get_or_init(|| Box::new(Reading::of(check, self)))
    }
}

impl Reading {
    fn of(check: &RateLimit, seen: &Evidence) -> Self {
        let (limit, window) = (check.limit, check.window);
        let base = base_status(&seen.samples);
        let answers: Vec<Told> = seen
            .samples
            .iter()
            .enumerate()
            .map(|(index, sample)| {
                let outcome = outcome(index, &seen.samples, base, seen.mode);
                told(check, sample, seen.started, outcome)
            })
            .collect();
        let sighted: Vec<Declared> = seen
            .sightings
            .iter()
            .filter(|sighting| !is_cached(&sighting.headers))
            .map(|sighting| Declared::read(&sighting.headers, sighting.at))
            .collect();
        let all = || {
            answers
                .iter()
                .zip(&seen.samples)
                .filter(|(_, sample)| sample.is_plain() && !sample.is_cached())
                .map(|(told, _)| &told.declared)
                .chain(&sighted)
        };
        let leading = || all().filter_map(|declared| declared.leading(limit, window));
        let mut reading = Self {
            limit: leading().find_map(|policy| policy.limit),
            window: leading().find_map(|policy| policy.window),
            remaining: sighted
                .iter()
                .filter_map(|declared| declared.leading(limit, window)?.remaining)
                .chain(answers.iter().filter_map(|told| told.remaining))
                .last(),
            ..Self::default()
        };
        let size = reading.limit.or(limit).zip(reading.window.or(window));
        reading.step = size.map(|(limit, window)| window / limit.max(1.0));
        let mut answers = answers;
        if seen.mode != Mode::Headers {
            let knowledge = knowledge(check, seen, &reading, &answers);
            let limited = observations(&seen.samples, &answers, seen.mode);
            reading.inference = infer(&limited, &knowledge);
            let inference = &reading.inference;
            if outage::is_one(&seen.samples, &answers, &limited, &knowledge, inference) {
                let failed = |sample: &Sample| sample.status == Some(503);
                for (_, told) in seen.samples.iter().zip(&mut answers).filter(|(s, _)| failed(s)) {
                    told.outcome = Some(Outcome::Lost);
                }
                reading.failed = true;
                reading.inference =
                    infer(&observations(&seen.samples, &answers, seen.mode), &knowledge);
            }
            reading.told = if knowledge.told { knowledge.windows } else { Vec::new() };
        }
        reading.answers = answers;
        reading.sighted = sighted;
        // What several counters say in turn looks like one that gives back fast: where both explain
        // it, it is neither for sure.
        if super::rules::takes_turns(seen, &reading) {
            reading.inference.family = None;
        }
        reading
    }

    /// Whether one limiter of the declared window explains the run, be it one that was restarted.
    /// Nothing was tried in vain where nothing was inferred.
    pub(super) fn explained(&self) -> bool {
        let Some(best) = self.inference.fits.first() else { return false };
        let near = self.window.is_none_or(|window| {
            best.candidate.shape == Shape::Unlimited
                || (best.candidate.window - window).abs() <= window_tolerance(window)
        });
        best.score <= 1.0 && (near || self.inference.forgot)
    }

    /// Whether any answer names a limit.
    pub(super) fn declares(&self) -> bool {
        let own = self.answers.iter().map(|told| &told.declared);
        own.chain(&self.sighted).any(Declared::says_something)
    }

    /// The samples with what they say.
    pub(super) fn each<'a>(
        &'a self,
        seen: &'a Evidence,
    ) -> impl Iterator<Item = (&'a Sample, &'a Told)> + Clone {
        seen.samples.iter().zip(&self.answers)
    }
}

/// What is known besides the requests of a run.
pub(super) fn knowledge(
    check: &RateLimit,
    seen: &Evidence,
    reading: &Reading,
    answers: &[Told],
) -> Knowledge {
    let mut limits: Vec<f64> = reading.limit.into_iter().collect();
    let mut windows: Vec<f64> = reading.window.into_iter().collect();
    let boundaries = boundaries(&seen.samples, answers);
    let mut told =
        reading.window.is_some() || check.window.is_some_and(|window| parts(&boundaries, window));
    // A reset that is told to the first request of a window is the window, or what is left of it.
    if let (false, Some(first)) = (told, answers.first())
        && let (Some(reset), Some(remaining), Some(limit)) =
            (first.reset, first.remaining, reading.limit)
        && remaining + 1.5 > limit
        && reset > 0.5
    {
        windows.push(reset.round());
        // Where windows do not begin with a request, the first one is half over when we come.
        told = check.window.is_none_or(|window| (reset - window).abs() <= window_tolerance(window));
    }
    let add = |list: &mut Vec<f64>, value: Option<f64>| {
        if let Some(value) = value
            && !list.iter().any(|known| (known - value).abs() < 1e-6)
        {
            list.push(value);
        }
    };
    add(&mut limits, check.limit);
    add(&mut windows, check.window);
    let mut steps = Vec::new();
    for (limit, window) in [(reading.limit, reading.window), (check.limit, check.window)] {
        add(&mut steps, limit.zip(window).map(|(limit, window)| window / limit.max(1.0)));
    }
    Knowledge {
        limits,
        windows,
        told,
        steps,
        boundaries,
        server_clock: server_clock(&seen.samples, seen.started),
    }
}

/// The end of the window that most answers tell, in seconds since the run began: several answers
/// agree on it where the window does not move.
pub(super) fn boundaries(samples: &[Sample], answers: &[Told]) -> Vec<f64> {
    let mut ends: Vec<f64> = samples
        .iter()
        .zip(answers)
        .filter(|(sample, _)| sample.is_plain())
        .filter_map(|(sample, told)| Some(sample.answered + told.reset?))
        .collect();
    ends.sort_by(f64::total_cmp);
    // Resets round to seconds: what lies closer is the same one.
    ends.dedup_by(|a, b| *a - *b < 1.0);
    ends.truncate(4);
    ends
}

/// Whether ends of windows lie whole windows apart, as those do that no request moves.
fn parts(ends: &[f64], window: f64) -> bool {
    /// Ends that are told in whole seconds prove nothing.
    const EXACT: f64 = 0.2;
    ends.len() > 1
        && ends.windows(2).all(|pair| {
            let apart = pair[1] - pair[0];
            let windows = (apart / window).round();
            windows >= 1.0 && (apart - windows * window).abs() <= EXACT
        })
}

/// Between which two values the server's clock stood when the run began: every `Date` is right to
/// a second.
pub(super) fn server_clock(samples: &[Sample], started: Timestamp) -> (f64, f64) {
    let ours = super::declared::epoch_seconds(started);
    let (mut earliest, mut latest) = (f64::NEG_INFINITY, f64::INFINITY);
    for sample in samples {
        let Some(date) = sample.header("date").and_then(crate::health::http_date) else { continue };
        let date = super::declared::epoch_seconds(date);
        earliest = earliest.max(date - sample.answered);
        latest = latest.min(date + 1.0 - sample.sent);
    }
    if earliest.is_finite() && latest.is_finite() && earliest <= latest {
        (earliest, latest)
    } else {
        (ours - 0.5, ours + 0.5)
    }
}

/// What a request was for the ordinary bucket. Behind the limit, what was refused was counted there
/// too, and a variant that was let through may have been: what came back meanwhile went to it, or it
/// has a bucket of its own. Before the limit, whether variants are counted is what they are there to
/// show, and what comes after them is left out with them.
fn for_the_bucket(sample: &Sample, told: &Told, mode: Mode) -> Option<Outcome> {
    let outcome = told.outcome?;
    match mode {
        Mode::Exhaust if sample.is_plain() || outcome == Outcome::Refused => Some(outcome),
        Mode::Exhaust => Some(Outcome::Lost),
        Mode::Headers | Mode::Differential => (sample.purpose == Purpose::Plain).then_some(outcome),
    }
}

/// What the samples were for the limiter.
fn observations(samples: &[Sample], answers: &[Told], mode: Mode) -> Vec<Observation> {
    samples
        .iter()
        .zip(answers)
        .filter_map(|(sample, told)| {
            let outcome = for_the_bucket(sample, told, mode)?;
            let remaining = told.remaining.filter(|_| outcome != Outcome::Lost);
            Some(Observation { sent: sample.sent, answered: sample.answered, outcome, remaining })
        })
        .collect()
}

/// The status that the request is answered with while nothing limits it.
pub(super) fn base_status(samples: &[Sample]) -> Option<u16> {
    samples
        .iter()
        .filter(|sample| sample.purpose == Purpose::Plain)
        .find_map(|sample| sample.status)
        .filter(|status| *status != 429)
}

/// Whether the limiter accepted a request, refused it, or nobody knows.
pub(super) fn outcome(
    index: usize,
    samples: &[Sample],
    base: Option<u16>,
    mode: Mode,
) -> Option<Outcome> {
    let sample = &samples[index];
    let Some(status) = sample.status else { return Some(Outcome::Lost) };
    if sample.is_cached() {
        return None;
    }
    Some(if status == 429 || is_other_refusal(status, base, mode) {
        Outcome::Refused
    } else {
        Outcome::Accepted
    })
}

/// Statuses that limiters refuse with besides 429.
pub(super) const REFUSING: [u16; 4] = [403, 418, 420, 503];

/// Whether a status is one of those: only where a run provoked it, and where the
/// request is answered otherwise before.
fn is_other_refusal(status: u16, base: Option<u16>, mode: Mode) -> bool {
    mode == Mode::Exhaust && REFUSING.contains(&status) && base.is_some_and(|base| base != status)
}

/// What one answer says to this check.
pub(super) fn told(
    check: &RateLimit,
    sample: &Sample,
    started: Timestamp,
    outcome: Option<Outcome>,
) -> Told {
    let declared = sample.declared(started);
    let leading = declared.leading(check.limit, check.window).cloned();
    // Words of a refusal name the limit, and never what is left.
    let leading = leading.filter(|policy| policy.generation != Generation::Prose);
    Told {
        outcome,
        remaining: leading.as_ref().and_then(|policy| policy.remaining),
        limit: leading.as_ref().and_then(|policy| policy.limit),
        reset: leading.as_ref().and_then(|p| p.reset).map(|reset| reset.seconds),
        retry_after: declared
            .retry_after
            .filter(|delay| delay.notation != Notation::Units)
            .map(|delay| delay.seconds.max(0.0)),
        declared,
    }
}

/// As many as there are of something, in words of numbers.
pub(super) fn amount(value: f64) -> String {
    if (value - value.round()).abs() < 0.005 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// A number of samples as a float.
pub(super) fn as_count(items: usize) -> f64 {
    count(items)
}
