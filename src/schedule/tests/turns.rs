//! Runs that wait for a limiter's window take nobody's room meanwhile.

use super::*;

/// Waits for a window of five minutes, and counts what others send.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Watching {}

impl Kind for Watching {
    const NAME: &'static str = "watching";
    const SUMMARY: &'static str = "it watches how much is left";
    const RULES: &'static [Rule<Self>] = &[];
    const COUNTS_TRAFFIC: bool = true;
    type Settings = Self;
    type Evidence = ();

    fn new(settings: Self) -> Result<Self, SettingsError> {
        Ok(settings)
    }

    fn max_duration(&self, _: Duration) -> Duration {
        Duration::from_secs(1)
    }

    async fn observe(&self, cx: &Context) -> Result<(), Blind> {
        assert!(cx.wait_for_window(Instant::now() + Duration::from_mins(5)).await);
        Ok(())
    }
}

static WATCHING: Registration = Registration::of::<Watching>();

/// A check every hour.
fn watching(service: &str, name: &str) -> Check {
    let check = testing::check(&WATCHING, &serde_json::json!({}));
    Check { id: format!("{service}/{name}").into(), interval: HOUR, ..check }
}

#[tokio::test(start_paused = true)]
async fn those_of_one_origin_take_turns_and_leave_the_host_to_the_others() {
    let watchers = (0..10).map(|n| ("a.test", watching("a", &format!("w{n}"))));
    let others = (0..5).map(|n| ("a.test", check("a", &format!("c{n}"), 60, 5, false)));
    let bounds = Bounds { most: 40, most_a_host: 2, ..Bounds::default() };
    let mut rig = Rig::start(config(watchers.chain(others).collect()), bounds).await;
    rig.pass(Duration::from_mins(5)).await;
    let ran = rig.pass(HOUR).await;
    for other in 0..5 {
        assert_eq!(ran[&format!("a/c{other}")].len(), 60, "a/c{other}");
    }
    let mut ends: Vec<i64> = ran
        .iter()
        .filter(|(id, _)| id.starts_with("a/w"))
        .flat_map(|(_, times)| times.iter().copied())
        .collect();
    ends.sort_unstable();
    // Who waits for too long is left out of this hour.
    assert!(ends.len() >= 10, "{ends:?}");
    assert!(ends.windows(2).all(|pair| pair[1] - pair[0] >= 299_000), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn those_of_many_origins_leave_room_for_everything_else() {
    const HOSTS: [&str; 4] = ["a.test", "b.test", "c.test", "d.test"];
    let watchers = HOSTS.map(|host| (host, watching(host, "w")));
    let others = (0..5).map(|n| ("e.test", check("e", &format!("c{n}"), 60, 5, false)));
    let bounds = Bounds { most: 2, most_a_host: 2, ..Bounds::default() };
    let mut rig = Rig::start(config(watchers.into_iter().chain(others).collect()), bounds).await;
    rig.pass(Duration::from_mins(5)).await;
    let ran = rig.pass(HOUR).await;
    for other in 0..5 {
        assert_eq!(ran[&format!("e/c{other}")].len(), 60, "e/c{other}");
    }
    assert!(HOSTS.iter().all(|host| !ran[&format!("{host}/w")].is_empty()), "{ran:?}");
}
