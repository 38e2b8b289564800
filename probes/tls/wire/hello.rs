//! `ClientHello` from SSL 3.0 to TLS 1.3, as bytes.

use super::version::Version;

/// Named groups (RFC 8446 section 4.2.7).
pub(in crate::tls) const GROUPS: [(u16, &str); 6] = [
    (0x11EC, "X25519MLKEM768"),
    (0x001D, "X25519"),
    (0x0017, "secp256r1"),
    (0x0018, "secp384r1"),
    (0x0019, "secp521r1"),
    (0x001E, "X448"),
];

/// The name of a group, or its number.
pub(in crate::tls) fn group_name(number: u16) -> String {
    GROUPS
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| format!("0x{number:04X}"), |(_, name)| (*name).to_owned())
}

/// ECDSA, RSA-PSS, `EdDSA`, PKCS#1 and DSA, the strong ones first.
const SIGNATURES: [u16; 16] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203,
    0x0201, 0x0402, 0x0202, 0x0101,
];

/// Says that renegotiation is bound to what went before (RFC 5746 section 3.3).
const RENEGOTIATION_SCSV: u16 = 0x00FF;

/// A `ClientHello`.
#[derive(Debug, Clone)]
pub(in crate::tls) struct Hello<'a> {
    /// The one version that it offers.
    pub(in crate::tls) version: Version,
    /// In the order of preference.
    pub(in crate::tls) suites: Vec<u16>,
    /// In the order of preference.
    pub(in crate::tls) groups: &'a [u16],
    /// For SNI; `None` for addresses, which have none (RFC 6066 section 3).
    pub(in crate::tls) server_name: Option<&'a str>,
    /// Also offers DEFLATE.
    pub(in crate::tls) compression: bool,
    /// Client random, and the session id of TLS 1.3's disguise.
    pub(in crate::tls) random: [u8; 32],
}

impl Hello<'_> {
    /// The record. With TLS 1.3 the key share is empty: a server that speaks it and knows a group
    /// asks for a share of that group, and no cryptography is needed to learn so.
    pub(in crate::tls) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(512);
        body.extend(self.version.number().min(Version::Tls12.number()).to_be_bytes());
        body.extend(self.random);
        if self.version == Version::Tls13 {
            vector8(&mut body, |id| id.extend(self.random));
        } else {
            body.push(0);
        }
        vector16(&mut body, |suites| {
            for suite in &self.suites {
                suites.extend(suite.to_be_bytes());
            }
            if self.version < Version::Tls13 {
                suites.extend(RENEGOTIATION_SCSV.to_be_bytes());
            }
        });
        vector8(&mut body, |methods| {
            methods.extend(if self.compression { &[1, 0][..] } else { &[0] });
        });
        // SSL 3.0 has no extensions.
        if self.version > Version::Ssl3 {
            vector16(&mut body, |extensions| self.extensions(extensions));
        }
        let mut record = vec![22];
        record.extend(self.version.number().min(Version::Tls10.number()).to_be_bytes());
        vector16(&mut record, |handshake| {
            handshake.push(1);
            // A hello is far below 64 KiB: the first of the three bytes of its length is 0.
            handshake.push(0);
            vector16(handshake, |inner| inner.extend(body));
        });
        record
    }

    fn extensions(&self, out: &mut Vec<u8>) {
        if let Some(name) = self.server_name {
            extension(out, 0, |data| {
                vector16(data, |list| {
                    list.push(0);
                    vector16(list, |text| text.extend(name.as_bytes()));
                });
            });
        }
        extension(out, 10, |data| {
            vector16(data, |list| list.extend(self.groups.iter().flat_map(|g| g.to_be_bytes())));
        });
        if self.version < Version::Tls13 {
            extension(out, 11, |data| vector8(data, |formats| formats.push(0)));
            extension(out, 23, |_| {});
        }
        if self.version >= Version::Tls12 {
            extension(out, 13, |data| {
                vector16(data, |list| list.extend(SIGNATURES.iter().flat_map(|s| s.to_be_bytes())));
            });
            extension(out, 18, |_| {});
        }
        if self.version == Version::Tls13 {
            extension(out, 43, |data| {
                vector8(data, |list| list.extend(Version::Tls13.number().to_be_bytes()));
            });
            extension(out, 45, |data| vector8(data, |modes| modes.push(1)));
            extension(out, 51, |data| vector16(data, |_| {}));
        }
    }
}

fn extension(out: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    out.extend(kind.to_be_bytes());
    vector16(out, fill);
}

/// Bytes after their length in one byte.
fn vector8(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    fill(&mut inner);
    out.push(u8::try_from(inner.len()).expect("what we send is short"));
    out.extend(inner);
}

/// Bytes after their length in two bytes.
fn vector16(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    fill(&mut inner);
    out.extend(u16::try_from(inner.len()).expect("what we send is short").to_be_bytes());
    out.extend(inner);
}
