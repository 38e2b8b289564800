//! Why an endpoint answers as it does, in words, from which deliveries it took and which not.

use std::sync::LazyLock;

use regex::Regex;

use super::case::{Case, WEAK};
use super::oracle::{Control, Oracle, Outcome};

/// What libraries say when the body reached them as an object instead of as it was sent.
static PARSED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:must be|as) (?:provided as )?a string or a Buffer|parsed (?:JSON|JavaScript) object")
        .expect("a pattern of our own")
});

/// What libraries and handlers say when nobody gave them a secret.
static UNSET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        // That a token is missing or required says whoever wants one of the caller.
        r"(?i)without first configuring|(?:secret|token|key)\b.{0,30}\b(?:not (?:set|configured|defined)|unset|undefined)|secret\b.{0,30}\b(?:not provided|missing|required)",
    )
    .expect("a pattern of our own")
});

/// Why a forgery is accepted.
pub(super) fn of_forgery(oracle: &Oracle<'_>) -> Option<String> {
    if let Some(why) = weak_key(oracle) {
        return Some(why);
    }
    let accepted = |case| oracle.accepted(case);
    let refused = |case| oracle.outcome(case).as_ref().is_some_and(Outcome::is_refusal);
    let unsigned = accepted(Case::Missing) || accepted(Case::Empty);
    let why = if unsigned && accepted(Case::WrongKey) {
        "nothing seems to be verified: the code is missing, or it is skipped while the secret is unset"
    } else if unsigned && matches!(oracle.control(), Control::Refused(_)) {
        "the secret seems to be unset: what is absent seems to equal it"
    } else if unsigned && refused(Case::WrongKey) && accepted(Case::BarePrefix) {
        "a signature seems to count when the expected one begins with it"
    } else if unsigned && refused(Case::WrongKey) {
        "the signature seems to be verified only where there is one"
    } else if accepted(Case::WrongKey) {
        "that there is a signature seems to be all that is looked at"
    } else if accepted(Case::BarePrefix) || accepted(Case::Truncated) {
        "a signature seems to count when the expected one begins with it"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// A key that stands where nobody set one.
fn weak_key(oracle: &Oracle<'_>) -> Option<String> {
    // Where a signature of any key is taken, that of a weak one tells nothing.
    if oracle.accepted(Case::WrongKey) {
        return None;
    }
    let case = WEAK.into_iter().find(|case| oracle.accepted(*case))?;
    let word = case.word().unwrap_or_default();
    Some(match case {
        Case::EmptyKey => {
            "the secret seems to be unset: a signature made with the empty key was accepted"
                .to_owned()
        }
        Case::KeyUndefined | Case::KeyNull | Case::KeyNone | Case::KeyNil => format!(
            "the secret seems to be unset: a signature made with the key `{word}` was accepted"
        ),
        _ => format!("the secret seems to be still the placeholder `{word}`"),
    })
}

/// Why genuine deliveries are refused.
pub(super) fn of_refusal(oracle: &Oracle<'_>) -> Option<String> {
    if let Some(why) = weak_key(oracle) {
        return Some(why);
    }
    let reply = oracle.reply(Case::Control)?;
    let says = |pattern: &Regex| pattern.is_match(&reply.excerpt);
    if oracle.reply(Case::ControlOtherUrl).is_some_and(super::evidence::Reply::is_ok) {
        return Some(
            "a signature for the same URL under the other scheme was accepted: signed for https, \
             served as http, as behind a proxy that ends TLS"
                .to_owned(),
        );
    }
    if oracle.reply(Case::Rewritten).is_some_and(super::evidence::Reply::is_ok) || says(&PARSED) {
        return Some("the body seems to be parsed before it is verified".to_owned());
    }
    if says(&UNSET) {
        return Some("the target says that it has no secret".to_owned());
    }
    if reply.has(3) {
        return Some("senders follow no redirects: they need the URL that it leads to".to_owned());
    }
    let as_random = |wrong: &super::evidence::Reply| wrong.status == reply.status;
    if reply.has(5) {
        return Some("the handler fails on it".to_owned());
    }
    let status = reply.status.unwrap_or_default();
    let as_forged = oracle.reply(Case::WrongKey).or(oracle.reply(Case::Missing));
    if status == 415 {
        Some("the endpoint does not take the content type of its sender".to_owned())
    } else if as_forged.is_some_and(as_random) {
        Some(
            "it is answered as a forged one: the two secrets differ, or the body is changed or \
             parsed before it is verified"
                .to_owned(),
        )
    } else {
        None
    }
}
