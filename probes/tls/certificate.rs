//! Everything that rules want to know of a certificate, read from its DER.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use x509_parser::error::X509Error;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_DSA, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521,
    OID_PKCS1_RSAENCRYPTION, OID_SIG_ED448, OID_SIG_ED25519,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::net::certificate::{self, MOST};

/// Of a distinguished name, evidence keeps so many characters.
const LONGEST: usize = 512;

/// The facts of one certificate of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Certificate {
    pub(super) subject: String,
    pub(super) issuer: String,
    /// In lower-case hexadecimal digits.
    pub(super) serial: String,
    /// SHA-256 of the DER.
    pub(super) fingerprint: String,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// The names and addresses that it speaks for.
    #[serde(default)]
    pub(super) names: Vec<String>,
    /// Whether it has names that are not kept here, beyond a hundred.
    #[serde(default)]
    pub(super) more_names: bool,
    pub(super) key: Key,
    /// The signature's algorithm, as `sha256WithRSAEncryption`.
    pub(super) signature: String,
    /// basicConstraints: an authority.
    #[serde(default)]
    pub(super) is_authority: bool,
    /// keyUsage allows digital signatures; `None` without that extension.
    #[serde(default)]
    pub(super) may_sign: Option<bool>,
    /// keyUsage allows signing certificates; `None` without that extension.
    #[serde(default)]
    pub(super) may_issue: Option<bool>,
    /// extendedKeyUsage, by name or number; `None` without that extension.
    #[serde(default)]
    pub(super) purposes: Option<Vec<String>>,
    /// Where its issuer's certificate can be fetched.
    #[serde(default)]
    pub(super) issuer_urls: Vec<String>,
    /// Where its status can be asked for.
    #[serde(default)]
    pub(super) ocsp_urls: Vec<String>,
    /// Embedded certificate timestamps.
    #[serde(default)]
    pub(super) timestamps: usize,
    /// The latest of them.
    #[serde(default)]
    pub(super) last_timestamp: Option<Timestamp>,
    /// Wants a stapled status (RFC 7633).
    #[serde(default)]
    pub(super) must_staple: bool,
    /// Issuer and subject are the same.
    #[serde(default)]
    pub(super) self_issued: bool,
    /// Its own key signed it.
    #[serde(default)]
    pub(super) self_signed: bool,
    /// Its issuer's name is that of a root that browsers trust.
    #[serde(default)]
    pub(super) under_public_root: bool,
    /// The place in the chain of the certificate of its issuer.
    #[serde(default)]
    pub(super) issued_by: Option<usize>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    /// `rsa`, `ecdsa`, `ed25519`, `ed448`, `dsa`, or an object identifier.
    pub(super) kind: String,
    /// Its size; 0 where it is not known.
    pub(super) bits: usize,
    /// The curve of an ECDSA key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) curve: Option<String>,
    /// An RSA exponent that gives the key away: 1, or an even one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) exponent_broken: bool,
}

impl Certificate {
    /// What it is called: its subject, or its first name where that is empty.
    pub(super) fn label(&self) -> String {
        if !self.subject.is_empty() {
            return self.subject.clone();
        }
        self.names.first().map_or_else(|| "certificate".to_owned(), |name| format!("SAN={name}"))
    }

    /// Seconds from its first to its last moment.
    pub(super) fn lifetime(&self) -> i64 {
        self.not_after.as_second() - self.not_before.as_second()
    }

    /// Seconds that are left at a time, less than 0 when it is over.
    pub(super) fn left(&self, at: Timestamp) -> i64 {
        self.not_after.as_second() - at.as_second()
    }
}

/// Reads a chain, at most its first hundred certificates, and who issued whom; how many of them
/// cannot be read. Where the first is among those, nothing speaks for the server, and none is told.
pub(super) fn read_chain<D: AsRef<[u8]>>(chain: &[D]) -> (Vec<Certificate>, usize) {
    let parsed: Vec<(&[u8], X509Certificate<'_>)> = chain
        .iter()
        .take(MOST)
        .filter_map(|der| {
            let der = der.as_ref();
            X509Certificate::from_der(der).ok().map(|(_, certificate)| (der, certificate))
        })
        .collect();
    let unreadable = chain.len().min(MOST) - parsed.len();
    let first = chain.first().map(AsRef::as_ref);
    if parsed.first().map(|(der, _)| *der) != first {
        return (Vec::new(), unreadable);
    }
    let found = parsed.iter().enumerate().map(|(index, (der, certificate))| Certificate {
        issued_by: issuer(index, certificate, &parsed),
        ..read(der, certificate)
    });
    (found.collect(), unreadable)
}

/// Which other certificate issued this one: by name, and by key where several have the name.
fn issuer(
    index: usize,
    certificate: &X509Certificate<'_>,
    all: &[(&[u8], X509Certificate<'_>)],
) -> Option<usize> {
    if certificate.subject().as_raw() == certificate.issuer().as_raw() {
        return None;
    }
    let named: Vec<usize> = all
        .iter()
        .enumerate()
        .filter(|(other, (_, candidate))| {
            *other != index && candidate.subject().as_raw() == certificate.issuer().as_raw()
        })
        .map(|(other, _)| other)
        .take(4)
        .collect();
    let signed =
        |other: &&usize| certificate.verify_signature(Some(all[**other].1.public_key())).is_ok();
    match named.as_slice() {
        [] => None,
        [one] => Some(*one),
        several => several.iter().find(signed).or(several.first()).copied(),
    }
}

/// SHA-256 of the DER.
pub(super) fn print(der: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der).as_ref())
}

/// Reads one certificate, whoever issued it.
pub(super) fn read(der: &[u8], certificate: &X509Certificate<'_>) -> Certificate {
    let self_issued = certificate.subject().as_raw() == certificate.issuer().as_raw();
    let shown = |text: String| crate::text::excerpt(&text, LONGEST);
    let validity = certificate.validity();
    let key = key(certificate);
    let self_signed = self_issued && is_self_signed(certificate, &key);
    let mut facts = Certificate {
        subject: shown(certificate.subject().to_string()),
        issuer: shown(certificate.issuer().to_string()),
        serial: hex(certificate.raw_serial()),
        fingerprint: print(der),
        not_before: certificate::moment(validity.not_before),
        not_after: certificate::moment(validity.not_after),
        names: Vec::new(),
        more_names: false,
        key,
        signature: signature(certificate),
        is_authority: false,
        may_sign: None,
        may_issue: None,
        purposes: None,
        issuer_urls: Vec::new(),
        ocsp_urls: Vec::new(),
        timestamps: 0,
        last_timestamp: None,
        must_staple: false,
        self_issued,
        self_signed,
        under_public_root: is_public_root(certificate.issuer().as_raw()),
        issued_by: None,
    };
    for extension in certificate.extensions() {
        note(&mut facts, extension.parsed_extension());
        // id-pe-tlsfeature with status_request (RFC 7633): SEQUENCE { INTEGER 5 }.
        if extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.24" {
            facts.must_staple |= extension.value.windows(3).any(|bytes| bytes == [2, 1, 5]);
        }
    }
    facts
}

/// Whether a certificate of one name for subject and issuer is signed by its own key. Where the
/// library knows the key or the algorithm no more, the names have to do.
fn is_self_signed(certificate: &X509Certificate<'_>, key: &Key) -> bool {
    let too_small = key.kind == "rsa" && key.bits < 2048;
    match certificate.verify_signature(None) {
        Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
        Err(_) => too_small,
    }
}

fn note(facts: &mut Certificate, extension: &ParsedExtension<'_>) {
    match extension {
        ParsedExtension::BasicConstraints(basic) => facts.is_authority = basic.ca,
        ParsedExtension::KeyUsage(usage) => {
            facts.may_sign = Some(usage.digital_signature());
            facts.may_issue = Some(usage.key_cert_sign());
        }
        ParsedExtension::ExtendedKeyUsage(usage) => {
            let named = [
                (usage.any, "any"),
                (usage.server_auth, "serverAuth"),
                (usage.client_auth, "clientAuth"),
                (usage.code_signing, "codeSigning"),
                (usage.email_protection, "emailProtection"),
                (usage.time_stamping, "timeStamping"),
                (usage.ocsp_signing, "OCSPSigning"),
            ];
            let named = named.iter().filter(|(has, _)| *has).map(|(_, name)| (*name).to_owned());
            let other = usage.other.iter().take(8).map(ToString::to_string);
            facts.purposes = Some(named.chain(other).collect());
        }
        ParsedExtension::SubjectAlternativeName(names) => {
            let mut all = names.general_names.iter().filter_map(certificate::name);
            facts.names = all.by_ref().take(MOST).collect();
            facts.more_names = all.next().is_some();
        }
        ParsedExtension::AuthorityInfoAccess(access) => {
            for description in access.accessdescs.iter().take(8) {
                let GeneralName::URI(url) = &description.access_location else { continue };
                let url = crate::text::excerpt(url, LONGEST);
                match description.access_method.to_id_string().as_str() {
                    "1.3.6.1.5.5.7.48.1" => facts.ocsp_urls.push(url),
                    "1.3.6.1.5.5.7.48.2" => facts.issuer_urls.push(url),
                    _ => {}
                }
            }
        }
        ParsedExtension::SCT(timestamps) => {
            facts.timestamps = timestamps.len();
            facts.last_timestamp = timestamps
                .iter()
                .filter_map(|sct| i64::try_from(sct.timestamp).ok())
                .filter_map(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
                .max();
        }
        _ => {}
    }
}

fn key(certificate: &X509Certificate<'_>) -> Key {
    let info = certificate.public_key();
    let kind = &info.algorithm.algorithm;
    let plain =
        |kind: &str, bits| Key { kind: kind.to_owned(), bits, curve: None, exponent_broken: false };
    if *kind == OID_SIG_ED25519 {
        return plain("ed25519", 256);
    }
    if *kind == OID_SIG_ED448 {
        return plain("ed448", 456);
    }
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) if *kind == OID_PKCS1_RSAENCRYPTION => {
            let modulus = rsa.modulus.iter().skip_while(|byte| **byte == 0);
            let (bytes, first) =
                (modulus.clone().count(), modulus.clone().next().copied().unwrap_or_default());
            let bits =
                (bytes * 8).saturating_sub(usize::try_from(first.leading_zeros()).unwrap_or(0));
            let exponent: Vec<u8> =
                rsa.exponent.iter().skip_while(|byte| **byte == 0).copied().collect();
            let even = exponent.last().is_none_or(|byte| byte % 2 == 0);
            Key { exponent_broken: even || exponent == [1], ..plain("rsa", bits) }
        }
        Ok(PublicKey::EC(_)) if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY => {
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            let (name, bits) =
                curve.map_or_else(|| ("explicit".to_owned(), 0), |oid| curve_of(&oid));
            Key { curve: Some(name), ..plain("ecdsa", bits) }
        }
        _ if *kind == OID_KEY_TYPE_DSA => plain("dsa", 0),
        _ => plain(&kind.to_id_string(), 0),
    }
}

fn curve_of(oid: &x509_parser::asn1_rs::Oid<'_>) -> (String, usize) {
    let known = [
        (OID_EC_P256, "secp256r1", 256),
        (OID_NIST_EC_P384, "secp384r1", 384),
        (OID_NIST_EC_P521, "secp521r1", 521),
    ];
    if let Some((_, name, bits)) = known.iter().find(|(known, _, _)| known == oid) {
        return ((*name).to_owned(), *bits);
    }
    match oid.to_id_string().as_str() {
        "1.2.840.10045.3.1.1" => ("secp192r1".to_owned(), 192),
        "1.3.132.0.33" => ("secp224r1".to_owned(), 224),
        "1.3.132.0.10" => ("secp256k1".to_owned(), 256),
        other => (other.to_owned(), 0),
    }
}

fn signature(certificate: &X509Certificate<'_>) -> String {
    match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.2" => "md2WithRSAEncryption",
        "1.2.840.113549.1.1.3" => "md4WithRSAEncryption",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.113549.1.1.14" => "sha224WithRSAEncryption",
        "1.2.840.10040.4.3" => "dsa-with-SHA1",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.1" => "ecdsa-with-SHA224",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "ed25519",
        "1.3.101.113" => "ed448",
        other => return other.to_owned(),
    }
    .to_owned()
}

/// Whether a name in DER is that of a root in Mozilla's programme.
fn is_public_root(name: &[u8]) -> bool {
    // Anchors hold the name without the header of its SEQUENCE.
    let Some(content) = content(name) else { return false };
    webpki_roots::TLS_SERVER_ROOTS.iter().any(|root| root.subject.as_ref() == content)
}

/// What a DER element holds.
fn content(element: &[u8]) -> Option<&[u8]> {
    match element.get(1)? {
        short if *short < 0x80 => element.get(2..),
        long => element.get(2 + usize::from(long & 0x7F)..),
    }
}

/// Lower-case hexadecimal digits, of at most 64 bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().take(64).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes what is written to it");
        text
    })
}

#[cfg(test)]
mod tests;
