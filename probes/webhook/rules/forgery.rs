//! Forged deliveries that are accepted.

use jiff::Timestamp;

use super::{Now, REFUSAL, accepted, untried};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::webhook::Webhook;
use crate::webhook::case::{Case, WEAK};
use crate::webhook::diagnosis;
use crate::webhook::oracle::obstacle;
use crate::webhook::scheme::Handshake;

pub(super) const UNSIGNED_CASES: &[Case] = &[Case::Missing, Case::Empty];
pub(super) const FORGED_CASES: &[Case] = &[Case::WrongKey];
pub(super) const TRUNCATED_CASES: &[Case] = &[Case::BarePrefix, Case::Truncated];
pub(super) const TAMPERED_CASES: &[Case] =
    &[Case::TamperedBody, Case::TamperedTime, Case::TamperedId, Case::TamperedUrl];

const MADE_UP: &str = "Whoever knows the address can make up payments, messages or commands, and the service acts on them.";

fn forged(webhook: &Webhook, seen: &Now<'_>, cases: &[Case]) -> Looked {
    let why = diagnosis::of_forgery(&webhook.oracle(seen.now));
    accepted(webhook, seen.now, cases, |_| None, REFUSAL, why.as_deref())
}

pub(super) const UNSIGNED: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.unsigned-accepted",
        severity: Severity::Critical,
        title: "deliveries without a signature are accepted",
        why: MADE_UP,
        fix: "Refuse with 400 or 401 whatever has no valid signature, before anything is done with it, and refuse to start without the secret.",
        references: &["Standard Webhooks, Verifying webhook authenticity", "OWASP ASVS 5.0 V4.1"],
    },
    check: |webhook, seen, _| forged(webhook, seen, UNSIGNED_CASES),
};

pub(super) const FORGED: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.forgery-accepted",
        severity: Severity::Critical,
        title: "deliveries signed with any key are accepted",
        why: MADE_UP,
        fix: "Compute the expected signature from the raw body with the secret, and compare the two in constant time.",
        references: &["Standard Webhooks, Verifying webhook authenticity"],
    },
    check: |webhook, seen, _| forged(webhook, seen, FORGED_CASES),
};

pub(super) const WEAK_KEY: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.weak-key-accepted",
        severity: Severity::Critical,
        title: "deliveries signed with a placeholder instead of the secret are accepted",
        why: MADE_UP,
        fix: "Set the secret in the environment of the service, and refuse to start while it is empty.",
        references: &["CWE-1391: Use of Weak Credentials", "RFC 2104 section 3"],
    },
    check: |webhook, seen, _| {
        if webhook.oracle(seen.now).accepted(Case::WrongKey) {
            return Looked::untested("a signature made with any key is accepted");
        }
        forged(webhook, seen, &WEAK)
    },
};

pub(super) const TRUNCATED: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.truncated-accepted",
        severity: Severity::Critical,
        title: "the beginning of a signature is enough",
        why: "A signature can be guessed character by character, or left out altogether.",
        fix: "Compare whole signatures, of equal length and in constant time.",
        references: &["CWE-187: Partial String Comparison"],
    },
    check: |webhook, seen, _| forged(webhook, seen, TRUNCATED_CASES),
};

pub(super) const TAMPERED: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.tampered-accepted",
        severity: Severity::Critical,
        title: "deliveries that were changed after they were signed are accepted",
        why: "Whoever sees one genuine delivery can write another of it.",
        fix: "Verify the signature over all that the scheme covers, exactly as it arrived.",
        references: &["RFC 2104", "Standard Webhooks, Signature scheme"],
    },
    check: |webhook, seen, _| {
        let grade = |case| match case {
            Case::TamperedTime | Case::TamperedId => Some(Severity::High),
            Case::TamperedUrl => Some(Severity::Medium),
            _ => None,
        };
        let why = diagnosis::of_forgery(&webhook.oracle(seen.now));
        accepted(webhook, seen.now, TAMPERED_CASES, grade, REFUSAL, why.as_deref())
    },
};

pub(super) const DOWNGRADE: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.downgrade-accepted",
        severity: Severity::High,
        title: "signatures of a weaker form are accepted",
        why: "The weaker form becomes what everybody has to break, whatever the sender uses today.",
        fix: "Accept the one form that the sender uses now, and ignore all others.",
        references: &["RFC 6151", "Stripe, Verify webhook signatures: scheme v0"],
    },
    check: |webhook, seen, _| {
        let cases = &[Case::OtherHash, Case::Downgraded];
        accepted(webhook, seen.now, cases, |_| None, REFUSAL, None)
    },
};

pub(super) const HANDSHAKE: Rule<Webhook> = Rule {
    about: About {
        id: "webhook.handshake-open",
        severity: Severity::Critical,
        title: "the handshake that sets the endpoint up answers anybody",
        why: "Zoom's handshake signs what it is given with the key of deliveries, so that anybody may have any text signed; Meta's lets others claim the endpoint.",
        fix: "Verify the signature before a handshake too, and repeat a challenge only for the right token.",
        references: &[
            "Zoom, Validate your webhook endpoint",
            "Meta, Webhooks: verification requests",
        ],
    },
    check: handshake,
};

fn handshake(webhook: &Webhook, seen: &Now<'_>, _: Timestamp) -> Looked {
    let oracle = webhook.oracle(seen.now);
    let Some(reply) = oracle.reply(Case::Handshake) else {
        return Looked::untested(untried(webhook, seen.now, &[Case::Handshake]));
    };
    if let Some(why) = obstacle(reply) {
        return Looked::untested(why);
    }
    let kind = webhook.scheme.nature().handshake;
    let gives_away = reply.gives_away && reply.is_ok();
    let saw = gives_away.then(|| match kind {
        Some(Handshake::Meta) => Saw::new(
            "a challenge was repeated for a wrong `hub.verify_token`",
            "403 for a wrong token",
        )
        .graded(Severity::High),
        _ => Saw::new(
            "an unsigned `endpoint.url_validation` was answered with an `encryptedToken`",
            REFUSAL,
        ),
    });
    saw.into()
}
