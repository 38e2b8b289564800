//! Is the certificate itself sound, whoever vouches for it?

use jiff::Timestamp;

use super::trust::is_public;
use super::{DAY, Evidence, leaves};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::list;
use crate::tls::Tls;
use crate::tls::certificate::Certificate;
use crate::tls::evidence::{Look, Surveyed};
use crate::tls::survey::Answer;

/// Whether one of these rules says why verifying failed.
pub(super) fn explains(look: &Look) -> bool {
    let Some(leaf) = look.leaf() else { return false };
    let usage = misuse(leaf).is_some_and(|(severity, _)| severity >= Severity::High);
    let path = look.path();
    usage || path.iter().any(|one| !one.self_issued && is_weak_hash(&one.signature))
}

/// Whether clients refuse a server with this key.
pub(super) fn is_key_refused(leaf: &Certificate) -> bool {
    weakness(leaf, true).is_some_and(|(severity, _)| severity >= Severity::High)
}

pub(super) const KEY_WEAK: Rule<Tls> = Rule {
    about: About {
        id: "tls.key-weak",
        severity: Severity::High,
        title: "a key is too weak, or one that clients do not know",
        why: "Who finds the key is the server; clients that know so refuse it.",
        fix: "Make a new key, ECDSA on P-256 or RSA of 2048 bits, and have a certificate issued for it.",
        references: &["CA/Browser Forum Baseline Requirements section 6.1.5", "NIST SP 800-57"],
    },
    check: key_weak,
};

fn key_weak(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    leaves(seen, |look, leaf| {
        let path = look.path();
        let mut saw = Vec::new();
        for (index, one) in path.iter().enumerate() {
            // A root is trusted by agreement, whatever its key.
            if index > 0 && one.self_issued {
                continue;
            }
            if let Some((severity, what)) = weakness(one, std::ptr::eq(*one, leaf)) {
                saw.push(
                    Saw::new(what, "ECDSA on P-256 or P-384, or RSA of 2048 to 4096 bits")
                        .on(one.label())
                        .graded(severity),
                );
            }
        }
        saw
    })
}

fn weakness(certificate: &Certificate, is_leaf: bool) -> Option<(Severity, String)> {
    let key = &certificate.key;
    let bits = key.bits;
    match key.kind.as_str() {
        "rsa" if key.exponent_broken => {
            Some((Severity::High, "RSA with an exponent that gives the key away".to_owned()))
        }
        "rsa" if bits < 2048 => Some((Severity::High, format!("RSA of {bits} bits"))),
        "rsa" if bits > 4096 && is_leaf => {
            Some((Severity::Info, format!("RSA of {bits} bits, which makes every handshake slow")))
        }
        "ecdsa" if (1..256).contains(&bits) => {
            let curve = key.curve.as_deref().unwrap_or_default();
            Some((Severity::High, format!("ECDSA on {curve}")))
        }
        "dsa" => Some((Severity::High, "DSA, which clients no longer know".to_owned())),
        "ed25519" | "ed448" if is_leaf => {
            Some((Severity::Medium, format!("{}, which browsers do not know", key.kind)))
        }
        _ => None,
    }
}

pub(super) const KEY_USAGE_WRONG: Rule<Tls> = Rule {
    about: About {
        id: "tls.key-usage-wrong",
        severity: Severity::High,
        title: "the certificate was not made for a server",
        why: "Clients check what a certificate is for, and refuse one that is for something else.",
        fix: "Have it issued with the extended key usage serverAuth, the key usage digitalSignature, and without being an authority.",
        references: &["RFC 5280 sections 4.2.1.3, 4.2.1.9 and 4.2.1.12"],
    },
    check: key_usage_wrong,
};

fn key_usage_wrong(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    leaves(seen, |look, leaf| {
        let found = misuse(leaf).or_else(|| {
            let both =
                leaf.purposes.as_ref().is_some_and(|all| all.iter().any(|p| p == "clientAuth"));
            let words = "it is for clients too, which public authorities no longer certify";
            (both && is_public(look)).then(|| (Severity::Info, words.to_owned()))
        });
        let own = found.map(|(severity, what)| {
            Saw::new(what, "serverAuth, digitalSignature, no authority")
                .on(leaf.label())
                .graded(severity)
        });
        // Verifiers differ: OpenSSL and Go refuse what rustls takes.
        let above = look.path().into_iter().skip(1).chain(&look.root);
        let idle = above.filter(|one| {
            one.may_issue == Some(false) && one.is_authority && one.fingerprint != leaf.fingerprint
        });
        let authorities = idle.map(|one| {
            Saw::new("an authority whose key usage lacks keyCertSign", "keyCertSign")
                .on(one.label())
        });
        own.into_iter().chain(authorities).collect()
    })
}

fn misuse(leaf: &Certificate) -> Option<(Severity, String)> {
    if let Some(purposes) = &leaf.purposes
        && !purposes.iter().any(|purpose| purpose == "serverAuth" || purpose == "any")
    {
        return Some((Severity::High, format!("its extended key usage is {}", list(purposes))));
    }
    // One that vouches for itself is found for that.
    if leaf.is_authority && !leaf.self_signed {
        return Some((Severity::High, "it is a certificate of an authority".to_owned()));
    }
    (leaf.may_sign == Some(false))
        .then(|| (Severity::Medium, "its key usage lacks digitalSignature".to_owned()))
}

pub(super) const SIGNATURE_WEAK: Rule<Tls> = Rule {
    about: About {
        id: "tls.signature-weak",
        severity: Severity::High,
        title: "a certificate is signed with a broken hash",
        why: "Somebody else can have a certificate with the same signature; clients refuse it.",
        fix: "Have the certificate issued anew with SHA-256.",
        references: &["RFC 9155", "https://shattered.io/"],
    },
    check: |_, seen, _: Timestamp| {
        leaves(seen, |look, _| {
            let path = look.path();
            path.iter()
                .enumerate()
                .filter(|(index, one)| {
                    (*index == 0 || !one.self_issued) && is_weak_hash(&one.signature)
                })
                .map(|(_, one)| {
                    Saw::new(one.signature.clone(), "SHA-256 or better").on(one.label())
                })
                .collect()
        })
    },
};

fn is_weak_hash(signature: &str) -> bool {
    let name = signature.to_ascii_lowercase();
    ["md2", "md4", "md5", "sha1"].iter().any(|hash| name.contains(hash))
}

pub(super) const SCT_MISSING: Rule<Tls> = Rule {
    about: About {
        id: "tls.sct-missing",
        severity: Severity::High,
        title: "the certificate is in too few public logs",
        why: "Browsers refuse certificates of public authorities that were not logged.",
        fix: "Have the certificate issued anew; authorities log by themselves unless told not to.",
        references: &[
            "RFC 6962",
            "https://googlechrome.github.io/CertificateTransparency/ct_policy.html",
        ],
    },
    check: sct_missing,
};

fn sct_missing(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    // They may come beside the certificate as well.
    let beside = match &seen.now.survey {
        Surveyed::Done(survey) => survey.attempts.iter().any(|attempt| match &attempt.answer {
            Answer::Offered(chosen) => chosen.timestamps,
            Answer::Refused(_) | Answer::Undetermined(_) => false,
        }),
        Surveyed::No(_) => false,
    };
    leaves(seen, |look, leaf| {
        let wanted = if leaf.lifetime() <= 180 * DAY { 2 } else { 3 };
        if !is_public(look) || beside || leaf.timestamps >= wanted {
            return Vec::new();
        }
        // Without any in the certificate, a staple may hold them.
        let severity = if look.stapled { Severity::Low } else { Severity::High };
        vec![
            Saw::new(
                format!("{} certificate timestamps", leaf.timestamps),
                format!("at least {wanted}"),
            )
            .on(leaf.label())
            .graded(severity),
        ]
    })
}
