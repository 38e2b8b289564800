//! Evidence files: what one run saw, with everything that judging it again needs.

use std::sync::Arc;

use jiff::Timestamp;
use musterd_probes::KINDS;
use musterd_probes::contract::{Evidence, Probe};
use musterd_probes::registry::{self, Registration};
use musterd_probes::secret::Vault;
use serde::{Deserialize, Serialize};

use crate::runner::{Outcome, Record};

/// The schema that is written, and the only one that is read.
pub(crate) const SCHEMA: &str = "musterd.evidence/1";

/// An evidence file. Secrets stand in it as references only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EvidenceFile {
    pub(crate) schema: String,
    /// The check's id.
    pub(crate) check: String,
    pub(crate) probe: String,
    pub(crate) settings: serde_json::Value,
    pub(crate) observed_at: Timestamp,
    /// The program that judged it first.
    pub(crate) judged_by: String,
    pub(crate) evidence: serde_json::Value,
    /// Earlier runs that judging may look at, the latest first.
    #[serde(default)]
    pub(crate) earlier: Vec<Earlier>,
}

/// An earlier run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Earlier {
    pub(crate) observed_at: Timestamp,
    pub(crate) evidence: serde_json::Value,
}

/// Evidence that can be judged again.
pub(crate) struct Replayable {
    pub(crate) kind: &'static Registration,
    pub(crate) probe: Arc<dyn Probe>,
    pub(crate) evidence: Evidence,
    pub(crate) earlier: Vec<(Timestamp, Evidence)>,
}

impl EvidenceFile {
    /// The file of a run that looked, without any secret.
    pub(crate) fn of(record: &Record, vault: &Vault) -> Option<Self> {
        let Outcome::Saw { evidence, .. } = &record.outcome else { return None };
        let mut file = Self {
            schema: SCHEMA.to_owned(),
            check: record.check.id.to_string(),
            probe: record.check.kind.name.to_owned(),
            settings: (*record.check.terms.settings).clone(),
            observed_at: record.at,
            judged_by: concat!("musterd ", env!("CARGO_PKG_VERSION")).to_owned(),
            evidence: evidence.to_json().ok()?,
            earlier: Vec::new(),
        };
        vault.redact_json(&mut file.evidence);
        Some(file)
    }

    /// Makes the probe and reads the evidence; the error names the field that is wrong.
    pub(crate) fn open(self) -> Result<Replayable, String> {
        if self.schema != SCHEMA {
            return Err(format!(
                "`schema` is {:?}; this version reads {SCHEMA:?}",
                musterd_probes::text::excerpt(&self.schema, 60)
            ));
        }
        let kind = registry::find(KINDS, &self.probe).ok_or_else(|| {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            format!(
                "`probe`: this version knows no probe {:?}, only {}",
                self.probe,
                known.join(", ")
            )
        })?;
        let probe =
            kind.build_json(&self.settings).map_err(|error| format!("`settings`: {error}"))?;
        let parse = |value, field: &str| {
            probe
                .parse(value)
                .map_err(|error| format!("`{field}` is none of {}: {error}", kind.name))
        };
        let evidence = parse(self.evidence, "evidence")?;
        let earlier = self
            .earlier
            .into_iter()
            .map(|earlier| Ok((earlier.observed_at, parse(earlier.evidence, "earlier")?)))
            .collect::<Result<_, String>>()?;
        Ok(Replayable { kind, probe, evidence, earlier })
    }
}
