//! The rules of `tls`.

mod caa;
mod certificate;
mod chain;
mod cipher;
mod protocol;
mod reach;
mod status;
mod trust;
mod validity;
mod whole;

use super::Tls;
use super::certificate::Certificate;
use super::evidence::{Look, Surveyed};
use super::settings::Addresses;
use super::survey::Survey;
use crate::contract::Seen;
use crate::rule::{Looked, Rule, Saw, Tested};

pub(super) const ALL: &[Rule<Tls>] = &[
    reach::UNREACHABLE,
    reach::TIMEOUT,
    reach::NOT_TLS,
    reach::HANDSHAKE_REFUSED,
    reach::STARTTLS_MISSING,
    validity::EXPIRED,
    validity::NOT_YET_VALID,
    validity::EXPIRES_SOON,
    trust::HOST_MISMATCH,
    trust::SELF_SIGNED,
    trust::UNTRUSTED,
    trust::CHAIN_INCOMPLETE,
    chain::CHAIN_ORDER,
    chain::INTERMEDIATE_EXPIRES_SOON,
    certificate::KEY_WEAK,
    certificate::KEY_USAGE_WRONG,
    certificate::SIGNATURE_WEAK,
    validity::LIFETIME_TOO_LONG,
    certificate::SCT_MISSING,
    status::REVOKED,
    status::STAPLE_MISSING,
    status::STAPLE_INVALID,
    caa::CAA_EXCLUDES_ISSUER,
    protocol::PROTOCOL_OBSOLETE,
    cipher::CIPHER_WEAK,
    cipher::DH_WEAK,
    cipher::FORWARD_SECRECY_MISSING,
    protocol::COMPRESSION,
    protocol::RENEGOTIATION_INSECURE,
    whole::ADDRESSES_DIFFER,
    validity::CLOCK_SKEWED,
    whole::PROFILE_MISSED,
    whole::UNDETERMINED,
];

type Evidence<'a> = Seen<'a, Tls>;

const NO_CERTIFICATE: &str = "no certificate was seen";

/// What findings of a look are about: the check itself, or one address of several.
fn subject(tls: &Tls, look: &Look) -> String {
    match (tls.addresses, look.address()) {
        (Addresses::All, Some(address)) => address.to_string(),
        _ => String::new(),
    }
}

/// Holds every server certificate against a rule. Certificates of one name at several addresses
/// are one subject, and its worst case counts.
fn leaves<'a>(
    seen: &'a Evidence<'_>,
    check: impl Fn(&'a Look, &'a Certificate) -> Vec<Saw>,
) -> Looked {
    let mut saw: Vec<Saw> = Vec::new();
    let mut subjects = Vec::new();
    for look in &seen.now.looks {
        let Some(leaf) = look.leaf() else { continue };
        subjects.push(leaf.label());
        for found in check(look, leaf) {
            match saw.iter_mut().find(|known| known.subject == found.subject) {
                Some(known) if known.severity < found.severity => *known = found,
                Some(_) => {}
                None => saw.push(found),
            }
        }
    }
    let tested = if subjects.is_empty() {
        Tested::No(NO_CERTIFICATE.to_owned())
    } else if subjects.len() == seen.now.looks.len() {
        Tested::All
    } else {
        Tested::Only(subjects)
    };
    Looked { saw, tested }
}

/// The survey, or why there is none.
fn survey<'a>(seen: &'a Evidence<'_>) -> Result<&'a Survey, Looked> {
    match &seen.now.survey {
        Surveyed::Done(survey) => Ok(survey),
        Surveyed::No(why) => Err(Looked::untested(why.clone())),
    }
}

/// Findings on what could be settled.
fn settled(saw: Vec<Saw>, subjects: Vec<String>, all: usize, why: &str) -> Looked {
    let tested = if subjects.is_empty() {
        Tested::No(why.to_owned())
    } else if subjects.len() == all {
        Tested::All
    } else {
        Tested::Only(subjects)
    };
    Looked { saw, tested }
}

/// Seconds as people say them.
fn span(seconds: i64) -> String {
    let hours = seconds.unsigned_abs() / 3600;
    match hours {
        0 => format!("{} minutes", seconds.unsigned_abs() / 60),
        1 => "1 hour".to_owned(),
        2..=71 => format!("{hours} hours"),
        _ => format!("{} days", hours / 24),
    }
}

const DAY: i64 = 86_400;
