//! Certificates made for the purpose, read back.

use musterd_test_support::ca::{Authority, Identity, KeyKind, Leaf};

use super::*;

fn facts(chain: &Identity) -> Vec<Certificate> {
    let (found, unreadable) = read_chain(&chain.chain_der());
    assert_eq!(unreadable, 0);
    found
}

#[test]
fn a_leaf_is_read_with_its_names_key_and_purpose() {
    let authority = Authority::new();
    let chain = facts(&authority.issue(&Leaf::localhost().through_intermediate()));
    let leaf = &chain[0];
    assert_eq!(leaf.subject, "CN=localhost");
    assert_eq!(leaf.issuer, "CN=Test Root Intermediate");
    assert_eq!(leaf.names, ["localhost", "127.0.0.1", "::1"]);
    assert_eq!((leaf.key.kind.as_str(), leaf.key.bits), ("ecdsa", 256));
    assert_eq!(leaf.signature, "ecdsa-with-SHA256");
    assert_eq!(leaf.may_sign, Some(true));
    assert_eq!(leaf.purposes.as_deref(), Some(&["serverAuth".to_owned()][..]));
    assert_eq!(leaf.lifetime(), 91 * 86_400);
    assert!(!leaf.is_authority && !leaf.self_signed && !leaf.must_staple);
    assert_eq!((leaf.issued_by, leaf.fingerprint.len()), (Some(1), 64));
    assert!(chain[1].is_authority && chain[1].issued_by.is_none());
    assert_eq!((leaf.may_issue, chain[1].may_issue), (Some(false), Some(true)));
}

#[test]
fn keys_are_told_apart() {
    let authority = Authority::new();
    for (kind, name, bits) in [
        (KeyKind::P384, "ecdsa", 384),
        (KeyKind::Ed25519, "ed25519", 256),
        (KeyKind::Rsa2048, "rsa", 2048),
    ] {
        let key = facts(&authority.issue(&Leaf::localhost().key(kind)))[0].key.clone();
        assert_eq!((key.kind.as_str(), key.bits, key.exponent_broken), (name, bits, false));
    }
}

#[test]
fn its_own_signature_and_its_own_name_are_two_things() {
    let own = facts(&Identity::self_signed(["shop.test"]))[0].clone();
    assert!(own.self_issued && own.self_signed);
    let issued = facts(&Authority::new().issue(&Leaf::localhost()))[0].clone();
    assert!(!issued.self_issued && !issued.self_signed);
}

#[test]
fn issuers_are_found_whatever_the_order() {
    let chain = facts(&Authority::new().issue(&Leaf::localhost().misordered()));
    let issued: Vec<_> = chain.iter().map(|certificate| certificate.issued_by).collect();
    assert_eq!(issued, [Some(2), None, Some(1)]);
}

#[test]
fn public_roots_are_known_by_name() {
    let name = webpki_roots::TLS_SERVER_ROOTS[0].subject.as_ref();
    let mut der = vec![0x30, u8::try_from(name.len()).unwrap()];
    der.extend(name);
    assert!(is_public_root(&der));
    assert!(!is_public_root(&der[..der.len() - 1]) && !is_public_root(&[]));
}

#[test]
fn what_cannot_be_read_is_counted() {
    let der = Authority::new().der();
    let cut = der.as_ref()[..40].to_vec();
    let (found, unreadable) = read_chain(&[der.to_vec(), cut.clone(), b"garbage".to_vec()]);
    assert_eq!((found.len(), unreadable), (1, 2));
    // An authority is never taken for the server's own certificate that stands before it.
    let (found, unreadable) = read_chain(&[cut, der.to_vec()]);
    assert_eq!((found.len(), unreadable), (0, 1));
}

#[test]
fn a_certificate_without_an_end_is_read() {
    let from = Timestamp::UNIX_EPOCH.as_second();
    for (seconds, read) in [(from, from), (253_402_300_799, Timestamp::MAX.as_second())] {
        let time = x509_parser::time::ASN1Time::from_timestamp(seconds).unwrap();
        assert_eq!(certificate::moment(time).as_second(), read);
    }
}
