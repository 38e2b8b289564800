//! What the terminal can show, and what is said on stderr.

use std::io::{self, IsTerminal as _, Write as _};

use super::output::Style;

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// Where stdout is no terminal, lines are this long.
const WIDTH: usize = 100;

/// What stdout can show.
pub(crate) fn style(colour: Colour) -> Style {
    let stdout = io::stdout();
    let colour = match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            stdout.is_terminal()
                && anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never
        }
    };
    let width = terminal_size::terminal_size()
        .map_or(WIDTH, |(terminal_size::Width(columns), _)| usize::from(columns).clamp(60, 160));
    Style { colour, width }
}

/// An error, on stderr.
pub(crate) fn complain(message: &str) {
    // Without a stderr there is nobody to tell.
    let _nobody = writeln!(io::stderr().lock(), "error: {message}");
}

/// A remark, on stderr.
pub(crate) fn remark(message: &str) {
    let _nobody = writeln!(io::stderr().lock(), "{message}");
}

/// How far the work is, on a terminal's stderr only.
pub(crate) struct Progress {
    shown: bool,
    total: usize,
    /// What is still awaited, in the order of the configuration.
    awaited: Vec<String>,
}

impl Progress {
    /// Progress of these checks.
    pub(crate) fn new<'a>(checks: impl IntoIterator<Item = &'a str>) -> Self {
        let awaited: Vec<String> = checks.into_iter().map(str::to_owned).collect();
        Self { shown: io::stderr().is_terminal(), total: awaited.len(), awaited }
    }

    /// One has ended.
    pub(crate) fn step(&mut self, id: &str) {
        self.awaited.retain(|awaited| awaited != id);
        if let Some(next) = self.awaited.first().filter(|_| self.shown) {
            let done = self.total - self.awaited.len();
            overwrite(&format!("\r\x1b[K{done} of {} checks done, waiting for {next}", self.total));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown && self.awaited.len() < self.total {
            overwrite("\r\x1b[K");
        }
    }
}

/// Writes over the line of now.
fn overwrite(text: &str) {
    let mut stderr = io::stderr().lock();
    let _nobody = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
