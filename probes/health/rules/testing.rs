//! Evidence for tables of rules, built by hand.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::Health;
use crate::contract::{Kind as _, Seen};
use crate::health::look::{Evidence, Look, Sibling};
use crate::judgement::Judgement;
use crate::net::body::{Body, BodyEnd, Bytes};
use crate::net::connection::Connection;
use crate::net::exchange::{Answer, Exchange};
use crate::net::failure::{Failure, FailureKind};
use crate::net::phase::Phase;
use crate::net::redirect::{Followed, Stop};
use crate::rule::Tested;
use crate::testing::probe;

/// When every run of these tests takes place.
pub(super) const NOW: &str = "2026-01-01T12:00:00Z";

/// An endpoint under construction.
pub(super) struct Scene {
    exchange: Exchange,
    before: Vec<Exchange>,
    stopped: Option<Stop>,
    grpc: Option<String>,
    live: Option<Box<Self>>,
    sibling: Option<Sibling>,
}

fn exchange(answer: Option<Answer>, failure: Option<Failure>) -> Exchange {
    Exchange {
        method: "GET".to_owned(),
        url: "https://a.example/health".to_owned(),
        connection: Connection::default(),
        answer,
        failure,
    }
}

fn scene(exchange: Exchange) -> Scene {
    Scene { exchange, before: Vec::new(), stopped: None, grpc: None, live: None, sibling: None }
}

/// An answer without a body.
pub(super) fn status(status: u16) -> Scene {
    let version = "1.1".to_owned();
    let (headers, body, trailers) = (Vec::new(), Body::default(), Vec::new());
    scene(exchange(Some(Answer { version, status, headers, body, trailers }), None))
}

/// An answer with a body under a content type.
pub(super) fn typed(code: u16, content_type: &str, body: &str) -> Scene {
    status(code).header("content-type", content_type).body(body.as_bytes())
}

/// A plain text.
pub(super) fn text(code: u16, body: &str) -> Scene {
    typed(code, "text/plain; charset=utf-8", body)
}

/// A page of HTML.
pub(super) fn html(code: u16, body: &str) -> Scene {
    typed(code, "text/html", body)
}

/// A JSON body.
pub(super) fn json(code: u16, body: &Value) -> Scene {
    typed(code, "application/json", &body.to_string())
}

/// An answer over gRPC, with a body that may be none of gRPC's.
pub(super) fn grpc(code: u16, content_type: &str, body: &[u8]) -> Scene {
    status(code).header("content-type", content_type).body(body).over_grpc("shop.Orders")
}

/// No answer.
pub(super) fn failed(phase: Phase, kind: FailureKind) -> Scene {
    scene(exchange(None, Some(Failure::new(phase, kind, "it failed"))))
}

impl Scene {
    fn answer(&mut self) -> &mut Answer {
        self.exchange.answer.as_mut().expect("only an answer has parts")
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.answer().headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn trailer(mut self, name: &str, value: &str) -> Self {
        self.answer().trailers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// It was asked for the health of a service of gRPC's.
    pub(super) fn over_grpc(mut self, service: &str) -> Self {
        self.grpc = Some(service.to_owned());
        self
    }

    pub(super) fn body(mut self, bytes: &[u8]) -> Self {
        self.answer().body = Body {
            bytes: Bytes(bytes.to_vec()),
            length: bytes.len(),
            wire: bytes.len(),
            end: BodyEnd::Complete,
        };
        self
    }

    /// The body ends so; with a broken one comes the failure that broke it.
    pub(super) fn ending(mut self, end: BodyEnd, failure: Option<FailureKind>) -> Self {
        self.answer().body.end = end;
        self.exchange.failure =
            failure.map(|kind| Failure::new(Phase::Transfer, kind, "it failed"));
        self
    }

    /// The service took so many seconds, beside a second for the way to it.
    pub(super) fn took(mut self, processing: f64, transfer: f64) -> Self {
        self.exchange.connection.phases.connect = Some(1.0);
        self.exchange.connection.phases.processing = Some(processing);
        self.exchange.connection.phases.transfer = Some(transfer);
        self
    }

    /// A redirect led here from another URL.
    pub(super) fn redirected(mut self, code: u16, processing: f64) -> Self {
        let mut first = status(code).header("location", "/health").took(processing, 0.0).exchange;
        first.url = "http://a.example/health".to_owned();
        self.before.push(first);
        self
    }

    pub(super) fn stopped(mut self, stop: Stop) -> Self {
        self.stopped = Some(stop);
        self
    }

    /// With the liveness endpoint `/live`.
    pub(super) fn live(mut self, live: Self) -> Self {
        self.live = Some(Box::new(live));
        self
    }

    /// With what an absent path answers.
    pub(super) fn absent(mut self, sibling: Self) -> Self {
        let main = look("/health", scene(self.exchange.clone()));
        self.sibling = sibling.exchange.answer.map(|answer| Sibling::of(&answer, &main));
        self
    }

    pub(super) fn evidence(mut self) -> Evidence {
        let live = self.live.take().map(|live| look("/live", *live));
        let sibling = self.sibling.take();
        Evidence { main: look("/health", self), live, sibling }
    }
}

fn look(path: &str, scene: Scene) -> Look {
    let mut hops = scene.before;
    hops.push(scene.exchange);
    let followed = Followed { hops, stopped: scene.stopped };
    Look::new(path.to_owned(), scene.grpc, followed, NOW.parse().expect("a time"))
}

/// A whole run, judged.
pub(super) fn judge(settings: &str, scene: Scene) -> Judgement {
    // What is stored is judged like what was just seen.
    let stored = serde_json::to_string(&scene.evidence()).expect("evidence is plain data");
    let evidence: Evidence = serde_json::from_str(&stored).expect("and reads as it is written");
    let at: Timestamp = NOW.parse().expect("a time");
    probe::<Health>(settings).judge(&Seen { now: &evidence, earlier: &[] }, at)
}

/// What one rule says: `severity subject` by finding in order, then `untested` where it could
/// not look, or `only` and the subjects where it could not look at everything.
pub(super) fn says(rule: &str, settings: &str, scene: Scene) -> String {
    let judgement = judge(settings, scene);
    let mut said = String::new();
    for finding in judgement.findings.iter().filter(|finding| finding.about.id == rule) {
        write!(said, "{} {}, ", finding.severity, finding.subject).expect("a string takes all");
    }
    let (_, tested) = judgement
        .tested
        .iter()
        .find(|(about, _)| about.id == rule)
        .unwrap_or_else(|| panic!("there is no rule {rule}"));
    said = said.replace(" ,", ",").trim_end_matches(", ").to_owned();
    match tested {
        Tested::All => said,
        Tested::No(_) => format!("{said} untested").trim().to_owned(),
        Tested::Only(subjects) => {
            let shown: Vec<String> =
                subjects.iter().map(|subject| format!("[{subject}]")).collect();
            format!("{said} only {}", shown.join("")).trim().to_owned()
        }
    }
}

/// One row of a rule's table: settings, what was seen, and what the rule [`says`] of it.
pub(super) type Row = (&'static str, Scene, &'static str);

/// Holds a rule against its table.
pub(super) fn holds(rule: &str, rows: Vec<Row>) {
    for (number, (settings, scene, wanted)) in rows.into_iter().enumerate() {
        assert_eq!(says(rule, settings, scene), wanted, "{rule}, row {number}");
    }
}

/// Everything that fires in a run: `rule severity subject`, in the order of the rules.
pub(super) fn all(settings: &str, scene: Scene) -> Vec<String> {
    judge(settings, scene)
        .findings
        .iter()
        .map(|finding| {
            let id = finding.about.id.trim_start_matches("health.");
            format!("{id} {} {}", finding.severity, finding.subject).trim_end().to_owned()
        })
        .collect()
}
