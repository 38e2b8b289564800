//! Prometheus' text format 0.0.4, written into one buffer.

use std::fmt::Write as _;

use super::catalogue::{Family, Kind};

/// A page of metrics in the making. Each family is opened once and written as a whole.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
    /// To notice a family that is opened a second time, which no reader accepts.
    opened: Vec<&'static str>,
    /// The family that was announced last.
    announced: Option<&'static str>,
}

/// The labels that many samples share, rendered once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope(String);

/// The samples of one family.
pub(crate) struct Samples<'a> {
    text: &'a mut String,
    family: Family,
    /// A family without a sample leaves no trace.
    announced: &'a mut Option<&'static str>,
}

impl Scope {
    /// Labels by name and value.
    pub(crate) fn new<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = String::new();
        for (name, value) in labels {
            label(&mut text, name, value);
        }
        Self(text)
    }
}

impl Exposition {
    /// A page that will be about so long.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ..Self::default() }
    }

    /// Opens a family.
    pub(crate) fn family(&mut self, family: Family) -> Samples<'_> {
        debug_assert!(!self.opened.contains(&family.name), "{} is opened twice", family.name);
        self.opened.push(family.name);
        Samples { text: &mut self.text, family, announced: &mut self.announced }
    }

    /// Goes on with the family that was opened last, or opens the next one.
    pub(crate) fn continued(&mut self, family: Family) -> Samples<'_> {
        if self.opened.last() == Some(&family.name) {
            return Samples { text: &mut self.text, family, announced: &mut self.announced };
        }
        self.family(family)
    }

    /// What was written since the last time; the page goes on behind it.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Opens the family of a probe's measurements: gauges, all of them.
    pub(crate) fn measured(&mut self, family: &musterd_probes::measurement::Family) -> Samples<'_> {
        let musterd_probes::measurement::Family { name, help, labels } = *family;
        self.family(Family { name, kind: Kind::Gauge, help, labels })
    }

    /// Opens a family and has it filled by someone who wants to know where each sample stands.
    pub(crate) fn filled(&mut self, family: Family, fill: impl FnOnce(&mut Samples<'_>)) {
        let mut samples = self.family(family);
        let start = samples.text.len();
        samples.announce();
        let announced = samples.text.len();
        fill(&mut samples);
        if samples.text.len() == announced {
            samples.text.truncate(start);
        }
    }

    /// Whether a family was opened, with samples or without.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.opened.contains(&name)
    }

    /// Adds whole families that somebody else wrote.
    pub(crate) fn append(&mut self, families: &str) {
        self.text.push_str(families);
    }

    /// The page.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

impl Samples<'_> {
    /// Writes one sample: the labels of the scope, and its own.
    pub(crate) fn sample<'a>(
        &mut self,
        scope: &Scope,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        self.announce();
        let text = &mut *self.text;
        text.push_str(self.family.name);
        text.push('{');
        let start = text.len();
        text.push_str(&scope.0);
        for (name, value) in labels {
            label(text, name, value);
        }
        // The comma behind the last label, or the brace of no labels at all.
        let labelled = text.len() > start;
        text.pop();
        if labelled {
            text.push('}');
        }
        text.push(' ');
        number(text, value);
        text.push('\n');
    }

    /// Writes samples that were written before.
    pub(crate) fn copy(&mut self, lines: &str) {
        self.announce();
        self.text.push_str(lines);
    }

    /// Where the next sample will stand on the page.
    pub(crate) fn place(&self) -> usize {
        self.text.len()
    }

    fn announce(&mut self) {
        let Family { name, kind, help, .. } = self.family;
        if self.announced.replace(name) == Some(name) {
            return;
        }
        let text = &mut *self.text;
        for part in ["# HELP ", name, " "] {
            text.push_str(part);
        }
        escaped(text, help, false);
        for part in ["\n# TYPE ", name, " ", kind.as_str(), "\n"] {
            text.push_str(part);
        }
    }
}

fn label(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str("=\"");
    escaped(text, value, true);
    text.push_str("\",");
}

/// Backslashes, line feeds and, in values, quotes have escapes. Other control characters have
/// none, and some readers end at a NUL.
fn escaped(text: &mut String, raw: &str, quotes: bool) {
    if !raw.bytes().any(|byte| byte < b' ' || byte == b'\\' || byte == b'"' || byte == 0x7f) {
        text.push_str(raw);
        return;
    }
    for c in raw.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            c if c.is_ascii_control() => text.push(char::REPLACEMENT_CHARACTER),
            c => text.push(c),
        }
    }
}

fn number(text: &mut String, value: f64) {
    let magnitude = value.abs();
    if value.is_nan() {
        text.push_str("NaN");
    } else if value.is_infinite() {
        text.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if magnitude == 0.0 {
        text.push('0');
    } else {
        let written = if (1e-5..1e21).contains(&magnitude) {
            write!(text, "{value}")
        } else {
            write!(text, "{value:e}")
        };
        debug_assert!(written.is_ok(), "a String takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: Family =
        Family { name: "a_thing", kind: Kind::Gauge, help: "A \\ and\na \"word\".", labels: &[] };

    fn written(value: f64) -> String {
        let mut text = String::new();
        number(&mut text, value);
        text
    }

    #[test]
    fn numbers_are_as_go_reads_them() {
        for (value, text) in [
            (1.0, "1"),
            (-0.0, "0"),
            (0.043, "0.043"),
            (1_795_155_600.5, "1795155600.5"),
            (-1.0, "-1"),
            (4_294_967_295.0, "4294967295"),
            (1e-9, "1e-9"),
            (1e21, "1e21"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(written(value), text);
        }
    }

    #[test]
    fn a_family_is_announced_once_and_only_with_a_sample() {
        let mut page = Exposition::default();
        page.family(Family { name: "nothing", ..FAMILY });
        let scope = Scope::new([("service", "a\"b\\c\nd\0e")]);
        let mut samples = page.family(FAMILY);
        samples.sample(&scope, [("status", "pass")], 1.0);
        samples.sample(&Scope::default(), [], 0.0);
        page.family(Family { name: "b_total", kind: Kind::Counter, help: "B.", labels: &[] })
            .sample(&scope, [], 2.0);
        assert_eq!(
            page.finish(),
            "# HELP a_thing A \\\\ and\\na \"word\".\n# TYPE a_thing gauge\n\
             a_thing{service=\"a\\\"b\\\\c\\nd\u{fffd}e\",status=\"pass\"} 1\na_thing 0\n\
             # HELP b_total B.\n# TYPE b_total counter\n\
             b_total{service=\"a\\\"b\\\\c\\nd\u{fffd}e\"} 2\n"
        );
    }

    #[test]
    #[should_panic(expected = "a_thing is opened twice")]
    fn a_family_that_is_opened_twice_is_noticed() {
        let mut page = Exposition::default();
        page.family(FAMILY);
        page.family(FAMILY);
    }
}
