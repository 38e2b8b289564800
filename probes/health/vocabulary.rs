//! The words with which services state their health.

use serde::{Deserialize, Serialize};

/// What a word of health means.
///
/// Ordered by how bad it is, so that the worst of several is their maximum. `Unknown` stands
/// between `Up` and `Warn`: a dependency that was skipped or is not configured takes nothing
/// from a service that works, but it is no proof that all of it works either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    Up,
    Unknown,
    Warn,
    Down,
}

/// Words longer than this are not looked up: the longest of the vocabulary has fourteen letters.
const LONGEST: usize = 32;

/// How much of a free text is searched for words.
const PHRASE: usize = 4096;

/// What one word means, if it is a word of health: letter case, `-`, `_`, spaces and closing
/// punctuation do not matter (`OutOfService`, `OUT_OF_SERVICE` and `out of service` are one).
pub(crate) fn level(word: &str) -> Option<Level> {
    let word = word.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '.' | '!' | ',' | ';' | '"' | '\'' | '`')
    });
    if word.len() > LONGEST {
        return None;
    }
    let folded: String = word
        .chars()
        .filter(|c| !matches!(c, '_' | '-') && !c.is_whitespace())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    Some(match folded.as_str() {
        // draft-inadarei-api-health-check section 3.1 (pass, ok, up), Actuator and MicroProfile
        // (UP), ASP.NET Core (Healthy), gRPC (SERVING), Elasticsearch (green), Consul (passing),
        // django-health-check (working).
        "pass" | "passed" | "passing" | "ok" | "okay" | "up" | "healthy" | "alive" | "live"
        | "ready" | "serving" | "green" | "connected" | "available" | "operational" | "success"
        | "successful" | "true" | "1" | "running" | "online" | "reachable" | "active"
        | "started" | "good" | "fine" | "normal" | "pong" | "working" => Level::Up,
        // draft-inadarei (warn), ASP.NET Core (Degraded), Consul (warning), Elasticsearch
        // (yellow).
        "warn" | "warning" | "degraded" | "yellow" | "partial" | "slow" | "starting"
        | "initializing" | "initialising" | "impaired" | "unstable" | "maintenance"
        | "partialoutage" | "partiallyavailable" => Level::Warn,
        // draft-inadarei (fail, error, down), Actuator (OUT_OF_SERVICE), gRPC (NOT_SERVING),
        // Terminus (shutting_down: answered with 503), Consul (critical), Elasticsearch (red).
        "fail" | "failed" | "failing" | "failure" | "error" | "down" | "unhealthy"
        | "notserving" | "outofservice" | "red" | "disconnected" | "unavailable" | "critical"
        | "dead" | "timeout" | "timedout" | "false" | "0" | "shuttingdown" | "stopped"
        | "offline" | "unreachable" | "refused" | "broken" | "notok" | "notready"
        | "nothealthy" | "notconnected" | "notavailable" | "notalive" | "notrunning"
        | "majoroutage" | "exception" => Level::Down,
        // Actuator (UNKNOWN), gRPC (UNKNOWN, SERVICE_UNKNOWN).
        "unknown" | "skipped" | "disabled" | "notconfigured" | "n/a" | "na" | "serviceunknown"
        | "notapplicable" | "excluded" | "null" | "undefined" => Level::Unknown,
        _ => return None,
    })
}

/// What a truth value means.
pub(crate) fn level_of_bool(up: bool) -> Level {
    if up { Level::Up } else { Level::Down }
}

/// What a number means where a flag is expected: 1 and 0 only.
pub(crate) fn level_of_flag(number: i64) -> Option<Level> {
    match number {
        1 => Some(Level::Up),
        0 => Some(Level::Down),
        _ => None,
    }
}

/// What a number means as the value of `status`: a flag or an HTTP status code, which is no word
/// of health but a claim to one: 2xx up, 4xx and 5xx down, the others nothing.
pub(crate) fn level_of_status(number: i64) -> Option<Level> {
    match number {
        200..=299 => Some(Level::Up),
        400..=599 => Some(Level::Down),
        _ => level_of_flag(number),
    }
}

/// The worst complaint of a free text and its word: `database connection failed` is `failed`.
///
/// Only `Down` and `Warn` are ever read from a text of several words. That one of them is `ok`
/// proves nothing, as in `ok so far, redis is slow`.
pub(crate) fn complaint(text: &str) -> Option<(String, Level)> {
    let tokens: Vec<&str> = text
        .get(..text.floor_char_boundary(PHRASE))
        .unwrap_or_default()
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|token| !token.is_empty())
        .collect();
    let mut worst: Option<(String, Level)> = None;
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at)).copied().unwrap_or_default();
        let after = tokens.get(at + 1).copied().unwrap_or_default();
        let Some(found) = complains(before, token, after) else { continue };
        if worst.as_ref().is_none_or(|(_, level)| found.1 > *level) {
            worst = Some(found);
        }
    }
    worst
}

/// Words that tell of something that happened, and not how a service is.
const EVENTS: [&str; 9] = [
    "error",
    "exception",
    "fail",
    "failed",
    "failing",
    "failure",
    "timeout",
    "timedout",
    "refused",
];

/// The complaint with which a text begins, as monitors write it: `degraded: replica lag`,
/// `CRITICAL - disk full`, `Status: DOWN`.
pub(crate) fn headline(text: &str) -> Option<(String, Level)> {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
    let (word, rest) = text.split_at_checked(end)?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let key = ["status", "state", "health"].iter().any(|key| word.eq_ignore_ascii_case(key));
    if let Some(value) = rest.strip_prefix([':', '=']).filter(|_| key) {
        let complaint = |level: &Level| matches!(level, Level::Down | Level::Warn);
        let whole = || level(value).filter(complaint).map(|level| (value.to_owned(), level));
        return headline(value).or_else(whole);
    }
    if !rest.starts_with([':', '-', '–', '—', ',', ';', '(', '.', '|', '\n', '\r']) {
        return None;
    }
    let mut words =
        rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let after = match (words.next(), words.next()) {
        // `no database` is something, and `no` alone is nothing.
        (Some(no), Some(_)) if no.eq_ignore_ascii_case("no") => "",
        (after, _) => after.unwrap_or_default(),
    };
    let event = EVENTS.iter().any(|event| word.eq_ignore_ascii_case(event));
    complains("", word, after).filter(|_| !event)
}

fn complains(before: &str, token: &str, after: &str) -> Option<(String, Level)> {
    // Digits, truth values and colours are words of health only when they stand alone.
    let plain = !token.starts_with(|c: char| c.is_ascii_digit())
        && !["true", "false", "red", "yellow", "maintenance"]
            .iter()
            .any(|word| token.eq_ignore_ascii_case(word));
    if token.eq_ignore_ascii_case("not") {
        let pair = format!("not {after}");
        return match level(after) {
            Some(Level::Up) => Some((pair, Level::Down)),
            _ => None,
        };
    }
    if !plain {
        return None;
    }
    let denied = ["no", "not", "0", "without", "never", "zero"]
        .iter()
        .any(|word| before.eq_ignore_ascii_case(word));
    // `failed: 0` is a count, `error: none` is no error, and `timeout: 30s` a setting.
    let nothing = ["0", "none", "null", "nil", "no", "false"];
    let counted = nothing.iter().any(|word| after.eq_ignore_ascii_case(word))
        || (token.eq_ignore_ascii_case("timeout")
            && after.starts_with(|c: char| c.is_ascii_digit()));
    match level(token) {
        Some(level @ (Level::Down | Level::Warn)) if !denied && !counted => {
            Some((token.to_ascii_lowercase(), level))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, complaint, level, level_of_flag, level_of_status};

    #[test]
    fn words_are_recognised_in_any_spelling() {
        let rows: &[(Level, &[&str])] = &[
            (Level::Up, &["pass", "OK", "Up", "Healthy", " alive\n", "live", "READY", "SERVING"]),
            (Level::Up, &["green", "connected", "available", "operational", "success", "true"]),
            (Level::Up, &["1", "running", "ok.", "\"ok\"", "pong", "OK!"]),
            (Level::Warn, &["warn", "WARNING", "Degraded", "yellow", "partial", "slow"]),
            (Level::Warn, &["starting", "partial outage"]),
            (Level::Down, &["fail", "failed", "ERROR", "down", "Unhealthy", "NOT_SERVING"]),
            (Level::Down, &["out-of-service", "OUT_OF_SERVICE", "out of service", "OutOfService"]),
            (Level::Down, &["red", "disconnected", "unavailable", "critical", "dead", "timeout"]),
            (Level::Down, &["false", "0", "shutting_down", "not ready", "not-ok"]),
            (Level::Unknown, &["UNKNOWN", "skipped", "disabled", "not_configured", "n/a", "N/A"]),
        ];
        for (wanted, words) in rows {
            for word in *words {
                assert_eq!(level(word), Some(*wanted), "{word:?}");
            }
        }
        for word in ["", " ", "maybe", "1.2.3", "production", "200", "ok ok", "okk", "_", "ÖK"] {
            assert_eq!(level(word), None, "{word:?}");
        }
        assert_eq!(level(&"ok".repeat(100_000)), None);
    }

    #[test]
    fn the_worst_is_the_maximum() {
        assert!(Level::Up < Level::Unknown);
        assert!(Level::Unknown < Level::Warn);
        assert!(Level::Warn < Level::Down);
    }

    #[test]
    fn numbers_are_flags_or_http_codes() {
        assert_eq!(level_of_flag(1), Some(Level::Up));
        assert_eq!(level_of_flag(0), Some(Level::Down));
        assert_eq!(level_of_flag(200), None);
        for (number, wanted) in [
            (204, Some(Level::Up)),
            (302, None),
            (429, Some(Level::Down)),
            (503, Some(Level::Down)),
            (1, Some(Level::Up)),
            (-1, None),
            (7, None),
        ] {
            assert_eq!(level_of_status(number), wanted, "{number}");
        }
    }

    #[test]
    fn a_text_is_searched_for_complaints_only() {
        let down = Some(Level::Down);
        let rows: &[(&str, Option<Level>)] = &[
            ("database connection failed", down),
            ("Error: connect ECONNREFUSED", down),
            ("redis is DOWN, the rest is fine", down),
            ("service is not ready yet", down),
            ("Error 503", down),
            ("upstream timeout", down),
            ("running, but slow", Some(Level::Warn)),
            ("All systems operational", None),
            ("Welcome to the API", None),
            ("passed: 12, failed: 0", None),
            ("no error", None),
            ("0 failed", None),
            ("last error: none, down: false", None),
            ("timeout: 30s", None),
            ("errors_total 12", None),
            ("there is no red button", None),
            ("", None),
        ];
        for (text, wanted) in rows {
            assert_eq!(complaint(text).map(|(_, level)| level), *wanted, "{text:?}");
        }
        assert_eq!(complaint("the database Failed").unwrap().0, "failed");
    }
}
