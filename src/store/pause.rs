//! A pause of active work on an origin that refuses us.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A pause of active work on an origin that refuses us. It outlives a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pause {
    /// When the origin began to refuse us.
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    /// How long it was when it last began.
    pub(crate) length: SignedDuration,
    /// The checks that were served before and are refused now.
    pub(crate) refused: BTreeSet<Arc<str>>,
}
