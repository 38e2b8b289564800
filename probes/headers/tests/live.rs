//! Whole runs against servers that listen, well behaved and badly kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::http::{HttpServer, Reply, Request};
use tokio::net::TcpListener;

use super::scene::HELMET;
use crate::context::{Context, Run};
use crate::contract::{Kind as _, Seen};
use crate::headers::Headers;
use crate::headers::evidence::Evidence;
use crate::impact::Impact;
use crate::net::target::{Auth, Target};
use crate::net::trust::Trust;
use crate::secret::SecretRef;
use crate::severity::Verdict;
use crate::testing;

const PAGE: &str = "<!doctype html><html><head><title>a</title></head><body>a</body></html>";

pub(super) fn html(status: u16, lines: &[&str]) -> Reply {
    let page = Reply::new(status).header("content-type", "text/html; charset=utf-8").body(PAGE);
    lines.iter().fold(page, |reply, line| {
        let (name, value) = line.split_once(':').unwrap();
        reply.header(name, value.trim())
    })
}

/// A page with helmet's headers, also where nothing is.
fn guarded(request: &Request) -> Reply {
    html(if request.path() == "/" { 200 } else { 404 }, &HELMET)
}

pub(super) fn target(url: &str) -> Target {
    Target::new("test", url.parse().unwrap())
}

pub(super) async fn observe(target: Target, patience: Duration) -> Evidence {
    let run = Run { timeout: patience, ..testing::run(Impact::Passive) };
    let cx = Context::new(Arc::new(testing::network()), Arc::new(target), run);
    let headers = testing::probe::<Headers>("{}");
    let evidence = headers.observe(&cx).await.expect("the target is what is wrong, not we");
    assert!(cx.requests_sent().iter().sum::<u32>() <= 24);
    let stored = serde_json::to_string(&evidence).unwrap();
    serde_json::from_str(&stored).unwrap()
}

pub(super) async fn look(target: Target) -> Evidence {
    observe(target, Duration::from_secs(20)).await
}

pub(super) fn judged(evidence: &Evidence) -> (Vec<String>, Verdict) {
    let headers = testing::probe::<Headers>("{}");
    let seen = Seen { now: evidence, earlier: &[] };
    let judgement = headers.judge(&seen, Timestamp::UNIX_EPOCH);
    let fired = judgement.findings.iter().map(|finding| {
        let id = finding.about.id.trim_start_matches("headers.");
        format!("{id} {} {}", finding.severity, finding.subject).trim_end().to_owned()
    });
    (fired.collect(), judgement.verdict())
}

/// A secure server with a plain twin that answers as it is told, and a target that trusts it.
struct Estate {
    server: HttpServer,
    plain: HttpServer,
    target: Target,
    _folder: tempfile::TempDir,
}

/// What the plain twin answers.
#[derive(Clone, Copy)]
enum Plain {
    Redirects,
    Serves,
}

async fn estate(twin: Plain, handler: impl Fn(Request) -> Reply + Send + Sync + 'static) -> Estate {
    let authority = Authority::new();
    let config = authority.issue(&Leaf::localhost()).server_config(&["h2", "http/1.1"]);
    let server = HttpServer::start_tls(config, handler).await;
    let url = server.url();
    let plain = HttpServer::start(move |_| match twin {
        Plain::Redirects => Reply::redirect(308, &url),
        Plain::Serves => html(200, &[]),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let mut target = target(&server.url());
    target.connect_to = Some(server.addr());
    target.trust = Trust::new(Some(file), None);
    let port = plain.addr().port();
    target.http_url = Some(format!("http://localhost:{port}/").parse().unwrap());
    Estate { server, plain, target, _folder: folder }
}

#[tokio::test]
async fn helmets_defaults_over_tls_pass_and_score_130() {
    let estate = estate(Plain::Redirects, |request| guarded(&request)).await;
    let evidence = look(estate.target).await;
    let (fired, verdict) = judged(&evidence);
    assert_eq!((verdict, fired.iter().all(|f| f.contains(" info"))), (Verdict::Pass, true));
    let numbers = testing::probe::<Headers>("{}").measure(&evidence);
    assert_eq!(numbers[0].value.to_string(), "130");
    assert_eq!(numbers[1].labels, ["A+"]);
    // The page, a page that is not there, and the twin with what it leads to.
    assert_eq!((estate.server.requests().len(), estate.plain.requests().len()), (3, 1));
    let first = &estate.server.requests()[0];
    assert!(first.header("accept").unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn a_bare_page_is_told_everything_that_it_lacks() {
    let estate = estate(Plain::Serves, |_| {
        html(200, &["server: nginx/1.18.0", "set-cookie: sid=0123456789abcdef0123456789abcdef"])
    })
    .await;
    let evidence = look(estate.target).await;
    let (fired, verdict) = judged(&evidence);
    assert_eq!(verdict, Verdict::Fail);
    assert_eq!(
        fired,
        [
            "csp-missing high",
            "hsts-missing high",
            "redirect-missing high",
            "nosniff-missing medium",
            "framing-open high",
            "cookie-not-secure high sid",
            "cookie-not-httponly high sid",
            "version-leaked medium server",
        ]
    );
    let stored = serde_json::to_string(&evidence).unwrap();
    assert!(!stored.contains("0123456789abcdef"), "a cookie's value is nobody's business");
}

#[tokio::test]
async fn the_page_is_read_again_where_a_nonce_must_differ() {
    for (fresh, fires) in [(true, false), (false, true)] {
        let count = AtomicU32::new(0);
        let estate = estate(Plain::Redirects, move |_| {
            let count = count.fetch_add(u32::from(fresh), Ordering::Relaxed);
            let line = format!(
                "content-security-policy: script-src 'nonce-MTIzNDU2Nzg5MDEyMzQ1N{count}'; object-src 'none'; base-uri 'none'"
            );
            html(200, &[&line])
        })
        .await;
        let (fired, _) = judged(&look(estate.target).await);
        let own = fired.iter().any(|f| f == "csp-nonce-static high script-src");
        assert_eq!(own, fires, "{fired:?}");
        assert_eq!(estate.server.requests().len(), 4);
    }
}

#[tokio::test]
async fn an_untrusted_certificate_hides_no_headers_and_gets_no_credentials() {
    let mut estate = estate(Plain::Redirects, |request| guarded(&request)).await;
    estate.target.trust = Trust::default();
    estate.target.auth = Some(Auth::Bearer(SecretRef::Env("TOKEN".into())));
    let evidence = look(estate.target).await;
    assert_eq!(judged(&evidence).1, Verdict::Pass);
    assert!(!evidence.credentialed && evidence.document.last().distrust.is_some());
    let requests = estate.server.requests();
    assert!(requests.iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn credentials_go_over_tls_alone() {
    let mut estate = estate(Plain::Redirects, |request| guarded(&request)).await;
    estate.target.auth = Some(Auth::Bearer(SecretRef::Env("TOKEN".into())));
    let evidence = look(estate.target).await;
    assert!(evidence.credentialed && evidence.authorized);
    assert!(estate.server.requests().iter().any(|r| r.header("authorization").is_some()));
    assert!(estate.plain.requests().iter().all(|r| r.header("authorization").is_none()));
}

#[tokio::test]
async fn over_plain_http_only_what_tls_needs_is_left_out() {
    let server = HttpServer::start(|request| guarded(&request)).await;
    let evidence = look(target(&server.url())).await;
    let headers = testing::probe::<Headers>("{}");
    let judgement = headers.judge(&Seen { now: &evidence, earlier: &[] }, Timestamp::UNIX_EPOCH);
    assert_eq!(judgement.verdict(), Verdict::Pass, "{:?}", judgement.findings);
    let untested: Vec<&str> = judgement.untested().map(|(about, _)| about.id).collect();
    assert_eq!(
        untested,
        [
            "headers.hsts-missing",
            "headers.hsts-short",
            "headers.hsts-invalid",
            "headers.hsts-preload-ineligible",
            "headers.redirect-missing",
            "headers.redirect-other-host",
        ]
    );
}

#[tokio::test]
async fn an_api_is_not_asked_for_what_pages_need() {
    let server =
        HttpServer::start(|_| Reply::json(401, "{}").header("x-content-type-options", "nosniff"))
            .await;
    assert_eq!(judged(&look(target(&server.url())).await), (vec![], Verdict::Pass));
}

#[tokio::test]
async fn nothing_that_answers_is_undetermined_and_no_outage() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let evidence = look(target(&format!("http://{free}"))).await;
    assert_eq!(judged(&evidence), (vec!["undetermined low".to_owned()], Verdict::Warn));
    assert!(testing::probe::<Headers>("{}").measure(&evidence).is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_asked_for_beside_the_page() {
    let server = HttpServer::start(|request| guarded(&request)).await;
    for (settings, path) in [
        ("{}", "/musterd-absent"),
        (r#"{"path": "/a/b?c=d"}"#, "/a/musterd-absent"),
        (r#"{"path": "/a/"}"#, "/a/musterd-absent"),
    ] {
        let headers = testing::probe::<Headers>(settings);
        headers.observe(&testing::context(&server.url())).await.unwrap();
        assert_eq!(server.requests().last().unwrap().target(), path);
    }
}
