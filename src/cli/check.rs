//! `musterd check`: every check once, then the report on stdout.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use musterd_probes::contract::Kind as _;
use musterd_probes::headers::{self, Headers};
use musterd_probes::impact::Impact;
use musterd_probes::secret::Vault;
use musterd_probes::stack::Stack;
use tokio::time::Instant;

use super::output::{self, Format, Guide};
use super::present::Presentation;
use super::terminal::{self, Colour, Progress};
use super::{FAILED, OK, UNKNOWN, USAGE, adhoc, push, report, select};
use crate::config::{self, Config};
use crate::evidence::EvidenceFile;
use crate::ledger::Ledger;
use crate::oneshot::{self, Selected, Terms};
use crate::report::Document;
use crate::runner::Record;
use crate::status::Status;

/// Run every check once and report
///
/// Exit codes: 0 nothing at or above --fail-on, 1 something, 2 usage or configuration, 3 could
/// not tell (unknown, and nothing failed).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A service, service/check, a glob over both, or a URL, which needs no configuration
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,

    /// A file, or a directory of *.yaml files [default: $MUSTERD_CONFIG, ./musterd.yaml,
    /// /etc/musterd/musterd.yaml]
    #[arg(long, short, value_name = "FILE|DIR")]
    config: Option<PathBuf>,

    /// What is written to stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// Write the report to a file too, such as junit=/reports/musterd.xml; may be given several
    /// times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = output::file)]
    output: Vec<(Format, PathBuf)>,

    /// From which status on the exit code is 1
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOn,

    /// Show what was seen beside what it means; with a directory, write an evidence file for each
    /// check there instead, for `musterd replay`
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    evidence: Option<PathBuf>,

    /// A ceiling on what checks may do; it never raises what the configuration consents to
    #[arg(long, value_enum, default_value_t)]
    allow: Allow,

    /// The longest wait for a limiter's window; what needs more is untested
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    max_wait: Duration,

    /// Say why each finding matters, and what to write on this stack; with a URL, the stack that
    /// answers is shown, or every one
    #[arg(long, value_name = "STACK", value_parser = stack())]
    stack: Vec<Stack>,

    #[command(flatten)]
    url: adhoc::Options,

    #[command(flatten)]
    report: report::Options,

    #[command(flatten)]
    push: push::Options,
}

/// From which status on the exit code is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum FailOn {
    Warn,
    #[default]
    Fail,
}

/// A ceiling on what checks may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Allow {
    Passive,
    #[default]
    Active,
    Intrusive,
}

impl From<Allow> for Impact {
    fn from(allow: Allow) -> Self {
        match allow {
            Allow::Passive => Self::Passive,
            Allow::Active => Self::Active,
            Allow::Intrusive => Self::Intrusive,
        }
    }
}

fn stack() -> impl TypedValueParser<Value = Stack> {
    PossibleValuesParser::new(Stack::ALL.map(Stack::word)).map(|word| {
        let named = Stack::ALL.into_iter().find(|stack| stack.word() == word);
        named.expect("one of the possible values")
    })
}

/// Who checks a URL has nobody else to ask.
fn guide(args: &Args, records: &[Record], vault: &Vault) -> Option<Guide> {
    let urls = args.selectors.iter().any(|selector| select::is_url(selector));
    if !args.stack.is_empty() {
        return Some(Guide { stacks: args.stack.clone() });
    }
    urls.then(|| {
        let of_headers = records.iter().filter(|record| record.check.kind.name == Headers::NAME);
        let files = of_headers.filter_map(|record| EvidenceFile::of(record, vault));
        let seen: Vec<Stack> = files.flat_map(|file| headers::stacks(&file.evidence)).collect();
        Guide { stacks: Stack::ALL.into_iter().filter(|stack| seen.contains(stack)).collect() }
    })
}

/// Runs the command and gives the exit code.
pub(crate) async fn run(args: Args, colour: Colour, vault: Arc<Vault>) -> io::Result<u8> {
    let (config, selected) = match prepare(&args) {
        Ok(prepared) => prepared,
        Err(message) => {
            terminal::complain(&message);
            return Ok(USAGE);
        }
    };
    let started = Instant::now();
    let network = Arc::new(oneshot::network(&config, Arc::clone(&vault)));
    let records = {
        let mut progress = Progress::new(selected.iter().map(|(_, check)| &*check.id));
        oneshot::run(
            &network,
            &selected,
            Terms {
                ceiling: args.allow.into(),
                max_wait: args.max_wait,
                location: &config.location,
                ledger: config.state.as_deref().map(Ledger::durable),
            },
            |record| progress.step(&record.check.id),
        )
        .await
    };
    let at = Timestamp::now();
    let mut document = oneshot::document(&selected, &records, &vault, &config.location, at);
    let folder = args.evidence.as_deref().filter(|folder| folder.as_os_str() != "-");
    if args.evidence.is_some() && folder.is_none() {
        show_evidence(&mut document, &records, &vault);
    }
    let exit_code = exit_code(&document, args.fail_on);
    if let Some(directory) = folder
        && let Err(message) = write_evidence(directory, &records, &vault)
    {
        terminal::complain(&message);
        return Ok(USAGE);
    }
    let what = Presentation {
        document: &document,
        selected: &selected,
        records: &records,
        exit_code,
        duration: started.elapsed(),
        guide: guide(&args, &records, &vault),
    };
    let shown = what.show(args.format, colour, &vault)?;
    for (format, path) in &args.output {
        if let Err(error) = what.save(*format, path, &vault) {
            let path = path.display();
            terminal::complain(&format!("the report cannot be written to {path}: {error}"));
            return Ok(USAGE);
        }
    }
    let body = what.report(&vault, report::body);
    let reported = args.report.post(body, &vault).await;
    let metrics = what.report(&vault, push::body);
    let pushed = args.push.put(metrics, &config.location, &vault).await;
    let mut code = shown;
    for message in [reported, pushed].into_iter().filter_map(Result::err) {
        terminal::complain(&message);
        // Nobody may take the results of an earlier run for those of this one.
        code = if shown == OK { UNKNOWN } else { shown };
    }
    Ok(code)
}

fn show_evidence(document: &mut Document, records: &[Record], vault: &Vault) {
    for check in document.services.iter_mut().flat_map(|service| &mut service.checks) {
        let record = records.iter().find(|record| *record.check.id == *check.id);
        check.evidence =
            record.and_then(|record| EvidenceFile::of(record, vault)).map(|file| file.evidence);
    }
}

fn prepare(args: &Args) -> Result<(Config, Vec<Selected>), String> {
    args.report.checked()?;
    args.push.checked()?;
    let urls = args.selectors.iter().filter(|selector| select::is_url(selector)).count();
    if urls > 0 {
        if urls < args.selectors.len() || args.config.is_some() {
            return Err("URLs need no configuration: name either URLs, or checks of one".into());
        }
        let config = adhoc::config(&args.selectors, &args.url)?;
        terminal::remark(&adhoc::announcement(&config));
        let selected = select::checks(&config, &[])?;
        return Ok((config, selected));
    }
    if args.url.is_used() {
        return Err("--ca, --insecure, --connect-to and --header go with a URL; a configuration has keys for them".into());
    }
    let path = args.config.clone().map_or_else(select::default_config, Ok)?;
    let loaded = config::load(&path)
        .map_err(|problems| format!("the configuration cannot be used\n{problems}"))?;
    if !loaded.warnings.is_empty() {
        terminal::remark(&loaded.warnings.to_string());
    }
    let selected = select::checks(&loaded.config, &args.selectors)?;
    Ok((loaded.config, selected))
}

pub(super) fn exit_code(document: &Document, fail_on: FailOn) -> u8 {
    let any = |status| {
        document.services.iter().any(|service| {
            service.status == status || service.checks.iter().any(|check| check.status == status)
        })
    };
    if any(Status::Fail) || (fail_on == FailOn::Warn && any(Status::Warn)) {
        FAILED
    } else if any(Status::Unknown) {
        UNKNOWN
    } else {
        OK
    }
}

fn write_evidence(directory: &Path, records: &[Record], vault: &Vault) -> Result<(), String> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| {
        format!("evidence cannot be written to {}: {error}", path.display())
    };
    std::fs::create_dir_all(directory).map_err(|error| wrong(directory, &error))?;
    for record in records {
        let Some(file) = EvidenceFile::of(record, vault) else { continue };
        let path = directory.join(format!("{}.json", record.check.id.replace('/', ".")));
        let text = serde_json::to_string_pretty(&file).map_err(|error| wrong(&path, &error))?;
        std::fs::write(&path, text + "\n").map_err(|error| wrong(&path, &error))?;
    }
    Ok(())
}
