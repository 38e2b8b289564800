//! An origin that turns against us is left in peace until it serves us again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use musterd_test_support::http::{HttpServer, Reply};
use serde_json::Value;

use crate::daemon::config;
use crate::daemon_process::Daemon;
use crate::harness::Folder;

/// An origin that serves visitors, and nobody any more once active work was done on it.
struct Irritable {
    server: HttpServer,
    provoked: Arc<AtomicBool>,
    ill: Arc<AtomicBool>,
}

impl Irritable {
    async fn start() -> Self {
        let provoked = Arc::new(AtomicBool::new(false));
        let ill = Arc::new(AtomicBool::new(false));
        let (turned, visited) = (Arc::clone(&provoked), AtomicBool::new(false));
        let down = Arc::clone(&ill);
        let server = HttpServer::start(move |request| {
            // An origin that never served a visitor cannot turn against us.
            if request.method == "GET" {
                visited.store(true, Ordering::Relaxed);
            } else if visited.load(Ordering::Relaxed) {
                turned.store(true, Ordering::Relaxed);
            }
            if down.load(Ordering::Relaxed) {
                Reply::text(503, "ill")
            } else if turned.load(Ordering::Relaxed) {
                Reply::text(403, "go away")
            } else {
                Reply::text(200, "ok")
            }
        });
        Self { server: server.await, provoked, ill }
    }

    /// A configuration of an active check and this passive one.
    fn config(&self, passive: &str) -> String {
        let active = "{name: order, http: {method: POST}, interval: 3s}";
        config(&self.server.url(), &format!("{passive}, {active}"))
    }

    fn posts(&self) -> usize {
        self.server.requests().iter().filter(|request| request.method == "POST").count()
    }

    fn calm_down(&self) {
        self.provoked.store(false, Ordering::Relaxed);
    }

    /// Waits for passive runs, of which several are made in the time of an active one.
    async fn wait_for_visits(&self) {
        self.server.wait_for_requests(self.server.requests().len() + 5).await;
    }
}

/// A daemon over an origin that has turned against it, and its folder.
async fn provoked(origin: &Irritable) -> (Daemon, Folder) {
    let folder = Folder::new();
    folder.write("musterd.yaml", origin.config("http: "));
    let daemon = Daemon::start(&folder);
    daemon.until("the finding", is_blocked).await;
    (daemon, folder)
}

fn is_blocked(now: &Value) -> bool {
    now["services"][0]["findings"][0]["rule"] == "policy.prober-blocked"
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_turns_against_us_after_active_work_is_left_in_peace() {
    let origin = Irritable::start().await;
    let (daemon, _folder) = provoked(&origin).await;
    let before = origin.posts();
    origin.wait_for_visits().await;
    assert_eq!(origin.posts(), before, "active work pauses");
    origin.ill.store(true, Ordering::Relaxed);
    origin.wait_for_visits().await;
    let (_, now) = daemon.get("/api/v1/status").await;
    assert!(is_blocked(&now), "an outage shows nothing of whether it serves us");
    assert_eq!(origin.posts(), before);
    origin.ill.store(false, Ordering::Relaxed);
    origin.calm_down();
    daemon.until("the end of it", |now| !is_blocked(now)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_does_not_make_it_bear_active_work_again() {
    let origin = Irritable::start().await;
    let (daemon, folder) = provoked(&origin).await;
    assert_eq!(daemon.stop(), Some(0));
    let before = origin.posts();
    let daemon = Daemon::start(&folder);
    let (_, now) = daemon.get("/api/v1/status").await;
    assert!(is_blocked(&now), "{now}");
    origin.wait_for_visits().await;
    assert_eq!(origin.posts(), before, "active work pauses");
    origin.calm_down();
    daemon.until("the end of it", |now| !is_blocked(now)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_us_again_also_when_the_check_that_it_refused_has_another_name() {
    let origin = Irritable::start().await;
    let (daemon, folder) = provoked(&origin).await;
    let before = origin.posts();
    folder.write("musterd.yaml", origin.config("{name: front, http: }"));
    let (code, _) = daemon.post("/-/reload").await;
    assert!((200..300).contains(&code), "{code}");
    origin.wait_for_visits().await;
    assert_eq!(origin.posts(), before, "active work still pauses");
    origin.calm_down();
    daemon.until("the end of it", |now| !is_blocked(now)).await;
}
