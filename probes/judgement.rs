//! What judging one run's evidence says: findings, and which rules could look.

use crate::rule::{About, Tested};
use crate::severity::{Severity, Verdict};

/// A rule that fired on a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub about: &'static About,
    /// What it fired on; empty when it is the check itself.
    pub subject: String,
    /// How bad it is, before a service's own severities.
    pub severity: Severity,
    /// What was there.
    pub saw: String,
    /// What should have been there.
    pub wanted: String,
}

/// Findings of one run, and what every rule was able to look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// What fired, in the order of the rules.
    pub findings: Vec<Finding>,
    /// How far each rule could look, in the order of the rules.
    pub tested: Vec<(&'static About, Tested)>,
}

impl Judgement {
    /// The rules that could not look, with the reason.
    pub fn untested(&self) -> impl Iterator<Item = (&'static About, &str)> {
        self.tested.iter().filter_map(|(about, tested)| match tested {
            Tested::No(why) => Some((*about, why.as_str())),
            Tested::All | Tested::Only(_) => None,
        })
    }

    /// Whether any rule looked at anything. A run whose rules all looked away proves nothing.
    pub fn looked(&self) -> bool {
        self.tested.iter().any(|(_, tested)| !matches!(tested, Tested::No(_)))
    }

    /// The verdict before waivers and a service's own severities. Without a rule that looked it
    /// is `unknown`: never green without proof.
    pub fn verdict(&self) -> Verdict {
        if self.findings.is_empty() && !self.looked() {
            return Verdict::Unknown;
        }
        Verdict::of(self.findings.iter().map(|finding| finding.severity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About = About {
        id: "test.rule",
        severity: Severity::High,
        title: "",
        why: "",
        fix: "",
        references: &[],
    };

    #[test]
    fn a_run_whose_rules_all_looked_away_is_unknown_and_not_green() {
        let mut judgement = Judgement::default();
        assert_eq!(judgement.verdict(), Verdict::Unknown);
        judgement.tested.push((&ABOUT, Tested::No("no answer".to_owned())));
        assert_eq!(judgement.verdict(), Verdict::Unknown);
        judgement.tested.push((&ABOUT, Tested::All));
        assert_eq!(judgement.verdict(), Verdict::Pass);
    }
}
