//! Is what is sent beside the certificate in order?

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{DAY, Evidence, leaves, span};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::list;
use crate::tls::Tls;
use crate::tls::certificate::Certificate;
use crate::tls::evidence::Look;

pub(super) const CHAIN_ORDER: Rule<Tls> = Rule {
    about: About {
        id: "tls.chain-order",
        severity: Severity::Low,
        title: "the chain is out of order, or holds what does not belong there",
        why: "Old clients follow the order and fail; everybody else pays for the extra bytes in each handshake.",
        fix: "Serve the server's certificate first, then each issuer after what it issued, without the root.",
        references: &["RFC 8446 section 4.4.2", "RFC 5246 section 7.4.2"],
    },
    check: chain_order,
};

fn chain_order(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    leaves(seen, |look, leaf| disorder(look).map(|saw| saw.on(leaf.label())).into_iter().collect())
}

fn disorder(look: &Look) -> Option<Saw> {
    let chain = &look.chain;
    let mut path = vec![0];
    while let Some(next) = chain.get(path[path.len() - 1])?.issued_by {
        if path.contains(&next) {
            break;
        }
        path.push(next);
    }
    let mut said = Vec::new();
    let mut severity = Severity::Info;
    let prints: BTreeSet<&str> = chain.iter().map(|one| one.fingerprint.as_str()).collect();
    if prints.len() < chain.len() {
        said.push("a certificate is sent twice".to_owned());
        severity = Severity::Low;
    }
    if path.windows(2).any(|pair| pair[1] < pair[0]) || gaps(&path, look) {
        said.push("an issuer does not follow what it issued".to_owned());
        severity = severity.max(Severity::Medium);
    }
    let strangers: Vec<String> = chain
        .iter()
        .enumerate()
        .filter(|(index, one)| {
            let twin = chain.iter().position(|other| other.fingerprint == one.fingerprint);
            // A second certificate of an authority on the path is another way up: cross-signed.
            let crossed = path.iter().any(|step| chain[*step].subject == one.subject);
            !path.contains(index)
                && twin == Some(*index)
                && !crossed
                && !is_above(*index, &path, look)
        })
        .map(|(_, one)| one.label())
        .take(3)
        .collect();
    if !strangers.is_empty() {
        said.push(format!("{} has no part in it", list(&strangers)));
        severity = severity.max(Severity::Low);
    }
    let root = path.iter().skip(1).any(|step| chain[*step].self_issued);
    if root {
        said.push("the root is sent too, which clients have or do not believe".to_owned());
    }
    (!said.is_empty()).then(|| {
        let wanted = "the server's certificate, then each issuer in turn";
        Saw::new(list(&said), wanted).graded(severity)
    })
}

/// Whether something stands between a certificate and its issuer, other than another way up.
fn gaps(path: &[usize], look: &Look) -> bool {
    path.windows(2).any(|pair| {
        (pair[0] + 1..pair[1]).any(|between| {
            let other = &look.chain[between];
            let crossed = path.iter().any(|step| look.chain[*step].subject == other.subject);
            !crossed && (path.contains(&between) || is_above(between, path, look))
        })
    })
}

/// Whether a certificate issued one that is on the path under the same name.
fn is_above(index: usize, path: &[usize], look: &Look) -> bool {
    path.iter().any(|step| look.chain[*step].issuer == look.chain[index].subject)
}

pub(super) const INTERMEDIATE_EXPIRES_SOON: Rule<Tls> = Rule {
    about: About {
        id: "tls.intermediate-expires-soon",
        severity: Severity::Medium,
        title: "an authority's certificate ends before the server's own, or soon",
        why: "When it ends the whole chain does, although the server's certificate is still good.",
        fix: "Fetch the authority's current intermediate and serve it; renewing usually brings it along. The successor of a root of your own takes longest: hand it out in time.",
        references: &["RFC 5280 section 6.1.3"],
    },
    check: intermediate_expires_soon,
};

fn intermediate_expires_soon(_: &Tls, seen: &Evidence<'_>, at: Timestamp) -> Looked {
    leaves(seen, |look, leaf| {
        let path = look.path();
        let pairs = path.iter().zip(path.iter().skip(1));
        pairs
            .filter(|(_, above)| !above.self_issued)
            .map(|(below, above)| (below, look.lasting(above)))
            .filter_map(|(below, above)| {
                let left = above.left(at);
                // A root of the same name is trusted, so there is a way without this one.
                let spare = below.under_public_root || (left < 0 && look.distrust.is_none());
                let early = ends_early(above, leaf, at);
                let saw = if left < 0 {
                    format!("it ended {} ago", span(left))
                } else if left < (30 * DAY).min(above.lifetime() / 3) || early {
                    format!("it ends in {}, the server's in {}", span(left), span(leaf.left(at)))
                } else {
                    return None;
                };
                // Where this ends the chain, `expired` says so.
                if left < 0 && !spare {
                    return None;
                }
                let severity = if spare { Severity::Info } else { Severity::Medium };
                let wanted = "30 days or a third of its life, and no end before the server's";
                Some(Saw::new(saw, wanted).on(above.label()).graded(severity))
            })
            .chain(root_ends_soon(look, leaf, at))
            .collect()
    })
}

/// Whether an authority ends before a certificate that it issued, and that is not years ahead.
fn ends_early(authority: &Certificate, leaf: &Certificate, at: Timestamp) -> bool {
    let before = authority.not_after < leaf.not_after && leaf.left(at) > 0;
    before && authority.left(at) < 398 * DAY
}

/// The root that the configuration names. Where it has ended, `expired` says so.
fn root_ends_soon(look: &Look, leaf: &Certificate, at: Timestamp) -> Option<Saw> {
    let root = look.root.as_ref().filter(|root| root.fingerprint != leaf.fingerprint)?;
    let (left, servers) = (root.left(at), leaf.left(at));
    let soon = left < (30 * DAY).min(root.lifetime() / 3) || ends_early(root, leaf, at);
    (left >= 0 && soon).then(|| {
        let saw = format!("the root ends in {}, the server's in {}", span(left), span(servers));
        let wanted = "30 days or a third of its life, and no end before the server's";
        Saw::new(saw, wanted).on(root.label())
    })
}
