//! How well a service stands, from 0 to 100.

use std::collections::BTreeMap;

use musterd_probes::severity::Severity;

/// What an open finding costs.
const fn cost(severity: Severity) -> u32 {
    match severity {
        Severity::Critical => 40,
        Severity::High => 20,
        Severity::Medium => 8,
        Severity::Low => 3,
        Severity::Info => 0,
    }
}

/// The best score while something critical is open.
const CRITICAL_CEILING: u32 = 49;

/// The score of a service whose open, unwaived findings are these: 100 less the cost of each
/// (check, rule) by its worst subject.
pub(crate) fn of_service<'a>(open: impl IntoIterator<Item = (&'a str, &'a str, Severity)>) -> u32 {
    let mut worst: BTreeMap<(&str, &str), Severity> = BTreeMap::new();
    for (check, rule, severity) in open {
        worst
            .entry((check, rule))
            .and_modify(|present| *present = (*present).max(severity))
            .or_insert(severity);
    }
    let lost: u32 = worst.values().map(|severity| cost(*severity)).sum();
    let score = 100_u32.saturating_sub(lost);
    if worst.values().any(|severity| *severity == Severity::Critical) {
        score.min(CRITICAL_CEILING)
    } else {
        score
    }
}

/// The mean of the services whose score is known, rounded down.
pub(crate) fn of_estate(services: impl IntoIterator<Item = Option<u32>>) -> Option<u32> {
    let known: Vec<u32> = services.into_iter().flatten().collect();
    let count = u32::try_from(known.len()).ok().filter(|count| *count > 0)?;
    Some(known.iter().sum::<u32>() / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Severity::{Critical, High, Info, Low, Medium};

    #[test]
    fn each_rule_of_a_check_costs_once_by_its_worst_subject() {
        for (open, score) in [
            (vec![], 100),
            (vec![("a", "r", Info)], 100),
            (vec![("a", "r", Low), ("a", "r", Medium)], 92),
            (vec![("a", "r", High), ("b", "r", High)], 60),
            (vec![("a", "r", Critical)], 49),
            (vec![("a", "r", Critical), ("a", "s", High)], 40),
            (vec![("a", "1", Critical), ("a", "2", Critical), ("a", "3", Critical)], 0),
        ] {
            assert_eq!(of_service(open.iter().copied()), score, "{open:?}");
        }
    }

    #[test]
    fn the_estate_is_the_mean_of_what_is_known_rounded_down() {
        assert_eq!(of_estate([Some(100), Some(49), None]), Some(74));
        assert_eq!(of_estate([None]), None);
    }
}
