//! Every output of a few documents, as files and by what its readers demand of it.

use std::collections::{BTreeMap, BTreeSet};

use musterd_probes::severity::Severity::{Critical, High, Info, Low, Medium};
use quick_junit::{NonSuccessKind, TestCaseStatus};
use serde_json::Value;

use super::testing::{Made, check, finding, service};
use super::{Format, Style};
use crate::metrics::parse;
use crate::testing::golden;

/// What musterd is for: some of everything.
fn estate() -> Made {
    let expires = finding("tls.expires-soon", Medium).on("CN=storefront.example").says(
        "the certificate expires soon",
        "25 days left of 90: it was issued on 2026-09-16 by CN=R11, O=Let's Encrypt, C=US and nothing has renewed it since",
        "at least a third of its life",
        "Renew the certificate, and find out why the renewal that should have happened by now did not.",
    );
    let reflected = finding("cors.origin-reflected", Critical)
        .on("/api/users")
        .says(
            "any origin may read answers with the visitor's cookies",
            "Access-Control-Allow-Origin: https://attacker.example with credentials",
            "no Access-Control-Allow-Origin for an origin that is not listed",
            "Compare the origin with a list of whole origins.",
        )
        .see("Fetch standard")
        .see("https://fetch.spec.whatwg.org/#http-cors-protocol");
    let cookie = finding("headers.cookie-not-secure", High).on("session").says(
        "a cookie can travel in clear",
        "Set-Cookie: session=…; Path=/; HttpOnly",
        "the attribute Secure",
        "Add Secure.",
    );
    let storefront = service(
        "storefront",
        Some(20),
        vec![
            check("storefront/http", "http", vec![]),
            check("storefront/tls", "tls", vec![expires])
                .took(0.12)
                .untested(&["tls.caa-excludes-issuer"], "the resolver does not answer CAA"),
            check(
                "storefront/headers",
                "headers",
                vec![
                    finding("headers.version-leaked", Info).on("Server").says(
                        "an answer tells the version of its software",
                        "nginx/1.22.1",
                        "no version",
                        "Set server_tokens off.",
                    ),
                    cookie,
                    finding("headers.csp-script-unsafe", High)
                        .waived("inline scripts until the redesign"),
                ],
            ),
            check("storefront/cors", "cors", vec![reflected]).took(1.26).untested(
                &[
                    "cors.null-allowed",
                    "cors.prefix-allowed",
                    "cors.suffix-allowed",
                    "cors.vary-missing",
                ],
                "the run stopped at the first open door",
            ),
        ],
    );
    let mut ledger = service(
        "ledger",
        Some(89),
        vec![
            check(
                "ledger/health",
                "health",
                vec![finding("health.slow", Low).waived("until the index is built")],
            ),
            check("ledger/api", "http", vec![])
                .took(10.0)
                .blind(Some("the resolver 10.0.0.2 did not answer within 5 s")),
            check("ledger/stripe", "webhook", vec![])
                .blind(None)
                .untested(&["webhook.unsigned-accepted"], "signed deliveries are not consented to"),
            check("ledger/limits", "rate_limit", vec![]).pending(),
        ],
    );
    ledger.findings.push(finding("policy.waiver-expired", Medium).on("tls.expires-soon tls").says(
        "a waiver has expired",
        "accepted until 2026-11-01 (new issuer)",
        "a waiver that is mended or renewed before it runs out",
        "Mend what was waived and delete the waiver.",
    ));
    Made::of(vec![storefront, ledger, service("empty", None, vec![])], "eu-1")
}

/// What a target might send to hurt whoever reads the report.
fn hostile() -> Made {
    let text = "\u{1b}[2J\u{1b}]0;owned\u{7}a\nb\r\tc \"q\" 'q' \\ ]]> <b>&amp; \0 \u{7f}\u{9b}31m \u{202e}txt \u{fffe} 漢字 👩\u{200d}🚒";
    let long = format!("{} {}", "x".repeat(300), "word ".repeat(400));
    let bad = finding("headers.csp-invalid", High).on(text).says(text, text, text, text);
    let worse = finding("headers.cookie-not-secure", High).on(&long).says(
        &long,
        &long,
        &long,
        "Shorten it.",
    );
    let mut service = service(
        "shop",
        Some(60),
        vec![
            check(
                "shop/headers",
                "headers",
                vec![bad, worse, finding("headers.hsts-short", Low).waived(text)],
            ),
            check("shop/http", "http", vec![]).blind(Some(text)).untested(&["http.slow"], text),
        ],
    );
    service.url = format!("https://shop.example/?{text}");
    service.labels =
        [("a\"b".to_owned(), text.to_owned()), ("a_b".to_owned(), String::new())].into();
    Made::of(vec![service], "")
}

fn passing() -> Made {
    let checks = vec![check("shop/http", "http", vec![]), check("shop/tls", "tls", vec![])];
    Made::of(vec![service("shop", Some(100), checks)], "")
}

fn all() -> [(&'static str, Made); 4] {
    [
        ("estate", estate()),
        ("hostile", hostile()),
        ("passing", passing()),
        ("nothing", Made::of(vec![], "")),
    ]
}

#[test]
fn every_output_is_as_it_was() {
    for (name, made) in all() {
        for (format, ending) in [
            (Format::Human, "txt"),
            (Format::Json, "json"),
            (Format::Junit, "junit.xml"),
            (Format::Sarif, "sarif"),
            (Format::Prometheus, "prom"),
        ] {
            golden(&format!("output/{name}.{ending}"), &made.written(format, 100));
        }
    }
    golden("output/estate.60.txt", &estate().written(Format::Human, 60));
    let style = Style { colour: true, width: 100 };
    golden("output/estate.ansi.txt", &estate().styled(Format::Human, style));
}

#[test]
fn the_last_line_says_how_it_stands() {
    use crate::report::Totals;
    let totals = |pass, warn, fail, unknown, pending| Totals {
        services: 1,
        checks: pass + warn + fail + unknown + pending,
        pass,
        warn,
        fail,
        unknown,
        pending,
    };
    for (totals, score, line) in [
        (totals(11, 2, 1, 0, 0), Some(84), "11 of 14 checks pass, 2 warn, 1 fails; score 84"),
        (totals(14, 0, 0, 0, 0), Some(100), "14 of 14 checks pass; score 100"),
        (totals(1, 1, 2, 0, 0), Some(3), "1 of 4 checks passes, 1 warns, 2 fail; score 3"),
        (totals(0, 0, 0, 1, 1), None, "0 of 2 checks pass, 1 is unknown, 1 is pending"),
        (totals(0, 0, 0, 2, 2), None, "0 of 4 checks pass, 2 are unknown, 2 are pending"),
        (totals(1, 0, 0, 0, 0), Some(100), "1 of 1 check passes; score 100"),
        (totals(0, 0, 1, 0, 0), Some(0), "0 of 1 check passes, 1 fails; score 0"),
        (totals(0, 0, 0, 0, 0), None, "no checks"),
    ] {
        assert_eq!(super::human::summary(&totals, score), line);
    }
}

#[test]
fn colours_add_nothing_but_colours() {
    for (name, made) in all() {
        let plain = made.written(Format::Human, 100);
        let coloured = made.styled(Format::Human, Style { colour: true, width: 100 });
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain, "{name}");
    }
}

#[test]
fn what_people_read_fits_and_moves_no_cursor() {
    for (name, made) in all() {
        for width in [60, 80, 100, 200] {
            let text = made.written(Format::Human, width);
            for line in text.lines() {
                assert!(!line.chars().any(char::is_control), "{name}: {line:?}");
                assert_eq!(line, line.trim_end(), "{name}");
                // Headings and the lines of checks are never wrapped.
                if line.starts_with("    ") {
                    assert!(super::text::columns(line) <= width, "{name}, {width}: {line}");
                }
            }
        }
    }
}

#[test]
fn the_json_report_is_the_document_with_what_only_a_run_knows() {
    for (name, made) in all() {
        let json: Value = serde_json::from_str(&made.written(Format::Json, 100)).unwrap();
        assert_eq!(json["schema"], "musterd.report/1", "{name}");
        assert_eq!(json["duration_seconds"], 1.235, "{name}");
        assert!(json["exit_code"].is_u64(), "{name}");
        assert_eq!(serde_json::from_value(json).ok(), Some(made.document), "{name}");
    }
}

#[test]
fn junit_is_read_back_with_the_same_counts() {
    for (name, made) in all() {
        let xml = made.written(Format::Junit, 100);
        let read = quick_junit::Report::deserialize_from_str(&xml)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let totals = made.document.totals;
        assert_eq!(
            (read.failures, read.errors, read.skipped),
            (totals.fail, totals.unknown, totals.pending)
        );
        let policy = made.document.services.iter().filter(|service| !service.findings.is_empty());
        assert_eq!(read.tests, totals.checks + policy.count(), "{name}");
        let forbidden = |c| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
        assert!(!xml.contains(forbidden), "{name}");
    }
}

#[test]
fn junit_names_the_worst_rule_and_tells_the_rest() {
    let xml = estate().written(Format::Junit, 100);
    let read = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    let cases: BTreeMap<_, _> = read.test_suites[0]
        .test_cases
        .iter()
        .chain(&read.test_suites[1].test_cases)
        .map(|case| (case.name.as_str(), case))
        .collect();
    let TestCaseStatus::NonSuccess { kind, ty, description, message, .. } =
        &cases["headers"].status
    else {
        panic!("headers fail");
    };
    assert_eq!(
        (kind, ty.as_deref()),
        (&NonSuccessKind::Failure, Some("headers.cookie-not-secure"))
    );
    assert_eq!(message.as_deref(), Some("a cookie can travel in clear (session), and 1 more"));
    let text = description.as_deref().unwrap();
    assert!(
        text.contains("headers.version-leaked") && !text.contains("csp-script-unsafe"),
        "{text}"
    );
    assert!(cases["headers"].system_out.as_deref().unwrap().contains("csp-script-unsafe"));
    assert!(cases["tls"].system_out.as_deref().unwrap().contains("25 days left"));
    assert!(matches!(cases["tls"].status, TestCaseStatus::Success { .. }));
    assert!(matches!(
        cases["api"].status,
        TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. }
    ));
}

#[test]
fn sarif_results_name_their_rules_and_places() {
    for (name, made) in all() {
        let log: Value = serde_json::from_str(&made.written(Format::Sarif, 100)).unwrap();
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let mut identities = BTreeSet::new();
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"], "{name}");
            let place = &result["locations"][0]["physicalLocation"];
            assert_eq!(place["artifactLocation"]["uri"], "config/my%20shop.yaml", "{name}");
            assert!(place["region"]["startLine"].as_u64().unwrap() >= 8, "{name}");
            let identity = result["partialFingerprints"].to_string();
            assert!(identities.insert(identity), "{name}");
            assert!(result["suppressions"].is_array(), "{name}");
        }
        let unknown = run["invocations"][0]["toolExecutionNotifications"].as_array();
        assert_eq!(unknown.map_or(0, Vec::len), made.document.totals.unknown, "{name}");
        assert_eq!(run["invocations"][0]["executionSuccessful"], made.document.totals.unknown == 0);
    }
}

#[test]
fn sarif_grades_and_suppresses() {
    let log: Value = serde_json::from_str(&estate().written(Format::Sarif, 100)).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let of = |rule: &str| results.iter().find(|result| result["ruleId"] == rule).unwrap();
    for (rule, level, suppressed) in [
        ("cors.origin-reflected", "error", 0),
        ("headers.csp-script-unsafe", "error", 1),
        ("tls.expires-soon", "warning", 0),
        ("headers.version-leaked", "note", 0),
        ("policy.waiver-expired", "warning", 0),
    ] {
        assert_eq!(of(rule)["level"], level, "{rule}");
        assert_eq!(of(rule)["suppressions"].as_array().unwrap().len(), suppressed, "{rule}");
    }
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let cors = rules.iter().find(|rule| rule["id"] == "cors.origin-reflected").unwrap();
    assert_eq!(cors["helpUri"], "https://fetch.spec.whatwg.org/#http-cors-protocol");
    assert_eq!(cors["properties"]["security-severity"], "9.5");
}

#[test]
fn metrics_are_what_prometheus_takes() {
    for (name, made) in all() {
        let samples = parse::page(&made.written(Format::Prometheus, 100));
        let totals = made.document.totals;
        let of = |metric: &str| {
            samples.iter().filter(|sample| sample.name == metric).collect::<Vec<_>>()
        };
        assert_eq!(of("musterd_check_status").len(), 5 * totals.checks, "{name}");
        assert_eq!(of("musterd_service_status").len(), 5 * totals.services, "{name}");
        assert_eq!(of("probe_success").len(), totals.pass + totals.warn + totals.fail, "{name}");
        let failing = of("probe_success").iter().filter(|sample| sample.value == 0.0).count();
        assert_eq!(failing, totals.fail, "{name}");
        let http = |sample: &parse::Sample| sample.labels.contains_key("phase");
        let checks = made.document.services.iter().flat_map(|service| &service.checks);
        let measured = checks.filter(|check| check.probe == "http").count();
        assert_eq!(samples.iter().filter(|sample| http(sample)).count(), 3 * measured, "{name}");
    }
}

#[test]
fn metrics_count_subjects_and_tell_waived_ones_apart() {
    let made = Made::of(
        vec![service(
            "shop",
            Some(60),
            vec![check(
                "shop/headers",
                "headers",
                vec![
                    finding("headers.cookie-not-secure", High).on("a"),
                    finding("headers.cookie-not-secure", High).on("b"),
                    finding("headers.cookie-not-secure", High).on("c").waived("legacy"),
                ],
            )],
        )],
        "",
    );
    let samples = parse::page(&made.written(Format::Prometheus, 100));
    let counts: Vec<_> = samples
        .iter()
        .filter(|sample| sample.name == "musterd_finding")
        .map(|sample| (sample.labels["waived"].as_str(), sample.value))
        .collect();
    assert_eq!(counts, [("false", 2.0), ("true", 1.0)]);
}

#[test]
fn evidence_stands_beneath_its_check_and_moves_no_cursor_either() {
    let mut seen = check("shop/http", "http", vec![]);
    seen.evidence = Some(serde_json::json!({"body": "\u{9b}2J \u{202e}x"}));
    let text =
        Made::of(vec![service("shop", Some(100), vec![seen])], "").written(Format::Human, 60);
    let wanted = [
        "        evidence",
        "          {",
        r#"            "body": "\u{9b}2J \u{202e}x""#,
        "          }",
    ];
    assert!(text.contains(&wanted.join("\n")), "{text}");
}
