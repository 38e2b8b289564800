//! A certificate for the hardened specimen, made at start.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use musterd_probes::net::trust::provider;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A server's TLS, and the authority that vouches for it.
pub(super) struct Made {
    /// PEM.
    pub(super) authority: String,
    /// With a certificate that has most of its life before it.
    pub(super) server: Arc<ServerConfig>,
    /// With one that nobody renewed.
    pub(super) expiring: Arc<ServerConfig>,
}

/// Of its 90 days, a certificate that nobody renewed has so many left.
const LEFT: i64 = 4;

/// Makes an authority and certificates for loopback that are valid for 90 days.
pub(super) fn make() -> Result<Made, Error> {
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();

    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "musterd demo authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    span(&mut params, today.checked_sub(100.days())?, 3650)?;
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    Ok(Made {
        server: server(&authority, today, 89)?,
        expiring: server(&authority, today, LEFT)?,
        authority: authority.pem(),
    })
}

/// TLS with a certificate of 90 days that has so many left.
fn server(
    authority: &CertifiedIssuer<'_, KeyPair>,
    today: Date,
    left: i64,
) -> Result<Arc<ServerConfig>, Error> {
    let names = ["127.0.0.1", "localhost"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "specimen");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    span(&mut params, today.checked_add((left - 90).days())?, 90)?;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;

    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

/// From a day on, for so many days.
fn span(params: &mut CertificateParams, from: Date, days: i64) -> Result<(), Error> {
    let at = |date: Date| -> Result<_, Error> {
        let (month, day) = (u8::try_from(date.month())?, u8::try_from(date.day())?);
        Ok(rcgen::date_time_ymd(date.year().into(), month, day))
    };
    params.not_before = at(from)?;
    params.not_after = at(from.checked_add(days.days())?)?;
    Ok(())
}
