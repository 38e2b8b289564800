//! Server-sent events: each run and each change of status, as they happen.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _, stream};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use musterd_probes::run_id::RunId;
use musterd_probes::secret::Secret;
use musterd_probes::severity::Verdict;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};

use super::problem::Problem;
use super::{Api, Settings};
use crate::status::Status;
use crate::store::News;

/// So many listen at once.
pub(super) const MOST: usize = 100;

/// A line that carries nothing, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After this time a browser asks again.
const RETRY: Duration = Duration::from_secs(3);

/// A run that ended.
#[derive(Serialize)]
struct Run<'a> {
    check: &'a str,
    service: &'a str,
    probe: &'a str,
    #[serde(rename = "run")]
    id: RunId,
    at: Timestamp,
    duration_seconds: f64,
    verdict: Verdict,
    status: Status,
}

/// A status that changed.
#[derive(Serialize)]
struct Change<'a> {
    check: &'a str,
    service: &'a str,
    probe: &'a str,
    /// `None` where it changed without one.
    run: Option<RunId>,
    at: Timestamp,
    from: Status,
    status: Status,
}

/// Something was missed, or changed as a whole: what a client knows, it has to read again.
#[derive(Serialize)]
struct Resync {
    reason: &'static str,
}

/// What one client hears.
struct Listening {
    news: broadcast::Receiver<Arc<News>>,
    reports: watch::Receiver<u64>,
    settings: watch::Receiver<Arc<Settings>>,
    token: Option<Secret>,
    /// The number of the news that came last.
    last: Option<u64>,
    ready: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

/// `GET /api/v1/events`.
pub(super) async fn events(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = Arc::clone(&api.listeners)
        .try_acquire_owned()
        .map_err(|_| Problem::later(format!("{MOST} clients listen already"), 10))?;
    let mut settings = api.shared.settings.clone();
    // What changed before is no news to whoever comes now.
    let token = settings.borrow_and_update().token.clone();
    let mut listening = Listening {
        news: api.shared.store.subscribe(),
        reports: api.shared.reports.heard(),
        settings,
        token,
        last: None,
        ready: VecDeque::from([Event::default().retry(RETRY)]),
        _place: place,
    };
    // Whoever heard events before has missed those between.
    if headers.contains_key("last-event-id") {
        listening.resync("the connection was interrupted");
    }
    let stop = api.shared.stop.clone();
    let events = listening.stream().take_until(stop.cancelled_owned());
    let mut answer =
        Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers are asked not to.
    answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(answer)
}

impl Listening {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut listening| async move {
            loop {
                if let Some(event) = listening.ready.pop_front() {
                    return Some((Ok(event), listening));
                }
                listening.hear().await?;
            }
        })
    }

    /// Waits for whatever comes next; `None` at the end.
    async fn hear(&mut self) -> Option<()> {
        tokio::select! {
            biased;
            changed = self.settings.changed() => {
                changed.ok()?;
                let token = self.settings.borrow().token.clone();
                if token.as_ref().map(Secret::expose) != self.token.as_ref().map(Secret::expose) {
                    return None;
                }
                self.resync("the configuration was read again");
            }
            reported = self.reports.changed() => {
                reported.ok()?;
                self.resync("a report was posted");
            }
            news = self.news.recv() => match news {
                Ok(news) => self.tell(&news),
                Err(RecvError::Lagged(_)) => {
                    self.last = None;
                    self.resync("events came faster than they were read");
                }
                Err(RecvError::Closed) => return None,
            },
        }
        Some(())
    }

    fn tell(&mut self, news: &News) {
        let News { sequence, service, check, run, at, changed_from, status } = news;
        if self.last.is_some_and(|last| last + 1 != *sequence) {
            self.resync("events were missed");
        }
        self.last = Some(*sequence);
        let (service, probe) = (service.name.as_str(), check.kind.name);
        if let Some(run) = run {
            let told = Run {
                check: &check.id,
                service,
                probe,
                id: run.run,
                at: run.at(),
                duration_seconds: run.duration().as_secs_f64(),
                verdict: run.verdict,
                status: *status,
            };
            self.push("run", Some(*sequence), &told);
        }
        if let Some(from) = *changed_from {
            let (run, at) = (run.map(|run| run.run), run.map_or(*at, |run| run.at()));
            let change =
                Change { check: &check.id, service, probe, run, at, from, status: *status };
            self.push("status", Some(*sequence), &change);
        }
    }

    fn resync(&mut self, reason: &'static str) {
        self.push("resync", None, &Resync { reason });
    }

    fn push<T: Serialize>(&mut self, name: &str, id: Option<u64>, data: &T) {
        let Ok(event) = Event::default().event(name).json_data(data) else { return };
        self.ready.push_back(match id {
            Some(id) => event.id(id.to_string()),
            None => event,
        });
    }
}
