//! Which suites are agreed to, and how are keys exchanged?

use jiff::Timestamp;

use super::{Evidence, settled, survey};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::list;
use crate::tls::Tls;
use crate::tls::survey::{Ask, Standing, Survey};
use crate::tls::wire::suite::{Class, Suite};
use crate::tls::wire::version::Version;

pub(super) const CIPHER_WEAK: Rule<Tls> = Rule {
    about: About {
        id: "tls.cipher-weak",
        severity: Severity::High,
        title: "weak cipher suites are agreed to",
        why: "Old or tampered clients can be brought to them, and what is sent then can be read or changed.",
        fix: "Offer ECDHE with AES-GCM or ChaCha20-Poly1305 alone, as Mozilla's intermediate profile does.",
        references: &["RFC 9325 section 4", "RFC 7465", "https://sweet32.info/"],
    },
    check: cipher_weak,
};

/// Of the suites of a class, a finding shows so many.
const SHOWN: usize = 6;

fn cipher_weak(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let survey = match survey(seen) {
        Ok(survey) => survey,
        Err(looked) => return looked,
    };
    let mut saw = Vec::new();
    let mut tested = Vec::new();
    let mut why = String::new();
    for class in Class::ALL {
        let known = offered(survey, class);
        if known.is_empty() {
            match settled_absence(survey, class) {
                Ok(()) => tested.push(class.as_str().to_owned()),
                Err(reason) => why = reason,
            }
            continue;
        }
        tested.push(class.as_str().to_owned());
        let more = known.len().saturating_sub(SHOWN);
        let mut names: Vec<String> = known.into_iter().take(SHOWN).collect();
        if more > 0 {
            names.push(format!("{more} more"));
        }
        saw.push(
            Saw::new(list(&names), "none of that kind")
                .on(class.as_str())
                .graded(severity(survey, class)),
        );
    }
    settled(saw, tested, Class::ALL.len(), &why)
}

/// The suites of a class that were agreed to, with their version.
fn offered(survey: &Survey, class: Class) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (version, suite) in survey.suites().filter(|(_, suite)| suite.class() == Some(class)) {
        let text = format!("{} with {version}", suite.name);
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// Whether it is settled that none of a class is agreed to.
fn settled_absence(survey: &Survey, class: Class) -> Result<(), String> {
    let listed = !survey.listings.is_empty();
    match survey.listings.values().find_map(|listing| listing.cut.clone()) {
        None if listed => return Ok(()),
        Some(why) if class == Class::ShortTag => return Err(why),
        _ => {}
    }
    match survey.standing(Ask::Class(class)) {
        Standing::Refused => Ok(()),
        Standing::Offered(_) => Err("it chose another suite than it was offered".to_owned()),
        Standing::Undetermined(why) | Standing::NotAsked(why) => Err(why),
    }
}

fn severity(survey: &Survey, class: Class) -> Severity {
    let has = |ask| matches!(survey.standing(ask), Standing::Offered(_));
    match class {
        Class::Unprotected | Class::Export | Class::Rc4 => Severity::High,
        // Beside something better these serve old clients; alone they serve everybody.
        Class::Cbc if has(Ask::Aead) => Severity::Info,
        Class::StaticRsa if has(Ask::ForwardSecret) => Severity::Low,
        Class::Block64 | Class::Cbc | Class::StaticRsa => Severity::Medium,
        Class::ShortTag => Severity::Low,
    }
}

pub(super) const DH_WEAK: Rule<Tls> = Rule {
    about: About {
        id: "tls.dh-weak",
        severity: Severity::Medium,
        title: "the Diffie-Hellman group is too small",
        why: "Groups below 2048 bits are within reach of those who can afford it, and for one that many servers share it is done once for all of them (Logjam).",
        fix: "Drop the DHE suites, ECDHE replaces them; or make a group of 2048 bits or more (ffdhe2048).",
        references: &["RFC 7919", "https://weakdh.org/"],
    },
    check: dh_weak,
};

fn dh_weak(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let survey = match survey(seen) {
        Ok(survey) => survey,
        Err(looked) => return looked,
    };
    let chosen = match survey.standing(Ask::Dhe) {
        Standing::Offered(chosen) => chosen,
        Standing::Refused => return Looked::silent(),
        Standing::Undetermined(why) | Standing::NotAsked(why) => return Looked::untested(why),
    };
    match chosen.prime_bits {
        None => Looked::untested("the server did not show its group"),
        Some(bits) if bits < 2048 => {
            let lost = bits < 1024 || chosen.prime_common;
            let severity = if lost { Severity::High } else { Severity::Medium };
            let shared = if chosen.prime_common { ", which many servers share" } else { "" };
            let saw = Saw::new(format!("a group of {bits} bits{shared}"), "2048 bits or more");
            Looked::fired(saw.graded(severity))
        }
        Some(_) => Looked::silent(),
    }
}

pub(super) const FORWARD_SECRECY_MISSING: Rule<Tls> = Rule {
    about: About {
        id: "tls.forward-secrecy-missing",
        severity: Severity::High,
        title: "no suite has forward secrecy",
        why: "Who gets the server's key one day can read everything that was recorded before.",
        fix: "Offer ECDHE suites, and TLS 1.3.",
        references: &["RFC 9325 section 4.1"],
    },
    check: forward_secrecy_missing,
};

fn forward_secrecy_missing(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let agreed = seen.now.looks.iter().filter_map(|look| look.connection.tls.as_ref());
    let secret = |name: &str| {
        Suite::all().iter().any(|suite| suite.name == name && suite.is_forward_secret())
    };
    if agreed.clone().any(|tls| secret(&tls.cipher)) {
        return Looked::silent();
    }
    let survey = match survey(seen) {
        Ok(survey) => survey,
        Err(looked) => return looked,
    };
    match survey.standing(Ask::ForwardSecret) {
        Standing::Offered(_) => Looked::silent(),
        Standing::Refused if survey.speaks(Version::Tls13) == Some(false) => Looked::fired(
            Saw::new("no suite with DHE or ECDHE was agreed to", "suites with forward secrecy"),
        ),
        Standing::Refused => Looked::untested("whether TLS 1.3 is spoken could not be settled"),
        Standing::Undetermined(why) | Standing::NotAsked(why) => Looked::untested(why),
    }
}
