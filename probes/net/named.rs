//! A server whose very certificate the configuration names in `ca`.
//!
//! `openssl req -x509` makes certificates of authorities, and people serve them as they are. The
//! verifier refuses such a one even where it is trusted, OpenSSL and most clients do not: there is
//! no chain to follow, only its time and its names are left to look at.

use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The certificates that the configuration names.
pub type Named = Arc<[CertificateDer<'static>]>;

/// The verdict on a certificate that was refused for `reason`, where it is one of those.
pub(super) fn again(
    reason: Error,
    named: &Named,
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), Error> {
    let for_its_form = matches!(&reason, Error::InvalidCertificate(CertificateError::Other(_)));
    if !for_its_form || !named.iter().any(|known| known == certificate) {
        return Err(reason);
    }
    let Ok((_, read)) = X509Certificate::from_der(certificate) else { return Err(reason) };
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if seconds < read.validity().not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if seconds > read.validity().not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
}
