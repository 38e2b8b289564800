//! What is known of a service beside its checks: whether its origin refuses us, and for how long
//! each of its waivers has covered nothing.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;

use crate::config::{Check, Service};
use crate::policy::{self, Idle, Known, Ruling};

/// What is known of a service beside its checks.
#[derive(Debug, Default)]
pub(crate) struct Standing(Mutex<Facts>);

#[derive(Debug, Default)]
struct Facts {
    blocked_since: Option<Timestamp>,
    /// By [`policy::key`].
    waivers: BTreeMap<String, Idle>,
}

impl Standing {
    /// All of it, for the waivers that the service has now.
    pub(crate) fn known(&self, service: &Service) -> Known {
        let facts = self.0.lock().expect("no panic under this lock");
        let idle = service.waivers.iter().map(|waiver| facts.waivers.get(&policy::key(waiver)));
        Known {
            blocked_since: facts.blocked_since,
            idle: idle.map(Option::<&Idle>::copied).collect(),
        }
    }

    /// Notes that the origin refuses us, and since when, or that it serves us again, and gives
    /// back whether that is new.
    pub(super) fn block(&self, since: Option<Timestamp>) -> bool {
        let mut facts = self.0.lock().expect("no panic under this lock");
        std::mem::replace(&mut facts.blocked_since, since) != since
    }

    /// Notes what a run says of the service's waivers.
    pub(super) fn note(&self, service: &Service, check: &Check, ruling: &Ruling, at: Timestamp) {
        for waiver in &service.waivers {
            if let Some(matched) = policy::matched(waiver, check, ruling) {
                let mut facts = self.0.lock().expect("no panic under this lock");
                let key = policy::key(waiver);
                let idle = Idle::after(facts.waivers.get(&key).copied(), matched, at);
                facts.waivers.insert(key, idle);
            }
        }
    }

    /// Forgets waivers that the service has no more.
    pub(super) fn keep(&self, service: &Service) {
        let mut facts = self.0.lock().expect("no panic under this lock");
        if !facts.waivers.is_empty() {
            let keys: Vec<String> = service.waivers.iter().map(policy::key).collect();
            facts.waivers.retain(|key, _| keys.contains(key));
        }
    }

    /// What outlives a restart.
    pub(super) fn waivers(&self) -> BTreeMap<String, Idle> {
        self.0.lock().expect("no panic under this lock").waivers.clone()
    }

    /// As it stood before a restart.
    pub(super) fn restore(&self, waivers: BTreeMap<String, Idle>) {
        self.0.lock().expect("no panic under this lock").waivers = waivers;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::SignedDuration;
    use musterd_probes::judgement::Judgement;
    use musterd_probes::rule::Tested;
    use musterd_probes::run_id::RunId;

    use crate::config::Waiver;
    use crate::policy;
    use crate::runner::{Outcome, Reception, Record};
    use crate::store::{Memory, Store, Watched, saved};
    use crate::testing;
    use jiff::Timestamp;

    /// The store of a service with a waiver, started anew.
    fn started(watched: &Watched) -> Memory {
        let store = Memory::new();
        store.adopt(std::slice::from_ref(watched), Timestamp::UNIX_EPOCH);
        store
    }

    fn watched(rule: &str) -> Watched {
        let http = musterd_probes::registry::find(musterd_probes::KINDS, "http").unwrap();
        let check = Arc::new(testing::check(http, &serde_json::json!({})));
        let mut service = testing::service(vec![Arc::clone(&check)]);
        service.waivers.push(Waiver {
            rule: rule.to_owned(),
            check: None,
            subject: None,
            reason: String::new(),
            until: "2026-12-01".parse().unwrap(),
        });
        Watched { service: Arc::new(service), check }
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    /// A run that looked at everything and found nothing.
    fn run(store: &Memory, watched: &Watched, hour: i64) {
        let Watched { service, check } = watched;
        let tested = check.kind.abouts().into_iter().map(|about| (about, Tested::All)).collect();
        let judgement = Judgement { findings: Vec::new(), tested };
        let outcome = Outcome::Saw {
            evidence: Arc::new(()),
            ruling: policy::rule(judgement, check, &service.waivers, at(hour)),
            measurements: Vec::new(),
        };
        let record = Record {
            run: RunId::new(at(hour), 0),
            check: Arc::clone(check),
            at: at(hour),
            duration: Duration::ZERO,
            outcome,
            requests: [1, 0, 0],
            untouched: false,
            reception: Reception::Unheard,
        };
        assert!(store.record(&record).is_some());
    }

    fn found(store: &Memory, watched: &Watched, hour: i64) -> Vec<&'static str> {
        let (_, standing) = store.standing("shop").unwrap();
        let known = standing.known(&watched.service);
        let found = policy::of_service(&watched.service, &known, at(hour));
        found.iter().map(|(finding, _)| finding.about.id).collect()
    }

    #[test]
    fn a_waiver_that_nothing_needs_is_found_after_a_week_of_runs_and_two_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let watched = watched("http.slow");
        let mut store = started(&watched);
        for hour in 0..=168 {
            if hour % 60 == 59 {
                saved::write(&path, &store, "", at(hour)).unwrap();
                store = started(&watched);
                saved::read(&path, at(hour)).unwrap().restore(&store, "", at(hour));
            }
            assert_eq!(found(&store, &watched, hour), [""; 0], "{hour}");
            run(&store, &watched, hour);
        }
        assert_eq!(found(&store, &watched, 168), ["policy.waiver-unmatched"]);
        let other = super::tests::watched("http.timeout");
        store.adopt(std::slice::from_ref(&other), at(169));
        store.adopt(std::slice::from_ref(&watched), at(169));
        assert_eq!(found(&store, &watched, 169), [""; 0], "a waiver that was deleted begins anew");
    }
    #[test]
    fn an_origin_that_refuses_us_does_so_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let watched = watched("http.slow");
        let store = started(&watched);
        store.block("http://127.0.0.1:9", Some(testing::pause(at(0))));
        saved::write(&path, &store, "", at(0)).unwrap();
        let again = started(&watched);
        saved::read(&path, at(3)).unwrap().restore(&again, "", at(3));
        assert_eq!(again.pauses(), store.pauses());
        assert_eq!(found(&again, &watched, 3), ["policy.prober-blocked"]);
        again.block("http://127.0.0.1:9", None);
        assert!(again.pauses().is_empty());
        assert_eq!(found(&again, &watched, 3), [""; 0]);
    }

    #[test]
    fn a_state_of_a_version_that_knew_of_no_pauses_is_still_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let text = r#"{"schema": "musterd.state/1", "location": "", "saved_at": "1970-01-01T00:00:00Z", "checks": []}"#;
        std::fs::write(&path, text).unwrap();
        let store = started(&watched("http.slow"));
        let restored = saved::read(&path, at(0)).unwrap().restore(&store, "", at(0));
        assert_eq!(restored, saved::Restored::Checks(0));
        assert!(store.pauses().is_empty());
    }
}
