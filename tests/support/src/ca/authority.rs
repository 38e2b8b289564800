//! A root certificate authority with one intermediate.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::identity::{protocols, provider};
use super::{Chain, Identity, KeyKind, Leaf};

/// A root of trust made for one test, with an intermediate below it.
#[derive(Debug)]
pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A fresh authority named `Test Root`; no two trust each other.
    pub fn new() -> Self {
        Self::named("Test Root")
    }

    /// A fresh authority whose root has this common name.
    pub fn named(name: &str) -> Self {
        Self::of(name, authority_params(name))
    }

    /// A fresh authority whose root ended years ago; its intermediate did not.
    pub fn ended() -> Self {
        let mut root = authority_params("Ended Root");
        root.not_before = rcgen::date_time_ymd(2010, 1, 1);
        root.not_after = rcgen::date_time_ymd(2020, 1, 1);
        Self::of("Ended Root", root)
    }

    fn of(name: &str, root: CertificateParams) -> Self {
        let root =
            CertifiedIssuer::self_signed(root, KeyKind::P256.generate()).expect("the key can sign");
        let below = authority_params(&format!("{name} Intermediate"));
        let intermediate = CertifiedIssuer::signed_by(below, KeyKind::P256.generate(), &root)
            .expect("the root can sign");
        Self { root, intermediate }
    }

    /// The root certificate as PEM.
    pub fn pem(&self) -> String {
        self.root.pem()
    }

    /// The root certificate.
    pub fn der(&self) -> CertificateDer<'static> {
        self.root.der().clone()
    }

    /// The intermediate certificate as PEM.
    pub fn intermediate_pem(&self) -> String {
        self.intermediate.pem()
    }

    /// Issues a certificate.
    pub fn issue(&self, leaf: &Leaf) -> Identity {
        let key = leaf.key_kind().generate();
        let validity = leaf.validity();
        let chain = leaf.chain_kind();
        let issuer = if chain.through_intermediate() { &self.intermediate } else { &self.root };
        let certificate =
            leaf.params(validity).signed_by(&key, issuer).expect("the issuer can sign");
        let mut served = vec![certificate];
        served.extend(self.companions(chain));
        Identity::new(served, key, validity)
    }

    /// Trusts this authority's root and nothing else.
    pub fn root_store(&self) -> Arc<RootCertStore> {
        let mut store = RootCertStore::empty();
        store.add(self.der()).expect("rcgen writes sound certificates");
        Arc::new(store)
    }

    /// A client that trusts this authority only, offering these ALPN protocols (none if empty).
    pub fn client_config(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        self.client(None, alpn)
    }

    /// As [`Self::client_config`], presenting `identity` to servers that ask for a certificate.
    pub fn client_config_as(&self, identity: &Identity, alpn: &[&str]) -> Arc<ClientConfig> {
        self.client(Some(identity), alpn)
    }

    fn companions(&self, chain: Chain) -> Vec<Certificate> {
        let (root, intermediate) = (certificate(&self.root), certificate(&self.intermediate));
        match chain {
            Chain::Direct | Chain::Incomplete => Vec::new(),
            Chain::Intermediate => vec![intermediate],
            Chain::WithRoot => vec![intermediate, root],
            Chain::WithStranger => {
                vec![intermediate, certificate(&Self::named("Stranger").root)]
            }
            Chain::Misordered => vec![root, intermediate],
        }
    }

    fn client(&self, identity: Option<&Identity>, alpn: &[&str]) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for every version")
            .with_root_certificates(self.root_store());
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(identity.chain_der(), identity.key_der())
                .expect("an identity's key fits its certificate"),
        };
        config.alpn_protocols = protocols(alpn);
        Arc::new(config)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

fn certificate(issuer: &CertifiedIssuer<'static, KeyPair>) -> Certificate {
    Certificate::clone(issuer.as_ref())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, UNIX_EPOCH};

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ProtocolVersion, ServerConfig};
    use tokio::io::AsyncReadExt;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::{Authority, Identity, KeyKind, Leaf};

    /// The version and the protocol agreed on, or the client's complaint.
    async fn shake(
        client: Arc<ClientConfig>,
        server: Arc<ServerConfig>,
    ) -> Result<(ProtocolVersion, Option<String>), String> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let name = ServerName::try_from("localhost").unwrap();
        let (client, server) = tokio::join!(
            async {
                let mut stream = TlsConnector::from(client).connect(name, near).await?;
                // A refusal of the client's certificate only shows once something is read.
                stream.read_u8().await?;
                Ok::<_, std::io::Error>(stream)
            },
            async {
                let mut stream = TlsAcceptor::from(server).accept(far).await?;
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"!").await?;
                tokio::io::AsyncWriteExt::flush(&mut stream).await?;
                Ok::<_, std::io::Error>(stream)
            }
        );
        drop(server);
        let stream = client.map_err(|error| error.to_string())?;
        let connection = stream.get_ref().1;
        let alpn = connection.alpn_protocol().map(|p| String::from_utf8(p.to_vec()).unwrap());
        Ok((connection.protocol_version().unwrap(), alpn))
    }

    async fn complaint(authority: &Authority, leaf: Leaf) -> String {
        let server = authority.issue(&leaf).server_config(&[]);
        shake(authority.client_config(&[]), server).await.unwrap_err()
    }

    #[tokio::test]
    async fn every_key_kind_is_trusted() {
        let authority = Authority::new();
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa2048] {
            let identity = authority.issue(&Leaf::localhost().key(kind));
            let agreed = shake(authority.client_config(&[]), identity.server_config(&[])).await;
            assert_eq!(agreed, Ok((ProtocolVersion::TLSv1_3, None)), "{kind:?}");
        }
    }

    #[tokio::test]
    async fn versions_and_alpn_are_as_configured() {
        let authority = Authority::new();
        let identity = authority.issue(&Leaf::localhost());
        let client = authority.client_config(&["h2", "http/1.1"]);
        let tls12 = shake(client.clone(), identity.server_config_tls12(&["http/1.1"])).await;
        assert_eq!(tls12, Ok((ProtocolVersion::TLSv1_2, Some("http/1.1".to_owned()))));
        let tls13 = shake(client, identity.server_config_tls13(&["h2"])).await;
        assert_eq!(tls13, Ok((ProtocolVersion::TLSv1_3, Some("h2".to_owned()))));
    }

    #[tokio::test]
    async fn sound_chains_verify() {
        let authority = Authority::new();
        let leaf = Leaf::localhost();
        for leaf in
            [leaf.clone().through_intermediate(), leaf.clone().with_root(), leaf.with_stranger()]
        {
            let server = authority.issue(&leaf).server_config(&[]);
            shake(authority.client_config(&[]), server).await.unwrap();
        }
    }

    #[test]
    fn chains_are_served_as_described() {
        let authority = Authority::new();
        let leaf = Leaf::localhost();
        let lengths = [
            (leaf.clone(), 1),
            (leaf.clone().through_intermediate(), 2),
            (leaf.clone().incomplete(), 1),
            (leaf.clone().with_root(), 3),
            (leaf.clone().with_stranger(), 3),
        ];
        for (leaf, length) in lengths {
            let pem = authority.issue(&leaf).chain_pem();
            assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), length, "{leaf:?}");
        }
        let misordered = authority.issue(&leaf.misordered()).chain_der();
        assert_eq!(misordered.len(), 3);
        assert_eq!(misordered[1], authority.der());
    }

    #[tokio::test]
    async fn unsound_certificates_are_refused() {
        let authority = Authority::new();
        let cases = [
            (Leaf::localhost().expired(), "expired"),
            (Leaf::localhost().not_yet_valid(), "not valid yet"),
            (Leaf::new(["other.test"]), "not valid for"),
            (Leaf::localhost().incomplete(), "UnknownIssuer"),
            (Leaf::localhost().for_client(), "key usage"),
        ];
        for (leaf, expected) in cases {
            let complaint = complaint(&authority, leaf).await;
            assert!(complaint.contains(expected), "{complaint} lacks {expected}");
        }
    }

    #[tokio::test]
    async fn strangers_are_not_trusted() {
        let authority = Authority::new();
        for identity in
            [Identity::self_signed(["localhost"]), Authority::new().issue(&Leaf::localhost())]
        {
            let agreed = shake(authority.client_config(&[]), identity.server_config(&[])).await;
            assert!(agreed.is_err(), "{agreed:?}");
        }
    }

    #[tokio::test]
    async fn a_mutual_server_wants_a_certificate_of_its_authority() {
        let authority = Authority::new();
        let server = authority.issue(&Leaf::localhost()).server_config_mutual(&authority, &[]);
        let member = authority.issue(&Leaf::new(["probe"]).for_client());
        shake(authority.client_config_as(&member, &[]), Arc::clone(&server)).await.unwrap();
        let stranger = Authority::named("Other").issue(&Leaf::new(["probe"]).for_client());
        for client in [authority.client_config(&[]), authority.client_config_as(&stranger, &[])] {
            assert!(shake(client, Arc::clone(&server)).await.is_err());
        }
    }

    #[test]
    fn validity_is_told_in_whole_seconds() {
        let leaf = Leaf::localhost().expires_in(Duration::from_hours(1));
        let identity = Authority::new().issue(&leaf);
        let span = identity.not_after().duration_since(identity.not_before()).unwrap();
        assert_eq!(span, Duration::from_hours(25));
        let moment = identity.not_after().duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(moment.subsec_nanos(), 0);
    }
}
