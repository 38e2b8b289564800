//! What is seen of the whole: addresses beside each other, a profile, and what stayed open.

use jiff::Timestamp;

use super::{Evidence, settled};
use crate::rule::{About, Looked, Rule, Saw, Tested};
use crate::severity::Severity;
use crate::tls::Tls;
use crate::tls::evidence::{Caa, Look, Surveyed};
use crate::tls::profile;
use crate::tls::settings::Addresses;
use crate::tls::survey::Answer;

pub(super) const ADDRESSES_DIFFER: Rule<Tls> = Rule {
    about: About {
        id: "tls.addresses-differ",
        severity: Severity::Low,
        title: "the host's addresses do not serve the same",
        why: "Which certificate or version a client gets is up to chance: one server was left out of a renewal or of a change.",
        fix: "Bring the same certificate and configuration to every server behind the name.",
        references: &[],
    },
    check: addresses_differ,
};

fn addresses_differ(tls: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    if tls.addresses != Addresses::All {
        return Looked::untested("only one address was looked at; set `addresses: all`");
    }
    let looks: Vec<&Look> = seen.now.looks.iter().filter(|look| look.address().is_some()).collect();
    let Some(first) = looks.iter().find(|look| look.is_session()) else {
        return Looked::untested("no address came to a session");
    };
    if looks.iter().all(|look| look.connection.addresses.is_empty()) {
        return Looked::untested("the proxy chooses the address");
    }
    let mut saw = Vec::new();
    let mut tested = Vec::new();
    for look in &looks {
        let Some(address) = look.address() else { continue };
        tested.push(address.to_string());
        if let Some((severity, what)) = difference(first, look) {
            let wanted = first.address().map(|other| format!("the same as at {other}"));
            saw.push(
                Saw::new(what, wanted.unwrap_or_default()).on(address.to_string()).graded(severity),
            );
        }
    }
    let all = seen.now.looks.len() + seen.now.left_out.len();
    settled(saw, tested, all, "no address came to a session")
}

fn difference(first: &Look, look: &Look) -> Option<(Severity, String)> {
    if !look.is_session() {
        let why = look.failure.as_ref().map(|failure| failure.detail.clone());
        let why = why.or_else(|| look.declined.clone()).unwrap_or_default();
        return Some((Severity::Medium, format!("no session: {why}")));
    }
    let (mine, theirs) = (look.leaf()?, first.leaf()?);
    if mine.fingerprint != theirs.fingerprint {
        let same = mine.names == theirs.names && mine.issuer == theirs.issuer;
        // Servers that renew by themselves have certificates of their own, of about one age.
        let apart = (mine.left(theirs.not_after)).abs();
        let severity =
            if same && apart < theirs.lifetime() / 3 { Severity::Info } else { Severity::Medium };
        let what = format!("{} until {}", mine.label(), mine.not_after);
        return Some((severity, format!("another certificate: {what}")));
    }
    if look.chain.len() != first.chain.len() {
        return Some((Severity::Low, format!("a chain of {} certificates", look.sent)));
    }
    let (mine, theirs) = (look.connection.tls.as_ref()?, first.connection.tls.as_ref()?);
    if mine.version != theirs.version {
        return Some((Severity::Low, mine.version.clone()));
    }
    None
}

pub(super) const PROFILE_MISSED: Rule<Tls> = Rule {
    about: About {
        id: "tls.profile-missed",
        severity: Severity::Low,
        title: "the server does not keep to Mozilla's profile",
        why: "The profile is what its authors recommend today; keeping to it saves thinking about each setting.",
        fix: "Take the settings from https://ssl-config.mozilla.org/, or choose another `profile`.",
        references: &["https://wiki.mozilla.org/Security/Server_Side_TLS"],
    },
    check: |tls, seen, _: Timestamp| profile::compare(tls, seen.now),
};

pub(super) const UNDETERMINED: Rule<Tls> = Rule {
    about: About {
        id: "tls.undetermined",
        severity: Severity::Low,
        title: "something was asked for and could not be settled",
        why: "What nobody can tell is neither good nor bad; it may be what an attacker finds first.",
        fix: "See what stands before the server and swallows unusual handshakes; raise `timeout` where it is slow.",
        references: &[],
    },
    check: undetermined,
};

fn undetermined(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let mut saw: Vec<Saw> = Vec::new();
    for look in &seen.now.looks {
        // Nobody trusts what the verifier cannot read either, and another rule says so.
        let told = look.chain.is_empty() && look.distrust.is_some();
        if look.unreadable > 0 && !told {
            let what = format!("{} of {} certificates cannot be read", look.unreadable, look.sent);
            saw.push(Saw::new(what, "certificates in DER").on("chain"));
        }
    }
    if let Caa::Unknown(why) = &seen.now.caa {
        saw.push(Saw::new(why.clone(), "an answer from DNS").on("CAA"));
    }
    let Surveyed::Done(survey) = &seen.now.survey else {
        let tested =
            if saw.is_empty() { Tested::Only(vec!["chain".to_owned()]) } else { Tested::All };
        return Looked { saw, tested };
    };
    for attempt in &survey.attempts {
        if let Answer::Undetermined(why) = &attempt.answer {
            saw.push(Saw::new(why.clone(), "a yes or a no").on(attempt.ask.to_string()));
        }
    }
    for (version, listing) in &survey.listings {
        if let Some(why) = &listing.cut {
            let subject = format!("suites of {version}");
            saw.push(Saw::new(why.clone(), "every suite").on(subject));
        }
    }
    if let Some(why) = &survey.stopped {
        saw.push(Saw::new(why.clone(), "an answer to every hello").on("survey"));
    }
    saw.into()
}
