//! Durations and numbers of the file format, each within its bounds.

use std::borrow::Cow;
use std::time::Duration;

use musterd_probes::duration::Dur;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

use super::scalar::checked;

/// How durations look.
const DURATION: &str = r"^\s*(\d+(\.\d+)?\s*[a-zA-Zµ]+\s*)+$";

checked! {
    /// How often a check runs.
    Interval(Duration): Dur, interval, {"type": "string", "pattern": DURATION}
}

fn interval(duration: Dur) -> Result<Duration, String> {
    within(duration, Duration::from_secs(1), Duration::from_hours(366 * 24))
}

checked! {
    /// How long one exchange may take.
    Timeout(Duration): Dur, timeout, {"type": "string", "pattern": DURATION}
}

fn timeout(duration: Dur) -> Result<Duration, String> {
    within(duration, Duration::from_millis(10), Duration::from_mins(5))
}

checked! {
    /// A stretch of time that something is kept or looked at.
    Stretch(Duration): Dur, stretch, {"type": "string", "pattern": DURATION}
}

fn stretch(duration: Dur) -> Result<Duration, String> {
    within(duration, Duration::from_hours(1), Duration::from_hours(3660 * 24))
}

checked! {
    /// A bound of latency.
    Latency(Duration): Dur, latency, {"type": "string", "pattern": DURATION}
}

fn latency(duration: Dur) -> Result<Duration, String> {
    within(duration, Duration::from_millis(1), Duration::from_mins(5))
}

fn within(duration: Dur, least: Duration, most: Duration) -> Result<Duration, String> {
    if (least..=most).contains(&duration.0) {
        return Ok(duration.0);
    }
    Err(format!("{duration} is out of bounds: from {} to {}", Dur(least), round(most)))
}

/// Days are told as days and not as months.
fn round(duration: Duration) -> String {
    match duration.as_secs() / 86_400 {
        0 => Dur(duration).to_string(),
        days => format!("{days}d"),
    }
}

checked! {
    /// How many runs in a row make a worse status.
    Confirm(u32): i64, confirm, {"type": "integer", "minimum": 1, "maximum": 10}
}

fn confirm(number: i64) -> Result<u32, String> {
    number_within(number, 10)
}

checked! {
    /// How many requests may go at once.
    Burst(u32): i64, burst, {"type": "integer", "minimum": 1, "maximum": 1000}
}

fn burst(number: i64) -> Result<u32, String> {
    number_within(number, 1000)
}

fn number_within(number: i64, most: u32) -> Result<u32, String> {
    let small = u32::try_from(number).ok().filter(|number| (1..=most).contains(number));
    small.ok_or_else(|| format!("{number} is out of bounds: from 1 to {most}"))
}

checked! {
    /// A share in percent.
    Percent(f64): f64, percent,
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100}
}

fn percent(number: f64) -> Result<f64, String> {
    if number > 0.0 && number < 100.0 {
        return Ok(number);
    }
    Err(format!("{number} is out of bounds: more than 0 and less than 100 percent"))
}
