//! `musterd check` against webhooks on the libraries of those who send, against endpoints that people
//! wrote by hand, and against what answers in the place of one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Folder, Ran, ran};
use crate::peer::{Peer, node};

const SECRET: &str = "signing-secret-0123456789";
const SVIX_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ED25519_SEED: &str = "0707070707070707070707070707070707070707070707070707070707070707";
/// A key that signs nothing but these tests.
const P256_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaaT59pEIJAVL1+TMsgpBrOdTjnURRkAgpE7sTueJm1qhRANCAARhYwdUKBXmBGBRC8phU3H/2CYZVk8gXUypwjn2x0nIqFrm5vO9gxUxHykOr93KTjbUp40dzqIwYyn/tDMVBxec";
/// The shared secret of RFC 9421, appendix B.1.5.
const RFC9421_KEY: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";

const SECRETS: [(&str, &str); 5] = [
    ("SECRET", SECRET),
    ("SVIX_SECRET", SVIX_SECRET),
    ("ED25519_SEED", ED25519_SEED),
    ("P256_KEY", P256_KEY),
    ("RFC9421_KEY", RFC9421_KEY),
];

/// Scheme, path, and the verdict and rules that are to come of it.
type Row = (&'static str, &'static str, &'static str, &'static str);

struct Target {
    folder: Folder,
    port: u16,
    _peer: Peer,
}

impl Target {
    fn start(script: &str, rows: &[Row], depth: &str) -> Self {
        let (peer, port) = node(&format!("webhook/{script}"), &SECRETS);
        let check = |(scheme, path, ..): &Row| {
            let secret = match *scheme {
                "svix" | "standard_webhooks" => "SVIX_SECRET",
                "discord" => "ED25519_SEED",
                "sendgrid" => "P256_KEY",
                "rfc9421" => "RFC9421_KEY",
                _ => "SECRET",
            };
            format!(
                "      - webhook: {{scheme: {scheme}, path: {path}, secret: {{env: {secret}}}, depth: {depth}}}\n        name: {}\n",
                name(path)
            )
        };
        let checks = rows.iter().map(check).collect::<Vec<String>>().concat();
        let folder = Folder::new();
        folder.write(
            "musterd.yaml",
            format!(
                "services:\n  - name: target\n    url: http://127.0.0.1:{port}\n    insecure: true\n    allow: intrusive\n    budget: {{rate: 500/s, burst: 1000, connections: 500/s}}\n    checks:\n{checks}"
            ),
        );
        Self { folder, port, _peer: peer }
    }

    fn run(&self) -> Ran {
        let arguments = ["check", "--format", "json", "--allow", "intrusive"];
        let mut command = self.folder.command(&arguments);
        command.envs(SECRETS);
        ran(command)
    }

    /// How many requests each path got so far.
    fn counts(&self) -> BTreeMap<String, u64> {
        let url = format!("http://127.0.0.1:{}/counts", self.port);
        let output = std::process::Command::new("curl").args(["-s", &url]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn name(path: &str) -> String {
    path.trim_start_matches('/').replace(['/', '_'], "-")
}

/// Runs three times in a row and holds each run to the table.
fn holds(target: &Target, rows: &[Row]) -> Vec<Ran> {
    let wanted: Vec<(String, String, String)> = rows
        .iter()
        .map(|(_, path, verdict, rules)| {
            (format!("target/{}", name(path)), (*verdict).to_owned(), (*rules).to_owned())
        })
        .collect();
    let round = |round| {
        let ran = target.run();
        let saw: Vec<(String, String, String)> = ran
            .checks()
            .into_iter()
            .map(|(id, verdict, rules)| {
                let rules: Vec<&str> =
                    rules.iter().map(|rule| rule.trim_start_matches("webhook.")).collect();
                (id, verdict, rules.join(" "))
            })
            .collect();
        assert_eq!(saw, wanted, "round {round}");
        for secret in SECRETS.map(|(_, value)| value) {
            assert!(!ran.stdout.contains(secret), "a secret came back in round {round}");
        }
        ran
    };
    (1..=3).map(round).collect()
}

/// What a finding says that it saw.
fn saw(ran: &Ran, check: &str, rule: &str) -> String {
    let report = ran.json();
    let checks = report["services"][0]["checks"].as_array().unwrap().clone();
    let of_check = |value: &&Value| value["id"] == format!("target/{check}");
    let check = checks.iter().find(of_check).unwrap();
    let findings = check["findings"].as_array().unwrap();
    let of_rule = |value: &&Value| value["rule"] == format!("webhook.{rule}");
    findings.iter().find(of_rule).unwrap()["saw"].as_str().unwrap().to_owned()
}

#[test]
fn the_libraries_of_senders_verify_what_we_sign_and_are_found_sound() {
    let rows: &[Row] = &[
        ("stripe", "/stripe", "pass", "future-accepted"),
        ("twilio", "/twilio", "pass", ""),
        ("twilio_json", "/twilio_json", "pass", ""),
        ("github", "/github", "pass", ""),
        ("svix", "/svix", "pass", ""),
        ("standard_webhooks", "/standard_webhooks", "pass", ""),
        ("slack", "/slack", "pass", "future-accepted"),
        // Their libraries do not look at the time that they sign.
        ("discord", "/discord", "warn", "stale-accepted future-accepted"),
        ("sendgrid", "/sendgrid", "warn", "stale-accepted future-accepted"),
        ("rfc9421", "/rfc9421", "warn", "stale-accepted"),
        ("linear", "/linear", "pass", ""),
        ("paddle", "/paddle", "pass", "future-accepted"),
        ("square", "/square", "pass", ""),
        ("hubspot_v1", "/hubspot_v1", "pass", ""),
        ("hubspot_v2", "/hubspot_v2", "pass", ""),
        ("hubspot_v3", "/hubspot_v3", "pass", "future-accepted"),
        ("inngest", "/inngest", "pass", ""),
        ("shopify", "/shopify", "pass", ""),
        ("telegram", "/telegram", "pass", ""),
    ];
    let target = Target::start("endpoints.mjs", rows, "full");
    holds(&target, rows);
    for (path, count) in target.counts() {
        let bound = if path == "/musterd-absent" { 3 * rows.len() as u64 * 2 } else { 3 * 40 };
        assert!(count <= bound, "{path}: {count}");
    }
}

#[test]
fn a_canary_sends_five_requests_at_the_most() {
    let rows: &[Row] = &[
        ("stripe", "/stripe", "pass", ""),
        ("twilio", "/twilio", "pass", ""),
        ("github", "/github", "pass", ""),
        ("svix", "/svix", "pass", ""),
        ("discord", "/discord", "pass", ""),
        ("telegram", "/telegram", "pass", ""),
    ];
    let target = Target::start("endpoints.mjs", rows, "canary");
    holds(&target, rows);
    let counts = target.counts();
    for (_, path, ..) in rows {
        // The fifth goes to a path where nothing is.
        assert_eq!(counts[*path], 3 * 4, "{path}");
    }
    assert_eq!(counts["/musterd-absent"], 3 * rows.len() as u64);
}

#[test]
fn endpoints_that_people_wrote_by_hand_are_told_apart() {
    let rows: &[Row] = &[
        ("stripe", "/none/stripe", "fail", "unsigned-accepted forgery-accepted"),
        ("twilio", "/none/twilio", "fail", "unsigned-accepted forgery-accepted"),
        ("github", "/none/github", "fail", "unsigned-accepted forgery-accepted"),
        ("svix", "/none/svix", "fail", "unsigned-accepted forgery-accepted"),
        ("slack", "/none/slack", "fail", "unsigned-accepted forgery-accepted"),
        ("discord", "/none/discord", "fail", "unsigned-accepted forgery-accepted"),
        ("vapi", "/none/vapi", "fail", "unsigned-accepted forgery-accepted"),
        ("github", "/github/only-where-there-is-one", "fail", "unsigned-accepted"),
        ("github", "/github/skipped-while-unset", "fail", "unsigned-accepted forgery-accepted"),
        ("github", "/github/empty-key", "fail", "weak-key-accepted genuine-refused"),
        ("github", "/github/undefined-key", "fail", "weak-key-accepted genuine-refused"),
        ("github", "/github/placeholder-key", "fail", "weak-key-accepted genuine-refused"),
        ("github", "/github/prefix", "fail", "unsigned-accepted"),
        ("github", "/github/half", "fail", "truncated-accepted"),
        ("github", "/github/any-signature", "fail", "forgery-accepted"),
        ("github", "/github/legacy", "fail", "downgrade-accepted"),
        ("github", "/github/without-the-body", "fail", "tampered-accepted"),
        ("github", "/github/lengths", "warn", "error-on-forgery"),
        ("github", "/github/always-200", "pass", ""),
        ("github", "/github/twice", "fail", "replay-accepted"),
        ("stripe", "/stripe/uncaught", "warn", "future-accepted error-on-forgery"),
        ("stripe", "/stripe/parsed", "fail", "genuine-refused"),
        ("stripe", "/stripe/rewritten", "fail", "genuine-refused reserialised-accepted"),
        ("stripe", "/stripe/other-secret", "fail", "genuine-refused"),
        ("stripe", "/stripe/no-tolerance", "fail", "stale-accepted future-accepted"),
        ("stripe", "/stripe/parsed-where-unset", "fail", "unsigned-accepted forgery-accepted"),
        ("svix", "/svix/uncaught", "warn", "error-on-forgery"),
        ("twilio", "/twilio/behind-tls", "fail", "genuine-refused"),
        ("twilio", "/twilio/no-token", "fail", "genuine-refused"),
        ("twilio", "/twilio/fixed-url", "warn", "tampered-accepted"),
        ("slack", "/slack/enforced", "pass", "future-accepted"),
        ("slack", "/slack/no-time", "fail", "stale-accepted future-accepted"),
        ("discord", "/discord/other-key", "fail", "genuine-refused"),
        ("vapi", "/vapi/unset", "fail", "unsigned-accepted genuine-refused"),
        ("bearer", "/cron/enforced", "pass", ""),
        ("bearer", "/cron/unset", "fail", "weak-key-accepted genuine-refused"),
        ("zoom", "/zoom/oracle", "fail", "handshake-open stale-accepted future-accepted"),
        ("meta", "/meta/open", "fail", "handshake-open"),
    ];
    let target = Target::start("weak.mjs", rows, "full");
    let rounds = holds(&target, rows);
    let last = rounds.last().unwrap();
    for (check, rule, words) in [
        ("none-stripe", "unsigned-accepted", "nothing seems to be verified"),
        ("github-only-where-there-is-one", "unsigned-accepted", "only where there is one"),
        ("github-any-signature", "forgery-accepted", "all that is looked at"),
        (
            "github-empty-key",
            "genuine-refused",
            "the secret seems to be unset: a signature made with the empty key was accepted",
        ),
        ("github-undefined-key", "weak-key-accepted", "the key `undefined`"),
        ("github-placeholder-key", "weak-key-accepted", "placeholder `your-webhook-secret`"),
        ("stripe-parsed", "genuine-refused", "parsed before it is verified"),
        ("stripe-rewritten", "genuine-refused", "parsed before it is verified"),
        ("stripe-other-secret", "genuine-refused", "the two secrets differ"),
        ("twilio-behind-tls", "genuine-refused", "signed for https, served as http"),
        ("twilio-no-token", "genuine-refused", "it has no secret"),
        ("vapi-unset", "unsigned-accepted", "the secret seems to be unset"),
        ("cron-unset", "weak-key-accepted", "the key `undefined`"),
    ] {
        let said = saw(last, check, rule);
        assert!(said.contains(words), "{check} {rule}: {said}");
    }
    // After the first forgery at most four requests follow.
    let counts = target.counts();
    assert!(counts["/none/github"] <= 3 * 5, "{counts:?}");
}

#[test]
fn what_answers_in_the_place_of_an_endpoint_is_never_green_and_says_why() {
    const UNPROVEN: &str = "enforcement-unproven";
    let rows: &[Row] = &[
        ("stripe", "/everything/hook", "warn", UNPROVEN),
        ("stripe", "/absent/hook", "fail", "path-missing"),
        ("stripe", "/failing/hook", "warn", UNPROVEN),
        ("stripe", "/login/hook", "warn", UNPROVEN),
        ("stripe", "/walled/hook", "warn", UNPROVEN),
        ("stripe", "/cached/hook", "warn", UNPROVEN),
        ("stripe", "/locked/hook", "warn", UNPROVEN),
        ("stripe", "/limited/hook", "warn", UNPROVEN),
        ("github", "/changing/hook", "warn", UNPROVEN),
        ("stripe", "/skewed/stripe", "warn", UNPROVEN),
    ];
    for depth in ["canary", "full"] {
        let target = Target::start("weak.mjs", rows, depth);
        let rounds = holds(&target, rows);
        for (check, words) in [
            ("everything-hook", "whether it exists or not"),
            ("failing-hook", "it fails whatever is asked: 500"),
            ("login-hook", "it redirects"),
            ("walled-hook", "a firewall (Cloudflare)"),
            ("cached-hook", "from a cache"),
            ("locked-hook", "as a path that does not exist"),
            ("limited-hook", "429"),
            ("changing-hook", "changed within the run"),
            ("skewed-stripe", "s ahead of ours"),
        ] {
            let said = saw(&rounds[0], check, UNPROVEN);
            assert!(said.contains(words), "{depth} {check}: {said}");
        }
    }
}
