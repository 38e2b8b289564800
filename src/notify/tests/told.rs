//! What is told, as tables.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use musterd_probes::run_id::RunId;
use musterd_probes::secret::Vault;
use musterd_probes::severity::Verdict;
use tokio::time::Instant;

use super::super::book::Book;
use super::super::line::{Line, Lost};
use super::super::message::{Before, Change, Message, State, Urgency};
use super::super::problem::{self, Whose};
use super::super::stand::{Stand, Topic};
use super::super::told::{self, Gathering, Telling, WINDOW};
use super::{at, findings, news, service, state, writer};
use crate::config::Service;
use crate::damping::Damped;
use crate::status::Status::{self, Fail, Pass, Pending, Unknown, Warn};
use crate::store::{CheckState, LastRun, RunSummary};

/// The core at work for one receiver, on states that a test sets.
struct Bench {
    gathering: Gathering,
    line: Line,
    states: BTreeMap<Arc<str>, Arc<CheckState>>,
    policies: Vec<Stand>,
    began: Instant,
    /// What becomes of messages; `None` when they arrive.
    fate: Option<Lost>,
}

impl Bench {
    fn new() -> Self {
        Self {
            gathering: Gathering::default(),
            line: Line::new(100, Book::default()),
            states: BTreeMap::new(),
            policies: Vec::new(),
            began: Instant::now(),
            fate: None,
        }
    }

    /// The receiver was told of this before a restart.
    fn remember(&mut self, stand: &Stand) {
        let writer = writer(Arc::new(Vault::new(|_| None)));
        let change = writer.change(stand, Before::default());
        let whose = Whose::of(&stand.service);
        let message = writer.message(&whose, stand.status, vec![change], at(5));
        let mut known = self.line.delivered();
        problem::note(&mut known, &message);
        self.line = Line::new(100, Book::remembered(known));
    }

    /// Sets a status without any news, for `service/check`.
    fn set(&mut self, id: &'static str, status: Status, second: i64) -> Arc<Service> {
        let (name, check) = id.split_once('/').unwrap();
        let service = service(name, &[check]);
        let state = state(&service, status, second);
        self.states.insert(Arc::clone(&state.check.id), Arc::new(state));
        service
    }

    /// A check that is pending with what was found when it had this status.
    fn set_lapsed(&mut self, id: &'static str, status: Status, second: i64) {
        self.set(id, status, second);
        let state = self.states.get_mut(id).unwrap();
        Arc::make_mut(state).damped = Damped::restored(Pending, at(10), findings(status));
    }

    /// A run that leaves a check with this status.
    fn run(&mut self, id: &'static str, status: Status, second: i64) {
        let before = self.states.get(id).map_or(Pending, |state| state.damped.status);
        let from = (before != status).then_some(before);
        let since = match from {
            Some(_) => at(second),
            None => self.states[id].damped.since,
        };
        let service = self.set(id, status, (since - at(0)).get_seconds());
        let now = self.now(second);
        let news = news(&service, 0, from, status, second);
        self.gathering.hear(&news, now);
    }

    fn resynchronise(&mut self, second: i64) {
        let states: Vec<_> = self.states.values().cloned().collect();
        let now = self.now(second);
        self.line.retract(now);
        let (gathering, policies) = (&mut self.gathering, &self.policies);
        self.line.said(|said| gathering.resynchronise(&states, policies, said, now));
    }

    fn now(&self, second: i64) -> Instant {
        self.began + Duration::from_secs(second.try_into().unwrap())
    }

    fn look(&self, id: &str) -> Option<Stand> {
        match self.states.get(id) {
            Some(state) => Some(Stand::of(state)),
            None => self.policies.iter().find(|stand| &**stand.topic.id() == id).cloned(),
        }
    }

    /// Puts what is due by this second into the receiver's line.
    fn say(&mut self, second: i64) {
        let writer = writer(Arc::new(Vault::new(|_| None)));
        let now = self.now(second);
        while let Some((_, topics)) = self.gathering.next(Some(now)) {
            let stand = |id: &Arc<str>| Some((Arc::clone(id), self.look(id)?));
            let stands = topics.keys().filter_map(stand).collect();
            let telling =
                self.line.said(|said| told::telling(&topics, &stands, said, &writer, at(second)));
            if let Some(Telling { whose, changes }) = telling {
                let message = writer.message(&whose, Fail, changes, at(second));
                self.line.push(Arc::new(message), now);
            }
        }
    }

    /// What is told by this second, one text a message.
    fn told(&mut self, second: i64) -> Vec<String> {
        self.say(second);
        let (now, mut told) = (self.now(second), Vec::new());
        while let Some((number, message)) = self.line.first() {
            told.push(words(&message));
            match self.fate {
                None => {
                    self.line.arrived(number, &message, now);
                }
                Some(lost) => self.line.lost(number, &message, lost, now),
            }
        }
        told
    }
}

fn words(message: &Message) -> String {
    let change = |change: &Change| {
        let status = change.status.map_or("gone", Status::as_str);
        let before = change.previous.map_or("-", Status::as_str);
        let state = match change.state {
            State::Firing => "!",
            State::Resolved => ".",
        };
        format!("{} {before}>{status}{state}", change.name)
    };
    let changes: Vec<String> = message.changes.iter().map(change).collect();
    format!("{}: {}", message.service, changes.join(", "))
}

#[test]
fn a_change_of_status_is_told_and_a_first_pass_is_not() {
    for (statuses, told) in [
        (vec![Pass], vec![]),
        (vec![Pass, Pass], vec![]),
        (vec![Fail], vec!["shop: c ->fail!"]),
        (vec![Unknown], vec!["shop: c ->unknown!"]),
        (vec![Warn], vec!["shop: c ->warn!"]),
        (vec![Fail, Fail, Fail], vec!["shop: c ->fail!"]),
        (vec![Pass, Fail, Pass], vec!["shop: c pass>fail!", "shop: c fail>pass."]),
        (
            vec![Pass, Warn, Fail, Warn, Pass],
            vec![
                "shop: c pass>warn!",
                "shop: c warn>fail!",
                "shop: c fail>warn!",
                "shop: c warn>pass.",
            ],
        ),
        (
            vec![Fail, Unknown, Fail, Pass],
            vec![
                "shop: c ->fail!",
                "shop: c fail>unknown!",
                "shop: c unknown>fail!",
                "shop: c fail>pass.",
            ],
        ),
        // Changed settings make a check pending again: it is not told, and neither is what it
        // was before until it is something else.
        (vec![Fail, Pending, Fail], vec!["shop: c ->fail!"]),
        (vec![Fail, Pending, Pass], vec!["shop: c ->fail!", "shop: c fail>pass."]),
        (vec![Pass, Pending, Pass], vec![]),
    ] {
        let mut bench = Bench::new();
        let mut heard = Vec::new();
        for (index, status) in statuses.iter().enumerate() {
            let second = 20 + 60 * i64::try_from(index).unwrap();
            bench.run("shop/c", *status, second);
            heard.extend(bench.told(second + 30));
        }
        assert_eq!(heard, told, "{statuses:?}");
    }
}

#[test]
fn changes_of_one_service_within_the_window_go_together_and_cancel_each_other_out() {
    let window = i64::try_from(WINDOW.as_secs()).unwrap();
    let mut bench = Bench::new();
    bench.run("shop/a", Fail, 20);
    bench.run("mail/a", Warn, 21);
    bench.run("shop/b", Unknown, 22);
    bench.run("shop/flaps", Fail, 22);
    bench.run("shop/flaps", Pass, 23);
    assert_eq!(bench.told(20 + window - 1), Vec::<String>::new());
    assert_eq!(bench.told(20 + window), ["shop: a ->fail!, b ->unknown!"]);
    assert_eq!(bench.told(21 + window), ["mail: a ->warn!"]);
    bench.run("shop/a", Pass, 40);
    bench.run("shop/a", Fail, 41);
    assert_eq!(bench.told(60), Vec::<String>::new(), "it stands as it was told");
}

#[test]
fn a_problem_that_was_told_before_a_restart_is_told_again_only_when_it_changes() {
    for (first, second, told) in [
        (Fail, Fail, vec![]),
        (Fail, Pass, vec!["shop: c fail>pass."]),
        (Fail, Warn, vec!["shop: c fail>warn!"]),
        (Pass, Fail, vec!["shop: c pass>fail!"]),
    ] {
        for seen_at_start in [true, false] {
            let mut bench = Bench::new();
            bench.set("shop/c", first, 1);
            if first == Fail {
                bench.remember(&bench.look("shop/c").unwrap());
            }
            if seen_at_start {
                bench.resynchronise(11);
            }
            bench.run("shop/c", second, 20);
            let heard = bench.told(60);
            assert_eq!(heard, told, "{first} {second} {seen_at_start}");
            let still = bench.line.delivered().contains_key("shop/c");
            assert_eq!(still, second != Pass, "what is wrong is known to be");
        }
    }
}

#[test]
fn a_problem_that_did_not_arrive_before_a_restart_is_told_and_its_end_only_then() {
    for (runs, told) in [
        (vec![], vec!["shop: c ->fail!"]),
        (vec![(Fail, 13)], vec!["shop: c ->fail!"]),
        (vec![(Pass, 13)], vec![]),
        (vec![(Warn, 13)], vec!["shop: c ->warn!"]),
        (vec![(Fail, 13), (Pass, 30)], vec!["shop: c ->fail!", "shop: c fail>pass."]),
    ] {
        let mut bench = Bench::new();
        bench.set("shop/c", Fail, 1);
        bench.resynchronise(11);
        let mut heard = Vec::new();
        for (status, second) in &runs {
            bench.run("shop/c", *status, *second);
            heard.extend(bench.told(second + 10));
        }
        heard.extend(bench.told(60));
        assert_eq!(heard, told, "{runs:?}");
    }
}

#[test]
fn how_something_stood_before_its_problem_is_not_the_end_of_it() {
    let mut bench = Bench::new();
    bench.set("shop/c", Fail, 8);
    bench.remember(&bench.look("shop/c").unwrap());
    // A crash lost that it failed.
    bench.set("shop/c", Pass, 1);
    bench.resynchronise(11);
    assert_eq!(bench.told(20), Vec::<String>::new());
    bench.run("shop/c", Fail, 30);
    assert_eq!(bench.told(40), Vec::<String>::new(), "it was told before the crash");
    bench.run("shop/c", Pass, 50);
    assert_eq!(bench.told(60), ["shop: c fail>pass."]);
}

#[test]
fn a_first_run_that_is_not_confirmed_ends_no_problem() {
    let mut bench = Bench::new();
    bench.set("shop/c", Fail, 8);
    bench.remember(&bench.look("shop/c").unwrap());
    // A crash lost that it failed.
    bench.set("shop/c", Pass, 1);
    for (second, verdict, told) in
        [(20, Verdict::Fail, vec![]), (40, Verdict::Pass, vec!["shop: c fail>pass."])]
    {
        let state = Arc::make_mut(bench.states.get_mut("shop/c").unwrap());
        let run = RunId::new(at(second), 0);
        let summary = RunSummary::new(run, Duration::from_millis(5), verdict);
        state.last = Some(Arc::new(LastRun::blind(summary, "")));
        bench.resynchronise(second);
        assert_eq!(bench.told(second + 10), told, "{verdict:?}");
    }
}

#[test]
fn a_status_that_a_restart_found_too_old_is_told_when_it_is_another_one() {
    for (next, told) in [
        (vec![Warn], vec![]),
        (vec![Pass], vec!["shop: c warn>pass."]),
        (vec![Pending, Fail], vec!["shop: c warn>fail!"]),
        (vec![Unknown, Warn], vec!["shop: c warn>unknown!", "shop: c unknown>warn!"]),
    ] {
        let mut bench = Bench::new();
        bench.set("shop/c", Warn, 1);
        bench.remember(&bench.look("shop/c").unwrap());
        bench.set_lapsed("shop/c", Warn, 1);
        bench.resynchronise(11);
        let mut heard = bench.told(18);
        for (index, status) in next.iter().enumerate() {
            let second = 20 + 60 * i64::try_from(index).unwrap();
            bench.run("shop/c", *status, second);
            heard.extend(bench.told(second + 30));
        }
        assert_eq!(heard, told, "{next:?}");
    }
}

#[test]
fn what_is_not_configured_any_more_after_a_restart_is_told_to_be_gone() {
    let mut bench = Bench::new();
    bench.set("shop/c", Fail, 1);
    bench.remember(&bench.look("shop/c").unwrap());
    bench.states.clear();
    bench.resynchronise(11);
    assert_eq!(bench.told(20), ["shop: c fail>gone."]);
    bench.resynchronise(80);
    assert_eq!(bench.told(90), Vec::<String>::new());
}

#[test]
fn what_did_not_arrive_is_told_again_while_it_is_so() {
    const HOUR: i64 = 3_600;
    for (lost, statuses, told) in [
        (Lost::Unreached, vec![(HOUR, Fail)], vec!["shop: c ->fail!"]),
        (Lost::Refused, vec![(HOUR, Fail)], vec!["shop: c ->fail!"]),
        (Lost::Unreached, vec![(HOUR / 2, Fail)], vec![]),
        (Lost::Unreached, vec![(60, Pass)], vec![]),
        (Lost::Unreached, vec![(60, Warn)], vec!["shop: c fail>warn!"]),
        (Lost::Unreached, vec![(60, Pass), (120, Fail)], vec!["shop: c pass>fail!"]),
        (Lost::Unreached, vec![(HOUR, Pass), (2 * HOUR, Pass)], vec![]),
    ] {
        let mut bench = Bench::new();
        bench.fate = Some(lost);
        bench.run("shop/c", Fail, 20);
        assert_eq!(bench.told(30).len(), 1, "it is lost");
        bench.fate = None;
        let mut heard = Vec::new();
        for (after, status) in &statuses {
            let second = 30 + after;
            if bench.states["shop/c"].damped.status == *status {
                bench.resynchronise(second);
            } else {
                bench.run("shop/c", *status, second);
            }
            heard.extend(bench.told(second + 10));
        }
        assert_eq!(heard, told, "{lost:?} {statuses:?}");
    }
}

#[test]
fn what_a_receiver_would_not_take_is_told_again_after_ever_longer_waits_until_it_arrives() {
    const HOUR: i64 = 3_600;
    let tried_within = |bench: &mut Bench, from: i64, hours: i64| -> Vec<i64> {
        let mut tried = Vec::new();
        for hour in from..from + hours {
            bench.resynchronise(hour * HOUR);
            if !bench.told(hour * HOUR + 10).is_empty() {
                tried.push(hour - from);
            }
        }
        tried
    };
    for (lost, hours) in [
        (Lost::Failing, vec![0, 2, 5, 10, 19, 36]),
        (Lost::Unanswered, vec![0, 2, 5, 10, 19, 36]),
        (Lost::Unreached, vec![0, 2, 4, 6, 8, 10]),
    ] {
        let mut bench = Bench::new();
        bench.fate = Some(lost);
        bench.run("shop/c", Fail, 20);
        // What is lost ten seconds after a look round is due at the second one after it.
        let tried = tried_within(&mut bench, 1, 12.max(hours[5] + 1));
        assert_eq!(tried[..hours.len()], hours, "{lost:?}");
        bench.fate = None;
        assert_eq!(tried_within(&mut bench, 60, 30).len(), 1, "{lost:?}");
        bench.run("shop/c", Warn, 100 * HOUR);
        bench.fate = Some(lost);
        bench.told(100 * HOUR + 10);
        assert_eq!(tried_within(&mut bench, 101, 2), [1], "{lost:?}: it began anew");
    }
}

#[test]
fn the_end_of_a_problem_that_did_not_arrive_is_told_again() {
    let mut bench = Bench::new();
    bench.run("shop/c", Fail, 20);
    bench.told(30);
    bench.fate = Some(Lost::Unreached);
    bench.run("shop/c", Pass, 40);
    assert_eq!(bench.told(50), ["shop: c fail>pass."]);
    bench.fate = None;
    bench.resynchronise(50 + 3_600);
    assert_eq!(bench.told(60 + 3_600), ["shop: c fail>pass."]);
}

#[test]
fn the_end_of_a_problem_that_may_have_arrived_is_told_again() {
    for (lost, told) in [(Lost::Unanswered, vec!["shop: c fail>pass."]), (Lost::Failing, vec![])] {
        let mut bench = Bench::new();
        bench.fate = Some(lost);
        bench.run("shop/c", Fail, 20);
        assert_eq!(bench.told(30), ["shop: c ->fail!"]);
        bench.run("shop/c", Pass, 40);
        assert_eq!(bench.told(50), told, "{lost:?}");
        bench.fate = None;
        bench.resynchronise(50 + 2 * 3_600);
        assert_eq!(bench.told(60 + 2 * 3_600), told, "{lost:?}");
        bench.resynchronise(50 + 24 * 3_600);
        assert_eq!(bench.told(60 + 24 * 3_600), Vec::<String>::new(), "it arrived");
    }
}

#[test]
fn what_may_have_arrived_of_a_check_that_is_gone_is_not_kept_for_ever() {
    let (now, shop) = (Instant::now(), service("shop", &["c"]));
    let writer = writer(Arc::new(Vault::new(|_| None)));
    let message = |status, before| {
        let change = writer.change(&Stand::of(&state(&shop, status, 7)), before);
        Arc::new(writer.message(&Whose::of(&shop), status, vec![change], at(8)))
    };
    let firing = message(Fail, Before::default());
    let over = message(Pass, Before { status: Some(Fail), ..Before::default() });

    let mut book = Book::default();
    book.say(&firing);
    book.lose(&firing, Lost::Unanswered, now);
    assert!(book.suit(&over).is_some(), "it may have been told that something is wrong");
    book.retract(now + Duration::from_hours(1));
    assert!(book.suit(&over).is_some());
    book.retract(now + Duration::from_hours(26));
    assert!(book.suit(&over).is_none());
}

#[test]
fn only_the_message_in_hand_is_done() {
    let (now, shop) = (Instant::now(), service("shop", &["c"]));
    let writer = writer(Arc::new(Vault::new(|_| None)));
    let message = || {
        let change = writer.change(&Stand::of(&state(&shop, Fail, 7)), Before::default());
        Arc::new(writer.message(&Whose::of(&shop), Fail, vec![change], at(8)))
    };
    let line = Line::new(2, Book::default());
    line.push(message(), now);
    let (number, first) = line.first().unwrap();
    line.arrived(number + 7, &first, now);
    for _ in 0..3 {
        line.push(message(), now);
    }
    line.arrived(number, &first, now);
    assert_eq!(line.clear(), 1, "what was in hand was not dropped for what came after it");
}

#[test]
fn a_receiver_that_is_back_is_told_at_once_what_it_missed_but_not_what_it_refused() {
    for (lost, told) in [
        (Lost::Unreached, vec!["shop: a ->fail!"]),
        (Lost::Dropped, vec!["shop: a ->fail!"]),
        (Lost::Refused, vec![]),
        (Lost::Failing, vec![]),
        (Lost::Unanswered, vec![]),
    ] {
        let mut bench = Bench::new();
        bench.fate = Some(lost);
        bench.run("shop/a", Fail, 20);
        bench.told(30);
        bench.fate = None;
        bench.run("shop/b", Fail, 40);
        assert_eq!(bench.told(50), ["shop: b ->fail!"]);
        bench.resynchronise(60);
        assert_eq!(bench.told(70), told, "{lost:?}");
    }
}

#[test]
fn what_is_said_last_follows_what_arrived() {
    let mut bench = Bench::new();
    bench.run("shop/c", Warn, 20);
    bench.told(30);
    for (second, status) in [(40, Fail), (50, Unknown), (60, Pass)] {
        bench.run("shop/c", status, second);
        bench.say(second + 5);
    }
    for words_of in ["shop: c warn>fail!", "shop: c warn>unknown!"] {
        let (number, message) = bench.line.first().unwrap();
        assert_eq!(words(&message), words_of);
        assert_eq!(message.changes[0].previous_severity, Some(Urgency::Warning));
        bench.line.lost(number, &message, Lost::Unreached, bench.now(70));
    }
    assert_eq!(bench.told(80), ["shop: c warn>pass."]);
    bench.resynchronise(80 + 3_600);
    assert_eq!(bench.told(90 + 3_600), Vec::<String>::new(), "what is over was not missed");
}

#[test]
fn nothing_is_lost_when_news_are() {
    let mut bench = Bench::new();
    bench.run("shop/a", Fail, 20);
    bench.run("shop/b", Fail, 20);
    bench.run("shop/gone", Fail, 20);
    bench.run("mail/c", Pass, 20);
    bench.told(30);
    bench.set("shop/a", Pass, 40);
    bench.set("shop/b", Fail, 20);
    bench.set("mail/c", Fail, 41);
    bench.set("mail/new", Pass, 42);
    bench.states.remove("shop/gone");
    bench.resynchronise(50);
    assert_eq!(bench.told(60), ["mail: c ->fail!", "shop: a fail>pass., gone fail>gone."]);
    bench.resynchronise(70);
    assert_eq!(bench.told(80), Vec::<String>::new());
}

#[test]
fn what_policy_finds_is_told_and_when_it_is_over() {
    let shop = service("shop", &["c"]);
    let policy = |status, since| Stand {
        service: Arc::clone(&shop),
        topic: Topic::Policy("shop".into()),
        status,
        since: at(since),
        open: Vec::new(),
        reason: None,
        from_before: false,
    };
    for (remembered, after, told) in [
        (false, Some(Pass), &["shop: policy ->warn!", "shop: policy warn>pass."][..]),
        (false, Some(Warn), &["shop: policy ->warn!"]),
        (false, Some(Fail), &["shop: policy ->warn!", "shop: policy warn>fail!"]),
        (false, None, &["shop: policy ->warn!", "shop: policy warn>gone."]),
        // It was told before a restart.
        (true, Some(Warn), &[]),
        (true, Some(Pass), &["shop: policy warn>pass."]),
    ] {
        let mut bench = Bench::new();
        bench.policies = vec![policy(Warn, 1)];
        if remembered {
            bench.remember(&policy(Warn, 1));
        }
        bench.resynchronise(20);
        let mut heard = bench.told(30);
        bench.policies = after.map(|status| policy(status, 40)).into_iter().collect();
        bench.resynchronise(40);
        heard.extend(bench.told(50));
        assert_eq!(heard, told, "{remembered} {after:?}");
    }
}
