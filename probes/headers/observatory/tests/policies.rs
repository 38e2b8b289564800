//! Policies with the result that algorithm 6 gives them.

use super::{CSP, modifier, result};
use crate::headers::observatory::policy::merge;
use crate::headers::tests::scene::{other, page};

#[test]
fn policies() {
    for (policy, modifier_of) in [
        // No unsafe source.
        ("default-src 'none'", 10),
        ("default-src 'NONE'", 10),
        ("default-src 'none';", 10),
        ("default-src 'none'; script-src 'self'", 10),
        ("default-src", 10),
        ("default-src 'self'", 5),
        ("script-src 'self'; object-src 'none'", 0),
        ("script-src 'self'; object-src 'none'; style-src 'self'", 5),
        ("default-src https://a.example", 5),
        ("default-src 'self'; img-src data:", 5),
        ("default-src 'self'; img-src *", 5),
        ("default-src 'self'; script-src 'nonce-abc' 'unsafe-inline'", 5),
        ("default-src 'self'; script-src 'sha256-abc' 'unsafe-inline'", 5),
        (
            "default-src 'self'; script-src 'nonce-a' 'strict-dynamic' https: http: 'unsafe-inline'",
            5,
        ),
        ("default-src 'self'; style-src 'nonce-a' 'unsafe-inline'", 5),
        ("default-src 'self'; upgrade-insecure-requests", 5),
        ("default-src 'none'; script-src 'nonce-a'; base-uri *", 10),
        // Styles alone.
        ("default-src 'self'; style-src 'unsafe-inline'", 0),
        ("default-src 'self'; style-src data:", 0),
        ("default-src 'self'; style-src *", 0),
        ("default-src 'none'; style-src https:", 0),
        // Reports that stand there twice.
        ("default-src 'self'; report-uri /a; report-uri /b", 0),
        ("default-src 'none'; report-to a; report-to b", 0),
        ("default-src 'self'; img-src http://a.example; report-to a; report-to b", 0),
        // Scripts.
        ("default-src 'self' 'unsafe-inline'", -20),
        ("script-src 'unsafe-inline'; object-src 'none'", -20),
        ("script-src data:; object-src 'none'", -20),
        ("script-src *; object-src 'none'", -20),
        ("script-src https:; object-src 'none'", -20),
        ("script-src http:; object-src 'none'", -20),
        ("script-src ftp:; object-src 'none'", -20),
        ("script-src https://*; object-src 'none'", -20),
        ("script-src http://*.*; object-src 'none'", -20),
        ("script-src 'self'", -20),
        ("object-src 'none'", -20),
        ("img-src 'self'", -20),
        ("frame-ancestors 'none'", -20),
        ("upgrade-insecure-requests", -20),
        ("script-src 'self'; object-src *", -20),
        ("script-src 'self'; object-src https:", -20),
        ("default-src *", -20),
        ("default-src https:", -20),
        ("script-src 'nonce-a' 'strict-dynamic' data:; object-src 'none'", -20),
        // Without TLS, in anything but pictures.
        ("default-src 'self'; script-src http://a.example", -20),
        ("default-src 'self' http://a.example", -20),
        ("default-src 'self'; connect-src http:", -20),
        ("default-src 'self'; report-uri http://a.example/r", -20),
        ("default-src 'self'; form-action ftp://a.example", -20),
        ("default-src 'self'; img-src http:", -10),
        ("default-src 'self'; media-src http://a.example", -10),
        ("default-src 'self'; img-src ftp://a.example", -10),
        // Evaluation.
        ("default-src 'self' 'unsafe-eval'", -10),
        ("default-src 'self'; script-src 'self' 'unsafe-eval'", -10),
        ("default-src 'self'; style-src 'unsafe-eval'", -10),
        ("default-src 'self'; img-src http:; script-src 'unsafe-eval'", -10),
        // What cannot be read.
        ("", -25),
        ("a", -25),
        ("img-s", -25),
        ("default-src 'self',", -25),
        ("default-src 'self'; default-src 'self'", -25),
        ("default-src 'self'; DEFAULT-SRC 'none'", -25),
        ("default-src 'self'; script-src 'strict-dynamic'", -25),
        ("script-src 'strict-dynamic' 'unsafe-inline'", -25),
        (";;;;;;;", -25),
    ] {
        let scene = page(&[&format!("content-security-policy: {policy}")]);
        assert_eq!(modifier(&scene, CSP), modifier_of, "{policy}: {:?}", result(&scene, CSP));
    }
}

#[test]
fn several_policies_are_merged() {
    for (lines, modifier_of) in [
        (vec!["default-src 'self'", "default-src 'self'"], 5),
        (vec!["default-src 'self', default-src 'self'"], 5),
        (vec!["default-src 'none'", "default-src 'self'"], 10),
        (vec!["default-src *", "default-src 'self'"], 10),
        (vec!["default-src 'self' 'unsafe-inline'", "default-src 'self'"], 5),
        (vec!["default-src 'self'", "style-src 'unsafe-inline'"], 5),
        (vec!["default-src https://a.example/%zz", "default-src https://a.example/%zz"], -25),
    ] {
        let lines: Vec<String> =
            lines.iter().map(|line| format!("content-security-policy: {line}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(modifier(&page(&lines), CSP), modifier_of, "{lines:?}");
    }
    let merged = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        merge(&texts).map(|merged| merged.directives)
    };
    let both = merged(&["img-src https://a.example/ 'self'", "img-src https://a.example/x"]);
    assert_eq!(both.unwrap()["img-src"], ["https://a.example/x"]);
    let shorter = merged(&["img-src https://a.example https://a.example/x"]).unwrap();
    assert_eq!(shorter["img-src"], ["https://a.example"]);
}

#[test]
fn policies_elsewhere_than_in_the_header() {
    let meta = |content: &str| {
        page(&[]).html(&format!(
            "<head><meta http-equiv=\"Content-Security-Policy\" content=\"{content}\"></head>"
        ))
    };
    for (scene, expected) in [
        (page(&[]), ("csp-not-implemented", -25)),
        (
            page(&["content-security-policy-report-only: default-src 'self'"]),
            ("csp-not-implemented-but-reporting-enabled", -25),
        ),
        (meta("default-src 'none'"), ("csp-implemented-with-no-unsafe-default-src-none", 10)),
        (meta("frame-ancestors 'none'"), ("csp-not-implemented", -25)),
        (meta("default-src 'self' 'unsafe-inline'"), ("csp-implemented-with-unsafe-inline", -20)),
        (
            other("text/plain", &[])
                .html("<meta http-equiv=Content-Security-Policy content=\"default-src 'self'\">"),
            ("csp-not-implemented", -25),
        ),
    ] {
        assert_eq!(result(&scene, CSP), expected);
    }
    // Over plain HTTP insecure sources are as good as others.
    let plain = page(&["content-security-policy: default-src 'self'; img-src http:"])
        .at("shop.example.com", "http://shop.example.com/");
    assert_eq!(modifier(&plain, CSP), 5);
}
