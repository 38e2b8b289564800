//! Whom we trust and who we are: roots, private authorities, client certificates.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::Instant;

use crate::blind::{Blind, Cause};
use crate::files;
use crate::net::named::Named;

/// The longest file of certificates or keys that is read, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// What was read is good for so long: a survey of twenty connections reads its files once.
const FRESH: Duration = Duration::from_secs(1);

/// The certificate and key that we show to a server that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM: our certificate, and what leads to its root.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

/// How peers are verified, and what is shown to them.
#[derive(Clone)]
pub struct TlsMaterial {
    /// Everything but the verifier, which records for one connection.
    pub config: Arc<ClientConfig>,
    /// The verdict on a chain.
    pub verifier: Arc<WebPkiServerVerifier>,
    /// What `ca` names: one of these may be the server's very own.
    pub(super) named: Named,
}

impl std::fmt::Debug for TlsMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsMaterial")
    }
}

impl TlsMaterial {
    /// The same without a certificate of our own.
    #[must_use]
    pub fn anonymous(self) -> Self {
        if !self.config.client_auth_cert_resolver.has_certs() {
            return self;
        }
        let mut config = (*self.config).clone();
        config.client_auth_cert_resolver = Arc::new(NoCertificate);
        Self { config: Arc::new(config), ..self }
    }
}

/// Shows nothing to a server that asks.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// The roots that a process starts from.
#[derive(Debug, Clone)]
pub struct Roots {
    store: Arc<RootCertStore>,
    plain: Result<TlsMaterial, String>,
}

impl Roots {
    /// Mozilla's roots as bundled, and the platform's where `system` says so. A platform store
    /// that cannot be read adds nothing; the errors are given back for the log.
    pub fn new(system: bool) -> (Self, Vec<String>) {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut errors = Vec::new();
        if system {
            let loaded = rustls_native_certs::load_native_certs();
            errors.extend(loaded.errors.iter().map(ToString::to_string));
            store.add_parsable_certificates(loaded.certs);
        }
        let store = Arc::new(store);
        let plain =
            material(Arc::clone(&store), None, Vec::new()).map_err(|error| error.to_string());
        (Self { store, plain }, errors)
    }
}

/// A service's own trust: files are read again after a second, so that a rotated one is used by the
/// next run.
#[derive(Debug, Default)]
pub struct Trust {
    /// PEM of authorities that are trusted beside the roots.
    pub ca: Option<PathBuf>,
    /// What is shown to a server that asks.
    pub client: Option<ClientCertificate>,
    made: Mutex<Option<Made>>,
}

#[derive(Debug)]
struct Made {
    read: Instant,
    files: Files,
    material: TlsMaterial,
}

#[derive(Debug, PartialEq, Eq, Default)]
struct Files {
    ca: Option<Vec<u8>>,
    client: Option<(Vec<u8>, zeroize::Zeroizing<Vec<u8>>)>,
}

impl Trust {
    /// Trust beside the roots, and a certificate of our own.
    pub fn new(ca: Option<PathBuf>, client: Option<ClientCertificate>) -> Self {
        Self { ca, client, made: Mutex::default() }
    }

    /// What a handshake needs. Made anew only when a file's content changed.
    pub async fn material(&self, roots: &Roots) -> Result<TlsMaterial, Blind> {
        if self.ca.is_none() && self.client.is_none() {
            return roots.plain.clone().map_err(|why| Blind::new(Cause::Internal, why));
        }
        let made = || self.made.lock().expect("no panic under this lock");
        if let Some(made) = &*made()
            && made.read.elapsed() < FRESH
        {
            return Ok(made.material.clone());
        }
        let read = Instant::now();
        let files = self.files().await?;
        if let Some(made) = &mut *made()
            && made.files == files
        {
            made.read = read;
            return Ok(made.material.clone());
        }
        let material = self.make(roots, &files)?;
        *made() = Some(Made { read, files, material: material.clone() });
        Ok(material)
    }

    /// All files in one visit to a thread that may wait for a disk.
    async fn files(&self) -> Result<Files, Blind> {
        let read = files::read(self.paths(), LONGEST).await.map_err(|why| {
            let path = self.paths().next().unwrap_or_else(|| Path::new(""));
            let why = format!("{}, or a file beside it, cannot be read: {why}", path.display());
            Blind::new(Cause::Secret, why)
        })?;
        let mut found = self.paths().zip(&*read);
        let mut next = |what| match found.next() {
            Some((_, Ok(bytes))) => Ok(bytes.to_vec()),
            Some((path, Err(why))) => Err(unusable(path, what, why)),
            None => Err(Blind::new(Cause::Internal, format!("{what} was not read"))),
        };
        let ca = self.ca.as_ref().map(|_| next("ca")).transpose()?;
        let client = match &self.client {
            Some(_) => {
                let certificate = next("client_certificate.cert")?;
                Some((certificate, next("client_certificate.key")?.into()))
            }
            None => None,
        };
        Ok(Files { ca, client })
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        let client = self.client.iter().flat_map(|client| [&client.certificate, &client.key]);
        self.ca.iter().chain(client).map(PathBuf::as_path)
    }

    fn make(&self, roots: &Roots, files: &Files) -> Result<TlsMaterial, Blind> {
        let mut store = Arc::clone(&roots.store);
        let mut named = Vec::new();
        if let (Some(path), Some(pem)) = (&self.ca, &files.ca) {
            named = certificates(pem, path, "ca")?;
            let own = Arc::make_mut(&mut store);
            for authority in &named {
                own.add(authority.clone()).map_err(|error| unusable(path, "ca", &error))?;
            }
        }
        let client = match (&self.client, &files.client) {
            (Some(paths), Some((certificate, key))) => {
                let chain =
                    certificates(certificate, &paths.certificate, "client_certificate.cert")?;
                let key = PrivateKeyDer::from_pem_slice(key)
                    .map_err(|error| unusable(&paths.key, "client_certificate.key", &error))?;
                Some((chain, key))
            }
            _ => None,
        };
        material(store, client, named).map_err(|error| match &self.client {
            Some(paths) => unusable(&paths.key, "client_certificate.key", &error),
            None => Blind::new(Cause::Internal, error.to_string()),
        })
    }
}

fn certificates(
    pem: &[u8],
    path: &Path,
    what: &str,
) -> Result<Vec<CertificateDer<'static>>, Blind> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(path, what, &error))?;
    if found.is_empty() {
        return Err(unusable(path, what, &"it holds no certificate in PEM"));
    }
    Ok(found)
}

fn unusable(path: &Path, what: &str, error: &dyn std::fmt::Display) -> Blind {
    Blind::new(Cause::Secret, format!("{what} {} cannot be used: {error}", path.display()))
}

/// The one cryptography provider of the program. Never a process-wide default: two providers in
/// one tree would make that panic.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::LazyLock<Arc<CryptoProvider>> =
        std::sync::LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    Arc::clone(&PROVIDER)
}

fn material(
    store: Arc<RootCertStore>,
    client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    named: Vec<CertificateDer<'static>>,
) -> Result<TlsMaterial, Box<dyn std::error::Error + Send + Sync>> {
    let verifier = WebPkiServerVerifier::builder_with_provider(store, provider()).build()?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>);
    let mut config = match client {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
        None => builder.with_no_client_auth(),
    };
    // Every run shakes hands in full: a resumed session would show no certificate.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsMaterial { config: Arc::new(config), verifier, named: named.into() })
}
