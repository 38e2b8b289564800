//! The description of a certificate that is to be issued.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
    SanType,
};

use super::Chain;

const DAY: Duration = Duration::from_hours(24);

/// A point in time relative to the moment of issue; certificates know whole seconds only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// That long before the certificate is issued.
    Ago(Duration),
    /// That long after the certificate is issued.
    Ahead(Duration),
}

impl Moment {
    /// The moment, cut to whole seconds.
    pub(super) fn of(self, now: SystemTime) -> SystemTime {
        let exact = match self {
            Self::Ago(offset) => now - offset,
            Self::Ahead(offset) => now + offset,
        };
        UNIX_EPOCH + Duration::from_secs(since_epoch(exact).as_secs())
    }
}

/// The kind of a certificate's key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyKind {
    /// ECDSA on P-256.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA of 2048 bits; generating one takes noticeably longer than the others.
    Rsa2048,
}

impl KeyKind {
    pub(super) fn generate(self) -> KeyPair {
        let algorithm = match self {
            Self::P256 => &PKCS_ECDSA_P256_SHA256,
            Self::P384 => &PKCS_ECDSA_P384_SHA384,
            Self::Ed25519 => &PKCS_ED25519,
            Self::Rsa2048 => &PKCS_RSA_SHA256,
        };
        KeyPair::generate_for(algorithm).expect("aws-lc generates every kind listed here")
    }
}

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// Authenticating a server (extended key usage serverAuth).
    #[default]
    Server,
    /// Authenticating a client (extended key usage clientAuth).
    Client,
}

/// A certificate to be issued: valid since yesterday for 90 days from now, with a P-256 key, for
/// servers, signed by the root, unless told otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    dns: Vec<String>,
    ips: Vec<IpAddr>,
    common_name: Option<String>,
    not_before: Moment,
    not_after: Moment,
    key: KeyKind,
    purpose: Purpose,
    authority: bool,
    chain: Chain,
}

impl Leaf {
    /// For these subject alternative names; what parses as an IP address becomes one.
    pub fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Self {
        let empty = Self {
            dns: Vec::new(),
            ips: Vec::new(),
            common_name: None,
            not_before: Moment::Ago(DAY),
            not_after: Moment::Ahead(90 * DAY),
            key: KeyKind::default(),
            purpose: Purpose::default(),
            authority: false,
            chain: Chain::default(),
        };
        names.into_iter().fold(empty, |leaf, name| match name.as_ref().parse() {
            Ok(ip) => leaf.ip(ip),
            Err(_) => leaf.dns(name.as_ref()),
        })
    }

    /// For `localhost`, `127.0.0.1` and `::1`.
    pub fn localhost() -> Self {
        Self::new(["localhost"]).ip(Ipv4Addr::LOCALHOST.into()).ip(Ipv6Addr::LOCALHOST.into())
    }

    /// Adds a DNS name; wildcards are allowed.
    #[must_use]
    pub fn dns(mut self, name: &str) -> Self {
        self.dns.push(name.to_owned());
        self
    }

    /// Adds an IP address.
    #[must_use]
    pub fn ip(mut self, ip: IpAddr) -> Self {
        self.ips.push(ip);
        self
    }

    /// Sets the subject's common name; otherwise it is the first DNS name, or `leaf`.
    #[must_use]
    pub fn common_name(mut self, name: &str) -> Self {
        self.common_name = Some(name.to_owned());
        self
    }

    /// Valid from this moment on.
    #[must_use]
    pub fn not_before(mut self, moment: Moment) -> Self {
        self.not_before = moment;
        self
    }

    /// Valid up to this moment.
    #[must_use]
    pub fn not_after(mut self, moment: Moment) -> Self {
        self.not_after = moment;
        self
    }

    /// Short for [`Self::not_after`] with a moment ahead.
    #[must_use]
    pub fn expires_in(self, remaining: Duration) -> Self {
        self.not_after(Moment::Ahead(remaining))
    }

    /// Ran out yesterday, after 90 days.
    #[must_use]
    pub fn expired(self) -> Self {
        self.not_before(Moment::Ago(91 * DAY)).not_after(Moment::Ago(DAY))
    }

    /// Becomes valid tomorrow, for 90 days.
    #[must_use]
    pub fn not_yet_valid(self) -> Self {
        self.not_before(Moment::Ahead(DAY)).not_after(Moment::Ahead(91 * DAY))
    }

    /// With a key pair of this kind.
    #[must_use]
    pub fn key(mut self, kind: KeyKind) -> Self {
        self.key = kind;
        self
    }

    /// For a client to present, instead of a server.
    #[must_use]
    pub fn for_client(mut self) -> Self {
        self.purpose = Purpose::Client;
        self
    }

    /// Served with these certificates.
    #[must_use]
    pub fn chain(mut self, chain: Chain) -> Self {
        self.chain = chain;
        self
    }

    /// [`Chain::Intermediate`]: signed by the intermediate, which is served too.
    #[must_use]
    pub fn through_intermediate(self) -> Self {
        self.chain(Chain::Intermediate)
    }

    /// [`Chain::Incomplete`]: signed by the intermediate, which is not served.
    #[must_use]
    pub fn incomplete(self) -> Self {
        self.chain(Chain::Incomplete)
    }

    /// [`Chain::WithRoot`]: the root is served as well.
    #[must_use]
    pub fn with_root(self) -> Self {
        self.chain(Chain::WithRoot)
    }

    /// [`Chain::WithStranger`]: an unrelated certificate is served as well.
    #[must_use]
    pub fn with_stranger(self) -> Self {
        self.chain(Chain::WithStranger)
    }

    /// [`Chain::Misordered`]: the root is served before the intermediate.
    #[must_use]
    pub fn misordered(self) -> Self {
        self.chain(Chain::Misordered)
    }

    /// Says that it is an authority, as `openssl req -x509` writes it.
    #[must_use]
    pub fn as_authority(mut self) -> Self {
        self.authority = true;
        self
    }

    pub(super) fn key_kind(&self) -> KeyKind {
        self.key
    }

    pub(super) fn chain_kind(&self) -> Chain {
        self.chain
    }

    /// The moments, reckoned from now.
    #[expect(
        clippy::disallowed_methods,
        reason = "TLS libraries check certificates against the real clock, so they are dated by it"
    )]
    pub(super) fn validity(&self) -> (SystemTime, SystemTime) {
        let now = SystemTime::now();
        (self.not_before.of(now), self.not_after.of(now))
    }

    pub(super) fn params(&self, validity: (SystemTime, SystemTime)) -> CertificateParams {
        let mut params = CertificateParams::default();
        // Going by the epoch names no type of the `time` crate, which nothing else here needs.
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        params.not_before = epoch + since_epoch(validity.0);
        params.not_after = epoch + since_epoch(validity.1);
        let fallback = self.dns.first().map_or("leaf", String::as_str);
        let common_name = self.common_name.as_deref().unwrap_or(fallback);
        params.distinguished_name.push(DnType::CommonName, common_name);
        let dns = self.dns.iter().map(|name| {
            let name = name.as_str().try_into();
            SanType::DnsName(name.expect("names in tests are ASCII"))
        });
        let ips = self.ips.iter().copied().map(SanType::IpAddress);
        params.subject_alt_names = dns.chain(ips).collect();
        params.is_ca = if self.authority {
            IsCa::Ca(BasicConstraints::Unconstrained)
        } else {
            IsCa::ExplicitNoCa
        };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match self.purpose {
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        params
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).expect("tests run well after 1970")
}
