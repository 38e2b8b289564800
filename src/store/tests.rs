//! What readers see of the store while it changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use musterd_probes::run_id::RunId;
use musterd_probes::severity::Verdict;
use proptest::prelude::*;

use super::*;
use crate::policy::Ruling;
use crate::runner::{Outcome, Reception};
use crate::testing;

fn at(second: u32) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::from(second))
}

/// Six checks of two services, each as one version of its settings.
fn watched(versions: &[u64; 6]) -> Vec<Watched> {
    let http = musterd_probes::registry::find(musterd_probes::KINDS, "http").unwrap();
    let check = |number: usize, identity: u64| {
        let check = testing::check(http, &serde_json::json!({}));
        Arc::new(Check { id: format!("c{number}").into(), identity, ..check })
    };
    let checks: Vec<Arc<Check>> =
        versions.iter().enumerate().map(|(number, version)| check(number, *version)).collect();
    let of_service = |name: &str, checks: &[Arc<Check>]| {
        let service = Service { name: name.to_owned(), ..testing::service(checks.to_vec()) };
        let service = Arc::new(service);
        let watch = |check: &Arc<Check>| Watched {
            service: Arc::clone(&service),
            check: Arc::clone(check),
        };
        checks.iter().map(watch).collect::<Vec<_>>()
    };
    [of_service("a", &checks[..3]), of_service("b", &checks[3..])].concat()
}

fn run(check: &Arc<Check>, second: u32) -> Record {
    Record {
        run: RunId::new(at(second), u128::from(second)),
        check: Arc::clone(check),
        at: at(second),
        duration: Duration::from_millis(1),
        outcome: Outcome::Saw {
            evidence: Arc::new(second),
            ruling: Ruling { findings: Vec::new(), verdict: Verdict::Pass, tested: Vec::new() },
            measurements: Vec::new(),
        },
        requests: [1, 0, 0],
        untouched: false,
        reception: Reception::Unheard,
    }
}

/// What can happen to a store, and a look of one of two readers.
#[derive(Debug, Clone)]
enum Event {
    Run(usize),
    Schedule(usize),
    /// The configuration has these checks from now on, some with other settings.
    Adopt(Vec<bool>, [u64; 6]),
    Block,
    Look(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let adopt = (prop::collection::vec(any::<bool>(), 6), prop::array::uniform6(0_u64..2));
    prop_oneof![
        5 => (0_usize..6).prop_map(Event::Run),
        3 => (0_usize..6).prop_map(Event::Schedule),
        1 => adopt.prop_map(|(kept, versions)| Event::Adopt(kept, versions)),
        1 => Just(Event::Block),
        3 => (0_usize..2).prop_map(Event::Look),
    ]
}

/// Looks, and holds what is seen to what there is: every check as it is now, and all that changed
/// named.
fn look(store: &Memory, view: &mut View) {
    let before: Vec<Arc<CheckState>> = view.states().to_vec();
    store.renew(view);
    let now = store.states();
    assert_eq!(view.states().len(), now.len());
    assert_eq!(store.count(), now.len());
    let named: Vec<usize> = view.changed(0..now.len()).collect();
    assert!(named.is_sorted_by(|one, next| one < next), "{named:?}");
    for (index, (seen, is)) in view.states().iter().zip(&now).enumerate() {
        assert!(Arc::ptr_eq(seen, is), "{index} is not as it is");
        let same = before.get(index).is_some_and(|before| Arc::ptr_eq(before, is));
        assert!(same || named.contains(&index), "{index} changed unnamed");
    }
    if view.is_new() {
        assert_eq!(named.len(), now.len());
    }
    let middle: Vec<usize> = view.changed(2..4).collect();
    let expected: Vec<usize> = named.into_iter().filter(|index| (2..4).contains(index)).collect();
    assert_eq!(middle, expected);
}

proptest! {
    #[test]
    fn a_reader_sees_all_that_is_and_is_told_what_changed(
        events in prop::collection::vec(event(), 0..80),
        longest in 1_usize..8,
    ) {
        let store = Memory::with_changes(longest);
        let mut views = [View::default(), View::default()];
        let mut watching = watched(&[0; 6]);
        store.adopt(&watching, at(0));
        for (second, event) in (1..).zip(events) {
            match event {
                Event::Run(check) => {
                    if let Some(Watched { check, .. }) = watching.get(check) {
                        prop_assert!(store.record(&run(check, second)).is_some());
                    }
                }
                Event::Schedule(check) => store.schedule(&format!("c{check}"), at(second + 60)),
                Event::Adopt(kept, versions) => {
                    let all = watched(&versions).into_iter().zip(kept);
                    watching = all.filter(|(_, kept)| *kept).map(|(watched, _)| watched).collect();
                    store.adopt(&watching, at(second));
                }
                Event::Block => {
                    store.block("http://127.0.0.1:9", Some(testing::pause(at(second))));
                }
                Event::Look(reader) => look(&store, &mut views[reader]),
            }
        }
        for view in &mut views {
            look(&store, view);
            look(&store, view);
            prop_assert_eq!(view.changed(0..6).count(), 0, "nothing happened since");
        }
    }
}

#[test]
fn a_reader_among_runs_and_reloads_misses_nothing() {
    let store = Memory::with_changes(8);
    let watching = watched(&[0; 6]);
    store.adopt(&watching, at(0));
    let mut view = View::default();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let store = &store;
        let writers = watching.chunks(2).map(|checks| {
            scope.spawn(move || {
                for second in 1..2_000 {
                    for Watched { check, .. } in checks {
                        store.record(&run(check, second));
                        store.schedule(&check.id, at(second + 60));
                    }
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let reloads = scope.spawn(|| {
            let mut order = watching.clone();
            while !over.load(Ordering::Relaxed) {
                order.rotate_left(3);
                store.adopt(&order, at(0));
            }
        });
        for writer in writers {
            while !writer.is_finished() {
                store.renew(&mut view);
            }
            writer.join().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        reloads.join().unwrap();
    });
    look(&store, &mut view);
    assert!(view.states().iter().all(|state| state.runs == [1_999, 0, 0, 0]));
}

/// Of a hundred thousand checks every sixteen bytes are two megabytes: the allocator has room for
/// 80, 96, 112, 128, 160 and 192 bytes, and for nothing between.
#[test]
fn what_is_held_of_every_check_stays_small() {
    const COUNTS: usize = 16;
    assert!(size_of::<CheckState>() + COUNTS <= 160, "{}", size_of::<CheckState>());
    assert!(size_of::<LastRun>() + COUNTS <= 80, "{}", size_of::<LastRun>());
    assert!(size_of::<slot::Slot>() + COUNTS <= 80, "{}", size_of::<slot::Slot>());
    assert!(size_of::<Check>() + COUNTS <= 112, "{}", size_of::<Check>());
}

#[test]
fn evidence_gives_way_to_that_of_other_checks_and_not_to_that_of_more_runs() {
    let store = Memory::new();
    let watching = watched(&[0; 6]);
    store.adopt(&watching, at(0));
    store.record(&run(&watching[0].check, 1));
    for second in 2..6_000 {
        store.record(&run(&watching[1].check, second));
    }
    for check in ["c0", "c1"] {
        let last = store.state(check).unwrap().last.clone().unwrap();
        assert!(last.evidence().is_some(), "{check}");
    }
}
