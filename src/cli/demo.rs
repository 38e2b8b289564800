//! `musterd demo`: probes two specimen services that it brings along.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_probes::impact::Impact;
use musterd_probes::secret::Vault;
use tokio::time::Instant;

use super::check::{Presentation, present};
use super::output::Format;
use super::terminal::{self, Colour, Progress};
use super::{OK, USAGE};
use crate::demo::{Demo, Flaw};
use crate::oneshot;

/// Probe two specimen services on loopback, one hardened and one flawed
///
/// Without --once the specimens stay until Ctrl-C, to be looked at and probed by hand.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the report and exit with 0
    #[arg(long)]
    once: bool,

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
    let network = oneshot::network(&demo.config, Arc::clone(&vault));
    let records = {
        let mut progress = Progress::new(selected.len());
        let wait = Duration::from_secs(10);
        oneshot::run(&network, &selected, Impact::Intrusive, wait, "", |record| {
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
    };
    present(&what, args.format, colour, &vault)?;
    if !args.once {
        terminal::remark(&format!(
            "\nThe specimens stay until Ctrl-C. Probe one by hand, from another terminal:\n  musterd check {}",
            demo.flawed
        ));
        tokio::signal::ctrl_c().await?;
    }
    Ok(OK)
}
