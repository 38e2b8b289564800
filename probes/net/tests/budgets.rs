//! What one run may send, what all runs together may ask of an origin, and whose turn it is.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use musterd_test_support::http::{HttpServer, Reply};

use super::{PATIENT, assert_blind, get, network, target};
use crate::blind::Cause;
use crate::context::{Context, Limits, Run, Terms};
use crate::impact::Impact;
use crate::net::budget::{Budget, Budgets, Rate};
use crate::net::connection::Endpoint;
use crate::net::network::Network;
use crate::net::origin::Origin;
use crate::net::redirect::Redirects;
use crate::net::resolve::Resolver;
use crate::net::tls::Alpn;
use crate::testing;

/// So fast that nobody waits.
const FAST: Budget = Budget {
    rate: Rate::per_second(10_000.0),
    burst: 1000,
    connections: Rate::per_second(10_000.0),
};

async fn site() -> HttpServer {
    HttpServer::start(|_| Reply::new(204)).await
}

fn origin(site: &HttpServer) -> Origin {
    Origin::of(&site.url().parse().unwrap()).unwrap()
}

fn with_budget(site: &HttpServer, budget: Budget) -> Arc<Network> {
    network(Resolver::fixed([]), Budgets::new([(origin(site), budget)]))
}

fn run(network: &Arc<Network>, site: &HttpServer, consent: Impact) -> Context {
    let run = Run { timeout: PATIENT, ..testing::run(consent) };
    Context::new(Arc::clone(network), Arc::new(target(&site.url())), run)
}

fn endpoint(site: &HttpServer) -> Endpoint {
    Endpoint { host: "127.0.0.1".to_owned(), port: site.addr().port(), tls: None }
}

#[tokio::test]
async fn an_active_run_sends_sixteen_requests_and_no_more() {
    let site = site().await;
    let cx = run(&with_budget(&site, FAST), &site, Impact::Active);
    let request = get(site.url()).impact(Impact::Active);
    for _ in 0..16 {
        cx.exchange(&request).await.unwrap();
    }
    assert_blind(cx.exchange(&request).await, Cause::Limit, "at most 16 requests");
    assert_blind(cx.exchange(&get(site.url())).await, Cause::Limit, "at most 16 requests");
    assert_eq!(cx.requests_sent(), [0, 16, 0]);
    assert_eq!(site.requests().len(), 16);
}

#[tokio::test]
async fn every_hop_of_a_redirect_counts() {
    let site = HttpServer::start(|request| {
        let hops: u32 = request.query().unwrap_or("0").parse().unwrap();
        Reply::redirect(302, &format!("/?{}", hops + 1))
    })
    .await;
    let cx = run(&with_budget(&site, FAST), &site, Impact::Active);
    cx.follow(&get(site.url()), Redirects::Follow).await.unwrap();
    assert_eq!(cx.requests_sent(), [11, 0, 0]);
    let outcome = cx.follow(&get(site.url()), Redirects::Follow).await;
    assert_blind(outcome, Cause::Limit, "at most 16 requests");
    assert_eq!(site.requests().len(), 16);
}

#[tokio::test]
async fn a_run_opens_twenty_four_bare_connections_and_no_more() {
    let site = site().await;
    let cx = run(&with_budget(&site, FAST), &site, Impact::Active);
    let mut held = Vec::new();
    for _ in 0..24 {
        held.push(cx.connect(&endpoint(&site), Alpn::None, Impact::Passive).await.unwrap());
    }
    let outcome = cx.connect(&endpoint(&site), Alpn::None, Impact::Passive).await;
    assert_blind(outcome, Cause::Limit, "at most 24 connections");
    site.wait_for_connections(24).await;
    assert_eq!(site.connections(), 24);
    // Requests have a limit of their own.
    cx.exchange(&get(site.url())).await.unwrap();
}

#[test]
fn limits_are_those_of_the_contract() {
    let limits = |impact, deep| {
        let Limits { requests, connections } = Limits::of(impact, deep);
        (requests, connections)
    };
    assert_eq!(limits(Impact::Active, false), (16, 24));
    assert_eq!(limits(Impact::Active, true), (64, 400));
    assert_eq!(limits(Impact::Intrusive, true).0, 100);
}

#[tokio::test]
async fn without_consent_nothing_is_sent() {
    let site = site().await;
    let network = with_budget(&site, FAST);
    let all = Impact::Intrusive;
    for (configured, ceiling, consent, wanted, why) in [
        (Impact::Passive, all, Impact::Passive, Impact::Active, "raise `allow` on the check"),
        (Impact::Active, all, Impact::Active, all, "(allow: active)"),
        (all, Impact::Passive, Impact::Passive, Impact::Active, "needs `--allow active`"),
        (all, all, Impact::Active, all, "at most once a day"),
    ] {
        let terms = Terms { configured, ceiling, ..Terms::default() };
        let cx = run(&network, &site, consent).under(terms);
        let request = get(site.url()).impact(wanted);
        assert_blind(cx.exchange(&request).await, Cause::Consent, why);
        let connected = cx.connect(&endpoint(&site), Alpn::None, wanted).await;
        assert_blind(connected, Cause::Consent, why);
        assert_eq!(cx.requests_sent(), [0, 0, 0]);
    }
    assert_eq!(site.connections(), 0);
}

#[tokio::test]
async fn passive_requests_take_nothing_from_the_budget() {
    let site = site().await;
    let once_an_hour = Budget { rate: "1/h".parse().unwrap(), burst: 1, ..FAST };
    let cx = run(&with_budget(&site, once_an_hour), &site, Impact::Active);
    for _ in 0..10 {
        cx.exchange(&get(site.url())).await.unwrap();
    }
    cx.exchange(&get(site.url()).impact(Impact::Active)).await.unwrap();
    assert_eq!((cx.requests_sent(), cx.waited()), ([10, 1, 0], Duration::ZERO));
}

#[tokio::test]
async fn services_of_one_origin_queue_behind_each_other_and_the_wait_is_metered() {
    let (site, other) = (site().await, site().await);
    // Slow enough that a busy machine is faster, and quick enough to be waited for.
    let slow = Budget { rate: Rate::per_second(2.0), burst: 1, ..FAST };
    let given = [(origin(&site), slow), (origin(&other), slow)];
    let network = network(Resolver::fixed([]), Budgets::new(given));
    let (first, second) =
        (run(&network, &site, Impact::Active), run(&network, &site, Impact::Active));
    let elsewhere = run(&network, &other, Impact::Active);
    let request = get(site.url()).impact(Impact::Active);
    let (one, two) = tokio::join!(first.exchange(&request), second.exchange(&request));
    assert!(one.unwrap().failure.is_none() && two.unwrap().failure.is_none());
    elsewhere.exchange(&get(other.url()).impact(Impact::Active)).await.unwrap();
    assert_eq!(first.waited(), Duration::ZERO);
    assert!(second.waited() > Duration::ZERO);
    assert_eq!(elsewhere.waited(), Duration::ZERO);
}

#[tokio::test]
async fn the_wait_for_a_turn_is_metered_before_it_ends_and_counts_in_no_deadline() {
    let site = site().await;
    let slow = Budget { rate: "1/h".parse().unwrap(), burst: 1, ..FAST };
    let cx = run(&with_budget(&site, slow), &site, Impact::Active);
    let request = get(site.url()).impact(Impact::Active);
    cx.exchange(&request).await.unwrap();
    assert!(cx.exchange(&request).now_or_never().is_none(), "it waits for its turn");
    assert!(cx.waited() > PATIENT, "an hour, less what has passed: {:?}", cx.waited());
    assert_eq!(site.requests().len(), 1);
}

#[tokio::test]
async fn bare_connections_have_a_budget_of_their_own() {
    let site = site().await;
    let slow = Budget { connections: "1/h".parse().unwrap(), burst: 1, ..FAST };
    let network = network(Resolver::fixed([]), Budgets::new([(origin(&site), slow)]));
    let cx = run(&network, &site, Impact::Active);
    cx.connect(&endpoint(&site), Alpn::None, Impact::Active).await.unwrap();
    cx.connect(&endpoint(&site), Alpn::None, Impact::Passive).await.unwrap();
    let endpoint = endpoint(&site);
    let third = cx.connect(&endpoint, Alpn::None, Impact::Active);
    assert!(third.now_or_never().is_none(), "it waits for its turn");
}

#[tokio::test]
async fn one_active_run_works_on_an_origin_at_a_time() {
    let (site, other) = (site().await, site().await);
    let network = with_budget(&site, FAST);
    let (here, there) = (origin(&site), origin(&other));
    let held = network.lock(&here).await;
    assert!(network.lock(&here).now_or_never().is_none());
    assert!(network.lock(&there).now_or_never().is_some());
    drop(held);
    assert!(network.lock(&here).now_or_never().is_some());
}
