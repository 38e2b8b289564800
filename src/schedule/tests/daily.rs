//! What runs at most once a day, over days and restarts.

use super::*;
use musterd_probes::net::target::Target;

use crate::ledger::Route;

/// Sees whether its deep part joined.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Deep {}

const NEVER: About = About {
    id: "deep.never",
    severity: Severity::Info,
    title: "it never fires",
    why: "It is a test.",
    fix: "It is one.",
    references: &[],
};

fn never(_: &Deep, _: &Seen<'_, Deep>, _: Timestamp) -> Looked {
    Looked::silent()
}

impl Kind for Deep {
    const NAME: &'static str = "deep";
    const SUMMARY: &'static str = "it has a deep part";
    const RULES: &'static [Rule<Self>] = &[Rule { about: NEVER, check: never }];
    const MEMORY: usize = 1_000;
    type Settings = Self;
    type Evidence = bool;

    fn new(settings: Self) -> Result<Self, SettingsError> {
        Ok(settings)
    }

    fn impact(&self) -> Impact {
        Impact::Active
    }

    fn has_deep_part(&self) -> bool {
        true
    }

    fn route(&self) -> Option<String> {
        Some("GET /shared".to_owned())
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        timeout
    }

    async fn observe(&self, cx: &Context) -> Result<bool, Blind> {
        if cx.deep() {
            // Something is sent: only a run that sent nothing is taken back.
            let url = cx.target().url.clone();
            let _refused = cx.exchange(&musterd_probes::net::request::Request::get(url)).await;
        }
        Ok(cx.deep())
    }
}

static DEEP: Registration = Registration::of::<Deep>();

fn hourly(name: &str) -> (&'static str, Check) {
    let check = testing::check(&DEEP, &serde_json::json!({}));
    ("127.0.0.1:9", Check { id: format!("shop/{name}").into(), interval: HOUR, ..check })
}

/// The runs of a check that went deep, counted in hours since the start, the earliest first.
fn deep_runs(rig: &Rig, check: &str) -> Vec<i64> {
    let state = rig.store.state(check).unwrap();
    let mut deep: Vec<i64> = state
        .earlier
        .as_slice()
        .iter()
        .filter(|(_, evidence)| evidence.to_json().unwrap() == serde_json::json!(true))
        .map(|(at, _)| (at.as_second() - 1_700_000_000) / 3600)
        .collect();
    deep.sort_unstable();
    deep
}

#[tokio::test(start_paused = true)]
async fn with_a_ledger_it_runs_in_the_second_round_and_then_once_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(vec![hourly("deep")]);
    let ledger = Ledger::durable(folder.path());
    let mut rig = Rig::start_with(config, Bounds::default(), ledger).await;
    rig.pass(72 * HOUR).await;
    let deep = deep_runs(&rig, "shop/deep");
    assert_eq!(deep.len(), 3, "{deep:?}");
    assert!(deep[0] <= 1, "never in the first round, but soon: {deep:?}");
    assert!(deep.windows(2).all(|pair| pair[1] - pair[0] >= 24), "{deep:?}");
}

#[tokio::test(start_paused = true)]
async fn it_does_not_join_the_first_run_after_a_pause() {
    let folder = tempfile::tempdir().unwrap();
    let origin = "127.0.0.1:9";
    let check = testing::check(&DEEP, &serde_json::json!({}));
    let deep = Check { id: "shop/deep".into(), interval: Duration::from_mins(1), ..check };
    let looker = super::check("shop", "http", 60, 1, false);
    let store = Arc::new(Memory::new());
    store.block(&format!("http://{origin}"), Some(testing::pause(beginning())));
    let config = config(vec![(origin, deep), (origin, looker)]);
    let ledger = Ledger::durable(folder.path());
    let mut rig = Rig::start_over(store, config, Bounds::default(), ledger).await;
    let state = |rig: &Rig| rig.store.state("shop/deep").unwrap();
    rig.pass(Duration::from_mins(30)).await;
    assert_eq!(state(&rig).damped.status, Status::Unknown, "it is not looked at");
    assert!(state(&rig).last_run().is_none());
    rig.pass(HOUR).await;
    assert_eq!(state(&rig).damped.status, Status::Pass);
    let went_deep: Vec<bool> = state(&rig)
        .earlier
        .as_slice()
        .iter()
        .map(|(_, evidence)| evidence.to_json().unwrap() == serde_json::json!(true))
        .collect();
    let first = went_deep.len() - 1;
    let deep: Vec<usize> = (0..=first).filter(|run| went_deep[first - run]).collect();
    assert_eq!(deep, [1], "the second run of {}", first + 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_repeat_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = Rig::start_with(
        config(vec![hourly("deep")]),
        Bounds::default(),
        Ledger::durable(folder.path()),
    );
    let mut first = first.await;
    first.pass(3 * HOUR).await;
    assert_eq!(deep_runs(&first, "shop/deep").len(), 1);
    // As after a crash: nothing was told to stop, and each rig's clock starts anew.
    let again = Rig::start_with(
        config(vec![hourly("deep")]),
        Bounds::default(),
        Ledger::durable(folder.path()),
    );
    let mut again = again.await;
    again.pass(20 * HOUR).await;
    assert_eq!(deep_runs(&again, "shop/deep").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_ledger_it_runs_at_its_own_time_of_the_day_alone() {
    let mut rig = Rig::start(config(vec![hourly("deep")]), Bounds::default()).await;
    rig.pass(72 * HOUR).await;
    let deep = deep_runs(&rig, "shop/deep");
    assert!((2..=3).contains(&deep.len()), "{deep:?}");
    assert!(deep.windows(2).all(|pair| pair[1] - pair[0] == 24), "{deep:?}");
}

#[tokio::test(start_paused = true)]
async fn two_checks_of_one_route_share_their_day() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(vec![hourly("one"), hourly("two")]);
    let ledger = Ledger::durable(folder.path());
    let mut rig = Rig::start_with(config, Bounds::default(), ledger).await;
    rig.pass(72 * HOUR).await;
    let (one, two) = (deep_runs(&rig, "shop/one").len(), deep_runs(&rig, "shop/two").len());
    assert_eq!(one + two, 3, "{one} and {two}");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_may_do_no_active_work_takes_no_day_from_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (origin, mut passive) = hourly("passive");
    Arc::make_mut(&mut passive.terms).allow = Impact::Passive;
    let config = config(vec![(origin, passive), hourly("deep")]);
    let ledger = Ledger::durable(folder.path());
    let mut rig = Rig::start_with(config, Bounds::default(), ledger).await;
    rig.pass(72 * HOUR).await;
    assert_eq!(deep_runs(&rig, "shop/deep").len(), 3);
    assert_eq!(deep_runs(&rig, "shop/passive").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_locked_stops_nothing_but_what_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let lock = std::fs::File::create(folder.path().join("ledger.lock")).unwrap();
    lock.lock().unwrap();
    let ledger = Ledger::durable(folder.path());
    let plain = ("plain.test", check("shop", "plain", 3_600, 1, false));
    let config = config(vec![hourly("deep"), plain]);
    let mut rig = Rig::start_with(config, Bounds::default(), ledger).await;
    let ran = rig.pass(10 * HOUR).await;
    assert!(ran["shop/deep"].len() >= 10 && ran["shop/plain"].len() >= 10, "{ran:?}");
    assert_eq!(deep_runs(&rig, "shop/deep").len(), 0, "what cannot be entered is not done");
    lock.unlock().unwrap();
    rig.pass(2 * HOUR).await;
    assert_eq!(deep_runs(&rig, "shop/deep").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn specimens_are_worked_on_in_the_first_round() {
    let ledger = Ledger::hasty(SignedDuration::from_mins(1));
    let mut rig = Rig::start_with(config(vec![hourly("deep")]), Bounds::default(), ledger).await;
    rig.pass(Duration::from_secs(10)).await;
    assert_eq!(deep_runs(&rig, "shop/deep"), [0]);
}

#[test]
fn a_route_names_the_probe_the_origin_and_what_is_worked_on() {
    let (_, check) = hourly("deep");
    let service = testing::service(Vec::new());
    let route = Route::of(&service, &check);
    assert_eq!(route, Route::of(&service, &hourly("another").1));
    let alone = super::check("shop", "alone", 60, 1, false);
    assert_ne!(Route::of(&service, &alone), route);
}

#[test]
fn a_route_is_the_same_however_its_url_is_put_together() {
    let kind = musterd_probes::KINDS.iter().find(|kind| kind.name == "rate_limit").unwrap();
    let route = |url: &str, path: &str| {
        let target = Target::new("shop", url.parse().unwrap());
        let service = Service { target: Arc::new(target), ..testing::service(Vec::new()) };
        let request = serde_json::json!({"request": {"method": "POST", "path": path}});
        Route::of(&service, &testing::check(kind, &request))
    };
    let login = route("http://a.test/api", "login");
    assert_eq!(login, route("http://a.test", "/api/login"));
    assert_eq!(login, route("http://a.test/api/login", ""));
    assert_ne!(login, route("http://a.test/shop", "login"));
}
