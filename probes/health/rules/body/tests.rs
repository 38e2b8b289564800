//! Bodies that agree with the status and with themselves, and those that do not.

use serde_json::{Value, json};

use super::super::testing::{
    Row, Scene, failed, holds, html, json as body, says, status, text, typed,
};
use crate::net::body::BodyEnd;
use crate::net::failure::FailureKind::{Refused, Reset, Timeout};
use crate::net::phase::Phase::Connect;

const PAGE: &str = "<!doctype html><html><body><div id=root></div></body></html>";

fn broken() -> BodyEnd {
    BodyEnd::Broken("x".to_owned())
}

fn gone() -> Scene {
    failed(Connect, Refused)
}

fn ok() -> Scene {
    body(200, &json!({"status": "ok"}))
}

fn stated(code: u16, status: &str) -> Scene {
    body(code, &json!({"status": status}))
}

fn checks(status: &str, checks: &Value) -> Scene {
    body(200, &json!({"status": status, "checks": checks}))
}

#[test]
fn degraded_is_a_warning_of_the_whole_or_of_a_component() {
    let both = json!({"db": "warn", "redis": "skipped", "mail": "borked"});
    let redis = r#"{"components": ["redis"]}"#;
    let optional = r#"{"components": ["redis"], "optional": ["redis"]}"#;
    holds(
        "health.degraded",
        vec![
            ("{}", stated(200, "warn"), "medium"),
            ("{}", text(200, "Degraded"), "medium"),
            ("{}", text(200, "degraded: replica lag of 30 s"), "medium"),
            ("{}", text(200, "WARNING - queue is long"), "medium"),
            ("{}", text(200, "status: degraded"), "medium"),
            ("{}", text(200, "slow requests: 0"), ""),
            ("{}", text(200, "warning: none"), ""),
            ("{}", stated(200, "UNKNOWN"), "medium"),
            ("{}", checks("ok", &both), "medium db"),
            ("{}", checks("warn", &both), "medium, medium db"),
            (redis, checks("ok", &json!({"redis": "skipped"})), "medium redis"),
            (redis, checks("ok", &json!({"redis": "borked"})), "medium redis"),
            (r#"{"components": ["mail"]}"#, checks("ok", &both), "medium db, medium mail"),
            (optional, checks("ok", &json!({"redis": "skipped"})), ""),
            (optional, checks("ok", &json!({"redis": "warn"})), "low redis"),
            ("{}", ok().live(stated(200, "warn")), "medium /live"),
            // That is down, whatever it is called.
            ("{}", stated(503, "degraded"), ""),
            ("{}", stated(200, "ok"), ""),
            ("{}", stated(200, "borked"), ""),
            ("{}", checks("ok", &json!({"db": "ok", "redis": "disabled", "mail": "?"})), ""),
            ("{}", stated(200, "down"), ""),
            ("{}", gone(), "untested"),
            ("{}", checks("ok", &both).live(gone()), "medium db only [][db][redis][mail]"),
        ],
    );
}

#[test]
fn status_and_body_agree() {
    holds(
        "health.status-contradicts-body",
        vec![
            ("{}", stated(200, "down"), "high"),
            ("{}", text(200, "Unhealthy"), "high"),
            ("{}", body(200, &json!({"success": false})), "high"),
            ("{}", stated(503, "ok"), "medium"),
            ("{}", text(500, "OK"), "medium"),
            ("{}", stated(404, "ok"), "medium"),
            (r#"{"status": 503}"#, stated(503, "down"), "high"),
            (r#"{"status": 503}"#, stated(503, "ok"), ""),
            ("{}", ok().live(stated(200, "down")), "high /live"),
            ("{}", stated(200, "ok"), ""),
            ("{}", stated(503, "down"), ""),
            ("{}", stated(200, "warn"), ""),
            ("{}", stated(503, "starting"), ""),
            ("{}", status(503), ""),
            ("{}", html(503, PAGE), ""),
            ("{}", gone(), "untested"),
        ],
    );
}

#[test]
fn the_whole_agrees_with_its_parts() {
    let down = || json!({"db": "down", "redis": "ok"});
    holds(
        "health.aggregate-contradicts-components",
        vec![
            ("{}", checks("ok", &down()), "medium"),
            ("{}", checks("down", &json!({"db": "ok", "redis": "ok"})), "medium"),
            (r#"{"optional": ["db"]}"#, checks("ok", &down()), ""),
            ("{}", checks("warn", &down()), ""),
            ("{}", checks("down", &down()), ""),
            ("{}", checks("ok", &json!({"db": "warn", "redis": "unknown"})), ""),
            ("{}", checks("down", &json!({"db": "ok", "redis": "unknown"})), ""),
            ("{}", checks("ok", &json!({"db": "ok"})), ""),
            ("{}", ok(), ""),
            // A service that shuts down, and one whose body always says ok.
            ("{}", body(503, &json!({"status": "down", "checks": {"db": "ok"}})), "untested"),
            ("{}", body(503, &json!({"status": "ok", "checks": {"db": "down"}})), "untested"),
            ("{}", html(200, PAGE), "untested"),
            ("{}", gone(), "untested"),
        ],
    );
}

#[test]
fn a_body_that_says_nothing_is_told() {
    let typed_json = |code, text| typed(code, "application/json", text);
    let rows: Vec<Row> = vec![
        ("{}", typed_json(200, "{\"status\": "), "medium"),
        ("{}", typed_json(200, "OK"), "medium"),
        ("{}", typed_json(200, PAGE), "medium"),
        ("{}", typed_json(503, "{"), "medium"),
        ("{}", text(200, "database connection failed"), "medium"),
        ("{}", ok().ending(BodyEnd::Cut, None), "medium"),
        ("{}", ok().ending(broken(), Some(Reset)), "medium"),
        ("{}", ok().ending(broken(), None), "medium"),
        ("{}", body(200, &json!({})), "low"),
        ("{}", body(200, &json!("hello")), "low"),
        ("{}", stated(200, "borked"), "low"),
        ("{}", body(200, &json!({"checks": {"db": "skipped"}})), "low"),
        ("{}", body(200, &json!({"checks": {"db": "ok", "redis": "borked"}})), "low"),
        ("{}", html(200, PAGE), "low"),
        ("{}", status(200).body(&[0xff, 0x00]), "low"),
        ("{}", text(200, &"word ".repeat(300)), "low"),
        ("{}", text(200, &"x".repeat(2000)), "low"),
        ("{}", ok().live(html(200, PAGE)), "low /live"),
        ("{}", ok(), ""),
        ("{}", body(200, &json!({"checks": {"db": "ok", "mail": "disabled"}})), ""),
        ("{}", text(200, "hello"), ""),
        ("{}", text(200, "GitLab OK"), ""),
        ("{}", status(200), ""),
        ("{}", status(204), ""),
        // Said by other rules.
        ("{}", text(200, "Unhealthy"), ""),
        ("{}", text(200, "Degraded"), ""),
        ("{}", ok().ending(broken(), Some(Timeout)), ""),
        // An error's body need not say more than its status.
        ("{}", html(502, PAGE), ""),
        ("{}", status(500), ""),
        ("{}", typed_json(404, "{"), ""),
        ("{}", html(404, PAGE), ""),
        ("{}", gone(), "untested"),
        ("{}", ok().live(gone()), "only []"),
    ];
    holds("health.body-invalid", rows);
}

#[test]
fn an_answer_that_every_path_gives_is_a_stub() {
    let structured = || checks("ok", &json!({"db": "ok"}));
    let id = |id: u8| body(200, &json!({"status": "ok", "id": id}));
    holds(
        "health.stub",
        vec![
            ("{}", html(200, PAGE).absent(html(200, PAGE)), "high"),
            ("{}", html(200, PAGE).absent(html(200, "<html>another nonce</html>")), "high"),
            ("{}", text(200, "ok").absent(text(200, "ok")), "high"),
            ("{}", text(200, "ok").absent(text(200, "Healthy")), "high"),
            ("{}", id(1).absent(id(2)), "high"),
            ("{}", body(200, &json!({})).absent(body(200, &json!({}))), "high"),
            ("{}", status(200).absent(status(204)), "high"),
            ("{}", text(200, "at /health").absent(text(200, "at /x")), "low"),
            ("{}", text(200, "ok").absent(text(404, "not found")), ""),
            ("{}", text(200, "ok").absent(text(404, "ok")), ""),
            ("{}", text(200, "ok").absent(html(200, PAGE)), ""),
            ("{}", text(200, "ok").absent(text(200, "Unhealthy")), ""),
            ("{}", text(200, "ok").absent(text(200, "no such path")), ""),
            ("{}", status(200).absent(html(200, PAGE)), ""),
            ("{}", status(204).absent(status(302)), ""),
            ("{}", body(200, &json!({"v": 1})).absent(body(200, &json!({"error": 1}))), ""),
            (r#"{"status": 200}"#, status(200).absent(status(204)), ""),
            ("{}", structured(), ""),
            ("{}", status(404), ""),
            ("{}", status(503), ""),
            ("{}", text(200, "ok"), "untested"),
            ("{}", text(200, "ok").absent(gone()), "untested"),
            ("{}", status(200).ending(broken(), Some(Timeout)).absent(status(200)), "untested"),
            ("{}", gone(), "untested"),
        ],
    );
}

#[test]
fn what_could_not_be_compared_says_why() {
    let asked = super::super::testing::judge("{}", text(200, "ok"));
    let reasons: Vec<&str> = asked.untested().map(|(_, why)| why).collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(says("health.stub", "{}", ok()), "untested");
}
