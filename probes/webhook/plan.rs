//! Which request comes next, after what was seen so far. Pure.

use super::case::Case;
use super::evidence::{Reply, Trial};
use super::oracle::{Control, Oracle, Outcome};

/// An endpoint that took a forgery gets at most so many requests more.
const AFTER_A_FORGERY: usize = 4;

/// After so many answers in a row that did not come, a run ends.
const SILENCES: usize = 3;

/// What a run may do.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// What it means to try, in order.
    pub(super) cases: Vec<Case>,
    /// Whether it may send genuine deliveries.
    pub(super) signs: bool,
    /// The case of a finding that is open, and whether it may be sent.
    pub(super) refuting: Option<(Case, bool)>,
    /// The genuine deliveries of another kind that may explain a refusal.
    pub(super) explaining: Vec<Case>,
    /// How many requests it may send.
    pub(super) most: usize,
    /// Whether it ends with one more genuine delivery.
    pub(super) ends_with_control: bool,
    /// Clocks that are this far apart, in seconds, may be why a genuine delivery is refused.
    pub(super) clocks_apart: i64,
    pub(super) unhandled: &'static [u16],
    /// How a genuine delivery was answered in an earlier run.
    pub(super) genuine: Option<Reply>,
}

impl Plan {
    /// The next request; `None` when the run is over.
    pub(super) fn next(&self, trials: &[Trial]) -> Option<Case> {
        if trials.len() >= self.most || is_unwelcome(trials) {
            return None;
        }
        let oracle = Oracle::new(trials, self.unhandled).knowing(self.genuine.as_ref());
        let sent = |case: Case| trials.iter().filter(|trial| trial.case == case).count();
        if let Some((case, may)) = self.refuting {
            if trials.is_empty() {
                return Some(if may { case } else { Case::Sibling });
            }
            let outcome = oracle.outcome(case);
            let is_refused = outcome.as_ref().is_some_and(Outcome::is_refusal);
            let is_accepted = matches!(outcome, Some(Outcome::Accepted(_)));
            if !may || is_accepted {
                return None;
            }
            // An answer of 5xx, one like that of no path, or a refusal with 200 means something
            // beside others only.
            if !is_refused && sent(Case::Sibling) > 0 {
                let unlike = self.signs && oracle.control() == Control::NotSent;
                return (unlike && !self.has_changed(&oracle)).then_some(Case::Control);
            }
        }
        if sent(Case::Sibling) == 0 {
            return Some(Case::Sibling);
        }
        if let Some(first) = Self::first_forgery(trials, &oracle) {
            if trials.len() - first > AFTER_A_FORGERY {
                return None;
            }
            return self.diagnosis(trials[first].case, &oracle, &sent);
        }
        if self.has_changed(&oracle) {
            return None;
        }
        if let Some(next) = self.after_a_failure(trials, &sent) {
            return next;
        }
        self.regular(&oracle, &sent)
    }

    /// Where the first grave forgery was taken.
    fn first_forgery(trials: &[Trial], oracle: &Oracle<'_>) -> Option<usize> {
        trials.iter().position(|trial| trial.case.is_grave() && oracle.accepted(trial.case))
    }

    /// After a forgery: the same once more, a genuine one, and what else tells why.
    fn diagnosis(
        &self,
        taken: Case,
        oracle: &Oracle<'_>,
        sent: &impl Fn(Case) -> usize,
    ) -> Option<Case> {
        if sent(taken) < 2 {
            return Some(taken);
        }
        if self.signs && oracle.control() == Control::NotSent {
            return Some(Case::Control);
        }
        [Case::WrongKey, Case::Empty, Case::EmptyKey]
            .into_iter()
            .find(|case| self.cases.contains(case) && sent(*case) == 0)
    }

    /// Whether the target changed its mind within the run.
    fn has_changed(&self, oracle: &Oracle<'_>) -> bool {
        let changed = |case: &Case| matches!(oracle.outcome(*case), Some(Outcome::Changed(_)));
        self.cases.iter().any(changed) || matches!(oracle.control(), Control::Changed(_))
    }

    /// After an odd request that failed, one plain request shows whether the target still works.
    #[expect(clippy::option_option, reason = "whether it speaks, and what it says")]
    fn after_a_failure(
        &self,
        trials: &[Trial],
        sent: &impl Fn(Case) -> usize,
    ) -> Option<Option<Case>> {
        let plain = |trial: &Trial| matches!(trial.case, Case::Sibling | Case::Control);
        let [.., last] = trials else { return None };
        let worked =
            trials.iter().find(|trial| plain(trial)).is_some_and(|t| !t.reply.is_failing());
        if !worked {
            return None;
        }
        if plain(last) {
            let odd = trials.iter().rev().nth(1).is_some_and(|before| {
                !before.case.is_control()
                    && before.case != Case::Sibling
                    && before.reply.is_failing()
            });
            // A genuine delivery may fail for reasons of its own; nothing at all may not.
            let gone = odd && last.reply.is_failing() && last.case == Case::Sibling;
            return gone.then_some(None);
        }
        if !last.reply.is_failing() {
            return None;
        }
        // Once for each status is enough.
        let known = trials
            .iter()
            .zip(trials.iter().skip(1))
            .any(|(before, after)| before.reply.status == last.reply.status && plain(after));
        if known {
            return None;
        }
        let genuine = self.signs && sent(Case::Control) == 0;
        Some(Some(if genuine { Case::Control } else { Case::Sibling }))
    }

    fn regular(&self, oracle: &Oracle<'_>, sent: &impl Fn(Case) -> usize) -> Option<Case> {
        let first = self.cases.first().filter(|case| sent(**case) == 0);
        if let Some(first) = first {
            return Some(*first);
        }
        if self.signs && sent(Case::Control) == 0 {
            return Some(Case::Control);
        }
        let control = oracle.control();
        let refused = self.signs && control != Control::Accepted;
        // A forged one may show whether an answer of 2xx was a refusal.
        let is_doubtful = matches!(control, Control::Unsettled(_))
            && oracle.reply(Case::Control).is_some_and(Reply::is_ok);
        let compared = self.cases.contains(&Case::WrongKey) && sent(Case::WrongKey) == 0;
        if is_doubtful && compared {
            return Some(Case::WrongKey);
        }
        if refused && let Some(next) = self.explanation(oracle, sent) {
            return Some(next);
        }
        let again = |case: &Case| {
            // What a gateway says while a service starts anew says nothing of a forgery.
            let was_away = oracle.reply(*case).is_some_and(|r| matches!(r.status, Some(502..=504)));
            case.is_forgery() && sent(*case) == 1 && (oracle.accepted(*case) || was_away)
        };
        if let Some(again) = self.cases.iter().copied().find(again) {
            return Some(again);
        }
        let rest = self.cases.iter().copied().find(|case| {
            // A genuine signature that is refused as it is says nothing with a fault in it.
            let pointless = refused && case.is_signed() && *case != Case::Rewritten;
            sent(*case) == 0 && !pointless
        });
        rest.or_else(|| {
            let again = self.ends_with_control && !refused && sent(Case::Control) == 1;
            again.then_some(Case::Control)
        })
    }

    /// Why a genuine delivery was refused: once more, or at the target's own time, then otherwise.
    fn explanation(&self, oracle: &Oracle<'_>, sent: &impl Fn(Case) -> usize) -> Option<Case> {
        let apart = oracle.clock_ahead().is_some_and(|ahead| ahead.abs() >= self.clocks_apart);
        let timed = apart && self.explaining.contains(&Case::ControlTheirTime);
        if timed && sent(Case::ControlTheirTime) == 0 {
            return Some(Case::ControlTheirTime);
        }
        if !timed && sent(Case::Control) < 2 {
            return Some(Case::Control);
        }
        self.explaining
            .iter()
            .copied()
            .find(|case| sent(*case) == 0 && *case != Case::ControlTheirTime)
    }
}

/// Whether the target asked for silence, or does not answer any more.
fn is_unwelcome(trials: &[Trial]) -> bool {
    let silent = trials.iter().rev().take_while(|trial| !trial.reply.is_answer()).count();
    let limited = trials.last().is_some_and(|trial| trial.reply.status == Some(429));
    // A target that was never there is not waited for thrice.
    limited || silent >= SILENCES || (silent == trials.len() && silent >= 2)
}
