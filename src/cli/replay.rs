//! `musterd replay`: judges stored evidence again.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use musterd_probes::impact::Impact;
use musterd_probes::net::target::Target;
use musterd_probes::run_id::RunId;
use musterd_probes::secret::Vault;

use super::USAGE;
use super::check::{FailOn, exit_code};
use super::output::Format;
use super::present::Presentation;
use super::terminal::{self, Colour};
use crate::config::{Check, Place, Service, Severities, Terms};
use crate::evidence::EvidenceFile;
use crate::oneshot;
use crate::runner::{self, Outcome, Record};

/// Judge stored evidence again, at the time when it was observed
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An evidence file, as `musterd check --evidence=DIR` writes them
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// What is written to stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// From which status on the exit code is 1
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOn,
}

/// The longest evidence file that is read, in bytes.
const LONGEST: u64 = 128 * 1024 * 1024;

/// Runs the command and gives the exit code.
pub(crate) fn run(args: &Args, colour: Colour, vault: &Vault) -> io::Result<u8> {
    let (service, record) = match judge(&args.file) {
        Ok(judged) => judged,
        Err(message) => {
            terminal::complain(&format!("{}: {message}", args.file.display()));
            return Ok(USAGE);
        }
    };
    let at = record.at;
    let selected = [(service, Arc::clone(&record.check))];
    let records = [record];
    let document = oneshot::document(&selected, &records, vault, "", at);
    let exit_code = exit_code(&document, args.fail_on);
    let what = Presentation {
        document: &document,
        selected: &selected,
        records: &records,
        exit_code,
        duration: Duration::ZERO,
        guide: None,
    };
    what.show(args.format, colour, vault)
}

fn judge(path: &Path) -> Result<(Arc<Service>, Record), String> {
    let file = read(path)?;
    let service_name = file
        .check
        .split_once('/')
        .map(|(service, _)| service.to_owned())
        .ok_or_else(|| format!("`check` is {:?}, which is no service/check", file.check))?;
    let (id, settings, at): (Arc<str>, _, _) =
        (file.check.as_str().into(), file.settings.clone(), file.observed_at);
    let replayable = file.open()?;
    let check = Arc::new(Check {
        id,
        kind: replayable.kind,
        probe: replayable.probe,
        interval: replayable.kind.interval,
        terms: Arc::new(Terms {
            settings: settings.into(),
            timeout: Duration::from_secs(10),
            confirm: 1,
            retry_interval: replayable.kind.interval,
            allow: Impact::Passive,
            severity: Severities::default(),
            labels: std::collections::BTreeMap::new(),
        }),
        identity: 0,
        place: Place { file: path.display().to_string().into(), line: 1, column: 1 },
    });
    // Judging needs no address, and evidence tells its own.
    let nowhere = "http://replay.invalid/".parse().map_err(|error| format!("{error}"))?;
    let service = Arc::new(Service {
        name: service_name.clone(),
        labels: std::collections::BTreeMap::new(),
        target: Arc::new(Target::new(service_name, nowhere)),
        budget: None,
        checks: vec![Arc::clone(&check)],
        waivers: Vec::new(),
        objectives: Vec::new(),
        severity: indexmap::IndexMap::new(),
        place: check.place.clone(),
    });
    let evidence = replayable.evidence;
    let (ruling, measurements) = runner::look(&check, &service, &evidence, &replayable.earlier, at);
    let record = Record {
        run: RunId::new(at, 0),
        check,
        at,
        duration: Duration::ZERO,
        outcome: Outcome::Saw { evidence, ruling, measurements },
        requests: [0; 3],
        untouched: false,
        reception: runner::Reception::Unheard,
    };
    Ok((service, record))
}

fn read(path: &Path) -> Result<EvidenceFile, String> {
    let file = std::fs::File::open(path).map_err(|error| format!("it cannot be read: {error}"))?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("it cannot be read: {error}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LONGEST {
        return Err("it is longer than 128 MiB".to_owned());
    }
    serde_json::from_slice(&bytes).map_err(|error| format!("it is no evidence file: {error}"))
}
