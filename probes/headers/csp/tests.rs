//! The grammar of policies, and what they allow together.

use proptest::prelude::*;

use super::{Open, Policies, Policy, Source, Sources, Via};

fn policies(texts: &[&str]) -> Policies {
    let enforced = texts.iter().flat_map(|text| Policy::list(text, Via::Header)).collect();
    Policies { enforced, reported: Vec::new() }
}

#[test]
fn a_policy_is_directives_of_which_the_first_of_a_name_counts() {
    let list: Vec<Policy> = Policy::list(
        " Default-SRC  'self'\thttps: ;; img-src ; default-src *, , script-src a",
        Via::Header,
    )
    .collect();
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].get("default-src").unwrap().values, ["'self'", "https:"]);
    assert_eq!(list[0].get("img-src").unwrap().values, [""; 0]);
    assert_eq!(list[0].repeated, ["default-src"]);
    assert_eq!(list[1].get("script-src").unwrap().values, ["a"]);
    assert_eq!(Policy::list("; ,;", Via::Header).count(), 0);
    assert_eq!(Policy::list("script-src ä", Via::Header).next().unwrap().garbled, 1);
}

#[test]
fn a_meta_element_cannot_say_everything() {
    let policy = Policy::list("frame-ancestors 'none'; img-src a", Via::Meta).next().unwrap();
    assert!(policy.get("frame-ancestors").is_none() && policy.get("img-src").is_some());
}

#[test]
fn sources() {
    for (word, source) in [
        ("'none'", Source::None),
        ("'SELF'", Source::SelfOrigin),
        ("'Unsafe-Inline'", Source::UnsafeInline),
        ("'unsafe-eval'", Source::UnsafeEval),
        ("'wasm-unsafe-eval'", Source::Harmless),
        ("'strict-dynamic'", Source::StrictDynamic),
        ("'unsafe-hashes'", Source::UnsafeHashes),
        ("'nonce-AbC'", Source::Nonce("AbC")),
        ("'NONCE-AbC'", Source::Nonce("AbC")),
        ("'sha256-AbC='", Source::Hash("sha256-AbC=")),
        ("'unsafe'", Source::Unknown),
        ("self'", Source::Unknown),
        ("'", Source::Unknown),
        ("https:", Source::Scheme("https")),
        ("*", Source::AnyHost(None)),
        ("*:*", Source::AnyHost(None)),
        ("https://*", Source::AnyHost(Some("https"))),
        ("http://*:80", Source::AnyHost(Some("http"))),
        ("https://*.a.example", Source::Host { scheme: Some("https"), host: "*.a.example" }),
        ("a.example:443/x", Source::Host { scheme: None, host: "a.example:443" }),
        ("self", Source::Host { scheme: None, host: "self" }),
        ("1:", Source::Host { scheme: None, host: "1:" }),
    ] {
        assert_eq!(Source::parse(word), source, "{word}");
    }
    assert!(Source::lacks_quotes("Self") && Source::lacks_quotes("nonce-abcdefgh123"));
    assert!(!Source::lacks_quotes("nonce-host") && !Source::lacks_quotes("'self'"));
}

#[test]
fn directives_fall_back_as_browsers_let_them() {
    for (policy, name, governs) in [
        ("default-src a", "script-src-elem", Some("default-src")),
        ("default-src a; script-src b", "script-src-elem", Some("script-src")),
        ("script-src b; script-src-elem c", "script-src-elem", Some("script-src-elem")),
        ("script-src-attr c", "script-src-elem", None),
        ("script-src a; default-src b", "worker-src", Some("script-src")),
        ("child-src a; script-src b", "worker-src", Some("child-src")),
        ("child-src a; default-src b", "frame-src", Some("child-src")),
        ("default-src a", "object-src", Some("default-src")),
        ("default-src a", "base-uri", None),
        ("default-src a", "form-action", None),
        ("default-src a", "frame-ancestors", None),
        ("default-src a", "no-such", None),
    ] {
        let policies = policies(&[policy]);
        let found = policies.governing(name);
        assert_eq!(found.first().map(|list| list.directive), governs, "{policy} {name}");
    }
}

#[test]
fn what_one_policy_forbids_no_other_allows() {
    let inline = |texts: &[&str]| policies(texts).all_allow("script-src-elem", inline_of);
    let through = |directive: &str| Open::Through(directive.into(), "'unsafe-inline'".into());
    assert_eq!(inline(&["script-src 'unsafe-inline'"]), through("script-src"));
    assert_eq!(inline(&["default-src 'unsafe-inline'", "img-src a"]), through("default-src"));
    assert_eq!(inline(&["script-src 'unsafe-inline'", "script-src 'self'"]), Open::Closed);
    assert_eq!(inline(&["script-src 'unsafe-inline', default-src 'none'"]), Open::Closed);
    assert_eq!(inline(&["img-src a"]), Open::Unrestricted);
    assert_eq!(inline(&["script-src 'unsafe-inline' 'nonce-a'"]), Open::Closed);
    assert_eq!(inline(&["script-src 'unsafe-inline' 'sha256-a'"]), Open::Closed);
    assert_eq!(inline(&["script-src 'unsafe-inline' 'strict-dynamic'"]), Open::Closed);
}

fn inline_of(list: &Sources<'_>) -> Option<String> {
    list.inline()
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,300}", name in "[a-z-]{0,20}") {
        look(&text, &name);
    }

    #[test]
    fn nothing_that_resembles_a_policy_is_too_odd(
        words in proptest::collection::vec(
            prop_oneof![
                Just("script-src"), Just("default-src"), Just(";"), Just(","), Just("'nonce-"),
                Just("'nonce-'"), Just("''"), Just("'"), Just("://"), Just("https://*"), Just("*"),
                Just(":"), Just("'strict-dynamic'"), Just("ä"), Just("\u{0}"), Just("frame-ancestors"),
            ],
            0..60,
        ),
    ) {
        look(&words.join(" "), "script-src-elem");
        look(&words.concat(), "script-src-elem");
    }
}

fn look(text: &str, name: &str) {
    let policies = policies(&[text]);
    for list in policies.governing(name).iter().chain(&policies.governing("frame-ancestors")) {
        let _unused =
            (list.inline(), list.broad(true), list.insecure(false), list.nonces().count());
    }
}
