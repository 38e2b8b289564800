//! Clocks that are wrong, answers that are old, and headers that lie.

use super::*;

/// The moment of the server, so many seconds off ours.
fn server_time(wall: &Wall, off: f64) -> Timestamp {
    let passed = wall.began.elapsed().as_secs_f64() + off;
    STARTED.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs_f64(passed)
}

fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Answers with the legacy headers, whose reset counts from 1970 by the server's clock.
fn by_the_clock(wall: &Wall, date_off: f64, reset_off: f64) -> Reply {
    let answer = wall.hit("one");
    let Candidate { limit, window, .. } = wall.candidate;
    let now = server_time(wall, reset_off);
    // Windows that begin with the run.
    let passed = wall.began.elapsed().as_secs_f64();
    let left = (window - passed.rem_euclid(window)).ceil();
    let reset = now.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64().floor() + left;
    Reply::new(if answer.accepted { 200 } else { 429 })
        .header("date", &http_date(server_time(wall, date_off)))
        .header("x-ratelimit-limit", &format!("{limit:.0}"))
        .header("x-ratelimit-remaining", &format!("{:.0}", answer.remaining))
        .header("x-ratelimit-reset", &format!("{reset:.0}"))
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_clock_is_off_is_judged_by_its_own() {
    let mut wrong = Vec::new();
    for off in [-600.0, -1.0, 0.0, 1.0, 600.0] {
        for mode in ["headers", "differential", "exhaust"] {
            for phase in [0.0, 7.3, 13.9] {
                let wall = Wall::new(Shape::FixedAt { phase }, 8.0, 20.0);
                let handler = move |_: Request| by_the_clock(&wall, off, off);
                let scene = Scene {
                    what: format!("{off} s off, windows from {phase} s"),
                    settings: settings(8, "20s", mode),
                    family: "fixed_window",
                    may: &[],
                };
                wrong.extend(look(&scene, handler).await);
            }
        }
    }
    expect_none(&wrong);
}

#[tokio::test(start_paused = true)]
async fn resets_by_another_clock_than_the_date_are_a_contradiction_and_no_other_flaw() {
    let mut wrong = Vec::new();
    for off in [-600.0, 600.0] {
        for (date, reset) in [(off, 0.0), (0.0, off)] {
            for mode in ["headers", "differential", "exhaust"] {
                let wall = Wall::new(Shape::FixedFromFirstHit, 8.0, 20.0);
                let handler = move |_: Request| by_the_clock(&wall, date, reset);
                let scene = Scene {
                    what: format!("date {date} s off, reset {reset} s"),
                    settings: settings(8, "20s", mode),
                    family: "fixed_window",
                    // A reset ten minutes ahead is what the service says.
                    may: &["rate_limit.window-differs", "rate_limit.headers-contradict"],
                };
                wrong.extend(look(&scene, handler).await);
            }
        }
    }
    expect_none(&wrong);
}

#[tokio::test(start_paused = true)]
async fn answers_out_of_a_cache_are_not_taken_for_the_limiters() {
    let mut wrong = Vec::new();
    let cached = [("age", "7"), ("x-cache", "HIT"), ("cf-cache-status", "HIT")];
    for (name, value) in cached {
        for (mode, _) in MODES {
            for every in [1, 2, 3] {
                for from in [0, 1, 4] {
                    let wall = Wall::new(Shape::FixedFromFirstHit, 8.0, 20.0);
                    let (next, old) = (counter(), Mutex::new(None::<Reply>));
                    let handler = move |_: Request| {
                        let number = next();
                        let mut old = old.lock().unwrap();
                        if number >= from && number % every == 0 {
                            let reply = old.get_or_insert_with(|| wall.told("one"));
                            return reply.clone().header(name, value);
                        }
                        let reply = wall.told("one");
                        old.replace(reply.clone());
                        reply
                    };
                    let scene = Scene {
                        what: format!("{name} on each of {every} from {from}"),
                        settings: settings(8, "20s", mode),
                        family: "fixed_window",
                        may: &[],
                    };
                    wrong.extend(look(&scene, handler).await);
                }
            }
        }
    }
    expect_none(&wrong);
}

#[tokio::test(start_paused = true)]
async fn headers_that_lie_or_jump_hide_no_limit_and_make_up_no_flaw_of_another_kind() {
    type Lie = fn(u32, f64) -> (String, String);
    let lies: [(&str, Lie); 8] = [
        ("jump", |n, _| ("8".into(), ((n * 37 + 11) % 9).to_string())),
        ("stand", |_, _| ("8".into(), "7".into())),
        ("nothing left", |_, _| ("8".into(), "0".into())),
        ("rise", |n, _| ("8".into(), n.min(8).to_string())),
        ("huge", |_, _| ("8".into(), "99999999999999999999".into())),
        ("negative", |_, left| ("8".into(), format!("-{left}"))),
        ("words", |_, _| ("eight".into(), "many".into())),
        ("another limit each time", |n, left| ((8 + n).to_string(), left.to_string())),
    ];
    let mut wrong = Vec::new();
    for (what, lie) in lies {
        for mode in ["headers", "differential", "exhaust"] {
            let (wall, next) = (Wall::new(Shape::FixedFromFirstHit, 8.0, 20.0), counter());
            let handler = move |_: Request| {
                let answer = wall.hit("one");
                let (limit, left) = lie(next(), answer.remaining);
                let status = if answer.accepted { 200 } else { 429 };
                Reply::new(status)
                    .header("x-ratelimit-limit", &limit)
                    .header("x-ratelimit-remaining", &left)
            };
            let scene = Scene {
                what: what.to_owned(),
                settings: settings(8, "20s", mode),
                family: "fixed_window",
                may: &[
                    "rate_limit.headers-contradict",
                    "rate_limit.bucket-shared",
                    "rate_limit.limit-differs",
                    "rate_limit.fails-open",
                ],
            };
            wrong.extend(look(&scene, handler).await);
        }
    }
    expect_none(&wrong);
}
