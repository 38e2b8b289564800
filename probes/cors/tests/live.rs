//! Whole runs against servers that listen: what is sent, when a run ends, and what it says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use musterd_test_support::http::{HttpServer, Reply, Request};

use super::scene::{APP, DECLARED, fired};
use crate::context::{Context, Limits, Run};
use crate::contract::{self, Earlier, Kind as _, Seen};
use crate::cors::Cors;
use crate::cors::evidence::{Evidence, Reached, Stop};
use crate::impact::Impact;
use crate::net::budget::{Budget, Budgets, Rate};
use crate::net::network::Network;
use crate::net::origin::Origin;
use crate::net::resolve::Resolver;
use crate::net::target::{Auth, Target};
use crate::net::trust::Roots;
use crate::secret::{SecretRef, Vault};
use crate::testing;

const FULL: &str = r#"{"path": "/api", "allowed_origins": ["https://app.example.com"],
    "credentials": true, "depth": "full"}"#;

fn context(url: &str, consent: Impact, deep: bool) -> Context {
    context_to(Arc::new(Target::new("test", url.parse().unwrap())), consent, deep)
}

/// A context that need not wait for its turns.
fn context_to(target: Arc<Target>, consent: Impact, deep: bool) -> Context {
    let rate = Rate::per_second(10_000.0);
    let budget = Budget { rate, burst: 1000, connections: rate };
    let budgets = Budgets::new(Origin::of(&target.url).map(|origin| (origin, budget)));
    let vault = Vault::new(|name| (name == "TOKEN").then(|| "s3cr3t-t0k3n".to_owned()));
    let network =
        Network::new(Roots::new(false).0, Resolver::fixed([]), Arc::new(vault), budgets, None);
    let run = Run { consent, deep, limits: Limits::of(consent, deep), ..testing::run(consent) };
    Context::new(Arc::new(network), target, run)
}

async fn observe(settings: &str, cx: &Context) -> Evidence {
    let evidence = testing::probe::<Cors>(settings).observe(cx).await.expect("it can look");
    let stored = serde_json::to_string(&evidence).unwrap();
    let read: Evidence = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, evidence);
    read
}

fn after(evidence: Evidence) -> Earlier {
    Earlier::from(vec![(Timestamp::UNIX_EPOCH, Arc::new(evidence) as contract::Evidence)])
}

fn said(settings: &str, evidence: &Evidence) -> Vec<String> {
    let seen = Seen { now: evidence, earlier: &[] };
    fired(&testing::probe::<Cors>(settings).judge(&seen, Timestamp::UNIX_EPOCH))
}

async fn canary(settings: &str, server: &HttpServer) -> (Evidence, Vec<String>) {
    let evidence = observe(settings, &context(&server.url(), Impact::Active, false)).await;
    let said = said(settings, &evidence);
    assert!(server.requests().len() <= 6, "a canary sends at most 6 requests");
    (evidence, said)
}

/// An answer that lets pages at an origin read with cookies.
fn grant(reply: Reply, origin: &str) -> Reply {
    reply
        .header("access-control-allow-origin", origin)
        .header("access-control-allow-credentials", "true")
        .header("access-control-allow-methods", "GET, PUT")
        .header("access-control-allow-headers", "content-type")
}

/// A service that lets in whom `allows` lets in.
fn guarded(allows: impl Fn(&str) -> bool) -> impl Fn(Request) -> Reply {
    move |request| {
        let origin = request.header("origin").unwrap_or_default().to_owned();
        if !request.path().starts_with("/api") {
            return Reply::json(404, "{}").header("vary", "Origin");
        }
        let status = if request.method == "OPTIONS" { 204 } else { 200 };
        let reply = Reply::json(status, "{}").header("vary", "Origin");
        if allows(&origin) { grant(reply, &origin) } else { reply }
    }
}

#[tokio::test]
async fn a_fence_that_stands_passes_with_six_requests_at_most() {
    let settings = r#"{"path": "/api?page=1", "allowed_origins": ["https://app.example.com"],
        "credentials": true, "methods": ["GET", "PUT"], "headers": ["content-type"]}"#;
    let server = HttpServer::start(guarded(|origin| origin == APP)).await;
    let (evidence, said) = canary(settings, &server).await;
    assert_eq!(said, Vec::<String>::new(), "{evidence:?}");
    let requests = server.requests();
    assert!((4..=6).contains(&requests.len()), "{}", requests.len());
    for request in &requests {
        let origin = request.header("origin");
        let foreign = origin.is_some_and(|origin| origin != APP);
        let query = request.query().unwrap_or_default();
        assert!(query.starts_with("page=1"), "{query}");
        assert_eq!(query.contains("musterd="), foreign, "{query} for {origin:?}");
        let preflight = request.method == "OPTIONS";
        assert_eq!(request.header("cookie").is_some(), !preflight);
        if preflight {
            assert_eq!(request.header("access-control-request-headers"), Some("content-type"));
        }
    }
    let mut queries: Vec<_> = requests.iter().filter_map(Request::query).collect();
    queries.retain(|query| query.contains("musterd="));
    let before = queries.len();
    queries.sort_unstable();
    queries.dedup();
    assert_eq!((queries.len(), before > 1), (before, true), "each query is sent once");
}

#[tokio::test]
async fn reflection_is_found_and_confirmed_by_a_second_stranger() {
    let server = HttpServer::start(guarded(|origin| !origin.is_empty())).await;
    let (_, said) = canary(r#"{"path": "/api"}"#, &server).await;
    assert_eq!(said, ["origin-reflected critical"]);
    let origins: std::collections::BTreeSet<String> = server
        .requests()
        .iter()
        .filter(|request| request.method == "GET")
        .filter_map(|request| request.header("origin").map(str::to_owned))
        .collect();
    assert_eq!(origins.len(), 2, "{origins:?}");
}

/// A service that lets everybody through its preflights, and nobody but `allows` read.
fn let_through(methods: &'static str, allows: fn(&str) -> bool) -> impl Fn(Request) -> Reply {
    move |request| {
        let origin = request.header("origin").unwrap_or_default().to_owned();
        let reply = Reply::json(if request.path() == "/api" { 200 } else { 404 }, "{}");
        let reply = reply.header("vary", "Origin");
        if request.method != "OPTIONS" && !allows(&origin) {
            return reply;
        }
        reply
            .header("access-control-allow-origin", &origin)
            .header("access-control-allow-credentials", "true")
            .header("access-control-allow-methods", methods)
            .header("access-control-allow-headers", "content-type")
    }
}

#[tokio::test]
async fn a_stranger_asks_for_what_the_declared_pages_send() {
    for (method, headers) in [("POST", r#"["content-type"]"#), ("DELETE", "[]")] {
        let server = HttpServer::start(let_through(method, |origin| origin == APP)).await;
        let settings = format!(
            r#"{{"path": "/api", "allowed_origins": ["{APP}"], "credentials": true,
            "methods": ["GET", "{method}"], "headers": {headers}}}"#
        );
        let (_, said) = canary(&settings, &server).await;
        assert_eq!(said, ["origin-reflected medium preflight"], "{method}");
    }
}

#[tokio::test]
async fn beside_many_allowed_origins_a_strangers_preflight_is_asked_at_full_depth() {
    const LIST: [&str; 3] = ["https://a.shop.com", "https://b.shop.com", "https://c.shop.com"];
    let server = HttpServer::start(let_through("PUT", |origin| LIST.contains(&origin))).await;
    let settings = serde_json::json!({"path": "/api", "allowed_origins": LIST,
        "credentials": true, "methods": ["PUT"], "headers": ["content-type"], "depth": "full"});
    let settings = settings.to_string();
    let evidence = observe(&settings, &context(&server.url(), Impact::Active, true)).await;
    assert_eq!(said(&settings, &evidence), ["origin-reflected medium preflight"]);
    assert!(server.requests().len() <= 64);
}

#[tokio::test]
async fn a_reflection_that_needs_a_cookie_is_found() {
    let server = HttpServer::start(|request| {
        let origin = request.header("origin").unwrap_or_default().to_owned();
        let reply = Reply::json(200, "{}").header("vary", "Origin");
        match request.header("cookie") {
            Some(_) if !origin.is_empty() => grant(reply, &origin),
            _ => grant(reply, "*"),
        }
    })
    .await;
    let (_, said) = canary("{}", &server).await;
    assert!(said.contains(&"origin-reflected critical".to_owned()), "{said:?}");
}

#[tokio::test]
async fn full_depth_finds_what_a_loose_pattern_lets_through() {
    // As /example\.com/ without anchors.
    let server = HttpServer::start(guarded(|origin| origin.contains("example.com"))).await;
    let evidence = observe(FULL, &context(&server.url(), Impact::Active, true)).await;
    let said = said(FULL, &evidence);
    for line in [
        "prefix-allowed high https://app.example.com.evil.example",
        "suffix-allowed high https://evilexample.com",
        "subdomain-allowed medium https://evil.app.example.com",
        "port-ignored medium https://app.example.com:8443",
        "pattern-loose high https://appxexample.com",
    ] {
        assert!(said.contains(&line.to_owned()), "{line}: {said:?}");
    }
    let no = |start: &str| said.iter().all(|line| !line.starts_with(start));
    assert!(no("origin-reflected") && no("platform-allowed") && no("null-allowed"), "{said:?}");
    assert!(no("special-character-allowed"), "a prefix that is allowed says it: {said:?}");
    assert_eq!(evidence.reach, Reached::Full { left: 0 });
    assert!(server.requests().len() <= 64, "{}", server.requests().len());
}

#[tokio::test]
async fn an_odd_character_at_the_end_of_a_name_is_tried() {
    // As /^https:\/\/app\.example\.com(?![.-])/.
    let odd = |origin: &str| {
        origin.strip_prefix(APP).is_some_and(|rest| !rest.starts_with(['.', '-', ':']))
    };
    let server = HttpServer::start(guarded(odd)).await;
    let evidence = observe(FULL, &context(&server.url(), Impact::Active, true)).await;
    let said = said(FULL, &evidence);
    assert_eq!(said.len(), 5, "{said:?}");
    assert_eq!(said[0], "special-character-allowed high https://app.example.com_.evil.example");
    let special = "special-character-allowed medium ";
    assert!(said[1..].iter().all(|line| line.starts_with(special)), "{said:?}");
}

#[tokio::test]
async fn full_depth_of_a_good_fence_is_green_and_joins_only_when_it_is_due() {
    let server = HttpServer::start(guarded(|origin| origin == APP)).await;
    let evidence = observe(FULL, &context(&server.url(), Impact::Active, true)).await;
    assert_eq!(said(FULL, &evidence), Vec::<String>::new());
    let sent = server.requests().len();
    assert!((30..=64).contains(&sent), "{sent}");
    let evidence = observe(FULL, &context(&server.url(), Impact::Active, false)).await;
    assert_eq!(evidence.reach, Reached::NotDue);
    assert!(server.requests().len() - sent <= 6);
}

#[tokio::test]
async fn a_matrix_longer_than_a_run_is_resumed_until_all_of_it_was_seen() {
    let allowed: Vec<String> = (0..8).map(|n| format!("https://app{n}.shop{n}.com")).collect();
    let settings = serde_json::json!({"path": "/api", "allowed_origins": allowed, "depth": "full"});
    let settings = settings.to_string();
    let list = allowed.clone();
    let server =
        HttpServer::start(guarded(move |origin| list.iter().any(|own| own == origin))).await;
    let target = Arc::new(Target::new("test", server.url().parse().unwrap()));
    let mut runs = 0;
    let mut earlier = Earlier::default();
    loop {
        let before = server.requests().len();
        let cx = context_to(Arc::clone(&target), Impact::Active, true).after(earlier.clone());
        let evidence = observe(&settings, &cx).await;
        assert!(server.requests().len() - before <= 64);
        assert_eq!(said(&settings, &evidence), Vec::<String>::new());
        runs += 1;
        // Between two such runs there are canaries.
        let cx = context_to(Arc::clone(&target), Impact::Active, false).after(after(evidence));
        earlier = after(observe(&settings, &cx).await);
        let requests = server.requests();
        let sent = |origin: &str| requests.iter().any(|r| r.header("origin") == Some(origin));
        let all = (0..8).all(|n| {
            sent(&format!("https://evilshop{n}.com"))
                && sent(&format!("https://app{n}.shop{n}.com!.evil.example"))
        });
        if all && sent("http://localhost:3000") && sent("https://jsbin.com") {
            break;
        }
        assert!(runs < 5, "after {runs} runs something is still missing");
    }
    assert!(runs > 1);
}

#[tokio::test]
async fn every_allowed_origin_gets_its_turn_in_canaries() {
    let allowed: Vec<String> = (0..7).map(|n| format!("https://a{n}.example")).collect();
    let settings = serde_json::json!({"path": "/api", "allowed_origins": allowed}).to_string();
    let server = HttpServer::start(guarded(|origin| origin.starts_with("https://a"))).await;
    let target = Arc::new(Target::new("test", server.url().parse().unwrap()));
    let mut earlier = Earlier::default();
    for _ in 0..4 {
        let cx = context_to(Arc::clone(&target), Impact::Active, false).after(earlier);
        earlier = after(observe(&settings, &cx).await);
    }
    let requests = server.requests();
    for origin in &allowed {
        let asked = requests.iter().any(|request| request.header("origin") == Some(origin));
        assert!(asked, "{origin}");
    }
}

#[tokio::test]
async fn beside_many_allowed_origins_a_strangers_preflight_has_its_turn_in_canaries() {
    const LIST: [&str; 4] =
        ["https://a.shop.com", "https://b.shop.com", "https://c.shop.com", "https://d.shop.com"];
    let server = HttpServer::start(let_through("PUT", |origin| LIST.contains(&origin))).await;
    let settings = serde_json::json!({"path": "/api", "allowed_origins": LIST,
        "credentials": true, "methods": ["PUT"], "headers": ["content-type"]});
    let settings = settings.to_string();
    let target = Arc::new(Target::new("test", server.url().parse().unwrap()));
    let (mut earlier, mut found) = (Earlier::default(), Vec::new());
    for _ in 0..4 {
        let cx = context_to(Arc::clone(&target), Impact::Active, false).after(earlier);
        let evidence = observe(&settings, &cx).await;
        assert!(evidence.shots.len() <= 6);
        found.push(said(&settings, &evidence).len());
        earlier = after(evidence);
    }
    assert_eq!(found, [0, 1, 0, 1], "every other run");
    let requests = server.requests();
    let read =
        |origin| requests.iter().any(|r| r.method == "GET" && r.header("origin") == Some(origin));
    assert!(LIST.iter().all(|origin| read(origin)));
}

#[tokio::test]
async fn an_error_for_strangers_is_told_from_one_of_the_server() {
    let refusing = guarded(|origin| origin == APP);
    let server = HttpServer::start(move |request| {
        let known = request.header("origin").is_none_or(|origin| origin == APP);
        if known { refusing(request) } else { Reply::text(500, "Error: Not allowed by CORS") }
    })
    .await;
    let (_, found) = canary(FULL, &server).await;
    assert_eq!(found, ["error-on-refusal low"]);
    let before = server.requests().len();
    let evidence = observe(FULL, &context(&server.url(), Impact::Active, true)).await;
    assert_eq!(said(FULL, &evidence), ["error-on-refusal low"]);
    let requests = server.requests().split_off(before);
    assert!(requests.len() <= 64);
    // After each error, one request shows that the server itself is well.
    let known = |request: &Request| request.header("origin").is_none_or(|origin| origin == APP);
    let pairs = requests.windows(2).filter(|pair| !known(&pair[0]));
    assert!(pairs.clone().count() > 20);
    assert!(pairs.clone().all(|pair| pair[1].header("origin").is_none()));
}

#[tokio::test]
async fn a_server_that_breaks_down_is_left_alone_and_not_judged() {
    let count = AtomicUsize::new(0);
    let healthy = guarded(|origin| origin == APP);
    let server = HttpServer::start(move |request| {
        if count.fetch_add(1, Ordering::Relaxed) < 10 {
            healthy(request)
        } else {
            Reply::text(503, "")
        }
    })
    .await;
    let evidence = observe(FULL, &context(&server.url(), Impact::Active, true)).await;
    assert_eq!(evidence.stopped, Some(Stop::Worse { saw: "200, then 503".into() }));
    assert_eq!(said(FULL, &evidence), ["undetermined low"]);
    assert_eq!(server.requests().len(), 12);
}

#[tokio::test]
async fn a_run_ends_at_the_first_refusal() {
    for (status, page) in [(429, ""), (403, "<p>Incapsula incident ID: 1</p>")] {
        let count = AtomicUsize::new(0);
        let healthy = guarded(|origin| origin == APP);
        let server = HttpServer::start(move |request| {
            if count.fetch_add(1, Ordering::Relaxed) < 9 {
                return healthy(request);
            }
            Reply::new(status).header("content-type", "text/html").body(page)
        })
        .await;
        let evidence = observe(FULL, &context(&server.url(), Impact::Active, true)).await;
        assert!(matches!(evidence.stopped, Some(Stop::Refused { .. })), "{:?}", evidence.stopped);
        assert_eq!(said(FULL, &evidence), ["undetermined low"]);
        assert_eq!(server.requests().len(), 10);
    }
}

#[tokio::test]
async fn an_origin_that_a_firewall_stops_keeps_no_other_one_from_being_tried() {
    let healthy = guarded(|origin| origin == APP);
    let server = HttpServer::start(move |request| {
        if request.header("origin").is_some_and(|origin| origin.contains("appxexample")) {
            return Reply::new(403)
                .header("content-type", "text/html")
                .body("Incapsula incident ID");
        }
        healthy(request)
    })
    .await;
    let first = observe(FULL, &context(&server.url(), Impact::Active, true)).await;
    assert!(matches!(first.stopped, Some(Stop::Refused { .. })), "{:?}", first.stopped);
    let before = server.requests().len();
    let cx = context(&server.url(), Impact::Active, true).after(after(first));
    let second = observe(FULL, &cx).await;
    let requests = server.requests().split_off(before);
    for origin in ["https://evil.app.example.com", "https://app.example.com.evil.example"] {
        let tried = requests.iter().any(|request| request.header("origin") == Some(origin));
        assert!(tried, "{origin}: {:?}", second.stopped);
    }
    assert_eq!(second.reach, Reached::Full { left: 1 });
}

#[tokio::test]
async fn a_shared_cache_ends_the_run_at_once() {
    let server =
        HttpServer::start(|_| Reply::json(200, "{}").header("x-cache", "Hit from cloudfront"))
            .await;
    let evidence = observe(FULL, &context(&server.url(), Impact::Active, true)).await;
    assert!(matches!(evidence.stopped, Some(Stop::Cached { .. })));
    let foreign = server
        .requests()
        .iter()
        .filter(|request| request.header("origin").is_some_and(|origin| origin != APP))
        .count();
    assert_eq!(foreign, 1);
    let said = said(FULL, &evidence);
    assert!(said.contains(&"shared-cache-hit low".to_owned()), "{said:?}");
    assert!(said.contains(&"undetermined low".to_owned()), "{said:?}");
}

#[tokio::test]
async fn a_post_that_does_something_is_sent_once() {
    let settings = r#"{"path": "/api", "method": "POST"}"#;
    let server = HttpServer::start(|_| Reply::json(201, "{}")).await;
    let (evidence, found) = canary(settings, &server).await;
    assert_eq!(evidence.stopped, Some(Stop::NotInert { status: 201 }));
    assert_eq!(found, ["undetermined low"]);
    assert_eq!(server.requests().len(), 1);
    let server = HttpServer::start(|_| Reply::json(422, "{}")).await;
    canary(settings, &server).await;
    assert!(server.requests().len() > 3);
}

#[tokio::test]
async fn what_answers_every_path_proves_nothing() {
    let server = HttpServer::start(|_| Reply::json(200, r#"{"ok": true}"#)).await;
    let (evidence, found) = canary(r#"{"path": "/api/users"}"#, &server).await;
    assert_eq!(evidence.alike, Some(true));
    assert_eq!(found, ["undetermined low"]);
    // The shell of an app has another nonce and time in every answer.
    let count = AtomicUsize::new(0);
    let shell = HttpServer::start(move |_| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        let nonce = ["aB+dEfGhIjKlMnOpQrStUv==", "wXyZaBcDeFgHiJkLmNoPqR=="][usize::from(n > 0)];
        let page = format!("<!doctype html><script nonce=\"{nonce}\" data-at={n}></script>");
        Reply::new(200).header("content-type", "text/html").body(page)
    })
    .await;
    let (_, found) = canary(r#"{"path": "/api/users"}"#, &shell).await;
    assert_eq!(found, ["undetermined low"]);
    // An endpoint beside such a shell.
    let beside = HttpServer::start(|request| {
        let media = if request.path() == "/api" { "application/json" } else { "text/html" };
        Reply::new(200).header("content-type", media)
    })
    .await;
    let (evidence, found) = canary(r#"{"path": "/api", "method": "HEAD"}"#, &beside).await;
    assert_eq!((evidence.alike, found), (Some(false), vec![]));
    let page = HttpServer::start(|_| {
        Reply::new(200).header("content-type", "text/html").body("<!doctype html>")
    })
    .await;
    let (evidence, found) = canary("{}", &page).await;
    assert_eq!((evidence.alike, found), (None, vec![]), "a front page may stand everywhere");
}

#[tokio::test]
async fn targets_that_answer_nothing_of_their_own_are_never_green() {
    fn same(status: u16, header: (&str, &str)) -> Reply {
        Reply::new(status).header(header.0, header.1).body("<p>a page</p>")
    }
    let html = ("content-type", "text/html");
    for (reply, says) in [
        (same(404, html), "it answers 404"),
        (same(500, html), "it answers 500"),
        (same(302, ("location", "/login")), "it answers 302 and leads to /login"),
        (same(403, ("cf-mitigated", "challenge")), "a firewall (Cloudflare)"),
        (same(429, html), "it answers 429"),
        (same(401, html), "it answers 401"),
    ] {
        let server = HttpServer::start(move |_| reply.clone()).await;
        for settings in [r#"{"path": "/api"}"#, FULL] {
            let evidence = observe(settings, &context(&server.url(), Impact::Active, true)).await;
            let seen = Seen { now: &evidence, earlier: &[] };
            let judgement = testing::probe::<Cors>(settings).judge(&seen, Timestamp::UNIX_EPOCH);
            let found = judgement.findings.iter().find(|f| f.about.id == "cors.undetermined");
            let saw = found.map(|finding| finding.saw.as_str()).unwrap_or_default();
            assert!(saw.contains(says), "{says}: {:?}", fired(&judgement));
        }
        let door = says == "it answers 401";
        assert!(server.requests().len() <= if door { 64 + 6 } else { 6 + 6 }, "{says}");
    }
}

#[tokio::test]
async fn a_fence_that_comes_and_goes_is_not_believed() {
    let count = AtomicUsize::new(0);
    let server = HttpServer::start(move |request| {
        let origin = request.header("origin").unwrap_or_default().to_owned();
        let reply = Reply::json(200, "{}").header("vary", "Origin");
        // Every other request of a page is let in.
        let odd = !origin.is_empty() && count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        if odd { grant(reply, &origin) } else { reply }
    })
    .await;
    let (_, found) = canary(r#"{"path": "/api"}"#, &server).await;
    assert!(found.contains(&"undetermined low".to_owned()), "{found:?}");
}

#[tokio::test]
async fn without_consent_no_foreign_origin_is_sent() {
    let server = HttpServer::start(guarded(|_| true)).await;
    let settings = r#"{"path": "/api", "allowed_origins": ["https://app.example.com"]}"#;
    let evidence = observe(settings, &context(&server.url(), Impact::Passive, false)).await;
    assert!(!evidence.foreign);
    let foreign = |request: &Request| request.header("origin").is_some_and(|origin| origin != APP);
    assert!(!server.requests().iter().any(foreign));
    assert_eq!(said(settings, &evidence), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_that_answers_is_undetermined_and_no_outage() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let evidence =
        observe(DECLARED, &context(&format!("http://{free}"), Impact::Active, false)).await;
    assert_eq!(said(DECLARED, &evidence), ["undetermined low"]);
}

#[tokio::test]
async fn a_long_list_of_allowed_headers_is_read_to_its_end() {
    let names: Vec<String> = (0..200).map(|n| format!("x-custom-header-{n}")).collect();
    let names = format!("{}, content-type", names.join(", "));
    let server = HttpServer::start(move |request| {
        let origin = request.header("origin").filter(|origin| *origin == APP);
        let reply = Reply::json(if request.path() == "/api" { 200 } else { 404 }, "{}");
        let reply = reply.header("vary", "Origin");
        if origin.is_none() {
            return reply;
        }
        reply
            .header("access-control-allow-origin", APP)
            .header("access-control-allow-methods", "PUT")
            .header("access-control-allow-headers", &names)
    })
    .await;
    let settings = r#"{"path": "/api", "allowed_origins": ["https://app.example.com"],
        "methods": ["PUT"], "headers": ["content-type"]}"#;
    let (_, found) = canary(settings, &server).await;
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn a_value_without_end_is_cut() {
    let server = HttpServer::start(|_| {
        let long = "a".repeat(20_000);
        let reply = Reply::json(200, "{}").header("access-control-allow-origin", &long);
        reply.header("vary", &long)
    })
    .await;
    let (evidence, _) = canary("{}", &server).await;
    let kept = evidence.shots[0].answer.as_ref().unwrap().headers.iter();
    let kept: usize = kept.map(|(_, value)| value.chars().count()).sum();
    assert!((16_000..=16_400).contains(&kept), "{kept}");
}

#[tokio::test]
async fn preflights_carry_nothing_of_the_users() {
    let server = HttpServer::start(guarded(|origin| origin == APP)).await;
    let mut target = Target::new("test", server.url().parse().unwrap());
    target.insecure = true;
    target.auth = Some(Auth::Bearer(SecretRef::Env("TOKEN".into())));
    let settings =
        r#"{"path": "/api", "allowed_origins": ["https://app.example.com"], "methods": ["PUT"]}"#;
    let evidence = observe(settings, &context_to(Arc::new(target), Impact::Active, false)).await;
    assert!(!serde_json::to_string(&evidence).unwrap().contains("s3cr3t"));
    let requests = server.requests();
    assert!(requests.iter().any(|request| request.method == "OPTIONS"));
    for request in requests {
        let preflight = request.method == "OPTIONS";
        assert_eq!(request.header("authorization").is_none(), preflight);
    }
}
