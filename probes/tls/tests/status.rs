//! Rules of what authorities and the DNS say of a certificate: stapled status, and CAA records.

use std::sync::Arc;

use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::dns::{Answer, DnsServer, Zone};
use musterd_test_support::http::{HttpServer, Reply};
use serde_json::{Value, json};

use super::samples::{DAY, NOW, at, findings, sound, untested, with};
use crate::context::Context;
use crate::contract::Kind as _;
use crate::impact::Impact;
use crate::net::resolve::Resolver;
use crate::net::target::Target;
use crate::testing;
use crate::tls::Tls;
use crate::tls::evidence::Caa;

fn stapled(staple: &Value, must_staple: bool) -> Value {
    let mut evidence = with("/looks/0/stapled", json!(true));
    evidence["looks"][0]["staple"] = staple.clone();
    evidence["looks"][0]["chain"][0]["must_staple"] = json!(must_staple);
    evidence
}

#[test]
fn a_staple_is_judged_by_what_it_says_and_when() {
    let over = at(-DAY);
    let fresh = |verdict: Value| json!({"verdict": verdict, "this_update": at(-DAY), "next_update": at(DAY)});
    for (staple, must, fires) in [
        (fresh(json!("good")), true, vec![]),
        (json!({"verdict": "good", "this_update": NOW}), true, vec![]),
        // A minute is a matter of clocks.
        (json!({"verdict": "good", "this_update": at(60), "next_update": at(-60)}), true, vec![]),
        (fresh(json!({"revoked": over})), false, vec!["revoked [CN=shop.example] high"]),
        (fresh(json!("unknown")), false, vec!["staple-invalid [CN=shop.example] medium"]),
        (fresh(json!("other")), false, vec!["staple-invalid [CN=shop.example] medium"]),
        (json!({"verdict": "unreadable"}), true, vec!["staple-invalid [CN=shop.example] high"]),
        (
            json!({"verdict": {"declined": "tryLater"}}),
            true,
            vec!["staple-invalid [CN=shop.example] high"],
        ),
        (
            json!({"verdict": "good", "this_update": at(-8 * DAY), "next_update": over}),
            false,
            vec!["staple-invalid [CN=shop.example] medium"],
        ),
        (
            json!({"verdict": "good", "this_update": at(DAY)}),
            false,
            vec!["staple-invalid [CN=shop.example] medium"],
        ),
    ] {
        assert_eq!(findings("{}", &stapled(&staple, must)), fires, "{staple} {must}");
    }
    assert_eq!(untested(&sound(), "revoked").as_deref(), Some("no status is stapled"));
}

fn caa(issuer: &str, wildcard: bool, records: &[(&str, &str)]) -> Value {
    let records: Vec<Value> =
        records.iter().map(|(tag, value)| json!({"tag": tag, "value": value})).collect();
    let found = json!({"at": "example", "records": records});
    let mut evidence = with("/looks/0/chain/0/issuer", json!(issuer));
    evidence["caa"] = json!({"found": {"wildcard": wildcard, "records": found}});
    evidence
}

const LETS_ENCRYPT: &str = "C=US, O=Let's Encrypt, CN=E7";

#[test]
fn caa_records_let_the_authority_issue_or_not() {
    let fires = ["caa-excludes-issuer [] medium"];
    let sectigo = "C=GB, O=Sectigo Limited, CN=Sectigo Public Server Authentication CA DV E36";
    for (issuer, wildcard, records) in [
        (LETS_ENCRYPT, false, &[][..]),
        (LETS_ENCRYPT, false, &[("issue", "letsencrypt.org")]),
        (LETS_ENCRYPT, false, &[("issue", " LetsEncrypt.org ; validationmethods=dns-01")]),
        (LETS_ENCRYPT, false, &[("issue", "digicert.com"), ("issue", "letsencrypt.org")]),
        // Only reports are restricted, or only wildcards.
        (LETS_ENCRYPT, false, &[("iodef", "mailto:security@shop.example")]),
        (LETS_ENCRYPT, false, &[("issuewild", ";")]),
        (LETS_ENCRYPT, true, &[("issue", "letsencrypt.org")]),
        (LETS_ENCRYPT, true, &[("issue", ";"), ("issuewild", "letsencrypt.org")]),
        (sectigo, false, &[("issue", "comodoca.com")]),
        (
            "C=US, O=Google Trust Services, CN=WE1",
            false,
            &[("issue", "pki.goog; cansignhttpexchanges=yes")],
        ),
    ] {
        assert_eq!(
            findings("{}", &caa(issuer, wildcard, records)),
            [""; 0],
            "{issuer} {records:?}"
        );
    }
    for (issuer, wildcard, records) in [
        (LETS_ENCRYPT, false, &[("issue", "digicert.com")][..]),
        (LETS_ENCRYPT, false, &[("issue", ";")]),
        (LETS_ENCRYPT, false, &[("issue", "")]),
        (LETS_ENCRYPT, true, &[("issue", "letsencrypt.org"), ("issuewild", ";")]),
        (LETS_ENCRYPT, true, &[("issue", "digicert.com")]),
        (sectigo, false, &[("issue", "letsencrypt.org")]),
    ] {
        assert_eq!(findings("{}", &caa(issuer, wildcard, records)), fires, "{issuer} {records:?}");
    }
    let mut critical = caa(LETS_ENCRYPT, false, &[("issue", "letsencrypt.org"), ("odd", "1")]);
    critical["caa"]["found"]["records"]["records"][1]["critical"] = json!(true);
    assert_eq!(findings("{}", &critical), fires);
}

#[test]
fn what_caa_records_cannot_tell_is_untested_or_undetermined() {
    let why = |evidence: &Value| untested(evidence, "caa-excludes-issuer").unwrap_or_default();
    assert!(why(&sound()).contains("set `caa: true`"));
    let restricted = [("issue", "digicert.com")];
    assert!(why(&caa("O=Nobody Knows", false, &restricted)).contains("is not known here"));
    let mut own = caa(LETS_ENCRYPT, false, &restricted);
    own["looks"][0]["chain"][1]["under_public_root"] = json!(false);
    assert!(why(&own).contains("public authorities alone"));
    let silent = with("/caa", json!({"unknown": "the name server answered SERVFAIL"}));
    assert_eq!(findings("{}", &silent), ["undetermined [CAA] low"]);
    assert!(why(&silent).contains("SERVFAIL"));
}

async fn looked_up(zone: Zone, host: &str, leaf: &Leaf) -> (Caa, Vec<String>) {
    let server =
        HttpServer::start_tls(Authority::new().issue(leaf).server_config(&["http/1.1"]), |_| {
            Reply::text(200, "ok")
        })
        .await;
    let dns = DnsServer::start(zone).await;
    let url = format!("https://{host}:{}/", server.addr().port());
    let mut target = Target::new("test", url.parse().unwrap());
    target.connect_to = Some(server.addr());
    target.resolver = Some(Resolver::server(dns.addr()));
    let run = testing::run(Impact::Passive);
    let cx = Context::new(Arc::new(testing::network()), Arc::new(target), run);
    let probe = testing::probe::<Tls>(r#"{"caa": true}"#);
    let evidence = probe.observe(&cx).await.unwrap();
    let asked = dns.queries().into_iter().filter(|query| query.record_type == 257);
    (evidence.caa, asked.map(|query| query.name).collect())
}

#[tokio::test]
async fn the_closest_records_hold() {
    let zone = || {
        let records = Answer::caa([(0, "issue", "letsencrypt.org"), (128, "odd", "1")]);
        Zone::new().answer("shop.test", records).answer("a.b.shop.test", Answer::NoData)
    };
    let leaf = Leaf::new(["a.b.shop.test"]);
    let (found, asked) = looked_up(zone(), "a.b.shop.test", &leaf).await;
    let Caa::Found { wildcard: false, records } = found else { panic!("{found:?}") };
    assert_eq!(records.at, "shop.test");
    let tags: Vec<(bool, &str, &str)> =
        records.records.iter().map(|r| (r.critical, r.tag.as_str(), r.value.as_str())).collect();
    assert_eq!(tags, [(false, "issue", "letsencrypt.org"), (true, "odd", "1")]);
    assert_eq!(asked, ["a.b.shop.test", "b.shop.test", "shop.test"]);
    // What is renewed is the wildcard.
    let (found, asked) = looked_up(zone(), "a.shop.test", &Leaf::new(["*.shop.test"])).await;
    assert!(matches!(&found, Caa::Found { wildcard: true, .. }), "{found:?}");
    assert_eq!(asked, ["shop.test"]);
    let (found, asked) = looked_up(Zone::new(), "shop.test", &Leaf::new(["shop.test"])).await;
    assert!(matches!(&found, Caa::Found { records, .. } if records.records.is_empty()));
    assert_eq!(asked, ["shop.test", "test"]);
}

#[tokio::test]
async fn a_name_server_that_does_not_know_is_not_taken_for_no_records() {
    let zone = Zone::new().answer("shop.test", Answer::ServFail);
    let (found, _) = looked_up(zone, "shop.test", &Leaf::new(["shop.test"])).await;
    assert!(
        matches!(&found, Caa::Unknown(why) if why.contains("SERVFAIL") || why.contains("Server Failure")),
        "{found:?}"
    );
    let (found, asked) = looked_up(Zone::new(), "127.0.0.1", &Leaf::localhost()).await;
    assert!(matches!(&found, Caa::NotAsked(why) if why.contains("addresses")), "{found:?}");
    assert!(asked.is_empty());
}
