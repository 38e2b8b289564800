//! HTTP/2 where nothing else will do, and the fields after a body.

use musterd_test_support::fault::{Fault, FaultServer};
use musterd_test_support::http::{HttpServer, Reply};
use musterd_test_support::proxy::{Conduct, ConnectProxy};

use super::{PATIENT, answer, failure, get, target, text, to};
use crate::net::failure::FailureKind;
use crate::net::request::Request;
use crate::net::target::Target;
use crate::net::tls::Alpn;

fn alone(url: &str) -> Request {
    Request { alpn: Alpn::Http2, ..get(url) }
}

#[tokio::test]
async fn without_tls_it_is_spoken_with_prior_knowledge() {
    let server = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let cx = to(target(&server.url()), PATIENT);
    for (request, version) in [(alone(&server.url()), "2"), (get(server.url()), "1.1")] {
        let exchange = cx.exchange(&request).await.unwrap();
        assert_eq!((text(&exchange).as_str(), answer(&exchange).version.as_str()), ("ok", version));
        assert!(answer(&exchange).trailers.is_empty());
        assert!(!serde_json::to_string(&exchange).unwrap().contains("trailers"));
    }
    let old = FaultServer::start(Fault::Respond(b"HTTP/1.1 200 OK\r\n\r\nok".to_vec())).await;
    let url = format!("http://{}", old.addr());
    let exchange = to(target(&url), PATIENT).exchange(&alone(&url)).await.unwrap();
    assert_eq!(failure(&exchange).kind, FailureKind::Protocol);
    assert!(failure(&exchange).detail.contains("does not speak HTTP/2"));
}

#[tokio::test]
async fn it_goes_through_a_proxy_and_not_to_it() {
    let server = HttpServer::start(|_| Reply::text(407, "inside")).await;
    let conduct = Conduct::default().route("shop.test:80", server.addr());
    let proxy = ConnectProxy::start_with(conduct).await;
    let url = "http://shop.test/a";
    let target = Target { proxy: Some(proxy.url().parse().unwrap()), ..target(url) };
    let exchange = to(target, PATIENT).exchange(&alone(url)).await.unwrap();
    // A 407 from there is not the proxy's.
    assert_eq!((text(&exchange).as_str(), answer(&exchange).status), ("inside", 407));
    let asked = &proxy.requests()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("CONNECT", "shop.test:80"));
}

#[tokio::test]
async fn trailers_are_kept_in_either_version_and_not_without_end() {
    let many =
        |_| (0..100).fold(Reply::text(200, "ok"), |reply, n| reply.trailer(&format!("x-{n}"), "1"));
    let server = HttpServer::start(many).await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-1\r\n\r\n\
                   2\r\nok\r\n0\r\nX-1: 1\r\n\r\n";
    let old = FaultServer::start(Fault::Respond(chunked.into())).await;
    for (request, count) in [(alone(&server.url()), 64), (get(format!("http://{}", old.addr())), 1)]
    {
        let cx = to(target(request.url.as_str()), PATIENT);
        let exchange = cx.exchange(&request).await.unwrap();
        assert_eq!(text(&exchange), "ok");
        assert_eq!(answer(&exchange).trailers.len(), count);
        assert_eq!(answer(&exchange).trailer("x-1"), Some("1"));
        assert_eq!(answer(&exchange).header("x-1"), None);
    }
}
