//! Every generation of the headers, as libraries and services really write them.

use super::moment::epoch_seconds;
use super::*;

/// `Date: Sat, 20 Sep 2025 12:00:00 GMT`, in seconds since 1970.
const NOW: i64 = 1_758_369_600;

fn read(fields: &[(&str, &str)]) -> Declared {
    let mut headers = vec![("date".to_owned(), "Sat, 20 Sep 2025 12:00:00 GMT".to_owned())];
    headers.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    // The local clock is an hour off: what is relative to it would show.
    Declared::read(&headers, Timestamp::from_second(NOW + 3600).unwrap())
}

/// Header fields, and what they say.
type Table<'a> = [(&'a [(&'a str, &'a str)], &'a [Row<'a>])];

/// Generation, name, limit, remaining, window, reset.
type Row<'a> = (Generation, &'a str, Option<f64>, Option<f64>, Option<f64>, Option<f64>);

fn rows(declared: &Declared) -> Vec<Row<'_>> {
    let row = |p: &'_ Policy| (p.limit, p.remaining, p.window, p.reset.map(|r| r.seconds));
    declared
        .policies
        .iter()
        .map(|p| {
            let (limit, remaining, window, reset) = row(p);
            (p.generation, p.name.as_str(), limit, remaining, window, reset)
        })
        .collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_generation_is_read() {
    use Generation::{Draft6, Draft7, Draft8, Legacy};
    let table: &Table<'_> = &[
        // express-rate-limit's legacy headers: seconds since 1970.
        (
            &[
                ("x-ratelimit-limit", "60"),
                ("x-ratelimit-remaining", "59"),
                ("x-ratelimit-reset", "1758369610"),
            ],
            &[(Legacy, "", Some(60.0), Some(59.0), None, Some(10.0))],
        ),
        // slowapi: with a fraction.
        (
            &[
                ("x-ratelimit-limit", "3"),
                ("x-ratelimit-remaining", "2"),
                ("x-ratelimit-reset", "1758369609.5"),
            ],
            &[(Legacy, "", Some(3.0), Some(2.0), None, Some(9.5))],
        ),
        // Applications over @upstash/ratelimit: milliseconds.
        (
            &[
                ("x-ratelimit-limit", "10"),
                ("x-ratelimit-remaining", "9"),
                ("x-ratelimit-reset", "1758369607500"),
            ],
            &[(Legacy, "", Some(10.0), Some(9.0), None, Some(7.5))],
        ),
        // @nestjs/throttler and @fastify/rate-limit: seconds from now.
        (
            &[
                ("x-ratelimit-limit", "10"),
                ("x-ratelimit-remaining", "9"),
                ("x-ratelimit-reset", "10"),
            ],
            &[(Legacy, "", Some(10.0), Some(9.0), None, Some(10.0))],
        ),
        // rate-limiter-flexible's pattern: a date as ISO 8601 writes it.
        (
            &[
                ("x-ratelimit-limit", "10"),
                ("x-ratelimit-remaining", "9"),
                ("x-ratelimit-reset", "2025-09-20T12:00:08.250Z"),
            ],
            &[(Legacy, "", Some(10.0), Some(9.0), None, Some(8.25))],
        ),
        (
            &[
                ("x-ratelimit-remaining", "9"),
                ("x-ratelimit-reset", "Sat, 20 Sep 2025 12:01:00 GMT"),
            ],
            &[(Legacy, "", None, Some(9.0), None, Some(60.0))],
        ),
        // Services that write durations.
        (
            &[
                ("x-ratelimit-limit-requests", "60"),
                ("x-ratelimit-remaining-requests", "59"),
                ("x-ratelimit-reset-requests", "6m0s"),
            ],
            &[(Legacy, "requests", Some(60.0), Some(59.0), None, Some(360.0))],
        ),
        // A period as suffix is the window.
        (
            &[
                ("x-ratelimit-limit-minute", "60"),
                ("x-ratelimit-remaining-minute", "59"),
                ("x-ratelimit-limit-hour", "1000"),
            ],
            &[
                (Legacy, "minute", Some(60.0), Some(59.0), Some(60.0), None),
                (Legacy, "hour", Some(1000.0), None, Some(3600.0), None),
            ],
        ),
        // Named throttlers.
        (
            &[
                ("x-ratelimit-limit-short", "3"),
                ("x-ratelimit-remaining-short", "2"),
                ("x-ratelimit-reset-short", "1"),
            ],
            &[(Legacy, "short", Some(3.0), Some(2.0), None, Some(1.0))],
        ),
        (
            &[
                ("x-rate-limit-limit", "15"),
                ("x-rate-limit-remaining", "14"),
                ("x-rate-limit-reset", "1758370500"),
            ],
            &[(Legacy, "", Some(15.0), Some(14.0), None, Some(900.0))],
        ),
        (
            &[
                ("x-ratelimit-limit", "5"),
                ("x-ratelimit-remaining", "4"),
                ("x-ratelimit-reset-after", "1.5"),
            ],
            &[(Legacy, "", Some(5.0), Some(4.0), None, Some(1.5))],
        ),
        // A proxy that writes the draft's third version under the old name.
        (
            &[
                ("x-ratelimit-limit", "10, 10;w=1, 100;w=60"),
                ("x-ratelimit-remaining", "9"),
                ("x-ratelimit-reset", "1"),
            ],
            &[(Legacy, "", Some(10.0), Some(9.0), Some(1.0), Some(1.0))],
        ),
        // Drafts 00 to 03: the windows follow the limit.
        (
            &[
                ("ratelimit-limit", "100, 100;w=60"),
                ("ratelimit-remaining", "50"),
                ("ratelimit-reset", "30"),
            ],
            &[(Draft6, "", Some(100.0), Some(50.0), Some(60.0), Some(30.0))],
        ),
        // Drafts 04 to 06: a field of their own.
        (
            &[
                ("ratelimit-policy", "3;w=10"),
                ("ratelimit-limit", "3"),
                ("ratelimit-remaining", "2"),
                ("ratelimit-reset", "10"),
            ],
            &[(Draft6, "", Some(3.0), Some(2.0), Some(10.0), Some(10.0))],
        ),
        (
            &[
                ("ratelimit-policy", "10;w=1, 1000;w=3600"),
                ("ratelimit-limit", "1000"),
                ("ratelimit-remaining", "7"),
            ],
            &[
                (Draft6, "", Some(1000.0), Some(7.0), Some(3600.0), None),
                (Draft6, "", Some(10.0), None, Some(1.0), None),
            ],
        ),
        // Draft 07.
        (
            &[("ratelimit-policy", "100;w=10"), ("ratelimit", "limit=100, remaining=50, reset=5")],
            &[(Draft7, "", Some(100.0), Some(50.0), Some(10.0), Some(5.0))],
        ),
        // Drafts 08 to 10, several policies, names as strings and as tokens.
        (
            &[
                ("ratelimit-policy", "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400"),
                ("ratelimit", "\"burst\";r=50;t=30"),
            ],
            &[
                (Draft8, "burst", Some(100.0), Some(50.0), Some(60.0), Some(30.0)),
                (Draft8, "daily", Some(1000.0), None, Some(86_400.0), None),
            ],
        ),
        (
            &[("ratelimit-policy", "default;q=10;w=1"), ("ratelimit", "default;r=9;t=1")],
            &[(Draft8, "default", Some(10.0), Some(9.0), Some(1.0), Some(1.0))],
        ),
        (&[("content-type", "text/html")], &[]),
    ];
    for (fields, expected) in table {
        let declared = read(fields);
        assert_eq!(rows(&declared), *expected, "{fields:?}");
        assert!(declared.malformed.is_empty(), "{fields:?}: {:?}", declared.malformed);
    }
}

#[test]
fn what_is_malformed_is_passed_over_and_named() {
    for (name, value) in [
        ("ratelimit", "what is this?"),
        ("ratelimit-policy", "\"open"),
        ("x-ratelimit-remaining", "many"),
        ("x-ratelimit-reset", "soon"),
        ("x-ratelimit-limit", "1e9"),
        ("retry-after", "tomorrow"),
        ("retry-after", "1h"),
    ] {
        let declared = read(&[(name, value)]);
        assert_eq!(declared.malformed.len(), 1, "{name}: {value}");
        assert!(!declared.says_something(), "{name}: {value}");
    }
}

#[test]
fn the_partition_key_and_the_unit_of_draft_8_are_read() {
    let declared = read(&[
        ("ratelimit-policy", "\"3-in-10sec\"; q=3; w=10; pk=:MTJjYTE3YjQ5YWYy:"),
        ("ratelimit", "\"3-in-10sec\"; r=2; t=10"),
    ]);
    assert_eq!(declared.policies[0].partition.as_deref(), Some(&b"12ca17b49af2"[..]));
    let declared = read(&[("ratelimit-policy", "\"traffic\";q=1000000;w=60;qu=\"content-bytes\"")]);
    assert!(!declared.policies[0].counts_requests);
    assert!(!declared.says_something());
}

#[test]
fn retry_after_is_read_as_seconds_decimal_and_date() {
    for (text, seconds, notation) in [
        ("10", 10.0, Notation::Seconds),
        ("0", 0.0, Notation::Seconds),
        ("5.811", 5.811, Notation::Decimal),
        ("Sat, 20 Sep 2025 12:02:00 GMT", 120.0, Notation::Date),
        ("Saturday, 20-Sep-25 12:02:00 GMT", 120.0, Notation::Date),
        ("1758369660", 60.0, Notation::Epoch),
    ] {
        let delay = read(&[("retry-after", text)]).retry_after.unwrap();
        assert!((delay.seconds - seconds).abs() < 1e-6, "{text}: {delay:?}");
        assert_eq!(delay.notation, notation, "{text}");
    }
}

#[test]
fn without_a_date_our_own_clock_counts() {
    let headers = [("x-ratelimit-reset".to_owned(), (NOW + 30).to_string())];
    let declared = Declared::read(&headers, Timestamp::from_second(NOW).unwrap());
    assert!((declared.policies[0].reset.unwrap().seconds - 30.0).abs() < 1e-9);
    let epoch = epoch_seconds(Timestamp::from_second(NOW).unwrap());
    assert!((epoch - 1_758_369_600.0).abs() < 1e-6);
}

#[test]
fn a_date_that_was_made_a_second_ago_does_not_lengthen_an_exact_reset() {
    let date = ("date".to_owned(), "Sat, 20 Sep 2025 12:00:00 GMT".to_owned());
    let received = Timestamp::from_millisecond(NOW * 1000 + 1900).unwrap();
    for (text, seconds) in [
        // slowapi under uvicorn, and what follows @upstash/ratelimit's documentation.
        ("1758369606.9", 5.0),
        ("1758369606900", 5.0),
        // Rounded like the `Date`.
        ("1758369606", 6.0),
    ] {
        let headers = [date.clone(), ("x-ratelimit-reset".to_owned(), text.to_owned())];
        let declared = Declared::read(&headers, received);
        let reset = declared.policies[0].reset.unwrap().seconds;
        assert!((reset - seconds).abs() < 1e-6, "{text}: {reset}");
    }
}

#[test]
fn hints_that_no_client_knows_are_told_apart() {
    let declared = read(&[("retry-after-short", "1"), ("x-ratelimit-after", "0")]);
    assert_eq!(declared.odd_hints, ["x-ratelimit-after", "retry-after-short"]);
    assert_eq!(declared.retry_after, None);
}

#[test]
fn a_refusals_words_may_hold_the_limit() {
    for (body, limit, window) in [
        ("<p>3 per 10 second</p>", 3.0, 10.0),
        (r#"{"error":"Rate limit exceeded: 5 per 1 minute"}"#, 5.0, 60.0),
        ("100 per hour", 100.0, 3600.0),
    ] {
        let declared = Declared::default().with_body(body);
        assert_eq!(
            (declared.policies[0].limit, declared.policies[0].window),
            (Some(limit), Some(window))
        );
    }
    assert!(
        !Declared::default()
            .with_body("Too many requests, please try again later.")
            .says_something()
    );
}

#[test]
fn the_policy_that_was_configured_leads_and_else_the_one_that_binds() {
    let declared = read(&[
        ("ratelimit-policy", "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400"),
        ("ratelimit", "\"burst\";r=90;t=30, \"daily\";r=100;t=3000"),
    ]);
    let leading = |limit, window| declared.leading(limit, window).unwrap().name.clone();
    assert_eq!(leading(None, None), "daily");
    assert_eq!(leading(Some(100.0), Some(60.0)), "burst");
    assert_eq!(leading(Some(1000.0), None), "daily");
    let twice = read(&[
        ("x-ratelimit-limit", "60"),
        ("x-ratelimit-remaining", "59"),
        ("ratelimit-policy", "60;w=60"),
        ("ratelimit", "limit=60, remaining=59, reset=60"),
    ]);
    assert_eq!(twice.leading(None, None).unwrap().generation, Generation::Draft7);
}

proptest::proptest! {
    #[test]
    fn no_header_makes_the_reader_panic(
        name in "(x-)?rate-?limit(-(limit|remaining|reset|policy|reset-after|limit-minute))?|retry-after",
        value in "[ -~]{0,60}",
    ) {
        let declared = read(&[(&name, &value)]);
        proptest::prop_assert!(declared.policies.len() <= MOST);
        for policy in &declared.policies {
            for number in [policy.limit, policy.remaining, policy.window].into_iter().flatten() {
                proptest::prop_assert!(number.is_finite());
            }
        }
    }
}

#[test]
fn which_field_comes_first_makes_no_difference() {
    let fields = [
        ("ratelimit-policy", "10;w=1, 1000;w=3600"),
        ("ratelimit-limit", "1000"),
        ("ratelimit-remaining", "990"),
        ("ratelimit-reset", "3000"),
    ];
    let wanted = (Generation::Draft6, "", Some(1000.0), Some(990.0), Some(3600.0), Some(3000.0));
    let mut backwards = fields;
    backwards.reverse();
    for fields in [fields, backwards] {
        let declared = read(&fields);
        assert_eq!(rows(&declared)[0], wanted, "{fields:?}");
        assert_eq!(declared.policies.len(), 2);
    }
}

#[test]
fn whoever_has_no_limit_is_under_none() {
    let none = read(&[("x-ratelimit-limit", "-1"), ("x-ratelimit-remaining", "-1")]);
    assert!(none.policies.is_empty() && none.malformed.is_empty(), "{none:?}");
    let nothing = read(&[("x-ratelimit-limit", "0"), ("x-ratelimit-remaining", "0")]);
    assert_eq!(nothing.policies[0].limit, Some(0.0), "which is another thing");
}

#[test]
fn a_window_in_the_place_of_the_limit_is_one() {
    for (text, seconds) in [("1s", 1.0), ("15m", 900.0), ("12h", 43_200.0), ("7d", 604_800.0)] {
        let declared = read(&[("x-rate-limit-limit", text), ("x-rate-limit-remaining", "99")]);
        let wanted = (Generation::Legacy, "", None, Some(99.0), Some(seconds), None);
        assert_eq!(rows(&declared), [wanted]);
        assert!(declared.malformed.is_empty());
    }
    for wrong in ["m", "0s", "many", "1é"] {
        let declared = read(&[("x-ratelimit-limit", wrong)]);
        assert_eq!(declared.malformed, ["x-ratelimit-limit"], "{wrong}");
    }
}

#[test]
fn a_window_that_takes_no_time_is_none() {
    for window in ["0", "-5"] {
        let declared =
            read(&[("ratelimit-policy", &format!("60;w={window}, \"a\";q=1;w={window}"))]);
        assert!(declared.policies.is_empty() || rows(&declared).iter().all(|row| row.4.is_none()));
    }
}
