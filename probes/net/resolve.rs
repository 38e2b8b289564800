//! Names to addresses, and what a name server's silence or answer means.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use hickory_resolver::Hosts;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use tokio::time::{Instant, timeout_at};

use crate::blind::{Blind, Cause};
use crate::net::caa;
use crate::net::failure::Failure;
use crate::net::lookup::{Dns, Miss, unknown};

/// Looks names up. Nothing is cached: a probe sees what a new visitor would see.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

enum Inner {
    Dns(Box<Dns>),
    /// Without a readable system configuration only literals and `localhost` are known.
    Absent(String),
    Fixed(HashMap<String, Vec<IpAddr>>),
}

/// Addresses, or what the name server said instead.
pub type Resolved = Result<Vec<IpAddr>, Failure>;

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// The machine's own: `/etc/resolv.conf` and `/etc/hosts`.
    pub fn system() -> Self {
        let built = hickory_resolver::system_conf::read_system_conf()
            .map_err(|error| error.to_string())
            .and_then(|(config, options)| {
                Dns::new(config, options, Hosts::from_system().unwrap_or_default())
            });
        Self::over(built)
    }

    /// This name server alone, over UDP, and over TCP where UDP does not suffice.
    pub fn server(address: SocketAddr) -> Self {
        let connections =
            [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = address.port();
                connection
            });
        let server = NameServerConfig::new(address.ip(), true, connections.into());
        let config = ResolverConfig::from_name_servers(vec![server]);
        Self::over(Dns::new(config, ResolverOpts::default(), Hosts::default()))
    }

    fn over(built: Result<Dns, String>) -> Self {
        Self(Arc::new(match built {
            Ok(dns) => Inner::Dns(Box::new(dns)),
            Err(why) => Inner::Absent(why),
        }))
    }

    /// Made-up names, for tests; other names do not exist.
    pub fn fixed(names: impl IntoIterator<Item = (String, Vec<IpAddr>)>) -> Self {
        Self(Arc::new(Inner::Fixed(names.into_iter().collect())))
    }

    /// The addresses of a host before `deadline`. Literal addresses and `localhost` (RFC 6761)
    /// need no name server. A name that does not exist or has no address is evidence; a name
    /// server that is silent or cannot answer is not the target's fault.
    pub async fn resolve(&self, host: &str, deadline: Instant) -> Result<Resolved, Blind> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Ok(vec![address]));
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            return Ok(Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]));
        }
        match &*self.0 {
            Inner::Fixed(names) => Ok(names.get(&name).cloned().ok_or_else(|| unknown(host))),
            Inner::Absent(why) => {
                Err(Blind::new(Cause::Resolver, format!("no name server to look {host} up: {why}")))
            }
            Inner::Dns(dns) => {
                let why = match timeout_at(deadline, dns.addresses(host)).await {
                    Ok(Ok(addresses)) => return Ok(Ok(addresses)),
                    Ok(Err(Miss::Evidence(failure))) => return Ok(Err(failure)),
                    Ok(Err(Miss::Ours(why))) => why,
                    Err(_) => "no name server answered in time".to_owned(),
                };
                let servers = dns.servers();
                Err(Blind::new(
                    Cause::Resolver,
                    format!("{host} could not be looked up: {why} ({servers})"),
                ))
            }
        }
    }

    /// A name's own CAA records; none where it has none or does not exist. In words, what kept
    /// the name servers from answering.
    pub async fn caa(&self, name: &str) -> Result<Vec<caa::Record>, String> {
        match &*self.0 {
            Inner::Fixed(_) => Ok(Vec::new()),
            Inner::Absent(why) => Err(format!("no name server to ask: {why}")),
            Inner::Dns(dns) => dns.caa(name).await,
        }
    }
}
