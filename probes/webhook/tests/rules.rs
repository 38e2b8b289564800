//! Each rule fires on one run and is silent on another, and no rule fires beside it unasked.

use super::super::case::Case::{self, *};
use super::super::evidence::{Evidence, Signing};
use super::{NOTHING, REFUSED, Said, TAKEN, found, seen, tested, words};
use crate::context::Withheld;
use crate::severity::Severity::{self, Critical, High, Info, Low, Medium};

const STRIPE: &str = r#"{"scheme": "stripe", "secret": {"env": "TOKEN"}, "depth": "full"}"#;
const DISCORD: &str = r#"{"scheme": "discord", "secret": {"env": "TOKEN"}, "depth": "full"}"#;
const SVIX: &str = r#"{"scheme": "svix", "secret": {"env": "TOKEN"}, "depth": "full"}"#;
const SHOPIFY: &str = r#"{"scheme": "shopify", "secret": {"env": "TOKEN"}, "depth": "full"}"#;
const ZOOM: &str = r#"{"scheme": "zoom", "secret": {"env": "TOKEN"}, "depth": "full"}"#;
const META: &str = r#"{"scheme": "meta", "secret": {"env": "TOKEN"}, "depth": "full"}"#;
const GITHUB: &str = r#"{"scheme": "github", "secret": {"env": "TOKEN"}, "depth": "full"}"#;
const TWILIO: &str = r#"{"scheme": "twilio", "secret": {"env": "TOKEN"}, "depth": "full"}"#;

/// A run against an endpoint that works, but for these answers.
fn with(more: &[(Case, Said<'_>)]) -> Evidence {
    let mut trials = vec![
        (Sibling, NOTHING),
        (Missing, REFUSED),
        (Control, TAKEN),
        (WrongKey, REFUSED),
        (TamperedBody, REFUSED),
    ];
    for (case, said) in more {
        match trials.iter_mut().find(|(known, _)| known == case) {
            Some(known) => known.1 = *said,
            None => trials.push((*case, *said)),
        }
    }
    seen(&trials)
}

fn fires(settings: &str, more: &[(Case, Said<'_>)], wanted: &[(&str, Severity)]) {
    let wanted: Vec<(String, Severity)> =
        wanted.iter().map(|(rule, severity)| ((*rule).to_owned(), *severity)).collect();
    assert_eq!(found(settings, &with(more)), wanted, "{more:?}");
}

#[test]
fn an_endpoint_that_takes_the_genuine_and_refuses_the_rest_is_proven() {
    for settings in [STRIPE, GITHUB, SVIX, SHOPIFY, DISCORD] {
        fires(settings, &[], &[]);
    }
    // Everything that a day's run tries.
    let all = [
        Empty,
        EmptyKey,
        BarePrefix,
        KeyUndefined,
        KeyTest,
        TamperedTime,
        Truncated,
        OtherHash,
        Downgraded,
        Stale,
        Future,
        Rewritten,
    ];
    fires(STRIPE, &all.map(|case| (case, REFUSED)), &[]);
}

#[test]
fn each_rule_fires_on_what_it_speaks_of_and_on_nothing_else() {
    for (settings, case, wanted, severity) in [
        (STRIPE, Missing, "unsigned-accepted missing", Critical),
        (STRIPE, Empty, "unsigned-accepted empty", Critical),
        (STRIPE, WrongKey, "forgery-accepted", Critical),
        (STRIPE, EmptyKey, "weak-key-accepted empty-key", Critical),
        (STRIPE, KeyUndefined, "weak-key-accepted undefined", Critical),
        (STRIPE, KeyPlaceholder, "weak-key-accepted your-webhook-secret", Critical),
        (STRIPE, TamperedBody, "tampered-accepted body", Critical),
        (STRIPE, TamperedTime, "tampered-accepted timestamp", High),
        (SVIX, TamperedId, "tampered-accepted id", High),
        (TWILIO, TamperedUrl, "tampered-accepted url", Medium),
        (STRIPE, BarePrefix, "truncated-accepted prefix", Critical),
        (STRIPE, Truncated, "truncated-accepted half", Critical),
        (STRIPE, OtherHash, "downgrade-accepted algorithm", High),
        (STRIPE, Downgraded, "downgrade-accepted older-form", High),
        (STRIPE, Stale, "stale-accepted", High),
        (DISCORD, Stale, "stale-accepted", Low),
        (STRIPE, Future, "future-accepted", Info),
        (SVIX, Future, "future-accepted", Low),
        (STRIPE, Rewritten, "reserialised-accepted", Medium),
    ] {
        fires(settings, &[(case, TAKEN)], &[(wanted, severity)]);
        fires(settings, &[(case, REFUSED)], &[]);
    }
}

#[test]
fn a_handshake_that_answers_anybody_is_found() {
    let signed = (200, r#"{"plainToken":"7283649105","encryptedToken":"ab"}"#, &[][..]);
    fires(ZOOM, &[(Handshake, signed)], &[("handshake-open", Critical)]);
    fires(ZOOM, &[(Handshake, REFUSED)], &[]);
    fires(META, &[(Handshake, (200, "7283649105", &[]))], &[("handshake-open", High)]);
    fires(META, &[(Handshake, (403, "", &[]))], &[]);
    // What something else answers says nothing of the handshake.
    for said in [(403, "Incapsula incident ID: 1", &[][..]), (429, "", &[]), (0, "", &[])] {
        let said = words(ZOOM, &with(&[(Handshake, said)]), "webhook.handshake-open");
        assert!(said.starts_with("untested"), "{said}");
    }
    // What was signed is not repeated in the evidence.
    assert!(!format!("{:?}", with(&[(Handshake, signed)])).contains("encryptedToken"));
}

#[test]
fn genuine_deliveries_that_are_refused_are_found_and_explained() {
    let rule = "webhook.genuine-refused";
    for (more, settings, wanted) in [
        (vec![(Control, REFUSED)], STRIPE, "the two secrets differ"),
        (vec![(Control, REFUSED), (Rewritten, TAKEN)], STRIPE, "parsed before it is verified"),
        (
            vec![(
                Control,
                (400, "Webhook payload must be provided as a string or a Buffer", &[][..]),
            )],
            STRIPE,
            "parsed before it is verified",
        ),
        (
            vec![(Control, (403, "", &[])), (ControlOtherUrl, TAKEN)],
            TWILIO,
            "signed for https, served as http",
        ),
        (
            vec![(Control, (500, "cannot validate without first configuring our auth token", &[]))],
            TWILIO,
            "has no secret",
        ),
        (
            vec![(Control, REFUSED), (EmptyKey, TAKEN)],
            STRIPE,
            "the secret seems to be unset: a signature made with the empty key was accepted",
        ),
        (vec![(Control, (415, "", &[]))], GITHUB, "content type"),
        (
            vec![(Control, (308, "", &[("location", "/webhook/")]))],
            GITHUB,
            "308 to https://shop.example/webhook/; senders follow no redirects",
        ),
    ] {
        let seen = with(&more);
        let ids = found(settings, &seen);
        assert!(ids.contains(&("genuine-refused".to_owned(), High)), "{ids:?}");
        let said = words(settings, &seen, rule);
        assert!(said.contains(wanted), "{said}");
        // It is settled: nothing remains to be proven.
        assert!(ids.iter().all(|(id, _)| !id.starts_with("enforcement")), "{ids:?}");
    }
    // What stands before the endpoint may want a token of the caller.
    for said in ["Bearer token is required", "API key missing"] {
        let said = words(GITHUB, &with(&[(Control, (401, said, &[]))]), rule);
        assert!(!said.contains("it has no secret"), "{said}");
    }
    // A refusal in words is one, also with 200.
    let declined = (200, r#"{"ok":false,"error":"invalid signature"}"#, &[][..]);
    let all = [Missing, Control, WrongKey, TamperedBody].map(|case| (case, declined));
    assert_eq!(found(STRIPE, &with(&all))[0].0, "genuine-refused");
}

#[test]
fn a_refusal_in_words_is_no_genuine_answer_that_forgeries_can_be_like() {
    let unsigned = (200, r#"{"error":"missing signature header"}"#, &[][..]);
    let wrong = (200, r#"{"error":"invalid signature"}"#, &[][..]);
    let refused = [(Missing, unsigned), (Control, wrong), (WrongKey, wrong), (TamperedBody, wrong)];
    fires(STRIPE, &refused, &[("genuine-refused", High)]);
    let unknown = (200, r#"{"error":"no handler for this event"}"#, &[][..]);
    let unclear =
        [(Missing, unsigned), (Control, unknown), (WrongKey, wrong), (TamperedBody, wrong)];
    fires(STRIPE, &unclear, &[("enforcement-unproven target", Low)]);
    // Where forgeries get another status, the genuine one got past.
    fires(STRIPE, &[(Control, unknown)], &[]);
}

#[test]
fn a_library_that_finds_no_handler_has_verified_before() {
    fires(SHOPIFY, &[(Control, (404, "", &[]))], &[]);
    // What is answered so too was verified too.
    let unhandled = (404, "", &[][..]);
    let forged = [(Control, unhandled), (WrongKey, unhandled)];
    fires(SHOPIFY, &forged, &[("forgery-accepted", Critical)]);
    fires(STRIPE, &[(Control, (404, "", &[]))], &[("genuine-refused", High)]);
    // One that knows the delivery already has, too.
    let known = (409, "duplicate", &[][..]);
    fires(STRIPE, &[(Control, known)], &[]);
    fires(STRIPE, &[(Control, (400, "event already processed", &[]))], &[]);
    // One that looks at the id first shows nothing.
    let unclear = [("enforcement-unproven target", Low)];
    fires(STRIPE, &[(Control, known), (WrongKey, known), (TamperedBody, known)], &unclear);
    fires(STRIPE, &[Missing, Control, WrongKey, TamperedBody].map(|case| (case, known)), &unclear);
}

#[test]
fn a_refusal_by_failing_is_found_where_the_target_is_shown_to_work() {
    let broken = (500, "TypeError: Cannot read properties", &[][..]);
    fires(STRIPE, &[(Missing, broken)], &[("error-on-forgery", Medium)]);
    // One that was away for a moment refuses nothing by it.
    let mut away = with(&[(Missing, (503, "", &[]))]);
    away.trials.push(super::trial(Missing, REFUSED));
    assert_eq!(found(STRIPE, &away), [("enforcement-unproven target".to_owned(), Low)]);
    // The last request failed, and nothing shows that the target still worked.
    let seen = with(&[(TamperedBody, broken)]);
    assert_eq!(found(STRIPE, &seen), [("enforcement-unproven target".to_owned(), Low)]);
    let said = words(STRIPE, &seen, "webhook.enforcement-unproven");
    assert!(said.contains("nothing shows that it still worked"), "{said}");
}

#[test]
fn a_path_where_nothing_is_is_found_and_a_hidden_one_is_not_taken_for_it() {
    let all = [Missing, Control, WrongKey, TamperedBody].map(|case| (case, NOTHING));
    fires(STRIPE, &all, &[("path-missing", High)]);
    let wrong_method =
        [Missing, Control, WrongKey, TamperedBody].map(|case| (case, (405, "", &[][..])));
    fires(STRIPE, &wrong_method, &[("path-missing", High)]);
    // 404 of a handler that hides itself is a refusal.
    let hidden = (404, "not for you", &[][..]);
    let hides = [Missing, WrongKey, TamperedBody].map(|case| (case, hidden));
    fires(STRIPE, &hides, &[]);
    // One that hides from what has no signature shows itself to the rest.
    let mut unsigned = seen(&[(Sibling, NOTHING), (Missing, NOTHING), (WrongKey, REFUSED)]);
    unsigned.signing = Signing::NoSecret;
    assert_eq!(found(STRIPE, &unsigned), [("enforcement-unproven target".to_owned(), Low)]);
}

#[test]
fn a_repeated_delivery_fires_only_where_the_answer_shows_a_second_effect() {
    let answer = |body: &'static str| (200, body, &[][..]);
    fires(
        STRIPE,
        &[(Control, answer(r#"{"count":41}"#)), (Replay, answer(r#"{"count":42}"#))],
        &[("replay-accepted", High)],
    );
    fires(
        STRIPE,
        &[(Control, answer(r#"{"orderId":"a1"}"#)), (Replay, answer(r#"{"orderId":"a2"}"#))],
        &[("replay-accepted", Medium)],
    );
    fires(
        STRIPE,
        &[(Control, answer(r#"{"items":41}"#)), (Replay, answer(r#"{"items":42}"#))],
        &[("replay-accepted", High)],
    );
    for (first, again) in [
        (r#"{"requestId":"a1"}"#, r#"{"requestId":"a2"}"#),
        (r#"{"ms":3}"#, r#"{"ms":4}"#),
        (r#"{"elapsedMs":3}"#, r#"{"elapsedMs":4}"#),
        (r#"{"took":3}"#, r#"{"took":4}"#),
        (r#"{"ts":1700000000}"#, r#"{"ts":1700000001}"#),
        (r#"{"handled_at":1700000000}"#, r#"{"handled_at":1700000001}"#),
        (r#"{"received":true}"#, r#"{"received":true}"#),
        (r#"{"received":true}"#, r#"{"duplicate":true}"#),
        (r#"{"count":41}"#, r#"{"count":41}"#),
    ] {
        fires(STRIPE, &[(Control, answer(first)), (Replay, answer(again))], &[]);
    }
    let alike = with(&[(Replay, TAKEN)]);
    let said = words(STRIPE, &alike, "webhook.replay-accepted");
    assert!(said.contains("HTTP alone does not show"), "{said}");
}

/// What is missing, in a run whose every answer is this one.
fn everything(said: Said<'_>, signing: Signing) -> (Vec<(String, Severity)>, String) {
    let mut seen = seen(&[Sibling, Missing, Control, WrongKey, TamperedBody].map(|c| (c, said)));
    seen.signing = signing;
    if signing != Signing::Ready {
        seen.trials.retain(|trial| !trial.case.is_signed());
    }
    (found(STRIPE, &seen), words(STRIPE, &seen, "webhook.enforcement-unproven"))
}

#[test]
fn a_target_that_answers_everything_alike_is_never_proven_and_the_finding_says_why() {
    let unproven = [("enforcement-unproven target".to_owned(), Low)];
    let cached = [("age", "30")];
    let login = [("location", "/login?next=hook")];
    let walled = "<title>Attention Required! | Cloudflare</title>";
    for (said, why) in [
        ((200, "<!doctype html>", &[][..]), "exist"),
        ((401, "who are you", &[]), "a path that does not exist"),
        ((500, "oops", &[]), "it fails whatever is asked"),
        (
            (302, "", &login),
            "redirects, which senders do not follow: 302 to https://shop.example/login",
        ),
        ((403, walled, &[]), "a firewall (Cloudflare)"),
        ((200, "ok", &cached), "from a cache"),
        ((200, "ok", &[("x-cache", "TCP_HIT")]), "from a cache"),
        ((429, "slow down", &[]), "limits how often"),
        ((0, "", &[]), "connection reset"),
    ] {
        for signing in [Signing::Ready, Signing::NoSecret] {
            let (ids, said_why) = everything(said, signing);
            assert_eq!(ids, unproven, "{said:?} {signing:?}");
            assert!(said_why.contains(why), "{said:?} {signing:?}: {said_why}");
        }
    }
    let (ids, _) = everything(NOTHING, Signing::NoSecret);
    assert_eq!(ids, [("path-missing".to_owned(), High)]);
}

#[test]
fn a_page_that_stands_everywhere_takes_nothing_though_it_differs_each_time() {
    let html = [("content-type", "text/html; charset=utf-8")];
    let pages = ["k3yA+", "Zq0/x", "mmBvc", "9sDfg", "xYzAb"].map(|nonce| {
        format!("<!DOCTYPE html><script nonce=\"{nonce}\">a</script><a href=/webhook>docs</a>")
    });
    for (status, wanted) in [(200, "enforcement-unproven target"), (404, "path-missing")] {
        let cases = [Sibling, Missing, Control, WrongKey, TamperedBody];
        let trials: Vec<(Case, Said<'_>)> = cases
            .into_iter()
            .zip(&pages)
            .map(|(c, page)| (c, (status, &**page, &html[..])))
            .collect();
        for signs in [true, false] {
            let mut seen = seen(&trials);
            if !signs {
                seen.signing = Signing::NoSecret;
                seen.trials.retain(|trial| !trial.case.is_signed());
            }
            let ids: Vec<String> = found(STRIPE, &seen).into_iter().map(|(id, _)| id).collect();
            assert_eq!(ids, [wanted], "{status} {signs}");
        }
    }
    // An endpoint that takes everything is told from such a page.
    let page: Said<'_> = (200, &pages[0], &html);
    let taken = seen(&[(Sibling, page), (Missing, TAKEN), (WrongKey, TAKEN)]);
    assert_eq!(found(STRIPE, &taken)[0].0, "unsigned-accepted missing");
}

#[test]
fn two_hundred_with_another_body_is_neither_a_forgery_nor_a_proof() {
    let other = (200, "<p>thanks</p>", &[][..]);
    let seen = with(&[(WrongKey, other)]);
    assert_eq!(found(STRIPE, &seen), [("enforcement-unproven target".to_owned(), Low)]);
    // In words it is a refusal, where the genuine answer has none.
    fires(STRIPE, &[(WrongKey, (200, r#"{"error":"invalid signature"}"#, &[]))], &[]);
    // In both it is neither.
    let both = (200, r#"{"received":true,"note":"unsigned"}"#, &[][..]);
    fires(STRIPE, &[(WrongKey, both)], &[("enforcement-unproven target", Low)]);
    // A known delivery was looked up: it was taken.
    let known = (200, r#"{"duplicate":true}"#, &[][..]);
    fires(STRIPE, &[(WrongKey, known)], &[("forgery-accepted", Critical)]);
}

#[test]
fn answers_that_change_within_a_run_prove_nothing() {
    let mut changing = with(&[]);
    changing.trials.push(super::trial(Missing, TAKEN));
    assert_eq!(found(STRIPE, &changing), [("enforcement-unproven target".to_owned(), Low)]);
    let mut changing = with(&[]);
    changing.trials.push(super::trial(Control, REFUSED));
    assert_eq!(found(STRIPE, &changing), [("enforcement-unproven target".to_owned(), Low)]);
    let said = words(STRIPE, &changing, "webhook.enforcement-unproven");
    assert!(said.contains("changed"), "{said}");
}

#[test]
fn a_clock_that_is_off_is_told_from_a_wrong_secret() {
    let late = [("date", "Thu, 01 Jan 1970 00:10:00 GMT")];
    let seen = with(&[
        (Control, (400, "Timestamp outside the tolerance zone", &late)),
        (ControlTheirTime, TAKEN),
    ]);
    assert_eq!(found(STRIPE, &seen), [("enforcement-unproven target".to_owned(), Low)]);
    let said = words(STRIPE, &seen, "webhook.enforcement-unproven");
    assert!(said.contains("its clock is 600 s ahead of ours"), "{said}");
}

#[test]
fn what_could_not_be_signed_is_said_and_what_is_not_due_opens_nothing() {
    let trials = [(Sibling, NOTHING), (Missing, REFUSED), (Empty, REFUSED), (WrongKey, REFUSED)];
    let unsigned = |signing| Evidence { signing, ..seen(&trials) };
    for (signing, why) in [
        (Signing::NoSecret, "no `secret` is configured"),
        (Signing::Withheld(Withheld::Configuration), "`allow: intrusive`"),
        (Signing::InTheClear, "plain HTTP"),
    ] {
        let seen = unsigned(signing);
        assert_eq!(found(STRIPE, &seen), [("enforcement-unproven".to_owned(), Low)]);
        let said = words(STRIPE, &seen, "webhook.enforcement-unproven");
        assert!(said.contains(why), "{said}");
    }
    for withheld in [Withheld::Ceiling, Withheld::Cadence] {
        assert_eq!(found(STRIPE, &unsigned(Signing::Withheld(withheld))), []);
    }
    let said = words(
        STRIPE,
        &unsigned(Signing::Withheld(Withheld::Ceiling)),
        "webhook.enforcement-unproven",
    );
    assert!(said.contains("--allow intrusive"), "{said}");
}

#[test]
fn what_one_run_between_the_days_ones_could_not_settle_the_next_one_forgets() {
    let between = |said| {
        let trials = [(Sibling, NOTHING), (Missing, said), (Empty, REFUSED), (WrongKey, REFUSED)];
        Evidence { signing: Signing::Withheld(Withheld::Cadence), ..seen(&trials) }
    };
    let shaken = between((302, "", &[]));
    assert_eq!(found(STRIPE, &shaken), [("enforcement-unproven target".to_owned(), Low)]);
    assert_eq!(tested(STRIPE, &between(REFUSED), "webhook.enforcement-unproven"), ["target"]);
}

#[test]
fn a_forgery_is_explained_by_what_else_is_taken() {
    let rule = "webhook.unsigned-accepted";
    for (more, wanted) in [
        (vec![(Missing, TAKEN)], "only where there is one"),
        (vec![(Missing, TAKEN), (WrongKey, TAKEN)], "nothing seems to be verified"),
        (vec![(Missing, TAKEN), (BarePrefix, TAKEN)], "begins with it"),
    ] {
        let said = words(STRIPE, &with(&more), rule);
        assert!(said.contains(wanted), "{said}");
    }
    let said = words(STRIPE, &with(&[(WrongKey, TAKEN)]), "webhook.forgery-accepted");
    assert!(said.contains("that there is a signature"), "{said}");
    let said = words(STRIPE, &with(&[(KeySecret, TAKEN)]), "webhook.weak-key-accepted");
    assert!(said.contains("placeholder `secret`"), "{said}");
}
