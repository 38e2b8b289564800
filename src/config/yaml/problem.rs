//! What is wrong with a configuration file, where, and what to do about it.

use std::{collections::BTreeSet, fmt, sync::Arc};

/// How many problems one file may contribute; what follows is rarely more than an echo of these.
pub(crate) const MAX_PROBLEMS_PER_FILE: usize = 100;

/// How many problems are listed at all.
const MAX_PROBLEMS: usize = 1000;

/// How many characters of a source line are shown.
const MAX_EXCERPT: usize = 100;

/// How many characters of a value are repeated in a message: it may be a secret put in the wrong
/// place.
const MAX_ECHO: usize = 60;

/// Names longer than this are not compared with the known ones, since the comparison is quadratic.
const MAX_COMPARED: usize = 64;

/// Whether a problem keeps the configuration from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Error,
    Warning,
}

/// A stretch of one source line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Counted from 1.
    pub(crate) line: u32,
    /// Counted from 1, in characters.
    pub(crate) column: u32,
    /// The source line, or the part of a long one that surrounds the column.
    pub(crate) source_line: String,
    /// How many characters of `source_line` stand before the marked stretch.
    before: usize,
    /// How many characters are marked.
    width: usize,
}

impl Place {
    /// The stretch of `length` bytes at the byte `offset` of `source`.
    ///
    /// Only a window of the line is kept, since a line can be as long as the file.
    pub(crate) fn new(source: &str, line: u32, column: u32, offset: usize, length: usize) -> Self {
        let is_break = |c| c == '\n' || c == '\r';
        let (head, tail) = source.split_at_checked(offset).unwrap_or((source, ""));
        let head = head.rsplit(is_break).next().unwrap_or_default();
        let tail = tail.split(is_break).next().unwrap_or_default();
        let marked = tail.get(..length).unwrap_or(tail).chars().count();

        let (before, after) = (head.chars().count(), tail.chars().count());
        let fits = before + after <= MAX_EXCERPT;
        let shown_before = if fits { before } else { before.min(MAX_EXCERPT / 2) };
        let shown_after = if fits { after } else { after.min(MAX_EXCERPT - shown_before) };

        let mut source_line = String::new();
        if shown_before < before {
            source_line.push('…');
        }
        source_line.extend(head.chars().skip(before - shown_before).map(printable));
        let before = source_line.chars().count();
        source_line.extend(tail.chars().take(shown_after).map(printable));
        if shown_after < after {
            source_line.push('…');
        }
        Self { line, column, source_line, before, width: marked.clamp(1, shown_after.max(1)) }
    }

    /// Hides what another place of the same line shows.
    fn hide(&mut self, other: &Self) {
        let (Ok(own), Ok(first)) = (usize::try_from(self.column), usize::try_from(other.column))
        else {
            return;
        };
        let hidden = first..first.saturating_add(other.width);
        // A character's own column follows from the distance to the marked stretch.
        let hide = |(index, c): (usize, char)| {
            let is_hidden = hidden.contains(&(own + index).saturating_sub(self.before));
            if is_hidden && c != '…' { '*' } else { c }
        };
        self.source_line = self.source_line.chars().enumerate().map(hide).collect();
    }
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) severity: Severity,
    /// The file's name as the user gave it.
    pub(crate) file: Arc<str>,
    /// Absent when the file as a whole is meant, for example because it cannot be read.
    pub(crate) place: Option<Place>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Whether what stands at the place is not to be shown.
    hidden: bool,
}

impl Problem {
    /// An error in `file` as a whole; [`Self::at`] gives it a place.
    pub(crate) fn error(file: impl Into<Arc<str>>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            severity: Severity::Error,
            file: file.into(),
            place: None,
            message,
            hint: None,
            hidden: false,
        }
    }

    /// A warning about `file` as a whole; [`Self::at`] gives it a place.
    pub(crate) fn warning(file: impl Into<Arc<str>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, message) }
    }

    /// The same problem, tied to a place.
    pub(crate) fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// The same problem with advice; `None` leaves it without.
    pub(crate) fn with_hint(self, hint: impl Into<Option<String>>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// The same problem, whose value is not to be shown here or with another problem of the line.
    pub(crate) fn masked(self) -> Self {
        Self { hidden: true, ..self }
    }

    fn order(&self) -> (&Arc<str>, u32, u32) {
        let (line, column) = self.place.as_ref().map_or((0, 0), |p| (p.line, p.column));
        (&self.file, line, column)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", one_line(&self.file))?;
        if let Some(place) = &self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, ": {severity}: {}", one_line(&self.message))?;
        if let Some(place) = &self.place {
            // The marks stand under their text only if a tab is repeated as a tab.
            let pad = place.source_line.chars().take(place.before);
            let pad: String = pad.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let number = format!("{:>5}", place.line);
            let (gutter, marks) = (" ".repeat(number.len()), "^".repeat(place.width));
            write!(f, "\n{number} | {}\n{gutter} | {pad}{marks}", place.source_line)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n   hint: {}", one_line(hint))?;
        }
        Ok(())
    }
}

/// The problems of any number of files, each problem once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    cut: BTreeSet<Arc<str>>,
    /// There were errors, listed or not.
    failed: bool,
}

impl Problems {
    /// Adds a problem unless it is known already or its file has had its share. Errors and warnings
    /// have shares of their own, so that no error is lost among warnings.
    pub(crate) fn push(&mut self, problem: Problem) {
        self.failed |= problem.severity == Severity::Error;
        if self.list.contains(&problem) {
            return;
        }
        let (in_all, in_file) = self.share(problem.severity, &problem.file);
        if in_all >= MAX_PROBLEMS {
            self.cut.insert("other files".into());
        } else if in_file >= MAX_PROBLEMS_PER_FILE {
            self.cut.insert(problem.file);
        } else {
            self.list.push(problem);
        }
    }

    /// Gives what was said of a place a better hint, from somebody who knows more about it.
    pub(crate) fn advise(&mut self, at: &Problem, hint: &str) {
        let is_there = |problem: &Problem| problem.file == at.file && problem.place == at.place;
        if let Some(found) = self.list.iter().position(is_there) {
            let better = self.list[found].clone().with_hint(hint.to_owned());
            self.list.retain(|problem| !is_there(problem));
            self.push(better);
        }
    }

    /// Whether a further error of this file would be left out.
    pub(crate) fn is_full(&self, file: &str) -> bool {
        let (in_all, in_file) = self.share(Severity::Error, file);
        in_all >= MAX_PROBLEMS || in_file >= MAX_PROBLEMS_PER_FILE
    }

    /// How many problems of a kind there are, in all files and in this one.
    fn share(&self, severity: Severity, file: &str) -> (usize, usize) {
        let all = || self.list.iter().filter(|problem| problem.severity == severity);
        (all().count(), all().filter(|problem| &*problem.file == file).count())
    }

    /// Notes that a file has more problems than are listed.
    pub(crate) fn note_more(&mut self, file: &Arc<str>) {
        self.cut.insert(Arc::clone(file));
        self.failed = true;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many errors and how many warnings are listed.
    pub(crate) fn count(&self) -> (usize, usize) {
        let errors = self.list.iter().filter(|problem| problem.severity == Severity::Error);
        let errors = errors.count();
        (errors, self.list.len() - errors)
    }

    /// Whether anything keeps the configuration from being used.
    pub(crate) fn has_errors(&self) -> bool {
        self.failed
    }

    /// The problems by file, line and column.
    fn sorted(&self) -> Vec<Problem> {
        let mut sorted = self.list.clone();
        sorted.sort_by(|a, b| a.order().cmp(&b.order()));
        let hidden: Vec<_> = self.list.iter().filter(|problem| problem.hidden).collect();
        for problem in &mut sorted {
            for other in hidden.iter().filter(|other| other.file == problem.file) {
                if let (Some(place), Some(hidden)) = (&mut problem.place, &other.place)
                    && place.line == hidden.line
                {
                    place.hide(hidden);
                }
            }
        }
        sorted
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<_> = self.sorted().iter().map(ToString::to_string).collect();
        lines.extend(self.cut.iter().map(|file| format!("{}: and more", one_line(file))));
        f.write_str(&lines.join("\n"))
    }
}

/// The name among `known` that was probably meant by `name`.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let length = name.chars().take(MAX_COMPARED + 1).count();
    if length > MAX_COMPARED {
        return None;
    }
    if let Some(same) = known.iter().find(|k| k.eq_ignore_ascii_case(name)) {
        return Some(same);
    }
    let distance = |k: &str| strsim::damerau_levenshtein(name, k);
    let best = known.iter().map(|k| (distance(k), *k)).min_by_key(|(distance, _)| *distance)?;
    (best.0 <= (length / 3).max(1)).then_some(best.1)
}

/// Advice for an unknown name: the one probably meant, else all that are allowed.
pub(crate) fn suggestion(name: &str, known: &[&str]) -> Option<String> {
    if let Some(meant) = nearest(name, known) {
        return Some(format!("did you mean `{meant}`?"));
    }
    let quoted: Vec<_> = known.iter().map(|k| format!("`{k}`")).collect();
    (!quoted.is_empty()).then(|| format!("allowed here: {}", quoted.join(", ")))
}

/// A value as it may be repeated in a message: no longer than 60 characters.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_ECHO).map(printable).collect();
    if text.chars().nth(MAX_ECHO).is_some() {
        short.push('…');
    }
    short
}

/// Replaces what could move the cursor or reorder the text of a terminal.
fn printable(c: char) -> char {
    match c {
        '\t' => c,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// A message on one line: libraries like to spread theirs over several.
fn one_line(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ").chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(source: &str, marked: &str) -> Place {
        let offset = source.find(marked).unwrap();
        let (head, _) = source.split_at(offset);
        let line = head.matches('\n').count() + 1;
        let head = head.rsplit('\n').next().unwrap();
        let (line, column) = (line.try_into().unwrap(), head.chars().count() + 1);
        Place::new(source, line, column.try_into().unwrap(), offset, marked.len())
    }

    #[test]
    fn a_problem_shows_its_line_and_advice() {
        let source = "checks:\n  - health: {path: /api/readiness, componentz: [db]}\n";
        let problem = Problem::error("musterd.yaml", "unknown key `componentz` in `health`")
            .at(place(source, "componentz"))
            .with_hint(suggestion("componentz", &["path", "components"]));
        let expected = "\
musterd.yaml:2:36: error: unknown key `componentz` in `health`
    2 |   - health: {path: /api/readiness, componentz: [db]}
      |                                    ^^^^^^^^^^
   hint: did you mean `components`?";
        assert_eq!(problem.to_string(), expected);
    }

    #[test]
    fn a_problem_may_have_no_line() {
        let problem = Problem::warning("a.yaml", "cannot be read:\n  no such\x1bfile");
        assert_eq!(problem.to_string(), "a.yaml: warning: cannot be read: no such\u{fffd}file");
    }

    #[test]
    fn long_lines_are_windowed_around_the_mark() {
        for (left, right) in [(0, 500), (500, 0), (500, 500), (49, 49)] {
            let source = format!("x\n{}bad{}\ny", "ü".repeat(left), "é".repeat(right));
            let shown = place(&source, "bad");
            assert!(shown.source_line.chars().count() <= MAX_EXCERPT + 2, "{shown:?}");
            let marked: String =
                shown.source_line.chars().skip(shown.before).take(shown.width).collect();
            assert_eq!(marked, "bad");
        }
    }

    #[test]
    fn tabs_stay_aligned_and_controls_are_replaced() {
        let text = Problem::error("f", "m").at(place("a\t\x1b[1m\tbad", "bad")).to_string();
        assert_eq!(text, "f:1:8: error: m\n    1 | a\t\u{fffd}[1m\tbad\n      |  \t    \t^^^");
    }

    #[test]
    fn any_offset_is_survived() {
        for offset in [0, 1, 2, 3, 4, 5, 99] {
            for length in [0, 1, 7, usize::MAX] {
                assert!(Place::new("aü\nb", 1, 1, offset, length).width >= 1);
            }
        }
    }

    #[test]
    fn problems_are_sorted_counted_once_and_bounded() {
        let mut problems = Problems::default();
        for line in (1..=120).rev().chain(30..40) {
            problems.push(Problem::error("b", "wrong").at(Place::new("x", line, 1, 0, 1)));
        }
        problems.push(Problem::warning("a", "odd"));
        assert_eq!(problems.count(), (MAX_PROBLEMS_PER_FILE, 1));
        assert!(problems.has_errors() && problems.is_full("b") && !problems.is_full("a"));
        let text = problems.to_string();
        assert!(text.starts_with("a: warning: odd\nb:21:1: error: wrong\n"), "{text}");
        assert!(text.ends_with("\nb: and more"), "{text}");
    }

    #[test]
    fn an_error_is_not_lost_among_warnings() {
        let mut problems = Problems::default();
        for line in 0..=MAX_PROBLEMS_PER_FILE {
            problems.push(Problem::warning("a", format!("odd {line}")));
        }
        assert!(!problems.has_errors());
        problems.push(Problem::error("a", "wrong"));
        assert!(problems.has_errors());
        assert_eq!(problems.count(), (1, MAX_PROBLEMS_PER_FILE));
    }

    #[test]
    fn what_is_hidden_is_hidden_with_every_problem_of_its_line() {
        let source = "{token: hunter2, nam: x}";
        let hidden = Problem::error("f", "a secret").at(place(source, "hunter2")).masked();
        let mut problems = Problems::default();
        problems.push(Problem::error("f", "unknown").at(place(source, "nam")));
        problems.push(hidden.clone());
        problems.push(Problem::error("other", "unknown").at(place("{nam: hunter2}", "nam")));
        let text = problems.to_string();
        assert_eq!(text.matches("    1 | {token: *******, nam: x}").count(), 2, "{text}");
        assert_eq!(text.matches("hunter2").count(), 1, "{text}");
    }

    #[test]
    fn names_are_guessed() {
        let known = ["host", "port", "max_body", "components"];
        assert_eq!(nearest("componentz", &known), Some("components"));
        assert_eq!(nearest("max-body", &known), Some("max_body"));
        assert_eq!(nearest("HOST", &known), Some("host"));
        assert_eq!(nearest("prot", &known), Some("port"));
        assert_eq!(nearest("wibble", &known), None);
        assert_eq!(nearest(&"h".repeat(1_000_000), &known), None);
        assert_eq!(suggestion("wibble", &["b", "a"]).unwrap(), "allowed here: `b`, `a`");
        assert_eq!(suggestion("wibble", &[]), None);
    }

    #[test]
    fn values_are_shortened() {
        assert_eq!(shorten("short"), "short");
        assert_eq!(shorten(&"s".repeat(61)), format!("{}…", "s".repeat(60)));
        assert_eq!(shorten("a\u{202e}b\0"), "a\u{fffd}b\u{fffd}");
    }
}
