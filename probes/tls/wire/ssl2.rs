//! SSL 2.0: its own hello, and its own answer.

/// Seven cipher kinds, three bytes each, strongest first.
const KINDS: [[u8; 3]; 7] = [
    [0x07, 0x00, 0xC0],
    [0x05, 0x00, 0x80],
    [0x03, 0x00, 0x80],
    [0x01, 0x00, 0x80],
    [0x06, 0x00, 0x40],
    [0x04, 0x00, 0x80],
    [0x02, 0x00, 0x80],
];

/// The `CLIENT-HELLO`, with this challenge.
pub(in crate::tls) fn hello(challenge: [u8; 16]) -> Vec<u8> {
    let mut body = vec![1, 0, 2, 0, 21, 0, 0, 0, 16];
    body.extend(KINDS.as_flattened());
    body.extend(challenge);
    let mut record = vec![0x80, u8::try_from(body.len()).expect("46 bytes")];
    record.extend(body);
    record
}

/// What the first bytes of an answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tls) enum Reading {
    /// The start of a `SERVER-HELLO`, perhaps.
    More,
    /// A `SERVER-HELLO`; both sides have so many cipher kinds in common.
    Hello(u16),
    /// Something else.
    Other,
}

/// Reads the start of an answer.
pub(in crate::tls) fn read(bytes: &[u8]) -> Reading {
    let &[high, _, kind, _, certificate, major, minor, _, _, kinds_high, kinds_low, ..] = bytes
    else {
        // The first bytes already tell a TLS record, or text, from an SSL 2.0 record.
        let other = bytes.first().is_some_and(|high| high & 0x80 == 0)
            || bytes.get(2).is_some_and(|kind| *kind != 4);
        return if other { Reading::Other } else { Reading::More };
    };
    if high & 0x80 != 0 && kind == 4 && certificate <= 1 && (major, minor) == (0, 2) {
        Reading::Hello(u16::from_be_bytes([kinds_high, kinds_low]) / 3)
    } else {
        Reading::Other
    }
}
