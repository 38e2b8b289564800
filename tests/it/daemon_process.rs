//! The daemon as a process: started, asked, signalled, and stopped.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::Folder;

/// Whatever is awaited comes within this time, or the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon that runs in a folder.
pub(crate) struct Daemon {
    process: Child,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
}

impl Daemon {
    /// Starts over `musterd.yaml` of the folder, and waits until it listens.
    pub(crate) fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &[])
    }

    /// As [`Daemon::start`], with more in its environment.
    pub(crate) fn start_with(folder: &Folder, environment: &[(&str, &str)]) -> Self {
        let mut command = folder.command(&["run", "--log-format", "json"]);
        let mut process = command
            .envs(environment.iter().copied())
            .env("TOKEN", "a-token-for-tests")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let mut log = BufReader::new(process.stderr.take().expect("its stderr is a pipe"));
        let url = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the daemon ended early");
            if let Ok(event) = serde_json::from_str::<Value>(&line)
                && let Some(url) = event["url"].as_str()
            {
                break url.to_owned();
            }
        };
        // Whoever stops reading a log stops its writer.
        std::thread::spawn(move || log.lines().for_each(drop));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { process, url, client }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn post(&self, path: &str) -> (u16, Value) {
        let answer = self.client.post(format!("{}{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    /// Waits until the status document is as it should be.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let (_, status) = self.get("/api/v1/status").await;
                if holds(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        if let Ok(status) = tokio::time::timeout(PATIENCE, waiting).await {
            return status;
        }
        panic!("{what} did not come: {}", self.get("/api/v1/status").await.1)
    }

    /// Waits until a path is answered with this status by this token.
    pub(crate) async fn until_answered(&self, path: &str, token: &str, status: u16) {
        let url = format!("{}{path}", self.url);
        let waiting = async {
            loop {
                let asking = self.client.get(&url).bearer_auth(token).send();
                if asking.await.is_ok_and(|answer| answer.status() == status) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("{path} is not answered {status}"));
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = std::process::Command::new("kill")
            .args([&format!("-{name}"), &self.process.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    /// Stops it as an orchestrator does, and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.process.wait().unwrap().code()
    }

    /// Waits until nobody listens any more, as when it stops.
    pub(crate) async fn until_it_is_deaf(&self) {
        let waiting = async {
            while self.client.get(format!("{}/livez", self.url)).send().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it stops listening");
    }

    /// Waits until it has ended, and gives its exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let waiting = async {
            loop {
                if let Some(status) = self.process.try_wait().unwrap() {
                    return status.code();
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the daemon ends")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}
