//! Headers of one word, and scripts, with the results that algorithm 6 gives them.

use super::{
    EMBEDDER, FRAME, OPENER, REFERRER, RESOURCE, SCRIPTS, SNIFF, modifier, result, scanned,
};
use crate::headers::tests::scene::{other, page};

#[test]
fn single_words() {
    for (test, name, rows) in [
        (
            REFERRER,
            "referrer-policy",
            vec![
                ("no-referrer", 5),
                ("same-origin", 5),
                ("strict-origin", 5),
                ("strict-origin-when-cross-origin", 5),
                ("NO-REFERRER", 5),
                ("no-referrer, unsafe-url", -5),
                ("unsafe-url, no-referrer", 5),
                ("no-referrer, whatever", 5),
                ("origin", -5),
                ("origin-when-cross-origin", -5),
                ("unsafe-url", -5),
                ("no-referrer-when-downgrade", -5),
                ("whatever", -5),
                ("", -5),
            ],
        ),
        (
            SNIFF,
            "x-content-type-options",
            vec![("nosniff", 0), ("NoSniff", 0), ("nosniff, nosniff", -5), ("sniff", -5), ("", -5)],
        ),
        (
            FRAME,
            "x-frame-options",
            vec![
                ("DENY", 5),
                ("sameorigin", 5),
                ("ALLOW-FROM https://a.example", 0),
                ("SAMEORIGIN, SAMEORIGIN", -20),
                ("ALLOWALL", -20),
                ("", -20),
                ("whatever", -20),
            ],
        ),
        (
            RESOURCE,
            "cross-origin-resource-policy",
            vec![
                ("same-origin", 10),
                ("same-site", 10),
                ("Same-Site", 10),
                ("cross-origin", 0),
                ("same-origin, same-origin", -5),
                ("whatever", -5),
            ],
        ),
        (
            EMBEDDER,
            "cross-origin-embedder-policy",
            vec![
                ("require-corp", 10),
                ("credentialless", 10),
                ("require-corp; report-to=\"a\"", 10),
                ("unsafe-none", 0),
                ("\"require-corp\"", -5),
                ("require-corp, require-corp", -5),
                ("whatever", -5),
                ("", 0),
            ],
        ),
        (
            OPENER,
            "cross-origin-opener-policy",
            vec![
                ("same-origin", 10),
                ("same-origin-allow-popups", 10),
                ("noopener-allow-popups", 10),
                ("unsafe-none", 0),
                ("Same-Origin", -5),
                ("'same-origin'", -5),
                ("same-origin;", -5),
                ("same-origin, same-origin", -5),
            ],
        ),
    ] {
        for (value, modifier_of) in rows {
            let scene = page(&[&format!("{name}: {value}")]);
            assert_eq!(modifier(&scene, test), modifier_of, "{name}: {value}");
        }
    }
    let absent: Vec<i32> = scanned(&page(&[])).results.iter().map(|r| r.modifier).collect();
    assert_eq!(absent, [-25, 0, 0, 0, 0, -20, 0, -5, -20, 0, 0, 0]);
    let ancestors = page(&["content-security-policy: default-src 'none'; frame-ancestors *"]);
    assert_eq!(result(&ancestors, FRAME), ("x-frame-options-implemented-via-csp", 5));
    let meta = page(&["referrer-policy: no-referrer"])
        .html("<head><meta name=referrer content=unsafe-url>");
    assert_eq!(modifier(&meta, REFERRER), -5);
}

#[test]
fn scripts() {
    for (markup, modifier_of) in [
        ("<p>no scripts</p>", 0),
        ("<script>inline()</script>", 0),
        ("<script src=/a.js></script>", 0),
        ("<script src=a.js></script><script src=https://cdn.example.com/b.js></script>", 0),
        ("<script src=/a.js integrity=sha256-x></script>", 5),
        ("<script src=https://cdn.example/a.js integrity=sha256-x></script>", 5),
        ("<script src=https://cdn.example/a.js></script>", -5),
        (
            "<script src=/a.js integrity=sha256-x></script><script src=https://cdn.example/a.js></script>",
            -5,
        ),
        ("<script src=//cdn.example/a.js></script>", -50),
        ("<script src=//cdn.example/a.js integrity=sha256-x></script>", -20),
        ("<script src=http://cdn.example/a.js></script>", -50),
        ("<script src=http://cdn.example/a.js integrity=sha256-x></script>", -20),
        ("<base href=https://cdn.example/><script src=a.js></script>", -5),
        ("<script src=data:text/javascript,1></script>", 0),
        ("<!-- <script src=http://cdn.example/a.js></script> -->", 0),
    ] {
        assert_eq!(modifier(&page(&[]).html(markup), SCRIPTS), modifier_of, "{markup}");
    }
    let json = other("application/json", &[]).html("<script src=http://cdn.example/a.js></script>");
    assert_eq!(result(&json, SCRIPTS), ("sri-not-implemented-response-not-html", 0));
}
