//! What is told, as tables.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use musterd_probes::secret::Vault;
use tokio::time::Instant;

use super::super::message::State;
use super::super::stand::{Stand, Topic};
use super::super::told::{Gathering, Problems, Telling, WINDOW, before_restart};
use super::{at, findings, news, service, state, writer};
use crate::config::Service;
use crate::damping::Damped;
use crate::status::Status::{self, Fail, Pass, Pending, Unknown, Warn};
use crate::store::CheckState;

/// The core at work on states that a test sets.
struct Bench {
    gathering: Gathering,
    problems: Problems,
    states: BTreeMap<Arc<str>, Arc<CheckState>>,
    services: BTreeMap<&'static str, Arc<Service>>,
    policies: Vec<Stand>,
    began: Instant,
}

impl Bench {
    /// Started ten seconds after the start of tests: what is older was there before.
    fn new() -> Self {
        Self {
            gathering: Gathering::new(at(10)),
            problems: Problems::new(),
            states: BTreeMap::new(),
            services: BTreeMap::new(),
            policies: Vec::new(),
            began: Instant::now(),
        }
    }

    /// Sets a status without any news, for `service/check`.
    fn set(&mut self, id: &'static str, status: Status, second: i64) -> Arc<Service> {
        let (name, check) = id.split_once('/').unwrap();
        let service = service(name, &[check]);
        let state = state(&service, status, second);
        self.states.insert(Arc::clone(&state.check.id), Arc::new(state));
        self.services.insert(name, Arc::clone(&service));
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
        self.gathering.hear(&news, &mut self.problems, now);
    }

    fn resynchronise(&mut self, second: i64) {
        let states: Vec<_> = self.states.values().cloned().collect();
        let now = self.now(second);
        self.gathering.resynchronise(&states, &self.policies, &mut self.problems, now);
    }

    fn now(&self, second: i64) -> Instant {
        self.began + Duration::from_secs(second.try_into().unwrap())
    }

    /// What is told by this second, one text a message.
    fn told(&mut self, second: i64) -> Vec<String> {
        let writer = writer(Arc::new(Vault::new(|_| None)));
        let (now, mut told) = (self.now(second), Vec::new());
        let look = |id: &str| match self.states.get(id) {
            Some(state) => Some(Stand::of(state)),
            None => self.policies.iter().find(|stand| &**stand.topic.id() == id).cloned(),
        };
        let problems = &mut self.problems;
        while let Some(Telling { service, changes }) =
            self.gathering.next(Some(now), problems, look, &writer, at(second))
        {
            let changes: Vec<String> = changes
                .iter()
                .map(|change| {
                    let status = change.status.map_or("gone", Status::as_str);
                    let before = change.previous.map_or("-", Status::as_str);
                    let state = match change.state {
                        State::Firing => "!",
                        State::Resolved => ".",
                    };
                    format!("{} {before}>{status}{state}", change.name)
                })
                .collect();
            told.push(format!("{}: {}", service.name, changes.join(", ")));
        }
        told
    }
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
fn a_problem_of_before_a_restart_is_told_again_only_when_it_changes() {
    for (first, second, told) in [
        (Fail, Fail, vec![]),
        (Fail, Pass, vec!["shop: c fail>pass."]),
        (Fail, Warn, vec!["shop: c fail>warn!"]),
        (Pass, Fail, vec!["shop: c pass>fail!"]),
    ] {
        for seen_at_start in [true, false] {
            let mut bench = Bench::new();
            bench.set("shop/c", first, 1);
            if seen_at_start {
                bench.resynchronise(11);
            }
            bench.run("shop/c", second, 20);
            let heard = bench.told(60);
            assert_eq!(heard, told, "{first} {second} {seen_at_start}");
            let still = bench.problems.contains_key("shop/c");
            assert_eq!(still, second != Pass, "what is wrong is known to be");
        }
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
        bench.set_lapsed("shop/c", Warn, 1);
        bench.problems = before_restart(&bench.states.values().cloned().collect::<Vec<_>>());
        bench.resynchronise(11);
        let mut heard = bench.told(18);
        for (index, status) in next.iter().enumerate() {
            let second = 20 + 60 * i64::try_from(index).unwrap();
            bench.run("shop/c", *status, second);
            heard.extend(bench.told(second + 30));
        }
        assert_eq!(heard, told, "{next:?}");
    }
    let mut bench = Bench::new();
    bench.set_lapsed("shop/c", Pass, 1);
    let states: Vec<_> = bench.states.values().cloned().collect();
    assert!(before_restart(&states).is_empty(), "what passed was no problem");
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
    };
    for (since, after, told) in [
        (20, Some(Pass), &["shop: policy ->warn!", "shop: policy warn>pass."][..]),
        (20, Some(Warn), &["shop: policy ->warn!"]),
        (20, Some(Fail), &["shop: policy ->warn!", "shop: policy warn>fail!"]),
        (20, None, &["shop: policy ->warn!", "shop: policy warn>gone."]),
        // It was so before a restart, and was told then.
        (1, Some(Warn), &[]),
        (1, Some(Pass), &["shop: policy warn>pass."]),
    ] {
        let mut bench = Bench::new();
        bench.policies = vec![policy(Warn, since)];
        bench.resynchronise(20);
        let mut heard = bench.told(30);
        bench.policies = after.map(|status| policy(status, 40)).into_iter().collect();
        bench.resynchronise(40);
        heard.extend(bench.told(50));
        assert_eq!(heard, told, "{since} {after:?}");
    }
}
