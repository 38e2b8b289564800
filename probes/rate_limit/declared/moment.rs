//! Times of reset and retry, told apart by how they are written and by their magnitude.

use std::time::Duration;

use jiff::Timestamp;

/// How a time was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rate_limit) enum Notation {
    /// Whole seconds from now.
    Seconds,
    /// Seconds from now with a fraction, which `Retry-After` must not have (RFC 9110 section 10.2.3).
    Decimal,
    /// Seconds since 1970.
    Epoch,
    /// Milliseconds since 1970.
    EpochMillis,
    /// A date, as ISO 8601 or as HTTP writes it.
    Date,
    /// A duration with units, such as `6m0s`.
    Units,
}

/// How long until something happens, in seconds from the answer on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::rate_limit) struct Delay {
    pub(in crate::rate_limit) seconds: f64,
    pub(in crate::rate_limit) notation: Notation,
}

/// From here on a number of seconds is a time since 1970 (September 2001).
const EPOCH: f64 = 1e9;

/// From here on it is in milliseconds (March 1973, when nobody limited rates).
const EPOCH_MILLIS: f64 = 1e11;

/// What lies further ahead is no time that anybody waits for.
const A_CENTURY: f64 = 100.0 * 365.25 * 86_400.0;

/// When an answer was given.
#[derive(Debug, Clone, Copy)]
pub(in crate::rate_limit) struct Now {
    /// By the clock that wrote the reset too, cut to seconds.
    date: Timestamp,
    /// To the fraction of a second.
    exact: Timestamp,
}

impl Now {
    /// From an answer's own `Date`, where it has one, and from our clock, where that does not
    /// contradict it: some servers write a `Date` that they made up a second ago.
    pub(in crate::rate_limit) fn new(date: Option<Timestamp>, received: Timestamp) -> Self {
        let date = date.unwrap_or(received);
        let ahead = epoch_seconds(received) - epoch_seconds(date);
        let exact = if (-0.5..2.5).contains(&ahead) { received } else { date };
        Self { date, exact }
    }
}

/// A time of reset in any notation, relative to `now`. What was rounded like a `Date` is compared
/// with that.
pub(super) fn reset(text: &str, now: Now) -> Option<Delay> {
    moment(text.trim(), now).filter(|delay| delay.seconds < A_CENTURY)
}

fn moment(text: &str, now: Now) -> Option<Delay> {
    let (rounded, exact) = (epoch_seconds(now.date), epoch_seconds(now.exact));
    if let Some(number) = number(text) {
        let (seconds, notation) = if number > EPOCH_MILLIS {
            (number / 1000.0 - exact, Notation::EpochMillis)
        } else if number > EPOCH && text.contains('.') {
            (number - exact, Notation::Epoch)
        } else if number > EPOCH {
            (number - rounded, Notation::Epoch)
        } else if text.contains('.') {
            (number, Notation::Decimal)
        } else {
            (number, Notation::Seconds)
        };
        return Some(Delay { seconds, notation });
    }
    if let Some(moment) = date(text) {
        let base = if text.contains('.') { exact } else { rounded };
        let seconds = epoch_seconds(moment) - base;
        return Some(Delay { seconds, notation: Notation::Date });
    }
    let duration = units(text)?;
    Some(Delay { seconds: duration.as_secs_f64(), notation: Notation::Units })
}

/// `Retry-After`: seconds or a date; decimals are read although no specification knows them.
pub(in crate::rate_limit) fn retry_after(text: &str, now: Now) -> Option<Delay> {
    reset(text, now).filter(|delay| delay.notation != Notation::Units)
}

/// A number as headers write one: no sign but a minus, no exponent, no infinity.
fn number(text: &str) -> Option<f64> {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let well = !plain.is_empty()
        && plain.len() <= 24
        && plain.chars().all(|c| c.is_ascii_digit() || c == '.');
    if well { text.parse().ok().filter(|value: &f64| value.is_finite()) } else { None }
}

fn date(text: &str) -> Option<Timestamp> {
    if text.len() > 64 {
        return None;
    }
    text.parse().ok().or_else(|| crate::health::http_date(text))
}

fn units(text: &str) -> Option<Duration> {
    let readable = text.len() <= 32 && text.starts_with(|c: char| c.is_ascii_digit());
    if readable { humantime::parse_duration(text).ok() } else { None }
}

/// Seconds since 1970.
pub(in crate::rate_limit) fn epoch_seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}
