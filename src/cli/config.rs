//! `musterd config`: what is wrong with a configuration, its schema, and an example.

use std::io::{self, Write};
use std::path::Path;

use super::{OK, USAGE};
use crate::config::{self, Problems};
use crate::notify;

/// Names every problem of a configuration, and sums up.
pub(crate) fn check(path: &Path, out: &mut dyn Write) -> io::Result<u8> {
    let (problems, holds, code) = match config::load(path) {
        Ok(config::Loaded { config, warnings }) => {
            let templates = notify::problems(&config);
            if !templates.is_empty() {
                writeln!(out, "{}\n", templates.join("\n"))?;
                writeln!(out, "{}: {}", path.display(), count(templates.len(), "error"))?;
                return Ok(USAGE);
            }
            let services = count(config.services.len(), "service");
            let checks = count(config.checks().count(), "check");
            (warnings, format!("{services}, {checks}, "), OK)
        }
        Err(problems) => (problems, String::new(), USAGE),
    };
    if !problems.is_empty() {
        writeln!(out, "{problems}\n")?;
    }
    writeln!(out, "{}: {holds}{}", path.display(), tally(&problems))?;
    Ok(code)
}

/// Prints the JSON schema of the format.
pub(crate) fn schema(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(config::schema().as_bytes())
}

/// Prints a commented example.
pub(crate) fn example(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(config::EXAMPLE.as_bytes())
}

fn tally(problems: &Problems) -> String {
    let (errors, warnings) = problems.count();
    match (errors, warnings) {
        (0, 0) => "no problem".to_owned(),
        (0, _) => count(warnings, "warning"),
        (_, 0) => count(errors, "error"),
        _ => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
