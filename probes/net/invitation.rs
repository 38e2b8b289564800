//! Whether a server asked for a certificate of ours, which some break the handshake off without.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

/// Gives what it stands before, and notes that it was asked.
#[derive(Debug)]
pub(super) struct Invitation {
    certificates: Arc<dyn ResolvesClientCert>,
    came: AtomicBool,
}

impl Invitation {
    pub(super) fn before(certificates: Arc<dyn ResolvesClientCert>) -> Self {
        Self { certificates, came: AtomicBool::new(false) }
    }

    /// Whether it was asked and had nothing to give.
    pub(super) fn was_left_open(&self) -> bool {
        self.came.load(Ordering::Relaxed) && !self.certificates.has_certs()
    }
}

impl ResolvesClientCert for Invitation {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.came.store(true, Ordering::Relaxed);
        self.certificates.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        self.certificates.has_certs()
    }
}
