//! What fuzzing gives to the parsers of TLS.

use rustls_pki_types::CertificateDer;

use super::certificate::read_chain;
use super::wire::{Reader, Want, prime, ssl2};

/// A server's answer to a hello, cut where its first byte says.
pub(crate) fn server_flight(bytes: &[u8]) {
    let (cut, bytes) = bytes.split_first().map_or((1, bytes), |(cut, rest)| (*cut, rest));
    for want in [Want::Hello, Want::Flight] {
        let mut reader = Reader::new(want);
        for piece in bytes.chunks(usize::from(cut).max(1)) {
            if reader.push(piece).is_some() {
                break;
            }
        }
        let _prime = reader.flight.key_exchange.as_deref().and_then(prime);
        let _chain = read_chain(&reader.flight.certificates);
    }
    let _answer = ssl2::read(bytes);
}

/// A chain: certificates of the length that the two bytes before each say.
pub(crate) fn certificate_chain(bytes: &[u8]) {
    let mut chain = Vec::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (certificate, next) = after.split_at(length);
        chain.push(certificate);
        rest = next;
    }
    let _facts = read_chain(&chain);
    let chain: Vec<_> = chain.into_iter().map(CertificateDer::from).collect();
    let _names = crate::net::certificate::read_chain(&chain);
}

/// A stapled status.
pub(crate) fn staple(bytes: &[u8]) {
    let _staple = super::staple::read(bytes, "0a0b");
}
