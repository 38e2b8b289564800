//! `headers` against the stacks that users run: Express with helmet 7 and 8, `NestJS`, sessions,
//! and nginx with and without `always`.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use musterd_test_support::ca::{Authority, Leaf};
use serde_json::Value;

use crate::harness::{Folder, root};
use crate::peer::{self, Peer, free_port};

/// A folder with an authority and a certificate for localhost.
fn folder() -> Folder {
    let folder = Folder::new();
    let authority = Authority::new();
    let identity = authority.issue(&Leaf::localhost());
    folder.write("ca.pem", authority.pem());
    folder.write("cert.pem", identity.chain_pem());
    folder.write("key.pem", identity.key_pem());
    folder
}

/// One service for each path, with `headers` alone.
fn configure(folder: &Folder, tls: u16, plain: u16, paths: &[&str]) {
    let mut text = "defaults: {timeout: 20s}\nservices:\n".to_owned();
    for path in paths {
        write!(
            text,
            "  - name: {path}\n    url: https://localhost:{tls}/{path}/\n    http_url: http://localhost:{plain}/{path}/\n    ca: {{file: ca.pem}}\n    checks: [headers: ]\n"
        )
        .unwrap();
    }
    folder.write("musterd.yaml", text);
}

/// The findings of every service that are worse than for information, as `rule severity subject`.
fn found(report: &Value) -> Vec<(String, String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let services = report["services"].as_array().unwrap().iter();
    services
        .map(|service| {
            let check = &service["checks"][0];
            let findings = check["findings"].as_array().unwrap().iter();
            let lines = findings.filter(|finding| finding["severity"] != "info").map(|finding| {
                let rule = text(&finding["rule"]).replace("headers.", "");
                let line =
                    format!("{rule} {} {}", text(&finding["severity"]), text(&finding["subject"]));
                line.trim_end().to_owned()
            });
            (text(&service["name"]), text(&check["verdict"]), lines.collect())
        })
        .collect()
}

fn assert_found(folder: &Folder, wanted: &[(&str, &str, &[&str])]) {
    let wanted: Vec<(String, String, Vec<String>)> = wanted
        .iter()
        .map(|(name, verdict, lines)| {
            let lines = lines.iter().map(|line| (*line).to_owned()).collect();
            ((*name).to_owned(), (*verdict).to_owned(), lines)
        })
        .collect();
    for round in 1..=2 {
        let ran = folder.run(&["check", "--format", "json"]);
        assert_eq!(found(&ran.json()), wanted, "round {round}: {}", ran.stderr);
    }
}

fn node(folder: &Folder, tls: u16, plain: u16) -> Peer {
    let mut command = Command::new("node");
    let targets = root().join("tests/targets/headers");
    command.current_dir(&targets).arg("server.mjs");
    command.env("PORT", tls.to_string()).env("PLAIN_PORT", plain.to_string());
    command.env("CERT", folder.path().join("cert.pem")).env("KEY", folder.path().join("key.pem"));
    peer::start(&mut command, &[tls, plain])
}

#[test]
fn express_with_helmet_and_nestjs_get_the_verdicts_that_they_deserve() {
    let folder = folder();
    let (tls, plain) = (free_port(), free_port());
    let _node = node(&folder, tls, plain);
    let paths = ["helmet8", "helmet7", "nest", "session", "api", "careless", "late", "bare"];
    configure(&folder, tls, plain, &paths);
    let nothing =
        &["csp-missing high", "hsts-missing high", "nosniff-missing medium", "framing-open high"];
    assert_found(
        &folder,
        &[
            ("helmet8", "pass", &[]),
            ("helmet7", "warn", &["hsts-short low"]),
            ("nest", "pass", &[]),
            ("session", "pass", &[]),
            ("api", "pass", &[]),
            (
                "careless",
                "fail",
                &["cookie-not-secure high connect.sid", "cookie-not-httponly high connect.sid"],
            ),
            ("late", "fail", nothing),
            ("bare", "fail", nothing),
        ],
    );
    // Helmet's defaults over TLS, by the algorithm of MDN's HTTP Observatory.
    let ran = folder.run(&["check", "--format", "prometheus", "helmet8", "bare"]);
    for line in [
        r#"musterd_headers_observatory_score{service="helmet8",check="helmet8/headers",probe="headers"} 130"#,
        r#"musterd_headers_observatory_grade_info{service="helmet8",check="helmet8/headers",probe="headers",grade="A+"} 1"#,
        r#"musterd_headers_observatory_score{service="bare",check="bare/headers",probe="headers"} 30"#,
    ] {
        assert!(ran.stdout.contains(line), "{line}\n{}", ran.stdout);
    }
}

#[test]
fn a_url_alone_is_graded_and_told_what_to_write_for_the_stack_that_answers() {
    let folder = folder();
    let (tls, plain) = (free_port(), free_port());
    let _node = node(&folder, tls, plain);
    let url = format!("https://localhost:{tls}/bare/");
    let ran = folder.run(&["check", &url, "--ca", "ca.pem"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    for text in ["grade D (30)", "app.use(helmet())", "why     ", "Express", "NestJS", "TLS 1.3"] {
        assert!(ran.stdout.contains(text), "{text}\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("Django  "), "{}", ran.stdout);
    // What it was told to write makes it pass.
    let helmet = format!("https://localhost:{tls}/helmet8/");
    let bare_address = format!("https://127.0.0.1:{tls}/helmet8/");
    let plain_only = format!("http://localhost:{plain}/helmet8/");
    let ran = folder.run(&["check", &helmet, &bare_address, &plain_only, "--ca", "ca.pem"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("grade A+ (1"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("what to write"), "{}", ran.stdout);
}

/// nginx with one server for each way of adding headers.
fn nginx(folder: &Folder, plain: u16, tls: u16) -> Peer {
    let root = folder.path().display();
    let page =
        "<!doctype html><html lang=\"en\"><head><title>page</title></head><body>page</body></html>";
    folder.write("index.html", page);
    let add = |always: &str| {
        [
            (
                "Content-Security-Policy",
                "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
            ),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "strict-origin-when-cross-origin"),
        ]
        .map(|(name, value)| format!("add_header {name} \"{value}\"{always};"))
        .join(" ")
    };
    let (always, sometimes) = (add(" always"), add(""));
    folder.write(
        "nginx.conf",
        format!(
            r"
daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; types {{ text/html html; }}
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  ssl_certificate {root}/cert.pem; ssl_certificate_key {root}/key.pem;
  server {{ listen 127.0.0.1:{plain}; return 308 https://localhost:{tls}$request_uri; }}
  server {{
    listen 127.0.0.1:{tls} ssl http2;
    location /always/ {{ server_tokens off; alias {root}/; {always} }}
    location /sometimes/ {{ server_tokens off; alias {root}/; {sometimes} }}
    location /inherited/ {{ server_tokens off; alias {root}/; }}
    location /versioned/ {{ alias {root}/; {always} }}
    {always}
  }}
}}
"
        ),
    );
    let folder = folder.path().display().to_string();
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-p", &folder, "-c", "nginx.conf"]).stderr(Stdio::null());
    peer::start(&mut command, &[plain, tls])
}

#[test]
fn nginx_without_always_loses_its_headers_on_errors() {
    let folder = folder();
    let (tls, plain) = (free_port(), free_port());
    let _nginx = nginx(&folder, plain, tls);
    configure(&folder, tls, plain, &["always", "sometimes", "inherited", "versioned"]);
    assert_found(
        &folder,
        &[
            ("always", "pass", &[]),
            (
                "sometimes",
                "warn",
                &[
                    "missing-on-errors medium strict-transport-security on errors",
                    "missing-on-errors low x-content-type-options on errors",
                ],
            ),
            ("inherited", "pass", &[]),
            ("versioned", "warn", &["version-leaked medium server"]),
        ],
    );
}
