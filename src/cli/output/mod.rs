//! What `check` writes to stdout, in the formats that people and other programs read.

mod guide;
mod human;
mod json;
mod junit;
mod page;
mod prometheus;
mod sarif;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use musterd_probes::measurement::Measurement;

pub(crate) use guide::Guide;

use crate::config::Place;
use crate::report::{CheckStatus, Document};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
#[value(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// For people.
    #[default]
    Human,
    /// The status document.
    Json,
    /// Test results, for CI servers.
    Junit,
    /// Static analysis results, for code scanning.
    Sarif,
    /// Metrics in Prometheus' text format.
    Prometheus,
}

/// A format and a file, as they are typed.
pub(super) fn file(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text.split_once('=').unwrap_or((text, ""));
    let format = <Format as clap::ValueEnum>::from_str(format, false)
        .map_err(|_| format!("write FORMAT=FILE; `{format}` is no format of a report"))?;
    if path.is_empty() {
        return Err("write FORMAT=FILE, such as junit=report.xml".to_owned());
    }
    Ok((format, path.into()))
}

/// Everything that a report is written from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report<'a> {
    pub(crate) document: &'a Document,
    /// What the process will exit with.
    pub(crate) exit_code: u8,
    /// Of the whole invocation.
    pub(crate) duration: Duration,
    /// Where each check stands in the configuration, by its id. A service's name may be a key
    /// too, for what policy itself finds there.
    pub(crate) places: &'a HashMap<String, Place>,
    /// What each check measured, by its id; redacted.
    pub(crate) measurements: &'a HashMap<String, Vec<Measurement>>,
    /// For people who have no configuration: why, and what to write where.
    pub(crate) guide: Option<&'a Guide>,
}

/// What the device at the other end of the output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether it understands colours.
    pub(crate) colour: bool,
    /// How many columns it has; only reports for people are wrapped.
    pub(crate) width: usize,
}

/// Writes a report for programs alone: as JSON without white space.
pub(crate) fn write_compact(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    json::write_compact(report, out)
}

/// Writes a report.
pub(crate) fn write(
    format: Format,
    report: &Report<'_>,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Human => human::write(report, style, out),
        Format::Json => json::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Prometheus => prometheus::write(report, out),
    }
}

/// Why a check is unknown, in one sentence without a period.
fn why_unknown(check: &CheckStatus) -> &str {
    check.reason.as_deref().unwrap_or("no rule found anything that it could judge")
}
