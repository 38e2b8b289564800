//! Secrets: whom they reach, and that nothing that comes back holds them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderName;
use musterd_test_support::ca::Leaf;
use musterd_test_support::http::{HttpServer, Reply, Request as Asked};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{PATIENT, Private, TOKEN, answer, assert_blind, get, target, to, visit};
use crate::blind::Cause;
use crate::context::Context;
use crate::net::redirect::Redirects;
use crate::net::target::{Auth, Basic, HeaderText, Target};
use crate::secret::{MASK, Secret, SecretRef};

fn token() -> SecretRef {
    SecretRef::Env("TOKEN".into())
}

fn bearer() -> Auth {
    Auth::Bearer(token())
}

fn basic() -> Auth {
    Auth::Basic(Basic { username: "musterd".into(), password: token() })
}

fn pair() -> String {
    STANDARD.encode(format!("musterd:{TOKEN}"))
}

/// A server under TLS with a sound certificate.
async fn secure(
    private: &Private,
    handler: impl Fn(Asked) -> Reply + Send + Sync + 'static,
) -> HttpServer {
    let identity = private.authority.issue(&Leaf::localhost());
    HttpServer::start_tls(identity.server_config(&["h2", "http/1.1"]), handler).await
}

fn keyed(target: Target) -> Target {
    let header = (HeaderName::from_static("x-key"), HeaderText::Secret(token()));
    Target { headers: vec![header], ..target }
}

#[tokio::test]
async fn a_verified_server_gets_every_kind_of_credential() {
    let private = Private::new();
    let server = secure(&private, |_| Reply::new(204)).await;
    for (auth, expected) in
        [(bearer(), format!("Bearer {TOKEN}")), (basic(), format!("Basic {}", pair()))]
    {
        let target = Target { auth: Some(auth), ..keyed(private.target(&server.url())) };
        visit(&to(target, PATIENT)).await.unwrap();
        let asked = server.requests().pop().unwrap();
        assert_eq!(asked.header("authorization"), Some(expected.as_str()));
        assert_eq!(asked.header("x-key"), Some(TOKEN));
    }
}

#[tokio::test]
async fn a_requests_own_credentials_stand_in_for_the_services() {
    let private = Private::new();
    let server = secure(&private, |_| Reply::new(204)).await;
    let target = Target { auth: Some(bearer()), ..keyed(private.target(&server.url())) };
    let cx = to(target, PATIENT);
    let mut request = get(server.url());
    request.auth = Some(basic());
    cx.exchange(&request).await.unwrap();
    request.auth = None;
    request.with_service = false;
    cx.exchange(&request).await.unwrap();
    let asked = server.requests();
    assert_eq!(asked[0].header("authorization"), Some(&*format!("Basic {}", pair())));
    assert_eq!(asked[1].header("authorization"), None);
    assert_eq!(asked[1].header("x-key"), None);
}

#[tokio::test]
async fn plain_http_gets_no_credential_unless_the_service_says_so() {
    let server = HttpServer::start(|_| Reply::new(204)).await;
    let own_secret = |cx: &Context| {
        let mut request = get(cx.target().url.as_str());
        request.secrets.push((HeaderName::from_static("x-own"), Secret::from(TOKEN.to_owned())));
        request
    };
    for credentials in [
        Target { auth: Some(bearer()), ..target(&server.url()) },
        Target { auth: Some(basic()), ..target(&server.url()) },
        keyed(target(&server.url())),
    ] {
        assert_blind(visit(&to(credentials, PATIENT)).await, Cause::Secret, "plain HTTP");
    }
    let cx = to(target(&server.url()), PATIENT);
    assert_blind(cx.exchange(&own_secret(&cx)).await, Cause::Secret, "plain HTTP");
    assert_eq!(server.connections(), 0);

    let insecure = Target { insecure: true, auth: Some(bearer()), ..target(&server.url()) };
    let cx = to(insecure, PATIENT);
    cx.exchange(&own_secret(&cx)).await.unwrap();
    let asked = server.requests();
    assert_eq!(asked[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(asked[0].header("x-own"), Some(TOKEN));
}

#[tokio::test]
async fn an_absent_secret_is_named_and_nothing_is_sent() {
    let private = Private::new();
    let server = secure(&private, |_| Reply::new(204)).await;
    let auth = Some(Auth::Bearer(SecretRef::Env("NOT_SET".into())));
    let cx = to(Target { auth, ..private.target(&server.url()) }, PATIENT);
    assert_blind(visit(&cx).await, Cause::Secret, "environment variable NOT_SET");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_secret_that_no_header_may_hold_is_not_shown_in_the_complaint() {
    let private = Private::new();
    let server = secure(&private, |_| Reply::new(204)).await;
    let file = private.dir.path().join("token");
    std::fs::write(&file, "hunter22\nhunter33").unwrap();
    let auth = Some(Auth::Bearer(SecretRef::File(file)));
    let blind = visit(&to(Target { auth, ..private.target(&server.url()) }, PATIENT)).await;
    let blind = blind.unwrap_err();
    assert_eq!(blind.cause, Cause::Secret);
    assert!(!blind.reason.contains("hunter"), "{blind}");
    assert_eq!(server.requests().len(), 0);
}

/// The few escapes that the values of these tests need, in lower case.
fn lower_escapes(text: &str) -> String {
    text.replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d").replace("%7E", "%7e")
}

/// Answers with what it was shown, in every place and form it can think of.
fn echo(asked: &Asked) -> Reply {
    let credential = asked.header("authorization").unwrap_or_default().to_owned();
    let value = credential.split_once(' ').map_or("", |(_, value)| value).to_owned();
    let percent = utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string();
    let forms = [
        value.clone(),
        percent.clone(),
        lower_escapes(&percent),
        STANDARD.encode(&value),
        STANDARD.encode(format!("x{value}")),
        URL_SAFE_NO_PAD.encode(&value),
        asked.header("x-key").unwrap_or_default().to_owned(),
        serde_json::to_string(&value).unwrap().replace('/', "\\/"),
    ];
    let mut reply = Reply::redirect(if asked.path() == "/" { 302 } else { 200 }, "/next")
        .header("etag", &format!("\"{value}\""))
        .header("x-ratelimit-key", &value)
        .header("x-other", &percent)
        .header("set-cookie", &format!("session={}", STANDARD.encode(&value)));
    for form in &forms {
        reply = reply.header("x-form", form);
    }
    if asked.path() == "/located" {
        reply = reply.header("location", &format!("https://other.test/?t={percent}"));
    }
    reply.body(forms.join("\n"))
}

#[tokio::test]
async fn nothing_that_comes_back_holds_a_secret() {
    let private = Private::new();
    let server = secure(&private, |asked| echo(&asked)).await;
    let percent = |value: &str| utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
    for auth in [bearer(), basic()] {
        let target = Target { auth: Some(auth), ..keyed(private.target(&server.url())) };
        let cx = to(target, PATIENT);
        let followed = cx.follow(&get(server.url()), Redirects::Follow).await.unwrap();
        let in_the_url = format!("{}/located?t={}", server.url(), percent(TOKEN));
        let located = cx.exchange(&get(in_the_url)).await.unwrap();
        assert!(answer(&located).body.text().contains(MASK));
        assert!(located.url.ends_with(&format!("/located?t={MASK}")), "{}", located.url);
        let evidence = serde_json::to_string(&(&followed, &located, cx.sightings())).unwrap();
        assert!(cx.sightings().iter().any(|sighting| !sighting.headers.is_empty()));
        for secret in [TOKEN.to_owned(), pair()] {
            for form in [
                secret.clone(),
                percent(&secret),
                lower_escapes(&percent(&secret)),
                STANDARD.encode(&secret),
                URL_SAFE_NO_PAD.encode(&secret),
                serde_json::to_string(&secret).unwrap().trim_matches('"').replace('/', "\\/"),
            ] {
                assert!(!evidence.contains(&form), "`{form}` is in {evidence}");
            }
        }
    }
}

#[tokio::test]
async fn every_request_says_who_asks_and_in_which_run() {
    let server = HttpServer::start(|_| Reply::new(204)).await;
    let cx = to(target(&server.url()), PATIENT);
    visit(&cx).await.unwrap();
    let asked = server.requests();
    assert!(asked[0].header("user-agent").unwrap().starts_with("musterd/"));
    assert_eq!(asked[0].header("musterd-run").unwrap().len(), 26);
}
