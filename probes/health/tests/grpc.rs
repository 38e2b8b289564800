//! gRPC's health service, asked over plain TCP and over TLS.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::fault::{Fault, FaultServer};
use musterd_test_support::http::{HttpServer, Reply, Request};
use serde_json::json;

use super::{Evidence, Health, context, health, judged, looked};
use crate::blind::Cause;
use crate::contract::Kind as _;
use crate::net::target::{Auth, Target};
use crate::net::trust::Trust;
use crate::severity::Verdict;
use crate::testing;

const PATIENT: Duration = Duration::from_secs(20);

fn says(status: u8) -> Reply {
    Reply::new(200)
        .header("content-type", "application/grpc")
        .body(vec![0, 0, 0, 0, 2, 8, status])
        .trailer("grpc-status", "0")
}

fn error(code: &str, message: &str) -> Reply {
    Reply::new(200)
        .header("content-type", "application/grpc")
        .header("grpc-status", code)
        .header("grpc-message", message)
}

/// A server that serves as a whole, whose orders do not, and that knows nothing else.
fn reply(request: &Request) -> Reply {
    match (request.path(), request.body.as_ref()) {
        ("/grpc.health.v1.Health/Check", b"\0\0\0\0\0") => says(1),
        ("/grpc.health.v1.Health/Check", b"\0\0\0\0\x08\x0a\x06orders") => says(2),
        ("/grpc.health.v1.Health/Check", _) => error("5", "unknown service"),
        _ => Reply::text(404, "no"),
    }
}

#[tokio::test]
async fn a_server_is_asked_over_http2_with_prior_knowledge() {
    let http = HttpServer::start(|request| reply(&request)).await;
    for (service, wanted) in [
        ("", (vec![], Verdict::Pass)),
        ("orders", (vec!["down critical".to_owned()], Verdict::Fail)),
        ("mail", (vec!["status-unexpected high".to_owned()], Verdict::Fail)),
    ] {
        // A path of the service's own URL is none of gRPC's.
        let told = looked(&json!({"grpc": service}), &format!("{}/v1", http.url())).await;
        assert_eq!(told, wanted, "{service}");
    }
    let requests = http.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!(request.version, http::Version::HTTP_2);
        assert_eq!((request.method.as_str(), request.query()), ("POST", None));
        for (name, value) in [
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", "20000m"),
            ("accept-encoding", "identity"),
        ] {
            assert_eq!(request.header(name), Some(value));
        }
    }
}

#[tokio::test]
async fn within_tls_the_server_must_agree_on_http2() {
    let authority = Authority::new();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let identity = authority.issue(&Leaf::localhost());
    for (protocols, says) in [
        (["h2", "http/1.1"].as_slice(), None),
        (&["http/1.1"], Some("it speaks none of the protocols that were offered")),
        (&[], Some("the server does not agree on HTTP/2")),
    ] {
        let https =
            HttpServer::start_tls(identity.server_config(protocols), |asked| reply(&asked)).await;
        let mut target = Target::new("test", https.url().parse().unwrap());
        target.trust = Trust::new(Some(ca.clone()), None);
        let health = health(&json!({"grpc": ""}));
        let cx = context(&Arc::new(target), Timestamp::UNIX_EPOCH, PATIENT);
        let evidence = health.observe(&cx).await.unwrap();
        let (fired, verdict) = judged(&health, &evidence);
        let Some(says) = says else {
            assert_eq!((fired, verdict), (vec![], Verdict::Pass));
            continue;
        };
        assert_eq!(fired, ["unreachable critical"]);
        let failure = evidence.main.exchange().failure.as_ref().unwrap();
        assert!(failure.detail.contains(says), "{failure:?}");
        assert_eq!(https.requests().len(), 0);
    }
}

#[tokio::test]
async fn what_follows_the_body_is_evidence_without_its_secrets() {
    let http = HttpServer::start(|_| {
        says(1).trailer("grpc-status-details", "s3cr3t-t0k3n").trailer("x-b", "1")
    })
    .await;
    let cx = testing::context(&http.url());
    let reference = serde_json::from_value(json!({"env": "TOKEN"})).unwrap();
    cx.secret(&reference).await.unwrap();
    let health = health(&json!({"grpc": "orders"}));
    let evidence = health.observe(&cx).await.unwrap();
    let stored = serde_json::to_string(&evidence).unwrap();
    assert!(!stored.contains("s3cr3t"), "{stored}");
    let evidence: Evidence = serde_json::from_str(&stored).unwrap();
    let answer = evidence.main.answer().unwrap();
    assert_eq!(answer.trailer("grpc-status"), Some("0"));
    assert_eq!((answer.trailer("x-b"), answer.trailers.len()), (Some("1"), 3));
    assert_eq!(evidence.main.grpc.as_deref(), Some("orders"));
    assert_eq!(judged(&health, &evidence).1, Verdict::Pass);
    let level = |evidence| {
        let all = health.measure(evidence);
        all.into_iter().find(|one| one.family.name == "musterd_health_status").unwrap().value
    };
    assert!((level(&evidence) - 2.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn whatever_else_answers_there_does_not_pass() {
    for (reply, wanted) in [
        (Reply::text(404, "no"), "status-unexpected high"),
        (Reply::json(200, r#"{"status":"ok"}"#), "body-invalid high"),
        (Reply::new(200).body("<html></html>"), "body-invalid high"),
        (Reply::redirect(302, "/login"), "status-unexpected high"),
        (Reply::new(502), "down critical"),
        (error("12", ""), "status-unexpected high"),
        (error("14", ""), "down critical"),
        (error("0", ""), "degraded medium"),
    ] {
        let name = format!("{reply:?}");
        let http = HttpServer::start(move |_| reply.clone()).await;
        let (fired, verdict) = looked(&json!({"grpc": ""}), &http.url()).await;
        assert_eq!(fired, [wanted], "{name}");
        assert_ne!(verdict, Verdict::Pass, "{name}");
        assert_eq!(http.requests().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn what_does_not_speak_http2_is_unreachable_or_late() {
    let old = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    for (fault, timeout, wanted, detail) in [
        (Fault::ResetAfterAccept, PATIENT, "unreachable critical", ""),
        (Fault::CloseAfterAccept, PATIENT, "unreachable critical", ""),
        (Fault::ResetAfterRequest, PATIENT, "unreachable critical", ""),
        (Fault::CloseAfterRequest, PATIENT, "unreachable critical", ""),
        (Fault::GarbageAnswer, PATIENT, "unreachable critical", "HTTP/2"),
        (Fault::Respond(old), PATIENT, "unreachable critical", "HTTP/2"),
        (Fault::EndlessBody, PATIENT, "unreachable critical", "HTTP/2"),
        (Fault::SilentAfterAccept, Duration::from_millis(200), "timeout critical", ""),
        (Fault::SilentAfterRequest, Duration::from_millis(200), "timeout critical", ""),
    ] {
        let name = format!("{fault:?}");
        let server = FaultServer::start(fault).await;
        let target = Target::new("test", format!("http://{}", server.addr()).parse().unwrap());
        let health = health(&json!({"grpc": ""}));
        let cx = context(&Arc::new(target), Timestamp::UNIX_EPOCH, timeout);
        let evidence = health.observe(&cx).await.unwrap();
        let (fired, verdict) = judged(&health, &evidence);
        assert_eq!((fired, verdict), (vec![wanted.to_owned()], Verdict::Fail), "{name}");
        let failure = evidence.main.exchange().failure.as_ref().unwrap();
        assert!(failure.detail.contains(detail), "{name}: {}", failure.detail);
    }
}

#[tokio::test]
async fn credentials_go_along_and_never_in_the_clear() {
    let http = HttpServer::start(|request| reply(&request)).await;
    let mut target = Target::new("test", http.url().parse().unwrap());
    let bearer = serde_json::from_value(json!({"env": "TOKEN"})).unwrap();
    target.auth = Some(Auth::Bearer(bearer));
    target.insecure = true;
    let target = Arc::new(target);
    let cx = context(&target, Timestamp::UNIX_EPOCH, PATIENT);
    let health = health(&json!({"grpc": ""}));
    let evidence = health.observe(&cx).await.unwrap();
    assert_eq!(judged(&health, &evidence).1, Verdict::Pass);
    assert_eq!(http.requests()[0].header("authorization"), Some("Bearer s3cr3t-t0k3n"));
    drop(cx);
    let mut target = Arc::into_inner(target).unwrap();
    target.insecure = false;
    let cx = context(&Arc::new(target), Timestamp::UNIX_EPOCH, PATIENT);
    assert_eq!(health.observe(&cx).await.unwrap_err().cause, Cause::Secret);
    assert_eq!(http.requests().len(), 1);
}

#[test]
fn what_grpc_has_no_use_for_names_its_key() {
    for key in ["path", "live", "status", "components", "optional", "max_age"] {
        let value = match key {
            "status" => json!(200),
            "components" | "optional" => json!(["db"]),
            "max_age" => json!("1m"),
            _ => json!("/x"),
        };
        let settings = json!({"grpc": "", key: value});
        let error = Health::new(serde_json::from_value(settings).unwrap()).err().unwrap();
        assert_eq!(error.key, Some(key), "{error}");
    }
    let settings = json!({"grpc": null, "kind": "liveness", "slow": {}});
    assert_eq!(testing::probe::<Health>(&settings.to_string()).grpc.as_deref(), Some(""));
    assert!(testing::probe::<Health>("{}").grpc.is_none());
}
