//! What one run saw of the health endpoints.

use std::borrow::Cow;
use std::sync::OnceLock;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::age::body_age;
use super::grpc;
use super::reading::{Form, Reading, read};
use super::vocabulary::Level;
use crate::net::exchange::{Answer, Exchange};
use crate::net::redirect::Followed;

/// What one run saw.
#[derive(Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// The health endpoint.
    pub(super) main: Look,
    /// The liveness endpoint, where one is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) live: Option<Look>,
    /// What a path answered that does not exist; `None` when it was not asked, or gave no whole
    /// answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sibling: Option<Sibling>,
}

/// One endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Look {
    /// Its path as configured.
    pub(super) path: String,
    /// The service whose health was asked for over gRPC; `None` where a GET asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grpc: Option<String>,
    /// The request and its redirects.
    pub(super) followed: Followed,
    /// When: for ages where the answer has no clock of its own.
    pub(super) at: Timestamp,
    /// What the body says: worked out once, from the body, when it is first needed.
    #[serde(skip)]
    reading: OnceLock<Reading>,
}

/// What a path answered that does not exist.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sibling {
    /// The status code.
    pub(super) status: u16,
    /// Whether the body is the health endpoint's, byte for byte.
    pub(super) same_body: bool,
    /// How the body is written.
    pub(super) form: Form,
    /// What it claims of health.
    pub(super) level: Option<Level>,
}

impl Look {
    pub(super) fn new(
        path: String,
        grpc: Option<String>,
        followed: Followed,
        at: Timestamp,
    ) -> Self {
        Self { path, grpc, followed, at, reading: OnceLock::new() }
    }

    /// The last exchange.
    pub(super) fn exchange(&self) -> &Exchange {
        self.followed.last()
    }

    /// Its answer.
    pub(super) fn answer(&self) -> Option<&Answer> {
        self.exchange().answer.as_ref()
    }

    /// The status code, or the one that an error of gRPC amounts to.
    pub(super) fn status(&self) -> Option<u16> {
        let answer = self.answer()?;
        Some(if self.grpc.is_some() { grpc::status(answer) } else { answer.status })
    }

    /// What its body says; an empty body where no answer came.
    pub(super) fn reading(&self) -> &Reading {
        self.reading.get_or_init(|| match self.answer() {
            Some(answer) if self.grpc.is_some() => grpc::read(answer),
            Some(answer) => of(answer),
            None => read(None, &[]),
        })
    }

    /// All the text that it shows to whoever asks.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        let answer = self.answer()?;
        let body = answer.body.text();
        Some(match grpc::message(answer).filter(|_| self.grpc.is_some()) {
            Some(message) => format!("{body}\n{message}").into(),
            None => body,
        })
    }

    /// How many seconds old its body is at least.
    pub(super) fn age(&self) -> Option<f64> {
        let answer = self.answer()?;
        body_age(self.reading().timestamp, answer.header("date"), answer.header("age"), self.at)
    }
}

impl Sibling {
    pub(super) fn of(answer: &Answer, main: &Look) -> Self {
        let reading = of(answer);
        Self {
            status: answer.status,
            same_body: main.answer().is_some_and(|main| main.body.bytes == answer.body.bytes),
            form: reading.form,
            level: reading.level(),
        }
    }
}

fn of(answer: &Answer) -> Reading {
    read(answer.header("content-type"), &answer.body.bytes.0)
}
