//! Whole runs against servers that listen: what arrives there, and what is made of the answer.

mod faults;
mod oddities;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::http::{HttpServer, Reply, Request};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Http;
use crate::blind::{Blind, Cause};
use crate::context::{Context, Run};
use crate::contract::{Kind as _, Seen};
use crate::impact::Impact;
use crate::net::redirect::Followed;
use crate::net::target::Target;
use crate::net::trust::Trust;
use crate::testing;

/// Long enough for whatever answers at all, on a machine that is busy with other things too.
const PATIENT: Duration = Duration::from_secs(20);

/// The value of `{env: TOKEN}`.
const TOKEN: &str = "s3cr3t-t0k3n";

fn target(url: &str) -> Target {
    Target::new("test", url.parse().expect("a URL"))
}

async fn observe(
    settings: &Value,
    target: Target,
    timeout: Duration,
) -> Result<(Http, Followed), Blind> {
    let http: Http = testing::probe(&settings.to_string());
    let run = Run { timeout, ..testing::run(Impact::Active) };
    let cx = Context::new(Arc::new(testing::network()), Arc::new(target), run);
    let seen = http.observe(&cx).await?;
    Ok((http, seen))
}

/// What fires, as `rule` or `rule subject`.
fn judged(http: &Http, seen: &Followed) -> Vec<String> {
    let judgement = http.judge(&Seen { now: seen, earlier: &[] }, Timestamp::UNIX_EPOCH);
    let fired = judgement.findings.iter().map(|finding| {
        let id = finding.about.id.trim_start_matches("http.");
        format!("{id} {}", finding.subject).trim_end().to_owned()
    });
    fired.collect()
}

async fn fires(settings: &Value, target: Target) -> Vec<String> {
    let (http, seen) = observe(settings, target, PATIENT).await.expect("nothing is wrong with us");
    judged(&http, &seen)
}

/// The request that arrives.
async fn arrives(settings: &Value) -> Request {
    let server = HttpServer::start(|_| Reply::new(200)).await;
    let url = format!("{}/base?b=1", server.url());
    let fired = fires(settings, target(&url)).await;
    assert_eq!(fired, [""; 0], "{settings}");
    server.requests().remove(0)
}

/// An authority of our own, and the file in which it stands.
struct Private {
    authority: Authority,
    directory: TempDir,
}

impl Private {
    fn new() -> Self {
        let private =
            Self { authority: Authority::new(), directory: tempfile::tempdir().expect("a place") };
        let ca = private.directory.path().join("ca.pem");
        std::fs::write(ca, private.authority.pem()).expect("a file");
        private
    }

    async fn server(
        &self,
        alpn: &[&str],
        handler: impl Fn(Request) -> Reply + Send + Sync + 'static,
    ) -> HttpServer {
        let config = self.authority.issue(&Leaf::localhost()).server_config(alpn);
        HttpServer::start_tls(config, handler).await
    }

    /// A target that trusts the authority.
    fn target(&self, server: &HttpServer) -> Target {
        let mut target = target(&format!("https://{}/", server.addr()));
        target.trust = Trust::new(Some(self.directory.path().join("ca.pem")), None);
        target
    }
}

#[tokio::test]
async fn paths_replace_the_base_or_are_appended_to_it() {
    for (path, wanted) in [
        ("", "/base?b=1"),
        ("/x", "/x"),
        ("/x?y=1&z", "/x?y=1&z"),
        ("x", "/base/x"),
        ("x?y", "/base/x?y"),
        ("/a b", "/a%20b"),
    ] {
        assert_eq!(arrives(&json!({"path": path})).await.target(), wanted, "{path:?}");
    }
}

#[tokio::test]
async fn method_headers_and_bodies_arrive() {
    let plain = arrives(&json!({})).await;
    assert_eq!((plain.method.as_str(), plain.text().as_str()), ("GET", ""));
    let agent = plain.header("user-agent").unwrap();
    assert!(agent.starts_with("musterd/"), "{agent}");
    assert!(plain.header("musterd-run").is_some());

    let rows = [
        (json!({"body": "raw"}), "POST", None, "raw"),
        (json!({"body": "raw", "method": "put"}), "PUT", None, "raw"),
        (json!({"json": {"a": [1]}}), "POST", Some("application/json"), r#"{"a":[1]}"#),
        (json!({"json": null, "method": "GET"}), "GET", None, ""),
        (
            json!({"form": {"a b": "c&d", "e": "ü"}}),
            "POST",
            Some("application/x-www-form-urlencoded"),
            "a+b=c%26d&e=%C3%BC",
        ),
        (
            json!({"json": {}, "headers": {"Content-Type": "application/x+json"}}),
            "POST",
            Some("application/x+json"),
            "{}",
        ),
        (json!({"method": "options"}), "OPTIONS", None, ""),
    ];
    for (settings, method, content_type, body) in rows {
        let request = arrives(&settings).await;
        assert_eq!(request.method.as_str(), method, "{settings}");
        assert_eq!(request.header("content-type"), content_type, "{settings}");
        assert_eq!(request.text(), body, "{settings}");
    }

    let own = json!({"headers": {"X-A": "b", "Accept": "text/css", "Host": "shop.example"}});
    let request = arrives(&own).await;
    let seen = ["x-a", "accept", "host"].map(|name| request.header(name));
    assert_eq!(seen, [Some("b"), Some("text/css"), Some("shop.example")]);
    assert_eq!(request.headers.get_all("accept").iter().count(), 1);
}

#[tokio::test]
async fn credentials_arrive_over_a_verified_connection_alone() {
    let secret = json!({"env": "TOKEN"});
    let rows = [
        (json!({"headers": {"x-api-key": secret}}), "x-api-key", TOKEN),
        (json!({"headers": {"cookie": secret}}), "cookie", TOKEN),
        (json!({"auth": {"bearer": secret}}), "authorization", "Bearer s3cr3t-t0k3n"),
        (
            json!({"auth": {"basic": {"username": "u", "password": secret}}}),
            "authorization",
            "Basic dTpzM2NyM3QtdDBrM24=",
        ),
    ];
    let private = Private::new();
    for (settings, name, value) in rows {
        let echo = |request: Request| {
            let seen = request.header("x-api-key").unwrap_or("none").to_owned();
            Reply::text(200, seen)
        };
        let secure = private.server(&["h2", "http/1.1"], echo).await;
        let (_, seen) = observe(&settings, private.target(&secure), PATIENT).await.unwrap();
        assert_eq!(secure.requests()[0].header(name), Some(value), "{settings}");
        let stored = serde_json::to_string(&seen).unwrap();
        assert!(!stored.contains(TOKEN), "{stored}");

        let untrusting = target(&format!("https://{}/", secure.addr()));
        assert_eq!(fires(&settings, untrusting).await, ["unreachable"], "{settings}");
        assert_eq!(secure.requests().len(), 1, "{settings}");

        let plain = HttpServer::start(|_| Reply::new(200)).await;
        let blind = observe(&settings, target(&plain.url()), PATIENT).await.err().unwrap();
        assert_eq!(blind.cause, Cause::Secret, "{settings}");
        assert_eq!(plain.connections(), 0, "{settings}");
    }
}

#[tokio::test]
async fn redirects_are_followed_as_the_settings_say() {
    let other = HttpServer::start(|_| Reply::text(200, "other")).await;
    let away = format!("http://localhost:{}/", other.addr().port());
    let server = HttpServer::start(move |request| match request.path() {
        "/near" => Reply::redirect(302, "/end"),
        "/far" => Reply::redirect(301, &away),
        "/loop" => Reply::redirect(307, "/loop"),
        "/ever" => Reply::redirect(302, &format!("/ever?{}x", request.query().unwrap_or(""))),
        _ => Reply::text(200, "end"),
    })
    .await;
    let unexpected = vec!["status-unexpected".to_owned()];
    for (path, redirects, wanted, hops) in [
        ("/near", "follow", vec![], 2),
        ("/near", "same_host", vec![], 2),
        ("/near", "none", vec![], 1),
        ("/far", "same_host", unexpected.clone(), 1),
        ("/far", "none", vec![], 1),
        ("/loop", "follow", unexpected.clone(), 1),
        ("/ever", "follow", unexpected.clone(), 11),
    ] {
        let settings = json!({"path": path, "redirects": redirects});
        let (http, seen) = observe(&settings, target(&server.url()), PATIENT).await.unwrap();
        assert_eq!(judged(&http, &seen), wanted, "{settings}");
        assert_eq!(seen.hops.len(), hops, "{settings}");
    }
    let fixed = json!({"path": "/near", "redirects": "none", "expect": {"status": 200}});
    assert_eq!(fires(&fixed, target(&server.url())).await, unexpected);
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn each_expectation_passes_and_fails_on_its_own() {
    let server = HttpServer::start(|_| {
        Reply::json(201, r#"{"status":"ok","n":3,"v":"1.2"}"#).header("x-a", "b").header("x-a", "c")
    })
    .await;
    for (met, missed, rule) in [
        (json!({"status": 201}), json!({"status": [200, "3xx"]}), "status-unexpected"),
        (
            json!({"headers": {"x-a": "^c$"}}),
            json!({"headers": {"x-a": "^d"}}),
            "header-unexpected x-a",
        ),
        (
            json!({"headers": {"x-a": true}}),
            json!({"headers": {"x-b": true}}),
            "header-unexpected x-b",
        ),
        (
            json!({"headers": {"x-b": false}}),
            json!({"headers": {"x-a": false}}),
            "header-unexpected x-a",
        ),
        (json!({"body": "\"ok\""}), json!({"body": ["ok", "^ok"]}), "body-unexpected"),
        (json!({"not_body": "error"}), json!({"not_body": ["x", "ok"]}), "body-unexpected"),
        (json!({"json": {"/n": 3.0}}), json!({"json": {"/n": 4}}), "json-unexpected /n"),
        (
            json!({"json": {"/n": {"min": 3}}}),
            json!({"json": {"/n": {"max": 2}}}),
            "json-unexpected /n",
        ),
        (
            json!({"json": {"/v": {"matches": "^1"}}}),
            json!({"json": {"/x": {"exists": true}}}),
            "json-unexpected /x",
        ),
        (json!({"max_bytes": 31}), json!({"max_bytes": 30}), "too-large"),
        (json!({"version": "1.1"}), json!({"version": "2"}), "version-unexpected"),
    ] {
        let fired = fires(&json!({"expect": met}), target(&server.url())).await;
        assert_eq!(fired, [""; 0], "{met}");
        let fired = fires(&json!({"expect": missed}), target(&server.url())).await;
        assert_eq!(fired, [rule], "{missed}");
    }
    let slow = |bound: &str| json!({"slow": {"warn": bound}});
    assert_eq!(fires(&slow("1ns"), target(&server.url())).await, ["slow"]);
    assert_eq!(fires(&slow("1h"), target(&server.url())).await, [""; 0]);
}

#[tokio::test]
async fn the_version_is_what_alpn_agreed_on() {
    let private = Private::new();
    for (alpn, version) in [(vec!["h2", "http/1.1"], "2"), (vec!["http/1.1"], "1.1")] {
        let server = private.server(&alpn, |_| Reply::text(200, "ok")).await;
        for wanted in ["2", "1.1"] {
            let settings = json!({"expect": {"version": wanted, "body": "ok"}});
            let fired = fires(&settings, private.target(&server)).await;
            assert_eq!(fired.is_empty(), wanted == version, "{wanted} {version}: {fired:?}");
        }
    }
}

#[tokio::test]
async fn evidence_keeps_only_what_judging_looks_at() {
    let server = HttpServer::start(|_| Reply::text(200, "x".repeat(10_000))).await;
    for (expect, kept) in [(json!({}), super::EXCERPT), (json!({"body": "x"}), 10_000)] {
        let settings = json!({"expect": expect});
        let (_, seen) = observe(&settings, target(&server.url()), PATIENT).await.unwrap();
        let body = &seen.last().answer.as_ref().unwrap().body;
        assert_eq!((body.bytes.0.len(), body.length), (kept, 10_000), "{expect}");
    }
}

#[test]
fn settings_that_cannot_work_name_their_key() {
    for (settings, key) in [
        (json!({"body": "a", "json": 1}), "body"),
        (json!({"json": 1, "form": {"a": "b"}}), "json"),
        (json!({"method": "G T"}), "method"),
        (json!({"headers": {"a b": "c"}}), "headers"),
        (json!({"headers": {"authorization": "Bearer x"}}), "headers"),
        (json!({"expect": {"max_bytes": 0}}), "expect.max_bytes"),
        (json!({"slow": {"warn": "1s", "fail": "1s"}}), "slow.warn"),
    ] {
        let error = Http::new(serde_json::from_value(settings).unwrap()).err().unwrap();
        assert_eq!(error.key, Some(key));
    }
}

#[test]
fn numbers_of_a_run_have_names_labels_and_units() {
    let evidence = json!({"hops": [{
        "method": "GET", "url": "https://a.example/", "connection": {
            "peer": "[::1]:443",
            "tls": {"server_name": "a.example", "version": "TLS 1.3", "cipher": "x", "chain": [
                {"subject": "", "issuer": "", "not_before": "2026-01-01T00:00:00Z",
                    "not_after": "2026-04-01T00:00:00Z", "names": []},
                {"subject": "", "issuer": "", "not_before": "2026-01-01T00:00:00Z",
                    "not_after": "2026-02-01T00:00:00Z", "names": []}]},
            "phases": {"resolve": 0.25, "connect": 0.5, "tls": 0.125, "processing": 0.5,
                "transfer": 0.25}},
        "answer": {"version": "2", "status": 503, "headers": [], "body": {
            "bytes": {"text": "x"}, "length": 7, "wire": 7, "end": "complete"}},
    }]});
    let silent = json!({"hops": [{
        "method": "GET", "url": "http://a.example/", "connection": {"phases": {"connect": 0.5}},
        "failure": {"phase": "connect", "kind": "refused", "detail": "connection refused"},
    }]});
    let http: Http = testing::probe("{}");
    let shown = |evidence: Value| -> Vec<String> {
        let seen: Followed = serde_json::from_value(evidence).unwrap();
        let measured = http.measure(&seen);
        assert!(measured.iter().all(|one| Http::FAMILIES.contains(one.family)));
        let line = |one: &crate::measurement::Measurement| {
            format!("{}{{{}}} {}", one.family.name, one.labels.join(","), one.value)
        };
        measured.iter().map(line).filter(|line| !line.starts_with("probe_ip_addr_hash")).collect()
    };
    assert_eq!(
        shown(evidence),
        [
            "probe_dns_lookup_time_seconds{} 0.25",
            "probe_ip_protocol{} 6",
            "probe_tls_version_info{TLS 1.3} 1",
            "probe_ssl_earliest_cert_expiry{} 1769904000",
            "probe_http_duration_seconds{resolve} 0.25",
            "probe_http_duration_seconds{connect} 0.5",
            "probe_http_duration_seconds{tls} 0.125",
            "probe_http_duration_seconds{processing} 0.5",
            "probe_http_duration_seconds{transfer} 0.25",
            "probe_http_status_code{} 503",
            "probe_http_redirects{} 0",
            "probe_http_content_length{} -1",
            "probe_http_uncompressed_body_length{} 7",
            "probe_http_ssl{} 1",
            "probe_http_version{} 2",
        ]
    );
    assert_eq!(
        shown(silent),
        [
            "probe_http_duration_seconds{connect} 0.5",
            "probe_http_status_code{} 0",
            "probe_http_redirects{} 0",
        ]
    );
}
