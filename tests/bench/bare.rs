//! The bare work: a hyper loop that opens a connection and GETs the URL, in a process of its own.

use std::process::{Command, Stdio};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;

use crate::process::cpu_seconds;

/// Seconds of CPU for each of `count` exchanges.
pub(crate) fn measure(url: &str, count: u32) -> f64 {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args(["bare", url, &count.to_string()])
        .stdout(Stdio::piped())
        .output()
        .expect("this program starts");
    let text = String::from_utf8(output.stdout).expect("a number");
    text.trim().parse::<f64>().expect("a number") / f64::from(count)
}

/// Makes the exchanges and prints the CPU time that they took.
pub(crate) fn run(url: &str, count: u32) {
    let url: http::Uri = url.parse().expect("a URL");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let before = cpu_seconds(std::process::id());
    runtime.block_on(async {
        for _ in 0..count {
            exchange(&url).await;
        }
    });
    crate::say(&format!("{}", cpu_seconds(std::process::id()) - before));
}

async fn exchange(url: &http::Uri) {
    let authority = url.authority().expect("an authority").as_str();
    let stream = tokio::net::TcpStream::connect(authority).await.expect("the server listens");
    stream.set_nodelay(true).expect("a TCP socket");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    let driver = tokio::spawn(connection);
    let request = http::Request::get(url.path())
        .header("host", authority)
        .body(Empty::<Bytes>::new())
        .expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    answer.into_body().collect().await.expect("a body");
    drop(sender);
    let _closed = driver.await;
}
