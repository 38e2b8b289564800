//! A certificate with its key, ready to be served.

use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{Certificate, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};

use super::{Authority, Leaf};

/// A leaf certificate, what is served next to it, and its private key.
#[derive(Debug, Clone)]
pub struct Identity {
    chain: Vec<Certificate>,
    key: Arc<KeyPair>,
    validity: (SystemTime, SystemTime),
}

impl Identity {
    pub(super) fn new(
        chain: Vec<Certificate>,
        key: KeyPair,
        validity: (SystemTime, SystemTime),
    ) -> Self {
        Self { chain, key: Arc::new(key), validity }
    }

    /// A certificate for these names that nobody but itself signed; otherwise as [`Leaf::new`].
    pub fn self_signed<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::self_signed_leaf(&Leaf::new(names))
    }

    /// As [`Self::self_signed`]; the leaf's chain is ignored.
    pub fn self_signed_leaf(leaf: &Leaf) -> Self {
        let key = leaf.key_kind().generate();
        let validity = leaf.validity();
        let certificate = leaf.params(validity).self_signed(&key).expect("the key can sign");
        Self::new(vec![certificate], key, validity)
    }

    /// The served certificates as PEM, the leaf first.
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(Certificate::pem).collect()
    }

    /// The private key as PKCS#8 PEM.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The served certificates, the leaf first.
    pub fn chain_der(&self) -> Vec<CertificateDer<'static>> {
        self.chain.iter().map(|certificate| certificate.der().clone()).collect()
    }

    /// The leaf certificate alone.
    pub fn leaf_der(&self) -> CertificateDer<'static> {
        self.chain.first().expect("a chain starts with its leaf").der().clone()
    }

    /// The private key as PKCS#8.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    /// The moment the certificate becomes valid, in whole seconds.
    pub fn not_before(&self) -> SystemTime {
        self.validity.0
    }

    /// The moment the certificate runs out, in whole seconds.
    pub fn not_after(&self) -> SystemTime {
        self.validity.1
    }

    /// Serves this identity over TLS 1.2 and 1.3, offering these ALPN protocols (none if empty).
    pub fn server_config(&self, alpn: &[&str]) -> Arc<ServerConfig> {
        self.config(&[&TLS13, &TLS12], None, alpn)
    }

    /// As [`Self::server_config`], TLS 1.2 only.
    pub fn server_config_tls12(&self, alpn: &[&str]) -> Arc<ServerConfig> {
        self.config(&[&TLS12], None, alpn)
    }

    /// As [`Self::server_config`], TLS 1.3 only.
    pub fn server_config_tls13(&self, alpn: &[&str]) -> Arc<ServerConfig> {
        self.config(&[&TLS13], None, alpn)
    }

    /// As [`Self::server_config`], refusing clients without a certificate of `authority`.
    pub fn server_config_mutual(&self, authority: &Authority, alpn: &[&str]) -> Arc<ServerConfig> {
        self.config(&[&TLS13, &TLS12], Some(authority), alpn)
    }

    /// As [`Self::server_config_mutual`], TLS 1.2 only.
    pub fn server_config_mutual_tls12(&self, authority: &Authority) -> Arc<ServerConfig> {
        self.config(&[&TLS12], Some(authority), &[])
    }

    fn config(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        clients_of: Option<&Authority>,
        alpn: &[&str],
    ) -> Arc<ServerConfig> {
        let provider = provider();
        let key = provider.key_provider.load_private_key(self.key_der());
        // Built by hand, because rustls' shortcut refuses certificates it finds fault with.
        let served = CertifiedKey::new(self.chain_der(), key.expect("rcgen writes sound keys"));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .expect("the provider has suites for every version");
        let builder = match clients_of {
            None => builder.with_no_client_auth(),
            Some(authority) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(authority.root_store(), provider)
                    .build()
                    .expect("the store holds a root"),
            ),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(served)));
        config.alpn_protocols = protocols(alpn);
        Arc::new(config)
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

pub(super) fn protocols(alpn: &[&str]) -> Vec<Vec<u8>> {
    alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect()
}
