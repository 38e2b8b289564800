//! Whole runs against servers that listen, and the numbers that they give.

mod grpc;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::fault::{Fault, FaultServer};
use musterd_test_support::http::{HttpServer, Reply, Request};
use serde_json::{Value, json};

use super::{Evidence, Health};
use crate::context::{Context, Run};
use crate::contract::Kind as _;
use crate::contract::Seen;
use crate::impact::Impact;
use crate::net::target::Target;
use crate::net::trust::Trust;
use crate::severity::Verdict;
use crate::testing;

const SPA: &str = "<!doctype html><html><body><div id=\"root\"></div></body></html>";

/// A run against a target, with an exchange that may take so long.
fn context(target: &Arc<Target>, at: Timestamp, timeout: Duration) -> Context {
    let run = Run { at, timeout, ..testing::run(Impact::Passive) };
    Context::new(Arc::new(testing::network()), Arc::clone(target), run)
}

/// What was written, with no bound on time: these machines may be busy.
fn health(settings: &Value) -> Health {
    let mut settings = settings.clone();
    settings["slow"] = json!({});
    testing::probe(&settings.to_string())
}

/// What fires in one run, as `rule severity subject`, and the verdict.
fn judged(health: &Health, evidence: &Evidence) -> (Vec<String>, Verdict) {
    let judgement = health.judge(&Seen { now: evidence, earlier: &[] }, Timestamp::UNIX_EPOCH);
    let fired = judgement.findings.iter().map(|finding| {
        let id = finding.about.id.trim_start_matches("health.");
        format!("{id} {} {}", finding.severity, finding.subject).trim_end().to_owned()
    });
    (fired.collect(), judgement.verdict())
}

async fn look(settings: &Value, target: Target, timeout: Duration) -> (Vec<String>, Verdict) {
    let health = health(settings);
    let cx = context(&Arc::new(target), Timestamp::UNIX_EPOCH, timeout);
    let evidence = health.observe(&cx).await.expect("the target is what is wrong, not we");
    judged(&health, &evidence)
}

async fn looked(settings: &Value, url: &str) -> (Vec<String>, Verdict) {
    let target = Target::new("test", url.parse().expect("a URL"));
    look(settings, target, Duration::from_secs(20)).await
}

/// A server, what it fires, and how often it was asked.
async fn asked(
    settings: &Value,
    handler: impl Fn(Request) -> Reply + Send + Sync + 'static,
) -> (Vec<String>, Verdict, usize) {
    let server = HttpServer::start(handler).await;
    let (fired, verdict) = looked(settings, &server.url()).await;
    (fired, verdict, server.requests().len())
}

fn only(path: &'static str, reply: Reply) -> impl Fn(Request) -> Reply + Send + Sync {
    move |request| if request.path() == path { reply.clone() } else { Reply::text(404, "no") }
}

#[tokio::test]
async fn services_that_are_well_pass() {
    let terminus = json!({"status": "ok", "info": {"db": {"status": "up"}}, "error": {},
        "details": {"db": {"status": "up"}}});
    let nest = Reply::json(200, terminus.to_string())
        .header("cache-control", "no-cache, no-store, must-revalidate");
    let spring = Reply::new(200)
        .header("content-type", "application/vnd.spring-boot.actuator.v3+json")
        .body(r#"{"status":"UP","groups":["liveness","readiness"]}"#);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(terminus.to_string().as_bytes()).unwrap();
    let gzip = Reply::json(200, gzip.finish().unwrap()).header("content-encoding", "gzip");
    let seed = json!({"status": "healthy", "timestamp": "2026-01-01T11:59:59Z",
        "checks": {"database": "ok", "redis": "ok", "inngest": "ok"}});
    let seed = Reply::json(200, seed.to_string()).header("date", "Thu, 01 Jan 2026 12:00:00 GMT");
    let verbose = "[+]ping ok\n[+]etcd ok\nreadyz check passed\n";
    for (path, reply, requests) in [
        ("/health", nest, 1),
        ("/actuator/health", spring, 2),
        ("/health", gzip, 1),
        ("/api/readiness", seed, 1),
        ("/readyz", Reply::text(200, "ok"), 2),
        ("/readyz", Reply::text(200, verbose), 1),
        ("/healthz", Reply::new(200), 2),
        ("/healthz", Reply::new(204), 2),
    ] {
        let told = asked(&json!({"path": path}), only(path, reply.clone())).await;
        assert_eq!(told, (vec![], Verdict::Pass, requests), "{path} {reply:?}");
    }
}

#[tokio::test]
async fn an_answer_that_every_path_gives_is_a_stub() {
    let nginx = |_: Request| Reply::text(200, "ok");
    let spa = |_: Request| Reply::new(200).header("content-type", "text/html").body(SPA);
    let told = asked(&json!({}), nginx).await;
    assert_eq!(told, (vec!["stub high".to_owned()], Verdict::Fail, 2));
    let (fired, verdict, _) = asked(&json!({}), spa).await;
    assert_eq!(fired, ["body-invalid low", "stub high"]);
    assert_eq!(verdict, Verdict::Fail);
    let sign_in = |request: Request| match request.path() {
        "/login" => Reply::new(200).header("content-type", "text/html").body(SPA),
        _ => Reply::redirect(302, "/login"),
    };
    let (fired, verdict, _) = asked(&json!({}), sign_in).await;
    assert_eq!(fired, ["body-invalid low", "stub high", "redirected medium"]);
    assert_eq!(verdict, Verdict::Fail);
    // The page for every path does not hide an endpoint of its own beside it.
    let beside = |request: Request| match request.path() {
        "/health" => Reply::text(200, "ok"),
        _ => Reply::new(200).header("content-type", "text/html").body(SPA),
    };
    assert_eq!(asked(&json!({}), beside).await.1, Verdict::Pass);
    // Compared is what stands beside the endpoint, where the same routes apply.
    let below = |request: Request| match request.path() {
        path if path.starts_with("/app/") => Reply::text(200, "ok"),
        _ => Reply::new(404),
    };
    assert_eq!(asked(&json!({"path": "/app/health?x=1"}), below).await.0, ["stub high"]);
}

#[tokio::test]
async fn an_absent_path_is_asked_for_once_an_hour_unless_it_was_there() {
    let start: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    for (elsewhere, wanted) in [(404, [1, 1, 2]), (200, [1, 2, 3])] {
        let server = HttpServer::start(move |request| match request.path() {
            "/health" => Reply::text(200, "ok"),
            _ => Reply::text(elsewhere, "ok"),
        })
        .await;
        let target = Arc::new(Target::new("test", server.url().parse().unwrap()));
        let health = health(&json!({}));
        for (minutes, wanted) in [0, 1, 62].into_iter().zip(wanted) {
            let at = start + SignedDuration::from_mins(minutes);
            let cx = context(&target, at, Duration::from_secs(20));
            let evidence = health.observe(&cx).await.unwrap();
            let (fired, _) = judged(&health, &evidence);
            assert_eq!(fired.is_empty(), elsewhere == 404, "{elsewhere} {minutes}: {fired:?}");
            let absent = |request: &Request| request.path() == "/musterd-absent";
            let count = server.requests().into_iter().filter(absent).count();
            assert_eq!(count, wanted, "{elsewhere} {minutes}");
        }
    }
}

#[tokio::test]
async fn redirects_are_followed_on_the_host_alone() {
    let authority = Authority::new();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let config = authority.issue(&Leaf::localhost()).server_config(&["h2", "http/1.1"]);
    let reply = Reply::json(200, r#"{"status":"ok","checks":{"db":"ok"}}"#);
    let secure = HttpServer::start_tls(config, move |_| reply.clone()).await;
    let to = format!("https://{}/health", secure.addr());
    let plain = HttpServer::start(move |_| Reply::redirect(308, &to)).await;
    let mut target = Target::new("test", plain.url().parse().unwrap());
    target.trust = Trust::new(Some(ca), None);
    let (fired, verdict) = look(&json!({}), target, Duration::from_secs(20)).await;
    assert_eq!((fired, verdict), (vec!["redirected medium".to_owned()], Verdict::Warn));

    let other = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let to = format!("http://localhost:{}/health", other.addr().port());
    let elsewhere = move |_: Request| Reply::redirect(302, &to);
    let (fired, verdict, requests) = asked(&json!({}), elsewhere).await;
    assert_eq!(fired, ["status-unexpected high", "redirected medium"]);
    assert_eq!((verdict, requests, other.connections()), (Verdict::Fail, 1, 0));

    // Whoever accepts a redirect means the redirect.
    let accepted = |_: Request| Reply::redirect(302, "/elsewhere");
    let (fired, _, _) = asked(&json!({"status": [200, 302]}), accepted).await;
    assert_eq!(fired, ["stub high"]);
}

#[tokio::test]
async fn misbehaviour_of_the_target_is_evidence() {
    let patient = Duration::from_secs(20);
    let brief = Duration::from_millis(200);
    let json = |length: usize, body: &str| {
        Fault::Respond(
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
                 \r\n{body}"
            )
            .into_bytes(),
        )
    };
    for (fault, timeout, wanted) in [
        (Fault::ResetAfterAccept, patient, vec!["unreachable critical"]),
        (Fault::ResetAfterRequest, patient, vec!["unreachable critical"]),
        (Fault::GarbageAnswer, patient, vec!["unreachable critical"]),
        (Fault::SilentAfterRequest, brief, vec!["timeout critical"]),
        (Fault::SilentAfterHead, brief, vec!["timeout critical"]),
        (json(11, r#"{"status": "#), patient, vec!["body-invalid medium", "stub high"]),
        (json(100, r#"{"status": "ok"}"#), patient, vec!["body-invalid medium"]),
        (Fault::InvalidGzip, patient, vec!["body-invalid medium"]),
        (Fault::EndlessBody, patient, vec!["body-invalid medium", "stub high"]),
        (Fault::RedirectLoop, patient, vec!["status-unexpected high", "redirected medium"]),
    ] {
        let name = format!("{fault:?}");
        let server = FaultServer::start(fault).await;
        let target = Target::new("test", format!("http://{}", server.addr()).parse().unwrap());
        let settings = json!({"components": ["db"]});
        let (fired, verdict) = look(&settings, target, timeout).await;
        assert_eq!(fired, wanted, "{name}");
        assert_ne!(verdict, Verdict::Pass, "{name}");
    }
    let long = json!({"status": "ok", "padding": "x".repeat(300 * 1024)}).to_string();
    let (fired, verdict, _) = asked(&json!({}), move |_| Reply::json(200, long.clone())).await;
    assert_eq!(fired.first().map(String::as_str), Some("body-invalid medium"));
    assert_ne!(verdict, Verdict::Pass);
}

#[tokio::test]
async fn liveness_that_goes_down_with_the_database_is_told_and_one_that_stays_up_is_not() {
    let settings = json!({"path": "/ready", "live": "/live"});
    let server = |live: Reply| {
        move |request: Request| match request.path() {
            "/ready" => Reply::json(503, r#"{"status":"error","checks":{"db":"down"}}"#),
            "/live" => live.clone(),
            _ => Reply::new(404),
        }
    };
    let (fired, verdict, requests) = asked(&settings, server(Reply::text(200, "ok"))).await;
    assert_eq!(fired, ["down critical", "component-down high db"]);
    assert_eq!((verdict, requests), (Verdict::Fail, 2));
    let (fired, ..) = asked(&settings, server(Reply::new(503))).await;
    assert_eq!(
        fired,
        [
            "down critical",
            "down critical /live",
            "component-down high db",
            "liveness-follows-dependency high",
        ]
    );
}

#[tokio::test]
async fn evidence_of_a_redirect_keeps_the_beginning_of_its_body() {
    let server = HttpServer::start(|request| match request.path() {
        "/health" => Reply::redirect(301, "/healthz").body("x".repeat(100_000)),
        _ => Reply::json(200, r#"{"status":"ok","checks":{"db":"ok"}}"#),
    })
    .await;
    let cx = testing::context(&server.url());
    let evidence = health(&json!({})).observe(&cx).await.unwrap();
    let kept: Vec<usize> = evidence
        .main
        .followed
        .hops
        .iter()
        .map(|hop| hop.answer.as_ref().map_or(0, |answer| answer.body.bytes.0.len()))
        .collect();
    assert_eq!(kept, [super::EXCERPT, 36]);
}

#[test]
fn settings_that_cannot_work_name_their_key() {
    for (settings, key) in [
        (json!({"path": "https://b.example/health"}), "path"),
        (json!({"live": "http://b.example/live"}), "live"),
        (json!({"live": "/health"}), "live"),
        (json!({"kind": "liveness", "live": "/live"}), "live"),
        (json!({"components": ["db", " "]}), "components"),
        (json!({"optional": [""]}), "optional"),
        (json!({"max_age": "0s"}), "max_age"),
        (json!({"slow": {"warn": "2s", "fail": "1s"}}), "slow.warn"),
    ] {
        let error = Health::new(serde_json::from_value(settings).unwrap()).err().unwrap();
        assert_eq!(error.key, Some(key));
    }
}

#[test]
fn numbers_of_a_run_have_names_labels_and_units() {
    let body = json!({"status": "warn", "timestamp": "2026-01-01T11:59:30Z", "checks": {
        "db:responseTime": [{"status": "pass", "observedValue": 12, "observedUnit": "ms"}],
        "search": "down", "mail": "disabled"}})
    .to_string();
    let evidence = json!({"main": {"path": "/health", "at": "2026-01-01T12:00:00Z", "followed": {
    "hops": [
        {"method": "GET", "url": "http://a.example/health", "connection": {"phases":
            {"resolve": 0.25, "connect": 0.5, "processing": 0.125, "transfer": 0.0}},
         "answer": {"version": "1.1", "status": 301, "headers": [], "body": {
            "bytes": {"text": ""}, "length": 0, "wire": 0, "end": "complete"}}},
        {"method": "GET", "url": "http://a.example/healthz", "connection": {
            "peer": "127.0.0.1:80", "phases":
            {"resolve": 0.25, "connect": 0.5, "processing": 0.5, "transfer": 0.125}},
         "answer": {"version": "1.1", "status": 200, "headers": [["content-length", "180"]],
            "body": {"bytes": {"text": body}, "length": body.len(), "wire": body.len(),
                "end": "complete"}}},
    ]}}});
    let evidence: Evidence = serde_json::from_value(evidence).unwrap();
    let shown: Vec<String> = health(&json!({}))
        .measure(&evidence)
        .iter()
        .map(|one| {
            assert!(Health::FAMILIES.contains(one.family), "{}", one.family.name);
            format!("{}{{{}}} {}", one.family.name, one.labels.join(","), one.value)
        })
        .collect();
    let length = format!("probe_http_uncompressed_body_length{{}} {}", body.len());
    assert_eq!(
        shown,
        [
            "probe_dns_lookup_time_seconds{} 0.25",
            "probe_ip_protocol{} 4",
            "probe_ip_addr_hash{} 3668918509",
            "probe_http_duration_seconds{resolve} 0.5",
            "probe_http_duration_seconds{connect} 1",
            "probe_http_duration_seconds{processing} 0.625",
            "probe_http_duration_seconds{transfer} 0.125",
            "probe_http_status_code{} 200",
            "probe_http_redirects{} 1",
            "probe_http_content_length{} 180",
            &length,
            "probe_http_ssl{} 0",
            "probe_http_version{} 1.1",
            "musterd_health_status{} 1",
            "musterd_health_component_status{db} 2",
            "musterd_health_component_latency_seconds{db} 0.012",
            "musterd_health_component_status{search} 0",
            "musterd_health_component_status{mail} -1",
            "musterd_health_body_age_seconds{} 30",
        ]
    );
}
