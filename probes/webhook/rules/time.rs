//! Deliveries that were genuine at another time.

use jiff::Timestamp;

use super::{Now, REFUSAL, accepted, untried};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::webhook::Webhook;
use crate::webhook::case::Case;
use crate::webhook::evidence::Reply;
use crate::webhook::scheme::Time;

pub(super) const STALE: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.stale-accepted",
        severity: Severity::High,
        title: "deliveries that were signed long ago are accepted",
        why: "A delivery that leaked once, in a log or at a proxy, can be sent again at any time.",
        fix: "Refuse deliveries whose signed time is more than five minutes away.",
        references: &["Standard Webhooks, Webhook timestamp", "Stripe, Preventing replay attacks"],
    },
    check: |webhook, seen, _| {
        // Where the sender's own library does not look at the time, many receivers do not either.
        let unchecked = webhook.scheme.nature().time == Time::Unchecked;
        let grade = |_| unchecked.then_some(Severity::Low);
        accepted(webhook, seen.now, &[Case::Stale], grade, REFUSAL, None)
    },
};

pub(super) const FUTURE: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.future-accepted",
        severity: Severity::Info,
        title: "deliveries from the future are accepted",
        why: "A delivery that carries a later time can be sent again until then.",
        fix: "Refuse deliveries whose signed time is more than five minutes away in either direction.",
        references: &["Standard Webhooks, Webhook timestamp"],
    },
    check: |webhook, seen, _| {
        // The libraries of many senders accept them: no fault of the receiver.
        let both = matches!(webhook.scheme.nature().time, Time::Both(_));
        let grade = |_| both.then_some(Severity::Low);
        accepted(webhook, seen.now, &[Case::Future], grade, REFUSAL, None)
    },
};

pub(super) const REPLAY: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.replay-accepted",
        severity: Severity::Medium,
        title: "a delivery that is repeated has its effect again",
        why: "Senders deliver twice now and then, and whoever can repeat a delivery repeats what it does.",
        fix: "Remember the ids of deliveries, and answer 2xx to a known one without doing anything.",
        references: &["Standard Webhooks, Idempotency", "Stripe, Handle duplicate events"],
    },
    check: replay,
};

fn replay(webhook: &Webhook, seen: &Now<'_>, _: Timestamp) -> Looked {
    let oracle = webhook.oracle(seen.now);
    let (Some(first), Some(again)) = (oracle.reply(Case::Control), oracle.reply(Case::Replay))
    else {
        return Looked::untested(untried(webhook, seen.now, &[Case::Replay]));
    };
    if !again.is_answer() || again.is_failing() {
        return Looked::untested(format!("the second was answered {}", again.words()));
    }
    if !again.is_ok() || !again.is_like(first) {
        // It is refused, or answered otherwise than before: the receiver knows it again.
        return Looked::silent();
    }
    match second_effect(first, again) {
        Some((words, severity)) => {
            Looked::fired(Saw::new(words, "the answer of the first time").graded(severity))
        }
        None => Looked::untested(
            "both were answered alike, and HTTP alone does not show whether the second had an effect",
        ),
    }
}

/// What in two answers of one kind shows that something was done twice.
fn second_effect(first: &Reply, again: &Reply) -> Option<(String, Severity)> {
    first.values.iter().find_map(|(key, before)| {
        let (_, after) = again.values.iter().find(|(other, _)| other == key)?;
        let name = key.to_ascii_lowercase();
        if before == after || is_passing(key) {
            return None;
        }
        let words = format!("`{key}` was {before}, and {after} when it was repeated");
        match (before.parse::<i64>(), after.parse::<i64>()) {
            // A number that counts on counts what was done.
            (Ok(before), Ok(after)) if Some(after) == before.checked_add(1) => {
                Some((words, Severity::High))
            }
            _ if name.len() > 2 && name.ends_with("id") => Some((words, Severity::Medium)),
            _ => None,
        }
    })
}

/// Whether a value is of the answer and not of what was done: ids of requests, times, durations.
fn is_passing(key: &str) -> bool {
    const WITHIN: [&str; 12] = [
        "request",
        "trace",
        "span",
        "correlation",
        "log",
        "run",
        "time",
        "duration",
        "elapsed",
        "latency",
        "took",
        "milli",
    ];
    let name = key.to_ascii_lowercase();
    let is_time = |unit: &&str| {
        let before = name.strip_suffix(*unit);
        // `elapsed_ms` and `elapsedMs`, and no `items`.
        before.is_some_and(|before| {
            before.is_empty() || before.ends_with('_') || !key.ends_with(*unit)
        })
    };
    WITHIN.iter().any(|word| name.contains(word))
        || ["ms", "us", "ns", "ts", "at", "now", "epoch"].iter().any(is_time)
}
