//! Servers that mean harm, or are broken: each run ends in time and says what it saw.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use musterd_test_support::http::{HttpServer, Reply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::live::{html, judged, look, observe, target};
use super::scene::page;
use crate::headers::evidence::Evidence;
use crate::severity::Verdict;

/// A server that answers everything with these bytes; its URL.
async fn raw(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut head = [0; 2048];
                let _read = stream.read(&mut head).await;
                // A client that has enough hangs up.
                let _wrote = stream.write_all(&answer).await;
                let _closed = stream.shutdown().await;
                while stream.read(&mut head).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    url
}

fn head(lines: &str) -> Vec<u8> {
    let start = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 0\r\n";
    format!("{start}{lines}\r\n").into_bytes()
}

#[test]
fn evidence_without_a_request_is_refused() {
    for pointer in ["/document/hops", "/twin/hops"] {
        let mut stored = serde_json::to_value(&page(&[]).evidence).unwrap();
        *stored.pointer_mut(pointer).unwrap() = serde_json::json!([]);
        let error = serde_json::from_value::<Evidence>(stored).unwrap_err().to_string();
        assert!(error.contains("at least one request"), "{error}");
    }
}

#[tokio::test]
async fn heads_without_measure_are_undetermined() {
    let mut many = String::new();
    for n in 0..10_000 {
        write!(many, "x-{n}: a\r\n").unwrap();
    }
    for lines in [format!("x-long: {}\r\n", "a".repeat(1024 * 1024)), many] {
        let evidence = look(target(&raw(head(&lines)).await)).await;
        let (fired, verdict) = judged(&evidence);
        assert_eq!((fired, verdict), (vec!["undetermined low".to_owned()], Verdict::Warn));
        assert!(serde_json::to_string(&evidence).unwrap().len() < 16 * 1024);
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_read_as_far_as_they_go() {
    let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n".to_vec();
    for name in [
        "content-security-policy",
        "strict-transport-security",
        "permissions-policy",
        "set-cookie",
        "x-frame-options",
        "referrer-policy",
        "cross-origin-opener-policy",
        "server",
    ] {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": \xff\xfe=\xc3\x28; \xe2\x82\r\n");
    }
    bytes.extend_from_slice(b"\r\n<\xff\xfe>");
    let (fired, _) = judged(&look(target(&raw(bytes).await)).await);
    for rule in
        ["csp-", "framing-open", "permissions-invalid", "referrer-unsafe", "isolation-invalid"]
    {
        assert!(fired.iter().any(|line| line.starts_with(rule)), "{rule}: {fired:?}");
    }
}

#[tokio::test]
async fn redirects_that_never_end_are_one_finding_and_nothing_else_is_known() {
    let around = HttpServer::start(|request| {
        Reply::redirect(302, if request.path() == "/" { "/a" } else { "/" })
    })
    .await;
    let on = HttpServer::start(|request| {
        let n: u32 = request.path().trim_start_matches('/').parse().unwrap_or_default();
        Reply::redirect(302, &format!("/{}", n + 1))
    })
    .await;
    for server in [&around, &on] {
        let (fired, verdict) = judged(&look(target(&server.url())).await);
        assert_eq!(fired, ["redirect-loop high", "undetermined low"]);
        assert_eq!(verdict, Verdict::Fail);
    }
    assert!(on.requests().len() <= 12);
}

#[tokio::test]
async fn a_long_policy_is_judged_to_its_end() {
    let hosts = "https://a.example ".repeat(3800);
    let line = format!("content-security-policy: script-src {hosts} 'unsafe-inline'; object-src *");
    assert!(line.len() > 64 * 1024);
    let server = HttpServer::start(move |_| html(200, &[&line])).await;
    let (fired, _) = judged(&look(target(&server.url())).await);
    assert!(fired.contains(&"csp-script-unsafe high script-src".to_owned()), "{fired:?}");
    assert!(fired.contains(&"csp-object-open medium object-src".to_owned()), "{fired:?}");
    let mut odd = String::from("content-security-policy: ");
    for n in 0..8000 {
        write!(odd, "d{n} 'x;").unwrap();
    }
    let server = HttpServer::start(move |_| html(200, &[&odd])).await;
    let (fired, _) = judged(&look(target(&server.url())).await);
    assert!(fired.iter().filter(|line| line.starts_with("csp-invalid")).count() <= 13);
}

#[tokio::test]
async fn markup_without_end_is_read_to_its_bound() {
    for piece in ["<", "<script ", "<!--", "<meta a=\"", "<template>", "</"] {
        let body = piece.repeat(1024 * 1024 / piece.len());
        let server = HttpServer::start(move |_| {
            Reply::new(200).header("content-type", "text/html").body(body.clone())
        })
        .await;
        let (fired, _) = judged(&look(target(&server.url())).await);
        assert!(fired.contains(&"csp-missing high".to_owned()), "{piece}: {fired:?}");
    }
}

#[tokio::test]
async fn silence_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let evidence = observe(target(&url), Duration::from_millis(300)).await;
    assert_eq!(judged(&evidence), (vec!["undetermined low".to_owned()], Verdict::Warn));
}
