//! Name servers: what they say of a name is evidence, what keeps them from saying it is not.

use std::net::IpAddr;

use musterd_test_support::dns::{Answer, DnsServer, Zone};
use musterd_test_support::http::{HttpServer, Reply};

use super::{IMPATIENT, PATIENT, assert_blind, failure, network, over, target, text, visit};
use crate::blind::Cause;
use crate::context::Context;
use crate::net::budget::Budgets;
use crate::net::failure::FailureKind;
use crate::net::phase::Phase;
use crate::net::resolve::Resolver;
use crate::net::target::Target;

const AAAA: u16 = 28;

async fn site() -> HttpServer {
    HttpServer::start(|_| Reply::text(200, "found")).await
}

/// To a host of the site, over a name server.
fn by_name(
    dns: &DnsServer,
    host: &str,
    site: &HttpServer,
    timeout: std::time::Duration,
) -> Context {
    let target = target(&format!("http://{host}:{}/", site.addr().port()));
    over(&network(Resolver::server(dns.addr()), Budgets::default()), target, timeout)
}

#[tokio::test]
async fn what_a_name_server_says_of_a_name_is_evidence() {
    let zone = Zone::new().answer("empty.test", Answer::NoData);
    let (dns, site) = (DnsServer::start(zone).await, site().await);
    for (host, kind, says) in [
        ("unknown.test", FailureKind::NameUnknown, "unknown.test does not exist (NXDOMAIN)"),
        ("empty.test", FailureKind::NoAddress, "empty.test has no address (NODATA)"),
    ] {
        let exchange = visit(&by_name(&dns, host, &site, PATIENT)).await.unwrap();
        assert_eq!((failure(&exchange).phase, failure(&exchange).kind), (Phase::Resolve, kind));
        assert!(failure(&exchange).detail.contains(says), "{:?}", failure(&exchange));
        assert!(exchange.phases().resolve.is_some());
        assert_eq!(exchange.phases().connect, None);
    }
    assert_eq!(site.connections(), 0);
}

#[tokio::test]
async fn what_keeps_a_name_server_from_answering_is_not_the_targets_fault() {
    let zone = Zone::new()
        .answer("fail.test", Answer::ServFail)
        .answer("refused.test", Answer::Refused)
        .answer("silent.test", Answer::Silent)
        .answer_a("half.test", Answer::NoData)
        .answer_aaaa("half.test", Answer::ServFail)
        .answer_a("quiet.test", Answer::NoData)
        .answer_aaaa("quiet.test", Answer::Silent);
    let (dns, site) = (DnsServer::start(zone).await, site().await);
    for (host, says) in [
        ("fail.test", "Server Failure"),
        ("refused.test", "Query Refused"),
        ("silent.test", "no name server answered in time"),
        ("half.test", "Server Failure"),
        ("quiet.test", "no name server answered in time"),
    ] {
        let outcome = visit(&by_name(&dns, host, &site, IMPATIENT)).await;
        assert_blind(outcome.clone(), Cause::Resolver, says);
        assert_blind(outcome, Cause::Resolver, &dns.addr().to_string());
    }
    assert_eq!(site.connections(), 0);
}

#[tokio::test]
async fn a_name_server_that_is_not_there_is_not_the_targets_fault() {
    let (nowhere, _held) = super::closed_port("127.0.0.1");
    let target = target("http://shop.test/");
    let network = network(Resolver::server(nowhere), Budgets::default());
    assert_blind(visit(&over(&network, target, IMPATIENT)).await, Cause::Resolver, "shop.test");
}

#[tokio::test]
async fn one_family_is_enough_when_the_other_is_silent_or_fails() {
    let site = site().await;
    let here = || Answer::addresses(["127.0.0.1"]);
    for other in [Answer::Silent, Answer::ServFail, Answer::NoData, Answer::Refused] {
        let zone = Zone::new().answer_a("shop.test", here()).answer_aaaa("shop.test", other);
        let dns = DnsServer::start(zone).await;
        let exchange = visit(&by_name(&dns, "shop.test", &site, PATIENT)).await.unwrap();
        assert_eq!(text(&exchange), "found");
        assert!(dns.queries().iter().any(|query| query.record_type == AAAA));
    }
}

#[tokio::test]
async fn ipv6_is_enough_when_ipv4_is_silent_or_fails() {
    let site = HttpServer::start_at("[::1]:0".parse::<std::net::SocketAddr>().unwrap(), |_| {
        Reply::text(200, "found")
    })
    .await;
    for other in [Answer::Silent, Answer::ServFail, Answer::NoData] {
        let zone = Zone::new()
            .answer_a("shop.test", other)
            .answer_aaaa("shop.test", Answer::addresses(["::1"]));
        let dns = DnsServer::start(zone).await;
        let exchange = visit(&by_name(&dns, "shop.test", &site, PATIENT)).await.unwrap();
        assert_eq!(text(&exchange), "found");
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_known_from_either_family() {
    let site = site().await;
    let zone = Zone::new()
        .answer_a("gone.test", Answer::NxDomain)
        .answer_aaaa("gone.test", Answer::Silent);
    let dns = DnsServer::start(zone).await;
    let exchange = visit(&by_name(&dns, "gone.test", &site, PATIENT)).await.unwrap();
    assert_eq!(failure(&exchange).kind, FailureKind::NameUnknown);
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let here: Vec<IpAddr> = vec!["127.0.0.1".parse().unwrap()];
    let zone = Zone::new().answer("long.test", Answer::Truncated(here));
    let (dns, site) = (DnsServer::start(zone).await, site().await);
    let exchange = visit(&by_name(&dns, "long.test", &site, PATIENT)).await.unwrap();
    assert_eq!(text(&exchange), "found");
    assert!(dns.queries().iter().any(|query| query.over_tcp));
}

#[tokio::test]
async fn nothing_is_cached_so_that_a_change_is_seen_at_once() {
    let zone = Zone::new().answer("shop.test", Answer::addresses(["127.0.0.1"]));
    let (dns, site) = (DnsServer::start(zone).await, site().await);
    let cx = by_name(&dns, "shop.test", &site, PATIENT);
    for visits in 1..=3 {
        assert_eq!(text(&visit(&cx).await.unwrap()), "found");
        dns.wait_for_queries(2 * visits).await;
    }
    dns.set("shop.test", Answer::NxDomain);
    for visits in 4..=5 {
        assert_eq!(failure(&visit(&cx).await.unwrap()).kind, FailureKind::NameUnknown);
        dns.wait_for_queries(2 * visits).await;
    }
    dns.set("shop.test", Answer::addresses(["127.0.0.1"]));
    assert_eq!(text(&visit(&cx).await.unwrap()), "found");
}

#[tokio::test]
async fn case_and_a_trailing_dot_make_no_other_name() {
    let zone = Zone::new().answer("shop.test", Answer::addresses(["127.0.0.1"]));
    let (dns, site) = (DnsServer::start(zone).await, site().await);
    for host in ["SHOP.test", "shop.test.", "Shop.Test."] {
        let exchange = visit(&by_name(&dns, host, &site, PATIENT)).await.unwrap();
        assert_eq!(text(&exchange), "found", "{host}");
    }
    assert!(dns.queries().iter().all(|query| query.name == "shop.test"));
}

#[tokio::test]
async fn a_service_may_have_a_name_server_of_its_own() {
    let zone = Zone::new().answer("shop.test", Answer::addresses(["127.0.0.1"]));
    let (dns, site) = (DnsServer::start(zone).await, site().await);
    let target = Target {
        resolver: Some(Resolver::server(dns.addr())),
        ..target(&format!("http://shop.test:{}", site.addr().port()))
    };
    assert_eq!(text(&visit(&super::to(target, PATIENT)).await.unwrap()), "found");
}

#[tokio::test]
async fn what_can_be_no_name_is_said_to_be_none() {
    let (dns, site) = (DnsServer::start(Zone::new()).await, site().await);
    let label = "a".repeat(64);
    let exchange = visit(&by_name(&dns, &format!("{label}.test"), &site, PATIENT)).await.unwrap();
    assert_eq!(failure(&exchange).kind, FailureKind::NameUnknown);
    assert!(failure(&exchange).detail.contains("no name in the DNS"), "{:?}", failure(&exchange));
    assert_eq!(dns.queries(), []);
}
