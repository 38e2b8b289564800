//! Redirects over real servers: what goes along, what stays behind, and where it stops.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Method};
use musterd_test_support::ca::Leaf;
use musterd_test_support::http::{HttpServer, Reply};

use super::{PATIENT, Private, TOKEN, failure, get, target, text, to};
use crate::context::Context;
use crate::net::failure::FailureKind;
use crate::net::redirect::{Followed, Redirects, Stop};
use crate::net::request::Request;
use crate::net::target::{Auth, HeaderText, Target};
use crate::secret::SecretRef;

/// A server whose `/` leads to `location`, and that answers everything else.
async fn leading_to(status: u16, location: impl Into<String>) -> HttpServer {
    let location = location.into();
    HttpServer::start(move |request| match request.path() {
        "/" => Reply::redirect(status, &location),
        _ => Reply::text(200, "arrived"),
    })
    .await
}

/// With a bearer token, a secret header and a plain one, over plain HTTP too.
fn trusting(target: Target) -> Target {
    let token = SecretRef::Env("TOKEN".into());
    Target {
        insecure: true,
        auth: Some(Auth::Bearer(token.clone())),
        headers: vec![
            (HeaderName::from_static("x-key"), HeaderText::Secret(token)),
            (HeaderName::from_static("x-tenant"), HeaderText::Plain(HeaderValue::from_static("a"))),
        ],
        ..target
    }
}

async fn follow(cx: &Context, policy: Redirects) -> Followed {
    cx.follow(&Request::get(cx.target().url.clone()), policy).await.unwrap()
}

const PERSONAL: [&str; 3] = ["authorization", "x-key", "x-tenant"];

#[tokio::test]
async fn secrets_stay_behind_when_the_origin_changes_and_do_not_come_back() {
    let home = HttpServer::start(|_| Reply::text(200, "home")).await;
    let other = leading_to(302, format!("{}/back", home.url())).await;
    let start = leading_to(302, other.url()).await;
    let cx = to(trusting(target(&start.url())), PATIENT);
    let followed = follow(&cx, Redirects::Follow).await;
    assert_eq!((text(followed.last()).as_str(), followed.redirects()), ("home", 2));
    let first = &start.requests()[0];
    assert!(PERSONAL.iter().all(|name| first.header(name).is_some()));
    for request in [&other.requests()[0], &home.requests()[0]] {
        assert!(PERSONAL.iter().all(|name| request.header(name).is_none()), "{request:?}");
        assert!(!format!("{:?}", request.headers).contains(TOKEN));
    }
}

#[tokio::test]
async fn secrets_go_along_on_the_same_origin() {
    for location in ["/next", "next", "?x=1", "./a/../next"] {
        let server = HttpServer::start(move |request| match request.target() {
            "/" => Reply::redirect(307, location),
            _ => Reply::text(200, "arrived"),
        })
        .await;
        let cx = to(trusting(target(&server.url())), PATIENT);
        let followed = follow(&cx, Redirects::SameHost).await;
        assert_eq!(text(followed.last()), "arrived", "{location}");
        let requests = server.requests();
        assert!(PERSONAL.iter().all(|name| requests[1].header(name).is_some()), "{location}");
    }
}

#[tokio::test]
async fn a_loop_is_seen_at_its_first_repetition() {
    let server = HttpServer::start(|request| match request.path() {
        "/a" => Reply::redirect(302, "/b"),
        _ => Reply::redirect(302, "/a#again"),
    })
    .await;
    let cx = to(target(&format!("{}/a", server.url())), PATIENT);
    let followed = follow(&cx, Redirects::Follow).await;
    assert_eq!((followed.redirects(), followed.stopped), (1, Some(Stop::Loop)));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn ten_redirects_are_followed_and_an_eleventh_is_not() {
    let server = HttpServer::start(|request| {
        let hop: u32 = request.query().unwrap_or("0").parse().unwrap();
        Reply::redirect(302, &format!("/?{}", hop + 1))
    })
    .await;
    let followed = follow(&to(target(&server.url()), PATIENT), Redirects::Follow).await;
    assert_eq!((followed.redirects(), followed.stopped), (10, Some(Stop::TooMany)));
    assert_eq!(server.requests().len(), 11);
}

#[tokio::test]
async fn a_policy_of_one_host_asks_no_other() {
    let other = HttpServer::start(|_| Reply::new(200)).await;
    let elsewhere = format!("http://localhost:{}/", other.addr().port());
    let server = leading_to(302, elsewhere).await;
    let cx = to(target(&server.url()), PATIENT);
    let followed = follow(&cx, Redirects::SameHost).await;
    assert_eq!(followed.stopped, Some(Stop::OtherHost("localhost".into())));
    assert_eq!(other.connections(), 0);
    let followed = follow(&cx, Redirects::None).await;
    assert_eq!((followed.redirects(), followed.stopped), (0, None));
}

#[tokio::test]
async fn a_body_is_repeated_to_its_own_origin_and_to_no_other() {
    let other = HttpServer::start(|_| Reply::new(200)).await;
    for (location, arrives) in [("/next".to_owned(), true), (other.url(), false)] {
        let server = leading_to(307, location).await;
        let cx = to(target(&server.url()), PATIENT);
        let mut request = get(server.url()).header(CONTENT_TYPE, "text/plain".parse().unwrap());
        request.method = Method::POST;
        request.body = "payload".into();
        let followed = cx.follow(&request, Redirects::Follow).await.unwrap();
        assert_eq!(matches!(followed.stopped, Some(Stop::Unsafe(_))), !arrives);
        let requests = server.requests();
        assert!(requests.iter().all(|r| r.method == Method::POST && r.text() == "payload"));
        assert_eq!(requests.len(), if arrives { 2 } else { 1 });
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_rewritten_method_leaves_body_and_content_type_behind() {
    for status in [301, 302, 303] {
        let server = leading_to(status, "/next").await;
        let cx = to(target(&server.url()), PATIENT);
        let mut request = get(server.url()).header(CONTENT_TYPE, "text/plain".parse().unwrap());
        request.method = Method::POST;
        request.body = "payload".into();
        cx.follow(&request, Redirects::Follow).await.unwrap();
        let next = &server.requests()[1];
        assert_eq!((&next.method, next.text().as_str()), (&Method::GET, ""));
        assert_eq!(next.header("content-type"), None);
    }
}

#[tokio::test]
async fn the_way_from_http_to_https_is_followed_and_verified() {
    let private = Private::new();
    let config = private.authority.issue(&Leaf::localhost()).server_config(&["h2"]);
    let secure = HttpServer::start_tls(config, |_| Reply::text(200, "secure")).await;
    let plain = leading_to(301, format!("https://127.0.0.1:{}/", secure.addr().port())).await;
    let cx = to(trusting(private.target(&plain.url())), PATIENT);
    let followed = follow(&cx, Redirects::SameHost).await;
    assert_eq!(text(followed.last()), "secure");
    assert_eq!(followed.last().connection.tls.as_ref().unwrap().distrust, None);
    assert_eq!(secure.requests()[0].header("authorization"), None);
    let cx = to(target(&plain.url()), PATIENT);
    let followed = follow(&cx, Redirects::SameHost).await;
    assert_eq!(failure(followed.last()).kind, FailureKind::Untrusted);
}

#[tokio::test]
async fn locations_that_lead_nowhere_are_said_to() {
    for location in
        ["ftp://127.0.0.1/", "javascript:alert(1)", "http://", "//[", "file:///etc/passwd"]
    {
        let server = leading_to(302, location).await;
        let followed = follow(&to(target(&server.url()), PATIENT), Redirects::Follow).await;
        assert!(matches!(followed.stopped, Some(Stop::Invalid(_))), "{location}: {followed:?}");
    }
    let server = HttpServer::start(|_| Reply::new(302)).await;
    let followed = follow(&to(target(&server.url()), PATIENT), Redirects::Follow).await;
    assert!(matches!(followed.stopped, Some(Stop::Invalid(_))));
}

#[tokio::test]
async fn a_location_that_repeats_a_secret_is_not_followed() {
    let other = HttpServer::start(|_| Reply::new(200)).await;
    let elsewhere = format!("{}/?session=", other.url());
    let server = HttpServer::start(move |request| {
        let token = request.header("x-key").unwrap_or_default();
        Reply::redirect(302, &format!("{elsewhere}{token}"))
    })
    .await;
    let cx = to(trusting(target(&server.url())), PATIENT);
    let followed = follow(&cx, Redirects::Follow).await;
    assert!(matches!(followed.stopped, Some(Stop::Unsafe(_))), "{followed:?}");
    assert_eq!(other.connections(), 0);
}
