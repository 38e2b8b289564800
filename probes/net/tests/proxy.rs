//! Proxies: the way through them, and whose fault it is when there is none.

use musterd_test_support::ca::Leaf;
use musterd_test_support::fault::{Fault, FaultServer};
use musterd_test_support::http::{HttpServer, Reply};
use musterd_test_support::proxy::{Conduct, ConnectProxy};

use super::{
    IMPATIENT, PATIENT, Private, assert_blind, closed_port, failure, target, text, to, visit,
};
use crate::blind::Cause;
use crate::net::failure::FailureKind;
use crate::net::phase::Phase;
use crate::net::target::Target;

fn via(proxy: &ConnectProxy, target: Target) -> Target {
    Target { proxy: Some(proxy.url().parse().unwrap()), ..target }
}

#[tokio::test]
async fn https_goes_through_a_tunnel_to_a_name_that_only_the_proxy_knows() {
    let private = Private::new();
    let config = private.authority.issue(&Leaf::new(["shop.test"])).server_config(&["h2"]);
    let server = HttpServer::start_tls(config, |_| Reply::text(200, "inside")).await;
    let conduct = Conduct::default().route("shop.test:443", server.addr());
    let proxy = ConnectProxy::start_with(conduct).await;
    let exchange = visit(&to(via(&proxy, private.target("https://shop.test/a")), PATIENT)).await;
    let exchange = exchange.unwrap();
    assert_eq!(text(&exchange), "inside");
    assert_eq!(exchange.connection.peer, Some(proxy.addr()));
    assert!(exchange.connection.addresses.is_empty());
    assert_eq!(exchange.connection.tls.as_ref().unwrap().server_name, "shop.test");
    let asked = &proxy.requests()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("CONNECT", "shop.test:443"));
}

#[tokio::test]
async fn plain_http_names_the_whole_url() {
    let server = HttpServer::start(|_| Reply::text(200, "inside")).await;
    let conduct = Conduct::default().route("shop.test:80", server.addr());
    let proxy = ConnectProxy::start_with(conduct).await;
    let exchange = visit(&to(via(&proxy, target("http://shop.test/a?b=c")), PATIENT)).await;
    assert_eq!(text(&exchange.unwrap()), "inside");
    let asked = &proxy.requests()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("GET", "http://shop.test/a?b=c"));
    assert_eq!(server.requests()[0].header("host"), Some("shop.test"));
}

#[tokio::test]
async fn a_refusal_of_the_proxys_own_is_not_the_targets() {
    for status in [403, 407, 429, 500] {
        let proxy = ConnectProxy::start_with(Conduct::default().refuse(status)).await;
        let outcome = visit(&to(via(&proxy, target("https://shop.test/")), PATIENT)).await;
        assert_blind(outcome, Cause::Proxy, &format!("the proxy answered {status}"));
    }
    let proxy = ConnectProxy::start_with(Conduct::default().require("Basic eDp5")).await;
    let outcome = visit(&to(via(&proxy, target("http://shop.test/")), PATIENT)).await;
    assert_blind(outcome, Cause::Proxy, "407");
}

#[tokio::test]
async fn a_target_that_the_proxy_cannot_reach_is_evidence() {
    for status in [502, 503, 504] {
        let proxy = ConnectProxy::start_with(Conduct::default().refuse(status)).await;
        let exchange = visit(&to(via(&proxy, target("https://shop.test/")), PATIENT)).await;
        let exchange = exchange.unwrap();
        assert_eq!(failure(&exchange).phase, Phase::Connect);
        assert_eq!(failure(&exchange).kind, FailureKind::HostUnreachable);
        assert!(failure(&exchange).detail.contains("shop.test:443"), "{:?}", failure(&exchange));
    }
    let (nowhere, _held) = closed_port("127.0.0.1");
    let proxy = ConnectProxy::start().await;
    let exchange = visit(&to(via(&proxy, target(&format!("https://{nowhere}/"))), PATIENT)).await;
    assert_eq!(failure(&exchange.unwrap()).kind, FailureKind::HostUnreachable);
}

#[tokio::test]
async fn a_proxy_that_is_down_or_is_none_is_not_the_targets_fault() {
    let (nowhere, _held) = closed_port("127.0.0.1");
    let proxied =
        |proxy: String, url: &str| Target { proxy: Some(proxy.parse().unwrap()), ..target(url) };
    for url in ["http://shop.test/", "https://shop.test/"] {
        let outcome = visit(&to(proxied(format!("http://{nowhere}"), url), PATIENT)).await;
        assert_blind(outcome, Cause::Proxy, "connection refused");
        let outcome = visit(&to(proxied("http://proxy.test".to_owned(), url), PATIENT)).await;
        assert_blind(outcome, Cause::Proxy, "NXDOMAIN");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(10_000));
    for (fault, says) in [
        (Fault::GarbageAnswer, "no HTTP proxy"),
        (Fault::CloseAfterRequest, "broke off"),
        (Fault::ResetAfterRequest, "broke off"),
        (Fault::EndlessHeaders, "no HTTP proxy"),
        (Fault::Respond(endless.into_bytes()), "no HTTP proxy"),
    ] {
        let fake = FaultServer::start(fault).await;
        let proxy = format!("http://{}", fake.addr());
        let outcome = visit(&to(proxied(proxy, "https://shop.test/"), PATIENT)).await;
        assert_blind(outcome, Cause::Proxy, says);
    }
}

#[tokio::test]
async fn a_silent_proxy_ends_with_the_deadline() {
    let fake = FaultServer::start(Fault::SilentAfterRequest).await;
    let proxy = Some(format!("http://{}", fake.addr()).parse().unwrap());
    let target = Target { proxy, ..target("https://shop.test/") };
    let exchange = visit(&to(target, IMPATIENT)).await.unwrap();
    assert_eq!(failure(&exchange).kind, FailureKind::Timeout);
    assert_eq!(failure(&exchange).phase, Phase::Connect);
    assert_eq!(exchange.connection.peer, Some(fake.addr()));
}
