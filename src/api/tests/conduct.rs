//! What every answer has in common: tags, compression, headers, `HEAD`, the base path.

use std::io::Read as _;

use super::*;

const READ: [&str; 5] =
    ["/metrics", "/api/v1/status", "/api/v1/checks", "/api/openapi.json", "/livez"];

async fn with(rig: &Rig, path: &str, header: (&str, &str)) -> Answered {
    rig.ask(Request::get(path).header(header.0, header.1).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn whoever_knows_the_tag_gets_no_body() {
    let mut rig = Rig::filled().await;
    for path in READ {
        let answer = rig.read(path).await;
        let tag = answer.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{path}: {tag}");
        assert_eq!(answer.header("cache-control"), "no-cache");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let answer = with(&rig, path, ("if-none-match", &known)).await;
            assert_eq!(answer.status, 304, "{path} {known}");
            assert_eq!((answer.body.len(), answer.header("etag")), (0, tag.as_str()));
            assert_eq!(answer.header("content-length"), "");
        }
        assert_eq!(with(&rig, path, ("if-none-match", "\"other\"")).await.status, 200);
    }
    let tag = rig.read("/api/v1/status").await.header("etag").to_owned();
    rig.run("shop/home", &[]);
    assert_eq!(with(&rig, "/api/v1/status", ("if-none-match", &tag)).await.status, 200);
}

#[tokio::test]
async fn what_is_worth_it_is_compressed_for_those_who_ask() {
    let rig = Rig::filled().await;
    for path in READ {
        let plain = rig.read(path).await;
        assert_eq!(plain.header("content-encoding"), "");
        assert_eq!(plain.header("vary"), "accept-encoding");
        let answer = with(&rig, path, ("accept-encoding", "gzip, deflate")).await;
        if plain.body.len() < 1_024 {
            assert_eq!(answer.body, plain.body);
            continue;
        }
        assert_eq!(answer.header("content-encoding"), "gzip", "{path}");
        assert_ne!(answer.header("etag"), plain.header("etag"), "other bytes, another tag");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*answer.body).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.text());
    }
}

#[tokio::test]
async fn head_gets_the_headers_alone() {
    let rig = Rig::filled().await;
    for path in READ {
        let plain = rig.read(path).await;
        let head = rig.ask(Request::head(path).body(Body::empty()).unwrap()).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        for header in ["etag", "content-type", "content-length"] {
            assert_eq!(head.header(header), plain.header(header), "{path} {header}");
        }
        assert_eq!(head.header("content-length"), plain.body.len().to_string());
    }
    let request = Request::head("/api/v1/events").body(Body::empty()).unwrap();
    assert_eq!(rig.ask(request).await.status, 200);
}

#[tokio::test]
async fn every_answer_is_of_no_use_to_a_foreign_page() {
    let rig = Rig::filled().await;
    for path in ["/metrics", "/api/v1/status", "/nothing", "/livez", "/api/v1/checks?limit=0"] {
        let answer = rig.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'"
        );
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        let cached = if answer.status == 200 { "no-cache" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), cached, "{path}");
    }
    let metrics = rig.read("/metrics").await;
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
}

#[tokio::test]
async fn a_path_that_is_asked_in_the_wrong_way_says_which_ways_there_are() {
    let rig = Rig::filled().await;
    for (method, path) in [
        ("DELETE", "/api/v1/status"),
        ("GET", "/-/reload"),
        ("TRACE", "/livez"),
        ("PUT", "/metrics"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = rig.ask(request).await;
        is_problem(&answer, 405);
        assert!(!answer.header("allow").is_empty());
    }
}

#[tokio::test]
async fn the_api_stands_below_its_base_path_which_a_proxy_may_take_off() {
    let rig = Rig::filled().await;
    rig.set(|settings| settings.base_path = "/watch".to_owned());
    for path in ["/livez", "/api/v1/checks?limit=1", "/metrics"] {
        rig.read(path).await;
        rig.read(&format!("/watch{path}")).await;
    }
    is_problem(&rig.get("/watcher/livez").await, 404);
    rig.set(|settings| settings.token = Some("a token".to_owned().into()));
    is_problem(&rig.get("/watch/metrics").await, 401);
    let description = crate::api::openapi::description("/watch");
    assert_eq!(description["servers"][0]["url"], "/watch");
}

#[tokio::test]
async fn a_panic_is_a_problem_and_the_next_request_is_answered() {
    let mut rig = Rig::filled().await;
    // Rendering asks the clock, which here has stopped working once.
    rig.passed.store(i64::MAX, std::sync::atomic::Ordering::Relaxed);
    let problem = is_problem(&rig.get("/api/v1/status").await, 500);
    assert!(problem.contains("log"), "{problem}");
    rig.passed.store(0, std::sync::atomic::Ordering::Relaxed);
    rig.run("shop/home", &[]);
    rig.read("/api/v1/status").await;
}
