//! Deliveries over real HTTP, to servers that answer as they are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use musterd_probes::net::target::HeaderText;
use musterd_probes::net::trust::Roots;
use musterd_probes::secret::SecretRef;
use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::http::{HttpServer, Reply};

use super::super::channel::Channel;
use super::super::courier::{Courier, Post, Undelivered};
use super::super::{send, try_out, worker};
use super::{at, message, vault};
use crate::clock::Clock;
use crate::config::{self, Config, Notifier};

fn clock() -> Clock {
    Clock::made_up(|| at(0))
}

async fn plain() -> Post {
    Post::new(&Roots::new(false).0, clock()).await.unwrap()
}

fn webhook(url: &str, headers: &[(&str, HeaderText)]) -> Notifier {
    let headers = headers.iter().map(|(name, text)| (name.parse().unwrap(), text.clone()));
    let channel = config::Channel::Webhook {
        url: url.parse().unwrap(),
        headers: headers.collect(),
        body: None,
    };
    Notifier { name: "chat".to_owned(), channel, place: crate::testing::place() }
}

async fn deliver(post: &Post, url: &str) -> Result<(), Undelivered> {
    let vault = vault().await;
    let message = message(Arc::clone(&vault));
    worker::attempt(&Channel::of(&webhook(url, &[])), &message, &vault, post).await
}

#[tokio::test]
async fn a_message_arrives_as_our_json() {
    let server = HttpServer::start(|_| Reply::new(204)).await;
    deliver(&plain().await, &format!("{}/hooks/a?b=c", server.url())).await.unwrap();
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.target()), ("POST", "/hooks/a?b=c"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert!(request.header("user-agent").unwrap().starts_with("musterd/"));
    let body: serde_json::Value = serde_json::from_str(&request.text()).unwrap();
    assert_eq!(body["schema"], "musterd.notification/1");
    assert_eq!(body["changes"][0]["findings"][0]["rule"], "tls.expired");
}

#[tokio::test]
async fn an_answer_says_whether_another_try_is_worth_it() {
    for (reply, for_good, wait, why) in [
        (Reply::text(500, "out of\norder"), false, None, "it answered 500: out of order"),
        (Reply::new(503).header("retry-after", "7"), false, Some(7), "it answered 503"),
        (
            Reply::new(429).header("retry-after", "Fri, 02 Jan 2026 03:05:00 GMT"),
            false,
            Some(60),
            "it answered 429",
        ),
        (Reply::new(408), false, None, "it answered 408"),
        (Reply::new(504), false, None, "it answered 504"),
        (Reply::new(400), true, None, "it answered 400"),
        (Reply::new(404), true, None, "it answered 404"),
        (
            Reply::redirect(308, "https://elsewhere.test/"),
            true,
            None,
            "it answered 308, and redirects are not followed",
        ),
    ] {
        let server = HttpServer::start(move |_| reply.clone()).await;
        let undelivered = deliver(&plain().await, &server.url()).await.unwrap_err();
        let wait = wait.map(Duration::from_secs);
        assert_eq!(
            undelivered,
            Undelivered {
                for_good,
                why: why.to_owned(),
                wait,
                perhaps: why.contains("504"),
                answered: true,
            }
        );
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_long_answer_is_not_read_to_its_end_and_cut() {
    let server = HttpServer::start(|_| Reply::text(400, "x".repeat(1_000_000))).await;
    let undelivered = deliver(&plain().await, &server.url()).await.unwrap_err();
    assert!(undelivered.why.len() < 600, "{}", undelivered.why.len());
}

#[tokio::test]
async fn a_server_that_hangs_or_is_not_there_is_tried_again_and_its_url_stays_untold() {
    let hangs = HttpServer::start(|_| Reply::new(200).after(Duration::from_hours(1))).await;
    let tls = Authority::new().client_config(&[]);
    let post = Post::with_tls((*tls).clone(), Duration::from_millis(50), clock()).unwrap();
    let gone = HttpServer::start(|_| Reply::new(200)).await;
    let nobody = gone.url();
    gone.stop().await;
    for (url, what, perhaps) in [(hangs.url(), "timed out", true), (nobody, "refused", false)] {
        let url = format!("{url}/hooks/half-a-secret");
        let undelivered = deliver(&post, &url).await.unwrap_err();
        assert!(!undelivered.for_good);
        assert_eq!(undelivered.perhaps, perhaps, "{what}");
        assert!(!undelivered.answered, "{what}");
        assert!(undelivered.why.contains(what), "{}", undelivered.why);
        assert!(!undelivered.why.contains("half-a-secret"), "{}", undelivered.why);
    }
}

#[tokio::test]
async fn a_secret_header_goes_to_a_verified_peer_only() {
    let authority = Authority::new();
    let config = authority.issue(&Leaf::localhost()).server_config(&["http/1.1"]);
    let server = HttpServer::start_tls(config, |_| Reply::new(200)).await;
    let secret = ("x-token", HeaderText::Secret(SecretRef::Env("TOKEN".to_owned())));
    let channel = Channel::of(&webhook(&server.url(), &[secret]));
    let vault = vault().await;
    let message = message(Arc::clone(&vault));

    let stranger = plain().await;
    let refused = worker::attempt(&channel, &message, &vault, &stranger).await.unwrap_err();
    assert!(refused.why.contains("certificate"), "{}", refused.why);
    assert_eq!(server.requests().len(), 0);

    let tls = authority.client_config(&[]);
    let friend = Post::with_tls((*tls).clone(), Duration::from_secs(10), clock()).unwrap();
    worker::attempt(&channel, &message, &vault, &friend).await.unwrap();
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!(request.header("x-token"), Some("hunter2hunter2"));
    assert!(!request.text().contains("hunter2"));
}

#[tokio::test]
async fn one_connection_carries_many_messages() {
    let server = HttpServer::start(|_| Reply::text(200, "thank you")).await;
    let post: Arc<dyn Courier> = Arc::new(plain().await);
    let vault = vault().await;
    let channel = Channel::of(&webhook(&server.url(), &[]));
    for _ in 0..5 {
        let message = message(Arc::clone(&vault));
        worker::attempt(&channel, &message, &vault, &*post).await.unwrap();
    }
    assert_eq!((server.requests().len(), server.connections()), (5, 1));
}

#[tokio::test]
async fn a_trial_says_how_both_of_its_messages_went() {
    let count = AtomicUsize::new(0);
    let server = HttpServer::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::new(200),
        _ => Reply::text(403, "not with hunter2hunter2"),
    })
    .await;
    let url = format!("{}/", server.url()).parse().unwrap();
    let notifier = Notifier {
        name: "on-call".to_owned(),
        channel: config::Channel::Alertmanager { url },
        place: crate::testing::place(),
    };
    let roots = Roots::new(false).0;
    let both = try_out(&notifier, &Config::default(), &roots, &*vault().await, &clock()).await;
    assert_eq!(both, [Ok(()), Err("it answered 403: not with ***".to_owned())]);
    for request in server.requests() {
        assert_eq!(request.path(), "/api/v2/alerts");
        let alerts: serde_json::Value = serde_json::from_str(&request.text()).unwrap();
        assert_eq!(alerts[0]["labels"]["test"], "true");
    }
}

#[tokio::test]
async fn something_else_is_sent_once() {
    let server = HttpServer::start(|request| match request.path() {
        "/taken" => Reply::new(200),
        _ => Reply::new(500),
    })
    .await;
    let headers = || [("x-a".parse().unwrap(), "b".parse().unwrap())].into_iter().collect();
    let roots = Roots::new(false).0;
    for (path, outcome) in [("taken", Ok(())), ("other", Err("it answered 500".to_owned()))] {
        let url = format!("{}/{path}", server.url()).parse().unwrap();
        let sent =
            send(Method::PUT, url, headers(), "{}".to_owned(), &roots, super::super::TIMEOUT).await;
        assert_eq!(sent, outcome);
    }
    assert_eq!(server.requests().len(), 2);
    assert_eq!(server.requests()[0].header("x-a"), Some("b"));
    assert_eq!(server.requests()[0].method, "PUT");
}
