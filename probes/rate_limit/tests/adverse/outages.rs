//! Services that fail for a moment in the midst of a run.

use super::*;

/// What a failing service does.
const FAILURES: [u16; 3] = [500, 502, 503];

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_for_a_moment_is_not_a_limiter_of_its_own_kind() {
    let mut wrong = Vec::new();
    for status in FAILURES {
        for lasts in [1, 2, 6] {
            for (mode, with_headers) in MODES {
                for at in (0..18).step_by(2) {
                    let wall = Wall::new(Shape::FixedFromFirstHit, 8.0, 20.0);
                    let next = counter();
                    let handler = move |_: Request| {
                        if (at..at + lasts).contains(&next()) {
                            return Reply::text(status, "bad gateway");
                        }
                        if with_headers { wall.told("one") } else { wall.bare("one") }
                    };
                    let scene = Scene {
                        what: format!("{status} {lasts} times at request {at}, {with_headers}"),
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
async fn a_service_that_cannot_be_reached_any_more_ends_the_run() {
    for mode in ["differential", "exhaust"] {
        for at in 0..8 {
            let running: Arc<Mutex<Option<HttpServer>>> = Arc::default();
            let (next, wall) = (counter(), Wall::new(Shape::FixedFromFirstHit, 20.0, 20.0));
            let server = Arc::clone(&running);
            let mut bench = Bench::new(&settings(20, "20s", mode), move |_| {
                if next() == at {
                    // Its socket closes, and with it every connection.
                    drop(server.lock().unwrap().take());
                }
                wall.told("one")
            })
            .await;
            let elsewhere = HttpServer::start(|_| Reply::new(200)).await;
            *running.lock().unwrap() = Some(std::mem::replace(&mut bench.server, elsewhere));
            let evidence = bench.run().await;
            assert_eq!(bench.found(&evidence), ["rate_limit.unproven"], "{mode} {at}");
            let stop = evidence.stopped.as_ref().unwrap();
            assert_eq!(stop.cause, crate::rate_limit::evidence::StopCause::Errors);
            // Three that could not be sent, after the last that was answered.
            let sent = usize::try_from(at).unwrap() + 1 + 3;
            let hung_up = stop.detail.contains("a limiter that hangs up");
            assert_eq!(hung_up, mode == "exhaust", "{mode} {at}: {}", stop.detail);
            assert_eq!(evidence.samples.len(), sent, "{mode} {at}");
        }
    }
}
