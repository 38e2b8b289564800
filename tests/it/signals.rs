//! The daemon and those who start and stop it: signals, systemd, and files that hang.

use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use crate::daemon_process::Daemon;
use crate::harness::Folder;

/// Whatever is awaited comes within this time, or the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A configuration whose service is never there.
const CONFIG: &str =
    "listen: 127.0.0.1:0\nservices: [{name: shop, url: 'http://127.0.0.1:9', checks: [tcp: ]}]\n";

/// A pipe in the place of a file, opened for writing: that is over when somebody opened it to read.
fn pipe_instead(folder: &Folder, name: &str) -> tokio::task::JoinHandle<std::fs::File> {
    let path = folder.path().join(name);
    let beside = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&beside).status().unwrap().success());
    std::fs::rename(beside, &path).unwrap();
    tokio::task::spawn_blocking(move || std::fs::OpenOptions::new().write(true).open(path).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_hangs_keeps_it_from_nothing() {
    let folder = Folder::new();
    folder.write("musterd.yaml", CONFIG);
    let mut daemon = Daemon::start(&folder);
    let has_run = |now: &serde_json::Value| !now["services"][0]["checks"][0]["last_run"].is_null();
    daemon.until("the first run", has_run).await;
    let opened = pipe_instead(&folder, "musterd.yaml");
    daemon.signal("HUP");
    let writer = tokio::time::timeout(PATIENCE, opened).await.expect("it reads the pipe").unwrap();
    // The daemon reads now, for as long as the pipe is open.
    assert_eq!(daemon.get("/livez").await.0, 200);
    assert_eq!(daemon.post("/api/v1/checks/shop/tcp/run").await.0, 202);
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await, Some(0));
    drop(writer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_may_come_through_a_pipe() {
    let folder = Folder::new();
    folder.write("musterd.yaml", "");
    let opened = pipe_instead(&folder, "musterd.yaml");
    let mut command = folder.command(&["config", "check"]);
    let checked = tokio::task::spawn_blocking(move || command.output().unwrap());
    let mut writer = opened.await.unwrap();
    writer.write_all(CONFIG.as_bytes()).unwrap();
    drop(writer);
    let checked = checked.await.unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_waiting_and_the_state_is_written() {
    let hangs = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = Folder::new();
    let url = hangs.local_addr().unwrap();
    let check = "{http: , timeout: 60s, interval: 10m}";
    let service = format!("{{name: shop, url: 'http://{url}', checks: [{check}]}}");
    let config = format!("listen: 127.0.0.1:0\nstate: {{path: state}}\nservices: [{service}]\n");
    folder.write("musterd.yaml", config);
    let mut daemon = Daemon::start(&folder);
    let accepted = tokio::time::timeout(PATIENCE, hangs.accept()).await.expect("a run begins");
    let (_silent, _) = accepted.unwrap();
    daemon.signal("TERM");
    daemon.until_it_is_deaf().await;
    daemon.signal("INT");
    assert_eq!(daemon.ended().await, Some(130));
    assert!(folder.path().join("state/state.json").exists());
}

/// What the daemon said to systemd next, less the food of the watchdog.
fn said(systemd: &UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    loop {
        let length = systemd.recv(&mut buffer).expect("it says something");
        let said = String::from_utf8(buffer[..length].to_vec()).unwrap();
        if said != "WATCHDOG=1\n" {
            return said;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_how_it_is() {
    let folder = Folder::new();
    folder.write("musterd.yaml", CONFIG);
    let path = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(PATIENCE)).unwrap();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let mut daemon = Daemon::start_with(&folder, &environment);
    assert_eq!(said(&systemd), "READY=1\n");
    let mut food = [0; 64];
    for _ in 0..3 {
        let length = systemd.recv(&mut food).expect("the watchdog is fed");
        assert_eq!(&food[..length], b"WATCHDOG=1\n");
    }
    daemon.signal("HUP");
    let reloading = said(&systemd);
    let began = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("a reload");
    assert!(began.trim_end().parse::<u64>().unwrap() > 0, "{reloading}");
    assert_eq!(said(&systemd), "READY=1\n");
    daemon.signal("TERM");
    assert_eq!(said(&systemd), "STOPPING=1\n");
    assert_eq!(daemon.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_watchdog_is_fed_where_none_waits() {
    let folder = Folder::new();
    folder.write("musterd.yaml", CONFIG);
    let path = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut daemon = Daemon::start_with(&folder, &[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    let mut heard = Vec::new();
    let mut buffer = [0; 64];
    while heard.last().is_none_or(|said| said != "STOPPING=1\n") {
        let length = systemd.recv(&mut buffer).expect("it says something");
        heard.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        if heard.len() == 1 {
            daemon.signal("TERM");
        }
    }
    assert_eq!(heard, ["READY=1\n", "STOPPING=1\n"]);
    assert_eq!(daemon.ended().await, Some(0));
}
