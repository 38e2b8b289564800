//! How the scheduler itself is: that it goes round.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_scheduler_with_nothing_to_do_goes_round_all_the_same() {
    let rig = Rig::start(config(Vec::new()), Bounds::default()).await;
    tokio::time::sleep(HOUR).await;
    assert!(rig.heart.goes_on());
    rig.work.abort();
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(!rig.heart.goes_on());
}
