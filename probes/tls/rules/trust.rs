//! Does the certificate speak for this name, and does anybody vouch for it?

use std::net::IpAddr;

use jiff::Timestamp;

use super::{Evidence, leaves};
use crate::net::failure::FailureKind;
use crate::net::tls::DistrustKind;
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::list;
use crate::tls::Tls;
use crate::tls::certificate::Certificate;
use crate::tls::evidence::Look;

/// Of the names of a certificate, a finding shows so many.
const SHOWN: usize = 8;

pub(super) const HOST_MISMATCH: Rule<Tls> = Rule {
    about: About {
        id: "tls.host-mismatch",
        severity: Severity::High,
        title: "the certificate speaks for other names",
        why: "Every client refuses the connection: it may be anybody's.",
        fix: "Have the name added to the certificate's subjectAltName, or serve the right certificate for this name (SNI).",
        references: &["RFC 9525 section 6", "RFC 6066 section 3"],
    },
    check: host_mismatch,
};

fn host_mismatch(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let name = seen.now.server_name.as_str();
    leaves(seen, |look, leaf| {
        let mismatch = match &look.distrust {
            None => !look.verified && !speaks_for(leaf, name),
            // Verifying ends with the first fault, and this one may stand behind it.
            Some(why) => why.kind == DistrustKind::HostMismatch || !speaks_for(leaf, name),
        };
        if !mismatch {
            return Vec::new();
        }
        let mut names: Vec<String> = leaf.names.iter().take(SHOWN).cloned().collect();
        if leaf.names.len() > SHOWN {
            names.push(format!("{} more", leaf.names.len() - SHOWN));
        }
        let saw = match (names.is_empty(), leaf.subject.is_empty()) {
            (false, _) => format!("it speaks for {}", list(&names)),
            (true, false) => format!("it has no subjectAltName, only {}", leaf.subject),
            (true, true) => "it speaks for no name at all".to_owned(),
        };
        vec![Saw::new(saw, format!("a certificate for {name}")).on(leaf.label())]
    })
}

/// Whether a certificate's names cover one (RFC 9525): exactly, or by a wildcard that stands for
/// its first label alone. More names than are kept leave the question open.
fn speaks_for(leaf: &Certificate, name: &str) -> bool {
    let covers = |pattern: &String| {
        if let Ok(address) = name.parse::<IpAddr>() {
            return pattern.parse() == Ok(address);
        }
        if pattern.eq_ignore_ascii_case(name) {
            return true;
        }
        let Some(parent) = pattern.strip_prefix("*.") else { return false };
        name.split_once('.').is_some_and(|(label, rest)| {
            !label.is_empty() && parent.contains('.') && rest.eq_ignore_ascii_case(parent)
        })
    };
    leaf.more_names || leaf.names.iter().any(covers)
}

/// Whether browsers trust the root of a chain, as far as its names tell.
pub(super) fn is_public(look: &Look) -> bool {
    let strangers = [DistrustKind::UnknownIssuer, DistrustKind::OtherKey];
    let unknown = look.distrust.as_ref().is_some_and(|why| strangers.contains(&why.kind));
    !unknown && look.path().iter().any(|certificate| certificate.under_public_root)
}

/// Why nobody vouches for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    SelfSigned,
    Incomplete,
    Untrusted,
}

/// Tells the reasons apart that verifying gives one name. Exactly one of three rules fires.
fn want(seen: &Evidence<'_>, look: &Look, leaf: &Certificate) -> Option<Want> {
    let Some(why) = &look.distrust else {
        if !look.verified && leaf.self_signed && !seen.now.own_authority {
            return Some(Want::SelfSigned);
        }
        // A key that is too small signs nothing that clients accept.
        let explained = super::certificate::is_key_refused(leaf);
        return (is_broken(look) && !explained).then_some(Want::Untrusted);
    };
    match why.kind {
        DistrustKind::Expired | DistrustKind::NotYetValid | DistrustKind::HostMismatch => {
            // That fault came first; an authority of its own may be trusted all the same.
            (leaf.self_signed && !seen.now.own_authority).then_some(Want::SelfSigned)
        }
        DistrustKind::UnknownIssuer | DistrustKind::OtherKey | DistrustKind::Other
            if leaf.self_signed =>
        {
            Some(Want::SelfSigned)
        }
        // Nothing is missing but the trust.
        DistrustKind::OtherKey => Some(Want::Untrusted),
        DistrustKind::UnknownIssuer => {
            Some(if is_cut(seen, look) { Want::Incomplete } else { Want::Untrusted })
        }
        DistrustKind::Other => {
            let explained = super::certificate::explains(look);
            (!explained).then_some(Want::Untrusted)
        }
    }
}

/// Whether the chain ends before an issuer that the server should have sent. An issuer that is
/// not there may be a missing intermediate or an unknown root. Above the server's own certificate
/// it is an intermediate where that says where to fetch it, and most probably where the
/// configuration names an authority; above an intermediate that was sent it is most probably the root.
fn is_cut(seen: &Evidence<'_>, look: &Look) -> bool {
    let path = look.path();
    let Some(top) = path.last() else { return false };
    if top.self_issued || top.under_public_root {
        return false;
    }
    path.len() == 1 && (!top.issuer_urls.is_empty() || seen.now.own_authority)
}

fn wanting(seen: &Evidence<'_>, which: Want, saw: impl Fn(&Look, &Certificate) -> Saw) -> Looked {
    let looked = leaves(seen, |look, leaf| {
        let fires = want(seen, look, leaf) == Some(which);
        fires.then(|| saw(look, leaf).on(leaf.label())).into_iter().collect()
    });
    // A chain that an old version showed was read, and never verified.
    let unsettled = |look: &Look| look.leaf().is_some() && !look.verified && !is_broken(look);
    if looked.saw.is_empty() && seen.now.looks.iter().any(unsettled) {
        return Looked::untested("no handshake came so far that the chain was verified");
    }
    looked
}

/// Whether the handshake ended for what the certificate is.
fn is_broken(look: &Look) -> bool {
    look.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Untrusted)
}

pub(super) const SELF_SIGNED: Rule<Tls> = Rule {
    about: About {
        id: "tls.self-signed",
        severity: Severity::High,
        title: "the certificate is signed by itself",
        why: "Clients refuse it, or have been taught to accept anybody's.",
        fix: "Have a certificate issued by an authority that clients trust; for one of your own, name it in `ca`.",
        references: &["RFC 5280 section 3.2"],
    },
    check: |_, seen, _: Timestamp| {
        wanting(seen, Want::SelfSigned, |_, leaf| {
            Saw::new(
                format!("{} vouches for itself", leaf.label()),
                "a trusted authority's signature",
            )
        })
    },
};

pub(super) const UNTRUSTED: Rule<Tls> = Rule {
    about: About {
        id: "tls.untrusted",
        severity: Severity::High,
        title: "no trusted authority vouches for the certificate",
        why: "Clients refuse the connection.",
        fix: "Use a certificate of an authority that clients trust; for one of your own, name its root in `ca`.",
        references: &["RFC 5280 section 6"],
    },
    check: untrusted,
};

fn untrusted(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let mut looked = wanting(seen, Want::Untrusted, |look, _| {
        let detail = match (&look.distrust, &look.failure) {
            (Some(why), _) => why.detail.clone(),
            (None, Some(failure)) => failure.detail.clone(),
            (None, None) => String::new(),
        };
        let path = look.path();
        let saw = match path.last() {
            Some(top)
                if look
                    .distrust
                    .as_ref()
                    .is_some_and(|why| why.kind == DistrustKind::UnknownIssuer) =>
            {
                format!("{detail}; its chain ends at {}", top.issuer)
            }
            _ => detail,
        };
        Saw::new(saw, "a chain to a trusted root")
    });
    // A certificate that cannot even be read is nobody's.
    for look in seen.now.looks.iter().filter(|look| look.chain.is_empty()) {
        let refused = look.failure.as_ref().filter(|why| why.kind == FailureKind::Untrusted);
        let illegible = look.distrust.as_ref().map(|why| &why.detail);
        if let Some(detail) = illegible.or(refused.map(|why| &why.detail)) {
            looked.saw.push(Saw::new(detail.clone(), "a chain to a trusted root"));
            looked.tested = crate::rule::Tested::All;
        }
    }
    looked
}

pub(super) const CHAIN_INCOMPLETE: Rule<Tls> = Rule {
    about: About {
        id: "tls.chain-incomplete",
        severity: Severity::High,
        title: "the server does not send its intermediate certificate",
        why: "Browsers may fetch or remember it, so the site seems to work; programs, phones and webhooks refuse the connection.",
        fix: "Serve the full chain: the server's certificate, then its intermediates (fullchain.pem, not cert.pem).",
        references: &["RFC 8446 section 4.4.2"],
    },
    check: |_, seen, _: Timestamp| {
        wanting(seen, Want::Incomplete, |look, leaf| {
            let count = match look.sent {
                1 => "1 certificate was sent".to_owned(),
                many => format!("{many} certificates were sent"),
            };
            Saw::new(
                format!("{count}, and none of its issuer {}", leaf.issuer),
                "every certificate up to a trusted root",
            )
        })
    },
};
