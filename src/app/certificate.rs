//! The certificate that the daemon serves under, which somebody may renew in its files.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use musterd_probes::net::trust::provider;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::ServerTls;
use crate::hash::stable_hash;

/// The certificate of the server, and where it stands.
pub(super) struct Certificate {
    files: ServerTls,
    config: RustlsConfig,
    /// What was found in the files last, as a hash.
    found: u64,
}

/// What stands in the files.
struct Found {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    /// Reads the certificate, which has to be sound.
    pub(super) async fn read(files: &ServerTls) -> Result<Self, String> {
        let found = Found::read(files).await?;
        let config = RustlsConfig::from_config(found.config(files)?);
        Ok(Self { files: files.clone(), config, found: found.hash() })
    }

    /// Under which the server serves, now and when the files have changed.
    pub(super) fn config(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// Looks so often whether the files have changed.
    pub(super) async fn follow(mut self, every: Duration) -> Infallible {
        let mut turn = tokio::time::interval(every);
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            turn.tick().await;
            self.renew().await;
        }
    }

    /// Takes over what has changed in the files. What is wrong with it is said once, and may be
    /// half of a change: the certificate from before goes on.
    async fn renew(&mut self) {
        let found = Found::read(&self.files).await;
        let hash = match &found {
            Ok(found) => found.hash(),
            Err(error) => stable_hash([&**error]),
        };
        if std::mem::replace(&mut self.found, hash) == hash {
            return;
        }
        match found.and_then(|found| found.config(&self.files)) {
            Ok(config) => {
                self.config.reload_from_config(config);
                tracing::info!("the server's certificate was read again");
            }
            Err(error) => {
                tracing::error!(%error, "the server's certificate stays as it was");
            }
        }
    }
}

impl Found {
    async fn read(files: &ServerTls) -> Result<Self, String> {
        let read =
            async |path: &Path| tokio::fs::read(path).await.map_err(|error| wrong(path, &error));
        Ok(Self { cert: read(&files.cert).await?, key: read(&files.key).await? })
    }

    fn hash(&self) -> u64 {
        stable_hash(
            [&self.cert, &self.key]
                .map(|pem| String::from_utf8_lossy(pem))
                .each_ref()
                .map(|text| &**text),
        )
    }

    fn config(&self, files: &ServerTls) -> Result<Arc<ServerConfig>, String> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.cert)
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(&files.cert, &error))?;
        let key =
            PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| wrong(&files.key, &error))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| wrong(&files.cert, &error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("server.tls: {} cannot be used: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use musterd_test_support::ca::{Authority, Identity, Leaf};

    use super::*;

    /// Writes what is given of an identity.
    fn write(files: &ServerTls, identity: &Identity, parts: &[&str]) {
        for part in parts {
            match *part {
                "cert" => std::fs::write(&files.cert, identity.chain_pem()).unwrap(),
                _ => std::fs::write(&files.key, identity.key_pem()).unwrap(),
            }
        }
    }

    #[tokio::test]
    async fn what_is_renewed_as_a_whole_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        let files = ServerTls { cert, key };
        let authority = Authority::new();
        let [old, new] = [(); 2].map(|()| authority.issue(&Leaf::localhost()));
        write(&files, &old, &["cert", "key"]);
        let mut certificate = Certificate::read(&files).await.unwrap();
        let config = certificate.config();
        let first = config.get_inner();

        certificate.renew().await;
        assert!(Arc::ptr_eq(&first, &config.get_inner()), "nothing changed");
        write(&files, &new, &["cert"]);
        certificate.renew().await;
        assert!(Arc::ptr_eq(&first, &config.get_inner()), "the key is of another certificate");
        std::fs::remove_file(&files.key).unwrap();
        certificate.renew().await;
        assert!(Arc::ptr_eq(&first, &config.get_inner()), "the key is gone");
        write(&files, &new, &["key"]);
        certificate.renew().await;
        let second = config.get_inner();
        assert!(!Arc::ptr_eq(&first, &second));
        certificate.renew().await;
        assert!(Arc::ptr_eq(&second, &config.get_inner()), "nothing changed since");
    }
}
