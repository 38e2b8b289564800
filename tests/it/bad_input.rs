//! Bad input of every kind gives a clear message and the right exit code, and never a panic.

use musterd_test_support::dns::{Answer, DnsServer, Zone};

use crate::harness::{Folder, Ran};

fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, 2, "{}\n{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{word:?} is missing in\n{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(ran.stderr.len() < 20_000, "{} bytes of message", ran.stderr.len());
    assert!(ran.stdout.is_empty(), "stdout is for data: {}", ran.stdout);
}

#[test]
fn a_configuration_that_cannot_be_read_says_which_and_why() {
    let folder = Folder::new();
    refused(&folder.run(&["check"]), &["there is no configuration", "musterd config example"]);
    refused(&folder.run(&["check", "--config", "no/such.yaml"]), &["no/such.yaml"]);
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    refused(&folder.run(&["check", "--config", "empty"]), &["empty"]);
}

#[test]
fn files_that_are_no_configuration_are_refused_quickly_and_with_their_name() {
    let folder = Folder::new();
    let bomb: String =
        (0..9).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
            let next = n + 1;
            let items = vec![format!("*a{n}"); 9].join(", ");
            format!("{text}a{next}: &a{next} [{items}]\n")
        });
    for (name, content) in [
        ("binary.yaml", (0..10_000_000_u32).map(|n| n.to_le_bytes()[0]).collect::<Vec<u8>>()),
        ("nested.yaml", b"[".repeat(10_000_000)),
        ("bomb.yaml", bomb.into_bytes()),
        ("latin1.yaml", b"services: \xe9\n".to_vec()),
        ("empty.yaml", Vec::new()),
        ("scalar.yaml", b"hello\n".to_vec()),
    ] {
        folder.write(name, content);
        refused(&folder.run(&["check", "--config", name]), &[name]);
    }
}

#[test]
fn selectors_and_urls_that_lead_nowhere_are_refused() {
    let folder = Folder::new();
    folder.write(
        "musterd.yaml",
        "services: [{name: shop, url: 'http://127.0.0.1:1', checks: [tcp: ]}]\n",
    );
    refused(&folder.run(&["check", "shp"]), &["`shp`", "did you mean `shop`?"]);
    refused(&folder.run(&["check", "shop/http"]), &["`shop/http`"]);
    refused(&folder.run(&["check", "["]), &["no glob"]);
    refused(&folder.run(&["check", "http://["]), &["no URL"]);
    let output = folder.run(&["check", "http://admin:hunter22@["]);
    refused(&output, &["no URL"]);
    assert!(!output.stderr.contains("hunter22"), "{}", output.stderr);
    refused(&folder.run(&["check", "http://a:b@c/"]), &["holds no credentials"]);
    refused(&folder.run(&["check", "http://127.0.0.1:0/"]), &["port 0"]);
    refused(&folder.run(&["check", "ftp://shop.example"]), &["http:// or https://", "ftp://"]);
    refused(&folder.run(&["check", "HTTP://127.0.0.1:0/"]), &["port 0"]);
    refused(&folder.run(&["check", "shop", "http://127.0.0.1:1"]), &["URLs need no configuration"]);
    refused(&folder.run(&["check", "shop", "--insecure"]), &["go with a URL"]);
    refused(
        &folder.run(&["check", "shop", "--report", "http://musterd.example"]),
        &["--report-insecure"],
    );
}

#[test]
fn evidence_that_cannot_be_judged_again_is_refused() {
    let folder = Folder::new();
    refused(&folder.run(&["replay", "none.json"]), &["none.json"]);
    folder.write("text.json", "no JSON");
    refused(&folder.run(&["replay", "text.json"]), &["text.json", "no evidence file"]);
    let file = |schema: &str, probe: &str, settings: &str| {
        format!(
            r#"{{"schema": "{schema}", "check": "a/b", "probe": "{probe}", "settings": {settings},
                "observed_at": "2026-01-01T00:00:00Z", "judged_by": "", "evidence": {{}}}}"#
        )
    };
    folder.write("schema.json", file("musterd.evidence/9", "tcp", "{}"));
    refused(&folder.run(&["replay", "schema.json"]), &["`schema`", "musterd.evidence/1"]);
    folder.write("probe.json", file("musterd.evidence/1", "ftp", "{}"));
    refused(&folder.run(&["replay", "probe.json"]), &["`probe`", "ftp"]);
    folder.write("settings.json", file("musterd.evidence/1", "tcp", r#"{"prot": 1}"#));
    refused(&folder.run(&["replay", "settings.json"]), &["`settings`", "prot"]);
    folder.write("evidence.json", file("musterd.evidence/1", "tcp", "{}"));
    refused(&folder.run(&["replay", "evidence.json"]), &["`evidence`"]);
}

/// What cannot be looked at is unknown, and unknown alone is exit code 3.
fn unknown(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, 3, "{}\n{}", ran.stdout, ran.stderr);
    let report = ran.json();
    let check = &report["services"][0]["checks"][0];
    assert_eq!(check["verdict"], "unknown");
    let reason = check["reason"].as_str().unwrap_or_default();
    for word in words {
        assert!(reason.contains(word), "{word:?} is missing in {reason}");
    }
}

#[test]
fn an_absent_secret_is_unknown_and_named() {
    let folder = Folder::new();
    folder.write(
        "musterd.yaml",
        "services: [{name: a, url: 'https://127.0.0.1:1', auth: {bearer: {env: ABSENT}}, checks: [http: ]}]\n",
    );
    unknown(&folder.run(&["check", "--format", "json"]), &["ABSENT", "not set"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_exist_is_an_outage_and_a_silent_name_server_is_not() {
    let zone = Zone::new()
        .answer("silent.test", Answer::Silent)
        .answer("broken.test", Answer::ServFail)
        .answer("gone.test", Answer::NxDomain)
        .answer("bare.test", Answer::NoData);
    let dns = DnsServer::start(zone).await;
    let folder = Folder::new();
    let check = |host: &str| {
        folder.write(
            "musterd.yaml",
            format!(
                "defaults: {{timeout: 1s}}\nservices: [{{name: a, url: 'http://{host}', resolver: '{}', checks: [http: ]}}]\n",
                dns.addr()
            ),
        );
        tokio::task::block_in_place(|| folder.run(&["check", "--format", "json"]))
    };
    unknown(&check("silent.test"), &["silent.test", "in time"]);
    unknown(&check("broken.test"), &["broken.test"]);
    for (host, word) in [("gone.test", "NXDOMAIN"), ("bare.test", "NODATA")] {
        let ran = check(host);
        assert_eq!(ran.code, 1, "{}", ran.stdout);
        let report = ran.json();
        let finding = &report["services"][0]["checks"][0]["findings"][0];
        assert_eq!(finding["rule"], "http.unreachable");
        assert!(finding["saw"].as_str().unwrap_or_default().contains(word), "{finding}");
    }
}
