//! Genuine deliveries that get lost, and refusals that are none.

use jiff::Timestamp;

use super::{Now, accepted, unsigned, untried};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::webhook::Webhook;
use crate::webhook::case::Case;
use crate::webhook::diagnosis;
use crate::webhook::evidence::{Evidence, Reply};
use crate::webhook::oracle::{Control, Outcome};

pub(super) const GENUINE_REFUSED: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.genuine-refused",
        severity: Severity::High,
        title: "genuine deliveries are refused",
        why: "Payments, messages or commits happen elsewhere, and the service never learns of them.",
        fix: "Verify the raw body before anything parses it, with the secret that the sender's dashboard shows, over the public URL where the scheme signs it.",
        references: &["Stripe, Resolve webhook signature verification errors"],
    },
    check: genuine_refused,
};

fn genuine_refused(webhook: &Webhook, seen: &Now<'_>, _: Timestamp) -> Looked {
    let oracle = webhook.oracle(seen.now);
    if let Some(why) = absence(webhook, seen.now) {
        return Looked::untested(why);
    }
    match oracle.control() {
        Control::Accepted => Looked::silent(),
        Control::Refused(answer) => {
            let mut words = format!("a genuine delivery was answered {answer}");
            if let Some(why) = diagnosis::of_refusal(&oracle) {
                words = format!("{words}; {why}");
            }
            Looked::fired(Saw::new(words, "2xx"))
        }
        Control::Unsettled(why) | Control::Changed(why) => Looked::untested(why),
        Control::NotSent => {
            let why = unsigned(seen.now.signing).map(str::to_owned);
            Looked::untested(why.unwrap_or_else(|| untried(webhook, seen.now, &[Case::Control])))
        }
    }
}

pub(super) const RESERIALISED: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.reserialised-accepted",
        severity: Severity::Medium,
        title: "the signature is verified over a body that was written anew",
        why: "A library writes numbers, escapes and spaces in its own way, so some genuine deliveries are refused and some changed ones accepted.",
        fix: "Keep the body as it arrived (express.raw, request.text()), and verify that.",
        references: &["Stripe, Resolve webhook signature verification errors"],
    },
    check: |webhook, seen, _| {
        let wanted = "a signature over the body as it was sent";
        accepted(webhook, seen.now, &[Case::Rewritten], |_| None, wanted, None)
    },
};

pub(super) const ERROR: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.error-on-forgery",
        severity: Severity::Medium,
        title: "a forged delivery makes the service fail instead of refuse",
        why: "Anybody can raise its error rate, senders repeat what failed, and the answer may show its insides.",
        fix: "Catch what verification throws, and answer 400 or 401 without details.",
        references: &["RFC 9110 section 15.5", "CWE-248: Uncaught Exception"],
    },
    check: error,
};

fn error(webhook: &Webhook, seen: &Now<'_>, _: Timestamp) -> Looked {
    let oracle = webhook.oracle(seen.now);
    if let Control::Refused(_) = oracle.control()
        && oracle.reply(Case::Control).is_some_and(|reply| reply.has(5))
    {
        return Looked::untested("genuine deliveries fail too");
    }
    let cases = seen.now.trials.iter().map(|trial| trial.case);
    let mut settled = false;
    for case in cases.filter(|case| case.is_forgery()) {
        match oracle.outcome(case) {
            Some(Outcome::Failed(words)) => {
                let saw = format!("{} was {words}", case.words());
                return Looked::fired(Saw::new(saw, super::REFUSAL));
            }
            Some(Outcome::Refused | Outcome::Accepted(_)) => settled = true,
            _ => {}
        }
    }
    if settled {
        Looked::silent()
    } else {
        Looked::untested(untried(webhook, seen.now, &[Case::Missing, Case::WrongKey]))
    }
}

pub(super) const PATH_MISSING: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.path-missing",
        severity: Severity::High,
        title: "nothing takes deliveries at the path",
        why: "Whatever the sender delivers there is lost.",
        fix: "Correct `path`, or deploy the handler.",
        references: &["RFC 9110 section 15.5.5"],
    },
    check: path_missing,
};

fn path_missing(webhook: &Webhook, seen: &Now<'_>, _: Timestamp) -> Looked {
    let Some(answer) = first_answer(seen.now) else {
        return Looked::untested(untried(webhook, seen.now, &[Case::Missing]));
    };
    if answer.firewall.is_some() || answer.cached {
        return Looked::untested(format!("something else answered: {}", answer.words()));
    }
    match absence(webhook, seen.now) {
        Some(words) => Looked::fired(Saw::new(words, "a handler")),
        None => Looked::silent(),
    }
}

/// The first answer of the endpoint itself.
fn first_answer(seen: &Evidence) -> Option<&Reply> {
    let own = seen.trials.iter().filter(|t| !matches!(t.case, Case::Sibling | Case::Handshake));
    own.map(|trial| &trial.reply).find(|reply| reply.is_answer())
}

/// The answers that show that nothing is there.
pub(super) fn absence(webhook: &Webhook, seen: &Evidence) -> Option<String> {
    let oracle = webhook.oracle(seen);
    let answer = first_answer(seen)?;
    let is_nothing = |reply: &Reply| match reply.status {
        // A handler may well answer so of its own accord, and then otherwise than where none is.
        Some(404 | 410) => oracle.is_as_beside(reply),
        Some(405) => true,
        _ => false,
    };
    // One that hides from what is unsigned shows itself by another answer.
    let delivered =
        seen.trials.iter().filter(|t| !matches!(t.case, Case::Sibling | Case::Handshake));
    let nothing = delivered.map(|t| &t.reply).filter(|reply| reply.is_answer()).all(is_nothing);
    if !nothing || answer.firewall.is_some() || oracle.control() == Control::Accepted {
        return None;
    }
    let beside = oracle.is_as_beside(answer);
    let as_beside = if beside { ", as at a path that does not exist" } else { "" };
    Some(format!("{} was answered {}{as_beside}", seen_case(seen), answer.words()))
}

fn seen_case(seen: &Evidence) -> String {
    let own = seen.trials.iter().find(|t| t.case != Case::Sibling && t.reply.is_answer());
    own.map(|trial| trial.case.words()).unwrap_or_default()
}
