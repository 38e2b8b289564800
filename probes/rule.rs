//! One thing that evidence is judged by: its description and its function side by side.

use jiff::Timestamp;
use serde::Serialize;

use crate::contract::{Kind, Seen};
use crate::severity::Severity;

/// What a rule is about: everything that a reader of a finding is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct About {
    /// `probe.topic-problem`, public and frozen.
    pub id: &'static str,
    /// How bad it is unless the rule grades the case.
    pub severity: Severity,
    /// What is wrong, as a headline.
    pub title: &'static str,
    /// What it does to users or operators.
    pub why: &'static str,
    /// What to change.
    pub fix: &'static str,
    /// Where the rule comes from.
    pub references: &'static [&'static str],
}

/// A description and the function that looks for it.
pub struct Rule<K: Kind> {
    /// What the rule is about.
    pub about: About,
    /// Looks at evidence; pure.
    pub check: fn(&K, &Seen<'_, K>, Timestamp) -> Looked,
}

/// What a rule found, and how far it could look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// What it fired on.
    pub saw: Vec<Saw>,
    /// What it was able to judge.
    pub tested: Tested,
}

/// How far a rule could look. A finding closes only when its rule was tested on its subject and
/// was silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tested {
    /// Everything that it speaks of.
    All,
    /// Only these subjects.
    Only(Vec<String>),
    /// Nothing, for this reason.
    No(String),
}

/// One thing that a rule fired on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saw {
    /// Which cookie, origin, component: stable over runs, and empty when it is the check itself.
    pub subject: String,
    /// What was there.
    pub saw: String,
    /// What should have been there.
    pub wanted: String,
    /// How bad this case is; `None`: as bad as the rule says.
    pub severity: Option<Severity>,
}

impl Saw {
    /// Fires on the check itself.
    pub fn new(saw: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self { subject: String::new(), saw: saw.into(), wanted: wanted.into(), severity: None }
    }

    /// Fires on a part of what was looked at.
    #[must_use]
    pub fn on(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Graded by the case.
    #[must_use]
    pub fn graded(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }
}

impl Looked {
    /// Looked at everything, and nothing is wrong.
    pub fn silent() -> Self {
        Self { saw: Vec::new(), tested: Tested::All }
    }

    /// Looked at everything, and this is wrong.
    pub fn fired(saw: Saw) -> Self {
        Self { saw: vec![saw], tested: Tested::All }
    }

    /// Could not look.
    pub fn untested(why: impl Into<String>) -> Self {
        Self { saw: Vec::new(), tested: Tested::No(why.into()) }
    }
}

impl From<Option<Saw>> for Looked {
    fn from(saw: Option<Saw>) -> Self {
        Self { saw: saw.into_iter().collect(), tested: Tested::All }
    }
}

impl From<Vec<Saw>> for Looked {
    fn from(saw: Vec<Saw>) -> Self {
        Self { saw, tested: Tested::All }
    }
}
