//! Server-sent events.

use futures_util::StreamExt as _;

use super::*;

/// A client that reads as it goes.
struct Client {
    body: axum::body::BodyDataStream,
    rest: String,
}

impl Client {
    async fn new(rig: &Rig, headers: &[(&str, &str)]) -> Self {
        let mut request = Request::get("/api/v1/events");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = rig.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert!(!answer.headers().contains_key("content-encoding"));
        let mut client = Self { body: answer.into_body().into_data_stream(), rest: String::new() };
        assert_eq!(client.next().await.unwrap(), ("retry".to_owned(), json!(3000), None));
        client
    }

    /// The next event: its name, its data and its id; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value, Option<String>)> {
        while !self.rest.contains("\n\n") {
            let chunk = self.body.next().await?.unwrap();
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let (event, rest) = self.rest.split_once("\n\n").unwrap();
        let (mut name, mut data, mut id) = (String::new(), Value::Null, None);
        for line in event.lines() {
            let (field, value) = line.split_once(':').unwrap();
            let value = value.trim_start();
            match field {
                "event" => value.clone_into(&mut name),
                "data" => data = serde_json::from_str(value).unwrap(),
                "id" => id = Some(value.to_owned()),
                "retry" => {
                    (name, data) = ("retry".to_owned(), serde_json::from_str(value).unwrap());
                }
                other => panic!("{other}"),
            }
        }
        self.rest = rest.to_owned();
        Some((name, data, id))
    }

    async fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.next().await.unwrap().0);
        }
        names
    }
}

#[tokio::test]
async fn each_run_and_each_change_of_status_is_told() {
    let mut rig = Rig::new();
    let mut client = Client::new(&rig, &[]).await;
    rig.run("shop/home", &[]);
    rig.run("shop/home", &[]);
    rig.run("shop/home", &[(&HIGH, "a")]);
    let (name, data, id) = client.next().await.unwrap();
    assert_eq!((name.as_str(), id.as_deref()), ("run", Some("1")));
    assert_eq!(
        (&data["check"], &data["verdict"], &data["status"], &data["duration_seconds"]),
        (&json!("shop/home"), &json!("pass"), &json!("pass"), &json!(0.043))
    );
    let (name, data, id) = client.next().await.unwrap();
    assert_eq!((name.as_str(), id.as_deref()), ("status", Some("1")));
    assert_eq!((&data["from"], &data["status"]), (&json!("pending"), &json!("pass")));
    assert_eq!(client.names(3).await, ["run", "run", "status"]);
}

#[tokio::test]
async fn a_status_that_changes_without_a_run_is_told_with_none() {
    let mut rig = Rig::new();
    rig.run("shop/home", &[]);
    let mut client = Client::new(&rig, &[]).await;
    let missed = noon() + SignedDuration::from_mins(5);
    for check in ["shop/home", "shop/cart"] {
        rig.store.miss(check, "its turn did not come", missed);
        let (name, data, _) = client.next().await.unwrap();
        assert_eq!((name.as_str(), &data["check"]), ("status", &json!(check)));
        assert_eq!((&data["run"], &data["at"]), (&Value::Null, &json!(missed)));
        assert_eq!(data["status"], "unknown");
    }
}

#[tokio::test]
async fn whoever_falls_behind_is_told_to_read_again() {
    let mut rig = Rig::new();
    let mut client = Client::new(&rig, &[]).await;
    for _ in 0..5_000 {
        rig.run("shop/home", &[]);
    }
    let (name, data, id) = client.next().await.unwrap();
    assert_eq!((name.as_str(), id), ("resync", None));
    assert!(data["reason"].is_string());
    let (name, _, id) = client.next().await.unwrap();
    let behind: u64 = id.unwrap().parse().unwrap();
    assert!(name == "run" && behind > 500, "{behind}");
}

#[tokio::test]
async fn whoever_comes_back_is_told_to_read_again() {
    let rig = Rig::new();
    let mut client = Client::new(&rig, &[("last-event-id", "7")]).await;
    assert_eq!(client.next().await.unwrap().0, "resync");
}

#[tokio::test]
async fn what_changes_as_a_whole_is_told_and_another_token_ends_it() {
    let rig = Rig::new();
    let mut client = Client::new(&rig, &[]).await;
    rig.set(|settings| settings.location = "there".to_owned());
    assert_eq!(client.next().await.unwrap().0, "resync");
    let report = json!({
        "schema": "musterd.report/1", "status": "pass", "score": null, "version": "0",
        "generated_at": "2026-11-20T12:00:00Z", "location": "ci", "services": [],
        "totals": {"services": 0, "checks": 0, "pass": 0, "warn": 0, "fail": 0, "unknown": 0, "pending": 0},
    });
    let answer = rig.post_json("/api/v1/reports", report.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(client.next().await.unwrap().0, "resync");
    rig.set(|settings| settings.token = Some("a token".to_owned().into()));
    assert!(client.next().await.is_none());
}

#[tokio::test]
async fn a_reload_of_earlier_is_no_news_to_whoever_comes_now() {
    let mut rig = Rig::new();
    rig.set(|settings| settings.location = "there".to_owned());
    let mut client = Client::new(&rig, &[]).await;
    rig.run("shop/home", &[]);
    assert_eq!(client.next().await.unwrap().0, "run");
}

#[tokio::test]
async fn it_ends_when_the_daemon_stops() {
    let mut rig = Rig::new();
    let mut client = Client::new(&rig, &[]).await;
    rig.stop.cancel();
    rig.run("shop/home", &[]);
    assert!(client.next().await.is_none());
}

#[tokio::test]
async fn so_many_listen_and_no_more() {
    let rig = Rig::new();
    let mut clients = Vec::new();
    for _ in 0..super::super::events::MOST {
        clients.push(Client::new(&rig, &[]).await);
    }
    let answer = rig.get("/api/v1/events").await;
    is_problem(&answer, 503);
    assert!(!answer.header("retry-after").is_empty());
    clients.pop();
    Client::new(&rig, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_is_kept_open() {
    let rig = Rig::new();
    let mut client = Client::new(&rig, &[]).await;
    let chunk = client.body.next().await.unwrap().unwrap();
    assert_eq!(&chunk[..], b":\n\n");
}
