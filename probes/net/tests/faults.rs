//! What every fault of a server comes to: a failure in its phase, or an answer and its end.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use musterd_test_support::ca::Leaf;
use musterd_test_support::fault::{Fault, FaultServer, Stage};

use super::{IMPATIENT, PATIENT, Private, answer, failure, target, text, to, visit};
use crate::net::body::BodyEnd;
use crate::net::exchange::Exchange;
use crate::net::failure::FailureKind::{self, Closed, NotTls, Protocol, Reset, Timeout, TlsAlert};
use crate::net::phase::Phase::{self, Connect, Processing, Tls, Transfer};
use crate::net::request::BODY_CAP;
use crate::net::target::Target;

/// What an exchange came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// No answer.
    Fails(Phase, FailureKind),
    /// An answer whose body the connection broke off.
    Breaks(FailureKind),
    /// An answer of this status, and whether its body is whole.
    Answers(u16, End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Cut,
    Undecodable,
}

use End::{Cut, Undecodable, Whole};
use Outcome::{Answers, Breaks, Fails};

fn outcome(exchange: &Exchange) -> Outcome {
    match (&exchange.answer, &exchange.failure) {
        (None, Some(failure)) => Fails(failure.phase, failure.kind),
        (Some(answer), Some(failure)) => {
            assert_eq!(failure.phase, Transfer, "{failure:?}");
            assert_eq!(answer.body.end, BodyEnd::Broken(failure.detail.clone()));
            Breaks(failure.kind)
        }
        (Some(answer), None) => Answers(
            answer.status,
            match answer.body.end {
                BodyEnd::Complete => Whole,
                BodyEnd::Cut => Cut,
                BodyEnd::Broken(_) => Undecodable,
            },
        ),
        (None, None) => panic!("neither an answer nor a failure"),
    }
}

/// What each fault comes to without TLS and within it.
fn expected(name: &str) -> (Outcome, Outcome) {
    let both = |outcome| (outcome, outcome);
    match name {
        "silent-after-accept" | "silent-in-handshake" => {
            (Fails(Processing, Timeout), Fails(Tls, Timeout))
        }
        "reset-after-accept" | "reset-in-handshake" => {
            (Fails(Processing, Reset), Fails(Tls, Reset))
        }
        "close-after-accept" | "close-in-handshake" => {
            (Fails(Processing, Closed), Fails(Tls, Closed))
        }
        "alert-in-handshake" => (Fails(Processing, Protocol), Fails(Tls, TlsAlert)),
        "plain-http-in-handshake" => (Answers(400, Whole), Fails(Tls, NotTls)),
        "garbage-in-handshake" => (Fails(Processing, Protocol), Fails(Tls, NotTls)),
        "silent-after-request" | "drip-head" => both(Fails(Processing, Timeout)),
        "reset-after-request" => both(Fails(Processing, Reset)),
        "close-after-request" => both(Fails(Processing, Closed)),
        "garbage-answer"
        | "endless-early-hints"
        | "endless-continue"
        | "endless-headers"
        | "long-header"
        | "many-headers" => both(Fails(Processing, Protocol)),
        "drip-body" | "silent-after-head" => both(Breaks(Timeout)),
        "body-cut-short" | "chunked-cut-short" => both(Breaks(Closed)),
        "reset-in-body" => both(Breaks(Reset)),
        "endless-body" | "endless-chunks" | "gzip-bomb" => both(Answers(200, Cut)),
        "invalid-gzip" | "truncated-gzip" => both(Answers(200, Undecodable)),
        "redirect-loop" => both(Answers(302, Whole)),
        other => panic!("what does {other} come to?"),
    }
}

fn is_endless(outcome: Outcome) -> bool {
    matches!(outcome, Fails(_, Timeout) | Breaks(Timeout))
}

async fn meet(server: &FaultServer, target: Target, expected: Outcome) -> Exchange {
    let timeout = if is_endless(expected) { IMPATIENT } else { PATIENT };
    let exchange = visit(&to(target, timeout)).await.expect("a fault is evidence");
    assert_evidence(&exchange, server.addr());
    exchange
}

/// What was seen before the fault struck is there, and no body is longer than its cap.
fn assert_evidence(exchange: &Exchange, peer: SocketAddr) {
    let phases = exchange.phases();
    assert!(phases.connect.is_some(), "{phases:?}");
    let reached = exchange.failure.as_ref().map_or(Transfer, |failure| failure.phase);
    if reached == Connect {
        assert_eq!(exchange.connection.attempts[0].address, peer);
        assert_eq!(exchange.connection.attempts[0].failure, exchange.failure);
        return;
    }
    assert_eq!(exchange.connection.peer, Some(peer));
    let https = exchange.url.starts_with("https:");
    assert_eq!(phases.tls.is_some(), https && reached >= Tls, "{phases:?}");
    assert_eq!(exchange.connection.tls.is_some(), https && reached > Tls);
    assert_eq!(phases.processing.is_some(), reached >= Processing, "{phases:?}");
    assert_eq!(phases.transfer.is_some(), reached >= Transfer, "{phases:?}");
    if let Some(answer) = &exchange.answer {
        assert!(answer.body.bytes.0.len() <= BODY_CAP);
    }
}

#[tokio::test]
async fn every_fault_without_tls_is_told_apart() {
    let met: FuturesUnordered<_> = Fault::all()
        .into_iter()
        .map(|(name, fault)| async move {
            let server = FaultServer::start(fault).await;
            let (expected, _) = expected(name);
            let target = target(&format!("http://{}/health", server.addr()));
            (name, expected, outcome(&meet(&server, target, expected).await))
        })
        .collect();
    assert_all(met.collect().await);
}

#[tokio::test]
async fn every_fault_within_tls_is_told_apart() {
    let private = Private::new();
    let config = private.authority.issue(&Leaf::localhost()).server_config(&["http/1.1"]);
    let met: FuturesUnordered<_> = Fault::all()
        .into_iter()
        .map(|(name, fault)| {
            let (config, private) = (config.clone(), &private);
            async move {
                let server = FaultServer::start_tls(fault, config).await;
                let (_, expected) = expected(name);
                let url = format!("https://{}/health", server.addr());
                (name, expected, outcome(&meet(&server, private.target(&url), expected).await))
            }
        })
        .collect();
    assert_all(met.collect().await);
}

#[track_caller]
fn assert_all(met: Vec<(&str, Outcome, Outcome)>) {
    assert_eq!(met.len(), Fault::all().len());
    // A reset may overtake the news that the connection stands: that is a race of the system's.
    let raced = |name, met| name == "reset-after-accept" && met == Fails(Connect, Reset);
    let wrong: Vec<_> = met
        .into_iter()
        .filter(|(name, expected, met)| expected != met && !raced(*name, *met))
        .collect();
    assert!(wrong.is_empty(), "fault, expected, met: {wrong:#?}");
}

/// The server reads up to the empty line, which HTTP/2's preface has too.
#[tokio::test]
async fn faults_within_http2_are_told_apart() {
    let private = Private::new();
    let config = private.authority.issue(&Leaf::localhost()).server_config(&["h2"]);
    // A GOAWAY with PROTOCOL_ERROR after empty SETTINGS.
    let goaway =
        [[0, 0, 0, 4, 0, 0, 0, 0, 0].as_slice(), &[0, 0, 8, 7, 0, 0, 0, 0, 0], &[0; 7], &[1]];
    for (fault, expected) in [
        (Fault::SilentAfterRequest, Fails(Processing, Timeout)),
        (Fault::ResetAfterRequest, Fails(Processing, Reset)),
        (Fault::CloseAfterRequest, Fails(Processing, Closed)),
        (Fault::GarbageAnswer, Fails(Processing, Protocol)),
        (Fault::EndlessBody, Fails(Processing, Protocol)),
        (Fault::Respond(goaway.concat()), Fails(Processing, Protocol)),
    ] {
        let server = FaultServer::start_tls(fault.clone(), config.clone()).await;
        let target = private.target(&format!("https://localhost:{}", server.addr().port()));
        let exchange = meet(&server, target, expected).await;
        assert_eq!(outcome(&exchange), expected, "{fault:?}: {:?}", exchange.failure);
    }
}

#[tokio::test]
async fn sound_bodies_in_every_encoding_are_read_whole() {
    let body = b"all is well, all is well".to_vec();
    let plain = b"HTTP/1.0 200 OK\r\n\r\nall is well, all is well".to_vec();
    for (fault, version) in [
        (Fault::Gzip(body.clone()), "1.1"),
        (Fault::DeflateZlib(body.clone()), "1.1"),
        (Fault::DeflateRaw(body), "1.1"),
        (Fault::Respond(plain), "1.0"),
    ] {
        let server = FaultServer::start(fault).await;
        let exchange = visit(&to(target(&format!("http://{}", server.addr())), PATIENT)).await;
        let exchange = exchange.unwrap();
        assert_eq!(text(&exchange), "all is well, all is well");
        assert_eq!(answer(&exchange).version, version);
        assert_eq!(exchange.failure, None);
    }
}

#[tokio::test]
async fn a_timeout_says_how_long_and_what_was_awaited() {
    let server = FaultServer::start(Fault::SilentAfterRequest).await;
    let target = target(&format!("http://{}", server.addr()));
    let exchange = visit(&to(target, Duration::from_millis(300))).await.unwrap();
    assert!(failure(&exchange).is_timeout());
    assert_eq!(failure(&exchange).detail, "nothing within 300 ms, while waiting for the answer");
}

#[tokio::test]
async fn odd_but_valid_answers_are_answers() {
    for (bytes, status, body) in [
        (
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            200,
            "ok",
        ),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, ""),
        ("HTTP/1.1 200\r\nConnection: close\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nX-\u{e4}: \u{e4}\r\n\r\nok", 0, ""),
        ("HTTP/1.1 200 OK\r\nx-a: \u{e4}\r\ncontent-length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n", 999, ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", 0, ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nok", 0, ""),
        ("HTTP/3.7 200 OK\r\n\r\n", 0, ""),
        ("<html>", 0, ""),
    ] {
        let server = FaultServer::start(Fault::Respond(bytes.as_bytes().to_vec())).await;
        let exchange = visit(&to(target(&format!("http://{}", server.addr())), PATIENT)).await;
        let exchange = exchange.unwrap();
        if status == 0 {
            assert_eq!(failure(&exchange).kind, Protocol, "{bytes}");
        } else {
            assert_eq!((answer(&exchange).status, text(&exchange).as_str()), (status, body));
        }
    }
}

#[tokio::test]
async fn every_stage_is_in_the_table() {
    for stage in [Stage::Accept, Stage::Handshake, Stage::Answer] {
        assert!(Fault::all().iter().any(|(_, fault)| fault.stage() == stage), "{stage:?}");
    }
}

#[tokio::test]
async fn a_value_over_several_lines_is_read_as_one() {
    for (written, name, value) in [
        ("x-policy: a;\r\n  b", "x-policy", "a;  b"),
        ("x-policy: a;\n\tb", "x-policy", "a; b"),
        ("x-odd : a", "x-odd", "a"),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\n{written}\r\ncontent-length: 2\r\n\r\nok");
        let server = FaultServer::start(Fault::Respond(head.into_bytes())).await;
        let exchange =
            visit(&to(target(&format!("http://{}", server.addr())), PATIENT)).await.unwrap();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = answer(&exchange).header(name).map(words);
        assert_eq!((found, text(&exchange)), (Some(words(value)), "ok".into()), "{written}");
    }
}
