//! The ledger's file, and the lock beside it.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::durable;

/// The schema that is written, and the only one that is read.
const SCHEMA: &str = "musterd.ledger/1";

/// What stands in the file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Entries {
    schema: String,
    /// When a damaged ledger was set aside: what stood in it may have run until then.
    #[serde(default)]
    pub(super) lost_at: Option<Timestamp>,
    /// When each route was last worked on.
    pub(super) routes: BTreeMap<String, Timestamp>,
}

impl durable::Kept for Entries {
    const SCHEMA: &'static str = SCHEMA;
    const LONGEST: u64 = 16 * 1024 * 1024;

    fn schema(&self) -> &str {
        &self.schema
    }
}

impl Entries {
    fn new() -> Self {
        Self { schema: SCHEMA.to_owned(), ..Self::default() }
    }

    /// An entry from a clock that was ahead would stand until that time has come, perhaps for years:
    /// it counts as one of now.
    pub(super) fn bring_back(&mut self, at: Timestamp, period: SignedDuration) {
        let ahead = self.routes.values_mut().chain(&mut self.lost_at);
        let ahead = ahead.filter(|entered| entered.duration_since(at) > period);
        let entries = ahead.map(|entered| *entered = at).count();
        if entries > 0 {
            tracing::warn!(
                entries,
                "the ledger was written by a clock that was ahead: what it names waits a day from now"
            );
        }
    }

    /// Leaves out what is of no more use.
    pub(super) fn forget(&mut self, at: Timestamp, period: SignedDuration) {
        self.routes.retain(|_, last| at.duration_since(*last) < period);
        self.lost_at = self.lost_at.filter(|lost| at.duration_since(*lost) < period);
    }
}

/// Where the file stands.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<Path>);

impl Place {
    pub(super) fn new(directory: &Path) -> Self {
        Self(directory.join("ledger.json").into())
    }

    /// The lock has a file of its own, because the ledger's is replaced.
    pub(super) fn lock_path(&self) -> PathBuf {
        self.0.with_extension("lock")
    }

    /// The lock, which is held until it is dropped; `None` while somebody else holds it.
    pub(super) fn try_lock(&self) -> io::Result<Option<File>> {
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::create(self.lock_path())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(super) fn read(&self, at: Timestamp) -> io::Result<Entries> {
        match durable::read(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entries::new()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let aside = durable::set_aside(&self.0, at)?;
                tracing::error!(
                    aside = %aside.display(), %error,
                    "the ledger is damaged: it was set aside, and nothing intrusive runs for a day"
                );
                Ok(Entries { lost_at: Some(at), ..Entries::new() })
            }
            read => read,
        }
    }

    pub(super) fn write(&self, entries: &Entries) -> io::Result<()> {
        durable::write(&self.0, entries)
    }
}
