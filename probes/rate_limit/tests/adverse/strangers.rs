//! Others that use the same bucket.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_others_use_up_is_not_taken_for_another_limiter() {
    let mut wrong = Vec::new();
    for (shape, family) in SHAPES {
        for (mode, with_headers) in MODES {
            for each in [1, 3] {
                for from in [0, 9] {
                    let (wall, next) = (Wall::new(shape, 20.0, 20.0), counter());
                    let handler = move |_: Request| {
                        let number = next();
                        if number >= from && number % each == 0 {
                            wall.hit("one");
                        }
                        if with_headers { wall.told("one") } else { wall.bare("one") }
                    };
                    let scene = Scene {
                        what: format!("{shape:?} and one more in {each} since {from}"),
                        settings: settings(20, "20s", mode),
                        family,
                        // Without headers fewer are admitted than was promised.
                        may: if with_headers {
                            &["rate_limit.bucket-shared"]
                        } else {
                            &["rate_limit.limit-differs"]
                        },
                    };
                    wrong.extend(look(&scene, handler).await);
                }
            }
        }
    }
    expect_none(&wrong);
}
