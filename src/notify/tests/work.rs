//! Receivers at work under a paused clock, with a courier that does as it is told.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::HeaderValue;
use jiff::SignedDuration;
use musterd_probes::net::target::HeaderText;
use musterd_probes::secret::Vault;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::super::channel::Letter;
use super::super::courier::{Courier, Undelivered};
use super::super::meters::Meters;
use super::super::{Notifiers, Notify};
use super::{at, findings, news, service};
use crate::clock::Clock;
use crate::config::{Channel, Config, Notifier, Server, Service, Waiver};
use crate::damping::Damped;
use crate::status::Status::{self, Fail, Pass, Pending, Unknown};
use crate::store::{Memory, News, Saved, Store, Watched};

/// What becomes of a letter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Arrives,
    Refused,
    Fails,
    Asks(u64),
    Hangs,
    /// Whatever speaks of the first check is answered with a fault.
    FailsAtA,
    Panics,
}

/// Carries nothing, and remembers when it was asked to.
struct Scripted {
    /// The fates of the next letters; the last one is that of all others too.
    fates: Mutex<VecDeque<Fate>>,
    carried: Mutex<Vec<(f64, String)>>,
    /// The `Content-Type` of each letter.
    types: Mutex<Vec<HeaderValue>>,
    began: Instant,
}

impl Scripted {
    fn letters(&self) -> Vec<(f64, String)> {
        self.carried.lock().unwrap().clone()
    }

    /// When each letter was carried, in seconds, and its body as a word.
    fn log(&self) -> Vec<(f64, String)> {
        let word = |body: &str| {
            let json: serde_json::Value = serde_json::from_str(body).unwrap();
            if let Some(alerts) = json.as_array() {
                let check = |alert: &serde_json::Value| alert["labels"]["check"].to_string();
                return alerts.iter().map(check).collect::<Vec<_>>().join(" ").replace('"', "");
            }
            let change = |change: &serde_json::Value| {
                format!("{}={}", change["name"], change["status"]).replace('"', "")
            };
            let changes = json["changes"].as_array().unwrap();
            changes.iter().map(change).collect::<Vec<_>>().join(" ")
        };
        self.letters().iter().map(|(when, body)| (*when, word(body))).collect()
    }

    fn words(&self) -> Vec<String> {
        self.log().into_iter().map(|(_, word)| word).collect()
    }
}

impl Courier for Scripted {
    fn carry(&self, letter: Letter) -> BoxFuture<'_, Result<(), Undelivered>> {
        let when = self.began.elapsed().as_secs_f64();
        let of_a = letter.body.contains("shop/a");
        self.carried.lock().unwrap().push((when, letter.body));
        self.types.lock().unwrap().push(letter.headers["content-type"].clone());
        let mut fates = self.fates.lock().unwrap();
        let fate = if fates.len() > 1 { fates.pop_front() } else { fates.front().copied() };
        drop(fates);
        let not = move |for_good, wait| {
            let perhaps = matches!(fate, Some(Fate::Hangs));
            let answered = for_good || of_a && matches!(fate, Some(Fate::FailsAtA));
            Err(Undelivered { for_good, why: "as it was told".to_owned(), wait, perhaps, answered })
        };
        Box::pin(async move {
            match fate.unwrap_or(Fate::Arrives) {
                Fate::Arrives => Ok(()),
                Fate::Refused => not(true, None),
                Fate::FailsAtA if !of_a => Ok(()),
                Fate::Fails | Fate::FailsAtA => not(false, None),
                Fate::Panics => panic!("as it was told"),
                Fate::Asks(seconds) => not(false, Some(Duration::from_secs(seconds))),
                Fate::Hangs => {
                    sleep(Duration::from_secs(10)).await;
                    not(false, None)
                }
            }
        })
    }
}

pub(super) fn hook(name: &str) -> Notifier {
    let url = format!("https://{name}.test/").parse().unwrap();
    let channel = Channel::Webhook { url, headers: Vec::new(), body: None };
    Notifier { name: name.to_owned(), channel, place: crate::testing::place() }
}

pub(super) fn alertmanager() -> Notifier {
    let url = "http://am.test/".parse().unwrap();
    Notifier {
        name: "am".to_owned(),
        channel: Channel::Alertmanager { url },
        place: crate::testing::place(),
    }
}

/// Notifications at work over a store that a test sets.
pub(super) struct Rig {
    store: Arc<Memory>,
    courier: Arc<Scripted>,
    meters: Meters,
    news: broadcast::Sender<Arc<News>>,
    notifiers: Notifiers,
    end: CancellationToken,
    pub(super) work: JoinHandle<()>,
    shop: Arc<Service>,
}

const CHECKS: [&str; 4] = ["a", "b", "c", "d"];

impl Rig {
    fn start<const N: usize>(notifiers: [Notifier; N], fates: &[Fate], room: usize) -> Self {
        Self::over(service("shop", &CHECKS), notifiers, fates, room)
    }

    fn over<const N: usize>(
        shop: Arc<Service>,
        notifiers: [Notifier; N],
        fates: &[Fate],
        room: usize,
    ) -> Self {
        let store = Arc::new(Memory::new());
        let watched =
            |check: &Arc<_>| Watched { service: Arc::clone(&shop), check: Arc::clone(check) };
        store.adopt(&shop.checks.iter().map(watched).collect::<Vec<_>>(), at(0));
        Self::on(store, shop, notifiers, fates, room, None)
    }

    /// As after a restart that kept this directory: the checks stand as these statuses say.
    pub(super) fn restarted<const N: usize>(
        directory: &Path,
        notifiers: [Notifier; N],
        fates: &[Fate],
        statuses: &[Status],
    ) -> Self {
        let (store, shop) = (Arc::new(Memory::new()), service("shop", &CHECKS));
        let watched =
            |check: &Arc<_>| Watched { service: Arc::clone(&shop), check: Arc::clone(check) };
        store.adopt(&shop.checks.iter().map(watched).collect::<Vec<_>>(), at(0));
        for (check, status) in shop.checks.iter().zip(statuses) {
            let damped = Damped::restored(*status, at(1), findings(*status));
            store.restore(&check.id, Saved { damped, last_pass: None });
        }
        Self::on(store, shop, notifiers, fates, 100, Some(directory))
    }

    fn on<const N: usize>(
        store: Arc<Memory>,
        shop: Arc<Service>,
        notifiers: [Notifier; N],
        fates: &[Fate],
        room: usize,
        directory: Option<&Path>,
    ) -> Self {
        let began = Instant::now();
        let clock =
            Clock::made_up(move || at(10) + SignedDuration::try_from(began.elapsed()).unwrap());
        let courier = Arc::new(Scripted {
            fates: Mutex::new(fates.iter().copied().collect()),
            carried: Mutex::default(),
            types: Mutex::default(),
            began,
        });
        let mut notify = Notify::new(
            &Config { notify: notifiers.into(), ..Config::default() },
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::new(Vault::new(|_| None)),
            clock,
        )
        .remembering(directory);
        notify.courier = Some(Arc::clone(&courier) as Arc<dyn Courier>);
        notify.room = room;
        let (news, heard) = broadcast::channel(4);
        let (meters, notifiers) = (notify.meters.clone(), notify.notifiers());
        let end = CancellationToken::new();
        let work = tokio::spawn(notify.work(heard, end.clone()));
        Self { store, courier, meters, news, notifiers, end, work, shop }
    }

    /// A check has this status from now on, and nobody says so.
    fn set(&self, check: usize, status: Status) -> Status {
        let id = &self.shop.checks[check].id;
        let before = self.store.state(id).unwrap().damped.status;
        let damped = Damped::restored(status, at(20), findings(status));
        self.store.restore(id, Saved { damped, last_pass: None });
        before
    }

    /// A run leaves a check with this status.
    fn run(&self, check: usize, status: Status) {
        let before = self.set(check, status);
        let from = (before != status).then_some(before);
        let _listeners = self.news.send(Arc::new(news(&self.shop, check, from, status, 20)));
    }

    /// One change that goes into a message of its own.
    pub(super) async fn change(&self, check: usize, status: Status) {
        self.run(check, status);
        self.pass(6).await;
    }

    /// Stops it, and says what was sent.
    pub(super) async fn stop(self) -> Vec<String> {
        self.end.cancel();
        self.work.await.unwrap();
        self.courier.words()
    }

    /// Lets made-up time pass.
    pub(super) async fn pass(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_fails_is_tried_again_after_ever_longer_waits() {
    let rig = Rig::start([hook("chat")], &[Fate::Fails], 100);
    rig.change(0, Fail).await;
    rig.pass(4_000).await;
    let times: Vec<f64> = rig.courier.log().into_iter().map(|(when, _)| when).collect();
    assert!((5.0..5.1).contains(&times[0]), "{times:?}");
    for (index, pair) in times.windows(2).enumerate() {
        let full = f64::from(1_u32 << index.min(20)).min(300.0);
        let waited = pair[1] - pair[0];
        assert!((full / 2.0..=full + 0.01).contains(&waited), "{index}: {waited} of {full}");
    }
    let last = times.last().unwrap() - times[0];
    assert!((3_000.0..=3_600.0).contains(&last), "it is given up after an hour: {last}");
    assert_eq!(rig.meters.counts("chat"), [0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_what_may_have_arrived_is_told() {
    for (fate, told) in [(Fate::Hangs, true), (Fate::Fails, false)] {
        let rig = Rig::start([hook("chat")], &[fate], 100);
        rig.change(0, Fail).await;
        rig.pass(3_700).await;
        assert_eq!(rig.meters.counts("chat"), [0, 1, 0]);
        *rig.courier.fates.lock().unwrap() = [Fate::Arrives].into();
        let until_now = rig.courier.words().len();
        rig.change(0, Pass).await;
        assert_eq!(rig.courier.words().len() > until_now, told, "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_a_receiver_fails_at_holds_up_the_others_once() {
    let rig = Rig::start([hook("chat")], &[Fate::FailsAtA], 100);
    rig.change(0, Fail).await;
    rig.pass(3_700).await;
    assert_eq!(rig.meters.counts("chat"), [0, 1, 0]);
    // The look round before each of these says a again when it may.
    for (hour, status) in (1..=30).zip([Fail, Pass].into_iter().cycle()) {
        rig.pass(3_600 - 70).await;
        rig.change(1, status).await;
        rig.pass(64).await;
        let arrived = rig.meters.counts("chat")[0];
        assert_eq!(arrived, hour, "b waits no longer than a minute");
    }
    // After 1, 2, 4, 8 and 16 hours.
    assert_eq!(rig.meters.counts("chat")[1], 5);
}

#[tokio::test(start_paused = true)]
async fn alertmanager_hears_what_is_wrong_before_it_ends_while_a_message_is_refused() {
    let rig = Rig::start([alertmanager()], &[Fate::Arrives], 100);
    rig.change(0, Fail).await;
    rig.pass(50).await;
    *rig.courier.fates.lock().unwrap() = [Fate::Fails].into();
    let failing = Instant::now();
    rig.change(1, Fail).await;
    let tried = || rig.courier.log().into_iter().filter(|(_, words)| words == "a b").count();
    while tried() == 0 && failing.elapsed() < Duration::from_mins(10) {
        rig.pass(1).await;
    }
    assert!(failing.elapsed() < Duration::from_mins(4), "{:?}", failing.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_tried_once_and_the_next_goes_on() {
    let rig = Rig::start([hook("chat")], &[Fate::Refused, Fate::Arrives], 100);
    rig.change(0, Fail).await;
    rig.change(1, Fail).await;
    assert_eq!(rig.courier.words(), ["a=fail", "b=fail"]);
    assert_eq!(rig.meters.counts("chat"), [1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_whose_task_is_lost_starts_again_with_what_waits() {
    let rig = Rig::start([hook("chat"), hook("mail")], &[Fate::Panics, Fate::Arrives], 100);
    rig.change(0, Fail).await;
    assert_eq!(rig.courier.words(), ["a=fail", "a=fail"], "one of them was lost");
    rig.pass(60).await;
    assert_eq!(rig.courier.words(), ["a=fail", "a=fail", "a=fail"]);
    rig.change(1, Fail).await;
    assert_eq!(["chat", "mail"].map(|name| rig.meters.counts(name)), [[2, 0, 0]; 2]);
}

#[tokio::test(start_paused = true)]
async fn what_a_template_cannot_say_is_said_as_our_own_json() {
    let Notifier { channel: Channel::Webhook { url, .. }, name, place } = hook("chat") else {
        panic!("a webhook")
    };
    let body = Some("{{ changes[0].findings[0].title }}".to_owned());
    let headers =
        vec![("content-type".parse().unwrap(), HeaderText::Plain("text/plain".parse().unwrap()))];
    let channel = Channel::Webhook { url, headers, body };
    let rig = Rig::start([Notifier { name, channel, place }], &[Fate::Arrives], 100);
    rig.change(0, Fail).await;
    rig.change(1, Unknown).await;
    let letters = rig.courier.letters();
    assert_eq!(letters[0].1, "the certificate has expired");
    let json: serde_json::Value = serde_json::from_str(&letters[1].1).unwrap();
    assert_eq!(json["changes"][0]["status"], "unknown");
    assert_eq!(rig.courier.types.lock().unwrap()[..], ["text/plain", "application/json"]);
    assert_eq!(rig.meters.counts("chat"), [2, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_gets_the_pause_that_it_asks_for() {
    let rig = Rig::start([hook("chat")], &[Fate::Asks(90), Fate::Arrives], 100);
    rig.change(0, Fail).await;
    rig.pass(200).await;
    let log = rig.courier.log();
    assert_eq!(log.len(), 2);
    assert!((90.0..90.1).contains(&(log[1].0 - log[0].0)), "{log:?}");
    assert_eq!(rig.meters.counts("chat"), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_holds_up_no_other() {
    let rig = Rig::start([hook("a-hangs"), hook("b-well")], &[Fate::Hangs, Fate::Arrives], 100);
    rig.change(0, Fail).await;
    let counts = [rig.meters.counts("a-hangs"), rig.meters.counts("b-well")];
    assert!(counts.contains(&[1, 0, 0]) && counts.contains(&[0, 0, 0]), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_full_line_drops_what_is_said_anew_and_then_the_oldest() {
    let rig = Rig::start([hook("chat")], &[Fate::Asks(60), Fate::Arrives], 3);
    rig.change(0, Fail).await; // In hand.
    rig.change(1, Fail).await;
    rig.change(2, Fail).await;
    rig.change(1, Pass).await; // Takes the place of what was said of b.
    rig.change(3, Fail).await; // Takes that of c, the oldest.
    assert_eq!(rig.meters.counts("chat"), [0, 0, 2]);
    rig.pass(120).await;
    // Of b there is nothing to say any more, and what was dropped follows when there is room.
    assert_eq!(rig.courier.words(), ["a=fail", "a=fail", "d=fail", "c=fail"]);
    assert_eq!(rig.meters.counts("chat"), [3, 0, 2]);
}

#[tokio::test(start_paused = true)]
async fn missed_news_are_made_up_for() {
    let rig = Rig::start([hook("chat")], &[Fate::Arrives], 100);
    rig.change(0, Fail).await;
    // More than the channel holds, at once; the change of c is among those that are lost.
    rig.run(2, Fail);
    for _ in 0..9 {
        rig.run(1, Pass);
    }
    rig.pass(6).await;
    assert_eq!(rig.courier.words(), ["a=fail", "c=fail"]);
}

#[tokio::test(start_paused = true)]
async fn what_changes_without_a_run_is_told_within_minutes() {
    let rig = Rig::start([hook("chat")], &[Fate::Arrives], 100);
    rig.pass(10).await;
    rig.set(3, Fail);
    rig.pass(70).await;
    assert_eq!(rig.courier.words(), ["d=fail"]);
}

#[tokio::test(start_paused = true)]
async fn alertmanager_hears_every_minute_what_is_wrong_and_no_more_when_it_is_over() {
    let rig = Rig::start([alertmanager()], &[Fate::Arrives], 100);
    rig.change(0, Fail).await;
    rig.change(1, Fail).await;
    rig.pass(120).await;
    let (alone, both) = ("a".to_owned(), "a b".to_owned());
    assert_eq!(rig.courier.words(), [alone.clone(), "b".to_owned(), both.clone(), both.clone()]);
    rig.change(1, Pass).await;
    rig.pass(60).await;
    assert_eq!(rig.courier.words().last(), Some(&alone));
    rig.change(0, Pass).await;
    let until_now = rig.courier.words().len();
    rig.pass(300).await;
    assert_eq!(rig.courier.words().len(), until_now);
    assert_eq!(rig.meters.counts("am"), [4, 0, 0], "what is said again is not counted");
}

#[tokio::test(start_paused = true)]
async fn what_alertmanager_refuses_to_hear_again_keeps_nothing_else_from_it() {
    use Fate::{Arrives, Fails, Refused};
    let names: Vec<String> = (100..250).map(|number| number.to_string()).collect();
    let shop = service("shop", &names.iter().map(String::as_str).collect::<Vec<_>>());
    for (fate, batches) in [(Refused, 2), (Fails, 1)] {
        // All of it is told in three messages, and again in two batches.
        let fates = [Arrives, Arrives, Arrives, fate, Arrives];
        let rig = Rig::over(Arc::clone(&shop), [alertmanager()], &fates, 100);
        for check in 0..names.len() {
            rig.set(check, Fail);
        }
        // Once the round sees them at its start, the next are a minute apart.
        rig.pass(61).await;
        assert_eq!(rig.courier.words().len(), 3 + batches, "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alertmanager_that_forgot_or_was_away_is_told_again() {
    let rig = Rig::start([alertmanager()], &[Fate::Fails], 100);
    rig.change(0, Fail).await;
    rig.pass(600).await;
    assert_eq!(rig.meters.counts("am"), [0, 1, 0], "the message is given up after three minutes");
    *rig.courier.fates.lock().unwrap() = [Fate::Arrives].into();
    let before = rig.courier.words().len();
    rig.pass(61).await;
    assert_eq!(rig.courier.words()[before..], ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_what_waits_and_tells_what_it_changed() {
    let rig = Rig::start([hook("chat"), hook("gone")], &[Fate::Asks(600)], 100);
    rig.change(0, Fail).await;
    let chat = Notifier { name: "chat".to_owned(), ..hook("moved") };
    *rig.courier.fates.lock().unwrap() = [Fate::Arrives].into();
    let before = rig.courier.words().len();
    // A waiver, say, makes b worse without a run, and c is a first pass.
    rig.set(1, Fail);
    rig.set(2, Pass);
    let external_url = Some("https://ops.example".to_owned());
    rig.notifiers.replace(&Config {
        notify: vec![chat, hook("new")],
        location: "berlin".to_owned(),
        server: Server { external_url, ..Server::default() },
        ..Config::default()
    });
    rig.pass(10).await;
    let mut words = rig.courier.words().split_off(before);
    words.sort();
    // The new one hears in one message of all that is wrong.
    assert_eq!(words, ["a=fail", "a=fail b=fail", "b=fail"]);
    assert_eq!(rig.meters.counts("chat"), [2, 0, 0]);
    assert_eq!(rig.meters.counts("new"), [1, 0, 0]);
    let last = rig.courier.letters().pop().unwrap().1;
    assert!(last.contains("berlin") && last.contains("https://ops.example/api/v1/checks/shop/"));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_moved_is_told_there_what_is_wrong() {
    for (place, told) in [("moved", &["a=fail", "a=fail"][..]), ("chat", &["a=fail"])] {
        let rig = Rig::start([hook("chat")], &[Fate::Arrives], 100);
        rig.change(0, Fail).await;
        let Channel::Webhook { url, headers, .. } = hook(place).channel else {
            panic!("a webhook")
        };
        let body = Some("{\"changes\": {{ changes | tojson }}}".to_owned());
        let channel = Channel::Webhook { url, headers, body };
        let chat = Notifier { channel, ..hook("chat") };
        rig.notifiers.replace(&Config { notify: vec![chat], ..Config::default() });
        rig.pass(10).await;
        assert_eq!(rig.courier.words(), told, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_tells_what_is_gathered_and_tries_once_more_for_five_seconds() {
    for (fates, times, counts) in [
        (vec![Fate::Arrives], 2, [2, 0, 0]),
        // The first is tried when it happens and at the stop, the second at the stop.
        (vec![Fate::Asks(600)], 3, [0, 2, 0]),
        (vec![Fate::Asks(600), Fate::Hangs], 2, [0, 0, 2]),
    ] {
        let rig = Rig::start([hook("chat")], &fates, 100);
        rig.change(0, Fail).await;
        rig.run(1, Fail);
        rig.pass(1).await;
        let stopped = Instant::now();
        rig.end.cancel();
        rig.work.await.unwrap();
        assert!(stopped.elapsed() <= Duration::from_secs(5));
        assert_eq!(rig.courier.letters().len(), times, "{fates:?}");
        assert_eq!(rig.meters.counts("chat"), counts, "{fates:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_of_what_is_pending_or_passes_from_the_start() {
    let rig = Rig::start([hook("chat")], &[Fate::Arrives], 100);
    rig.change(0, Pass).await;
    rig.change(1, Pending).await;
    rig.pass(60).await;
    assert_eq!(rig.courier.words(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_waiver_that_runs_out_is_told_without_any_run() {
    let mut shop = service("shop", &CHECKS);
    let until = at(0).to_zoned(jiff::tz::TimeZone::UTC).date();
    Arc::get_mut(&mut shop).unwrap().waivers.push(Waiver {
        rule: "tls.expires-soon".to_owned(),
        check: None,
        subject: None,
        reason: "until the move".to_owned(),
        until,
    });
    let rig = Rig::over(shop, [hook("chat"), alertmanager()], &[Fate::Arrives], 100);
    rig.pass(3600).await;
    assert_eq!(rig.courier.words(), Vec::<String>::new(), "it still counts");
    rig.pass(24 * 3600).await;
    let words = rig.courier.words();
    assert_eq!(words.iter().filter(|word| *word == "policy=warn").count(), 1, "chat hears it once");
    let again = words.iter().filter(|word| *word == "policy").count();
    assert!(again > 30 && again + 1 == words.len(), "Alertmanager is told again and again");
    let told = &rig.courier.letters()[0].1;
    assert!(told.contains("a waiver has expired (policy.waiver-expired) on tls.expires-soon"));
}
