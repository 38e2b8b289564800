//! The moments and lengths of time that an answer states, from which comes how old its body is.

use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Seconds of a number that is given in milliseconds.
pub(super) const MILLI: f64 = 1e-3;

/// No answer tells of a length of time above 300 years that could be meant.
const LONGEST: f64 = 1e10;

/// How many seconds old a body is at least, from the timestamp in it, its answer's `Date` and
/// `Age` fields and the time now; none when neither a timestamp nor an `Age` is known.
///
/// `Date` comes from the clock that most likely wrote the timestamp too, so the difference of
/// their clock to ours does not count. A cache keeps the origin's `Date` and tells in `Age` what
/// has passed since (RFC 9111 section 4.2.3), yet some write a fresh `Date` as well: the greater
/// of the two is true of both kinds, where their sum would count twice.
pub(crate) fn body_age(
    stated: Option<Timestamp>,
    date_header: Option<&str>,
    age_header: Option<&str>,
    now: Timestamp,
) -> Option<f64> {
    let cached = age_header.and_then(age_seconds);
    let Some(stated) = stated else { return cached };
    let reference = date_header.and_then(http_date).unwrap_or(now);
    let difference = reference.duration_since(stated).as_secs_f64();
    Some(difference.max(cached.unwrap_or(0.0)).max(0.0))
}

/// The value of an `Age` field in seconds (RFC 9111 section 5.1: an integer that is not negative).
fn age_seconds(field: &str) -> Option<f64> {
    let seconds: u32 = field.trim().parse().ok()?;
    Some(f64::from(seconds))
}

/// An HTTP date in any of the three forms of RFC 9110 section 5.6.7.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    imf_fixdate().parse_timestamp(text).ok().or_else(|| {
        ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"].iter().find_map(|format| {
            let parsed = strtime::parse(format, text).ok()?.to_datetime().ok()?;
            parsed.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        })
    })
}

/// A wrong weekday is no reason to throw a date away.
const fn imf_fixdate() -> rfc2822::DateTimeParser {
    rfc2822::DateTimeParser::new().relaxed_weekday(true)
}

/// The moment that a JSON value tells: RFC 3339, an HTTP date, or a number of seconds,
/// milliseconds, microseconds or nanoseconds since 1970, told apart by magnitude.
///
/// A local time without an offset tells no moment: guessing a zone would make every answer stale
/// or fresh by hours.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => {
            let text = text.trim();
            if text.len() > 64 {
                return None;
            }
            text.parse().ok().or_else(|| http_date(text)).or_else(|| epoch_number(text))
        }
        Value::Number(number) => match number.as_i64() {
            Some(whole) => epoch(whole),
            None => number.as_f64().and_then(epoch_fraction),
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn epoch_number(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(whole) => epoch(whole),
        Err(_) => text.parse().ok().and_then(epoch_fraction),
    }
}

/// Years 2001 to 5138 in seconds, to 5138 in milliseconds, and so on: the ranges are disjoint.
fn epoch(number: i64) -> Option<Timestamp> {
    match number {
        1_000_000_000..100_000_000_000 => Timestamp::from_second(number).ok(),
        1_000_000_000_000..100_000_000_000_000 => Timestamp::from_millisecond(number).ok(),
        1_000_000_000_000_000..100_000_000_000_000_000 => Timestamp::from_microsecond(number).ok(),
        1_000_000_000_000_000_000.. => Timestamp::from_nanosecond(i128::from(number)).ok(),
        _ => None,
    }
}

fn epoch_fraction(number: f64) -> Option<Timestamp> {
    let seconds = if (1e9..1e11).contains(&number) {
        number
    } else if (1e12..1e14).contains(&number) {
        number * MILLI
    } else {
        return None;
    };
    Timestamp::from_duration(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}

/// The length of time that a JSON value tells, in seconds; a bare number counts `unit` each.
///
/// Understood are numbers, numbers with a unit (`12ms`), ASP.NET Core's `[d.]hh:mm:ss[.fffffff]`
/// and ISO 8601 durations.
pub(super) fn length(value: &Value, unit: f64) -> Option<f64> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()? * unit,
        Value::String(text) if text.len() <= 64 => length_text(text.trim(), unit)?,
        _ => return None,
    };
    (seconds.is_finite() && (0.0..=LONGEST).contains(&seconds)).then_some(seconds)
}

fn length_text(text: &str, unit: f64) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return Some(number * unit);
    }
    if let Some(seconds) = time_span(text) {
        return Some(seconds);
    }
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, name) = text.split_at_checked(end)?;
    if let (Ok(number), Some(unit)) = (number.parse::<f64>(), unit_of(name)) {
        return Some(number * unit);
    }
    text.parse::<SignedDuration>().ok().map(|duration| duration.as_secs_f64())
}

/// .NET's `TimeSpan` in its constant format.
fn time_span(text: &str) -> Option<f64> {
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let whole = |text: &str| text.parse::<u32>().ok().map(f64::from);
    let seconds = seconds.starts_with(|c: char| c.is_ascii_digit()).then_some(seconds)?;
    let seconds = seconds.parse::<f64>().ok()?;
    Some(whole(days)? * 86_400.0 + whole(hours)? * 3_600.0 + whole(minutes)? * 60.0 + seconds)
}

/// The seconds in one of the unit of time with this name.
pub(super) fn unit_of(name: &str) -> Option<f64> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "ns" | "nanos" | "nanoseconds" => 1e-9,
        "us" | "µs" | "μs" | "micros" | "microseconds" => 1e-6,
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => MILLI,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::{any, proptest};
    use serde_json::{Value, json};

    use super::{MILLI, body_age, http_date, length, moment};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_three_forms_of_an_http_date_are_read() {
        let wanted = Some(at("1994-11-06T08:49:37Z"));
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
            "Mon, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(http_date(text), wanted, "{text:?}");
        }
        for text in ["", "0", "-1", "yesterday", "Sun, 32 Nov 1994 08:49:37 GMT", "Sün"] {
            assert_eq!(http_date(text), None, "{text:?}");
        }
    }

    #[test]
    fn moments_are_told_in_many_ways() {
        let wanted = Some(at("2025-10-20T12:00:00Z"));
        for value in [
            json!("2025-10-20T12:00:00Z"),
            json!("2025-10-20T12:00:00.000Z"),
            json!("2025-10-20T14:00:00+02:00"),
            json!("2025-10-20T12:00:00.000+0000"),
            json!("2025-10-20 12:00:00Z"),
            json!("Mon, 20 Oct 2025 12:00:00 GMT"),
            json!(1_760_961_600),
            json!(1_760_961_600_000_i64),
            json!(1_760_961_600_000_000_i64),
            json!(1_760_961_600_000_000_000_i64),
            json!(1_760_961_600.0),
            json!("1760961600"),
            json!("1760961600000"),
        ] {
            assert_eq!(moment(&value), wanted, "{value}");
        }
        for value in [
            json!("2025-10-20T12:00:00"),
            json!("now"),
            json!(12),
            json!(-5),
            json!(5e300),
            json!("NaN"),
            json!(u64::MAX),
            json!(null),
            json!(true),
        ] {
            assert_eq!(moment(&value), None, "{value}");
        }
    }

    #[test]
    fn lengths_are_told_in_many_ways() {
        let rows: &[(Value, f64, Option<f64>)] = &[
            (json!(250), MILLI, Some(0.25)),
            (json!(1.5), 1.0, Some(1.5)),
            (json!("12"), MILLI, Some(0.012)),
            (json!("12ms"), 1.0, Some(0.012)),
            (json!("1.5 s"), MILLI, Some(1.5)),
            (json!("00:00:00.0123"), MILLI, Some(0.0123)),
            (json!("1.02:00:05"), MILLI, Some(93_605.0)),
            (json!("PT0.5S"), MILLI, Some(0.5)),
            (json!("2h 30m"), MILLI, Some(9_000.0)),
            (json!(-3), MILLI, None),
            (json!(1e300), MILLI, None),
            (json!("fast"), MILLI, None),
            (json!("00:00:-5"), MILLI, None),
            (json!("inf"), MILLI, None),
            (json!("85 percent"), MILLI, None),
            (json!(true), MILLI, None),
        ];
        for (value, unit, wanted) in rows {
            let seen = length(value, *unit);
            match (seen, wanted) {
                (Some(seen), Some(wanted)) => assert!((seen - wanted).abs() < 1e-9, "{value}"),
                (seen, wanted) => assert_eq!(seen, *wanted, "{value}"),
            }
        }
    }

    #[test]
    fn a_body_is_as_old_as_its_own_server_says() {
        let now = at("2025-10-20T12:00:00Z");
        let date = Some("Mon, 20 Oct 2025 13:00:00 GMT");
        let stamp = |text: &str| Some(at(text));
        let rows = [
            (stamp("2025-10-20T12:59:50Z"), date, None, Some(10.0)),
            (stamp("2025-10-20T13:00:00Z"), date, Some("300"), Some(300.0)),
            (stamp("2025-10-20T12:55:00Z"), date, Some("300"), Some(300.0)),
            (stamp("2025-10-20T11:59:00Z"), None, None, Some(60.0)),
            (stamp("2025-10-20T11:59:00Z"), Some("soon"), None, Some(60.0)),
            (stamp("2025-10-20T12:00:07Z"), None, None, Some(0.0)),
            (None, date, Some(" 42 "), Some(42.0)),
            (None, date, Some("-42"), None),
            (None, date, None, None),
        ];
        for (stated, date, cached, wanted) in rows {
            assert_eq!(body_age(stated, date, cached, now), wanted, "{stated:?} {cached:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_or_number_breaks_a_reader(text in ".{0,80}", number in any::<f64>(), whole in any::<i64>()) {
            http_date(&text);
            for value in [json!(text), json!(number), json!(whole), json!(number.to_string())] {
                moment(&value);
                length(&value, MILLI);
            }
        }
    }
}
