//! Markup as it is found, and as nobody should write it.

use proptest::prelude::*;

use super::Page;

#[test]
fn the_facts_of_a_page() {
    let page = Page::read(
        br#"<!DOCTYPE html><html><head><title><script></title><base href="/b/">
        <meta http-equiv="Content-Security-Policy" content="default-src &#39;self&#39;">
        <META NAME='referrer' CONTENT='no-referrer'>
        <script nonce=abc src="a.js" integrity="sha256-x"></script>
        <script>if (a < b) { document.write("<script src=no.js>") }</script>
        <style nonce="abc"></style><template><script src=no.js></script></template>
        <!-- <script src=no.js></script> --></head>
        <body><meta http-equiv=content-security-policy content="img-src a"><script src=c.js></script>"#,
    );
    assert!(page.html);
    assert_eq!(page.policies[0].content, "default-src 'self'");
    assert_eq!((page.policies[0].in_head, page.policies[1].in_head), (true, false));
    assert_eq!(page.referrer.as_deref(), Some("no-referrer"));
    assert_eq!(page.base.as_deref(), Some("/b/"));
    let loaded: Vec<_> = page.loaded.iter().map(|s| (s.src.as_str(), s.integrity)).collect();
    assert_eq!(loaded, [("a.js", true), ("c.js", false)]);
    assert_eq!((page.scripts, page.nonces), (3, vec!["abc".to_owned()]));
}

#[test]
fn what_is_there_for_browsers_without_scripts_ends_no_head() {
    let policy = "<meta http-equiv=Content-Security-Policy content=\"img-src a\">";
    let after = format!("<head><noscript><img src=pixel></noscript>{policy}</head>");
    assert!(Page::read(after.as_bytes()).policies[0].in_head);
    let within = format!("<head><noscript>{policy}</noscript></head>");
    assert_eq!(Page::read(within.as_bytes()).policies, []);
}

#[test]
fn what_is_no_page_says_nothing() {
    for text in ["", "{\"a\": 1}", "plain", "<", "<!--", "<!-- <script src=a>", "</", "<script"] {
        let page = Page::read(text.as_bytes());
        assert_eq!((page.html, page.loaded.len()), (false, 0), "{text}");
    }
    assert!(Page::read("\u{feff}\n <HTML lang=de>".as_bytes()).html);
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        Page::read(&bytes);
    }

    #[test]
    fn nothing_that_resembles_markup_is_too_odd(
        words in proptest::collection::vec(
            prop_oneof![
                Just("<"), Just(">"), Just("/"), Just("="), Just("\""), Just("'"), Just(" "),
                Just("script"), Just("meta"), Just("template"), Just("</"), Just("<!--"),
                Just("-->"), Just("src"), Just("ä"), Just("&#39;"), Just("nonce"),
            ],
            0..80,
        ),
    ) {
        Page::read(words.concat().as_bytes());
    }
}
