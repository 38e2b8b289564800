//! Lines for people: indented, labelled, wrapped, and coloured where that is understood.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::Style;
use super::text::{columns, legible, words};

/// Room for `critical` and `untested`, the longest words before a paragraph.
pub(super) const LABEL: usize = 8;

pub(super) const PLAIN: Ansi = Ansi::new();
pub(super) const BOLD: Ansi = Ansi::new().bold();
pub(super) const DIM: Ansi = Ansi::new().dimmed();
pub(super) const GREEN: Ansi = AnsiColor::Green.on_default();
pub(super) const YELLOW: Ansi = AnsiColor::Yellow.on_default();
pub(super) const RED: Ansi = AnsiColor::Red.on_default();
pub(super) const ALARM: Ansi = AnsiColor::Red.on_default().bold();
pub(super) const BLUE: Ansi = AnsiColor::Blue.on_default();
pub(super) const MAGENTA: Ansi = AnsiColor::Magenta.on_default();

/// A page in the making.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
    style: Style,
}

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut dyn Write, style: Style) -> Self {
        Self { out, style }
    }

    /// Whether there is so little room that columns would waste it.
    pub(super) fn narrow(&self) -> bool {
        self.style.width < 60
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A line of columns, two spaces apart, that is not wrapped.
    pub(super) fn row(&mut self, indent: usize, cells: &[(Ansi, &str)]) -> io::Result<()> {
        let last = cells.iter().rposition(|(_, text)| !text.trim().is_empty());
        let cells = &cells[..last.map_or(0, |last| last + 1)];
        write!(self.out, "{:indent$}", "")?;
        for (index, (ansi, text)) in cells.iter().enumerate() {
            if index > 0 {
                self.out.write_all(b"  ")?;
            }
            self.painted(*ansi, text)?;
        }
        self.blank()
    }

    /// A label and a paragraph beside it. Texts may come from outside.
    pub(super) fn item(
        &mut self,
        indent: usize,
        label: (Ansi, &str),
        room: usize,
        paragraph: &[(Ansi, &str)],
    ) -> io::Result<()> {
        let hang = indent + room + 2;
        let width = self.style.width.saturating_sub(hang).max(20);
        write!(self.out, "{:indent$}", "")?;
        self.painted(label.0, label.1)?;
        let mut gap = (room + 2).saturating_sub(columns(label.1));
        let mut line = Line::default();
        for (ansi, text) in paragraph {
            let text = legible(text);
            for word in words(&text, width) {
                if !line.take(*ansi, word, width) {
                    self.line(gap, &line)?;
                    gap = hang;
                    line = Line::default();
                    line.take(*ansi, word, width);
                }
            }
        }
        self.line(gap, &line)
    }

    fn line(&mut self, gap: usize, line: &Line) -> io::Result<()> {
        if line.used > 0 {
            write!(self.out, "{:gap$}", "")?;
        }
        for (ansi, text) in &line.runs {
            self.painted(*ansi, text)?;
        }
        self.blank()
    }

    fn painted(&mut self, ansi: Ansi, text: &str) -> io::Result<()> {
        if self.style.colour && ansi != PLAIN {
            write!(self.out, "{}{text}{}", ansi.render(), ansi.render_reset())
        } else {
            self.out.write_all(text.as_bytes())
        }
    }
}

/// One line of a paragraph: runs of words of the same colour.
#[derive(Default)]
struct Line {
    runs: Vec<(Ansi, String)>,
    used: usize,
}

impl Line {
    /// Takes a word where there is room for it; the first word always has room.
    fn take(&mut self, ansi: Ansi, word: &str, width: usize) -> bool {
        let gap = usize::from(self.used > 0);
        let used = self.used + gap + columns(word);
        if gap > 0 && used > width {
            return false;
        }
        let space = if gap > 0 { " " } else { "" };
        match self.runs.last_mut() {
            Some((known, text)) if *known == ansi => text.extend([space, word]),
            Some((_, text)) => {
                text.push_str(space);
                self.runs.push((ansi, word.to_owned()));
            }
            None => self.runs.push((ansi, word.to_owned())),
        }
        self.used = used;
        true
    }
}
