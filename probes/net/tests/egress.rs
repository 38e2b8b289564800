//! Attempts to get round the egress guard: none sends a packet.

use musterd_test_support::http::{HttpServer, Reply};
use musterd_test_support::proxy::{Conduct, ConnectProxy};

use super::{IMPATIENT, PATIENT, assert_blind, get, naming, over, target, text, to, visit};
use crate::blind::Cause;
use crate::impact::Impact;
use crate::net::connection::Endpoint;
use crate::net::redirect::{Redirects, Stop};
use crate::net::request::Request;
use crate::net::target::Target;
use crate::net::tls::Alpn;

/// Spellings of the address of a metadata service that get through the parsing of a URL.
const SPELLINGS: [&str; 9] = [
    "http://169.254.169.254/",
    "http://2852039166/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://169.254.169.254./",
    "http://%31%36%39.254.169.254/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
];

#[tokio::test]
async fn every_spelling_of_a_forbidden_address_is_refused() {
    for url in SPELLINGS {
        let outcome = visit(&to(target(url), IMPATIENT)).await;
        assert_blind(outcome, Cause::Egress, "allow_addresses");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_forbidden_address_is_refused_even_beside_a_good_one() {
    let server = HttpServer::start(|_| Reply::text(200, "here")).await;
    for addresses in [
        ["169.254.169.254"].as_slice(),
        &["::ffff:169.254.169.254"],
        &["fe80::1"],
        &["127.0.0.1", "169.254.169.254"],
        &["169.254.169.254", "127.0.0.1"],
    ] {
        let target = target(&format!("http://shop.test:{}/", server.addr().port()));
        let cx = over(&naming("shop.test", addresses), target, IMPATIENT);
        assert_blind(visit(&cx).await, Cause::Egress, "allow_addresses");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_refused() {
    for location in SPELLINGS {
        let server = HttpServer::start(move |_| Reply::redirect(302, location)).await;
        let cx = to(target(&server.url()), IMPATIENT);
        let outcome = cx.follow(&get(server.url()), Redirects::Follow).await;
        // Where it leads is the target's doing, and not that we could not look.
        let followed = outcome.unwrap();
        let Some(Stop::Unsafe(why)) = followed.stopped else { panic!("{:?}", followed.stopped) };
        assert!(why.contains("allow_addresses"), "{why}");
        assert_eq!((followed.hops.len(), server.requests().len()), (1, 1));
    }
}

#[tokio::test]
async fn a_fixed_address_is_guarded_as_well() {
    for fixed in ["169.254.169.254:80", "[fd00:ec2::254]:80", "[::ffff:100.100.100.200]:80"] {
        let fixed = fixed.parse().unwrap();
        let target = Target { connect_to: Some(fixed), ..target("http://shop.test/") };
        assert_blind(visit(&to(target, IMPATIENT)).await, Cause::Egress, "allow_addresses");
    }
}

#[tokio::test]
async fn a_proxy_is_asked_for_no_forbidden_address() {
    let proxy = ConnectProxy::start().await;
    let secure = SPELLINGS.map(|url| url.replace("http:", "https:"));
    for url in SPELLINGS.iter().copied().chain(secure.iter().map(String::as_str)) {
        let target = Target { proxy: Some(proxy.url().parse().unwrap()), ..target(url) };
        assert_blind(visit(&to(target, IMPATIENT)).await, Cause::Egress, "allow_addresses");
    }
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn a_proxy_stands_at_no_forbidden_address_itself() {
    let proxy = Some("http://169.254.169.254:3128".parse().unwrap());
    let target = Target { proxy, ..target("http://shop.test/") };
    assert_blind(visit(&to(target, IMPATIENT)).await, Cause::Egress, "allow_addresses");
}

#[tokio::test]
async fn a_bare_connection_is_guarded_as_well() {
    let cx = to(target("http://shop.test/"), IMPATIENT);
    for host in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1"] {
        let endpoint = Endpoint { host: host.to_owned(), port: 80, tls: None };
        let outcome = cx.connect(&endpoint, Alpn::None, Impact::Passive).await;
        assert_blind(outcome, Cause::Egress, "allow_addresses");
    }
}

#[tokio::test]
async fn what_a_service_allows_is_let_through() {
    // The proxy leads the address to loopback, so that no packet leaves this machine.
    let server = HttpServer::start(|_| Reply::text(200, "here")).await;
    let proxy =
        ConnectProxy::start_with(Conduct::default().route("169.254.77.77:80", server.addr())).await;
    let allow_addresses = vec!["169.254.0.0/16".parse().unwrap()];
    let proxy = Some(proxy.url().parse().unwrap());
    let target = Target { proxy, allow_addresses, ..target("http://169.254.77.77/") };
    assert_eq!(text(&visit(&to(target, PATIENT)).await.unwrap()), "here");
}

#[tokio::test]
async fn allowing_one_range_opens_no_other() {
    let allow_addresses = vec!["169.254.77.0/24".parse().unwrap()];
    let target = Target { allow_addresses, ..target("http://169.254.169.254/") };
    assert_blind(visit(&to(target, IMPATIENT)).await, Cause::Egress, "allow_addresses");
}

#[tokio::test]
async fn the_name_of_a_url_does_not_smuggle_another_host() {
    let server = HttpServer::start(|_| Reply::text(200, "here")).await;
    let port = server.addr().port();
    for url in [
        format!("http://169.254.169.254@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}/?@169.254.169.254"),
        format!("http:\\\\127.0.0.1:{port}\\@169.254.169.254/"),
    ] {
        let cx = to(target(&url), PATIENT);
        let request = Request::get(cx.target().url.clone());
        assert_eq!(text(&cx.exchange(&request).await.unwrap()), "here", "{url}");
    }
}
