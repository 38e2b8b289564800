//! How bad a finding is, and what that makes of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a finding is. `critical` and `high` make a run `fail`, `medium` and `low` make it
/// `warn`, `info` leaves it `pass`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing, nothing to do.
    Info,
    /// A blemish, or something that could not be proven.
    Low,
    /// Should be mended in working hours.
    Medium,
    /// A promise of production is broken.
    High,
    /// Users are hit now, or anybody can get in.
    Critical,
}

impl Severity {
    /// Every severity, the worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// The word that stands for it in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one run says of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was looked at is as promised.
    Pass,
    /// Something should be mended, nothing is broken.
    Warn,
    /// A promise is broken.
    Fail,
    /// musterd could not look.
    Unknown,
}

impl Verdict {
    /// Every verdict, in the order in which they are counted and shown.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Warn, Self::Fail, Self::Unknown];

    /// The word that stands for it in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }

    /// The verdict that findings of these severities make.
    pub fn of(severities: impl IntoIterator<Item = Severity>) -> Self {
        match severities.into_iter().max() {
            Some(Severity::Critical | Severity::High) => Self::Fail,
            Some(Severity::Medium | Severity::Low) => Self::Warn,
            Some(Severity::Info) | None => Self::Pass,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_severity_makes_the_verdict() {
        use Severity::{Critical, High, Info, Low, Medium};
        for (severities, verdict) in [
            (vec![], Verdict::Pass),
            (vec![Info], Verdict::Pass),
            (vec![Info, Low], Verdict::Warn),
            (vec![Medium], Verdict::Warn),
            (vec![Low, High, Info], Verdict::Fail),
            (vec![Critical, Low], Verdict::Fail),
        ] {
            assert_eq!(Verdict::of(severities.clone()), verdict, "{severities:?}");
        }
    }
}
