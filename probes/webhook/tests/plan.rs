//! Which requests a run sends against targets of every kind, played without a socket.

use super::super::case::Case::{self, *};
use super::super::case::planned;
use super::super::plan::Plan;
use super::super::scheme::Nature;
use super::{NOTHING, REFUSED, Said, TAKEN, trial};

fn plan(signs: bool, deep: bool) -> Plan {
    Plan {
        cases: planned(&Nature { prefix: true, ..Nature::HMAC }, signs, deep),
        signs,
        refuting: None,
        explaining: vec![Rewritten, EmptyKey],
        most: if deep { 40 } else { 5 },
        ends_with_control: deep,
        clocks_apart: 30,
        unhandled: &[],
        genuine: None,
    }
}

/// The requests of a run against a target that answers so.
fn played(plan: &Plan, answer: impl Fn(Case, usize) -> Said<'static>) -> Vec<Case> {
    let mut trials = Vec::new();
    while let Some(case) = plan.next(&trials) {
        assert!(trials.len() < 60, "a run ends");
        trials.push(trial(case, answer(case, trials.len())));
    }
    trials.iter().map(|trial| trial.case).collect()
}

fn sound(case: Case, _: usize) -> Said<'static> {
    match case {
        Sibling => NOTHING,
        Control | Replay => TAKEN,
        _ => REFUSED,
    }
}

#[test]
fn a_canary_sends_at_most_five_requests() {
    assert_eq!(
        played(&plan(true, false), sound),
        [Sibling, Missing, Control, WrongKey, TamperedBody]
    );
    assert_eq!(played(&plan(false, false), sound), [Sibling, Missing, Empty, WrongKey, EmptyKey]);
    for answer in [TAKEN, REFUSED, NOTHING, (500, "", &[]), (0, "", &[]), (302, "", &[])] {
        for signs in [true, false] {
            assert!(played(&plan(signs, false), |_, _| answer).len() <= 5, "{answer:?}");
        }
    }
}

#[test]
fn a_whole_matrix_tries_everything_once_and_ends_with_a_genuine_delivery() {
    let sent = played(&plan(true, true), sound);
    let mut once = sent.clone();
    once.sort_by_key(|case| format!("{case:?}"));
    once.dedup();
    assert_eq!(once.len(), sent.len() - 1, "only the genuine one is sent twice: {sent:?}");
    assert_eq!(sent.last(), Some(&Control));
    assert!(sent.len() <= 40 && !sent.contains(&Stale) && sent.contains(&Replay), "{sent:?}");
}

#[test]
fn a_delivery_is_repeated_before_it_is_old() {
    let sent = played(&plan(true, true), sound);
    let genuine = sent.iter().position(|case| *case == Control).unwrap();
    assert_eq!(sent[genuine + 1], Replay, "{sent:?}");
}

#[test]
fn what_a_scheduler_calls_again_is_no_repeated_delivery() {
    let job = Nature { works: true, known_again: false, ..Nature::TOKEN };
    assert!(!planned(&job, true, true).contains(&Replay));
    assert!(planned(&Nature::TOKEN, true, true).contains(&Replay));
}

#[test]
fn after_the_first_forgery_at_most_four_requests_follow() {
    for taken in [Missing, WrongKey, TamperedBody, EmptyKey, Truncated, BarePrefix] {
        let answer = |case, n| if case == taken { TAKEN } else { sound(case, n) };
        let sent = played(&plan(true, true), answer);
        let first = sent.iter().position(|case| *case == taken).unwrap();
        assert!(sent.len() - first - 1 <= 4, "{taken:?}: {sent:?}");
        assert_eq!(sent[first + 1], taken, "it is confirmed at once");
    }
    let all = played(&plan(true, true), |case, _| if case == Sibling { NOTHING } else { TAKEN });
    assert_eq!(all, [Sibling, Missing, Missing, Control, WrongKey, Empty]);
}

#[test]
fn an_address_that_is_not_looked_at_hides_nothing_worse() {
    let nature = Nature { prefix: true, url: true, ..Nature::HMAC };
    let plan = Plan { cases: planned(&nature, true, true), ..plan(true, true) };
    let sent = played(&plan, |case, n| if case == TamperedUrl { TAKEN } else { sound(case, n) });
    for case in [Truncated, OtherHash, Replay] {
        assert!(sent.contains(&case), "{case:?}: {sent:?}");
    }
    let confirmed = sent.windows(2).any(|pair| pair == [TamperedUrl, TamperedUrl]);
    assert!(confirmed, "it is confirmed at once: {sent:?}");
}

#[test]
fn an_open_forgery_is_tried_alone_until_it_is_refused() {
    let open = |may| Plan { refuting: Some((Missing, may)), ..plan(true, false) };
    let taken = |case, n| if case == Missing { TAKEN } else { sound(case, n) };
    assert_eq!(played(&open(true), taken), [Missing]);
    assert_eq!(
        played(&open(true), sound),
        [Missing, Sibling, Control, WrongKey, TamperedBody],
        "once it is refused, the run goes on"
    );
    assert_eq!(played(&open(false), taken), [Sibling], "and what may not be sent is not");
    // 429 settles nothing.
    assert_eq!(played(&open(true), |_, _| (429, "", &[])), [Missing]);
}

#[test]
fn an_open_forgery_that_is_declined_with_200_is_settled_by_a_genuine_delivery() {
    let mended = |case: Case, _| match case {
        Sibling => NOTHING,
        Control => TAKEN,
        _ => (200, r#"{"error":"invalid signature"}"#, &[][..]),
    };
    let open = |signs| Plan { refuting: Some((Missing, true)), ..plan(signs, false) };
    assert_eq!(
        played(&open(true), mended),
        [Missing, Sibling, Control, WrongKey, TamperedBody],
        "it is refused, and the run goes on"
    );
    assert_eq!(played(&open(false), mended), [Missing, Sibling]);
}

#[test]
fn a_refused_genuine_delivery_is_repeated_and_then_explained() {
    let answer = |case, n| if case == Control { REFUSED } else { sound(case, n) };
    assert_eq!(played(&plan(true, false), answer), [Sibling, Missing, Control, Control, Rewritten]);
    let sent = played(&plan(true, true), answer);
    assert!(!sent.contains(&TamperedBody) && !sent.contains(&Truncated), "{sent:?}");
    assert!(sent.contains(&WrongKey) && sent.contains(&KeyUndefined), "{sent:?}");
}

#[test]
fn a_genuine_delivery_that_seems_to_be_declined_is_compared_with_a_forged_one() {
    let sent = played(&plan(true, false), |case, _| match case {
        Sibling => NOTHING,
        Missing => (200, r#"{"error":"missing signature"}"#, &[]),
        _ => (200, r#"{"error":"invalid signature"}"#, &[]),
    });
    assert_eq!(sent, [Sibling, Missing, Control, WrongKey, Control]);
}

#[test]
fn a_clock_that_is_off_gets_a_delivery_of_its_own_time() {
    let late: &'static [(&str, &str)] = &[("date", "Thu, 01 Jan 1970 00:10:00 GMT")];
    let plan = Plan { explaining: vec![ControlTheirTime, EmptyKey], ..plan(true, false) };
    let sent = played(&plan, |case, n| match case {
        Control => (400, "Timestamp outside the tolerance zone", late),
        case => sound(case, n),
    });
    assert_eq!(sent, [Sibling, Missing, Control, ControlTheirTime, EmptyKey]);
}

#[test]
fn after_a_failure_a_plain_request_shows_whether_the_target_still_works() {
    let broken: Said<'static> = (500, "", &[]);
    let fails = |case: Case, n| if case.is_forgery() { broken } else { sound(case, n) };
    // A genuine delivery is such a request; the same failure is not asked about twice.
    assert_eq!(
        played(&plan(true, false), fails),
        [Sibling, Missing, Control, WrongKey, TamperedBody]
    );
    assert_eq!(played(&plan(false, false), fails), [Sibling, Missing, Sibling, Empty, WrongKey]);
    // A target that does not come back is left alone.
    let dies = |_, n| if n == 0 { NOTHING } else { (502, "", &[][..]) };
    assert_eq!(played(&plan(false, true), dies), [Sibling, Missing, Sibling]);
}

#[test]
fn what_a_gateway_answers_in_the_place_of_the_target_is_asked_again() {
    let away: Said<'static> = (503, "", &[]);
    let starts = |case, n| if case == Missing && n < 2 { away } else { sound(case, n) };
    assert_eq!(played(&plan(false, false), starts), [Sibling, Missing, Sibling, Missing]);
    let crashes = |case: Case, n| if case.is_forgery() { away } else { sound(case, n) };
    let sent = played(&plan(false, false), crashes);
    assert_eq!(sent, [Sibling, Missing, Sibling, Missing, Empty]);
}

#[test]
fn silence_and_limits_end_a_run() {
    assert_eq!(played(&plan(true, true), |_, _| (0, "", &[])), [Sibling, Missing]);
    let gone = |case, n| if n == 0 { sound(case, n) } else { (0, "", &[][..]) };
    assert_eq!(played(&plan(false, true), gone).len(), 3);
    let limited = |case, n| if n < 2 { sound(case, n) } else { (429, "", &[][..]) };
    assert_eq!(played(&plan(true, true), limited).len(), 3);
}

#[test]
fn a_target_that_changes_its_mind_is_left_alone() {
    let sent = played(&plan(false, true), |case, n| match (case, n) {
        (Sibling, _) => NOTHING,
        (_, 1) => TAKEN,
        _ => REFUSED,
    });
    assert_eq!(sent, [Sibling, Missing, Missing]);
}
