//! What a command shows in the end: the report on stdout, also where nobody reads it to its end.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use musterd_probes::measurement::Measurement;
use musterd_probes::secret::Vault;

use super::output::{self, Format, Guide, Report, Style};
use super::terminal::{self, Colour};
use crate::config::Place;
use crate::oneshot::Selected;
use crate::report::Document;
use crate::runner::{Outcome, Record};

/// What is written to stdout in the end.
pub(super) struct Presentation<'a> {
    pub(super) document: &'a Document,
    pub(super) selected: &'a [Selected],
    pub(super) records: &'a [Record],
    pub(super) exit_code: u8,
    pub(super) duration: Duration,
    pub(super) guide: Option<Guide>,
}

impl Presentation<'_> {
    /// Hands the report to whoever writes it.
    pub(super) fn report<T>(&self, vault: &Vault, write: impl FnOnce(&Report<'_>) -> T) -> T {
        let places: HashMap<String, Place> = self
            .selected
            .iter()
            .flat_map(|(service, check)| {
                [
                    (service.name.clone(), service.place.clone()),
                    (check.id.to_string(), check.place.clone()),
                ]
            })
            .collect();
        let mut measurements = HashMap::new();
        for record in self.records {
            if let Outcome::Saw { measurements: found, .. } = &record.outcome {
                measurements.insert(record.check.id.to_string(), redacted(found, vault));
            }
        }
        write(&Report {
            document: self.document,
            exit_code: self.exit_code,
            duration: self.duration,
            places: &places,
            measurements: &measurements,
            guide: self.guide.as_ref(),
        })
    }

    /// Writes the report to a file, in place of what was there.
    pub(super) fn save(&self, format: Format, path: &Path, vault: &Vault) -> io::Result<()> {
        let style = Style { colour: false, width: 100 };
        let mut text = Vec::new();
        self.report(vault, |report| output::write(format, report, style, &mut text))?;
        std::fs::write(path, text)
    }

    /// Writes the report to stdout, and gives the exit code also when nobody reads it to its end.
    pub(super) fn show(&self, format: Format, colour: Colour, vault: &Vault) -> io::Result<u8> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let written = self
            .report(vault, |report| {
                output::write(format, report, terminal::style(colour), &mut out)
            })
            .and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(self.exit_code),
        }
    }
}

/// Labels hold names that came from outside.
fn redacted(measurements: &[Measurement], vault: &Vault) -> Vec<Measurement> {
    let mut clean = measurements.to_vec();
    for label in clean.iter_mut().flat_map(|measurement| &mut measurement.labels) {
        *label = vault.redact(label).into_owned();
    }
    clean
}
