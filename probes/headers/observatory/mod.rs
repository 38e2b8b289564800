//! The score and grade of MDN's HTTP Observatory, algorithm 6, over recorded answers.
//!
//! Its readings are its own, also where browsers read otherwise: rules tell what is true, the
//! score tells what Observatory would say. A preload list is given by whoever has one.

mod cookies;
mod csp;
mod facts;
mod isolation;
mod policy;
mod scripts;
mod simple;
#[cfg(test)]
mod tests;
mod transport;

pub(super) use transport::Preload;

use super::evidence::Evidence;
use facts::Facts;

/// What each test said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    results: Vec<Outcome>,
}

/// What one test said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    /// Observatory's name of the result.
    result: &'static str,
    /// What it adds to the score.
    modifier: i32,
}

const fn outcome(result: &'static str, modifier: i32) -> Outcome {
    Outcome { result, modifier }
}

/// Bonuses count from this score on, before them.
const BONUS_FROM: i32 = 90;

/// Judges what was recorded; `None` where Observatory gives no grade either.
pub(super) fn scan(evidence: &Evidence, preload: &Preload) -> Option<Scan> {
    let facts = Facts::of(evidence)?;
    let policy = csp::judge(&facts);
    let results = vec![
        policy.outcome,
        cookies::judge(&facts, preload),
        // Its test of CORS cannot fail in a live scan.
        outcome("cross-origin-resource-sharing-not-implemented", 0),
        transport::redirection(&facts, preload),
        simple::referrer_policy(&facts),
        transport::hsts(&facts, preload),
        scripts::judge(&facts),
        simple::content_type_options(&facts),
        simple::frame_options(&facts, policy.has_frame_ancestors),
        isolation::resource_policy(&facts),
        isolation::embedder_policy(&facts),
        isolation::opener_policy(&facts),
    ];
    Some(Scan { results })
}

impl Scan {
    /// 0 and more; 100 and more is an A+.
    pub(super) fn score(&self) -> i32 {
        let sum = |wanted: fn(i32) -> bool| -> i32 {
            self.results.iter().map(|result| result.modifier).filter(|m| wanted(*m)).sum()
        };
        let uncurved = 100 + sum(|modifier| modifier < 0);
        let bonuses = if uncurved >= BONUS_FROM { sum(|modifier| modifier > 0) } else { 0 };
        (uncurved + bonuses).max(0)
    }

    /// What each test adds, in their order.
    #[cfg(test)]
    pub(super) fn modifiers(&self) -> Vec<i32> {
        self.results.iter().map(|result| result.modifier).collect()
    }

    /// From `A+` to `F`.
    pub(super) fn grade(&self) -> &'static str {
        match self.score() {
            100.. => "A+",
            90.. => "A",
            85.. => "A-",
            80.. => "B+",
            70.. => "B",
            65.. => "B-",
            60.. => "C+",
            50.. => "C",
            45.. => "C-",
            40.. => "D+",
            30.. => "D",
            25.. => "D-",
            _ => "F",
        }
    }
}
