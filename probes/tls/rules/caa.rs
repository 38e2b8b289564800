//! Will the certificate's authority be allowed to issue the next one?

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde::Deserialize;

use super::trust::is_public;
use super::{Evidence, NO_CERTIFICATE};
use crate::net::caa::{Record, Records};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::text::list;
use crate::tls::Tls;
use crate::tls::certificate::Certificate;
use crate::tls::evidence::Caa;

pub(super) const CAA_EXCLUDES_ISSUER: Rule<Tls> = Rule {
    about: About {
        id: "tls.caa-excludes-issuer",
        severity: Severity::Medium,
        title: "the domain's CAA record does not name the certificate's authority",
        why: "The next renewal will be refused.",
        fix: "Name the authority in the CAA record, or have the certificate issued by one that is named.",
        references: &["RFC 8659"],
    },
    check: caa_excludes_issuer,
};

/// Authorities by their organisation, and what they call themselves in CAA records.
#[derive(Debug, Deserialize)]
struct Catalogue {
    authorities: BTreeMap<String, Vec<String>>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../catalog/caa-identifiers.json"))
        .expect("a test reads the catalogue")
});

/// What the authority of a certificate calls itself in CAA records.
fn identifiers(leaf: &Certificate) -> Option<&'static [String]> {
    let named = |organisation: &String| leaf.issuer.contains(&format!("O={organisation}"));
    // Of several that begin alike the longest is meant.
    let known = CATALOGUE.authorities.iter().filter(|(organisation, _)| named(organisation));
    known.max_by_key(|(organisation, _)| organisation.len()).map(|(_, all)| all.as_slice())
}

/// The tags that authorities know.
const KNOWN: [&str; 7] =
    ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];

fn caa_excludes_issuer(_: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let (wildcard, found) = match &seen.now.caa {
        Caa::Found { wildcard, records } => (*wildcard, records),
        Caa::Unknown(why) | Caa::NotAsked(why) => return Looked::untested(why.clone()),
    };
    let Some((look, leaf)) =
        seen.now.looks.iter().find_map(|look| look.leaf().map(|leaf| (look, leaf)))
    else {
        return Looked::untested(NO_CERTIFICATE);
    };
    if !is_public(look) {
        return Looked::untested("CAA records bind public authorities alone");
    }
    if let Some(odd) =
        found.records.iter().find(|one| one.critical && !KNOWN.contains(&one.tag.as_str()))
    {
        let saw = format!("the critical property `{}` at {}", odd.tag, found.at);
        return Looked::fired(Saw::new(saw, "properties that every authority knows"));
    }
    let Some(allowed) = allowed(found, wildcard) else { return Looked::silent() };
    let Some(own) = identifiers(leaf) else {
        return Looked::untested(format!(
            "what {} is called in CAA records is not known here",
            leaf.issuer
        ));
    };
    if allowed.iter().any(|name| own.contains(name)) {
        return Looked::silent();
    }
    let named: Vec<String> = allowed.into_iter().filter(|name| !name.is_empty()).collect();
    let saw = if named.is_empty() {
        format!("{} forbids every authority", found.at)
    } else {
        format!("{} allows {}", found.at, list(&named))
    };
    Looked::fired(Saw::new(saw, format!("{} for {}", list(own), leaf.issuer)))
}

/// Whom the records allow, an empty name where they forbid; `None` where they forbid nobody.
fn allowed(found: &Records, wildcard: bool) -> Option<Vec<String>> {
    let tagged = |tag: &str| {
        let those = found.records.iter().filter(|one| one.tag == tag);
        those.map(authority).collect::<Vec<String>>()
    };
    let wild = if wildcard { tagged("issuewild") } else { Vec::new() };
    let allowed = if wild.is_empty() { tagged("issue") } else { wild };
    (!allowed.is_empty()).then_some(allowed)
}

/// The authority of a value, before its parameters (RFC 8659 section 4.2).
fn authority(record: &Record) -> String {
    let name = record.value.split(';').next().unwrap_or_default();
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_sound() {
        for (organisation, names) in &CATALOGUE.authorities {
            assert!(!names.is_empty(), "{organisation}");
            for name in names {
                assert!(name.contains('.') && *name == name.to_lowercase(), "{name}");
            }
        }
    }
}
