//! Runs over real sockets against limiters of every kind, and against servers that make a run stop.

mod adverse;
mod guards;
mod keys;
mod limiters;
mod several;
mod turns;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use musterd_test_support::http::{HttpServer, Reply, Request};
use tokio::time::Instant;

use super::RateLimit;
use super::evidence::{Evidence, Mode};
use super::infer::limiter::{Candidate, Limiter, Reply as Answer, Shape};
use crate::context::{Context, Limits, Run};
use crate::contract::{Earlier, Kind, Seen};
use crate::impact::Impact;
use crate::net::budget::{Budget, Budgets, Rate};
use crate::net::network::Network;
use crate::net::origin::Origin;
use crate::net::resolve::Resolver;
use crate::net::target::Target;
use crate::net::trust::Roots;
use crate::run_id::RunId;
use crate::secret::Vault;
use crate::testing;

/// When every run began: where windows that are counted from 1970 on end is always the same.
const STARTED: &str = "2026-01-01T12:00:15Z";

/// Limiters by key, on the clock of the test.
#[derive(Clone)]
struct Wall {
    candidate: Candidate,
    limiters: Arc<Mutex<HashMap<String, Limiter>>>,
    began: Instant,
}

impl Wall {
    fn new(shape: Shape, limit: f64, window: f64) -> Self {
        let candidate = Candidate { shape, limit, window };
        Self { candidate, limiters: Arc::default(), began: Instant::now() }
    }

    fn hit(&self, key: &str) -> Answer {
        let mut limiters = self.limiters.lock().unwrap();
        let limiter =
            limiters.entry(key.to_owned()).or_insert_with(|| Limiter::new(self.candidate));
        limiter.hit(self.began.elapsed().as_secs_f64())
    }

    /// The answer with headers that say how much is left.
    fn told(&self, key: &str) -> Reply {
        let answer = self.hit(key);
        let (limit, window) = (self.candidate.limit, self.candidate.window);
        let reply = if answer.accepted { Reply::text(200, "ok") } else { Reply::new(429) };
        reply
            .header("ratelimit-policy", &format!("{limit:.0};w={window:.0}"))
            .header("ratelimit-limit", &format!("{limit:.0}"))
            .header("ratelimit-remaining", &format!("{:.0}", answer.remaining))
    }

    /// The answer without any header.
    fn bare(&self, key: &str) -> Reply {
        if self.hit(key).accepted { Reply::text(200, "ok") } else { Reply::new(429) }
    }
}

/// A check's way to one server, on which several runs may follow each other.
struct Bench {
    server: HttpServer,
    network: Arc<Network>,
    target: Arc<Target>,
    probe: RateLimit,
    settings: String,
    /// When runs begin.
    at: Timestamp,
}

impl Bench {
    async fn new(
        settings: &str,
        handler: impl Fn(Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let server = HttpServer::start(handler).await;
        let url = server.url();
        Self::over(settings, server, &url)
    }

    /// To a server by another name.
    fn over(settings: &str, server: HttpServer, url: &str) -> Self {
        let target = Target::new("test", url.parse().unwrap());
        let budget = Budget {
            rate: Rate::per_second(500.0),
            burst: 500,
            connections: Rate::per_second(500.0),
        };
        let origin = Origin::of(&target.url).unwrap();
        let budgets = Budgets::new([(origin.clone(), budget)]);
        let vault = Arc::new(Vault::new(|_| None));
        let network = Network::new(Roots::new(false).0, Resolver::fixed([]), vault, budgets, None);
        Self {
            server,
            network: Arc::new(network.following([origin])),
            target: Arc::new(target),
            probe: testing::probe(settings),
            settings: settings.to_owned(),
            at: STARTED.parse().unwrap(),
        }
    }

    /// One run with all that its mode may.
    async fn run(&self) -> Evidence {
        let consent = match self.probe.mode {
            Mode::Exhaust => Impact::Intrusive,
            Mode::Headers | Mode::Differential => Impact::Active,
        };
        self.run_with(consent, Duration::from_secs(30)).await
    }

    async fn run_with(&self, consent: Impact, max_wait: Duration) -> Evidence {
        self.run_after(Earlier::default(), consent, max_wait).await
    }

    async fn run_after(&self, earlier: Earlier, consent: Impact, max_wait: Duration) -> Evidence {
        let at = self.at;
        let limits = Limits::of(consent, false);
        let requests = self.probe.max_requests().filter(|_| consent == Impact::Intrusive);
        let run = Run {
            id: RunId::new(at, 1),
            at,
            timeout: Duration::from_secs(5),
            consent,
            deep: false,
            max_wait,
            limits: Limits { requests: requests.unwrap_or(limits.requests), ..limits },
        };
        let cx = Context::new(Arc::clone(&self.network), Arc::clone(&self.target), run);
        let cx = cx.after(earlier);
        Kind::observe(&self.probe, &cx).await.unwrap()
    }

    fn sent(&self) -> usize {
        self.server.requests().len()
    }

    /// What is found, from evidence as it is stored.
    fn found(&self, evidence: &Evidence) -> Vec<String> {
        testing::judged::<RateLimit>(&self.settings, serde_json::to_value(evidence).unwrap())
    }

    fn family(&self, evidence: &Evidence) -> &'static str {
        let inference = &evidence.reading(&self.probe).inference;
        inference.family.map_or("undetermined", super::infer::limiter::Family::label)
    }

    /// Why a rule could not look.
    fn unproven(&self, evidence: &Evidence) -> String {
        let seen = Seen { now: evidence, earlier: &[] };
        let judgement = Kind::judge(&self.probe, &seen, Timestamp::UNIX_EPOCH);
        let found = judgement.findings.iter().find(|f| f.about.id == "rate_limit.unproven");
        found.map(|finding| finding.saw.clone()).unwrap_or_default()
    }
}
