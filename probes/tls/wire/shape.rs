//! The messages of a server's first flight, read field by field without trust.

/// The random of a hello that asks for another one (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// What a `ServerHello` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own on the wire")]
pub(in crate::tls) struct ServerHello {
    /// The version that was chosen: TLS 1.3 names it in an extension.
    pub(in crate::tls) version: u16,
    /// The suite that was chosen.
    pub(in crate::tls) suite: u16,
    /// Whether compression was chosen.
    pub(in crate::tls) compressed: bool,
    /// Whether another hello is asked for.
    pub(in crate::tls) retry: bool,
    /// The group that is asked for, or that was chosen.
    pub(in crate::tls) group: Option<u16>,
    /// Whether renegotiation is secure (RFC 5746).
    pub(in crate::tls) renegotiation_info: bool,
    /// Whether the master secret is bound to the handshake (RFC 7627).
    pub(in crate::tls) extended_master_secret: bool,
    /// Whether certificate timestamps came beside the certificate.
    pub(in crate::tls) timestamps: bool,
    /// Whether the random says that a newer version is spoken (RFC 8446 section 4.1.3).
    pub(in crate::tls) sentinel: bool,
}

/// Takes fields off the front of bytes.
pub(in crate::tls) struct Fields<'a>(pub(in crate::tls) &'a [u8]);

impl<'a> Fields<'a> {
    pub(in crate::tls) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(in crate::tls) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(in crate::tls) fn number(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(in crate::tls) fn length24(&mut self) -> Option<usize> {
        let bytes = self.take(3)?;
        usize::try_from(u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]])).ok()
    }

    pub(in crate::tls) fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.byte()?;
        self.take(usize::from(length))
    }

    pub(in crate::tls) fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::from(length))
    }
}

/// Reads the body of a `ServerHello`.
pub(in crate::tls) fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut fields = Fields(body);
    let mut hello = ServerHello { version: fields.number()?, ..ServerHello::default() };
    let random = fields.take(32)?;
    hello.retry = random == RETRY;
    hello.sentinel = random.get(24..31) == Some(b"DOWNGRD") && random[31] <= 1;
    if fields.vector8()?.len() > 32 {
        return None;
    }
    hello.suite = fields.number()?;
    hello.compressed = fields.byte()? != 0;
    if fields.0.is_empty() {
        return Some(hello);
    }
    let mut extensions = Fields(fields.vector16()?);
    while !extensions.0.is_empty() {
        let kind = extensions.number()?;
        let mut data = Fields(extensions.vector16()?);
        match kind {
            18 => hello.timestamps = true,
            23 => hello.extended_master_secret = true,
            43 => hello.version = data.number()?,
            51 => hello.group = Some(data.number()?),
            0xFF01 => hello.renegotiation_info = true,
            _ => {}
        }
    }
    Some(hello)
}

/// At most so many certificates are taken from a chain.
pub(in crate::tls) const MOST_CERTIFICATES: usize = 100;

/// Reads the body of a `Certificate` before TLS 1.3.
pub(in crate::tls) fn certificates(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut fields = Fields(body);
    let length = fields.length24()?;
    let mut list = Fields(fields.take(length)?);
    let mut found = Vec::new();
    while !list.0.is_empty() && found.len() < MOST_CERTIFICATES {
        let length = list.length24()?;
        found.push(list.take(length)?.to_vec());
    }
    Some(found)
}

/// The prime of the body of a `ServerKeyExchange` of a DHE suite, without leading zeros.
pub(in crate::tls) fn prime(body: &[u8]) -> Option<Vec<u8>> {
    let bytes = Fields(body).vector16()?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(start..).map(<[u8]>::to_vec)
}
