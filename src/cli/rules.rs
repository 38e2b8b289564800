//! `musterd rules`: the catalogue, and one rule whole.

use std::io::{self, Write};

use musterd_probes::KINDS;
use musterd_probes::registry::{Registration, did_you_mean};
use musterd_probes::rule::About;

use super::terminal::{self, Colour};
use super::{OK, USAGE};
use crate::policy;

/// List every rule, or explain one
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A rule such as health.down, or a probe such as health
    #[arg(value_name = "ID")]
    id: Option<String>,

    /// What is written to stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    #[default]
    Human,
    Json,
}

/// Runs the command and gives the exit code.
pub(crate) fn run(args: &Args, colour: Colour) -> io::Result<u8> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let all = catalogue();
    let wanted: Vec<&About> = match args.id.as_deref() {
        None => all.clone(),
        Some(id) => all
            .iter()
            .copied()
            .filter(|about| about.id == id || about.id.split('.').next() == Some(id))
            .collect(),
    };
    if wanted.is_empty() {
        let typed = args.id.as_deref().unwrap_or_default();
        let hint = did_you_mean(typed, all.iter().map(|about| about.id))
            .map_or("; `musterd rules` lists them all".to_owned(), |id| {
                format!("; did you mean `{id}`?")
            });
        terminal::complain(&format!("there is no rule `{typed}`{hint}"));
        return Ok(USAGE);
    }
    match args.format {
        Format::Json => serde_json::to_writer_pretty(&mut out, &wanted)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))?,
        Format::Human if wanted.len() == 1 && args.id.is_some() => {
            explain(wanted[0], terminal::style(colour).width, &mut out)?;
        }
        Format::Human => list(&wanted, &mut out)?,
    }
    out.flush()?;
    Ok(OK)
}

/// Every rule: those of the probes, in their order, and those of policy.
pub(crate) fn catalogue() -> Vec<&'static About> {
    KINDS.iter().flat_map(Registration::abouts).chain(policy::ABOUTS).collect()
}

fn list(rules: &[&About], out: &mut dyn Write) -> io::Result<()> {
    let width = rules.iter().map(|about| about.id.len()).max().unwrap_or_default();
    for about in rules {
        writeln!(out, "{:<width$}  {:<8}  {}", about.id, about.severity, about.title)?;
    }
    Ok(())
}

fn explain(about: &About, width: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} ({})\n{}\n", about.id, about.severity, about.title)?;
    for (label, text) in [("why", about.why), ("fix", about.fix)] {
        paragraph(label, text, width, out)?;
    }
    for (index, reference) in about.references.iter().enumerate() {
        let label = if index == 0 { "see" } else { "" };
        paragraph(label, reference, width, out)?;
    }
    Ok(())
}

fn paragraph(label: &str, text: &str, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut line = format!("{label:<5}");
    let indent = line.len();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() + 1 > width && line.len() > indent {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(indent);
        }
        line.push_str(word);
        line.push(' ');
    }
    writeln!(out, "{}", line.trim_end())
}
