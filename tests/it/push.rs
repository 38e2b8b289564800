//! `musterd check --push`: what a Pushgateway is told, and what it makes of it.

use musterd_test_support::http::{HttpServer, Reply};

use crate::harness::{Folder, Ran, ran};

const TOKEN: &str = "Bearer a-token-for-tests";

/// Two checks of one server, pushed with these arguments.
fn check(service: &str, arguments: &[&str]) -> Ran {
    let folder = Folder::new();
    folder.write(
        "musterd.yaml",
        format!(
            "location: west\nservices:\n  - {{name: shop, url: '{service}', labels: {{team: core}}, checks: [http: , tcp: ]}}\n"
        ),
    );
    let mut command = folder.command(&["check", "--format", "json"]);
    command.args(arguments).env("PUSH_TOKEN", TOKEN);
    tokio::task::block_in_place(|| ran(command))
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_replace_those_of_the_run_before() {
    let service = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let gateway = HttpServer::start(|_| Reply::new(200)).await;
    let header = "Authorization=env:PUSH_TOKEN";
    let ran = check(&service.url(), &["--push", &gateway.url(), "--push-header", header]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let [request] = &gateway.requests()[..] else { panic!("one request") };
    assert_eq!(request.method, "PUT");
    assert_eq!(request.path(), "/metrics/job/musterd/location/west");
    assert_eq!(request.header("content-type"), Some("text/plain; version=0.0.4"));
    assert_eq!(request.header("authorization"), Some(TOKEN));
    let page = request.text();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        assert!(!line.contains("instance="), "{line}");
        // A Pushgateway takes no times of samples: a line ends with its value.
        let (_, value) = line.rsplit_once(['}', ' ']).unwrap();
        assert!(value.trim().parse::<f64>().is_ok(), "{line}");
    }
    for family in [
        "musterd_check_last_run_timestamp_seconds",
        "musterd_check_last_pass_timestamp_seconds",
        "probe_success",
    ] {
        assert!(page.contains(&format!("\n{family}{{")), "{family}\n{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_that_are_not_taken_are_no_success() {
    let service = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let gateway =
        HttpServer::start(|_| Reply::text(400, "inconsistent: Bearer a-token-for-tests")).await;
    let header = "Authorization=env:PUSH_TOKEN";
    let ran = check(&service.url(), &["--push", &gateway.url(), "--push-header", header]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("the metrics were not taken: it answered 400"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("a-token-for-tests"), "{}", ran.stderr);

    // What failed stays failed.
    let broken = HttpServer::start(|_| Reply::new(500)).await;
    let ran = check(&broken.url(), &["--push", &gateway.url()]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let ran = check(&service.url(), &["--push", "http://gate.example/metrics"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("/metrics/job/NAME"), "{}", ran.stderr);
}

/// Debian's Pushgateway, and what it shows to Prometheus.
#[cfg(feature = "peers")]
#[tokio::test(flavor = "multi_thread")]
async fn a_real_pushgateway_keeps_one_group_a_job_and_forgets_what_is_gone() {
    use std::process::Command;

    use crate::peer::{free_port, start};

    let port = free_port();
    let mut command = Command::new("prometheus-pushgateway");
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let _gateway = start(&mut command, &[port]);
    let url = format!("http://127.0.0.1:{port}");
    let page = async || reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
    let service = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let ran = check(&service.url(), &["--push", &url]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let first = page().await;
    let success = "probe_success{check=\"shop/tcp\",instance=\"\",job=\"musterd\",location=\"west\",probe=\"tcp\",service=\"shop\"} 1";
    assert!(first.contains(success), "{first}");
    assert!(first.contains("push_time_seconds{instance=\"\",job=\"musterd\",location=\"west\"}"));
    assert!(first.contains("musterd_check_last_run_timestamp_seconds{check=\"shop/tcp\""));

    // The next run no longer looks at the port, and its series are gone.
    let ran = check(&service.url(), &["shop/http", "--push", &url]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let second = page().await;
    assert!(!second.contains("shop/tcp") && second.contains("shop/http"), "{second}");

    // Another job is another group.
    let other = format!("{url}/metrics/job/nightly/env/prod");
    let ran = check(&service.url(), &["shop/tcp", "--push", &other]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let third = page().await;
    assert!(third.contains("env=\"prod\",instance=\"\",job=\"nightly\""), "{third}");
    assert!(third.contains("shop/http"), "{third}");
}
