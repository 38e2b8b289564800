//! Names to addresses, and what a name server's silence or answer means.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::time::{Instant, timeout, timeout_at};

use crate::blind::{Blind, Cause};
use crate::net::failure::{Failure, FailureKind};
use crate::net::phase::Phase;

/// How long the second family's answer is awaited after the first (RFC 8305 section 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// Of a name's addresses, at most so many are tried.
pub const MOST_ADDRESSES: usize = 32;

/// Looks names up. Nothing is cached: a probe sees what a new visitor would see.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

enum Inner {
    Dns { resolver: TokioResolver, servers: String },
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
            .and_then(|(config, mut options)| {
                options.use_hosts_file = ResolveHosts::Always;
                build(config, options)
            });
        match built {
            Ok(inner) => Self(Arc::new(inner)),
            Err(why) => Self(Arc::new(Inner::Absent(why))),
        }
    }

    /// This name server alone, over UDP, and over TCP where UDP does not suffice.
    pub fn server(address: SocketAddr) -> Self {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        let server = NameServerConfig::new(address.ip(), true, connections.into());
        let config = ResolverConfig::from_name_servers(vec![server]);
        let mut options = ResolverOpts::default();
        options.use_hosts_file = ResolveHosts::Never;
        match build(config, options) {
            Ok(inner) => Self(Arc::new(inner)),
            Err(why) => Self(Arc::new(Inner::Absent(why))),
        }
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
            Inner::Absent(why) => Err(Blind::new(
                Cause::Resolver,
                format!("no name server to look {host} up: {why}"),
            )),
            Inner::Dns { resolver, servers } => {
                match timeout_at(deadline, both_families(resolver, host)).await {
                    Ok(Ok(addresses)) => Ok(Ok(addresses)),
                    Ok(Err(Miss::Evidence(failure))) => Ok(Err(failure)),
                    Ok(Err(Miss::Ours(why))) => Err(Blind::new(
                        Cause::Resolver,
                        format!("{host} could not be looked up: {why} ({servers})"),
                    )),
                    Err(_) => Err(Blind::new(
                        Cause::Resolver,
                        format!("{host} could not be looked up: no name server answered in time ({servers})"),
                    )),
                }
            }
        }
    }
}

fn build(config: ResolverConfig, mut options: ResolverOpts) -> Result<Inner, String> {
    options.timeout = Duration::from_secs(3);
    options.attempts = 2;
    options.positive_max_ttl = Some(Duration::ZERO);
    options.negative_max_ttl = Some(Duration::ZERO);
    let mut servers: Vec<String> = config
        .name_servers()
        .iter()
        .map(|server| {
            let port = server.connections.first().map_or(53, |connection| connection.port);
            SocketAddr::new(server.ip, port).to_string()
        })
        .collect();
    servers.sort();
    servers.dedup();
    if servers.is_empty() {
        return Err("none is configured".to_owned());
    }
    let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(options)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Inner::Dns { resolver, servers: servers.join(", ") })
}

/// Why a lookup gave no address.
#[derive(Debug)]
enum Miss {
    Evidence(Failure),
    Ours(String),
}

async fn both_families(resolver: &TokioResolver, host: &str) -> Result<Vec<IpAddr>, Miss> {
    let v6 = lookup(resolver, host, RecordType::AAAA);
    let v4 = lookup(resolver, host, RecordType::A);
    tokio::pin!(v6, v4);
    let (first, second) = tokio::select! {
        first = &mut v6 => {
            let second = if first.is_ok() {
                timeout(RESOLUTION_DELAY, v4).await.ok()
            } else {
                Some(v4.await)
            };
            (first, second)
        }
        first = &mut v4 => {
            let second = if first.is_ok() {
                timeout(RESOLUTION_DELAY, v6).await.ok()
            } else {
                Some(v6.await)
            };
            (first, second)
        }
    };
    let mut addresses = Vec::new();
    let mut misses = Vec::new();
    for answer in [Some(first), second].into_iter().flatten() {
        match answer {
            Ok(found) => addresses.extend(found),
            Err(miss) => misses.push(miss),
        }
    }
    if !addresses.is_empty() {
        addresses.truncate(MOST_ADDRESSES);
        return Ok(addresses);
    }
    // That a name does not exist is true of every family; that it has no address is known only
    // when both families were answered.
    let nx = |miss: &Miss| matches!(miss, Miss::Evidence(f) if f.kind == FailureKind::NameUnknown);
    if let Some(position) = misses.iter().position(nx) {
        return Err(misses.swap_remove(position));
    }
    let ours = misses.iter().position(|miss| matches!(miss, Miss::Ours(_))).unwrap_or(0);
    Err(misses.swap_remove(ours))
}

async fn lookup(
    resolver: &TokioResolver,
    host: &str,
    family: RecordType,
) -> Result<Vec<IpAddr>, Miss> {
    match resolver.lookup(host, family).await {
        Ok(lookup) => {
            let found: Vec<IpAddr> = lookup
                .answers()
                .iter()
                .filter_map(|record| match &record.data {
                    RData::A(a) => Some(IpAddr::V4(a.0)),
                    RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
                    _ => None,
                })
                .collect();
            if found.is_empty() { Err(Miss::Evidence(no_address(host))) } else { Ok(found) }
        }
        Err(error) => Err(miss(host, &error)),
    }
}

fn miss(host: &str, error: &NetError) -> Miss {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => Miss::Evidence(unknown(host)),
            ResponseCode::NoError => Miss::Evidence(no_address(host)),
            code => Miss::Ours(format!("the name server answered {code}")),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => {
            Miss::Ours(format!("the name server answered {code}"))
        }
        NetError::Timeout => Miss::Ours("no name server answered in time".to_owned()),
        other => Miss::Ours(other.to_string()),
    }
}

fn unknown(host: &str) -> Failure {
    Failure::new(
        Phase::Resolve,
        FailureKind::NameUnknown,
        format!("the name {host} does not exist (NXDOMAIN)"),
    )
}

fn no_address(host: &str) -> Failure {
    Failure::new(
        Phase::Resolve,
        FailureKind::NoAddress,
        format!("the name {host} has no address (NODATA)"),
    )
}
