//! Names that `search` and `ndots` of resolv.conf(5) complete, and those of the hosts file.

use hickory_resolver::Hosts;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::proto::rr::Name;
use musterd_test_support::dns::{Answer, DnsServer, Zone};

use crate::net::failure::FailureKind;
use crate::net::lookup::{Dns, Miss};

/// As a machine whose resolv.conf searches `cluster.test` and `lan.test`.
fn machine(server: &DnsServer, ndots: usize, hosts: &str) -> Dns {
    let mut udp = ConnectionConfig::udp();
    udp.port = server.addr().port();
    let servers = vec![NameServerConfig::new(server.addr().ip(), true, vec![udp])];
    let search = ["cluster.test", "lan.test"].map(|domain| domain.parse::<Name>().unwrap());
    let config = ResolverConfig::from_parts(None, search.into(), servers);
    let mut options = ResolverOpts::default();
    options.ndots = ndots;
    let mut known = Hosts::default();
    known.read_hosts_conf(hosts.as_bytes()).unwrap();
    Dns::new(config, options, known).unwrap()
}

/// The addresses, `ours`, or what the name servers say of the name.
async fn look_up(dns: &Dns, host: &str) -> String {
    match dns.addresses(host).await {
        Ok(addresses) => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        Err(Miss::Ours(_)) => "ours".to_owned(),
        Err(Miss::Evidence(failure)) => {
            assert!(failure.detail.contains(host), "{failure:?}");
            match failure.kind {
                FailureKind::NameUnknown => "unknown".to_owned(),
                other => format!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn short_names_are_completed_and_the_first_that_has_addresses_counts() {
    let zone = Zone::new()
        .answer("api.cluster.test", Answer::addresses(["127.0.0.1"]))
        .answer("api.lan.test", Answer::addresses(["127.0.0.2"]))
        .answer("printer.lan.test", Answer::addresses(["127.0.0.3"]))
        .answer("api", Answer::addresses(["127.0.0.4"]))
        .answer("shop.example", Answer::addresses(["127.0.0.5"]))
        .answer("empty", Answer::NoData);
    let server = DnsServer::start(zone).await;
    for (ndots, host, found) in [
        (1, "api", "127.0.0.1"),
        (5, "api", "127.0.0.1"),
        (0, "api", "127.0.0.4"),
        (1, "api.", "127.0.0.4"),
        (1, "printer", "127.0.0.3"),
        (5, "shop.example", "127.0.0.5"),
        (1, "nobody", "unknown"),
        (5, "nobody.example", "unknown"),
        (1, "empty", "NoAddress"),
    ] {
        assert_eq!(look_up(&machine(&server, ndots, ""), host).await, found, "{host} {ndots}");
    }
}

#[tokio::test]
async fn a_server_that_fails_hides_behind_no_other_candidate() {
    let zone = Zone::new()
        .answer("shop.example", Answer::ServFail)
        .answer("shop.example.lan.test", Answer::addresses(["127.0.0.9"]))
        .answer("api.cluster.test", Answer::ServFail)
        .answer("db.cluster.test", Answer::ServFail)
        .answer("db.lan.test", Answer::addresses(["127.0.0.2"]));
    let server = DnsServer::start(zone).await;
    for (ndots, host, found) in [
        (1, "shop.example", "ours"),
        (1, "api", "ours"),
        (5, "api", "ours"),
        (1, "db", "127.0.0.2"),
    ] {
        assert_eq!(look_up(&machine(&server, ndots, ""), host).await, found, "{host} {ndots}");
    }
}

#[tokio::test]
async fn a_name_that_is_there_does_not_become_another_host_for_want_of_an_answer() {
    let zone = Zone::new()
        .answer("shop.example", Answer::NxDomain)
        .answer("shop.example.lan.test", Answer::addresses(["127.0.0.9"]));
    let server = DnsServer::start(zone).await;
    // As resolv.conf(5) has it: only a name that does not exist is completed.
    assert_eq!(look_up(&machine(&server, 1, ""), "shop.example").await, "127.0.0.9");
    assert_eq!(look_up(&machine(&server, 1, ""), "shop.example.").await, "unknown");
}

#[tokio::test]
async fn the_hosts_file_comes_first_whatever_is_searched() {
    let server = DnsServer::start(Zone::new()).await;
    let hosts = "127.0.0.7 db.internal db\n::1 db.internal\n";
    for ndots in [0, 1, 5] {
        let dns = machine(&server, ndots, hosts);
        assert_eq!(look_up(&dns, "db.internal").await, "::1 127.0.0.7");
        assert_eq!(look_up(&dns, "DB").await, "127.0.0.7");
    }
    assert_eq!(server.queries(), []);
}
