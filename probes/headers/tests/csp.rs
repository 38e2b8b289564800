//! Rules of Content-Security-Policy, one table each.

use super::scene::{helmet, hop, other, page};

/// What a rule says of a page with this policy and nothing else.
fn policy(rule: &str, policy: &str) -> Vec<String> {
    page(&[&format!("content-security-policy: {policy}")]).html("<script>a()</script>").says(rule)
}

fn table(rule: &str, fires: &[(&str, &str)], silent: &[&str]) {
    for (text, wanted) in fires {
        assert_eq!(policy(rule, text), [*wanted], "{text}");
    }
    for text in silent {
        assert_eq!(policy(rule, text), [""; 0], "{text}");
    }
}

#[test]
fn missing() {
    let meta =
        "<head><meta http-equiv=Content-Security-Policy content=\"default-src 'self'\"></head>";
    let late = "<body><meta http-equiv=Content-Security-Policy content=\"default-src 'self'\">";
    for scene in [
        page(&[]),
        page(&["content-security-policy:"]),
        page(&["content-security-policy: ;,;"]),
        page(&["content-security-policy-report-only: default-src 'self'"]),
        page(&[]).html(late),
        other("application/xhtml+xml", &[]),
        other("image/svg+xml", &[]),
        other("TEXT/HTML", &[]),
        other("", &[]).html("<!doctype html><p>untyped"),
    ] {
        assert_eq!(scene.says("csp-missing"), ["high"]);
    }
    for scene in [
        page(&["content-security-policy: default-src 'self'"]),
        page(&["content-security-policy: upgrade-insecure-requests"]),
        page(&[]).html(meta),
        other("application/json", &[]),
        other("application/problem+json", &[]),
        other("text/plain", &[]),
        other("image/png", &[]),
        other("video/mp4", &[]),
        other("application/pdf", &[]),
        other("text/css", &[]),
        other("", &[]),
        page(&[]).status(204),
    ] {
        assert_eq!(scene.says("csp-missing"), [""; 0]);
    }
    for status in [400, 401, 403, 404, 410, 429, 500, 502, 503, 304] {
        assert_eq!(page(&[]).status(status).says("csp-missing"), ["untested"], "{status}");
    }
}

#[test]
fn markup_that_could_not_be_read_may_hold_a_policy() {
    let unread = |lines: &[&str]| {
        let mut scene = page(lines);
        scene.document().unread = Some("it broke off".into());
        (scene.says("csp-missing"), scene.says("undetermined"))
    };
    assert_eq!(unread(&[]), (vec!["untested".to_owned()], vec!["low markup".to_owned()]));
    assert_eq!(unread(&["content-security-policy: default-src 'self'"]), (vec![], vec![]));
}

#[test]
fn report_only() {
    let reported = "content-security-policy-report-only: default-src 'self'; report-to a";
    assert_eq!(page(&[reported]).says("csp-report-only"), ["info"]);
    for scene in [
        page(&[]),
        page(&["content-security-policy: default-src 'self'"]),
        page(&[reported, "content-security-policy: default-src 'self'"]),
    ] {
        assert_eq!(scene.says("csp-report-only"), [""; 0]);
    }
}

#[test]
fn script_unsafe() {
    table(
        "csp-script-unsafe",
        &[
            ("default-src 'unsafe-inline'", "high default-src"),
            ("script-src 'self' 'unsafe-inline'", "high script-src"),
            ("script-src *", "high script-src"),
            ("script-src HTTPS:", "high script-src"),
            ("script-src http:", "high script-src"),
            ("script-src data:", "high script-src"),
            ("script-src https://*", "high script-src"),
            ("script-src *:443", "high script-src"),
            // Empty, or cut: browsers skip them, and 'unsafe-inline' stands.
            ("script-src 'unsafe-inline' 'sha256-'", "high script-src"),
            ("script-src 'unsafe-inline' 'nonce-a!b'", "high script-src"),
            ("script-src 'unsafe-inline' 'nonce-a==='", "high script-src"),
            ("script-src 'nonce-a' *", "high script-src"),
            ("script-src 'self'; script-src-elem 'unsafe-inline'", "high script-src-elem"),
            ("script-src 'nonce-a'; script-src-attr 'unsafe-inline'", "high script-src-attr"),
            ("img-src 'self'", "high script-src"),
            ("script-src-elem 'self'", "high script-src-attr"),
            ("frame-ancestors 'none'", "high script-src"),
            ("script-src 'unsafe-inline', default-src 'unsafe-inline'", "high script-src"),
        ],
        &[
            "default-src 'self'",
            "default-src 'none'",
            "script-src 'self' https://cdn.example https://*.cdn.example",
            "script-src 'nonce-a' 'unsafe-inline'",
            "script-src 'sha256-a' 'unsafe-inline'",
            "script-src 'nonce-a-_+/8==' 'unsafe-inline'",
            "script-src 'nonce-a' 'strict-dynamic' https: http: 'unsafe-inline' data:",
            "script-src 'unsafe-inline', script-src 'self'",
            "script-src 'unsafe-inline', default-src 'none'",
            "script-src *, script-src 'self'",
            "script-src 'self' 'wasm-unsafe-eval' 'report-sample'",
            "script-src",
        ],
    );
}

#[test]
fn style_unsafe() {
    table(
        "csp-style-unsafe",
        &[
            ("default-src 'self'; style-src 'unsafe-inline'", "info style-src"),
            ("default-src 'self'; style-src https:", "info style-src"),
            ("script-src 'self'", "info style-src"),
            ("default-src 'unsafe-inline'", "info default-src"),
        ],
        &["default-src 'self'", "default-src 'self'; style-src 'unsafe-inline' 'nonce-a'"],
    );
}

#[test]
fn eval() {
    table(
        "csp-eval",
        &[
            ("script-src 'self' 'unsafe-eval'", "medium script-src"),
            ("default-src 'Unsafe-Eval'", "medium default-src"),
            ("script-src 'nonce-a' 'unsafe-eval'", "medium script-src"),
        ],
        &[
            "script-src 'self' 'wasm-unsafe-eval'",
            "script-src 'unsafe-eval', script-src 'self'",
            "script-src 'self'; style-src 'unsafe-eval'",
            "img-src 'self'",
        ],
    );
}

#[test]
fn object_open() {
    table(
        "csp-object-open",
        &[
            ("script-src 'self'", "medium object-src"),
            ("script-src 'nonce-a' 'strict-dynamic'; base-uri 'none'", "medium object-src"),
            ("script-src 'self'; object-src *", "medium object-src"),
            ("default-src https:", "medium default-src"),
        ],
        &[
            "default-src 'self'",
            "script-src 'self'; object-src 'none'",
            "script-src 'self'; object-src *, object-src 'none'",
            "frame-ancestors 'none'",
        ],
    );
}

#[test]
fn base_open() {
    table(
        "csp-base-open",
        &[
            ("script-src 'nonce-a'", "medium base-uri"),
            ("script-src 'sha256-a' 'strict-dynamic'", "medium base-uri"),
            ("script-src 'nonce-a'; base-uri *", "medium base-uri"),
            ("script-src 'self'", "info base-uri"),
            ("script-src 'sha256-a'", "info base-uri"),
        ],
        &[
            "script-src 'nonce-a'; base-uri 'none'",
            "script-src 'nonce-a'; base-uri 'self'",
            "script-src 'nonce-a', base-uri 'none'",
            "img-src a",
        ],
    );
}

#[test]
fn insecure_source() {
    table(
        "csp-insecure-source",
        &[
            ("script-src 'self' http://a.example", "high script-src"),
            ("default-src http:", "high default-src"),
            ("connect-src ws://a.example", "high connect-src"),
            ("form-action http://a.example", "high form-action"),
            ("img-src http:", "medium img-src"),
            ("media-src http://*", "medium media-src"),
            ("img-src http:; upgrade-insecure-requests", "info img-src"),
        ],
        &[
            "default-src https: wss: data:",
            "script-src 'nonce-a' 'strict-dynamic' https: http:",
            "img-src http:, img-src https:",
            "default-src a.example",
            "connect-src http://localhost:3000 ws://127.0.0.1:8080",
            "report-uri http://a.example",
        ],
    );
    let plain =
        page(&["content-security-policy: img-src http:"]).at("a.example", "http://a.example/");
    assert_eq!(plain.says("csp-insecure-source"), [""; 0]);
}

#[test]
fn strict_dynamic_alone() {
    table(
        "csp-strict-dynamic-alone",
        &[
            ("script-src 'strict-dynamic'", "high script-src"),
            ("default-src 'self' 'strict-dynamic'", "high default-src"),
        ],
        &[
            "script-src 'nonce-a' 'strict-dynamic'",
            "script-src 'strict-dynamic' 'sha256-a'",
            "script-src 'self'",
            "style-src 'strict-dynamic'",
        ],
    );
    let line = "content-security-policy: script-src 'strict-dynamic'";
    assert_eq!(page(&[line]).html("<p>").says("csp-strict-dynamic-alone"), [""; 0]);
}

#[test]
fn invalid() {
    table(
        "csp-invalid",
        &[
            ("default-src 'self'; default-src *", "medium default-src"),
            ("default-src self", "medium default-src"),
            ("script-src nonce-abcdefghijkl", "medium script-src"),
            ("script-src 'self' style-src 'self'", "medium script-src"),
            ("script-src 'unsafe'", "medium script-src"),
            ("scrip-src 'self'", "medium scrip-src"),
            ("Content-Security-Policy: default-src 'self'", "medium content-security-policy:"),
            ("default-src ä", "medium characters"),
            ("img-src 'none' a.example", "low img-src"),
            ("fancy-new-directive a", "info fancy-new-directive"),
        ],
        &[
            "default-src 'self'",
            "DEFAULT-SRC 'SELF';",
            "default-src 'none'; report-uri /r; report-to r; sandbox allow-scripts",
            "require-trusted-types-for 'script'; trusted-types default 'allow-duplicates'",
            "script-src 'sha256-a' 'inline-speculation-rules' 'report-sha256'",
            "block-all-mixed-content; upgrade-insecure-requests",
            "frame-ancestors *.example https://a.example:443/x",
        ],
    );
    let meta = |content: &str| {
        page(&[]).html(&format!(
            "<head><meta http-equiv=Content-Security-Policy content=\"{content}\"></head>"
        ))
    };
    assert_eq!(meta("frame-ancestors 'none'").says("csp-invalid"), ["medium frame-ancestors"]);
    assert_eq!(meta("report-uri /r; img-src a").says("csp-invalid"), ["info report-uri"]);
    assert_eq!(meta("img-src a").says("csp-invalid"), [""; 0]);
    let long = format!("content-security-policy: default-src {}", "https://a.example ".repeat(600));
    assert_eq!(page(&[&long]).says("csp-invalid"), ["info length"]);
}

#[test]
fn nonce_static() {
    const LONG: &str = "MTIzNDU2Nzg5MDEyMzQ1Ng==";
    const OTHER: &str = "YWJjZGVmZ2hpamtsbW5vcA==";
    let nonce = |nonce: &str| format!("content-security-policy: script-src 'nonce-{nonce}'");
    let says = |first: &str, second: &str| {
        page(&[&nonce(first)]).again(&[&nonce(second)]).says("csp-nonce-static")
    };
    assert_eq!(says(LONG, LONG), ["high script-src"]);
    assert_eq!(says(LONG, OTHER), [""; 0]);
    assert_eq!(says("abcdefgh", "ijklmnop"), ["medium script-src"]);
    for placeholder in
        ["{{nonce}}", "${nonce}", "<%=", "undefined", "null", "RANDOM", "__NONCE__", ""]
    {
        assert_eq!(says(placeholder, OTHER), ["high script-src"], "{placeholder}");
    }
    assert_eq!(says("__MTIzNDU2Nzg5MDEyMzQ1Ng", OTHER), [""; 0]);
    assert_eq!(page(&[&nonce(LONG)]).says("csp-nonce-static"), ["untested"]);
    let mut gone = page(&[&nonce(LONG)]).again(&[]);
    gone.evidence.again = Some(hop("https://shop.example.com/", 503, &[]));
    assert_eq!(gone.says("csp-nonce-static"), ["untested"]);
    assert_eq!(helmet(&[]).says("csp-nonce-static"), [""; 0]);
    let style =
        "content-security-policy: default-src 'self'; style-src 'nonce-MTIzNDU2Nzg5MDEyMzQ1Ng'";
    assert_eq!(page(&[style]).again(&[style]).says("csp-nonce-static"), ["high style-src"]);
}
