//! One TLS handshake that records what it saw and lets its caller decide.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::blind::Blind;
use crate::net::certificate::{Certificate, read_chain};
use crate::net::failure::{self, Failure, FailureKind};
use crate::net::invitation::Invitation;
use crate::net::named::{self, Named};
use crate::net::phase::Phase;
use crate::net::trust::TlsMaterial;

/// What a handshake saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// The name that was asked for, and that the certificate must bear.
    pub server_name: String,
    /// `TLS 1.2` or `TLS 1.3`, as `blackbox_exporter` labels them.
    pub version: String,
    /// The cipher suite's name in IANA's registry.
    pub cipher: String,
    /// The key exchange group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What ALPN agreed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// The chain as it was sent, the server's own certificate first.
    pub chain: Vec<Certificate>,
    /// Why the chain does not verify; `None` when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distrust: Option<Distrust>,
}

/// Why a chain does not verify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distrust {
    /// The reason, for rules.
    pub kind: DistrustKind,
    /// The reason in words.
    pub detail: String,
}

/// The reasons for which a chain does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DistrustKind {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It speaks for other names.
    HostMismatch,
    /// No trusted root was reached.
    UnknownIssuer,
    /// A root of its issuer's name is trusted, and has another key.
    OtherKey,
    /// Anything else.
    Other,
}

/// Which HTTP is spoken. Over TLS it is what ALPN offers, and the server chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alpn {
    /// HTTP/2 and HTTP/1.1.
    #[default]
    Http,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 alone, over plain TCP with prior knowledge (RFC 9113 section 3.3).
    Http2,
    /// No extension at all: what speaks over TLS is not HTTP.
    None,
}

impl Alpn {
    fn protocols(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Http1 => vec![b"http/1.1".to_vec()],
            Self::Http2 => vec![b"h2".to_vec()],
            Self::None => Vec::new(),
        }
    }
}

/// What a peer showed of itself, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presented {
    /// The chain in DER, the server's own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The OCSP response that was stapled to it; empty where there is none.
    pub staple: Vec<u8>,
    /// Why the chain does not verify.
    pub distrust: Option<Distrust>,
    /// The authorities that it could be verified with beside the usual ones.
    pub named: Named,
}

/// Where a handshake notes what the peer showed, for whoever outlives it.
#[derive(Debug, Clone, Default)]
pub struct Recording(Arc<OnceLock<Presented>>);

impl Recording {
    /// What was noted; nothing where no certificate came.
    pub fn take(&self) -> Presented {
        self.0.get().cloned().unwrap_or_default()
    }
}

/// Shakes hands. A certificate that does not verify does not end the handshake: it is in the
/// facts, and the caller sends nothing secret then.
pub async fn handshake(
    stream: TcpStream,
    name: ServerName<'static>,
    material: &TlsMaterial,
    alpn: Alpn,
    recording: &Recording,
) -> Result<Result<(Box<TlsStream<TcpStream>>, TlsFacts), Failure>, Blind> {
    let recorder = Arc::new(Recorder {
        verifier: Arc::clone(&material.verifier),
        named: Arc::clone(&material.named),
        recording: recording.clone(),
    });
    let mut config = (*material.config).clone();
    config.alpn_protocols = alpn.protocols();
    config
        .dangerous()
        .set_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>);
    let invitation = Arc::new(Invitation::before(config.client_auth_cert_resolver));
    config.client_auth_cert_resolver = Arc::clone(&invitation) as Arc<dyn ResolvesClientCert>;
    let server_name = name.to_str().into_owned();
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(stream) => {
            let facts = facts(server_name, &stream, &recorder);
            Ok(Ok((Box::new(stream), facts)))
        }
        Err(error) => failure::of_io(Phase::Tls, &error).map(|failure| {
            Err(match failure.kind {
                FailureKind::Closed => Failure {
                    detail: "the peer closed the connection in the handshake".to_owned(),
                    ..failure
                },
                FailureKind::Reset => Failure {
                    detail: "the peer reset the connection in the handshake".to_owned(),
                    ..failure
                },
                FailureKind::TlsAlert if invitation.was_left_open() => {
                    Failure { detail: format!("{}, {ASKED_FOR_OURS}", failure.detail), ..failure }
                }
                _ => failure,
            })
        }),
    }
}

/// Why a server breaks off that lets nobody in without a certificate.
const ASKED_FOR_OURS: &str = "after it had asked for a certificate of ours (`client_certificate`)";

fn facts(server_name: String, stream: &TlsStream<TcpStream>, recorder: &Recorder) -> TlsFacts {
    let (_, connection) = stream.get_ref();
    TlsFacts {
        server_name,
        version: match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
            other => format!("{other:?}"),
        },
        cipher: connection
            .negotiated_cipher_suite()
            .map(|suite| suite.suite().as_str().unwrap_or("unknown").replace("TLS13_", "TLS_"))
            .unwrap_or_default(),
        group: connection
            .negotiated_key_exchange_group()
            .map(|group| format!("{:?}", group.name())),
        alpn: connection
            .alpn_protocol()
            .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        chain: read_chain(connection.peer_certificates().unwrap_or_default()),
        distrust: recorder.recording.0.get().and_then(|shown| shown.distrust.clone()),
    }
}

/// Verifies as a browser would, notes the verdict, and lets the handshake go on.
#[derive(Debug)]
struct Recorder {
    verifier: Arc<WebPkiServerVerifier>,
    named: Named,
    recording: Recording,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let verdict = match verdict {
            Ok(_) => Ok(()),
            Err(why) => named::again(why, &self.named, end_entity, server_name, now),
        };
        let chain = std::iter::once(end_entity).chain(intermediates);
        let presented = Presented {
            chain: chain.map(|der| der.clone().into_owned()).collect(),
            staple: ocsp_response.to_vec(),
            distrust: verdict.err().as_ref().map(distrust),
            named: Arc::clone(&self.named),
        };
        // The first verdict stands; a handshake verifies once.
        let _first = self.recording.0.set(presented);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn distrust(error: &rustls::Error) -> Distrust {
    let rustls::Error::InvalidCertificate(reason) = error else {
        return Distrust { kind: DistrustKind::Other, detail: error.to_string() };
    };
    let (kind, detail) = match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            (DistrustKind::Expired, "the certificate has expired".to_owned())
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            (DistrustKind::NotYetValid, "the certificate is not valid yet".to_owned())
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (DistrustKind::HostMismatch, "the certificate speaks for other names".to_owned())
        }
        CertificateError::UnknownIssuer => {
            (DistrustKind::UnknownIssuer, "no trusted root vouches for the certificate".to_owned())
        }
        // A root of that name is trusted, but its key is another: an authority that was made anew.
        CertificateError::BadSignature => (
            DistrustKind::OtherKey,
            "no trusted root vouches for the certificate: one of its issuer's name has another key"
                .to_owned(),
        ),
        // webpki's own words are the names of its errors.
        CertificateError::Other(cause) if cause.to_string() == "CaUsedAsEndEntity" => (
            DistrustKind::Other,
            "the certificate is one for an authority (CA:TRUE in its basic constraints), which \
             counts for a server only where `ca` names it"
                .to_owned(),
        ),
        CertificateError::Other(cause) => {
            (DistrustKind::Other, format!("the certificate does not verify: {cause}"))
        }
        other => (DistrustKind::Other, format!("the certificate does not verify: {other}")),
    };
    Distrust { kind, detail }
}
