//! Servers that mean no good: each run ends in time, with a finding that says what was seen.

use std::time::Duration;

use super::fake::{Asked, Fake, Reply, Setting, choose, context, message, target};
use crate::contract::{Kind, Seen};
use crate::judgement::Judgement;
use crate::testing;
use crate::tls::Tls;

/// One run that may take two seconds an exchange, judged.
async fn run(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Judgement {
    let fake = Fake::start(reply).await;
    let setting = Setting { timeout: Duration::from_secs(2), ..Setting::default() };
    let cx = context(target(&fake.url()), &setting);
    let probe = testing::probe::<Tls>("{}");
    let evidence = Kind::observe(&probe, &cx).await.unwrap();
    assert!(serde_json::to_vec(&evidence).unwrap().len() < 512 * 1024);
    Kind::judge(&probe, &Seen { now: &evidence, earlier: &[] }, cx.started())
}

#[track_caller]
fn assert_found(judgement: &Judgement, rule: &str, says: &str) {
    let found = judgement.findings.iter().find(|finding| finding.about.id == rule);
    let found = found.unwrap_or_else(|| panic!("{:#?}", judgement.findings));
    assert!(found.saw.contains(says), "{}", found.saw);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_a_timeout() {
    assert_found(&run(|_| Reply::Silence).await, "tls.timeout", "nothing within 2.0 s");
}

#[tokio::test]
async fn a_port_that_speaks_plain_http_is_told_so() {
    let plain = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    assert_found(&run(move |_| Reply::Bytes(plain.clone())).await, "tls.not-tls", "not speak TLS");
}

#[tokio::test]
async fn a_hello_of_a_megabyte_is_not_read() {
    let judgement = run(|_| {
        let mut body = vec![3, 3];
        body.resize(1024 * 1024, 0);
        Reply::Forever(message(2, &body))
    })
    .await;
    assert!(!judgement.findings.is_empty());
    assert_ne!(judgement.verdict(), crate::severity::Verdict::Pass);
}

#[tokio::test]
async fn records_without_end_are_cut_off() {
    let judgement = run(|asked| {
        let suite = asked.suites.first().copied().unwrap_or_default();
        let Reply::Bytes(mut bytes) = choose(asked.version, suite, false) else { unreachable!() };
        bytes.truncate(bytes.len() - 9);
        bytes.extend(message(0, &[]).repeat(30_000));
        Reply::Bytes(bytes)
    })
    .await;
    assert_ne!(judgement.verdict(), crate::severity::Verdict::Pass);
}

#[tokio::test]
async fn a_chain_of_rubbish_says_so() {
    for certificates in [1, 100] {
        let judgement = run(move |asked| {
            let suite = *asked.suites.iter().find(|suite| **suite == 0xC02B).unwrap_or(&0xC02B);
            let Reply::Bytes(mut bytes) = choose(0x0303, suite, false) else { unreachable!() };
            bytes.truncate(bytes.len() - 9);
            let one = [&[0, 0, 100][..], &[0x30; 100]].concat().repeat(certificates);
            let length = u32::try_from(one.len()).unwrap().to_be_bytes();
            bytes.extend(message(11, &[&length[1..], &one].concat()));
            bytes.extend(message(12, &[3, 0, 23, 1, 4, 4, 3, 0, 1, 0]));
            bytes.extend(message(14, &[]));
            Reply::Bytes(bytes)
        })
        .await;
        assert_eq!(judgement.verdict(), crate::severity::Verdict::Fail, "{judgement:#?}");
    }
}

#[tokio::test]
async fn whatever_bytes_come_the_run_ends() {
    for bytes in [vec![0; 64], vec![22; 64], vec![0x16, 3, 1, 0, 0], vec![0x80; 4096], vec![21; 7]]
    {
        let judgement = run(move |_| Reply::Bytes(bytes.clone())).await;
        assert_eq!(judgement.verdict(), crate::severity::Verdict::Fail, "{judgement:#?}");
    }
}
