//! Limits that only the words of a body tell.

use std::sync::LazyLock;

use regex::Regex;

use super::{Generation, Policy};

/// `3 per 10 second`, as Flask-Limiter and slowapi write their limits.
static PER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(\d{1,9}) per (?:(\d{1,6}) )?(second|minute|hour|day|month|year)s?\b")
        .expect("a valid expression")
});

/// The limit that a refusal's words name.
pub(super) fn policy(body: &str) -> Option<Policy> {
    let found = PER.captures(body)?;
    let number = |index| found.get(index).and_then(|text| text.as_str().parse::<f64>().ok());
    let unit = match found.get(3)?.as_str().to_ascii_lowercase().as_str() {
        "second" => 1.0,
        "minute" => 60.0,
        "hour" => 3600.0,
        "day" => 86_400.0,
        "month" => 2_592_000.0,
        _ => 31_536_000.0,
    };
    let mut policy = Policy::new(Generation::Prose, "");
    policy.limit = number(1);
    policy.window = Some(number(2).unwrap_or(1.0) * unit);
    Some(policy)
}
