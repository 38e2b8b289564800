//! Real Chromium: what its pages can read is what the model says, row by row.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use musterd_test_support::http::{HttpServer, Reply, Request};
use tokio::sync::Notify;

use crate::cors::fetch::{self, Asked};

/// How long a browser may take to start and to walk through the rows, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a page asks for, and what it is answered; `{}` stands for the page's origin.
struct Row {
    credentials: bool,
    method: &'static str,
    headers: &'static [&'static str],
    /// Status and header lines of the preflight's answer.
    preflight: (u16, &'static [&'static str]),
    /// Status and header lines of the answer.
    answer: (u16, &'static [&'static str]),
}

const ORIGIN: &str = "access-control-allow-origin: {}";
const TRUE: &str = "access-control-allow-credentials: true";
const PUT: &str = "access-control-allow-methods: PUT";
const SILENT: (u16, &[&str]) = (404, &[]);

/// A request that needs no preflight.
const fn simple(credentials: bool, lines: &'static [&'static str]) -> Row {
    Row { credentials, method: "GET", headers: &[], preflight: SILENT, answer: (200, lines) }
}

/// A PUT, answered well if it is sent.
const fn put(credentials: bool, status: u16, lines: &'static [&'static str]) -> Row {
    let answer = (200, &[ORIGIN, TRUE] as &[&str]);
    Row { credentials, method: "PUT", headers: &[], preflight: (status, lines), answer }
}

/// A GET with headers, answered well if it is sent.
const fn with(
    credentials: bool,
    headers: &'static [&'static str],
    lines: &'static [&'static str],
) -> Row {
    let answer = (200, &[ORIGIN, TRUE] as &[&str]);
    Row { credentials, method: "GET", headers, preflight: (204, lines), answer }
}

const ROWS: &[Row] = &[
    // The CORS check.
    simple(false, &[]),
    simple(false, &[ORIGIN]),
    simple(true, &[ORIGIN]),
    simple(true, &[ORIGIN, TRUE]),
    simple(false, &[TRUE]),
    simple(false, &["access-control-allow-origin: *"]),
    simple(true, &["access-control-allow-origin: *"]),
    simple(true, &["access-control-allow-origin: *", TRUE]),
    simple(false, &["access-control-allow-origin:"]),
    simple(false, &["access-control-allow-origin: null"]),
    simple(false, &["access-control-allow-origin: {}/"]),
    simple(false, &["access-control-allow-origin: {}, {}"]),
    simple(false, &["access-control-allow-origin: {} https://b.example"]),
    simple(false, &["access-control-allow-origin: *, {}"]),
    simple(false, &["access-control-allow-origin: http://*"]),
    simple(false, &["access-control-allow-origin: **"]),
    simple(false, &["access-control-allow-origin: https://b.example"]),
    simple(false, &["access-control-allow-origin: HTTP://127.0.0.1"]),
    simple(false, &[ORIGIN, ORIGIN]),
    simple(false, &[ORIGIN, "access-control-allow-origin: *"]),
    simple(true, &[ORIGIN, "access-control-allow-credentials: True"]),
    simple(true, &[ORIGIN, "access-control-allow-credentials: TRUE"]),
    simple(true, &[ORIGIN, "access-control-allow-credentials: 1"]),
    simple(true, &[ORIGIN, "access-control-allow-credentials: false"]),
    simple(true, &[ORIGIN, TRUE, TRUE]),
    Row { answer: (500, &[ORIGIN]), ..simple(false, &[]) },
    Row { answer: (404, &[]), ..simple(false, &[]) },
    Row { method: "POST", ..simple(false, &[ORIGIN]) },
    // The preflight's status and origin.
    put(false, 200, &[ORIGIN, PUT]),
    put(false, 204, &[ORIGIN, PUT]),
    put(false, 299, &[ORIGIN, PUT]),
    put(false, 400, &[ORIGIN, PUT]),
    put(false, 401, &[ORIGIN, PUT]),
    put(false, 404, &[ORIGIN, PUT]),
    put(false, 405, &[ORIGIN, PUT]),
    put(false, 500, &[ORIGIN, PUT]),
    put(false, 302, &[ORIGIN, PUT, "location: /elsewhere"]),
    put(false, 204, &[PUT]),
    put(false, 204, &["access-control-allow-origin: https://b.example", PUT]),
    put(true, 204, &[ORIGIN, PUT]),
    put(true, 204, &[ORIGIN, TRUE, PUT]),
    put(true, 204, &["access-control-allow-origin: *", TRUE, PUT]),
    // Its methods.
    put(false, 204, &[ORIGIN]),
    put(false, 204, &[ORIGIN, "access-control-allow-methods: GET, PUT,DELETE"]),
    put(false, 204, &[ORIGIN, "access-control-allow-methods: GET", PUT]),
    put(false, 204, &[ORIGIN, "access-control-allow-methods: put"]),
    put(false, 204, &[ORIGIN, "access-control-allow-methods: GET, POST"]),
    put(false, 204, &[ORIGIN, "access-control-allow-methods: , PUT ,"]),
    put(false, 204, &[ORIGIN, "access-control-allow-methods: GET; PUT"]),
    put(false, 204, &[ORIGIN, "access-control-allow-methods: *"]),
    put(true, 204, &[ORIGIN, TRUE, "access-control-allow-methods: *"]),
    Row { method: "PATCH", ..put(false, 204, &[ORIGIN, "access-control-allow-methods: PATCH"]) },
    Row { method: "PATCH", ..put(false, 204, &[ORIGIN, "access-control-allow-methods: patch"]) },
    // Its headers.
    with(false, &["content-type"], &[ORIGIN, "access-control-allow-headers: Content-Type"]),
    with(false, &["content-type"], &[ORIGIN]),
    with(false, &["content-type"], &[ORIGIN, "access-control-allow-headers: *"]),
    with(true, &["content-type"], &[ORIGIN, TRUE, "access-control-allow-headers: *"]),
    with(true, &["x-a"], &[ORIGIN, TRUE, "access-control-allow-headers: x-a"]),
    with(false, &["authorization"], &[ORIGIN, "access-control-allow-headers: authorization"]),
    with(false, &["x-a", "x-b"], &[ORIGIN, "access-control-allow-headers: x-a"]),
    with(false, &["x-a", "x-b"], &[ORIGIN, "access-control-allow-headers: X-B, X-A"]),
    with(false, &["x-a"], &[ORIGIN, "access-control-allow-headers: x a"]),
    with(false, &["accept"], &[]),
    // Both must let it through.
    Row { answer: (200, &[]), ..put(false, 204, &[ORIGIN, PUT]) },
    Row { answer: (200, &[ORIGIN]), ..put(true, 204, &[ORIGIN, TRUE, PUT]) },
];

impl Row {
    fn headers(lines: &[&str], origin: &str) -> Vec<(String, String)> {
        let split = |line: &&str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_owned(), value.trim().replace("{}", origin))
        };
        lines.iter().map(split).collect()
    }

    /// What the model says that the page can read.
    fn is_readable(&self, origin: &str) -> bool {
        let headers: Vec<String> = self.headers.iter().map(|name| (*name).to_owned()).collect();
        let asked = Asked { method: self.method.to_owned(), headers };
        let (status, lines) = self.preflight;
        let answer = Self::headers(self.answer.1, origin);
        let let_through = !fetch::needs_preflight(self.method, &asked.headers)
            || fetch::preflight_check(
                origin,
                self.credentials,
                &asked,
                status,
                &Self::headers(lines, origin),
            )
            .is_ok();
        let_through && fetch::cors_check(origin, self.credentials, &answer).is_ok()
    }

    fn reply(&self, request: &Request, origin: &str) -> Reply {
        let (status, lines) =
            if request.method == "OPTIONS" { self.preflight } else { self.answer };
        let lines = Self::headers(lines, origin);
        lines.iter().fold(Reply::new(status), |reply, (name, value)| reply.header(name, value))
    }

    /// As the page's script takes it.
    fn script(&self) -> serde_json::Value {
        let value = |name: &str| if name == "content-type" { "application/json" } else { "a" };
        let headers: serde_json::Map<String, serde_json::Value> =
            self.headers.iter().map(|name| ((*name).to_owned(), value(name).into())).collect();
        serde_json::json!({
            "method": self.method,
            "headers": headers,
            "credentials": if self.credentials { "include" } else { "omit" },
        })
    }
}

/// A page that fetches each row from the other origin, and posts which ones it could read.
fn page(other: &str) -> String {
    let rows: Vec<serde_json::Value> = ROWS.iter().map(Row::script).collect();
    format!(
        r"<!doctype html><script>
const rows = {};
const read = async (row, index) => {{
  try {{
    await (await fetch('{other}/' + index, {{...row, cache: 'no-store'}})).text();
    return true;
  }} catch {{
    return false;
  }}
}};
Promise.all(rows.map(read)).then(result => fetch('/result', {{method: 'POST', body: JSON.stringify(result)}}));
</script>",
        serde_json::Value::from(rows)
    )
}

/// Dropping it ends the browser with all of its processes.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn browse(url: &str, profile: &std::path::Path) -> Browser {
    let child = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--no-proxy-server"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("--remote-debugging-port=0")
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Browser(child.unwrap_or_else(|error| panic!("chromium: tests/run installs it: {error}")))
}

#[tokio::test]
async fn chromium_reads_what_the_model_says_that_it_reads() {
    let origin: Arc<Mutex<String>> = Arc::default();
    let known = Arc::clone(&origin);
    let other = HttpServer::start(move |request| {
        let index = request.path().trim_start_matches('/').parse::<usize>().ok();
        let origin = known.lock().unwrap().clone();
        index
            .and_then(|index| ROWS.get(index))
            .map_or_else(|| Reply::new(404), |row| row.reply(&request, &origin))
    })
    .await;
    let (done, result) = (Arc::new(Notify::new()), Arc::new(Mutex::new(None)));
    let (told, posted) = (Arc::clone(&done), Arc::clone(&result));
    let markup = page(&other.url());
    let own = HttpServer::start(move |request| {
        if request.path() == "/result" {
            let read: Vec<bool> = serde_json::from_str(&request.text()).unwrap();
            *posted.lock().unwrap() = Some(read);
            told.notify_one();
        }
        Reply::new(200).header("content-type", "text/html").body(markup.clone())
    })
    .await;
    let url = own.url();
    url.trim_end_matches('/').clone_into(&mut origin.lock().unwrap());
    let profile = tempfile::tempdir().unwrap();
    let _browser = browse(&url, profile.path());
    tokio::time::timeout(PATIENCE, done.notified()).await.expect("the page posts its result");
    let read = result.lock().unwrap().take().unwrap();
    let origin = origin.lock().unwrap().clone();
    assert_eq!(read.len(), ROWS.len());
    let readable = read.iter().filter(|read| **read).count();
    assert!((15..ROWS.len() - 15).contains(&readable), "{readable} of {}", ROWS.len());
    let wrong: Vec<String> = ROWS
        .iter()
        .zip(&read)
        .enumerate()
        .filter(|(_, (row, read))| row.is_readable(&origin) != **read)
        .map(|(index, (row, read))| {
            let (asked, answer) = (&row.preflight, &row.answer);
            format!("{index}: chromium {read}, {} {asked:?} {answer:?}", row.method)
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
