//! Files of authorities and client certificates: read anew, and named where they fail.

use std::path::PathBuf;
use std::time::Duration;

use musterd_test_support::ca::{Authority, Identity, Leaf};
use musterd_test_support::http::{HttpServer, Reply};
use tempfile::TempDir;

use super::{PATIENT, Private, answer, assert_blind, failure, target, text, to, visit};
use crate::blind::Cause;
use crate::net::failure::FailureKind;
use crate::net::phase::Phase;
use crate::net::redirect::Redirects;
use crate::net::request::Request;
use crate::net::target::Target;
use crate::net::tls::{Distrust, DistrustKind};
use crate::net::trust::{ClientCertificate, Trust};

const BOTH: &[&str] = &["h2", "http/1.1"];

/// A client certificate in two files.
fn client(dir: &TempDir, identity: &Identity) -> ClientCertificate {
    let (certificate, key) = (dir.path().join("client.pem"), dir.path().join("client.key"));
    std::fs::write(&certificate, identity.chain_pem()).unwrap();
    std::fs::write(&key, identity.key_pem()).unwrap();
    ClientCertificate { certificate, key }
}

async fn mutual(private: &Private) -> HttpServer {
    let identity = private.authority.issue(&Leaf::localhost());
    let config = identity.server_config_mutual(&private.authority, BOTH);
    HttpServer::start_tls(config, |_| Reply::text(200, "come in")).await
}

#[tokio::test]
async fn a_server_that_asks_is_shown_our_certificate() {
    let private = Private::new();
    let server = mutual(&private).await;
    let member = private.authority.issue(&Leaf::new(["probe"]).for_client());
    let shown = client(&private.dir, &member);
    let trust = Trust::new(Some(private.file()), Some(shown));
    let exchange = visit(&to(Target { trust, ..target(&server.url()) }, PATIENT)).await.unwrap();
    assert_eq!(text(&exchange), "come in");
    assert_eq!(server.requests()[0].client_certificate, Some(member.leaf_der()));
}

#[tokio::test]
async fn a_server_that_misses_our_certificate_is_evidence_with_the_handshake() {
    let private = Private::new();
    let server = mutual(&private).await;
    let exchange = visit(&to(private.target(&server.url()), PATIENT)).await.unwrap();
    assert_eq!(failure(&exchange).kind, FailureKind::TlsAlert, "{:?}", failure(&exchange));
    assert!(failure(&exchange).detail.contains("CertificateRequired"), "{:?}", failure(&exchange));
    assert_eq!(exchange.connection.tls.unwrap().chain.len(), 1);
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_server_that_breaks_off_without_our_certificate_is_told_from_one_that_just_breaks_off() {
    let private = Private::new();
    let identity = private.authority.issue(&Leaf::localhost());
    let config = identity.server_config_mutual_tls12(&private.authority);
    let server = HttpServer::start_tls(config, |_| Reply::text(200, "come in")).await;
    let exchange = visit(&to(private.target(&server.url()), PATIENT)).await.unwrap();
    let failure = failure(&exchange);
    assert_eq!((failure.kind, failure.phase), (FailureKind::TlsAlert, Phase::Tls));
    assert!(failure.detail.contains("`client_certificate`"), "{failure:?}");
    // One that is not good enough is another matter.
    let stranger = Authority::named("Other").issue(&Leaf::new(["probe"]).for_client());
    let trust = Trust::new(Some(private.file()), Some(client(&private.dir, &stranger)));
    let target = Target { trust, ..target(&server.url()) };
    let exchange = visit(&to(target, PATIENT)).await.unwrap();
    assert!(!super::failure(&exchange).detail.contains("`client_certificate`"));
}

#[tokio::test]
async fn our_certificate_stays_with_the_services_own_host() {
    let private = Private::new();
    let other = mutual(&private).await;
    let elsewhere = format!("https://127.0.0.1:{}/", other.addr().port());
    let identity = private.authority.issue(&Leaf::localhost());
    let config = identity.server_config_mutual(&private.authority, BOTH);
    let server = HttpServer::start_tls(config, move |_| Reply::redirect(302, &elsewhere)).await;
    let member = private.authority.issue(&Leaf::new(["probe"]).for_client());
    let trust = Trust::new(Some(private.file()), Some(client(&private.dir, &member)));
    let cx = to(Target { trust, ..target(&server.url()) }, PATIENT);
    let request = Request::get(cx.target().url.clone());
    let followed = cx.follow(&request, Redirects::Follow).await.unwrap();
    assert_eq!(answer(&followed.hops[0]).status, 302);
    assert_eq!(failure(followed.last()).kind, FailureKind::TlsAlert);
    assert_eq!(other.requests().len(), 0);
}

#[tokio::test]
async fn a_certificate_that_is_named_itself_is_trusted_whatever_it_calls_itself() {
    let own = |leaf: Leaf| Identity::self_signed_leaf(&leaf.as_authority());
    let localhost = own(Leaf::localhost());
    for (identity, fault) in [
        (own(Leaf::new(["other.test"])), Some(DistrustKind::HostMismatch)),
        (own(Leaf::localhost().expired()), Some(DistrustKind::Expired)),
        (own(Leaf::localhost().not_yet_valid()), Some(DistrustKind::NotYetValid)),
        (localhost, None),
    ] {
        let distrust = distrust(&identity, &identity).await;
        assert_eq!(distrust.map(|distrust| distrust.kind), fault);
    }
    let (one, other) = (own(Leaf::localhost()), own(Leaf::localhost()));
    let distrust = distrust(&one, &other).await.unwrap();
    assert_eq!(distrust.kind, DistrustKind::Other);
    assert!(distrust.detail.contains("CA:TRUE"), "{}", distrust.detail);
}

/// Why a server with one certificate is not trusted where `ca` names another, or the same.
async fn distrust(identity: &Identity, named: &Identity) -> Option<Distrust> {
    let config = identity.server_config(BOTH);
    let server = HttpServer::start_tls(config, |_| Reply::text(200, "ok")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, named.chain_pem()).unwrap();
    let target = Target { trust: Trust::new(Some(file), None), ..target(&server.url()) };
    let exchange = visit(&to(target, PATIENT)).await.unwrap();
    assert_eq!(server.requests().len(), usize::from(exchange.answer.is_some()));
    exchange.connection.tls.unwrap().distrust
}

#[tokio::test]
async fn a_rotated_authority_is_used_a_second_later() {
    let private = Private::new();
    let new = Authority::named("Renewed");
    let old_server = HttpServer::start_tls(
        private.authority.issue(&Leaf::localhost()).server_config(BOTH),
        |_| Reply::text(200, "old"),
    )
    .await;
    let new_server =
        HttpServer::start_tls(new.issue(&Leaf::localhost()).server_config(BOTH), |_| {
            Reply::text(200, "new")
        })
        .await;
    let cx = to(private.target(&old_server.url()), PATIENT);
    let to_new = super::get(new_server.url());
    assert_eq!(text(&visit(&cx).await.unwrap()), "old");
    let before = cx.exchange(&to_new).await.unwrap();
    assert_eq!(failure(&before).kind, FailureKind::Untrusted);
    std::fs::write(private.file(), new.pem()).unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    assert_eq!(text(&cx.exchange(&to_new).await.unwrap()), "new");
    assert_eq!(failure(&visit(&cx).await.unwrap()).kind, FailureKind::Untrusted);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_and_nothing_is_sent() {
    let private = Private::new();
    let server = mutual(&private).await;
    let member = private.authority.issue(&Leaf::new(["probe"]).for_client());
    let sound = client(&private.dir, &member);
    let write = |name: &str, content: &str| {
        let path = private.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let garbage = write("garbage.pem", "no certificate at all");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let broken = write("broken.pem", broken);
    let stranger = Authority::new().issue(&Leaf::new(["x"]).for_client());
    let stranger = write("stranger.key", &stranger.key_pem());
    let missing = PathBuf::from("/no/such/file.pem");
    let long = write("long.pem", &"x".repeat(4 * 1024 * 1024 + 1));
    let shown = |certificate: &PathBuf, key: &PathBuf| {
        let (certificate, key) = (certificate.clone(), key.clone());
        Trust::new(Some(private.file()), Some(ClientCertificate { certificate, key }))
    };
    for (trust, says) in [
        (Trust::new(Some(missing.clone()), None), "ca /no/such/file.pem"),
        (Trust::new(Some(garbage.clone()), None), "garbage.pem"),
        (Trust::new(Some(broken.clone()), None), "broken.pem"),
        (Trust::new(Some(long), None), "longer than 4 MiB"),
        (Trust::new(Some(private.dir.path().to_owned()), None), "directory"),
        (shown(&missing, &sound.key), "client_certificate.cert /no/such/file.pem"),
        (shown(&sound.certificate, &missing), "client_certificate.key /no/such/file.pem"),
        (shown(&garbage, &sound.key), "garbage.pem"),
        (shown(&sound.certificate, &garbage), "garbage.pem"),
        (shown(&sound.certificate, &stranger), "client_certificate"),
        (shown(&broken, &sound.key), "client_certificate"),
    ] {
        let cx = to(Target { trust, ..target(&server.url()) }, PATIENT);
        assert_blind(visit(&cx).await, Cause::Secret, says);
    }
    assert_eq!(server.connections(), 0);
}

/// What `openssl req -x509` makes, and what many show who sign for themselves.
#[tokio::test]
async fn an_authoritys_own_certificate_is_refused_in_words() {
    let identity = Identity::self_signed_leaf(&Leaf::localhost().as_authority());
    let server = HttpServer::start_tls(identity.server_config(BOTH), |_| Reply::new(200)).await;
    let cx = to(target(&server.url()), PATIENT);
    let detail = failure(&visit(&cx).await.unwrap()).detail.clone();
    assert!(detail.contains("CA:TRUE") && !detail.contains("Other"), "{detail}");
}
