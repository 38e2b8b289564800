//! Is there TLS at all?

use jiff::Timestamp;

use super::{Evidence, subject};
use crate::net::failure::{Failure, FailureKind};
use crate::net::phase::Phase;
use crate::rule::{About, Looked, Rule, Saw, Tested};
use crate::severity::Severity;
use crate::tls::Tls;
use crate::tls::evidence::Look;

/// What became of a look, for the rules of this file: exactly one of them fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Session,
    Declined,
    Unreachable,
    Timeout,
    NotTls,
    Refused,
}

fn fate(look: &Look) -> Fate {
    if look.declined.is_some() {
        return Fate::Declined;
    }
    match &look.failure {
        Some(Failure { kind: FailureKind::Timeout, .. }) => Fate::Timeout,
        Some(Failure { kind: FailureKind::NotTls, .. }) => Fate::NotTls,
        // A certificate that was shown is judged for itself.
        None | Some(Failure { kind: FailureKind::Untrusted, .. }) => Fate::Session,
        Some(Failure { phase: Phase::Tls, .. }) => Fate::Refused,
        Some(_) => Fate::Unreachable,
    }
}

fn words(look: &Look) -> String {
    look.failure.as_ref().map(|failure| failure.detail.clone()).unwrap_or_default()
}

/// Fires on the looks of one fate. Later fates say nothing of earlier ones: what cannot be reached
/// may speak TLS or not.
fn fated(
    tls: &Tls,
    seen: &Evidence<'_>,
    fates: &[Fate],
    telling: &[Fate],
    saw: impl Fn(&Look) -> Saw,
) -> Looked {
    let mut found = Vec::new();
    let mut tested = Vec::new();
    for look in &seen.now.looks {
        let fate = fate(look);
        if fates.contains(&fate) {
            found.push(saw(look).on(subject(tls, look)));
            tested.push(subject(tls, look));
        } else if telling.contains(&fate) {
            tested.push(subject(tls, look));
        }
    }
    let tested = if tested.len() == seen.now.looks.len() {
        Tested::All
    } else if tested.is_empty() {
        Tested::No("there was no connection".to_owned())
    } else {
        Tested::Only(tested)
    };
    Looked { saw: found, tested }
}

const EVERY: &[Fate] =
    &[Fate::Session, Fate::Declined, Fate::Unreachable, Fate::Timeout, Fate::NotTls, Fate::Refused];

pub(super) const UNREACHABLE: Rule<Tls> = Rule {
    about: About {
        id: "tls.unreachable",
        severity: Severity::Critical,
        title: "the port cannot be connected to",
        why: "Nobody can use what should be served there.",
        fix: "See that the server runs and listens on that address and port, and that DNS and firewalls lead to it.",
        references: &["RFC 9293 section 3.5"],
    },
    check: |tls, seen, _: Timestamp| {
        fated(tls, seen, &[Fate::Unreachable], EVERY, |look| {
            Saw::new(words(look), format!("a connection to port {}", seen.now.port))
        })
    },
};

pub(super) const TIMEOUT: Rule<Tls> = Rule {
    about: About {
        id: "tls.timeout",
        severity: Severity::Critical,
        title: "no handshake came about in time",
        why: "Clients hang until they give up, which is worse for them than a refusal.",
        fix: "Look for a firewall that drops packets, an overloaded server, or one that waits for something before it speaks TLS.",
        references: &[],
    },
    check: |tls, seen, _: Timestamp| {
        fated(tls, seen, &[Fate::Timeout], EVERY, |look| {
            Saw::new(words(look), "a handshake in time")
        })
    },
};

pub(super) const NOT_TLS: Rule<Tls> = Rule {
    about: About {
        id: "tls.not-tls",
        severity: Severity::High,
        title: "the port does not speak TLS",
        why: "Clients that expect TLS cannot connect, and those that do not send their data in the clear.",
        fix: "Switch TLS on for this port; where the protocol begins in plain text, set `starttls`.",
        references: &["RFC 8446"],
    },
    check: |tls, seen, _: Timestamp| {
        let telling = &[Fate::Session, Fate::Declined, Fate::Refused];
        fated(tls, seen, &[Fate::NotTls], telling, |look| Saw::new(words(look), "a TLS handshake"))
    },
};

pub(super) const HANDSHAKE_REFUSED: Rule<Tls> = Rule {
    about: About {
        id: "tls.handshake-refused",
        severity: Severity::High,
        title: "the server does not agree to a sound handshake",
        why: "Today's clients offer TLS 1.2 and 1.3 with sound ciphers: a server that takes none of it serves nobody.",
        fix: "Enable TLS 1.2 and 1.3 with ECDHE and AES-GCM, give the server a certificate for this name, and see that it does not require a client certificate from everybody.",
        references: &["RFC 9325"],
    },
    check: |tls, seen, _: Timestamp| {
        let telling = &[Fate::Session];
        fated(tls, seen, &[Fate::Refused], telling, |look| {
            Saw::new(words(look), "a handshake with TLS 1.2 or 1.3")
        })
    },
};

pub(super) const STARTTLS_MISSING: Rule<Tls> = Rule {
    about: About {
        id: "tls.starttls-missing",
        severity: Severity::High,
        title: "the server does not change to TLS",
        why: "Mail, passwords and queries cross the network in plain text.",
        fix: "Give the server a certificate and enable STARTTLS (in databases: ssl).",
        references: &["RFC 3207", "RFC 8314", "RFC 7590"],
    },
    check: |tls, seen, _: Timestamp| {
        let Some(protocol) = seen.now.starttls else { return Looked::silent() };
        let telling = &[Fate::Session, Fate::Refused];
        fated(tls, seen, &[Fate::Declined], telling, |look| {
            Saw::new(
                look.declined.clone().unwrap_or_default(),
                format!("TLS when {} asks for it", protocol.as_str()),
            )
        })
    },
};
