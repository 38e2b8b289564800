//! What can be measured of an objective: windows, factors, and how many failures they take.

use std::time::Duration;

/// Fewer failures than these say more about the network than about the service. Every alert asks for
/// as many: a window that has only begun holds few runs, whatever the interval.
pub(super) const FEWEST: u32 = 3;

/// Prometheus is taken to look at least this often.
const SCRAPE: f64 = 60.0;

/// How often the checks of an objective run, together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cadence {
    /// Runs a second.
    rate: f64,
    /// The longest interval of all.
    pub(super) slowest: Duration,
}

impl Cadence {
    /// Of checks with these intervals; `None` without any.
    pub(super) fn of(intervals: &[Duration]) -> Option<Self> {
        let slowest = intervals.iter().max().copied()?;
        let rate = intervals.iter().map(|interval| 1.0 / interval.as_secs_f64()).sum();
        Some(Self { rate, slowest })
    }

    /// Runs within a time.
    fn runs(self, window: Duration) -> f64 {
        self.rate * window.as_secs_f64()
    }

    /// Between two runs, on average.
    fn between(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }
}

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Somebody is woken up.
    Page,
    /// Somebody looks at it on the next day.
    Ticket,
}

/// One pair of windows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub(super) urgency: Urgency,
    pub(super) long: Duration,
    /// Ends the alert soon after the failures end.
    pub(super) short: Duration,
    /// How many times as fast as the objective allows the budget is spent.
    pub(super) factor: f64,
}

/// The pairs that can be measured, and what is to be said of the others.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) rows: Vec<Row>,
    pub(super) warnings: Vec<String>,
}

/// The workbook's pairs: which part of the objective's window the long one is, and the factor. At
/// 30 days these are an hour, six hours, a day and three days, which take 2, 5, 10 and 10 % of the
/// budget.
const PAIRS: [(Urgency, u32, f64); 4] = [
    (Urgency::Page, 720, 14.4),
    (Urgency::Page, 120, 6.0),
    (Urgency::Ticket, 30, 3.0),
    (Urgency::Ticket, 10, 1.0),
];

/// The part of runs that an objective allows to be bad.
pub(super) fn budget(target: f64) -> f64 {
    // Free of the noise that subtracting leaves: 0.001, and not 0.0010000000000000009.
    ((100.0 - target) * 1e8).round() / 1e10
}

/// How many failures within a window spend the budget so fast.
pub(super) fn failures(factor: f64, budget: f64, window: Duration, cadence: Cadence) -> u32 {
    // What is exactly on the line does not fire; rounding must not decide.
    let line = (factor * budget * cadence.runs(window) * 1e6).round() / 1e6;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturating is what is wanted"
    )]
    let line = line.floor() as u32;
    line.saturating_add(1)
}

/// Which pairs can be measured at this cadence.
pub(super) fn measure(target: f64, window: Duration, cadence: Cadence) -> Measured {
    let budget = budget(target);
    let mut measured = Measured { rows: Vec::new(), warnings: Vec::new() };
    let mut few: Option<(Row, u32)> = None;
    for (urgency, part, factor) in PAIRS {
        let long = minutes(window / part);
        let rest = Duration::from_secs_f64(SCRAPE) + cadence.between() * 2;
        let short = minutes((long / 12).max(rest));
        let row = Row { urgency, long, short, factor };
        let what = format!("the pair of {} and {}", span(long), span(short));
        if factor * budget >= 1.0 {
            measured.warnings.push(format!(
                "{what} is left out: not even a total outage spends the budget {factor} times as \
                 fast as a target of {target} % allows"
            ));
            continue;
        }
        if cadence.runs(long) < f64::from(FEWEST) || short * 2 > long {
            measured.warnings.push(format!(
                "{what} is left out: with a run every {} on average it holds too few; shorten the \
                 interval, or widen the objective's window",
                span(cadence.between())
            ));
            continue;
        }
        let enough = failures(factor, budget, long, cadence);
        if enough < FEWEST {
            few = few.or(Some((row, enough)));
        }
        measured.rows.push(row);
    }
    if let Some((row, enough)) = few {
        measured.warnings.push(too_few(row, enough, budget, cadence));
    }
    if !measured.rows.iter().any(|row| row.urgency == Urgency::Page) {
        measured.warnings.push("nothing of it pages anybody".to_owned());
    }
    measured
}

fn too_few(row: Row, enough: u32, budget: f64, cadence: Cadence) -> String {
    let interval = row.factor * budget * row.long.as_secs_f64() / f64::from(FEWEST - 1);
    let shorter = if interval >= 1.0 {
        format!("a run every {} or less", span(Duration::from_secs_f64(interval.floor())))
    } else {
        "more than a run a second".to_owned()
    };
    let runs = if enough == 1 { "1 bad run".to_owned() } else { format!("{enough} bad runs") };
    format!(
        "{runs} in {} would be enough, at a run every {} on average: {FEWEST} are asked for \
         instead, which takes longer. It takes {shorter} for the objective to be measured; count \
         more checks, lower the target, or widen the window",
        span(row.long),
        span(cadence.between())
    )
}

/// Rounded up to whole minutes.
fn minutes(time: Duration) -> Duration {
    let rest = u64::from(time.subsec_nanos() > 0);
    Duration::from_secs((time.as_secs() + rest).div_ceil(60) * 60)
}

/// A time as Prometheus writes it, in the largest unit that holds it whole.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds == 0 || time.subsec_nanos() > 0 {
        return format!("{}ms", time.as_millis());
    }
    let (unit, name) = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")]
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit))
        .unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}
