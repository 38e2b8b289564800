//! Settings: what they mean, and what is wrong with them.

use crate::contract::Kind as _;
use crate::cors::Cors;
use crate::testing::probe;

#[test]
fn what_cannot_work_is_said_at_once() {
    let many: Vec<String> = (0..51).map(|n| format!("https://a{n}.example")).collect();
    let many = serde_json::json!({"allowed_origins": many}).to_string();
    for (settings, key, says) in [
        (r#"{"allowed_origins": ["https://app.example.com/"]}"#, "allowed_origins", "write it so"),
        (r#"{"allowed_origins": ["*"]}"#, "allowed_origins", "public: true"),
        (r#"{"allowed_origins": ["null"]}"#, "allowed_origins", "sandboxed"),
        (r#"{"allowed_origins": ["http://a", "http://a"]}"#, "allowed_origins", "stands twice"),
        (many.as_str(), "allowed_origins", "there are 51, and at most 50"),
        (r#"{"credentials": true}"#, "credentials", "allowed_origins"),
        (
            r#"{"credentials": true, "public": true, "allowed_origins": ["http://a"]}"#,
            "public",
            "is not public",
        ),
        (r#"{"method": "put"}"#, "method", "`PUT`"),
        (r#"{"method": "OPTIONS"}"#, "method", "do not send OPTIONS"),
        (r#"{"method": "A B"}"#, "method", "no method"),
        (r#"{"methods": ["patch"]}"#, "methods", "`PATCH`"),
        (r#"{"methods": ["TRACE"]}"#, "methods", "no page send TRACE"),
        (r#"{"headers": ["a b"]}"#, "headers", "no name of a header"),
        (r#"{"headers": ["Cookie"]}"#, "headers", "browsers set `cookie` themselves"),
        (r#"{"headers": ["Sec-Fetch-Site"]}"#, "headers", "a page cannot"),
    ] {
        let error = Cors::new(serde_json::from_str(settings).unwrap()).err().expect(settings);
        assert_eq!(error.key, Some(key), "{settings}");
        assert!(error.message.contains(says), "{settings}: {}", error.message);
    }
}

#[test]
fn only_what_browsers_ask_for_first_is_asked_for() {
    for (settings, preflights, headers) in [
        ("{}", &[][..], &[][..]),
        (r#"{"methods": ["GET", "POST"]}"#, &[], &[]),
        (r#"{"methods": ["GET", "DELETE", "DELETE"]}"#, &["DELETE"], &[]),
        (r#"{"method": "PUT"}"#, &["PUT"], &[]),
        (r#"{"methods": ["GET"], "headers": ["Content-Type"]}"#, &[], &["content-type"]),
        (
            r#"{"methods": ["GET"], "headers": ["X-B", "Content-Type", "Accept"]}"#,
            &["GET"],
            &["content-type", "x-b"],
        ),
    ] {
        let cors = probe::<Cors>(settings);
        assert_eq!(cors.preflights, preflights, "{settings}");
        assert_eq!(cors.headers, headers, "{settings}");
    }
}
