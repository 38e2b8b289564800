//! `musterd run`: the daemon.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use musterd_probes::secret::Vault;

use super::terminal;
use super::{FAILED, OK, USAGE, select};
use crate::app::{self, Ended, Start};
use crate::config;

/// Keep checking, and show the results
///
/// SIGHUP, a changed file and `POST /-/reload` reload the configuration; SIGTERM and SIGINT stop,
/// and a second one at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file, or a directory of *.yaml files [default: $MUSTERD_CONFIG, ./musterd.yaml,
    /// /etc/musterd/musterd.yaml]
    #[arg(long, short, value_name = "FILE|DIR")]
    config: Option<PathBuf>,

    /// Where to listen, instead of where the configuration says
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// Runs the command and gives the exit code.
pub(crate) async fn run(args: Args, vault: Arc<Vault>) -> u8 {
    let outcome = async {
        let path = args.config.map_or_else(select::default_config, Ok)?;
        let loaded = config::load(&path)
            .map_err(|problems| format!("the configuration cannot be used\n{problems}"))?;
        if !loaded.warnings.is_empty() {
            tracing::warn!("the configuration has warnings\n{}", loaded.warnings);
        }
        app::run(Start {
            path: Some(path),
            config: loaded.config,
            listen: args.listen,
            ledger: None,
            vault,
            listening: Box::new(|url| tracing::info!(url, "listening")),
        })
        .await
    };
    match outcome.await {
        Ok(ended) => exit_code(ended),
        Err(message) => {
            terminal::complain(&message);
            USAGE
        }
    }
}

/// The exit code of a daemon: as a shell says it where a signal cut it short.
pub(super) fn exit_code(ended: Ended) -> u8 {
    match ended {
        Ended::Asked => OK,
        Ended::AtOnce(signal) => u8::try_from(128 + signal.as_raw_value()).unwrap_or(FAILED),
        Ended::Fault => FAILED,
    }
}
