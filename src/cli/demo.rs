//! `musterd demo`: probes two specimen services that it brings along.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::secret::Vault;
use tokio::time::Instant;

use super::output::Format;
use super::present::Presentation;
use super::run::exit_code;
use super::terminal::{self, Colour, Progress};
use super::{OK, USAGE};
use crate::app::{self, Start};
use crate::demo::{Demo, Flaw};
use crate::ledger::Ledger;
use crate::oneshot::{self, Terms};

/// What runs at most once a day elsewhere runs again after this on specimens.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// Probe two specimen services on loopback, one hardened and one flawed
///
/// Without --once the daemon then keeps probing them until Ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the report and exit with 0
    #[arg(long)]
    once: bool,

    /// Where the daemon listens; by default on a free port of loopback
    #[arg(long, value_name = "ADDR", conflicts_with = "once")]
    listen: Option<SocketAddr>,

    /// What is written to stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Runs the command and gives the exit code.
pub(crate) async fn run(args: Args, colour: Colour, vault: Arc<Vault>) -> io::Result<u8> {
    let demo = match Demo::start(&Flaw::ALL).await {
        Ok(demo) => demo,
        Err(error) => {
            terminal::complain(&format!("the specimens cannot be started: {error}"));
            return Ok(USAGE);
        }
    };
    let selected: Vec<_> = demo
        .config
        .checks()
        .map(|(service, check)| (Arc::clone(service), Arc::clone(check)))
        .collect();
    let started = Instant::now();
    let network = Arc::new(oneshot::network(&demo.config, Arc::clone(&vault)));
    let records = {
        let mut progress = Progress::new(selected.iter().map(|(_, check)| &*check.id));
        oneshot::run(&network, &selected, Terms::of_specimens(), |record| {
            progress.step(&record.check.id);
        })
        .await
    };
    let document = oneshot::document(&selected, &records, &vault, "", Timestamp::now());
    let what = Presentation {
        document: &document,
        selected: &selected,
        records: &records,
        exit_code: OK,
        duration: started.elapsed(),
        guide: None,
    };
    what.show(args.format, colour, &vault)?;
    if args.once {
        return Ok(OK);
    }
    keep_probing(demo, args.listen, vault).await
}

/// Runs the daemon over the specimens.
async fn keep_probing(
    mut demo: Demo,
    listen: Option<SocketAddr>,
    vault: Arc<Vault>,
) -> io::Result<u8> {
    let hints = format!("hardened {}, flawed {}", demo.hardened, demo.flawed);
    let outcome = app::run(Start {
        path: None,
        config: std::mem::take(&mut demo.config),
        ledger: Some(Ledger::hasty(AGAIN)),
        listen: Some(listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)))),
        vault,
        listening: Box::new(move |url| {
            terminal::remark(&format!(
                "\nThe daemon keeps probing both ({hints}) until Ctrl-C:\n  {url}/api/v1/status\n  {url}/api/v1/findings\n  {url}/metrics"
            ));
        }),
    })
    .await;
    match outcome {
        Ok(ended) => Ok(exit_code(ended)),
        Err(message) => {
            terminal::complain(&message);
            Ok(USAGE)
        }
    }
}
