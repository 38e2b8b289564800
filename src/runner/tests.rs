//! A run always ends, and whatever goes wrong in musterd itself is `unknown`.

use musterd_probes::contract::{Kind, Seen, SettingsError};
use musterd_probes::registry::Registration;
use musterd_probes::rule::{About, Looked, Rule, Saw};
use musterd_probes::severity::Severity;

use super::*;
use crate::testing;

/// What a troublesome probe does.
#[derive(Debug, Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Trouble {
    Nothing,
    PanicInObserve,
    PanicInJudge,
    Hang,
    Intrude,
    LookAgain,
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Settings {
    trouble: Trouble,
}

struct Troublesome(Trouble);

const ABOUT: About = About {
    id: "troublesome.found",
    severity: Severity::Medium,
    title: "it was found",
    why: "It is a test.",
    fix: "It is one.",
    references: &[],
};

fn found(probe: &Troublesome, _: &Seen<'_, Troublesome>, _: Timestamp) -> Looked {
    assert!(!matches!(probe.0, Trouble::PanicInJudge), "judging went wrong");
    Looked::fired(Saw::new("it", "nothing"))
}

impl Kind for Troublesome {
    const NAME: &'static str = "troublesome";
    const SUMMARY: &'static str = "it makes trouble";
    const RULES: &'static [Rule<Self>] = &[Rule { about: ABOUT, check: found }];
    type Settings = Settings;
    type Evidence = ();

    fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self(settings.trouble))
    }

    fn max_duration(&self, timeout: Duration) -> Duration {
        timeout
    }

    fn impact(&self) -> Impact {
        if matches!(self.0, Trouble::LookAgain) { Impact::Active } else { Impact::Passive }
    }

    async fn observe(&self, cx: &Context) -> Result<(), Blind> {
        match self.0 {
            Trouble::Nothing | Trouble::PanicInJudge => Ok(()),
            Trouble::PanicInObserve => panic!("observing went wrong"),
            Trouble::Hang => std::future::pending().await,
            Trouble::LookAgain => {
                let mut looks = 1;
                while cx.look_again(looks).await {
                    looks += 1;
                }
                Err(Blind::new(Cause::Internal, format!("it looked {looks} times")))
            }
            Trouble::Intrude => {
                let request = musterd_probes::net::request::Request::get(cx.url("/"))
                    .impact(Impact::Intrusive);
                cx.exchange(&request).await.map(|_| ())
            }
        }
    }
}

static KIND: Registration = Registration::of::<Troublesome>();

async fn record(trouble: &str) -> Record {
    ordered(trouble, Impact::Active, false).await
}

async fn ordered(trouble: &str, allow: Impact, confirms: bool) -> Record {
    let mut check = testing::check(&KIND, &serde_json::json!({"trouble": trouble}));
    let terms = Arc::make_mut(&mut check.terms);
    (terms.allow, terms.confirm) = (allow, 3);
    let check = Arc::new(check);
    let service = testing::service(vec![Arc::clone(&check)]);
    let order = Order {
        ceiling: Impact::Intrusive,
        daily: false,
        max_wait: Duration::ZERO,
        confirms,
        at: Timestamp::UNIX_EPOCH,
        location: "here".into(),
    };
    run(&testing::network(), &service, &check, &Earlier::default(), &order).await
}

#[tokio::test]
async fn what_a_run_finds_is_judged() {
    let record = record("nothing").await;
    assert_eq!(record.verdict(), Verdict::Warn);
    assert_eq!(record.requests, [0; 3]);
}

#[tokio::test]
async fn a_panic_is_unknown_and_says_where_it_came_from() {
    for (trouble, words) in
        [("panic_in_observe", "observing went wrong"), ("panic_in_judge", "judging went wrong")]
    {
        let record = record(trouble).await;
        assert_eq!(record.verdict(), Verdict::Unknown, "{trouble}");
        assert!(record.reason().unwrap_or_default().contains(words), "{:?}", record.reason());
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_is_ended_and_is_not_the_targets_fault() {
    let record = record("hang").await;
    assert_eq!(record.verdict(), Verdict::Unknown);
    assert!(record.reason().unwrap_or_default().contains("did not end"), "{:?}", record.reason());
}

#[tokio::test]
async fn nothing_is_sent_beyond_what_the_check_consents_to() {
    let record = record("intrude").await;
    assert_eq!(record.verdict(), Verdict::Unknown);
    assert!(record.reason().unwrap_or_default().contains("not consented"), "{:?}", record.reason());
    assert_eq!(record.requests, [0; 3]);
}

#[tokio::test]
async fn an_active_run_of_the_scheduler_confirms_and_a_passive_one_is_repeated_instead() {
    for (allow, confirms, looks) in
        [(Impact::Active, true, 3), (Impact::Active, false, 1), (Impact::Passive, true, 1)]
    {
        let record = ordered("look_again", allow, confirms).await;
        let told = format!("it looked {looks} times");
        assert_eq!(record.reason(), Some(&*told), "{allow} {confirms}");
    }
}
