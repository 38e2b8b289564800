//! The survey over sockets, against a server that answers each hello as a test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::fake::{Asked, Fake, Reply, Setting, alert, choose, context, message, target};
use crate::contract::{Kind, Seen};
use crate::impact::Impact;
use crate::testing;
use crate::tls::evidence::{Evidence, Surveyed};
use crate::tls::survey::{Ask, Standing, Survey};
use crate::tls::wire::suite::{Class, Suite};
use crate::tls::wire::version::Version;
use crate::tls::{Tls, look};

async fn observed(fake: &Fake, settings: &str, setting: &Setting) -> Evidence {
    let cx = context(target(&fake.url()), setting);
    look::observe(&testing::probe::<Tls>(settings), &cx).await.unwrap()
}

async fn surveyed(fake: &Fake) -> Survey {
    survey_of(observed(fake, "{}", &Setting::default()).await)
}

fn survey_of(evidence: Evidence) -> Survey {
    match evidence.survey {
        Surveyed::Done(survey) => *survey,
        Surveyed::No(why) => panic!("{why}: {:?}", evidence.looks),
    }
}

fn number(name: &str) -> u16 {
    Suite::all().iter().find(|suite| suite.name == name).unwrap().number
}

/// Agrees to these versions and suites, in the order of the server.
fn agreeing(versions: &'static [u16], suites: &'static [&'static str]) -> impl Fn(&Asked) -> Reply {
    move |asked| {
        if !versions.contains(&asked.version) || asked.shares {
            return alert(70);
        }
        let chosen = suites.iter().map(|name| number(name)).find(|n| asked.suites.contains(n));
        match chosen {
            Some(suite) => choose(asked.version, suite, asked.deflate),
            None => alert(40),
        }
    }
}

#[tokio::test]
async fn versions_and_classes_of_the_last_century_are_found() {
    let fake = Fake::start(agreeing(
        &[0x0300, 0x0301],
        &[
            "TLS_RSA_WITH_RC4_128_MD5",
            "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
            "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
            "TLS_RSA_WITH_NULL_SHA",
        ],
    ))
    .await;
    let survey = surveyed(&fake).await;
    let spoken: Vec<_> = Version::ALL.iter().map(|v| survey.speaks(*v).unwrap()).collect();
    assert_eq!(spoken, [false, false, false, true, true, false]);
    for (class, offered) in [
        (Class::Unprotected, true),
        (Class::Export, true),
        (Class::Rc4, true),
        (Class::Block64, true),
        (Class::Cbc, false),
        (Class::StaticRsa, false),
    ] {
        let found = matches!(survey.standing(Ask::Class(class)), Standing::Offered(_));
        assert_eq!(found, offered, "{class:?}");
    }
    assert!(matches!(survey.standing(Ask::Compression), Standing::Offered(_)));
    assert_eq!(survey.standing(Ask::ForwardSecret), Standing::Refused);
    assert!(survey.connections <= 20, "{}", survey.connections);
    assert!(fake.connections() <= 21, "{}", fake.connections());
}

#[tokio::test]
async fn ssl2_is_heard_and_counts_only_with_a_cipher() {
    for (kinds, speaks) in [(3_u8, true), (0, false)] {
        let fake = Fake::start(move |asked| match asked.version {
            2 => Reply::Bytes(vec![0x80, 0x20, 4, 0, 1, 0, 2, 0, 0, 0, kinds * 3, 0, 16]),
            _ => alert(70),
        })
        .await;
        assert_eq!(surveyed(&fake).await.speaks(Version::Ssl2), Some(speaks));
    }
}

/// Asks for a share of a group.
fn retry(group: u16) -> Reply {
    let mut body = vec![3, 3];
    body.extend(*b"\xCF\x21\xAD\x74\xE5\x9A\x61\x11\xBE\x1D\x8C\x02\x1E\x65\xB8\x91");
    body.extend(*b"\xC2\xA2\x11\x16\x7A\xBB\x8C\x5E\x07\x9E\x09\xE2\xC8\xA8\x33\x9C");
    body.extend([0, 0x13, 0x01, 0, 0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2]);
    body.extend(group.to_be_bytes());
    Reply::Bytes(message(2, &body))
}

#[tokio::test]
async fn many_addresses_leave_enough_for_everything_that_matters() {
    let suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    let fake = Fake::start(move |asked| match asked.version {
        0x0304 if !asked.shares => retry(asked.groups[0]),
        0x0303 if asked.suites.contains(&number(suite)) => choose(0x0303, number(suite), false),
        _ => alert(40),
    })
    .await;
    let url = fake.url().replace("127.0.0.1", "many.test");
    let settings = r#"{"addresses": "all"}"#;
    let cx = context(target(&url), &Setting::default());
    let probe = testing::probe::<Tls>(settings);
    let evidence = look::observe(&probe, &cx).await.unwrap();
    assert_eq!(evidence.looks.len(), 8);
    let judgement = Kind::judge(&probe, &Seen { now: &evidence, earlier: &[] }, cx.started());
    let undetermined = judgement.findings.iter().find(|one| one.about.id == "tls.undetermined");
    assert_eq!(undetermined, None);
    let survey = survey_of(evidence);
    for ask in [Ask::Class(Class::StaticRsa), Ask::Dhe, Ask::Compression] {
        assert_eq!(survey.standing(ask), Standing::Refused, "{ask}");
    }
    // What is left over is for information.
    assert!(survey.spent.is_some());
    assert!(matches!(survey.standing(Ask::Group(0x0017)), Standing::NotAsked(_)));
}

#[tokio::test]
async fn groups_are_told_by_the_share_that_is_asked_for() {
    let fake = Fake::start(move |asked| {
        let mutual = asked.groups.iter().find(|group| [0x001D, 0x0017].contains(*group));
        match mutual {
            Some(group) if asked.version == 0x0304 && !asked.shares => retry(*group),
            _ => alert(40),
        }
    })
    .await;
    let survey = surveyed(&fake).await;
    assert_eq!(survey.speaks(Version::Tls13), Some(true));
    assert_eq!(survey.standing(Ask::Group(0x11EC)), Standing::Refused);
    for group in [0x001D, 0x0017] {
        assert!(matches!(survey.standing(Ask::Group(group)), Standing::Offered(_)), "{group}");
    }
    // TLS 1.3 alone: what it does not know need not be asked for.
    assert_eq!(survey.standing(Ask::Dhe), Standing::Refused);
}

#[tokio::test]
async fn the_size_of_a_group_is_read_from_the_key_exchange() {
    let fake = Fake::start(|asked| {
        let suite = number("TLS_DHE_RSA_WITH_AES_128_CBC_SHA");
        if asked.version != 0x0303 || !asked.suites.contains(&suite) {
            return alert(40);
        }
        let Reply::Bytes(mut bytes) = choose(0x0303, suite, false) else { unreachable!() };
        // Before the end of the flight.
        bytes.truncate(bytes.len() - 9);
        let mut exchange = vec![0, 128];
        exchange.extend([0xFF; 128]);
        exchange.extend([0, 1, 2]);
        bytes.extend(message(12, &exchange));
        bytes.extend(message(14, &[]));
        Reply::Bytes(bytes)
    })
    .await;
    let survey = surveyed(&fake).await;
    let Standing::Offered(chosen) = survey.standing(Ask::Dhe) else { panic!("{survey:?}") };
    assert_eq!((chosen.prime_bits, chosen.prime_common), (Some(1024), false));
}

#[tokio::test]
async fn an_older_version_in_answer_is_a_no_and_another_suite_is_no_yes() {
    let fake = Fake::start(|asked| match asked.version {
        // Whatever is asked for, it is answered with this.
        0x0302.. if !asked.shares => choose(0x0302, number("TLS_RSA_WITH_AES_128_CBC_SHA"), false),
        _ => alert(70),
    })
    .await;
    let survey = surveyed(&fake).await;
    assert_eq!(survey.speaks(Version::Tls12), Some(false));
    assert_eq!(survey.speaks(Version::Tls11), Some(true));
    let standing = survey.standing(Ask::Class(Class::Rc4));
    let Standing::Undetermined(why) = standing else { panic!("{standing:?}") };
    assert!(why.contains("TLS_RSA_WITH_AES_128_CBC_SHA"), "{why}");
}

#[tokio::test]
async fn a_hello_that_is_swallowed_is_no_refusal() {
    let suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    let fake = Fake::start(move |asked| match asked.version {
        0x0303 if asked.suites.contains(&number(suite)) => choose(0x0303, number(suite), false),
        0x0301 => Reply::Silence,
        _ => alert(40),
    })
    .await;
    let setting = Setting { timeout: Duration::from_secs(2), ..Setting::default() };
    let survey = survey_of(observed(&fake, "{}", &setting).await);
    assert_eq!(survey.speaks(Version::Tls12), Some(true));
    assert_eq!(survey.speaks(Version::Tls10), None);
    assert_eq!(survey.speaks(Version::Ssl3), Some(false));
    assert_eq!(survey.stopped, None);
}

#[tokio::test]
async fn what_is_lost_by_chance_is_asked_for_once_more() {
    let suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    // A record that is not whole.
    let cut = || Reply::Bytes(vec![22, 3, 3, 0, 80, 2]);
    for (losses, speaks, compression) in
        [(1, Some(true), Standing::Refused), (usize::MAX, None, Standing::NotAsked(String::new()))]
    {
        let count = AtomicUsize::new(0);
        let fake = Fake::start(move |asked| match asked.version {
            0x0303 if asked.suites.contains(&number(suite)) => {
                let lost = count.fetch_add(1, Ordering::Relaxed) < losses;
                if lost { cut() } else { choose(0x0303, number(suite), false) }
            }
            _ => alert(70),
        })
        .await;
        let survey = surveyed(&fake).await;
        assert_eq!(survey.speaks(Version::Tls12), speaks, "{losses}");
        let standing = survey.standing(Ask::Compression);
        assert_eq!(std::mem::discriminant(&standing), std::mem::discriminant(&compression));
    }
}

#[tokio::test]
async fn a_server_that_goes_silent_is_left_alone() {
    let count = Arc::new(AtomicUsize::new(0));
    let fake = Fake::start(move |asked| {
        // The ordinary handshake, TLS 1.3 and TLS 1.2; from then on nothing.
        match count.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => alert(70),
            2 => choose(asked.version, asked.suites[0], false),
            _ => Reply::Silence,
        }
    })
    .await;
    let setting = Setting { timeout: Duration::from_secs(1), ..Setting::default() };
    let survey = survey_of(observed(&fake, "{}", &setting).await);
    assert!(survey.stopped.as_deref().unwrap().contains("in a row"));
    // The one handshake, two that were answered, three in a row, and one to be sure.
    assert_eq!(fake.connections(), 7);
    assert_eq!(survey.speaks(Version::Tls11), None);
}

#[tokio::test]
async fn resets_mean_no_only_while_ordinary_hellos_are_answered() {
    let suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    for (patience, speaks, reply) in [
        (usize::MAX, Some(false), Reply::Reset),
        (usize::MAX, Some(false), Reply::Close),
        (usize::MAX, Some(false), Reply::Bytes(vec![21, 3, 1, 0, 2, 1, 0])),
        (4, None, Reply::Bytes(vec![21, 3, 1, 0, 2, 1, 0])),
        (4, None, Reply::Reset),
        (4, None, Reply::Close),
    ] {
        let count = AtomicUsize::new(0);
        let fake = Fake::start(move |asked| {
            let seen = count.fetch_add(1, Ordering::Relaxed);
            let known = asked.version == 0x0303 && asked.suites.contains(&number(suite));
            if seen < patience && known {
                choose(0x0303, number(suite), false)
            } else {
                reply.clone()
            }
        })
        .await;
        let survey = surveyed(&fake).await;
        assert_eq!(survey.speaks(Version::Tls10), speaks, "{patience}");
    }
}

#[tokio::test]
async fn a_server_that_wants_to_be_named_refuses_who_cannot_name_it() {
    let suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    let fake = Fake::start(move |asked| match asked.version {
        0x0303 if asked.suites.contains(&number(suite)) => choose(0x0303, number(suite), false),
        2 | 0x0300 | 0x0301 => alert(112),
        _ => alert(70),
    })
    .await;
    let survey = surveyed(&fake).await;
    for (version, speaks) in
        [(Version::Ssl2, Some(false)), (Version::Ssl3, Some(false)), (Version::Tls10, None)]
    {
        assert_eq!(survey.speaks(version), speaks, "{version}");
    }
}

#[tokio::test]
async fn only_passive_work_sends_one_ordinary_hello() {
    let fake = Fake::start(|_| alert(40)).await;
    let setting = Setting { consent: Impact::Passive, ..Setting::default() };
    let evidence = observed(&fake, "{}", &setting).await;
    assert!(matches!(&evidence.survey, Surveyed::No(why) if why.contains("passive")));
    assert_eq!(fake.connections(), 1);
}

#[tokio::test]
async fn full_depth_lists_every_suite_on_its_day_alone() {
    const OFFERED: &[&str] = &[
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_RC4_128_SHA",
        "TLS_RSA_WITH_RC4_128_MD5",
        "TLS_PSK_WITH_AES_128_CBC_SHA",
    ];
    let fake = Fake::start(agreeing(&[0x0303], OFFERED)).await;
    for deep in [true, false] {
        let setting = Setting { deep, ..Setting::default() };
        let survey = survey_of(observed(&fake, r#"{"depth": "full"}"#, &setting).await);
        let listed = survey.listings.get(&Version::Tls12).map(|listing| {
            assert_eq!(listing.cut, None);
            let mut suites = listing.suites.clone();
            suites.sort();
            suites
        });
        let mut expected: Vec<String> = OFFERED.iter().map(|name| (*name).to_owned()).collect();
        expected.sort();
        assert_eq!(listed, deep.then_some(expected));
    }
}
