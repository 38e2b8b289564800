//! Hosts with several addresses, some of which refuse or stay silent.

use std::net::SocketAddr;

use musterd_test_support::http::{HttpServer, Reply};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{IMPATIENT, PATIENT, closed_port, failure, naming, over, target, text, visit};
use crate::net::failure::FailureKind;
use crate::net::phase::Phase;

async fn site_at(at: SocketAddr) -> HttpServer {
    HttpServer::start_at(at, |_| Reply::text(200, "here")).await
}

/// A listener that accepts nothing and whose queue is full, so that whoever connects to it hears
/// nothing at all; with the connections that fill the queue.
async fn black_hole(at: SocketAddr) -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(at).unwrap();
    let listener = socket.listen(1).unwrap();
    let mut held = Vec::new();
    loop {
        let connecting = TcpStream::connect(listener.local_addr().unwrap());
        match tokio::time::timeout(IMPATIENT, connecting).await {
            Ok(stream) => held.push(stream.unwrap()),
            Err(_) => return (listener, held),
        }
    }
}

#[tokio::test]
async fn an_address_that_refuses_gives_way_to_the_other_family() {
    let site = site_at("127.0.0.1:0".parse().unwrap()).await;
    let url = format!("http://shop.test:{}/", site.addr().port());
    let cx = over(&naming("shop.test", &["::1", "127.0.0.1"]), target(&url), PATIENT);
    let exchange = visit(&cx).await.unwrap();
    assert_eq!(text(&exchange), "here");
    let connection = exchange.connection;
    assert_eq!(connection.peer, Some(site.addr()));
    assert_eq!(connection.addresses.len(), 2);
    assert_eq!(connection.attempts.len(), 1);
    assert!(connection.attempts[0].address.is_ipv6());
    assert_eq!(connection.attempts[0].failure.as_ref().unwrap().kind, FailureKind::Refused);
}

#[tokio::test]
async fn the_preferred_family_is_used_when_both_answer() {
    let site = site_at("[::1]:0".parse().unwrap()).await;
    let port = site.addr().port();
    let _other = site_at(SocketAddr::new("127.0.0.1".parse().unwrap(), port)).await;
    let url = format!("http://shop.test:{port}/");
    let cx = over(&naming("shop.test", &["127.0.0.1", "::1"]), target(&url), PATIENT);
    let connection = visit(&cx).await.unwrap().connection;
    assert_eq!((connection.peer, connection.attempts), (Some(site.addr()), Vec::new()));
}

#[tokio::test]
async fn a_silent_address_does_not_keep_the_next_one_waiting() {
    let (hole, _held) = black_hole("127.0.0.1:0".parse().unwrap()).await;
    let port = hole.local_addr().unwrap().port();
    let site = site_at(SocketAddr::new("127.0.0.2".parse().unwrap(), port)).await;
    let url = format!("http://shop.test:{port}/");
    let cx = over(&naming("shop.test", &["127.0.0.1", "127.0.0.2"]), target(&url), PATIENT);
    let exchange = visit(&cx).await.unwrap();
    assert_eq!(text(&exchange), "here");
    assert_eq!(exchange.connection.peer, Some(site.addr()));
    let attempts = exchange.connection.attempts;
    assert_eq!((attempts.len(), attempts[0].address), (1, hole.local_addr().unwrap()));
    assert_eq!(attempts[0].failure, None);
}

#[tokio::test]
async fn silence_of_every_address_is_a_timeout_of_connecting() {
    let (hole, _held) = black_hole("127.0.0.1:0".parse().unwrap()).await;
    let target = target(&format!("http://{}/", hole.local_addr().unwrap()));
    let exchange = visit(&super::to(target, IMPATIENT)).await.unwrap();
    assert_eq!(failure(&exchange).kind, FailureKind::Timeout);
    assert_eq!(failure(&exchange).phase, Phase::Connect);
    assert_eq!(exchange.connection.peer, None);
    assert_eq!(exchange.connection.attempts.len(), 1);
    assert!(exchange.phases().connect.is_some());
}

#[tokio::test]
async fn refusals_of_every_address_are_listed() {
    let (nowhere, _held) = closed_port("127.0.0.1");
    let url = format!("http://shop.test:{}/", nowhere.port());
    let addresses = ["::1", "127.0.0.1", "127.0.0.1", "127.0.0.2"];
    let cx = over(&naming("shop.test", &addresses), target(&url), PATIENT);
    let exchange = visit(&cx).await.unwrap();
    assert_eq!(failure(&exchange).kind, FailureKind::Refused);
    let attempts = exchange.connection.attempts;
    assert_eq!(attempts.len(), 3, "an address that is given twice is tried once: {attempts:?}");
    assert!(attempts.iter().all(|attempt| attempt.failure.is_some()));
}
