//! Observing and judging see what earlier runs of the same check saw.

use super::*;

/// Counts its runs by what the one before it saw.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Counting {
    /// Changes the check's identity and nothing else.
    #[expect(dead_code, reason = "it is only compared as settings")]
    round: u32,
}

const REMEMBERED: About = About {
    id: "counting.remembered",
    severity: Severity::Info,
    title: "earlier runs were seen",
    why: "It is a test.",
    fix: "It is one.",
    references: &[],
};

fn remembered(_: &Counting, seen: &Seen<'_, Counting>, _: Timestamp) -> Looked {
    let earlier: Vec<u32> = seen.earlier.iter().map(|past| *past.evidence).collect();
    Looked::fired(Saw::new(format!("{earlier:?} before {}", seen.now), "nothing"))
}

impl Kind for Counting {
    const NAME: &'static str = "counting";
    const SUMMARY: &'static str = "it counts its runs";
    const RULES: &'static [Rule<Self>] = &[Rule { about: REMEMBERED, check: remembered }];
    const MEMORY: usize = 2;
    type Settings = Self;
    type Evidence = u32;

    fn new(settings: Self) -> Result<Self, SettingsError> {
        Ok(settings)
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        timeout
    }

    async fn observe(&self, cx: &Context) -> Result<u32, Blind> {
        Ok(cx.earlier::<Self>().first().map_or(0, |past| *past.evidence) + 1)
    }
}

static COUNTING: Registration = Registration::of::<Counting>();

fn counting(round: u32) -> Config {
    let check = testing::check(&COUNTING, &serde_json::json!({"round": round}));
    config(vec![("a.test", Check { identity: round.into(), ..check })])
}

fn saw(rig: &Rig) -> String {
    let state = rig.store.state("shop/counting").unwrap();
    state.damped.open[0].finding.saw.clone()
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_from_what_earlier_runs_saw_until_its_settings_change() {
    let mut rig = Rig::start(counting(0), Bounds::default()).await;
    let until = async |rig: &mut Rig, runs: u32| {
        while rig.store.state("shop/counting").unwrap().runs.iter().sum::<u32>() < runs {
            rig.pass(Duration::from_secs(1)).await;
        }
        saw(rig)
    };
    assert_eq!(until(&mut rig, 1).await, "[] before 1");
    assert_eq!(until(&mut rig, 4).await, "[3, 2] before 4");
    rig.adopt(counting(1)).await;
    assert_eq!(until(&mut rig, 1).await, "[] before 1");
}
