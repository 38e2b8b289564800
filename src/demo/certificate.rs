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
    pub(super) server: Arc<ServerConfig>,
}

/// Makes an authority and a certificate for loopback that is valid for 90 days.
pub(super) fn make() -> Result<Made, Error> {
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();

    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "musterd demo authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    span(&mut params, today, 365)?;
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    let names = ["127.0.0.1", "localhost"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "hardened specimen");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    span(&mut params, today, 90)?;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &authority)?;

    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Made { authority: authority.pem(), server: Arc::new(server) })
}

/// From yesterday on, for so many days.
fn span(params: &mut CertificateParams, today: Date, days: i64) -> Result<(), Error> {
    let at = |date: Date| -> Result<_, Error> {
        let (month, day) = (u8::try_from(date.month())?, u8::try_from(date.day())?);
        Ok(rcgen::date_time_ymd(date.year().into(), month, day))
    };
    let yesterday = today.checked_sub(1.day())?;
    params.not_before = at(yesterday)?;
    params.not_after = at(yesterday.checked_add(days.days())?)?;
    Ok(())
}
