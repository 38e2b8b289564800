//! What a run does to its target, and what it may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a request, a run or a check does to its target.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// What any visitor does.
    #[default]
    Passive,
    /// Odd but harmless.
    Active,
    /// Exhausts a limit, delivers a signed event, signs in.
    Intrusive,
}

impl Impact {
    /// The word that stands for it in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passive => "passive",
            Self::Active => "active",
            Self::Intrusive => "intrusive",
        }
    }
}

impl std::fmt::Display for Impact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
