//! What browsers decide, by the Fetch standard; real Chromium is held to the same table.

use crate::cors::fetch::{self, Asked};

const ORIGIN: &str = "https://app.example.com";

fn headers(lines: &[&str]) -> Vec<(String, String)> {
    let split = |line: &&str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_owned(), value.to_owned())
    };
    lines.iter().map(split).collect()
}

#[test]
fn an_answer_is_readable_as_browsers_decide_it() {
    let allow = "access-control-allow-origin: ";
    let line = |value: &str| format!("{allow}{value}");
    // Value, whether it is readable without credentials, and with `true` besides.
    for (value, without, with) in [
        ("https://app.example.com", true, true),
        ("  https://app.example.com\t", true, true),
        ("*", true, false),
        ("", false, false),
        ("null", false, false),
        ("https://app.example.com/", false, false),
        ("https://app.example.com:443", false, false),
        ("https://App.example.com", false, false),
        ("HTTPS://app.example.com", false, false),
        ("http://app.example.com", false, false),
        ("app.example.com", false, false),
        ("https://*.example.com", false, false),
        ("https://app.example.com https://b.example", false, false),
        ("https://app.example.com, https://b.example", false, false),
        ("*, https://app.example.com", false, false),
        ("**", false, false),
        ("\"*\"", false, false),
    ] {
        let plain = headers(&[&line(value)]);
        assert_eq!(fetch::cors_check(ORIGIN, false, &plain).is_ok(), without, "{value:?}");
        let both = headers(&[&line(value), "access-control-allow-credentials: true"]);
        assert_eq!(fetch::cors_check(ORIGIN, true, &both).is_ok(), with, "{value:?}");
        assert!(fetch::cors_check(ORIGIN, true, &plain).is_err());
    }
    let own = line(ORIGIN);
    for (value, with) in [
        ("true", true),
        (" true ", true),
        ("True", false),
        ("TRUE", false),
        ("1", false),
        ("", false),
        ("false", false),
        ("true, true", false),
    ] {
        let credentials = format!("access-control-allow-credentials: {value}");
        let both = headers(&[&own, &credentials]);
        assert_eq!(fetch::cors_check(ORIGIN, true, &both).is_ok(), with, "{value:?}");
    }
    assert!(fetch::cors_check(ORIGIN, false, &headers(&[&own, &own])).is_err());
    assert!(fetch::cors_check(ORIGIN, false, &[]).is_err());
}

#[test]
fn a_preflight_lets_through_what_browsers_let_through() {
    let ask = |method: &str, names: &[&str]| Asked {
        method: method.to_owned(),
        headers: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let put = || ask("PUT", &[]);
    // What is asked for, status, methods, headers, without credentials, with them.
    for (asked, status, methods, names, without, with) in [
        (put(), 200, "PUT", "", true, true),
        (put(), 204, "PUT", "", true, true),
        (put(), 299, "PUT", "", true, true),
        (put(), 300, "PUT", "", false, false),
        (put(), 302, "PUT", "", false, false),
        (put(), 401, "PUT", "", false, false),
        (put(), 404, "PUT", "", false, false),
        (put(), 500, "PUT", "", false, false),
        (put(), 204, "GET, PUT,DELETE", "", true, true),
        (put(), 204, "put", "", false, false),
        (put(), 204, "", "", false, false),
        (put(), 204, "*", "", true, false),
        (put(), 204, "GET; PUT", "", false, false),
        (put(), 204, ", PUT ,", "", true, true),
        (ask("POST", &["content-type"]), 204, "", "Content-Type", true, true),
        (ask("POST", &["content-type"]), 204, "", "x-other", false, false),
        (ask("POST", &["content-type"]), 204, "", "*", true, false),
        (ask("GET", &["authorization"]), 204, "", "*", false, false),
        (ask("GET", &["authorization"]), 204, "", "*, Authorization", true, true),
        (ask("GET", &["x-a", "x-b"]), 204, "", "x-a", false, false),
        (ask("GET", &["x-a", "x-b"]), 204, "", "X-B, X-A", true, true),
        (ask("GET", &["x-a"]), 204, "", "x a", false, false),
        (ask("PATCH", &[]), 204, "PATCH", "", true, true),
    ] {
        let lines = headers(&[
            "access-control-allow-origin: https://app.example.com",
            "access-control-allow-credentials: true",
            &format!("access-control-allow-methods: {methods}"),
            &format!("access-control-allow-headers: {names}"),
        ]);
        let passes = |credentials| {
            fetch::preflight_check(ORIGIN, credentials, &asked, status, &lines).is_ok()
        };
        assert_eq!(
            (passes(false), passes(true)),
            (without, with),
            "{asked:?} {status} {methods:?} {names:?}"
        );
    }
}

#[test]
fn what_needs_no_permission_is_sent_at_once() {
    for (method, headers, asks) in [
        ("GET", &[][..], false),
        ("HEAD", &[], false),
        ("POST", &["accept".to_owned()], false),
        ("POST", &["content-type".to_owned()], true),
        ("PUT", &[], true),
        ("get", &[], true),
    ] {
        assert_eq!(fetch::needs_preflight(method, headers), asks, "{method} {headers:?}");
    }
}
