//! What an answer says of a delivery: taken, refused, or nothing that could be relied on. Pure.

use super::case::Case;
use super::evidence::{Reply, Trial};

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken in; the answer in words.
    Accepted(String),
    /// It was refused.
    Refused,
    /// It was refused, by a failure of the target: the answer in words.
    Failed(String),
    /// It cannot be told; why.
    Unsettled(String),
    /// Sent twice, it was answered in two ways.
    Changed(String),
}

/// What became of genuine deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Control {
    /// None was sent.
    NotSent,
    /// They were taken in.
    Accepted,
    /// They were refused; the answer in words.
    Refused(String),
    /// It cannot be told; why.
    Unsettled(String),
    /// Sent twice, they were answered in two ways.
    Changed(String),
}

impl Outcome {
    /// Why it says neither that a delivery was taken nor that it was refused.
    pub(super) fn doubt(&self) -> Option<&str> {
        match self {
            Self::Unsettled(why) | Self::Changed(why) => Some(why),
            Self::Accepted(_) | Self::Refused | Self::Failed(_) => None,
        }
    }

    /// Whether it was refused in one way or the other.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused | Self::Failed(_))
    }
}

/// Everything that a run sent, to be judged as a whole.
#[derive(Clone, Copy)]
pub(super) struct Oracle<'a> {
    trials: &'a [Trial],
    /// By these statuses a library says that a genuine delivery has no handler.
    unhandled: &'a [u16],
    /// How a genuine delivery was answered in an earlier run.
    known: Option<&'a Reply>,
}

impl<'a> Oracle<'a> {
    pub(super) const fn new(trials: &'a [Trial], unhandled: &'a [u16]) -> Self {
        Self { trials, unhandled, known: None }
    }

    /// With how a genuine delivery was answered in an earlier run, for one that sends none.
    pub(super) const fn knowing(self, known: Option<&'a Reply>) -> Self {
        Self { known, ..self }
    }

    fn replies(&self, case: Case) -> impl Iterator<Item = &'a Reply> + use<'a> {
        self.trials.iter().filter(move |trial| trial.case == case).map(|trial| &trial.reply)
    }

    /// The first answer to this case.
    pub(super) fn reply(&self, case: Case) -> Option<&'a Reply> {
        self.replies(case).next()
    }

    /// How the target answers where there is nothing.
    fn sibling(&self) -> Option<&'a Reply> {
        self.replies(Case::Sibling).find(|reply| reply.is_answer())
    }

    /// Whether this is how the target answers where there is nothing.
    pub(super) fn is_as_beside(&self, reply: &Reply) -> bool {
        self.sibling().is_some_and(|sibling| sibling.is_from_same_place(reply))
    }

    /// What became of genuine deliveries.
    pub(super) fn control(&self) -> Control {
        let said: Vec<Control> =
            self.replies(Case::Control).map(|reply| self.control_of(reply)).collect();
        let Some(first) = said.first() else { return Control::NotSent };
        let kind = std::mem::discriminant(first);
        if said.iter().any(|other| std::mem::discriminant(other) != kind) {
            let answers: Vec<String> = self.replies(Case::Control).map(Reply::words).collect();
            return Control::Changed(format!(
                "its answers to genuine deliveries changed: {}",
                answers.join(", then ")
            ));
        }
        let theirs = self.reply(Case::ControlTheirTime);
        match (first, theirs.map(|reply| (reply, self.control_of(reply)))) {
            (Control::Refused(_), Some((reply, Control::Accepted))) => {
                let ahead = self.clock_ahead().or(reply.clock_ahead).unwrap_or_default();
                let (seconds, side) = (ahead.abs(), if ahead < 0 { "behind" } else { "ahead of" });
                Control::Unsettled(format!(
                    "its clock is {seconds} s {side} ours: a delivery of our time was refused and \
                     one of its own time was accepted, so one of the two clocks is wrong"
                ))
            }
            (first, _) => first.clone(),
        }
    }

    fn control_of(&self, reply: &Reply) -> Control {
        // Where other paths do not redirect, it is no wall before the whole service.
        let others_do_not = self.sibling().is_some_and(|sibling| !sibling.has(3));
        if reply.has(3) && others_do_not && reply.firewall.is_none() {
            return Control::Refused(reply.words());
        }
        if let Some(why) = obstacle(reply) {
            return Control::Unsettled(why);
        }
        let beside = self.is_as_beside(reply);
        let missing = self.reply(Case::Missing);
        let as_missing = missing.is_some_and(|missing| missing.status == reply.status);
        // A library that finds no handler has verified the delivery before.
        let unhandled = reply.status.is_some_and(|status| self.unhandled.contains(&status));
        if reply.has(5) && self.sibling().is_some_and(|sibling| sibling.has(5)) {
            return Control::Unsettled(format!("it fails whatever is asked: {}", reply.words()));
        }
        if beside {
            return Control::Unsettled(format!(
                "a genuine delivery is answered as a path that does not exist: {}",
                reply.words()
            ));
        }
        if reply.is_ok() {
            return self.control_answered_well(reply);
        }
        let missing = missing.filter(|missing| missing.has(4));
        if unhandled && missing.is_some() && !as_missing {
            return Control::Accepted;
        }
        match missing.filter(|_| reply.knows_again()) {
            Some(missing) if missing.is_like(reply) => Control::Unsettled(known_before(reply)),
            // So has a receiver that knows it from an earlier run.
            Some(_) => Control::Accepted,
            None => Control::Refused(reply.words()),
        }
    }

    /// A genuine delivery that was answered 2xx, as some receivers answer whatever comes.
    fn control_answered_well(&self, reply: &Reply) -> Control {
        if !reply.declines {
            return Control::Accepted;
        }
        let forged = || [Case::Missing, Case::WrongKey].into_iter().filter_map(|c| self.reply(c));
        if forged().any(|forged| forged.is_like(reply)) {
            return Control::Refused(reply.words());
        }
        if forged().any(|forged| forged.is_ok() && forged.declines) {
            return Control::Unsettled(format!(
                "a genuine delivery is answered {}, which speaks of a refusal as the answer to a \
                 forged one does",
                reply.words()
            ));
        }
        Control::Accepted
    }

    /// How far the target's clock is ahead of ours, in seconds.
    pub(super) fn clock_ahead(&self) -> Option<i64> {
        self.trials.iter().find_map(|trial| trial.reply.clock_ahead)
    }

    /// What became of a case; `None` when it was not sent.
    pub(super) fn outcome(&self, case: Case) -> Option<Outcome> {
        let said: Vec<Outcome> = self
            .trials
            .iter()
            .enumerate()
            .filter(|(_, trial)| trial.case == case)
            .map(|(index, trial)| self.outcome_at(index, &trial.reply))
            .collect();
        let first = said.first()?;
        let kind = std::mem::discriminant(first);
        if said.iter().any(|other| std::mem::discriminant(other) != kind) {
            let answers: Vec<String> = self.replies(case).map(Reply::words).collect();
            return Some(Outcome::Changed(format!(
                "its answers to one delivery changed within the run: {}",
                answers.join(", then ")
            )));
        }
        Some(first.clone())
    }

    /// Whether a case was taken in.
    pub(super) fn accepted(&self, case: Case) -> bool {
        matches!(self.outcome(case), Some(Outcome::Accepted(_)))
    }

    fn outcome_at(&self, index: usize, reply: &Reply) -> Outcome {
        if let Some(why) = obstacle(reply) {
            return Outcome::Unsettled(why);
        }
        // A library that finds no handler answers so to what it has verified, and to nothing else.
        if self.genuine().is_some_and(|genuine| !genuine.is_ok() && genuine.is_like(reply)) {
            return if reply.knows_again() {
                Outcome::Unsettled(known_before(reply))
            } else {
                Outcome::Accepted(format!("answered as a genuine one, {}", reply.words()))
            };
        }
        match reply.status.unwrap_or_default() {
            200..300 => self.taken(reply),
            500.. => self.failed(index, reply),
            _ => {
                if self.is_as_beside(reply) && self.control() != Control::Accepted {
                    return Outcome::Unsettled(format!(
                        "it answers as at a path that does not exist: {}",
                        reply.words()
                    ));
                }
                Outcome::Refused
            }
        }
    }

    /// A delivery that was answered 2xx.
    fn taken(&self, reply: &Reply) -> Outcome {
        if self.is_as_beside(reply) {
            return Outcome::Unsettled(format!(
                "it answers every path alike, whether it exists or not: {}",
                reply.words()
            ));
        }
        let genuine = self.genuine();
        if let Some(genuine) = genuine.filter(|genuine| genuine.is_ok()) {
            if genuine.is_like(reply) {
                let words = format!("answered as a genuine one, {}", reply.words());
                return Outcome::Accepted(words);
            }
            if reply.declines && !genuine.declines && !reply.confirms {
                return Outcome::Refused;
            }
            if reply.declines || !reply.confirms {
                return Outcome::Unsettled(format!(
                    "it answers {}, and to a genuine delivery {}: whether the first was taken in \
                     cannot be told",
                    reply.words(),
                    genuine.words()
                ));
            }
        } else if reply.declines {
            return Outcome::Unsettled(format!(
                "it answers {}, which speaks of a refusal, though 2xx means that a delivery was \
                 taken in",
                reply.words()
            ));
        }
        Outcome::Accepted(format!("answered {}", reply.words()))
    }

    /// How a genuine delivery that is accepted is answered.
    pub(super) fn genuine(&self) -> Option<&'a Reply> {
        match self.control() {
            Control::Accepted => self.reply(Case::Control),
            Control::NotSent => self.known,
            Control::Refused(_) | Control::Unsettled(_) | Control::Changed(_) => None,
        }
    }

    /// A delivery that was answered 5xx: a refusal only where the target is shown to work.
    fn failed(&self, index: usize, reply: &Reply) -> Outcome {
        if self.sibling().is_some_and(|sibling| sibling.has(5)) {
            return Outcome::Unsettled(format!("it fails whatever is asked: {}", reply.words()));
        }
        let shown = |from: usize| {
            let later = self.trials.iter().skip(from + 1);
            later
                .filter(|trial| matches!(trial.case, Case::Control | Case::Sibling))
                .any(|trial| !trial.reply.is_failing())
        };
        let like = |trial: &Trial| trial.reply.status == reply.status && !trial.case.is_control();
        let first = self.trials.iter().position(like).unwrap_or(index);
        if shown(index) || shown(first) {
            return Outcome::Failed(format!("answered {}", reply.words()));
        }
        Outcome::Unsettled(format!(
            "it answered {}, and nothing shows that it still worked after that",
            reply.words()
        ))
    }
}

/// Why a receiver that knows deliveries by their ids does not show whether it verifies them.
fn known_before(reply: &Reply) -> String {
    format!(
        "it knows the delivery by its id, perhaps before it looks at the signature: {}",
        reply.words()
    )
}

/// Why an answer says nothing of the delivery.
pub(super) fn obstacle(reply: &Reply) -> Option<String> {
    if let Some(name) = &reply.firewall {
        return Some(format!("a firewall ({name}) answered: {}", reply.words()));
    }
    if reply.cached {
        return Some(format!("the answer came from a cache: {}", reply.words()));
    }
    match reply.status {
        None => Some(reply.words()),
        Some(300..400) => {
            Some(format!("it redirects, which senders do not follow: {}", reply.words()))
        }
        Some(408) => Some(format!("it gave up waiting: {}", reply.words())),
        Some(429) => Some(format!("it limits how often it may be asked: {}", reply.words())),
        Some(_) => None,
    }
}
