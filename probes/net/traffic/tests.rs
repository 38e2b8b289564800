//! What is remembered of our own traffic, and for how long.

use super::*;

fn origin(port: u16) -> Origin {
    Origin { scheme: "http".into(), host: "a".into(), port }
}

fn route(path: &str) -> Route {
    Route::of(&Method::GET, &format!("http://a{path}").parse().unwrap())
}

fn note(traffic: &Traffic, port: u16, path: &str) {
    let url = format!("http://a{path}").parse().unwrap();
    drop(traffic.note(&origin(port), &Method::GET, &url));
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn requests_are_counted_by_origin_and_route_within_a_window() {
    let traffic = Traffic::default();
    traffic.follow([origin(1), origin(2)]);
    note(&traffic, 1, "/a?x=1");
    tokio::time::advance(MINUTE).await;
    note(&traffic, 1, "/a?x=2");
    note(&traffic, 1, "/b");
    note(&traffic, 2, "/a");
    assert_eq!(traffic.within(&origin(1), route("/a"), MINUTE), (2, 1));
    assert_eq!(traffic.within(&origin(1), route("/a"), 2 * MINUTE), (3, 2));
    assert_eq!(traffic.within(&origin(3), route("/a"), MINUTE), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_others_send_makes_no_route_forget_its_own() {
    let traffic = Traffic::default();
    traffic.follow([origin(1)]);
    note(&traffic, 1, "/a");
    traffic.watch(&origin(1), route("/a"));
    for _ in 0..2 {
        note(&traffic, 1, "/a");
        for _ in 0..2 * MOST {
            note(&traffic, 1, "/b");
        }
        tokio::time::advance(MINUTE).await;
    }
    let hour = 60 * MINUTE;
    assert_eq!(traffic.within(&origin(1), route("/a"), hour), (4 * 256 + 3, 3));
    tokio::time::advance(2 * hour).await;
    assert_eq!(traffic.within(&origin(1), route("/a"), hour), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_route_bears_so_much_a_day_and_no_more() {
    let traffic = Traffic::default();
    let taken = (0..500).filter(|_| traffic.take_daily(&origin(1), route("/a"))).count();
    assert_eq!(taken, 384);
    assert!(traffic.take_daily(&origin(1), route("/b")), "another route has its own");
    tokio::time::advance(DAY).await;
    assert!(traffic.take_daily(&origin(1), route("/a")));
}

#[tokio::test(start_paused = true)]
async fn a_route_rests_as_long_as_the_longest_wish() {
    let traffic = Traffic::default();
    traffic.rest(&origin(1), route("/a"), 2 * MINUTE);
    traffic.rest(&origin(1), route("/a"), MINUTE);
    assert_eq!(traffic.resting(&origin(1), route("/a")), Some(2 * MINUTE));
    assert_eq!(traffic.resting(&origin(1), route("/b")), None);
    tokio::time::advance(2 * MINUTE).await;
    assert_eq!(traffic.resting(&origin(1), route("/a")), None);
    traffic.rest(&origin(1), route("/a"), Duration::MAX);
    assert!(traffic.resting(&origin(1), route("/a")).is_some());
}

#[test]
fn only_origins_that_are_followed_cost_memory_and_that_is_bounded() {
    let traffic = Traffic::default();
    traffic.follow([origin(1)]);
    for port in 0..10_000 {
        note(&traffic, port, "/a");
        assert!(!traffic.is_exhausted(&origin(port)));
    }
    for path in 0..2 * MOST {
        note(&traffic, 1, &format!("/{path}"));
    }
    let all = traffic.0.lock().unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[&origin(1)].latest.len(), MOST);
}

#[test]
fn what_is_under_way_may_be_counted_at_any_moment() {
    let traffic = Traffic::default();
    traffic.follow([origin(1)]);
    note(&traffic, 1, "/a");
    let (to, url) = (origin(1), "http://a/b".parse().unwrap());
    let under_way = traffic.note(&to, &Method::GET, &url);
    assert_eq!((traffic.settled(&origin(1)), traffic.all(&origin(1))), (1, 2));
    drop(under_way);
    assert_eq!((traffic.settled(&origin(1)), traffic.all(&origin(1))), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn following_the_same_origin_again_forgets_nothing_of_it() {
    let traffic = Traffic::default();
    traffic.follow([origin(1), origin(2)]);
    note(&traffic, 1, "/a");
    traffic.exhaust(&origin(1), MINUTE);
    traffic.exhaust(&origin(2), MINUTE);
    traffic.follow([origin(1), origin(3)]);
    assert_eq!(traffic.within(&origin(1), route("/a"), MINUTE), (1, 1));
    assert!(traffic.is_exhausted(&origin(1)));
    assert!(!traffic.is_exhausted(&origin(2)));
}
