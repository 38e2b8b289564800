//! `musterd generate`: files for other programs, made of a configuration.

use std::io::{self, Write as _};
use std::path::PathBuf;

use super::terminal::{complain, remark};
use super::{OK, USAGE, select};
use crate::alerting::{self, Wrapping};
use crate::config;

/// Make files for other programs of a configuration
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print rules for Prometheus that alert by the objectives of a configuration
    ///
    /// They page when an error budget is spent so fast that it matters, by several windows, and
    /// open a ticket when it is spent too fast to last. Where the checks run too seldom for an
    /// objective to be measured, that is said on stderr and in the file.
    PrometheusRules {
        /// A file, or a directory of *.yaml files [default: $MUSTERD_CONFIG, ./musterd.yaml,
        /// /etc/musterd/musterd.yaml]
        #[arg(long, short, value_name = "FILE|DIR")]
        config: Option<PathBuf>,

        /// What is written to stdout
        #[arg(long, value_enum, default_value_t)]
        format: Wrapping,
    },
}

/// Runs the command and gives the exit code.
pub(crate) fn run(args: Args) -> io::Result<u8> {
    let Command::PrometheusRules { config, format } = args.command;
    let loaded = config.map_or_else(select::default_config, Ok).and_then(|path| {
        config::load(&path)
            .map_err(|problems| format!("the configuration cannot be used\n{problems}"))
    });
    let plans = match loaded {
        Ok(loaded) => alerting::plans(&loaded.config),
        Err(message) => {
            complain(&message);
            return Ok(USAGE);
        }
    };
    if plans.is_empty() {
        complain(
            "no service has `objectives`, of which these rules are made. Write some, such as\n\
             objectives: [{name: available, checks: [http], target: 99.9, window: 30d}]",
        );
        return Ok(USAGE);
    }
    for plan in &plans {
        for warning in &plan.warnings {
            remark(&format!("warning: {}: {warning}", plan.name));
        }
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    alerting::write(&plans, format, &mut out)?;
    out.flush()?;
    Ok(OK)
}
