//! Which versions are spoken, and how safely?

use jiff::Timestamp;

use super::{Evidence, settled, survey};
use crate::rule::{About, Looked, Rule, Saw};
use crate::severity::Severity;
use crate::tls::Tls;
use crate::tls::survey::{Ask, Standing};
use crate::tls::wire::version::Version;

pub(super) const PROTOCOL_OBSOLETE: Rule<Tls> = Rule {
    about: About {
        id: "tls.protocol-obsolete",
        severity: Severity::High,
        title: "an obsolete version of the protocol is spoken",
        why: "An attacker in between can bring clients down to it and break it.",
        fix: "Offer TLS 1.2 and 1.3 alone (nginx: ssl_protocols TLSv1.2 TLSv1.3); for clients that need older ones, set `min_version`.",
        references: &["RFC 8996", "RFC 7568", "RFC 6176"],
    },
    check: protocol_obsolete,
};

fn protocol_obsolete(tls: &Tls, seen: &Evidence<'_>, _: Timestamp) -> Looked {
    let mut saw = Vec::new();
    let mut tested = Vec::new();
    let mut why = String::new();
    for version in Version::ALL {
        let name = version.as_str();
        match seen.now.speaks(version) {
            Err(reason) => {
                why = reason;
                continue;
            }
            Ok(true) => {
                if let Some(severity) = obsolete(tls, version) {
                    let wanted = format!("{} and newer", tls.min_version.max(Version::Tls12));
                    saw.push(
                        Saw::new(format!("{name} is spoken"), wanted).on(name).graded(severity),
                    );
                }
            }
            Ok(false) => {
                let older = seen.now.speaks(Version::Tls12) == Ok(true);
                if version == Version::Tls13 && older {
                    saw.push(
                        Saw::new("TLS 1.2 is the newest that is spoken", "TLS 1.3 too")
                            .on(name)
                            .graded(Severity::Low),
                    );
                }
            }
        }
        tested.push(name.to_owned());
    }
    settled(saw, tested, Version::ALL.len(), &why)
}

fn obsolete(tls: &Tls, version: Version) -> Option<Severity> {
    match version {
        // Broken, whatever somebody declares.
        Version::Ssl2 | Version::Ssl3 => Some(Severity::High),
        _ if version < tls.min_version => Some(Severity::High),
        Version::Tls10 | Version::Tls11 => Some(Severity::Medium),
        Version::Tls12 | Version::Tls13 => None,
    }
}

pub(super) const COMPRESSION: Rule<Tls> = Rule {
    about: About {
        id: "tls.compression",
        severity: Severity::High,
        title: "TLS compression is on",
        why: "The length of what is compressed tells cookies to whoever listens (CRIME).",
        fix: "Switch TLS compression off (OpenSSL: SSL_OP_NO_COMPRESSION).",
        references: &["RFC 7525 section 3.3", "CVE-2012-4929"],
    },
    check: |_, seen, _: Timestamp| {
        let survey = match survey(seen) {
            Ok(survey) => survey,
            Err(looked) => return looked,
        };
        match survey.standing(Ask::Compression) {
            Standing::Offered(_) => Looked::fired(Saw::new("it chose DEFLATE", "no compression")),
            Standing::Refused => Looked::silent(),
            Standing::Undetermined(why) | Standing::NotAsked(why) => Looked::untested(why),
        }
    },
};

pub(super) const RENEGOTIATION_INSECURE: Rule<Tls> = Rule {
    about: About {
        id: "tls.renegotiation-insecure",
        severity: Severity::High,
        title: "renegotiation is not bound to the session",
        why: "An attacker can put requests of his own before a client's; clients with OpenSSL 3 refuse the connection.",
        fix: "Update the TLS library: every one since 2010 has the extension.",
        references: &["RFC 5746", "CVE-2009-3555"],
    },
    check: |_, seen, _: Timestamp| {
        let survey = match survey(seen) {
            Ok(survey) => survey,
            Err(looked) => return looked,
        };
        let Some(base) = survey.base() else {
            return match survey.speaks(Version::Tls13) {
                // TLS 1.3 has no renegotiation.
                Some(true) if survey.speaks(Version::Tls12) == Some(false) => Looked::silent(),
                _ => Looked::untested("no version before TLS 1.3 was agreed on"),
            };
        };
        match survey.standing(Ask::Version(base)) {
            Standing::Offered(chosen) if chosen.renegotiation_info => Looked::silent(),
            Standing::Offered(_) => Looked::fired(Saw::new(
                format!("no renegotiation_info with {base}"),
                "the extension of RFC 5746",
            )),
            _ => Looked::untested("no version before TLS 1.3 was agreed on"),
        }
    },
};
