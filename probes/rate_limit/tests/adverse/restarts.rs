//! Deploys in the midst of a run, and windows that end there.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_deploy_that_forgets_all_counts_is_not_taken_for_a_flaw() {
    let mut wrong = Vec::new();
    for (shape, family) in SHAPES {
        for (mode, with_headers) in MODES {
            for at in (1..26).step_by(2) {
                let (before, after) = (Wall::new(shape, 8.0, 20.0), Wall::new(shape, 8.0, 20.0));
                let next = counter();
                let handler = move |_: Request| {
                    let wall = if next() < at { &before } else { &after };
                    if with_headers { wall.told("one") } else { wall.bare("one") }
                };
                let what = format!("{shape:?} restarted at request {at}, {with_headers}");
                let scene = Scene { what, settings: settings(8, "20s", mode), family, may: &[] };
                wrong.extend(look(&scene, handler).await);
            }
        }
    }
    expect_none(&wrong);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_brings_another_limit_is_not_taken_for_a_missing_one() {
    let mut wrong = Vec::new();
    for (limit, window) in [(4.0, 20.0), (12.0, 20.0), (8.0, 40.0)] {
        for (mode, with_headers) in MODES {
            for at in (1..20).step_by(2) {
                let shape = Shape::FixedFromFirstHit;
                let (before, after) =
                    (Wall::new(shape, 8.0, 20.0), Wall::new(shape, limit, window));
                let next = counter();
                let handler = move |_: Request| {
                    let wall = if next() < at { &before } else { &after };
                    if with_headers { wall.told("one") } else { wall.bare("one") }
                };
                let scene = Scene {
                    what: format!("{limit} in {window} s since request {at}, {with_headers}"),
                    settings: settings(8, "20s", mode),
                    family: "fixed_window",
                    may: &["rate_limit.limit-differs", "rate_limit.window-differs"],
                };
                wrong.extend(look(&scene, handler).await);
            }
        }
    }
    expect_none(&wrong);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_ends_in_the_midst_of_a_burst_is_one() {
    let mut wrong = Vec::new();
    for part in 0..20 {
        let phase = f64::from(part) + 0.55;
        for (mode, with_headers) in MODES {
            let wall = Wall::new(Shape::FixedAt { phase }, 8.0, 20.0);
            let handler = move |_: Request| {
                if with_headers { wall.told("one") } else { wall.bare("one") }
            };
            let scene = Scene {
                what: format!("windows that end at {phase} s, {with_headers}"),
                settings: settings(8, "20s", mode),
                family: "fixed_window",
                may: &[],
            };
            wrong.extend(look(&scene, handler).await);
        }
    }
    expect_none(&wrong);
}
