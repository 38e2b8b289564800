//! Canary secrets go through every output and come out of none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::http::{HttpServer, Reply};

use crate::harness::{Folder, ran};

const TOKEN: &str = "canary-t0ken/+\"x\"";
const PASSWORD: &str = "canary-passw0rd";
const KEY: &str = "canary-api-key-77";

/// Every byte percent-encoded.
fn percent(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}

/// Answers with everything that it was sent, wherever an answer can hold it.
fn echo(request: &musterd_test_support::http::Request) -> Reply {
    let authorization = request.header("authorization").unwrap_or_default().to_owned();
    let key = request.header("x-api-key").unwrap_or_default();
    let bare = authorization.replace("Bearer ", "").replace("Basic ", "");
    let body = serde_json::json!({
        "status": format!("down {authorization}"),
        "checks": {authorization.clone(): {"status": "down", "token": bare}, key: "down"},
        "error": format!("connect postgres://u:{bare}@10.0.0.1:5432 with {key}"),
    });
    let percent = percent(&authorization);
    Reply::json(503, body.to_string())
        .header("x-echo", &format!("{authorization} {key}"))
        .header("x-percent", &percent)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_holds_a_secret_that_the_target_sends_back() {
    let authority = Authority::new();
    let identity = authority.issue(&Leaf::localhost());
    let server = HttpServer::start_tls(identity.server_config(&["h2", "http/1.1"]), |request| {
        echo(&request)
    })
    .await;
    let folder = Folder::new();
    folder.write("ca.pem", authority.pem());
    folder.write("key", format!("{KEY}\n"));
    let service = |name: &str, auth: &str| {
        format!(
            "  - name: {name}\n    url: {}\n    ca: {{file: ca.pem}}\n    auth: {auth}\n    headers: {{x-api-key: {{file: key}}}}\n    checks:\n      - health:\n      - http: {{expect: {{body: nothing, headers: {{x-echo: nothing}}, json: {{/status: up}}}}}}\n",
            server.url()
        )
    };
    folder.write(
        "musterd.yaml",
        format!(
            "services:\n{}{}",
            service("bearer", "{bearer: {env: TOKEN}}"),
            service("basic", "{basic: {username: user, password: {env: PASSWORD}}}")
        ),
    );
    let pair = STANDARD.encode(format!("user:{PASSWORD}"));
    let percent = percent(TOKEN);
    let forms = [TOKEN, "canary-t0ken", PASSWORD, KEY, &pair, &STANDARD.encode(TOKEN), &percent];
    let clean = |what: &str, text: &str| {
        for form in forms {
            assert!(!text.contains(form), "{what} holds {form}:\n{text}");
        }
    };
    for format in ["human", "json", "junit", "sarif", "prometheus"] {
        let mut command =
            folder.command(&["check", "--format", format, "--evidence", "--log-format", "json"]);
        command.env("TOKEN", TOKEN).env("PASSWORD", PASSWORD).env("RUST_LOG", "trace");
        let ran = tokio::task::block_in_place(|| ran(command));
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stderr.lines().count() > 10, "the logs are on");
        clean(&format!("stdout in {format}"), &ran.stdout);
        clean("stderr", &ran.stderr);
    }
    let mut command = folder.command(&["check", "--evidence=seen"]);
    command.env("TOKEN", TOKEN).env("PASSWORD", PASSWORD);
    tokio::task::block_in_place(|| ran(command));
    for file in std::fs::read_dir(folder.path().join("seen")).unwrap() {
        let path = file.unwrap().path();
        clean(&path.display().to_string(), &std::fs::read_to_string(&path).unwrap());
    }
    let sent = server.requests();
    assert!(
        sent.iter()
            .any(|request| request.header("authorization") == Some(&format!("Bearer {TOKEN}")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_goes_to_a_server_whose_certificate_does_not_verify() {
    let identity = Authority::new().issue(&Leaf::localhost());
    let server =
        HttpServer::start_tls(identity.server_config(&[]), |_| Reply::text(200, "ok")).await;
    let folder = Folder::new();
    folder.write(
        "musterd.yaml",
        format!(
            "services: [{{name: a, url: '{}', auth: {{bearer: {{env: TOKEN}}}}, checks: [http: ]}}]\n",
            server.url()
        ),
    );
    let mut command = folder.command(&["check", "--format", "json"]);
    command.env("TOKEN", TOKEN);
    let ran = tokio::task::block_in_place(|| ran(command));
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("no trusted root"), "{}", ran.stdout);
    assert!(server.requests().is_empty(), "nothing was sent");
}

/// Headers that carry a signature, or the secret itself.
const SIGNATURES: [&str; 5] = [
    "stripe-signature",
    "x-hub-signature-256",
    "x-square-hmacsha256-signature",
    "x-vapi-secret",
    "authorization",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_output_holds_a_signature_that_the_target_sends_back() {
    const HOOK: &str = "canary-hook:secret+/99";
    let authority = Authority::new();
    let identity = authority.issue(&Leaf::localhost());
    let server = HttpServer::start_tls(identity.server_config(&["h2", "http/1.1"]), |request| {
        if request.path().ends_with("musterd-absent") {
            return Reply::new(404);
        }
        let given: Vec<&str> = SIGNATURES.iter().filter_map(|name| request.header(name)).collect();
        let given = given.join(" ");
        // Mailgun's signature stands in the body.
        let body = request.text();
        let (_, in_body) = body.split_once("\"signature\":\"").unwrap_or_default();
        let in_body = in_body.split('"').next().unwrap_or_default().to_owned();
        Reply::text(401, format!("{given} {in_body} is invalid")).header("x-echo", &given)
    })
    .await;
    let folder = Folder::new();
    folder.write("ca.pem", authority.pem());
    let checks: Vec<String> = ["stripe", "github", "square", "mailgun", "vapi", "postmark", "bearer"]
        .iter()
        .map(|scheme| {
            format!(
                "      - {{name: {scheme}, webhook: {{scheme: {scheme}, path: /{scheme}, secret: {{env: HOOK}}, depth: full}}}}\n"
            )
        })
        .collect();
    folder.write(
        "musterd.yaml",
        format!(
            "services:\n  - name: hooks\n    url: {}\n    ca: {{file: ca.pem}}\n    allow: intrusive\n    budget: {{rate: 500/s, burst: 1000, connections: 500/s}}\n    checks:\n{}",
            server.url(),
            checks.concat()
        ),
    );
    let mut outputs = Vec::new();
    for format in ["human", "json", "prometheus"] {
        let mut command = folder.command(&[
            "check",
            "--allow",
            "intrusive",
            "--format",
            format,
            "--evidence=seen",
            "--log-format",
            "json",
        ]);
        command.env("HOOK", HOOK).env("RUST_LOG", "trace");
        let ran = tokio::task::block_in_place(|| ran(command));
        assert_eq!(ran.code, 1, "genuine deliveries are refused: {}", ran.stderr);
        outputs.extend([ran.stdout, ran.stderr]);
    }
    for file in std::fs::read_dir(folder.path().join("seen")).unwrap() {
        outputs.push(std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    let mut sent: Vec<String> = vec![HOOK.to_owned(), STANDARD.encode(HOOK)];
    for request in server.requests() {
        let headers = SIGNATURES.iter().filter_map(|name| request.header(name));
        for value in headers {
            // What is long enough to be a signature, without its labels.
            sent.extend(
                value.split([' ', ',', '=']).filter(|part| part.len() > 31).map(str::to_owned),
            );
        }
    }
    assert!(sent.len() > 40, "signatures arrived: {}", sent.len());
    for output in &outputs {
        for signature in &sent {
            assert!(!output.contains(signature.as_str()), "{signature} stands in {output:.2000}");
        }
    }
    assert!(outputs.iter().any(|output| output.contains("***")), "something was echoed");
}
