//! The command line: what was typed becomes a call, and its end an exit code.

mod adhoc;
mod check;
mod config;
mod demo;
mod generate;
mod healthcheck;
mod notify;
mod output;
mod present;
mod push;
mod remote;
mod replay;
mod report;
mod rules;
mod run;
mod select;
mod terminal;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use musterd_probes::secret::Vault;

use crate::telemetry::{self, LogFormat};
use terminal::Colour;

/// Exit code: nothing at or above what `--fail-on` asks for.
pub(crate) const OK: u8 = 0;
/// Exit code: something at or above it.
pub(crate) const FAILED: u8 = 1;
/// Exit code: usage or configuration.
pub(crate) const USAGE: u8 = 2;
/// Exit code: could not tell.
pub(crate) const UNKNOWN: u8 = 3;

/// Keeps checking that what is deployed still keeps its production promises.
#[derive(Debug, Parser)]
#[command(name = "musterd", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    /// How logs are written to stderr; RUST_LOG says what is logged
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Global options")]
    log_format: LogFormat,

    /// When output is coloured; NO_COLOR is obeyed
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Global options")]
    color: Colour,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Check(Box<check::Args>),
    Demo(demo::Args),
    Config(ConfigArgs),
    Notify(NotifyArgs),
    Rules(rules::Args),
    Replay(replay::Args),
    Generate(generate::Args),
    Healthcheck(healthcheck::Args),
}

/// Look at a configuration, its schema, or an example of one
#[derive(Debug, clap::Args)]
struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Name every problem of a configuration at once
    Check {
        /// A file, or a directory of *.yaml files
        #[arg(value_name = "FILE|DIR")]
        path: Option<PathBuf>,
    },
    /// Print the JSON schema of the format
    Schema,
    /// Print a commented example
    Example,
}

/// Look whether messages reach those who are told of changes
#[derive(Debug, clap::Args)]
struct NotifyArgs {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Debug, Subcommand)]
enum NotifyCommand {
    /// Send a test message, and that it is over, to every receiver or to one
    Test {
        /// A file, or a directory of *.yaml files
        #[arg(long, short, value_name = "FILE|DIR")]
        config: Option<PathBuf>,

        /// The receiver's name in the configuration
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

/// Runs the program and gives its exit code.
pub fn main() -> ExitCode {
    // clap ends the process itself: with 0 after `--help`, with 2 after wrong usage.
    let cli = Cli::parse();
    let vault = Arc::new(Vault::default());
    let level = if matches!(cli.command, Command::Run(_)) { "info" } else { "warn" };
    telemetry::start(cli.log_format, level, Arc::clone(&vault));
    let outcome = match cli.command {
        Command::Run(args) => on_runtime(async { Ok(run::run(args, vault).await) }),
        Command::Check(args) => on_runtime(check::run(*args, cli.color, vault)),
        Command::Demo(args) => on_runtime(demo::run(args, cli.color, vault)),
        Command::Config(args) => run_config(args.command),
        Command::Notify(NotifyArgs { command: NotifyCommand::Test { config, name } }) => {
            on_runtime(test_notifiers(config, name, vault))
        }
        Command::Rules(args) => rules::run(&args, cli.color),
        Command::Replay(args) => replay::run(&args, cli.color, &vault),
        Command::Generate(args) => generate::run(args),
        Command::Healthcheck(args) => on_runtime(healthcheck::run(args)),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        // Whoever reads our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(OK),
        Err(error) => {
            terminal::complain(&format!("the output cannot be written: {error}"));
            ExitCode::from(USAGE)
        }
    }
}

fn run_config(command: ConfigCommand) -> io::Result<u8> {
    let mut out = io::stdout().lock();
    match command {
        ConfigCommand::Check { path } => match path.map_or_else(select::default_config, Ok) {
            Ok(path) => config::check(&path, &mut out),
            Err(message) => {
                terminal::complain(&message);
                Ok(USAGE)
            }
        },
        ConfigCommand::Schema => config::schema(&mut out).map(|()| OK),
        ConfigCommand::Example => config::example(&mut out).map(|()| OK),
    }
}

async fn test_notifiers(
    path: Option<PathBuf>,
    name: Option<String>,
    vault: Arc<Vault>,
) -> io::Result<u8> {
    let loaded = path
        .map_or_else(select::default_config, Ok)
        .and_then(|path| crate::config::load(&path).map_err(|problems| problems.to_string()));
    match loaded {
        Ok(loaded) => notify::test(&loaded.config, name.as_deref(), vault, &mut io::stdout()).await,
        Err(message) => {
            terminal::complain(&message);
            Ok(USAGE)
        }
    }
}

fn on_runtime(work: impl Future<Output = io::Result<u8>>) -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    // A thread that hangs in a file system must not keep the process from ending.
    runtime.shutdown_background();
    outcome
}
