//! What is asked of the scheduler and the daemon: a run out of turn, a reload.

use super::*;
use crate::commands::{Command, Refusal};

#[tokio::test]
async fn a_run_is_put_in_line_or_refused_with_the_reason() {
    for (said, status, word) in [
        (Ok(()), 202, "shop/home"),
        (Err(Refusal::Unknown), 404, "no such check"),
        (Err(Refusal::Busy), 409, "runs already"),
        (Err(Refusal::Limited), 409, "active"),
        (Err(Refusal::Stopping), 503, "stopping"),
    ] {
        let mut rig = Rig::filled().await;
        let (answer, ()) = tokio::join!(
            async {
                let request = Request::post("/api/v1/checks/shop/home/run").body(Body::empty());
                let mut request = request.unwrap();
                let near = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 5)));
                request.extensions_mut().insert(near);
                request.headers_mut().insert("host", "localhost".parse().unwrap());
                Answered::read(rig.router.clone().oneshot(request).await.unwrap()).await
            },
            async {
                let Some(Command::Run { check, reply }) = rig.asked.scheduler.recv().await else {
                    panic!("a run is asked for")
                };
                assert_eq!(check, "shop/home");
                reply.send(said).unwrap();
            }
        );
        assert_eq!(answer.status, status);
        assert!(answer.text().contains(word), "{}", answer.text());
        if status == 202 {
            schema::holds("Accepted", &answer.json());
        } else {
            is_problem(&answer, status);
        }
    }
}

#[tokio::test]
async fn a_reload_answers_with_every_problem_and_without_secrets() {
    for (said, status) in [
        (Ok(()), 200),
        (Err(format!("musterd.yaml:3:1: no probe `{SECRET}`\nmusterd.yaml:9:1: no url")), 422),
    ] {
        let rig = Rig::filled().await;
        let Rig { router, mut asked, .. } = rig;
        let (answer, ()) = tokio::join!(
            async {
                let mut request = Request::post("/-/reload").body(Body::empty()).unwrap();
                let near = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 5)));
                request.extensions_mut().insert(near);
                request.headers_mut().insert("host", "localhost".parse().unwrap());
                Answered::read(router.oneshot(request).await.unwrap()).await
            },
            async {
                asked.daemon.recv().await.unwrap().reply.send(said).unwrap();
            }
        );
        if status == 200 {
            schema::holds("Reloaded", &answer.json());
            continue;
        }
        let detail = is_problem(&answer, status);
        assert!(detail.contains("no url") && !detail.contains(SECRET), "{detail}");
    }
}

#[tokio::test]
async fn when_nobody_listens_any_more_the_answer_says_so() {
    let mut rig = Rig::filled().await;
    rig.asked.scheduler.close();
    rig.asked.daemon.close();
    is_problem(&rig.post("/-/reload").await, 503);
    is_problem(&rig.post("/api/v1/checks/shop/home/run").await, 503);
}

#[tokio::test(start_paused = true)]
async fn a_scheduler_that_does_not_answer_keeps_nobody_waiting() {
    let rig = Rig::filled().await;
    is_problem(&rig.post("/api/v1/checks/shop/home/run").await, 503);
    is_problem(&rig.post("/-/reload").await, 503);
}
