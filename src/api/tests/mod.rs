//! The API over a store that was filled by hand.

mod catalogue;
mod conduct;
mod events;
mod guards;
mod openapi;
mod reading;
mod reports;
mod schema;
mod writing;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use musterd_probes::blind::{Blind, Cause};
use musterd_probes::context::Context;
use musterd_probes::contract::{Kind, Seen, SettingsError};
use musterd_probes::judgement::Finding;
use musterd_probes::measurement::{Family, Measurement};
use musterd_probes::registry::Registration;
use musterd_probes::rule::{About, Looked, Rule, Tested};
use musterd_probes::run_id::RunId;
use musterd_probes::secret::{SecretRef, Vault};
use musterd_probes::severity::{Severity, Verdict};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{Reports, Settings, Shared, router};
use crate::clock::Clock;
use crate::commands::{Asked, Commands};
use crate::config::{Check, Service, Waiver};
use crate::heartbeat::Heartbeat;
use crate::policy::{self, Ruled, Ruling};
use crate::runner::{Outcome, Reception, Record};
use crate::store::{Memory, Store, Watched};
use crate::testing;

/// A probe that is never run: its evidence is made up.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Pretend {}

static LOW: About = About {
    id: "pretend.slow",
    severity: Severity::Low,
    title: "it is slow",
    why: "It is a test.",
    fix: "It is one.",
    references: &["https://example.com/slow"],
};
static HIGH: About = About { id: "pretend.down", severity: Severity::High, ..LOW };

const MEASURED: Family = Family { name: "probe_pretended", help: "A number.", labels: &["phase"] };

fn silent(_: &Pretend, _: &Seen<'_, Pretend>, _: Timestamp) -> Looked {
    Looked::silent()
}

impl Kind for Pretend {
    const NAME: &'static str = "pretend";
    const SUMMARY: &'static str = "it is made up";
    const RULES: &'static [Rule<Self>] =
        &[Rule { about: LOW, check: silent }, Rule { about: HIGH, check: silent }];
    const FAMILIES: &'static [Family] = &[MEASURED];
    type Settings = Self;
    type Evidence = String;

    fn new(settings: Self) -> Result<Self, SettingsError> {
        Ok(settings)
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        timeout
    }

    async fn observe(&self, _: &Context) -> Result<String, Blind> {
        Ok(String::new())
    }
}

static KIND: Registration = Registration::of::<Pretend>();

/// A secret that services give away, and that must not be seen.
const SECRET: &str = "hunter2-hunter2";

/// The time at which a rig begins.
fn noon() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn check(service: &str, name: &str) -> Arc<Check> {
    let mut check = testing::check(&KIND, &json!({}));
    check.id = format!("{service}/{name}").into();
    let terms = Arc::make_mut(&mut check.terms);
    terms.confirm = 1;
    terms.labels.insert("tier".to_owned(), "1".to_owned());
    Arc::new(check)
}

fn service(name: &str, checks: &[&str], waivers: Vec<Waiver>) -> Arc<Service> {
    let checks = checks.iter().map(|check_name| check(name, check_name)).collect();
    let url = format!("https://{name}.example/").parse().unwrap();
    let target = musterd_probes::net::target::Target::new(name, url);
    let labels = [("env".to_owned(), if name == "shop" { "prod" } else { "test" }.to_owned())];
    Arc::new(Service {
        name: name.to_owned(),
        target: Arc::new(target),
        labels: labels.into(),
        waivers,
        ..testing::service(checks)
    })
}

/// The API, and everything behind it.
struct Rig {
    store: Arc<Memory>,
    vault: Arc<Vault>,
    asked: Asked,
    settings: watch::Sender<Arc<Settings>>,
    ready: watch::Sender<bool>,
    stop: CancellationToken,
    heart: Heartbeat,
    registry: prometheus::Registry,
    passed: Arc<std::sync::atomic::AtomicI64>,
    runs: u64,
    router: Router,
    make: Make,
}

type Make = Box<dyn Fn() -> Router>;

/// An answer, read to its end.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    async fn read(answer: Response) -> Self {
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Self { status: parts.status, headers: parts.headers, body }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The values of one key in a list.
    fn each(&self, key: &str) -> Vec<Value> {
        let json = self.json();
        json["items"].as_array().unwrap().iter().map(|item| item[key].clone()).collect()
    }
}

impl Rig {
    /// Two services; nothing has run.
    fn new() -> Self {
        let waiver = Waiver {
            rule: "pretend.slow".to_owned(),
            check: Some(glob::Pattern::new("waived").unwrap()),
            subject: None,
            reason: "known".to_owned(),
            until: "2026-12-31".parse().unwrap(),
        };
        let expired =
            Waiver { until: "2026-11-01".parse().unwrap(), check: None, ..waiver.clone() };
        Self::of(&[
            service("shop", &["home", "cart", "waived"], vec![waiver]),
            service("blog", &["front"], vec![expired]),
        ])
    }

    fn of(services: &[Arc<Service>]) -> Self {
        Self::listening(services, true)
    }

    fn listening(services: &[Arc<Service>], loopback: bool) -> Self {
        let store = Arc::new(Memory::new());
        let watched: Vec<Watched> = services
            .iter()
            .flat_map(|service| {
                service
                    .checks
                    .iter()
                    .map(|check| Watched { service: Arc::clone(service), check: Arc::clone(check) })
            })
            .collect();
        store.adopt(&watched, noon());
        let (commands, asked) = Commands::new();
        let (settings, followed) = watch::channel(Arc::new(Settings {
            location: "here".to_owned(),
            token: None,
            report_token: None,
            base_path: String::new(),
            name: None,
            public: false,
        }));
        let (ready, readiness) = watch::channel(true);
        let stop = CancellationToken::new();
        let heart = Heartbeat::new();
        let passed = Arc::new(std::sync::atomic::AtomicI64::new(0));
        let offset = Arc::clone(&passed);
        let clock = Clock::made_up(move || {
            let seconds = offset.load(std::sync::atomic::Ordering::Relaxed);
            noon() + SignedDuration::from_secs(seconds)
        });
        let vault = Arc::new(Vault::new(|_| Some(SECRET.to_owned())));
        let registry = prometheus::Registry::new();
        let make: Make = Box::new({
            let (store, vault) = (Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&vault));
            let (registry, stop, heart) = (registry.clone(), stop.clone(), heart.clone());
            move || {
                router(Arc::new(Shared {
                    store: Arc::clone(&store),
                    commands: commands.clone(),
                    vault: Arc::clone(&vault),
                    clock: clock.clone(),
                    registry: registry.clone(),
                    settings: followed.clone(),
                    ready: readiness.clone(),
                    stop: stop.clone(),
                    heart: heart.clone(),
                    loopback,
                    reports: Reports::default(),
                }))
            }
        });
        let (runs, router) = (0, make());
        Self {
            store,
            vault,
            asked,
            settings,
            ready,
            stop,
            heart,
            registry,
            passed,
            runs,
            router,
            make,
        }
    }

    /// What another API over the same store answers, which knows nothing of what was asked before.
    async fn anew(&self, path: &str) -> Answered {
        let request = Request::get(path).body(Body::empty()).unwrap();
        Answered::read((self.make)().oneshot(request).await.unwrap()).await
    }

    /// One run of every verdict: home passes, cart fails, waived is slow but that is accepted,
    /// front could not be looked at.
    async fn filled() -> Self {
        let mut rig = Self::new();
        rig.vault.read(&SecretRef::Env("X".to_owned())).await.unwrap();
        rig.run("shop/home", &[]);
        rig.run("shop/cart", &[(&HIGH, "a"), (&HIGH, "b"), (&LOW, "")]);
        rig.run("shop/waived", &[(&LOW, "")]);
        rig.blind("blog/front");
        rig
    }

    /// Notes a run that found this, a second after the one before.
    fn run(&mut self, id: &str, found: &[(&'static About, &str)]) {
        let state = self.store.state(id).expect("the check is there");
        let finding = |(about, subject): &(&'static About, &str)| {
            let finding = Finding {
                about,
                subject: (*subject).to_owned(),
                severity: about.severity,
                saw: format!("it said {SECRET}"),
                wanted: "nothing".to_owned(),
            };
            policy::apply(finding, &state.check, &state.service.waivers, noon())
        };
        let findings: Vec<Ruled> = found.iter().map(finding).collect();
        let counted = findings.iter().filter(|ruled| ruled.waived.is_none());
        let ruling = Ruling {
            verdict: Verdict::of(counted.map(|ruled| ruled.finding.severity)),
            findings,
            tested: vec![(&LOW, Tested::All), (&HIGH, Tested::All)],
        };
        let measured = |phase: &str| Measurement::labelled(&MEASURED, vec![phase.to_owned()], 0.25);
        let outcome = Outcome::Saw {
            evidence: Arc::new(format!("it said {SECRET}")),
            ruling,
            measurements: vec![measured("one"), measured("two")],
        };
        self.record(&state.check, outcome);
    }

    /// Notes a run that could not look.
    fn blind(&mut self, id: &str) {
        let check = Arc::clone(&self.store.state(id).expect("the check is there").check);
        self.record(&check, Outcome::Blind(Blind::new(Cause::Network, format!("no {SECRET}"))));
    }

    fn record(&mut self, check: &Arc<Check>, outcome: Outcome) {
        self.runs += 1;
        let at = noon() + SignedDuration::from_secs(i64::try_from(self.runs).unwrap());
        let record = Record {
            run: RunId::new(at, u128::from(self.runs)),
            check: Arc::clone(check),
            at,
            duration: Duration::from_millis(43),
            outcome,
            requests: [1, 0, 0],
            untouched: false,
            reception: Reception::Unheard,
        };
        assert!(self.store.record(&record).is_some());
    }

    /// Sets the clock forward.
    fn pass(&self, seconds: i64) {
        self.passed.fetch_add(seconds, std::sync::atomic::Ordering::Relaxed);
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = Settings::clone(&self.settings.borrow());
        change(&mut settings);
        self.settings.send_replace(Arc::new(settings));
    }

    /// Asks as a program on this machine would.
    async fn ask(&self, mut request: Request<Body>) -> Answered {
        let near = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000)));
        if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
            request.extensions_mut().insert(near);
        }
        if !request.headers().contains_key("host") {
            request.headers_mut().insert("host", "localhost:9797".parse().unwrap());
        }
        let head = request.method() == http::Method::HEAD;
        let answer = Answered::read(self.router.clone().oneshot(request).await.unwrap()).await;
        if !head && !answer.header("content-length").is_empty() {
            assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        }
        answer
    }

    async fn get(&self, path: &str) -> Answered {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// What GET gives, which has to be 200.
    async fn read(&self, path: &str) -> Answered {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        answer
    }

    async fn post(&self, path: &str) -> Answered {
        self.ask(Request::post(path).body(Body::empty()).unwrap()).await
    }

    async fn post_json(&self, path: &str, body: impl Into<Body>) -> Answered {
        let request = Request::post(path).header("content-type", "application/json");
        self.ask(request.body(body.into()).unwrap()).await
    }
}

/// Holds a problem to its shape.
fn is_problem(answer: &Answered, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let json = answer.json();
    schema::holds("Problem", &json);
    assert_eq!(json["status"], status);
    json["detail"].as_str().unwrap().to_owned()
}
