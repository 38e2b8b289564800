//! Real handshakes with rustls: sound ones, and one certificate for each fault.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use musterd_test_support::ca::{Authority, Identity, KeyKind, Leaf};
use musterd_test_support::http::{HttpServer, Reply};
use tempfile::TempDir;

use super::fake::{Setting, context, target};
use crate::context::Terms;
use crate::contract::{Kind, Seen};
use crate::impact::Impact;
use crate::net::target::Target;
use crate::net::trust::Trust;
use crate::testing;
use crate::tls::Tls;
use crate::tls::evidence::Evidence;

/// Certificates of tests are dated by the real clock.
#[expect(clippy::disallowed_methods, reason = "rustls verifies by the real clock too")]
pub(super) fn today() -> Timestamp {
    Timestamp::try_from(std::time::SystemTime::now()).unwrap()
}

struct Private {
    authority: Authority,
    dir: TempDir,
}

impl Private {
    fn new() -> Self {
        let private = Self { authority: Authority::new(), dir: tempfile::tempdir().unwrap() };
        std::fs::write(private.dir.path().join("ca.pem"), private.authority.pem()).unwrap();
        private
    }

    fn target(&self, url: &str) -> Target {
        Target { trust: Trust::new(Some(self.dir.path().join("ca.pem")), None), ..target(url) }
    }
}

async fn observed(target: Target, settings: &str, consent: Impact) -> (Tls, Evidence) {
    let cx = context(target, &Setting { consent, ..Setting::default() });
    let probe = testing::probe::<Tls>(settings);
    let evidence = Kind::observe(&probe, &cx).await.unwrap();
    (probe, evidence)
}

async fn found(target: Target, settings: &str) -> Vec<String> {
    let (probe, evidence) = observed(target, settings, Impact::Active).await;
    let judgement = Kind::judge(&probe, &Seen { now: &evidence, earlier: &[] }, today());
    judgement
        .findings
        .iter()
        .filter(|finding| finding.severity > crate::severity::Severity::Info)
        .map(|finding| format!("{} {}", finding.about.id, finding.severity))
        .collect()
}

async fn serve(identity: &Identity) -> HttpServer {
    let config = identity.server_config(&["h2", "http/1.1"]);
    HttpServer::start_tls(config, |_| Reply::text(200, "ok")).await
}

#[tokio::test]
async fn a_sound_server_passes_and_its_facts_are_there() {
    let private = Private::new();
    let identity = private.authority.issue(&Leaf::localhost().through_intermediate());
    let server = serve(&identity).await;
    assert_eq!(found(private.target(&server.url()), "{}").await, [""; 0]);
    let (_, evidence) = observed(private.target(&server.url()), "{}", Impact::Passive).await;
    let look = &evidence.looks[0];
    let tls = look.connection.tls.as_ref().unwrap();
    assert_eq!((tls.version.as_str(), tls.alpn.as_deref()), ("TLS 1.3", Some("h2")));
    assert_eq!((look.sent, look.chain.len(), look.unreadable), (2, 2, 0));
    assert!(look.verified && look.distrust.is_none() && !look.stapled);
}

#[tokio::test]
async fn every_fault_of_a_certificate_is_its_own_finding() {
    let private = Private::new();
    let issue = |leaf: Leaf| private.authority.issue(&leaf);
    for (identity, expected) in [
        (issue(Leaf::localhost().expired()), vec!["tls.expired critical"]),
        (issue(Leaf::localhost().not_yet_valid()), vec!["tls.not-yet-valid critical"]),
        (issue(Leaf::new(["other.test"])), vec!["tls.host-mismatch high"]),
        (issue(Leaf::new(["*.localhost"])), vec!["tls.host-mismatch high"]),
        (issue(Leaf::localhost().incomplete()), vec!["tls.chain-incomplete high"]),
        (issue(Leaf::localhost().for_client()), vec!["tls.key-usage-wrong high"]),
        (issue(Leaf::localhost().key(KeyKind::Ed25519)), vec!["tls.key-weak medium"]),
        (issue(Leaf::localhost().with_stranger()), vec!["tls.chain-order low"]),
        (issue(Leaf::localhost().misordered()), vec!["tls.chain-order medium"]),
        (issue(Leaf::localhost().with_root()), vec![]),
        (Identity::self_signed(["localhost"]), vec!["tls.self-signed high"]),
        (
            Identity::self_signed_leaf(&Leaf::new(["other.test"])),
            vec!["tls.host-mismatch high", "tls.self-signed high"],
        ),
    ] {
        let server = serve(&identity).await;
        assert_eq!(found(private.target(&server.url()), "{}").await, expected);
    }
    // An authority that was made anew under its old name sends all that it has.
    let server = serve(&Authority::new().issue(&Leaf::localhost())).await;
    assert_eq!(found(private.target(&server.url()), "{}").await, ["tls.untrusted high"]);
    // Where no authority was named, whoever issued it is a stranger.
    let server = serve(&issue(Leaf::localhost().through_intermediate())).await;
    assert_eq!(found(target(&server.url()), "{}").await, ["tls.untrusted high"]);
}

#[tokio::test]
async fn a_root_of_ones_own_that_is_over_is_found_whatever_was_sent() {
    let private = Private { authority: Authority::ended(), ..Private::new() };
    std::fs::write(private.dir.path().join("ca.pem"), private.authority.pem()).unwrap();
    for leaf in [Leaf::localhost(), Leaf::localhost().with_root()] {
        let server = serve(&private.authority.issue(&leaf)).await;
        assert_eq!(found(private.target(&server.url()), "{}").await, ["tls.expired high"]);
    }
    // Its successor has its name and another key: the one that issued counts.
    let both = Authority::named("Ended Root").pem() + &private.authority.pem();
    std::fs::write(private.dir.path().join("ca.pem"), both).unwrap();
    let server = serve(&private.authority.issue(&Leaf::localhost())).await;
    assert_eq!(found(private.target(&server.url()), "{}").await, ["tls.expired high"]);
}

#[tokio::test]
async fn a_certificate_that_ca_names_itself_passes_whatever_it_calls_itself() {
    let private = Private::new();
    for leaf in [Leaf::localhost(), Leaf::localhost().as_authority()] {
        let identity = Identity::self_signed_leaf(&leaf);
        std::fs::write(private.dir.path().join("ca.pem"), identity.chain_pem()).unwrap();
        let server = serve(&identity).await;
        assert_eq!(found(private.target(&server.url()), "{}").await, [""; 0]);
    }
}

/// A server that drops its first connections and serves the others, and how many came.
async fn restarting(drops: usize, identity: &Identity) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = tokio_rustls::TlsAcceptor::from(identity.server_config(&[]));
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if count.fetch_add(1, Ordering::Relaxed) >= drops {
                // A hello that rustls refuses is the client's business.
                drop(acceptor.accept(stream).await);
            }
        }
    });
    (url, came)
}

#[tokio::test]
async fn a_server_that_restarts_is_no_outage_where_that_has_to_be_confirmed() {
    let private = Private::new();
    let identity = private.authority.issue(&Leaf::localhost());
    for (drops, confirm, session, connections) in
        [(1, 1, false, 1), (1, 2, true, 2), (2, 2, false, 2), (2, 3, true, 3), (0, 3, true, 1)]
    {
        let (url, came) = restarting(drops, &identity).await;
        let setting = Setting { consent: Impact::Passive, ..Setting::default() };
        let terms = Terms { confirm, ..Terms::default() };
        let cx = context(private.target(&url), &setting).under(terms);
        let probe = testing::probe::<Tls>("{}");
        let evidence = Kind::observe(&probe, &cx).await.unwrap();
        let seen = (evidence.looks[0].is_session(), came.load(Ordering::Relaxed));
        assert_eq!(seen, (session, connections), "{drops} {confirm}");
    }
}

#[tokio::test]
async fn addresses_have_certificates_of_their_own_and_no_server_name() {
    let private = Private::new();
    let by_name = private.authority.issue(&Leaf::new(["localhost"]));
    let by_address = private.authority.issue(&Leaf::new(["127.0.0.1"]));
    for (identity, expected) in [(by_name, vec!["tls.host-mismatch high"]), (by_address, vec![])] {
        let server = serve(&identity).await;
        let url = format!("https://{}", server.addr());
        assert_eq!(found(private.target(&url), "{}").await, expected);
    }
}

#[tokio::test]
async fn each_address_of_a_name_is_looked_at() {
    let private = Private::new();
    let config = |leaf: Leaf| private.authority.issue(&leaf).server_config(&["http/1.1"]);
    let first =
        HttpServer::start_tls(config(Leaf::new(["both.test"])), |_| Reply::text(200, "a")).await;
    let port = first.addr().port();
    let at = (Ipv4Addr::new(127, 0, 0, 2), port);
    let leaf = Leaf::new(["both.test"]).expired();
    let _second = HttpServer::start_tls_at(at, config(leaf), |_| Reply::text(200, "b")).await;
    let target = private.target(&format!("https://both.test:{port}"));
    let all = found(target, r#"{"addresses": "all"}"#).await;
    assert_eq!(all, ["tls.expired critical", "tls.addresses-differ medium"]);
    let target = private.target(&format!("https://both.test:{port}"));
    assert_eq!(found(target, "{}").await, [""; 0]);
}

#[tokio::test]
async fn the_survey_of_rustls_is_settled() {
    let private = Private::new();
    let server = serve(&private.authority.issue(&Leaf::localhost())).await;
    let (_, evidence) = observed(private.target(&server.url()), "{}", Impact::Active).await;
    let super::super::evidence::Surveyed::Done(survey) = &evidence.survey else {
        panic!("{:?}", evidence.survey)
    };
    for attempt in &survey.attempts {
        let settled = !matches!(attempt.answer, super::super::survey::Answer::Undetermined(_));
        assert!(settled, "{attempt:?}");
    }
    assert_eq!(survey.stopped, None);
    assert!(survey.connections <= 20);
}

#[tokio::test]
async fn the_servers_clock_is_asked_for_only_where_it_matters() {
    let private = Private::new();
    for (leaf, asks) in [(Leaf::localhost(), 0), (Leaf::localhost().not_yet_valid(), 1)] {
        let server = serve(&private.authority.issue(&leaf)).await;
        let (_, _) = observed(private.target(&server.url()), "{}", Impact::Passive).await;
        assert_eq!(server.requests().len(), asks);
    }
}

#[tokio::test]
async fn a_certificate_without_an_end_is_judged_like_any_other() {
    let private = Private::new();
    let end = Timestamp::MAX.as_second() + 3600;
    let left = u64::try_from(end - today().as_second()).unwrap();
    for (name, expected) in [("localhost", vec![]), ("other.test", vec!["tls.host-mismatch high"])]
    {
        let leaf = Leaf::new([name]).expires_in(Duration::from_secs(left));
        let server = serve(&private.authority.issue(&leaf)).await;
        let (_, evidence) = observed(private.target(&server.url()), "{}", Impact::Passive).await;
        assert_eq!((evidence.looks[0].chain.len(), evidence.looks[0].unreadable), (1, 0));
        assert_eq!(found(private.target(&server.url()), "{}").await, expected);
    }
}

#[tokio::test]
async fn a_clock_from_a_cache_is_as_old_as_the_cache_says() {
    let private = Private::new();
    let identity = private.authority.issue(&Leaf::localhost().expired());
    for (age, skewed) in [("36000", false), ("0", true), ("x", true)] {
        let made = today() - jiff::SignedDuration::from_hours(10);
        let date = jiff::fmt::rfc2822::to_string(&made.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
        let config = identity.server_config(&["http/1.1"]);
        let reply = move |_| Reply::text(200, "ok").header("date", &date).header("age", age);
        let server = HttpServer::start_tls(config, reply).await;
        let found = found(private.target(&server.url()), "{}").await;
        assert_eq!(
            found.contains(&"tls.clock-skewed medium".to_owned()),
            skewed,
            "{age}: {found:?}"
        );
    }
}

/// A server of `PostgreSQL`'s opening that changes to TLS, or will not.
async fn postgres(
    identity: Option<&Identity>,
) -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = identity.map(|identity| identity.server_config(&[]));
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 8];
            if stream.read_exact(&mut request).await.is_err() {
                continue;
            }
            let answer = if config.is_some() { b"S" } else { b"N" };
            if stream.write_all(answer).await.is_err() {
                continue;
            }
            if let Some(config) = config.clone() {
                // A hello that rustls refuses is the client's business.
                drop(tokio_rustls::TlsAcceptor::from(config).accept(stream).await);
            }
        }
    });
    (address, task)
}

#[tokio::test]
async fn tls_is_found_behind_plain_text() {
    let private = Private::new();
    let identity = private.authority.issue(&Leaf::localhost().expired());
    for (identity, expected) in
        [(Some(&identity), vec!["tls.expired critical"]), (None, vec!["tls.starttls-missing high"])]
    {
        let (address, task) = postgres(identity).await;
        let target = private.target("https://localhost/");
        let settings = format!(r#"{{"starttls": "postgres", "port": {}}}"#, address.port());
        assert_eq!(found(target, &settings).await, expected);
        task.abort();
    }
}

#[tokio::test]
async fn a_chain_of_a_hundred_certificates_is_read_and_found_out_of_order() {
    let private = Private::new();
    let identity = private.authority.issue(&Leaf::localhost());
    let strangers = private.authority.issue(&Leaf::new(["stranger.test"])).leaf_der();
    let mut chain = identity.chain_der();
    chain.extend(std::iter::repeat_n(strangers, 99));
    let config = rustls::ServerConfig::builder_with_provider(crate::net::trust::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, identity.key_der())
        .unwrap();
    let server = HttpServer::start_tls(config.into(), |_| Reply::text(200, "ok")).await;
    let target = private.target(&server.url());
    let (_, evidence) = observed(target, "{}", Impact::Passive).await;
    assert_eq!((evidence.looks[0].sent, evidence.looks[0].chain.len()), (100, 100));
    let said = found(private.target(&server.url()), "{}").await;
    assert_eq!(said, ["tls.chain-order low"]);
}
