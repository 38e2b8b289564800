//! Hours of schedule under a paused clock.

mod daily;
mod health;
mod memory;
mod policy;
mod turns;
mod unforeseen;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use musterd_probes::blind::Blind;
use musterd_probes::context::Context;
use musterd_probes::contract::{Kind, Seen, SettingsError};
use musterd_probes::impact::Impact;
use musterd_probes::registry::Registration;
use musterd_probes::rule::{About, Looked, Rule, Saw};
use musterd_probes::severity::Severity;
use prometheus::Registry;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Bounds, Engine, Meters};
use crate::clock::Clock;
use crate::commands::{Commands, Refusal};
use crate::config::{Check, Config, Service};
use crate::heartbeat::Heartbeat;
use crate::ledger::Ledger;
use crate::status::Status;
use crate::store::{Memory, Store};
use crate::testing;

/// Takes so long, and fails if it is told to.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Pretend {
    milliseconds: u64,
    #[serde(default)]
    fails: bool,
    #[serde(default)]
    active: bool,
}

const FAILED: About = About {
    id: "pretend.failed",
    severity: Severity::High,
    title: "it was told to fail",
    why: "It is a test.",
    fix: "It is one.",
    references: &[],
};

fn failed(probe: &Pretend, _: &Seen<'_, Pretend>, _: Timestamp) -> Looked {
    probe.fails.then(|| Saw::new("a failure", "none")).into()
}

impl Kind for Pretend {
    const NAME: &'static str = "pretend";
    const SUMMARY: &'static str = "it takes its time";
    const RULES: &'static [Rule<Self>] = &[Rule { about: FAILED, check: failed }];
    type Settings = Self;
    type Evidence = ();

    fn new(settings: Self) -> Result<Self, SettingsError> {
        Ok(settings)
    }

    fn impact(&self) -> Impact {
        if self.active { Impact::Active } else { Impact::Passive }
    }

    fn max_duration(&self, _: Duration) -> Duration {
        Duration::from_hours(1)
    }

    async fn observe(&self, _: &Context) -> Result<(), Blind> {
        tokio::time::sleep(Duration::from_millis(self.milliseconds)).await;
        Ok(())
    }
}

static KIND: Registration = Registration::of::<Pretend>();

/// A check of a pretended probe.
fn check(service: &str, name: &str, seconds: u64, takes: u64, fails: bool) -> Check {
    let settings = serde_json::json!({"milliseconds": takes, "fails": fails});
    let interval = Duration::from_secs(seconds);
    let mut check = testing::check(&KIND, &settings);
    Arc::make_mut(&mut check.terms).retry_interval = interval.min(Duration::from_secs(30));
    Check { id: format!("{service}/{name}").into(), interval, ..check }
}

fn config(checks: Vec<(&str, Check)>) -> Config {
    let mut services: BTreeMap<String, Vec<Arc<Check>>> = BTreeMap::new();
    for (host, check) in checks {
        services.entry(host.to_owned()).or_default().push(Arc::new(check));
    }
    let service = |(host, checks): (String, Vec<Arc<Check>>)| {
        let url = format!("http://{host}/").parse().unwrap();
        let target = musterd_probes::net::target::Target::new(host.clone(), url);
        Arc::new(Service { name: host, target: Arc::new(target), ..testing::service(checks) })
    };
    Config { services: services.into_iter().map(service).collect(), ..Config::default() }
}

/// The time at which a rig begins.
fn beginning() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

/// A scheduler at work under a paused clock.
struct Rig {
    store: Arc<Memory>,
    commands: Commands,
    registry: Registry,
    clock: Clock,
    stop: CancellationToken,
    work: tokio::task::JoinHandle<()>,
    /// How far the wall clock was set, in milliseconds.
    set: Arc<AtomicI64>,
    runs: tokio::sync::broadcast::Receiver<Arc<crate::store::News>>,
    heart: Heartbeat,
}

impl Rig {
    async fn start(config: Config, bounds: Bounds) -> Self {
        Self::start_with(config, bounds, Ledger::passing()).await
    }

    async fn start_with(config: Config, bounds: Bounds, ledger: Ledger) -> Self {
        Self::start_over(Arc::new(Memory::new()), config, bounds, ledger).await
    }

    /// Over what a store knows from before.
    async fn start_over(
        store: Arc<Memory>,
        config: Config,
        bounds: Bounds,
        ledger: Ledger,
    ) -> Self {
        let registry = Registry::new();
        let set = Arc::new(AtomicI64::new(0));
        let (started, offset) = (Instant::now(), Arc::clone(&set));
        let clock = Clock::made_up(move || {
            let passed = SignedDuration::try_from(started.elapsed()).unwrap();
            beginning() + passed + SignedDuration::from_millis(offset.load(Ordering::Relaxed))
        });
        let heart = Heartbeat::new();
        let engine = Engine::new(
            Arc::clone(&store) as Arc<dyn Store>,
            ledger,
            Meters::register(&registry).unwrap(),
            clock.clone(),
            bounds,
            Box::new(|_| testing::bare_network()),
        )
        .beating(heart.clone());
        let (commands, asked) = Commands::new();
        let stop = CancellationToken::new();
        let work = tokio::spawn(engine.work(asked.scheduler, stop.clone()));
        let runs = store.subscribe();
        let rig = Self { store, commands, registry, clock, stop, work, set, runs, heart };
        rig.adopt(config).await;
        rig
    }

    async fn adopt(&self, config: Config) {
        assert!(self.commands.adopt(Arc::new(config)).await);
    }

    /// Lets time pass, and gives back when each check ran, in milliseconds since `start`.
    async fn pass(&mut self, time: Duration) -> BTreeMap<String, Vec<i64>> {
        let end = Instant::now() + time;
        let mut ran: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        while let Ok(news) = tokio::time::timeout_at(end, self.runs.recv()).await {
            let news = news.expect("the test keeps up");
            if let Some(run) = news.run {
                ran.entry(news.check.id.to_string()).or_default().push(run.at().as_millisecond());
            }
        }
        ran
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn shed(&self, reason: &str) -> u64 {
        let families = self.registry.gather();
        let shed = families.iter().find(|family| family.name() == "musterd_runs_shed_total");
        let series = shed.expect("the family is there").get_metric().iter();
        let of_reason = series
            .filter(|metric| metric.get_label().iter().any(|label| label.value() == reason))
            .map(|metric| metric.get_counter().get_value());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small count"
        )]
        let count = of_reason.sum::<f64>() as u64;
        count
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn every_check_runs_once_in_each_interval_for_hours() {
    let checks = (0..50).map(|n| ("a.test", check("a", &format!("c{n}"), 60, 20, false)));
    let mut rig = Rig::start(config(checks.collect()), Bounds::default()).await;
    // The first round is made within moments, each check then goes to its own place.
    let first = rig.pass(Duration::from_secs(2)).await;
    assert_eq!(first.len(), 50, "the first round is soon over");
    rig.pass(Duration::from_mins(2)).await;
    let ran = rig.pass(3 * HOUR).await;
    assert_eq!(ran.len(), 50);
    for (id, times) in &ran {
        assert_eq!(times.len(), 180, "{id}");
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 60_000), "{id}");
    }
    assert_eq!(rig.shed("deadline") + rig.shed("overlap"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_hangs_takes_nobody_elses_permits() {
    let hanging =
        (0..100).map(|n| ("hangs.test", check("h", &format!("c{n}"), 60, 300_000, false)));
    let well = (0..100).map(|n| ("well.test", check("w", &format!("c{n}"), 60, 5, false)));
    let bounds = Bounds { most: 40, most_a_host: 8, ..Bounds::default() };
    let mut rig = Rig::start(config(hanging.chain(well).collect()), bounds).await;
    rig.pass(Duration::from_mins(5)).await;
    let ran = rig.pass(HOUR).await;
    let runs_of_well: usize =
        ran.iter().filter(|(id, _)| id.starts_with("w/")).map(|(_, times)| times.len()).sum();
    assert_eq!(runs_of_well, 100 * 60, "no run of the healthy host was lost");
    assert!(rig.shed("deadline") > 0, "the hanging host's runs are shed by their deadline");
    let unknown = rig.store.states().into_iter().filter(|state| {
        let now = rig.now();
        let looked = state.last.as_ref().is_some_and(|last| last.reason().is_none());
        let run = state.last_run().filter(|_| looked);
        let ended = run.map(|run| run.at() + run.duration());
        let is_old = ended.is_none_or(|ended| now.duration_since(ended).as_secs() > 240);
        assert!(!is_old || state.damped.status != Status::Pass, "{} is old", state.check.id);
        state.damped.status == Status::Unknown
    });
    assert!(unknown.count() > 50, "of most nothing is known for a quarter of an hour");
}

#[tokio::test(start_paused = true)]
async fn at_most_one_run_of_a_check_is_in_flight() {
    let slow = check("s", "slow", 10, 25_000, false);
    let mut rig = Rig::start(config(vec![("slow.test", slow)]), Bounds::default()).await;
    rig.pass(Duration::from_mins(1)).await;
    let ran = rig.pass(HOUR).await;
    let times = &ran["s/slow"];
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 25_000));
    assert!(rig.shed("overlap") > 100);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_makes_no_check_run_twice_or_never() {
    for jump in [HOUR, Duration::from_secs(90), Duration::from_secs(7)] {
        for sign in [1, -1] {
            let checks = (0..20).map(|n| ("a.test", check("a", &format!("c{n}"), 60, 5, false)));
            let mut rig = Rig::start(config(checks.collect()), Bounds::default()).await;
            rig.pass(Duration::from_mins(3)).await;
            let jump = i64::try_from(jump.as_millis()).unwrap() * sign;
            rig.set.fetch_add(jump, Ordering::Relaxed);
            let moved = rig.pass(Duration::from_mins(10)).await;
            assert_eq!(moved.len(), 20);
            for (id, times) in moved {
                assert!((9..=12).contains(&times.len()), "{id} by {jump}: {}", times.len());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_reloads_under_load_miss_no_run() {
    let checks = || (0..50).map(|n| ("a.test", check("a", &format!("c{n}"), 60, 200, false)));
    let mut rig = Rig::start(config(checks().collect()), Bounds::default()).await;
    let before = rig.pass(Duration::from_mins(2)).await["a/c0"].len();
    let mut ran: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..100 {
        rig.adopt(config(checks().collect())).await;
        for (id, times) in rig.pass(Duration::from_secs(12)).await {
            *ran.entry(id).or_default() += times.len();
        }
    }
    assert_eq!(ran.len(), 50);
    assert!(ran.values().all(|runs| *runs == 20), "{ran:?}");
    let state = rig.store.state("a/c0").unwrap();
    let counted = usize::try_from(state.runs.iter().sum::<u32>()).unwrap();
    assert_eq!(counted, before + 20, "the counters went on");
}

#[tokio::test(start_paused = true)]
async fn a_reload_starts_what_is_new_and_forgets_what_is_gone() {
    let old = config(vec![("a.test", check("a", "old", 60, 5, false))]);
    let mut rig = Rig::start(old, Bounds::default()).await;
    rig.pass(Duration::from_mins(2)).await;
    rig.adopt(config(vec![("a.test", check("a", "new", 60, 5, false))])).await;
    let ran = rig.pass(Duration::from_secs(1)).await;
    assert_eq!(ran.keys().collect::<Vec<_>>(), ["a/new"]);
    assert!(rig.store.state("a/old").is_none());
    assert_eq!(rig.commands.run("a/old").await, Err(Refusal::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_check_whose_settings_changed_starts_anew_and_soon() {
    let rarely = || check("a", "rarely", 3_600, 5, false);
    let mut rig = Rig::start(config(vec![("a.test", rarely())]), Bounds::default()).await;
    assert_eq!(rig.pass(Duration::from_secs(5)).await["a/rarely"].len(), 1);
    rig.adopt(config(vec![("a.test", rarely())])).await;
    assert!(rig.pass(Duration::from_secs(5)).await.is_empty(), "nothing changed");
    let changed = Check { identity: 7, ..check("a", "rarely", 3_600, 5, true) };
    rig.adopt(config(vec![("a.test", changed)])).await;
    assert_eq!(rig.store.state("a/rarely").unwrap().damped.status, Status::Pending);
    assert_eq!(rig.store.runs("a/rarely").unwrap().len(), 1, "its past stays");
    assert_eq!(rig.pass(Duration::from_secs(5)).await["a/rarely"].len(), 1);
    assert_eq!(rig.store.runs("a/rarely").unwrap().len(), 2);
    assert_eq!(rig.store.state("a/rarely").unwrap().runs.iter().sum::<u32>(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_confirmed_early_and_then_stands() {
    let fails = check("a", "fails", 300, 5, true);
    let mut rig = Rig::start(config(vec![("a.test", fails)]), Bounds::default()).await;
    let ran = rig.pass(Duration::from_secs(29)).await;
    assert_eq!(ran["a/fails"].len(), 1);
    assert_eq!(rig.store.state("a/fails").unwrap().damped.status, Status::Pending);
    rig.pass(Duration::from_secs(4)).await;
    assert_eq!(rig.store.state("a/fails").unwrap().damped.status, Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_may_do_no_active_work_is_like_any_passive_one() {
    let settings = serde_json::json!({"milliseconds": 5, "fails": true, "active": true});
    for (allow, status, asked) in [
        (Impact::Active, Status::Fail, Err(Refusal::Limited)),
        (Impact::Passive, Status::Pending, Ok(())),
    ] {
        let mut check = testing::check(&KIND, &settings);
        Arc::make_mut(&mut check.terms).allow = allow;
        let check = Check { id: "a/fails".into(), interval: HOUR, ..check };
        let mut rig = Rig::start(config(vec![("a.test", check)]), Bounds::default()).await;
        rig.pass(Duration::from_secs(5)).await;
        let state = rig.store.state("a/fails").unwrap();
        assert_eq!(state.damped.status, status, "{allow}");
        assert_eq!(rig.commands.run("a/fails").await, asked, "{allow}");
        rig.pass(Duration::from_mins(1)).await;
        assert_eq!(rig.store.state("a/fails").unwrap().damped.status, Status::Fail);
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_runs_out_of_turn_when_it_is_asked_for_and_not_twice_at_once() {
    let slow = check("a", "slow", 3_600, 5_000, false);
    let mut rig = Rig::start(config(vec![("a.test", slow)]), Bounds::default()).await;
    rig.pass(Duration::from_mins(1)).await;
    assert_eq!(rig.commands.run("a/slow").await, Ok(()));
    assert_eq!(rig.commands.run("a/slow").await, Err(Refusal::Busy));
    let ran = rig.pass(Duration::from_mins(1)).await;
    assert_eq!(ran["a/slow"].len(), 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_awaits_what_is_in_flight_but_not_for_ever() {
    for (takes, recorded) in [(4_000, 1), (60_000, 0)] {
        let slow = check("a", "slow", 3_600, takes, false);
        let rig = Rig::start(config(vec![("a.test", slow)]), Bounds::default()).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        rig.stop.cancel();
        let began = Instant::now();
        rig.work.await.unwrap();
        assert!(began.elapsed() <= Bounds::default().grace);
        assert_eq!(rig.store.runs("a/slow").unwrap().len(), recorded, "{takes}");
    }
}
