//! OpenSSL as the server, with what rustls does not speak.

use std::process::Stdio;
use std::time::Duration;

use musterd_test_support::ca::{Authority, KeyKind, Leaf};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::fake::{Setting, context, target};
use super::handshakes::today;
use crate::contract::{Kind, Seen};
use crate::net::target::Target;
use crate::net::trust::Trust;
use crate::testing;
use crate::tls::Tls;
use crate::tls::evidence::{Evidence, Surveyed};
use crate::tls::survey::{Ask, Standing, Survey};
use crate::tls::wire::suite::{Class, Suite};
use crate::tls::wire::version::Version;

/// `openssl s_server`; it ends when dropped.
struct OpenSsl {
    _child: Child,
    port: u16,
    dir: TempDir,
}

impl OpenSsl {
    /// A server with an RSA key that the authority in its directory vouches for.
    async fn start(options: &[&str]) -> Self {
        let authority = Authority::new();
        let identity = authority.issue(&Leaf::localhost().key(KeyKind::Rsa2048));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
        std::fs::write(dir.path().join("chain.pem"), identity.chain_pem()).unwrap();
        std::fs::write(dir.path().join("key.pem"), identity.key_pem()).unwrap();
        Self::serve(dir, options).await
    }

    /// A server of the certificate and key in this directory.
    async fn serve(dir: TempDir, options: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        command.args([
            "s_server",
            "-accept",
            "127.0.0.1:0",
            "-cert",
            "chain.pem",
            "-key",
            "key.pem",
        ]);
        command.args(options).current_dir(dir.path()).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("openssl is installed");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().expect("it says where it listens");
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.rsplit(':').next().unwrap().trim().parse().unwrap();
            }
        };
        // What it prints afterwards must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { _child: child, port, dir }
    }

    fn target(&self) -> Target {
        let ca = self.dir.path().join("ca.pem");
        let trust = Trust::new(ca.exists().then_some(ca), None);
        Target { trust, ..target(&format!("https://localhost:{}", self.port)) }
    }

    async fn observed(&self, settings: &str, deep: bool) -> Evidence {
        let setting = Setting { deep, timeout: Duration::from_secs(30), ..Setting::default() };
        let cx = context(self.target(), &setting);
        Kind::observe(&testing::probe::<Tls>(settings), &cx).await.unwrap()
    }
}

fn survey(evidence: &Evidence) -> &Survey {
    match &evidence.survey {
        Surveyed::Done(survey) => survey,
        Surveyed::No(why) => panic!("{why}: {:?}", evidence.looks),
    }
}

fn found(evidence: &Evidence) -> Vec<String> {
    let probe = testing::probe::<Tls>("{}");
    let judgement = Kind::judge(&probe, &Seen { now: evidence, earlier: &[] }, today());
    judgement
        .findings
        .iter()
        .filter(|finding| finding.about.id != "tls.profile-missed")
        .map(|finding| format!("{} [{}] {}", finding.about.id, finding.subject, finding.severity))
        .collect()
}

const WEAK: &str = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";

#[tokio::test]
async fn versions_are_those_that_it_was_told_to_speak() {
    for (option, spoken) in [
        ("-tls1", Version::Tls10),
        ("-tls1_1", Version::Tls11),
        ("-tls1_2", Version::Tls12),
        ("-tls1_3", Version::Tls13),
    ] {
        let server = OpenSsl::start(&[option, "-cipher", WEAK]).await;
        let evidence = server.observed("{}", false).await;
        for version in Version::ALL {
            let speaks = survey(&evidence).speaks(version);
            assert_eq!(speaks, Some(version == spoken), "{option} {version}");
        }
        // Older versions show their chain to us alone.
        assert_eq!(evidence.looks[0].chain.len(), 1, "{option}");
    }
}

#[tokio::test]
async fn everything_weak_that_it_offers_is_found() {
    let server = OpenSsl::start(&["-cipher", WEAK, "-tls1_2"]).await;
    let evidence = server.observed("{}", false).await;
    let survey = survey(&evidence);
    for class in [Class::Unprotected, Class::Cbc, Class::StaticRsa] {
        let standing = survey.standing(Ask::Class(class));
        assert!(matches!(standing, Standing::Offered(_)), "{class:?}: {standing:?}");
    }
    for class in [Class::Export, Class::Rc4] {
        assert_eq!(survey.standing(Ask::Class(class)), Standing::Refused, "{class:?}");
    }
    let found = found(&evidence);
    for expected in [
        "tls.protocol-obsolete [TLS 1.3] low",
        "tls.cipher-weak [NULL or anonymous] high",
        "tls.cipher-weak [RSA key exchange] low",
        "tls.cipher-weak [CBC] info",
    ] {
        assert!(found.iter().any(|finding| finding == expected), "{found:#?}");
    }
    assert!(!found.iter().any(|finding| finding.contains("undetermined")), "{found:#?}");
}

#[tokio::test]
async fn the_defaults_of_today_are_sound() {
    let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
    let server = OpenSsl::start(&["-cipher", ciphers, "-groups", "X25519:P-256"]).await;
    let evidence = server.observed("{}", false).await;
    assert_eq!(found(&evidence), [""; 0]);
    let survey = survey(&evidence);
    for group in [0x001D, 0x0017] {
        assert!(matches!(survey.standing(Ask::Group(group)), Standing::Offered(_)), "{group}");
    }
    let server = OpenSsl::start(&["-cipher", ciphers, "-groups", "P-256"]).await;
    let evidence = server.observed("{}", false).await;
    let standing = self::survey(&evidence).standing(Ask::Group(0x001D));
    assert_eq!(standing, Standing::Refused);
}

#[tokio::test]
async fn a_listing_is_the_list_that_it_was_given() {
    let ciphers =
        "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:ECDHE-RSA-AES256-SHA:NULL-SHA256:@SECLEVEL=0";
    let server = OpenSsl::start(&["-cipher", ciphers, "-tls1_2"]).await;
    let evidence = server.observed(r#"{"depth": "full"}"#, true).await;
    let listing = &survey(&evidence).listings[&Version::Tls12];
    let mut suites = listing.suites.clone();
    suites.sort();
    assert_eq!(
        suites,
        [
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            "TLS_RSA_WITH_NULL_SHA256",
        ]
    );
    assert_eq!(listing.cut, None);
}

/// Runs `openssl` in a directory to its end.
async fn openssl(dir: &std::path::Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).current_dir(dir).kill_on_drop(true);
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn what_rcgen_cannot_make_is_found_too() {
    let weak = "req -x509 -newkey rsa:1024 -nodes -keyout key.pem -out chain.pem -days 30";
    for (options, expected) in [
        (
            "-subj /CN=localhost -addext subjectAltName=DNS:localhost",
            "tls.key-weak [CN=localhost] high",
        ),
        ("-sha1 -subj /CN=localhost", "tls.signature-weak [CN=localhost] high"),
        ("-subj /CN=localhost", "tls.host-mismatch [CN=localhost] high"),
        (
            "-subj /CN=localhost -addext tlsfeature=status_request",
            "tls.staple-missing [CN=localhost] high",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        openssl(dir.path(), &format!("{weak} {options}")).await;
        let server = OpenSsl::serve(dir, &["-cipher", WEAK]).await;
        let setting = Setting { timeout: Duration::from_secs(30), ..Setting::default() };
        let url = format!("https://localhost:{}", server.port);
        let cx = context(target(&url), &setting);
        let evidence = Kind::observe(&testing::probe::<Tls>("{}"), &cx).await.unwrap();
        let found = found(&evidence);
        for expected in [expected, "tls.self-signed [CN=localhost] high"] {
            assert!(found.iter().any(|finding| finding == expected), "{options}: {found:#?}");
        }
    }
}

#[tokio::test]
async fn the_group_that_goes_with_a_small_key_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let request = "req -x509 -newkey rsa:1024 -nodes -keyout key.pem -out chain.pem -subj /CN=a";
    openssl(dir.path(), request).await;
    let server = OpenSsl::serve(dir, &["-cipher", WEAK, "-tls1_2"]).await;
    let evidence = server.observed("{}", false).await;
    let Standing::Offered(chosen) = survey(&evidence).standing(Ask::Dhe) else {
        panic!("{:?}", evidence.survey)
    };
    // OpenSSL takes the group of RFC 2409 by itself.
    assert_eq!((chosen.prime_bits, chosen.prime_common), (Some(1024), true));
    let found = found(&evidence);
    assert!(found.iter().any(|finding| finding == "tls.dh-weak [] high"), "{found:#?}");
}

/// The suites that OpenSSL's own client agrees on with a server, asked one by one.
async fn agreed(server: &OpenSsl, version: &str) -> Vec<String> {
    let mut command = Command::new("openssl");
    command.args(["ciphers", "-V", WEAK]);
    let output = command.output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let number = words.next().unwrap().replace("0x", "").replace(',', "");
        let name = words.nth(1).unwrap();
        let number = u16::from_str_radix(&number, 16).unwrap();
        if number >> 8 == 0x13 {
            continue;
        }
        let mut client = Command::new("openssl");
        let to = format!("127.0.0.1:{}", server.port);
        let cipher = format!("{name}:@SECLEVEL=0");
        client.args(["s_client", "-connect", &to, "-cipher", &cipher, version]);
        client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if client.status().await.unwrap().success() {
            found.push(Suite::name_of(number));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_listing_agrees_with_what_openssls_own_client_finds() {
    for (option, version) in [("-tls1_2", Version::Tls12), ("-tls1", Version::Tls10)] {
        let server = OpenSsl::start(&["-cipher", WEAK]).await;
        let expected = agreed(&server, option).await;
        assert!(expected.len() > 10, "{option}: {expected:?}");
        let evidence = server.observed(r#"{"depth": "full"}"#, true).await;
        let mut listed = survey(&evidence).listings[&version].suites.clone();
        listed.sort();
        assert_eq!(listed, expected, "{option}");
    }
}

/// A database line of `openssl ca` for the certificate, and the staple that its authority makes.
async fn staple(dir: &std::path::Path, status: &str) {
    let serial = Command::new("openssl")
        .args(["x509", "-noout", "-serial", "-in", "chain.pem"])
        .current_dir(dir)
        .output()
        .await
        .unwrap();
    let serial = String::from_utf8(serial.stdout).unwrap().trim().replace("serial=", "");
    let line = format!("{status}\t{serial}\tunknown\t/CN=localhost\n");
    std::fs::write(dir.join("index.txt"), line).unwrap();
    openssl(dir, "ocsp -issuer ca.pem -cert chain.pem -reqout request.der").await;
    openssl(
        dir,
        "ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -ndays 7 -reqin request.der -respout staple.der",
    )
    .await;
}

#[tokio::test]
async fn a_staple_of_openssls_own_responder_is_read() {
    for (status, expected) in [
        ("V\t351231000000Z\t", None),
        ("R\t351231000000Z\t261015120000Z", Some("tls.revoked [CN=localhost] high")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost";
        openssl(
            dir.path(),
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=authority",
        )
        .await;
        openssl(
            dir.path(),
            &format!("req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem {name}"),
        )
        .await;
        openssl(
            dir.path(),
            "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -copy_extensions copy -days 20 -out chain.pem",
        )
        .await;
        staple(dir.path(), status).await;
        let server = OpenSsl::serve(dir, &["-status_file", "staple.der"]).await;
        let evidence = server.observed("{}", false).await;
        let seen = evidence.looks[0].staple.as_ref().expect("a staple came");
        assert!(seen.this_update.is_some() && seen.next_update.is_some(), "{seen:?}");
        let found = found(&evidence);
        let revoked: Vec<&str> = found
            .iter()
            .map(String::as_str)
            .filter(|line| line.starts_with("tls.revoked"))
            .collect();
        assert_eq!(revoked, Vec::from_iter(expected), "{found:#?}");
        assert!(!found.iter().any(|line| line.starts_with("tls.staple-invalid")), "{seen:?}");
    }
}
