//! Handshakes: what they record, and whom they let see a secret.

use musterd_test_support::ca::{Authority, Identity, Leaf};
use musterd_test_support::http::{HttpServer, Reply};

use super::{
    IMPATIENT, PATIENT, Private, TOKEN, answer, assert_blind, failure, naming, over, target, text,
    to, visit,
};
use crate::blind::Cause;
use crate::impact::Impact;
use crate::net::failure::FailureKind;
use crate::net::phase::Phase;
use crate::net::request::{Peer, Request};
use crate::net::target::{Auth, Target};
use crate::net::tls::{Alpn, DistrustKind};
use crate::secret::SecretRef;

const BOTH: &[&str] = &["h2", "http/1.1"];

async fn serve(identity: &Identity, alpn: &[&str]) -> HttpServer {
    HttpServer::start_tls(identity.server_config(alpn), |_| Reply::text(200, "ok")).await
}

fn with_token(target: Target) -> Target {
    Target { auth: Some(Auth::Bearer(SecretRef::Env("TOKEN".into()))), ..target }
}

fn any_peer(target: &Target) -> Request {
    Request { peer: Peer::Any, ..Request::get(target.url.clone()) }
}

#[tokio::test]
async fn a_private_authority_is_trusted_and_the_handshake_recorded() {
    let private = Private::new();
    for leaf in [Leaf::localhost(), Leaf::localhost().through_intermediate()] {
        let chain = private.authority.issue(&leaf);
        let server = serve(&chain, BOTH).await;
        let exchange = visit(&to(private.target(&server.url()), PATIENT)).await.unwrap();
        assert_eq!(text(&exchange), "ok");
        let facts = exchange.connection.tls.unwrap();
        assert_eq!(facts.server_name, "localhost");
        assert_eq!(facts.version, "TLS 1.3");
        assert!(facts.cipher.starts_with("TLS_AES_"), "{}", facts.cipher);
        assert!(facts.group.is_some());
        assert_eq!(facts.distrust, None);
        assert_eq!(facts.chain.len(), chain.chain_der().len());
        assert_eq!(facts.chain[0].names, ["localhost", "127.0.0.1", "::1"]);
        assert_eq!(facts.chain[0].subject, "CN=localhost");
    }
}

#[tokio::test]
async fn the_protocol_is_what_alpn_agrees_on() {
    let private = Private::new();
    let identity = private.authority.issue(&Leaf::localhost());
    for (served, offered, alpn, version) in [
        (BOTH, Alpn::Http, Some("h2"), "2"),
        (BOTH, Alpn::Http1, Some("http/1.1"), "1.1"),
        (BOTH, Alpn::Http2, Some("h2"), "2"),
        (BOTH, Alpn::None, None, "1.1"),
        (&["http/1.1"], Alpn::Http, Some("http/1.1"), "1.1"),
        (&[], Alpn::Http, None, "1.1"),
    ] {
        let server = serve(&identity, served).await;
        let cx = to(private.target(&server.url()), PATIENT);
        let request = Request { alpn: offered, ..Request::get(cx.target().url.clone()) };
        let exchange = cx.exchange(&request).await.unwrap();
        assert_eq!(answer(&exchange).version, version, "{served:?} {offered:?}");
        assert_eq!(exchange.connection.tls.unwrap().alpn.as_deref(), alpn);
    }
}

#[tokio::test]
async fn tls_1_2_is_recorded_as_such() {
    let private = Private::new();
    let config = private.authority.issue(&Leaf::localhost()).server_config_tls12(&["h2"]);
    let server = HttpServer::start_tls(config, |_| Reply::new(204)).await;
    let exchange = visit(&to(private.target(&server.url()), PATIENT)).await.unwrap();
    let facts = exchange.connection.tls.as_ref().unwrap();
    assert_eq!(facts.version, "TLS 1.2");
    assert!(facts.cipher.starts_with("TLS_ECDHE_"), "{}", facts.cipher);
    assert_eq!(answer(&exchange).version, "2");
}

/// Every unsound certificate with what is wrong with it.
fn unsound(private: &Private) -> Vec<(Identity, DistrustKind)> {
    let issue = |leaf| private.authority.issue(&leaf);
    vec![
        (issue(Leaf::localhost().expired()), DistrustKind::Expired),
        (issue(Leaf::localhost().not_yet_valid()), DistrustKind::NotYetValid),
        (issue(Leaf::new(["other.test"])), DistrustKind::HostMismatch),
        (issue(Leaf::localhost().incomplete()), DistrustKind::UnknownIssuer),
        (Identity::self_signed(["localhost"]), DistrustKind::UnknownIssuer),
        (Authority::named("Another").issue(&Leaf::localhost()), DistrustKind::UnknownIssuer),
        (Private::new().authority.issue(&Leaf::localhost()), DistrustKind::OtherKey),
        (issue(Leaf::localhost().for_client()), DistrustKind::Other),
    ]
}

#[tokio::test]
async fn nothing_is_sent_to_a_peer_that_must_verify_and_does_not() {
    let private = Private::new();
    for (identity, kind) in unsound(&private) {
        let server = serve(&identity, BOTH).await;
        let cx = to(with_token(private.target(&server.url())), PATIENT);
        let exchange = visit(&cx).await.unwrap();
        assert_eq!(exchange.answer, None);
        let failure = failure(&exchange);
        assert_eq!((failure.phase, failure.kind), (Phase::Tls, FailureKind::Untrusted));
        let facts = exchange.connection.tls.as_ref().unwrap();
        let distrust = facts.distrust.as_ref().unwrap();
        assert_eq!((distrust.kind, &distrust.detail), (kind, &failure.detail));
        assert_eq!(facts.chain.len(), identity.chain_der().len());
        // The server's own log, once it has closed what it had accepted.
        server.wait_for_connections(1).await;
        assert_eq!(server.requests().len(), 0, "{kind:?}");
    }
}

#[tokio::test]
async fn any_peer_may_answer_but_only_a_verified_one_or_an_insecure_service_gets_secrets() {
    let private = Private::new();
    let mut peers = unsound(&private);
    peers.push((private.authority.issue(&Leaf::localhost()), DistrustKind::Other));
    let sound = peers.len() - 1;
    for (index, (identity, kind)) in peers.into_iter().enumerate() {
        for insecure in [false, true] {
            let server = serve(&identity, BOTH).await;
            let target = Target { insecure, ..with_token(private.target(&server.url())) };
            let request = any_peer(&target);
            let exchange = to(target, PATIENT).exchange(&request).await.unwrap();
            assert_eq!(text(&exchange), "ok");
            let distrust = exchange.connection.tls.unwrap().distrust.map(|distrust| distrust.kind);
            assert_eq!(distrust, (index != sound).then_some(kind));
            let sent = server.requests()[0].header("authorization").map(str::to_owned);
            let expected = (insecure || index == sound).then(|| format!("Bearer {TOKEN}"));
            assert_eq!(sent, expected, "{kind:?}, insecure: {insecure}");
        }
    }
}

#[tokio::test]
async fn an_insecure_service_answers_even_where_its_peer_must_verify() {
    let server = serve(&Identity::self_signed(["localhost"]), BOTH).await;
    let target = Target { insecure: true, ..with_token(target(&server.url())) };
    let exchange = visit(&to(target, PATIENT)).await.unwrap();
    assert_eq!(text(&exchange), "ok");
    assert_eq!(server.requests()[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
}

#[tokio::test]
async fn the_server_name_may_be_another_than_the_host() {
    let private = Private::new();
    let server = serve(&private.authority.issue(&Leaf::new(["shop.test"])), BOTH).await;
    let url = format!("https://127.0.0.1:{}", server.addr().port());
    let target = Target { server_name: Some("shop.test".into()), ..private.target(&url) };
    let exchange = visit(&to(target, PATIENT)).await.unwrap();
    assert_eq!(exchange.connection.tls.as_ref().unwrap().server_name, "shop.test");
    assert_eq!(server.requests()[0].server_name.as_deref(), Some("shop.test"));
    assert_eq!(text(&exchange), "ok");
}

#[tokio::test]
async fn a_fixed_address_needs_no_name_server_and_keeps_name_and_host_header() {
    let private = Private::new();
    let server = serve(&private.authority.issue(&Leaf::new(["shop.test"])), &["http/1.1"]).await;
    let target =
        Target { connect_to: Some(server.addr()), ..private.target("https://shop.test/a") };
    let exchange = visit(&to(target, PATIENT)).await.unwrap();
    assert_eq!(text(&exchange), "ok");
    assert_eq!(exchange.connection.peer, Some(server.addr()));
    assert_eq!(exchange.phases().resolve, None);
    assert_eq!(server.requests()[0].header("host"), Some("shop.test"));
    assert_eq!(server.requests()[0].server_name.as_deref(), Some("shop.test"));
}

#[tokio::test]
async fn a_fixed_address_has_its_port_for_the_services_own_port_alone() {
    let plain = HttpServer::start(|_| Reply::text(200, "plain")).await;
    let private = Private::new();
    let server = serve(&private.authority.issue(&Leaf::new(["shop.test"])), BOTH).await;
    let target = Target { connect_to: Some(server.addr()), ..private.target("https://shop.test/") };
    let cx = to(target, PATIENT);
    let twin = super::get(format!("http://shop.test:{}/", plain.addr().port()));
    assert_eq!(text(&cx.exchange(&twin).await.unwrap()), "plain");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_with_a_trailing_dot_is_verified_without_it() {
    let private = Private::new();
    let server = serve(&private.authority.issue(&Leaf::new(["shop.test"])), BOTH).await;
    let target = private.target(&format!("https://shop.test.:{}/", server.addr().port()));
    let exchange = visit(&over(&naming("shop.test", &["127.0.0.1"]), target, PATIENT)).await;
    let exchange = exchange.unwrap();
    assert_eq!(text(&exchange), "ok");
    assert_eq!(server.requests()[0].server_name.as_deref(), Some("shop.test"));
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told_apart_from_a_broken_handshake() {
    let server = HttpServer::start(|_| Reply::text(200, "plain")).await;
    let target = target(&format!("https://{}", server.addr()));
    let exchange = visit(&to(target, PATIENT)).await.unwrap();
    assert_eq!(failure(&exchange).kind, FailureKind::NotTls);
    assert_eq!(failure(&exchange).phase, Phase::Tls);
}

#[tokio::test]
async fn a_bare_connection_under_tls_records_the_same() {
    let private = Private::new();
    let server = serve(&private.authority.issue(&Leaf::localhost().expired()), BOTH).await;
    let cx = to(private.target(&server.url()), IMPATIENT);
    let endpoint = cx.tls_endpoint("localhost", server.addr().port()).unwrap();
    let connected = cx.connect(&endpoint, Alpn::None, Impact::Passive).await.unwrap();
    assert!(connected.outcome.is_ok());
    let facts = connected.facts.tls.unwrap();
    assert_eq!(facts.distrust.unwrap().kind, DistrustKind::Expired);
    assert_eq!(facts.alpn, None);
}

#[tokio::test]
async fn a_server_name_that_can_be_none_is_no_evidence_against_the_target() {
    let target = Target { server_name: Some("not a name".into()), ..target("https://shop.test") };
    let cx = over(&naming("shop.test", &["127.0.0.1"]), target, IMPATIENT);
    assert_blind(visit(&cx).await, Cause::Internal, "not a name");
}
