//! The status document, with what only a run from the command line knows.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use crate::report::Document;

const SCHEMA: &str = "musterd.report/1";

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    exit_code: u8,
    duration_seconds: f64,
    #[serde(flatten)]
    document: &'a Document,
}

impl<'a> Json<'a> {
    fn of(report: &Report<'a>) -> Self {
        Self {
            schema: SCHEMA,
            exit_code: report.exit_code,
            duration_seconds: (report.duration.as_secs_f64() * 1e3).round() / 1e3,
            document: report.document,
        }
    }
}

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Json::of(report))?;
    out.write_all(b"\n")
}

pub(super) fn write_compact(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(out, &Json::of(report)).map_err(io::Error::from)
}
