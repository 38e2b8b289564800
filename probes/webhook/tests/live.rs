//! Whole runs against servers that listen.

use std::sync::Arc;

use aws_lc_rs::hmac;
use musterd_test_support::http::{HttpServer, Reply, Request};

use super::super::case::Case::{self, *};
use super::super::evidence::{Evidence, Signing};
use super::found;
use crate::blind::Cause;
use crate::context::{Context, Limits, Run, Terms, Withheld};
use crate::contract::{Earlier, Kind, Probe};
use crate::impact::Impact;
use crate::net::budget::{Budget, Budgets, Rate};
use crate::net::network::Network;
use crate::net::origin::Origin;
use crate::net::resolve::Resolver;
use crate::net::target::Target;
use crate::net::trust::Roots;
use crate::secret::Vault;
use crate::testing;
use crate::webhook::Webhook;
use crate::webhook::crypto::{base64, hex};

/// The secret that the test network's `TOKEN` holds.
const SECRET: &str = "s3cr3t-t0k3n";

const GITHUB: &str = r#"{"scheme": "github", "path": "/hook", "secret": {"env": "TOKEN"}}"#;
const MATRIX: &str =
    r#"{"scheme": "github", "path": "/hook", "secret": {"env": "TOKEN"}, "depth": "full"}"#;

fn context(server: &HttpServer, consent: Impact, deep: bool) -> Context {
    let mut target = Target::new("test", server.url().parse().unwrap());
    target.insecure = true;
    let run = Run { consent, deep, limits: Limits::of(consent, deep), ..testing::run(consent) };
    Context::new(Arc::new(hasty(server)), Arc::new(target), run)
}

/// A network whose budget for this server keeps no test waiting.
fn hasty(server: &HttpServer) -> Network {
    let origin = Origin::of(&server.url().parse().unwrap()).unwrap();
    let budget = Budget { rate: Rate::per_second(500.0), burst: 100, ..Budget::default() };
    Network::new(
        Roots::new(false).0,
        Resolver::fixed([]),
        Arc::new(Vault::new(|name| (name == "TOKEN").then(|| SECRET.to_owned()))),
        Budgets::new([(origin, budget)]),
        None,
    )
}

async fn run(settings: &str, cx: &Context) -> Evidence {
    Kind::observe(&testing::probe::<Webhook>(settings), cx).await.unwrap()
}

fn cases(seen: &Evidence) -> Vec<Case> {
    seen.trials.iter().map(|trial| trial.case).collect()
}

/// A handler that verifies as GitHub asks, with this key.
fn verifies(request: &Request, key: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let mac = hmac::sign(&key, &request.body);
    let wanted = format!("sha256={}", hex(mac.as_ref()));
    request.header("x-hub-signature-256") == Some(&wanted)
}

async fn endpoint(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> HttpServer {
    HttpServer::start(move |request| match request.path() {
        "/hook" => handler(&request),
        path => Reply::text(404, format!("Cannot POST {path}")),
    })
    .await
}

#[tokio::test]
async fn an_endpoint_that_verifies_is_proven_with_five_requests_counted_there() {
    let server = endpoint(|request| {
        if verifies(request, SECRET) {
            Reply::json(200, r#"{"ok":true}"#)
        } else {
            Reply::text(401, "invalid signature")
        }
    })
    .await;
    let seen = run(GITHUB, &context(&server, Impact::Intrusive, false)).await;
    assert_eq!(cases(&seen), [Sibling, Missing, Control, WrongKey, TamperedBody]);
    assert_eq!(found(GITHUB, &seen), []);
    assert_eq!(server.requests().len(), 5);
    let genuine = &server.requests()[2];
    assert_eq!(genuine.header("x-github-event"), Some("ping"));
    assert!(genuine.header("user-agent").unwrap().starts_with("musterd/"));
    let seen = run(MATRIX, &context(&server, Impact::Intrusive, true)).await;
    assert_eq!(found(MATRIX, &seen), []);
    assert!(seen.trials.len() <= 40, "{:?}", cases(&seen));
    // Nothing of the secret or of what was signed with it is in the evidence.
    let text = serde_json::to_string(&seen).unwrap();
    assert!(!text.contains(SECRET) && !text.contains("sha256="), "{text}");
}

#[tokio::test]
async fn weak_handlers_are_told_apart() {
    for (weakness, wanted) in [
        ("none", "unsigned-accepted missing"),
        ("present", "unsigned-accepted missing"),
        ("empty", "weak-key-accepted empty-key"),
        ("prefix", "unsigned-accepted empty"),
    ] {
        let server = endpoint(move |request| {
            let given = request.header("x-hub-signature-256");
            let taken = match weakness {
                "present" => given.is_none() || verifies(request, SECRET),
                "empty" => verifies(request, ""),
                "prefix" => {
                    given.is_some_and(|g| "sha256=".starts_with(g)) || verifies(request, SECRET)
                }
                _ => true,
            };
            if taken { Reply::json(200, r#"{"ok":true}"#) } else { Reply::text(401, "no") }
        })
        .await;
        let seen = run(MATRIX, &context(&server, Impact::Intrusive, true)).await;
        let ids: Vec<String> = found(MATRIX, &seen).into_iter().map(|(id, _)| id).collect();
        assert!(ids.contains(&wanted.to_owned()), "{weakness}: {ids:?} {:?}", cases(&seen));
    }
}

#[tokio::test]
async fn without_consent_nothing_is_signed_and_the_reason_is_kept() {
    let server = endpoint(|_| Reply::text(401, "no")).await;
    let seen = run(GITHUB, &context(&server, Impact::Active, false)).await;
    assert_eq!(cases(&seen), [Sibling, Missing, Empty, WrongKey]);
    assert_eq!(seen.signing, Signing::Withheld(Withheld::Cadence));
    let terms = Terms { configured: Impact::Active, ..Terms::default() };
    let seen = run(GITHUB, &context(&server, Impact::Active, false).under(terms)).await;
    assert_eq!(seen.signing, Signing::Withheld(Withheld::Configuration));
    let terms = Terms { ceiling: Impact::Active, ..Terms::default() };
    let seen = run(GITHUB, &context(&server, Impact::Active, false).under(terms)).await;
    assert_eq!(seen.signing, Signing::Withheld(Withheld::Ceiling));
}

#[tokio::test]
async fn what_would_do_work_is_not_sent_without_consent() {
    let server = endpoint(|_| Reply::text(200, "done")).await;
    for scheme in ["bearer", "vapi", "twilio"] {
        let settings = format!(r#"{{"scheme": "{scheme}", "path": "/hook"}}"#);
        let seen = run(&settings, &context(&server, Impact::Active, false)).await;
        assert_eq!(cases(&seen), [Sibling], "{scheme}");
    }
    assert!(server.requests().iter().all(|request| request.path() == "/musterd-absent"));
}

#[tokio::test]
async fn an_open_forgery_is_tried_alone_in_the_next_run() {
    let server = endpoint(|_| Reply::json(200, r#"{"ok":true}"#)).await;
    let first = run(GITHUB, &context(&server, Impact::Active, false)).await;
    assert_eq!(cases(&first), [Sibling, Missing, Missing, WrongKey, Empty]);
    let at = jiff::Timestamp::UNIX_EPOCH;
    let before: Vec<_> = vec![(at, Arc::new(first) as crate::contract::Evidence)];
    let cx = context(&server, Impact::Active, false).after(Earlier::from(before));
    let second = run(GITHUB, &cx).await;
    assert_eq!(cases(&second), [Missing]);
    assert_eq!(found(GITHUB, &second)[0].0, "unsigned-accepted missing");
    // It stays so over a run that could not tell, and ends with a refusal.
    let mended = endpoint(|_| Reply::text(401, "no")).await;
    let before: Vec<_> = vec![(at, Arc::new(second) as crate::contract::Evidence)];
    let cx = context(&mended, Impact::Active, false).after(Earlier::from(before));
    let third = run(GITHUB, &cx).await;
    assert_eq!(cases(&third), [Missing, Sibling, Empty, WrongKey]);
    assert_eq!(found(GITHUB, &third), []);
}

#[tokio::test]
async fn an_address_that_is_not_looked_at_leaves_the_rest_to_the_next_runs() {
    let settings =
        r#"{"scheme": "square", "path": "/hook", "secret": {"env": "TOKEN"}, "depth": "full"}"#;
    let address = Arc::new(std::sync::OnceLock::<String>::new());
    let known = Arc::clone(&address);
    let server = endpoint(move |request| {
        // The address is written down where it should be that of the request.
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let signed = [known.get().unwrap().as_bytes(), &request.body].concat();
        let wanted = base64(hmac::sign(&key, &signed).as_ref());
        if request.header("x-square-hmacsha256-signature") == Some(&wanted) {
            Reply::json(200, r#"{"ok":true}"#)
        } else {
            Reply::text(401, "no")
        }
    })
    .await;
    address.set(format!("{}/hook", server.url().trim_end_matches('/'))).unwrap();
    let first = run(settings, &context(&server, Impact::Intrusive, true)).await;
    assert_eq!(found(settings, &first)[0].0, "tampered-accepted url");
    let before: Vec<_> =
        vec![(jiff::Timestamp::UNIX_EPOCH, Arc::new(first) as crate::contract::Evidence)];
    let cx = context(&server, Impact::Active, false).after(Earlier::from(before));
    assert_eq!(cases(&run(settings, &cx).await), [Sibling, Missing, Empty, WrongKey]);
}

#[tokio::test]
async fn between_the_days_runs_forgeries_are_compared_with_what_the_last_genuine_one_got() {
    for (forged, wanted) in [
        (r#"{"error":"invalid signature"}"#, None),
        ("ignored", Some("enforcement-unproven target")),
        (r#"{"received":true}"#, Some("unsigned-accepted missing")),
    ] {
        let server = endpoint(move |request| {
            let genuine = verifies(request, SECRET);
            Reply::json(200, if genuine { r#"{"received":true}"# } else { forged })
        })
        .await;
        let mut before = run(GITHUB, &context(&server, Impact::Intrusive, false)).await;
        for _ in 0..2 {
            let past: Vec<_> =
                vec![(jiff::Timestamp::UNIX_EPOCH, Arc::new(before) as crate::contract::Evidence)];
            let cx = context(&server, Impact::Active, false).after(Earlier::from(past));
            before = run(GITHUB, &cx).await;
            assert!(!before.trials.iter().any(|trial| trial.case.is_signed()));
            let ids: Vec<String> = found(GITHUB, &before).into_iter().map(|(id, _)| id).collect();
            assert_eq!(ids.first().map(String::as_str), wanted, "{forged}: {ids:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_that_is_absent_or_none_of_the_scheme_is_blindness() {
    let server = endpoint(|_| Reply::text(401, "no")).await;
    for (settings, word) in [
        (r#"{"scheme": "github", "secret": {"env": "ABSENT"}}"#, "ABSENT"),
        (r#"{"scheme": "svix", "secret": {"env": "TOKEN"}}"#, "base64"),
        (r#"{"scheme": "discord", "secret": {"env": "TOKEN"}}"#, "64 hexadecimal digits"),
        (r#"{"scheme": "sendgrid", "secret": {"env": "TOKEN"}}"#, "P-256"),
        (r#"{"scheme": "postmark", "secret": {"env": "TOKEN"}}"#, "colon"),
    ] {
        let probe = testing::probe::<Webhook>(settings);
        let cx = context(&server, Impact::Intrusive, false);
        let Err(blind) = Probe::observe(&probe, &cx).await else { panic!("{settings}: it looked") };
        assert_eq!(blind.cause, Cause::Secret);
        assert!(blind.reason.contains(word), "{}", blind.reason);
        assert!(!blind.reason.contains(SECRET), "{}", blind.reason);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn signed_deliveries_do_not_go_over_plain_http_unasked() {
    let server = endpoint(|_| Reply::text(401, "no")).await;
    let target = Target::new("test", server.url().parse().unwrap());
    let cx = Context::new(
        Arc::new(testing::network()),
        Arc::new(target),
        testing::run(Impact::Intrusive),
    );
    let seen = run(GITHUB, &cx).await;
    assert_eq!(seen.signing, Signing::InTheClear);
    assert!(seen.trials.iter().all(|trial| !trial.case.is_signed()));
}

#[tokio::test]
async fn what_the_target_echoes_comes_back_without_the_signature() {
    let server = endpoint(|request| {
        let given = request.header("x-hub-signature-256").unwrap_or("none").to_owned();
        Reply::text(if verifies(request, SECRET) { 200 } else { 401 }, format!("got {given}"))
    })
    .await;
    let seen = run(GITHUB, &context(&server, Impact::Intrusive, false)).await;
    let said: Vec<&str> = seen.trials.iter().map(|trial| trial.reply.excerpt.as_str()).collect();
    assert_eq!(said[2], "got sha256=***");
    assert_eq!(said[3], "got sha256=***");
}
