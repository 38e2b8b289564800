//! Replaces what changes from run to run by placeholders, so that text can be compared.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{NoExpand, Regex};

static PORT: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?P<host>\b127(?:\.\d{1,3}){3}|\blocalhost|\[::1\]):\d{1,5}\b"));

static TIMESTAMP: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]\b|[+-]\d\d:\d\d\b)")
});

static DURATION: LazyLock<Regex> = LazyLock::new(|| {
    const UNIT: &str = "(?:ns|us|µs|ms|s|m|h|d)";
    compile(&format!(r"\d+(?:\.\d+)?{UNIT}(?: ?\d+(?:\.\d+)?{UNIT})*|\d+\.\d+"))
});

/// Ports after a loopback host (`127.…`, `localhost`, `[::1]`) become `:PORT`.
pub fn ports(text: &str) -> String {
    PORT.replace_all(text, "$host:PORT").into_owned()
}

/// RFC 3339 timestamps become `TIME`.
pub fn timestamps(text: &str) -> String {
    TIMESTAMP.replace_all(text, NoExpand("TIME")).into_owned()
}

/// Durations such as `12ms`, `1.2s` and `1h 30m`, and numbers with a point such as `0.043`,
/// become `DURATION`; parts of longer words, of addresses and of versions stay.
pub fn durations(text: &str) -> String {
    let mut scrubbed = String::new();
    let mut done = 0;
    for found in DURATION.find_iter(text) {
        if stands_alone(text, found.range()) {
            scrubbed += text.get(done..found.start()).unwrap_or_default();
            scrubbed += "DURATION";
            done = found.end();
        }
    }
    scrubbed + text.get(done..).unwrap_or_default()
}

/// Everything that matches the regular expression becomes `placeholder`, taken literally.
///
/// # Panics
/// If `pattern` is no regular expression.
pub fn pattern(text: &str, pattern: &str, placeholder: &str) -> String {
    compile(pattern).replace_all(text, NoExpand(placeholder)).into_owned()
}

/// [`ports`] and [`timestamps`], which hardly any output can do without.
pub fn usual(text: &str) -> String {
    timestamps(&ports(text))
}

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| panic!("{error}"))
}

/// Whether the found piece is no part of a word, a number or a dotted sequence.
fn stands_alone(text: &str, found: Range<usize>) -> bool {
    let before = text.get(..found.start).and_then(|before| before.chars().next_back());
    let mut after = text.get(found.end..).unwrap_or_default().chars();
    let (next, next_but_one) = (after.next(), after.next());
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    // A full stop at the end of a sentence does not belong to the number before it.
    let goes_on = next == Some('.') && next_but_one.is_some_and(joins);
    !before.is_some_and(|c| joins(c) || c == '.') && !next.is_some_and(joins) && !goes_on
}

#[cfg(test)]
mod tests {
    use super::{durations, pattern, ports, timestamps, usual};

    #[test]
    fn ports_of_loopback_hosts_only() {
        assert_eq!(
            ports(
                "http://127.0.0.1:8080/a https://localhost:1 [::1]:65535 127.0.0.2:9, a.test:443"
            ),
            "http://127.0.0.1:PORT/a https://localhost:PORT [::1]:PORT 127.0.0.2:PORT, a.test:443"
        );
    }

    #[test]
    fn timestamps_of_every_form() {
        assert_eq!(
            timestamps("2026-02-03T04:05:06Z, 2026-02-03 04:05:06.123456+01:00; 2026-02-03"),
            "TIME, TIME; 2026-02-03"
        );
    }

    #[test]
    fn durations_but_not_what_looks_like_them() {
        assert_eq!(
            durations("took 12ms (1.2s), 0.043 of 1h 30m. 15µs"),
            "took DURATION (DURATION), DURATION of DURATION. DURATION"
        );
        let others = "127.0.0.1 v1.2 1.2.3 sha256s 5 items 7min HTTP/2";
        assert_eq!(durations(others), others);
    }

    #[test]
    fn patterns_are_replaced_literally() {
        assert_eq!(
            pattern("run 01ab, run 02cd", r"run [0-9a-f]{4}", "run $ID"),
            "run $ID, run $ID"
        );
    }

    #[test]
    fn the_usual_leaves_durations() {
        assert_eq!(usual("127.0.0.1:1 2026-02-03T04:05:06Z 3ms"), "127.0.0.1:PORT TIME 3ms");
    }
}
