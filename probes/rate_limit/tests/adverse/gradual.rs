//! Limiters that give requests back one by one, while a run looks for who gets round them.

use super::*;

#[tokio::test(start_paused = true)]
async fn who_is_given_a_request_back_is_not_taken_for_one_that_gets_round_the_limit() {
    let mut wrong = Vec::new();
    for step in 0..40 {
        let phase = f64::from(step) * 0.1;
        for locks in [false, true] {
            let shape = Shape::SlidingCounter { phase, locks };
            let wall = Wall::new(shape, 12.0, 4.0);
            let scene = Scene {
                what: format!("{shape:?}"),
                settings: settings(12, "4s", "exhaust"),
                family: "sliding_counter",
                may: &[],
            };
            wrong.extend(look(&scene, move |_| wall.told("one")).await);
        }
    }
    expect_none(&wrong);
}
