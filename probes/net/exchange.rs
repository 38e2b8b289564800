//! One HTTP request and its answer over a connection of its own, on hyper's connection API.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use crate::blind::Blind;
use crate::net::body::{Body, Reader};
use crate::net::connection::{Connection, Stream};
use crate::net::failure::{self, Failure};
use crate::net::interim::{Guarded, Interim};
use crate::net::phase::{Phase, Phases};

/// An answer's head is read up to so many bytes; hyper's own bound, stated here.
const HEAD_BYTES: usize = 256 * 1024;

/// An answer's head is read up to so many headers.
const HEAD_COUNT: usize = 1000;

/// Of the fields after a body, so many are kept.
const TRAILER_COUNT: usize = 64;

/// One request and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The request's method.
    pub method: String,
    /// Where it went.
    pub url: String,
    /// How it got there.
    pub connection: Connection,
    /// What was answered, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// What went wrong, also with an answer whose body broke off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// `1.0`, `1.1` or `2`.
    pub version: String,
    /// The status code.
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// The fields after the body, such as `grpc-status`; names in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<(String, String)>,
}

impl Answer {
    /// The first value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a header, whose name is given in lower case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a trailer, whose name is given in lower case.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl Exchange {
    /// What the phases took.
    pub const fn phases(&self) -> &Phases {
        &self.connection.phases
    }
}

/// What came of sending a request.
pub struct Sent {
    /// The answer's head and body.
    pub answer: Option<Answer>,
    /// What went wrong.
    pub failure: Option<Failure>,
}

/// A connection that speaks HTTP.
pub struct Session {
    driver: Driver,
    sender: Sender,
    interim: Interim,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Session {
    /// Starts to speak HTTP over a stream: HTTP/2 where ALPN agreed on it, or where nothing else
    /// will do.
    pub async fn start(
        stream: Stream,
        http2: bool,
        deadline: Instant,
        timeout: Duration,
    ) -> Result<Result<Self, Failure>, Blind> {
        match timeout_at(deadline, Self::speak(stream, http2)).await {
            Ok(Ok(session)) => Ok(Ok(session)),
            Ok(Err(error)) => failure::of_hyper(Phase::Processing, &error).map(Err),
            Err(_) => Ok(Err(Failure::timeout(Phase::Processing, timeout))),
        }
    }

    async fn speak(stream: Stream, http2: bool) -> hyper::Result<Self> {
        let spawned = Spawned::default();
        let interim = Interim::default();
        let io = TokioIo::new(Guarded::new(stream, interim.clone()));
        let (sender, driver) = if http2 {
            let (sender, connection) = http2::Builder::new(spawned.clone())
                .timer(TokioTimer::new())
                .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
                .handshake(io)
                .await?;
            (Sender::Http2(sender), Driver::new(connection, spawned))
        } else {
            let (sender, connection) = http1::Builder::new()
                .max_buf_size(HEAD_BYTES)
                .max_headers(HEAD_COUNT)
                // A value over several lines is old and not wrong: whoever receives one reads it as
                // one line (RFC 9112 sections 5.1 and 5.2), as browsers do.
                .allow_obsolete_multiline_headers_in_responses(true)
                .allow_spaces_after_header_name_in_responses(true)
                .handshake(io)
                .await?;
            (Sender::Http1(sender), Driver::new(connection, spawned))
        };
        Ok(Self { driver, sender, interim })
    }

    /// Sends a request and reads the answer, both before `deadline`.
    pub async fn send(
        &mut self,
        mut request: http::Request<Full<Bytes>>,
        body_cap: usize,
        deadline: Instant,
        timeout: Duration,
        phases: &mut Phases,
    ) -> Result<Sent, Blind> {
        let started = Instant::now();
        self.interim.count(&mut request);
        let answered = {
            let sending = async {
                match &mut self.sender {
                    Sender::Http1(sender) => {
                        sender.ready().await?;
                        sender.send_request(request).await
                    }
                    Sender::Http2(sender) => {
                        sender.ready().await?;
                        sender.send_request(request).await
                    }
                }
            };
            timeout_at(deadline, self.driver.drive(sending)).await
        };
        phases.note(Phase::Processing, started.elapsed());
        let failed = |failure| Ok(Sent { answer: None, failure: Some(failure) });
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let error = self.driver.cause(error);
                return failed(failure::of_hyper(Phase::Processing, &error)?);
            }
            Err(_) => return failed(Failure::timeout(Phase::Processing, timeout)),
        };
        let (head, incoming) = response.into_parts();
        let started = Instant::now();
        let encoding = head.headers.get(http::header::CONTENT_ENCODING);
        let reader = Reader::new(encoding.and_then(|value| value.to_str().ok()), body_cap);
        let mut trailers = Vec::new();
        let (body, failure) = self.read(incoming, reader, &mut trailers, deadline, timeout).await?;
        phases.note(Phase::Transfer, started.elapsed());
        Ok(Sent { answer: Some(answer(&head, body, trailers)), failure })
    }

    async fn read(
        &mut self,
        mut incoming: Incoming,
        mut reader: Reader,
        trailers: &mut Vec<(String, String)>,
        deadline: Instant,
        timeout: Duration,
    ) -> Result<(Body, Option<Failure>), Blind> {
        loop {
            let failure = match timeout_at(deadline, self.driver.drive(incoming.frame())).await {
                Ok(None) => return Ok((reader.finish(None), None)),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) if !reader.take(&piece) => return Ok((reader.finish(None), None)),
                    Ok(_) => continue,
                    Err(frame) => {
                        trailers.extend(frame.trailers_ref().into_iter().flat_map(fields));
                        trailers.truncate(TRAILER_COUNT);
                        continue;
                    }
                },
                Ok(Some(Err(error))) => {
                    failure::of_hyper(Phase::Transfer, &self.driver.cause(error))?
                }
                Err(_) => Failure::timeout(Phase::Transfer, timeout),
            };
            let body = reader.finish(Some(failure.detail.clone()));
            return Ok((body, Some(failure)));
        }
    }
}

/// Names and values as evidence holds them.
fn fields(map: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    map.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    })
}

fn answer(head: &http::response::Parts, body: Body, trailers: Vec<(String, String)>) -> Answer {
    Answer {
        version: match head.version {
            http::Version::HTTP_10 => "1.0",
            http::Version::HTTP_2 => "2",
            _ => "1.1",
        }
        .to_owned(),
        status: head.status.as_u16(),
        headers: fields(&head.headers).collect(),
        body,
        trailers,
    }
}

/// Drives hyper's connection while something is awaited from it, so that no task is left behind
/// when a run ends.
struct Driver {
    connection: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
    broke: Option<hyper::Error>,
    spawned: Spawned,
    tasks: FuturesUnordered<Background>,
}

type Background = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Driver {
    fn new(
        connection: impl Future<Output = hyper::Result<()>> + Send + 'static,
        spawned: Spawned,
    ) -> Self {
        Self {
            connection: Some(Box::pin(connection)),
            broke: None,
            spawned,
            tasks: FuturesUnordered::new(),
        }
    }

    /// Why an exchange failed: where all that its sender knows is that the connection is gone, the
    /// connection itself says why.
    fn cause(&mut self, error: hyper::Error) -> hyper::Error {
        if error.is_closed() || error.is_canceled() {
            self.broke.take().unwrap_or(error)
        } else {
            error
        }
    }

    async fn drive<F: Future>(&mut self, wanted: F) -> F::Output {
        let mut wanted = pin!(wanted);
        poll_fn(|cx| {
            self.poll_background(cx);
            match wanted.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(output),
                Poll::Pending => {
                    // What was just asked for may be waiting in the connection's queue.
                    self.poll_background(cx);
                    wanted.as_mut().poll(cx)
                }
            }
        })
        .await
    }

    fn poll_background(&mut self, cx: &mut TaskContext<'_>) {
        if let Some(connection) = &mut self.connection
            && let Poll::Ready(ended) = connection.as_mut().poll(cx)
        {
            self.connection = None;
            self.broke = ended.err();
        }
        loop {
            self.tasks.extend(self.spawned.take());
            while let Poll::Ready(Some(())) = self.tasks.poll_next_unpin(cx) {}
            if self.spawned.is_empty() {
                break;
            }
        }
    }
}

/// hyper's HTTP/2 wants to spawn; what it spawns is driven with its connection.
#[derive(Clone, Default)]
struct Spawned(Arc<Mutex<Vec<Background>>>);

impl Spawned {
    fn take(&self) -> Vec<Background> {
        std::mem::take(&mut self.0.lock().expect("no panic under this lock"))
    }

    fn is_empty(&self) -> bool {
        self.0.lock().expect("no panic under this lock").is_empty()
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Spawned {
    fn execute(&self, task: F) {
        self.0.lock().expect("no panic under this lock").push(Box::pin(task));
    }
}
