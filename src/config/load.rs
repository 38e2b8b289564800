//! Reads a configuration: files become a [`Config`], or a list of every problem in them.

use std::path::Path;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};

use super::build;
use super::files::Sources;
use super::read::Read;
use super::types::Config;
use super::yaml::Problems;

/// A configuration that can be used, and what is doubtful about it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// Nothing but warnings.
    pub(crate) warnings: Problems,
}

/// What came of reading a configuration, and what was read for it.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) read: Read,
    pub(crate) outcome: Result<Loaded, Problems>,
}

/// Reads a file, or every `*.yaml` and `*.yml` of a directory in the order of their names.
pub(crate) fn load(path: &Path) -> Result<Loaded, Problems> {
    attempt(path).outcome
}

/// As [`load`], for those who look later whether the same would be read again.
pub(crate) fn attempt(path: &Path) -> Attempt {
    attempt_at(path, today())
}

/// Reads a configuration that stands in no file.
pub(crate) fn load_text(name: &str, text: &str) -> Result<Loaded, Problems> {
    load_text_at(name, text, today())
}

fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
pub(super) fn load_at(path: &Path, today: Date) -> Result<Loaded, Problems> {
    attempt_at(path, today).outcome
}

fn attempt_at(path: &Path, today: Date) -> Attempt {
    let mut problems = Problems::default();
    let sources = Sources::read(path, &mut problems);
    Attempt { read: sources.read.clone(), outcome: finish(sources, today, problems) }
}

pub(super) fn load_text_at(name: &str, text: &str, today: Date) -> Result<Loaded, Problems> {
    let mut problems = Problems::default();
    let sources = Sources::of_text(name, text, &mut problems);
    finish(sources, today, problems)
}

fn finish(sources: Sources, today: Date, mut problems: Problems) -> Result<Loaded, Problems> {
    let config = build::config(sources, today, &mut problems);
    if problems.has_errors() { Err(problems) } else { Ok(Loaded { config, warnings: problems }) }
}
