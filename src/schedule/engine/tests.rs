//! What the scheduler keeps, which nobody sees from outside.

use super::*;
use crate::config::{Check, Service};
use crate::store::Memory;
use crate::testing;

fn engine() -> Engine {
    let meters = Meters::register(&prometheus::Registry::new()).unwrap();
    let network: MakeNetwork = Box::new(|_| testing::bare_network());
    let (store, clock) = (Arc::new(Memory::new()), Clock::made_up(|| Timestamp::UNIX_EPOCH));
    Engine::new(store, Ledger::passing(), meters, clock, Bounds::default(), network)
}

/// A service with checks of these names, once a day.
fn daily(names: &[String], identity: u64) -> Config {
    let http = musterd_probes::registry::find(musterd_probes::KINDS, "http").unwrap();
    let check = |name: &String| {
        let id = format!("shop/{name}").into();
        let check = testing::check(http, &serde_json::json!({}));
        Arc::new(Check { id, identity, interval: Duration::from_hours(24), ..check })
    };
    let service: Service = testing::service(names.iter().map(check).collect());
    Config { services: vec![Arc::new(service)], ..Config::default() }
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_or_changed_is_not_kept_until_it_would_have_been_due() {
    let mut engine = engine();
    for reload in 0..500 {
        let mut names: Vec<String> = (0..10).map(|name| format!("stays-{name}")).collect();
        names.extend((0..10).map(|name| format!("of-{reload}-{name}")));
        engine.adopt(&daily(&names, reload));
        let counts = |Reverse((_, turn, id)): &Reverse<(Instant, u64, Arc<str>)>| {
            engine.slots.get(id).is_some_and(|slot| slot.turn == *turn)
        };
        assert_eq!(engine.due.iter().filter(|entry| counts(entry)).count(), 20, "{reload}");
        assert!(engine.due.len() <= 3 * 64, "{}", engine.due.len());
    }
}
