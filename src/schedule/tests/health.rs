//! How the scheduler itself is: that it goes round, and what it makes of runs that are lost.

use super::*;

/// Breaks outside of what guards a run.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Breaks {}

fn never(_: &Breaks, _: &Seen<'_, Breaks>, _: Timestamp) -> Looked {
    Looked::silent()
}

impl Kind for Breaks {
    const NAME: &'static str = "breaks";
    const SUMMARY: &'static str = "it breaks";
    const RULES: &'static [Rule<Self>] =
        &[Rule { about: About { id: "breaks.never", ..FAILED }, check: never }];
    type Settings = Self;
    type Evidence = ();

    fn new(settings: Self) -> Result<Self, SettingsError> {
        Ok(settings)
    }

    fn max_duration(&self, _: Duration) -> Duration {
        panic!("it was told to");
    }

    async fn observe(&self, _: &Context) -> Result<(), Blind> {
        Ok(())
    }
}

static BREAKS: Registration = Registration::of::<Breaks>();

#[tokio::test(start_paused = true)]
async fn a_run_that_is_lost_could_not_look_and_the_check_goes_on() {
    let check = testing::check(&BREAKS, &serde_json::json!({}));
    let interval = Duration::from_mins(1);
    let check = Check { id: "a/breaks".into(), interval, ..check };
    let mut rig = Rig::start(config(vec![("a.test", check)]), Bounds::default()).await;
    rig.pass(Duration::from_mins(10)).await;
    let state = rig.store.state("a/breaks").unwrap();
    assert_eq!(state.damped.status, Status::Unknown);
    let runs = rig.store.runs("a/breaks").unwrap();
    assert!(runs.len() >= 9, "{}", runs.len());
}

#[tokio::test(start_paused = true)]
async fn a_scheduler_with_nothing_to_do_goes_round_all_the_same() {
    let rig = Rig::start(config(Vec::new()), Bounds::default()).await;
    tokio::time::sleep(HOUR).await;
    assert!(rig.heart.goes_on());
    rig.work.abort();
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(!rig.heart.goes_on());
}
