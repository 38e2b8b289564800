//! The damped verdict of a check, and the worst of several.

use musterd_probes::severity::Verdict;
use serde::{Deserialize, Serialize};

/// How a check, a service or the estate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Pass,
    /// Not known yet.
    Pending,
    Warn,
    /// musterd cannot look.
    Unknown,
    Fail,
}

impl Status {
    /// Every status, in the order in which they are counted and shown.
    pub(crate) const ALL: [Self; 5] =
        [Self::Pass, Self::Warn, Self::Fail, Self::Unknown, Self::Pending];

    /// The word that stands for it in every output.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Pending => "pending",
        }
    }

    const fn badness(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Pending => 1,
            Self::Warn => 2,
            Self::Unknown => 3,
            Self::Fail => 4,
        }
    }

    /// The worst of several: fail, unknown, warn, pending, pass. Nothing at all is pending.
    pub(crate) fn worst(statuses: impl IntoIterator<Item = Self>) -> Self {
        statuses.into_iter().max_by_key(|status| status.badness()).unwrap_or(Self::Pending)
    }
}

impl From<Verdict> for Status {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Warn => Self::Warn,
            Verdict::Fail => Self::Fail,
            Verdict::Unknown => Self::Unknown,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Status::{self, Fail, Pass, Pending, Unknown, Warn};

    #[test]
    fn the_worst_is_fail_then_unknown_then_warn_then_pending_then_pass() {
        let order = [Pass, Pending, Warn, Unknown, Fail];
        for (index, worse) in order.iter().enumerate() {
            for better in &order[..=index] {
                assert_eq!(Status::worst([*better, *worse]), *worse);
                assert_eq!(Status::worst([*worse, *better]), *worse);
            }
        }
        assert_eq!(Status::worst([]), Pending);
    }
}
