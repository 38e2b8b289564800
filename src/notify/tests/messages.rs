//! The words of messages, as golden files, and what is never in them.

use std::sync::Arc;

use musterd_probes::net::target::HeaderText;
use musterd_probes::run_id::RunId;
use musterd_probes::secret::{SecretRef, Vault};
use musterd_probes::severity::Verdict;

use super::super::alertmanager;
use super::super::channel::{Channel, Unwritten};
use super::super::message::{Before, Message, State, Urgency, Writer};
use super::super::problem::Whose;
use super::super::stand::{Stand, Topic};
use super::super::trial::{self, Labels};
use super::{ABOUTS, at, message as failure, open, service, state, vault, writer};
use crate::config::{self, Notifier};
use crate::status::Status;
use crate::store::{CheckState, LastRun, RunSummary};
use crate::testing::golden;

fn blind(mut state: CheckState, reason: &str) -> CheckState {
    let summary = RunSummary::new(
        RunId::new(at(7), 0),
        std::time::Duration::from_millis(5),
        Verdict::Unknown,
    );
    state.last = Some(Arc::new(LastRun::blind(summary, reason)));
    state
}

/// One message with every kind of change.
fn everything(writer: &Writer) -> Message {
    let before = |status, since| Before {
        status: Some(status),
        urgency: Some(Urgency::of(status, &[])),
        since: Some(at(since)),
    };
    let check = |name: &str| service("shop", &[name]);
    let mut fails = state(&check("tls"), Status::Fail, 30);
    fails.damped.open = vec![
        open(&ABOUTS[1], "CN=b.shop.example", false),
        open(&ABOUTS[0], "CN=hidden.shop.example", true),
        open(&ABOUTS[0], "CN=a.shop.example", false),
    ];
    let unknown = blind(state(&check("dns"), Status::Unknown, 31), "the resolver did not answer");
    let warns = state(&check("web"), Status::Warn, 32);
    let passes = state(&check("api"), Status::Pass, 33);
    let gone = check("old");
    let changes = vec![
        writer.change(&Stand::of(&fails), before(Status::Warn, 3)),
        writer.change(
            &Stand::of(&unknown),
            Before { status: Some(Status::Pass), ..Before::default() },
        ),
        writer.change(&Stand::of(&warns), before(Status::Fail, 4)),
        writer.change(&Stand::of(&passes), before(Status::Fail, 5)),
        writer.gone(&Topic::Check(Arc::clone(&gone.checks[0])), before(Status::Unknown, 6), at(35)),
    ];
    writer.message(&Whose::of(&check("tls")), Status::Fail, changes, at(35))
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[tokio::test]
async fn the_words_of_a_message_are_public() {
    let message = everything(&writer(vault().await));
    golden("notify/webhook.json", &pretty(&message));
    golden("notify/alertmanager.json", &pretty(&alertmanager::alerts(&message)));
    let trial = trial::message(&"".into(), &Labels::default(), State::Firing, at(0));
    golden("notify/test-webhook.json", &pretty(&trial));
    golden("notify/test-alertmanager.json", &pretty(&alertmanager::alerts(&trial)));
}

#[tokio::test]
async fn a_summary_says_what_is_worst_and_how_much_more_there_is() {
    let writer = writer(vault().await);
    let shop = service("shop", &["tls"]);
    for (findings, summary) in [
        (0, "shop/tls fails"),
        (1, "shop/tls fails: the certificate has expired (tls.expired) on 0"),
        (2, "shop/tls fails: the certificate has expired (tls.expired) on 0, and 1 more finding"),
        (
            30,
            "shop/tls fails: the certificate has expired (tls.expired) on 0, and 29 more findings",
        ),
    ] {
        let mut fails = state(&shop, Status::Fail, 7);
        let subjects = (0..findings).map(|number: usize| number.to_string());
        fails.damped.open = subjects.map(|subject| open(&ABOUTS[0], &subject, false)).collect();
        let change = writer.change(&Stand::of(&fails), Before::default());
        assert_eq!(change.summary, summary);
        assert_eq!(change.findings.len(), findings.min(20));
        assert_eq!(change.findings_omitted, findings.saturating_sub(20));
    }
}

#[tokio::test]
async fn a_failure_stays_critical_while_nobody_can_look() {
    let writer = writer(vault().await);
    let shop = service("shop", &["tls"]);
    let mut unknown = state(&shop, Status::Unknown, 9);
    unknown.damped.open = vec![open(&ABOUTS[0], "", false)];
    let before =
        Before { status: Some(Status::Fail), urgency: Some(Urgency::Critical), since: Some(at(7)) };
    let change = writer.change(&Stand::of(&unknown), before);
    let message = writer.message(&Whose::of(&shop), Status::Unknown, vec![change], at(12));
    let alerts = serde_json::to_value(alertmanager::alerts(&message)).unwrap();
    assert_eq!(alerts.as_array().unwrap().len(), 1, "no alert ends: {alerts}");
    assert_eq!(alerts[0]["labels"]["severity"], "critical");
    unknown.damped.open[0] = open(&ABOUTS[0], "", true);
    assert_eq!(writer.change(&Stand::of(&unknown), Before::default()).severity, Urgency::Warning);
}

#[tokio::test]
async fn no_alert_of_a_time_to_come_starts_after_its_end_and_what_is_over_is_over() {
    let writer = writer(vault().await);
    let shop = service("shop", &["tls"]);
    let before = |since| Before {
        status: Some(Status::Warn),
        urgency: Some(Urgency::Warning),
        since: Some(at(since)),
    };
    let sent = 60;
    for (status, since, before, times) in [
        (Status::Fail, 7, before(3), &[(7, 360), (3, 7)][..]),
        (Status::Fail, 7_000, Before::default(), &[(60, 360)]),
        (Status::Fail, 7_000, before(3), &[(60, 360), (3, 60)]),
        (Status::Fail, 7, before(7_000), &[(7, 360), (7, 7)]),
        (Status::Pass, 7_000, before(3), &[(3, 60)]),
        (Status::Pass, 7_000, before(6_000), &[(60, 60)]),
    ] {
        let change = writer.change(&Stand::of(&state(&shop, status, since)), before);
        let message = writer.message(&Whose::of(&shop), status, vec![change], at(sent));
        let alerts = serde_json::to_value(alertmanager::alerts(&message)).unwrap();
        let expected: Vec<_> = times
            .iter()
            .map(|(starts, ends)| (at(*starts).to_string(), at(*ends).to_string()))
            .collect();
        let alerts = alerts.as_array().unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let said: Vec<_> =
            alerts.iter().map(|alert| (text(&alert["startsAt"]), text(&alert["endsAt"]))).collect();
        assert_eq!(said, expected, "{status} {since}");
    }
}

#[tokio::test]
async fn no_secret_is_in_a_message_and_a_cut_leaves_no_half_of_one() {
    let vault = vault().await;
    let writer = writer(Arc::clone(&vault));
    let shop = service("shop", &["tls"]);
    let mut fails = state(&shop, Status::Fail, 7);
    let mut finding = open(&ABOUTS[0], "token hunter2hunter2", false);
    finding.finding.saw = format!("{} hunter2hunter2", "x".repeat(490));
    finding.finding.wanted = "hunter2hunter2 ".repeat(100);
    fails.damped.open = vec![finding];
    let unknown = blind(state(&shop, Status::Unknown, 8), "no hunter2hunter2 here");
    let changes = vec![
        writer.change(&Stand::of(&fails), Before::default()),
        writer.change(&Stand::of(&unknown), Before::default()),
    ];
    let message = writer.message(&Whose::of(&shop), Status::Fail, changes, at(12));
    for text in [pretty(&message), pretty(&alertmanager::alerts(&message))] {
        assert!(text.contains("***") && !text.contains("hunter2"), "{text}");
    }
    assert!(message.changes[0].findings[0].wanted.chars().count() <= 501);
}

#[tokio::test]
async fn labels_of_ours_give_way_to_none() {
    let vault = vault().await;
    let mut message = failure(vault);
    message.labels.insert("alertname".to_owned(), "theirs".to_owned());
    message.changes[0].labels.insert("team".to_owned(), "payments".to_owned());
    message.location = "".into();
    let alerts = serde_json::to_value(alertmanager::alerts(&message)).unwrap();
    let expected = serde_json::json!({
        "alertname": "MusterdCheck", "label_alertname": "theirs", "service": "shop",
        "check": "tls", "probe": "tcp", "severity": "critical", "env": "production",
        "team": "payments",
    });
    assert_eq!(alerts[0]["labels"], expected);
}

fn webhook(url: &str, headers: Vec<(&str, HeaderText)>, body: Option<&str>) -> Channel {
    Channel::of(&Notifier {
        name: "chat".to_owned(),
        place: crate::testing::place(),
        channel: config::Channel::Webhook {
            url: url.parse().unwrap(),
            headers: headers
                .into_iter()
                .map(|(name, text)| (name.parse().unwrap(), text))
                .collect(),
            body: body.map(str::to_owned),
        },
    })
}

fn plain(text: &str) -> HeaderText {
    HeaderText::Plain(text.parse().unwrap())
}

#[tokio::test]
async fn a_webhook_has_our_json_or_a_body_of_its_own() {
    let vault = vault().await;
    let message = failure(Arc::clone(&vault));
    let own = r#"{"text": "{{ summary }}"}"#;
    let said = "shop/tls fails: the certificate has expired (tls.expired) on CN=shop.example";
    let form = "text={{ summary | urlencode }}";
    let as_form = ("content-type", plain("application/x-www-form-urlencoded"));
    for (channel, content_type, body) in [
        (
            webhook("https://a.test/", vec![], None),
            "application/json",
            serde_json::to_string(&message).unwrap(),
        ),
        (
            webhook("https://a.test/", vec![], Some(own)),
            "application/json",
            format!(r#"{{"text": "{said}"}}"#),
        ),
        (
            webhook("https://a.test/", vec![as_form], Some(form)),
            "application/x-www-form-urlencoded",
            "text=shop/tls%20fails%3A%20the%20certificate%20has%20expired%20%28tls.expired%29%20\
             on%20CN%3Dshop.example"
                .to_owned(),
        ),
    ] {
        let letter = channel.letter(&message, &vault).await.unwrap();
        assert_eq!(letter.headers["content-type"], content_type);
        assert_eq!(letter.body, body);
    }
    let text = webhook("https://a.test/", vec![], Some("{{ summary }}"));
    let letter = text.letter(&message, &vault).await.unwrap();
    assert_eq!(letter.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(letter.body, said);
    let as_json = ("content-type", plain("application/json; charset=utf-8"));
    let broken = webhook("https://a.test/", vec![as_json], Some("{{ summary }}"));
    let why = broken.letter(&message, &vault).await.unwrap_err();
    assert!(matches!(why, Unwritten::Template(why) if why.contains("no well-formed JSON")));
}

#[tokio::test]
async fn secrets_are_read_at_each_delivery_and_go_over_tls_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let secret = || vec![("x-token", HeaderText::Secret(SecretRef::File(path.clone())))];
    let vault = Arc::new(Vault::new(|_| None));
    let message = failure(Arc::clone(&vault));
    let channel = webhook("https://a.test/", secret(), None);
    let absent = channel.letter(&message, &vault).await.unwrap_err();
    assert!(matches!(absent, Unwritten::ForNow(_)), "it may come: {absent:?}");
    for value in ["first-value", "second-value"] {
        std::fs::write(&path, value).unwrap();
        let letter = channel.letter(&message, &vault).await.unwrap();
        assert_eq!(letter.headers["x-token"], value);
        assert!(letter.headers["x-token"].is_sensitive());
    }
    let plain = webhook("http://a.test/", secret(), None);
    let refused = plain.letter(&message, &vault).await.unwrap_err();
    assert!(matches!(refused, Unwritten::ForGood(_)), "{refused:?}");
}

#[test]
fn the_body_of_the_example_configuration_is_a_template_that_can_be_used() {
    let body = r#"{"text": "see https://status.shop.example/musterd"}"#;
    webhook("https://a.test/", vec![], Some(body)).check(&Labels::default()).unwrap();
}

#[test]
fn a_template_is_tried_as_what_it_is_sent_as() {
    let labels = Labels::default();
    for (content_type, well) in [("application/json", false), ("text/plain", true)] {
        let headers = vec![("content-type", plain(content_type))];
        let tried = webhook("https://a.test/", headers, Some("{{ summary }}")).check(&labels);
        assert_eq!(tried.is_ok(), well, "{content_type}: {tried:?}");
    }
}

#[test]
fn alerts_go_below_the_path_of_the_receiver() {
    for (base, endpoint) in [
        ("http://a.test:9093", "http://a.test:9093/api/v2/alerts"),
        ("http://a.test/am/", "http://a.test/am/api/v2/alerts"),
    ] {
        assert_eq!(alertmanager::endpoint(&base.parse().unwrap()).as_str(), endpoint);
    }
}
