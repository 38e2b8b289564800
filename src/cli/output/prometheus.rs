//! Metrics of one run, as a textfile collector or a gateway takes them.

use std::io::{self, Write};

use super::Report;
use crate::metrics::checks;
use crate::metrics::exposition::Exposition;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut exposition = Exposition::default();
    checks::write(&mut exposition, report.document, report.measurements);
    out.write_all(exposition.finish().as_bytes())
}
