//! Does the authority still stand by the certificate, as far as the server shows it?

use jiff::Timestamp;

use super::{Evidence, leaves};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::tls::Tls;
use crate::tls::evidence::Look;
use crate::tls::staple::{Staple, Verdict};

pub(super) const STAPLE_MISSING: Rule<Tls> = Rule {
    about: About {
        id: "tls.staple-missing",
        severity: Severity::High,
        title: "the certificate demands a stapled status, and there is none",
        why: "Clients that heed must-staple refuse the connection.",
        fix: "Switch OCSP stapling on, or have the certificate issued without must-staple.",
        references: &["RFC 7633", "RFC 6066 section 8"],
    },
    check: |_, seen, _: Timestamp| {
        leaves(seen, |look, leaf| {
            let missing = leaf.must_staple && look.verified && !look.stapled;
            let saw = || Saw::new("no status is stapled", "a stapled status").on(leaf.label());
            missing.then(saw).into_iter().collect()
        })
    },
};

pub(super) const REVOKED: Rule<Tls> = Rule {
    about: About {
        id: "tls.revoked",
        severity: Severity::High,
        title: "the certificate's authority has revoked it",
        why: "Clients that heed the status refuse the connection, and whoever revoked it may know of a stolen key.",
        fix: "Have a certificate issued for a new key, and find out who revoked this one and why.",
        references: &["RFC 6960 section 2.2"],
    },
    check: |_, seen, _: Timestamp| {
        stapled(seen, |staple| match &staple.verdict {
            Verdict::Revoked(since) => Some(Saw::new(
                format!("its stapled status says so since {since}"),
                "the status good",
            )),
            _ => None,
        })
    },
};

pub(super) const STAPLE_INVALID: Rule<Tls> = Rule {
    about: About {
        id: "tls.staple-invalid",
        severity: Severity::Medium,
        title: "the stapled status says nothing of the certificate now",
        why: "Some clients refuse a connection with a status that is over, and none gains by it; where the certificate demands one, it is as good as none.",
        fix: "See that the server can reach the authority's OCSP responder and renews what it staples; where the authority has given OCSP up, switch stapling off.",
        references: &["RFC 6960 section 4.2.2.1", "RFC 7633"],
    },
    check: |_, seen, at| {
        leaves(seen, |look, leaf| {
            let Some(what) = look.staple.as_ref().and_then(|staple| fault(staple, at)) else {
                return Vec::new();
            };
            let severity = if leaf.must_staple { Severity::High } else { Severity::Medium };
            let wanted = "the status of this certificate, for now";
            vec![Saw::new(what, wanted).on(leaf.label()).graded(severity)]
        })
    },
};

/// Clocks differ, and authorities date back for that.
const CLOCKS_AGREE: i64 = 300;

/// What keeps a staple from speaking of the certificate now.
fn fault(staple: &Staple, at: Timestamp) -> Option<String> {
    match &staple.verdict {
        Verdict::Unreadable => return Some("it cannot be read".to_owned()),
        Verdict::Other => return Some("it speaks of another certificate".to_owned()),
        Verdict::Declined(status) => return Some(format!("the responder answered {status}")),
        Verdict::Unknown => return Some("the authority does not know the certificate".to_owned()),
        Verdict::Good | Verdict::Revoked(_) => {}
    }
    let seconds = |time: &Option<Timestamp>| time.map(Timestamp::as_second);
    let now = at.as_second();
    if let Some(over) = seconds(&staple.next_update).filter(|over| now > over + CLOCKS_AGREE) {
        return Some(format!("it was over {} ago", super::span(now - over)));
    }
    let early = seconds(&staple.this_update).filter(|from| *from > now + CLOCKS_AGREE);
    early.map(|from| format!("it holds only in {}", super::span(from - now)))
}

/// Holds every staple against a rule.
fn stapled(seen: &Evidence<'_>, check: impl Fn(&Staple) -> Option<Saw>) -> Looked {
    if !seen.now.looks.iter().any(|look: &Look| look.staple.is_some()) {
        return Looked::untested("no status is stapled");
    }
    leaves(seen, |look, leaf| {
        let saw = look.staple.as_ref().and_then(&check);
        saw.map(|saw| saw.on(leaf.label())).into_iter().collect()
    })
}
