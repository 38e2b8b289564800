//! How many messages were sent, in the daemon's own metric families.

use std::collections::BTreeSet;

use prometheus::{IntCounterVec, Opts, Registry};

/// Messages by receiver and outcome.
#[derive(Debug, Clone)]
pub(crate) struct Meters(IntCounterVec);

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It arrived.
    Sent,
    /// It was refused for good, or its receiver was not reached for too long.
    Failed,
    /// It made room for others, or the daemon stopped before its turn.
    Dropped,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Sent, Self::Failed, Self::Dropped];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl Meters {
    /// The family, in no registry.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let opts = Opts::new(
            "musterd_notifications_total",
            "Messages to receivers: sent, failed for good, or dropped for want of room or time",
        );
        IntCounterVec::new(opts, &["notifier", "outcome"]).map(Self)
    }

    /// Shows the family in a registry.
    pub(crate) fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(self.0.clone()))
    }

    /// Every series of a receiver, from 0.
    pub(super) fn start(&self, notifier: &str) {
        for outcome in Outcome::ALL {
            self.count(notifier, outcome, 0);
        }
    }

    pub(super) fn count(&self, notifier: &str, outcome: Outcome, messages: u64) {
        self.0.with_label_values(&[notifier, outcome.as_str()]).inc_by(messages);
    }

    /// Receivers that are gone have no series any more.
    pub(super) fn forget(&self, gone: &BTreeSet<String>) {
        for notifier in gone {
            for outcome in Outcome::ALL {
                // One that was never started has no such series.
                let _absent = self.0.remove_label_values(&[notifier, outcome.as_str()]);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn counts(&self, notifier: &str) -> [u64; 3] {
        Outcome::ALL.map(|outcome| self.0.with_label_values(&[notifier, outcome.as_str()]).get())
    }
}
