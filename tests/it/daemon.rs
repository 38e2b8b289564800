//! The daemon as it is run: started, asked, reloaded, stopped, and started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::http::{HttpServer, Reply};
use serde_json::Value;

use crate::daemon_process::Daemon;
use crate::harness::Folder;

pub(crate) fn status_of<'a>(document: &'a Value, check: &str) -> &'a str {
    let services = document["services"].as_array().into_iter().flatten();
    let mut checks =
        services.flat_map(|service| service["checks"].as_array().into_iter().flatten());
    checks
        .find(|found| found["id"] == check)
        .map_or("absent", |found| found["status"].as_str().unwrap_or("absent"))
}

pub(crate) fn config(target: &str, checks: &str) -> String {
    format!(
        "listen: 127.0.0.1:0\nstate: {{path: state}}\ndefaults: {{interval: 1s, timeout: 1s}}\nservices:\n  - {{name: shop, url: '{target}', checks: [{checks}]}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_an_outage_and_its_end_and_knows_of_it_after_a_restart() {
    let up = Arc::new(AtomicBool::new(true));
    let server = {
        let up = Arc::clone(&up);
        HttpServer::start(move |_| {
            if up.load(Ordering::Relaxed) { Reply::text(200, "ok") } else { Reply::text(500, "no") }
        })
        .await
    };
    let folder = Folder::new();
    folder.write("musterd.yaml", config(&server.url(), "http: "));
    let daemon = Daemon::start(&folder);
    daemon.until("the first pass", |now| status_of(now, "shop/http") == "pass").await;
    assert_eq!(daemon.get("/readyz").await.0, 200);
    assert_eq!(daemon.get("/api/v1/readiness").await.0, 200);
    up.store(false, Ordering::Relaxed);
    let down = daemon.until("the outage", |now| status_of(now, "shop/http") == "fail").await;
    let finding = &down["services"][0]["checks"][0]["findings"][0];
    assert_eq!(finding["rule"], "http.status-unexpected");
    let opened_at = finding["opened_at"].clone();
    assert_eq!(daemon.get("/api/v1/readiness").await.0, 503);
    assert_eq!(daemon.stop(), Some(0));

    let daemon = Daemon::start(&folder);
    let (_, restored) = daemon.get("/api/v1/status").await;
    assert_eq!(status_of(&restored, "shop/http"), "fail", "{restored}");
    let finding = &restored["services"][0]["checks"][0]["findings"][0];
    assert_eq!(finding["opened_at"], opened_at);
    up.store(true, Ordering::Relaxed);
    daemon.until("the recovery", |now| status_of(now, "shop/http") == "pass").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_the_whole_new_configuration_or_keeps_the_old_one() {
    let server = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let folder = Folder::new();
    folder.write("musterd.yaml", config(&server.url(), "http: "));
    let daemon = Daemon::start(&folder);
    daemon.until("the first pass", |now| status_of(now, "shop/http") == "pass").await;

    folder.write("musterd.yaml", config(&server.url(), "http: , tpc: "));
    let (code, problem) = daemon.post("/-/reload").await;
    assert_eq!(code, 422, "{problem}");
    assert!(problem["detail"].as_str().unwrap_or_default().contains("did you mean `tcp`?"));
    let (_, now) = daemon.get("/api/v1/status").await;
    assert_eq!(status_of(&now, "shop/http"), "pass");

    folder.write("musterd.yaml", config(&server.url(), "http: , tcp: "));
    daemon.signal("HUP");
    daemon.until("the new check", |now| status_of(now, "shop/tcp") == "pass").await;
    // Nobody says anything of this change: its content is noticed.
    folder.write("musterd.yaml", config(&server.url(), "tcp: "));
    daemon.until("the end of the old", |now| status_of(now, "shop/http") == "absent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_that_a_pattern_matches_is_noticed() {
    let server = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let folder = Folder::new();
    let service = |name: &str| {
        format!("services: [{{name: {name}, url: '{}', checks: [http: ]}}]\n", server.url())
    };
    let first = "listen: 127.0.0.1:0\ndefaults: {interval: 1s}\ninclude: ['*.part.yaml']\n";
    folder.write("musterd.yaml", first);
    folder.write("shop.part.yaml", service("shop"));
    let daemon = Daemon::start(&folder);
    daemon.until("the first pass", |now| status_of(now, "shop/http") == "pass").await;
    folder.write("mail.part.yaml", service("mail"));
    daemon.until("the new service", |now| status_of(now, "mail/http") == "pass").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_set_aside_and_a_missing_secret_of_the_server_stops_the_start() {
    let server = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let folder = Folder::new();
    folder.write("musterd.yaml", config(&server.url(), "http: "));
    std::fs::create_dir(folder.path().join("state")).unwrap();
    folder.write("state/state.json", "{\"schema\": ");
    let daemon = Daemon::start(&folder);
    daemon.until("the first pass", |now| status_of(now, "shop/http") == "pass").await;
    drop(daemon);
    let files = std::fs::read_dir(folder.path().join("state")).unwrap();
    let names: Vec<String> =
        files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().any(|name| name.contains(".damaged-")), "{names:?}");

    let text = config(&server.url(), "http: ");
    folder.write("musterd.yaml", format!("{text}server: {{token: {{env: ABSENT}}}}\n"));
    let ran = folder.run(&["run"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("ABSENT"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_from_elsewhere_stands_beside_the_scheduled_checks() {
    let server = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let folder = Folder::new();
    let text = config(&server.url(), "http: ");
    folder.write("musterd.yaml", format!("{text}server: {{report_token: {{env: TOKEN}}}}\n"));
    let daemon = Daemon::start(&folder);
    let pipeline = Folder::new();
    pipeline.write(
        "musterd.yaml",
        format!(
            "location: pipeline\nservices: [{{name: built, url: '{}', checks: [tcp: ]}}]\n",
            server.url()
        ),
    );
    let mut command = pipeline.command(&["check", "--report", &daemon.url]);
    command.env("MUSTERD_REPORT_TOKEN", "a-token-for-tests");
    let ran = tokio::task::block_in_place(|| crate::harness::ran(command));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    daemon.until("the report", |now| status_of(now, "built/tcp") == "pass").await;
    let mut command = pipeline.command(&["check", "--report", &daemon.url]);
    command.env("MUSTERD_REPORT_TOKEN", "another-token");
    let ran = tokio::task::block_in_place(|| crate::harness::ran(command));
    assert_eq!(ran.code, 3, "a report that is not taken is said");
    assert!(ran.stderr.contains("not taken"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("another-token"), "{}", ran.stderr);
    let bare = pipeline.command(&["check", "--report", &daemon.url]);
    let ran = tokio::task::block_in_place(|| crate::harness::ran(bare));
    assert!(ran.stderr.contains("MUSTERD_REPORT_TOKEN is not set"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_engine_hears_whether_the_daemon_is_ready() {
    let authority = Authority::new();
    let identity = authority.issue(&Leaf::localhost());
    let folder = Folder::new();
    folder.write("cert.pem", identity.chain_pem());
    folder.write("key.pem", identity.key_pem());
    let server = "server: {token: {env: TOKEN}, tls: {cert: cert.pem, key: key.pem}}";
    let services = "services: [{name: shop, url: 'http://127.0.0.1:9', checks: [tcp: ]}]";
    folder.write("musterd.yaml", format!("listen: 127.0.0.1:0\n{server}\n{services}\n"));
    let daemon = Daemon::start(&folder);
    let address = daemon.url.trim_start_matches("https://").to_owned();
    let ask = |arguments: &[&str]| {
        let mut all = vec!["healthcheck"];
        all.extend_from_slice(arguments);
        tokio::task::block_in_place(|| folder.run(&all))
    };
    // Neither the token nor the name on the certificate is needed, and a dead estate is no matter.
    let mut ready = ask(&["--listen", &address]);
    for _ in 0..1000 {
        if ready.code == 0 {
            break;
        }
        assert!(ready.stderr.contains("it answered 503"), "{}", ready.stderr);
        ready = ask(&["--listen", &address]);
    }
    assert_eq!((ready.code, ready.stderr.as_str()), (0, ""));
    assert_eq!(ready.stdout, format!("ready: https://{address}/readyz\n"));
    let alive = ask(&["--listen", &address, "--live"]);
    assert_eq!(alive.stdout, format!("alive: https://{address}/livez\n"));
    let nowhere = ask(&[]);
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.stderr.contains("--listen"), "{}", nowhere.stderr);

    // The daemon goes on while its file is broken, and so does whoever asks for it.
    folder.write("musterd.yaml", format!("listen: {address}\n{server}\nservices: nonsense\n"));
    let guessed = ask(&[]);
    // Another daemon may listen where it is guessed.
    let said = guessed.stderr.contains("was guessed, because");
    assert!(guessed.code == 0 || said, "{}", guessed.stderr);

    folder.write("musterd.yaml", format!("listen: {address}\n{server}\n{services}\n"));
    assert_eq!(ask(&[]).code, 0);
    drop(daemon);
    let gone = ask(&[]);
    assert_eq!((gone.code, gone.stdout.as_str()), (1, ""));
    assert!(gone.stderr.contains("refused"), "{}", gone.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_rotated_in_its_file_is_the_only_one_that_counts() {
    let folder = Folder::new();
    folder.write("token", "the-first-token\n");
    let text = config("http://127.0.0.1:9", "tcp: ");
    folder.write("musterd.yaml", format!("{text}server: {{token: {{file: token}}}}\n"));
    let daemon = Daemon::start(&folder);
    daemon.until_answered("/api/v1/status", "the-first-token", 200).await;
    folder.write("token", "the-second-token\n");
    daemon.until_answered("/api/v1/status", "the-second-token", 200).await;
    daemon.until_answered("/api/v1/status", "the-first-token", 401).await;
    std::fs::remove_file(folder.path().join("token")).unwrap();
    folder.write("musterd.yaml", format!("{text}server: {{token: {{env: TOKEN}}}}\n"));
    daemon.until_answered("/api/v1/status", "a-token-for-tests", 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_whom_notifications_trust() {
    let authority = Authority::new();
    let identity = authority.issue(&Leaf::localhost());
    let receiver =
        HttpServer::start_tls(identity.server_config(&["http/1.1"]), |_| Reply::text(200, "ok"))
            .await;
    let folder = Folder::new();
    let roots = folder.write("roots.pem", authority.pem());
    let notify = format!("notify: [{{name: chat, webhook: {{url: '{}'}}}}]\n", receiver.url());
    let text = config("http://127.0.0.1:9", "tcp: ") + &notify;
    folder.write("musterd.yaml", &text);
    let daemon = Daemon::start_with(&folder, &[("SSL_CERT_FILE", roots.to_str().unwrap())]);
    receiver.wait_for_connections(1).await;
    assert_eq!(receiver.requests().len(), 0, "the bundled roots know nothing of it");
    folder.write("musterd.yaml", text + "system_roots: true\n");
    assert_eq!(daemon.post("/-/reload").await.0, 200);
    receiver.wait_for_requests(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_on_the_same_machine_that_asks_for_no_token_takes_a_report_without_one() {
    let server = HttpServer::start(|_| Reply::text(200, "ok")).await;
    let folder = Folder::new();
    folder.write("musterd.yaml", config(&server.url(), "http: "));
    let daemon = Daemon::start(&folder);
    let pipeline = Folder::new();
    let built = format!("services: [{{name: built, url: '{}', checks: [tcp: ]}}]\n", server.url());
    pipeline.write("musterd.yaml", format!("location: pipeline\n{built}"));
    let ran = tokio::task::block_in_place(|| pipeline.run(&["check", "--report", &daemon.url]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    daemon.until("the report", |now| status_of(now, "built/tcp") == "pass").await;
}
